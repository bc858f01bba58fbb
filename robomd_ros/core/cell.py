# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Cell protocol: a place where trials run."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene


@runtime_checkable
class Cell(Protocol):
    """A robot with its camera and operator, or a simulator.

    A cell runs one trial at a time; `run` blocks. It is called from one thread only, `cancel`
    and `close` from any.
    """

    @property
    def name(self) -> str:
        """Unique name of the cell in a campaign."""
        ...

    def run(self, scene: Scene, seed: int) -> Trial:
        """Put the scene in force, execute the policy once and judge it.

        Returns:
            A Trial with index -1 and an image. A fault of the policy or of the cell that leaves
            the cell usable is a Trial whose outcome is INVALID with the reason.

        Raises:
            CellLostError: the cell is gone; the trial did not end.
        """
        ...

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        """Put the scene in force and return its first picture, (H, W, 3) uint8 RGB; no rollout.

        Raises:
            CellFault: no picture could be taken.
        """
        ...

    def available(self) -> bool:
        """Whether a trial could start now; cheap, never blocks. A lost cell may return."""
        ...

    def cancel(self) -> None:
        """Ask a running `run` or `observe` to end soon; it then raises CellFault."""
        ...

    def close(self) -> None:
        """Free everything; idempotent."""
        ...
