# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a campaign begins: with the picture of the nominal scene, where its search wants one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.campaign.dispatch import nominal_seed
from robomd_ros.core.campaign.stored import NOMINAL_PICTURE, CampaignFolder
from robomd_ros.core.cell import Cell
from robomd_ros.core.errors import CellFault, CellLostError
from robomd_ros.core.search import Search
from robomd_ros.core.search.agent_picture import agent_picture
from robomd_ros.core.variations import NOMINAL


@dataclass(frozen=True)
class Seen:
    """What came of a look at the nominal scene.

    Attributes:
        picture: (H, W, 3) uint8 RGB; None if there is none.
        reason: why there is none.
        lost: the cell went away.
    """

    picture: NDArray[np.uint8] | None
    reason: str = ""
    lost: bool = False


class Opening:
    """Gets the picture that every search episode starts from. Used under the campaign's lock."""

    def __init__(self, folder: CampaignFolder, search: Search) -> None:
        self._folder = folder
        self._search = search
        self._faults = 0
        self.begun = False
        """Whether the search can be asked."""
        self.observing = False
        """Whether a cell is looking."""

    def restore(self) -> None:
        """Begin at once, if the picture is stored or nobody wants it."""
        picture = self._folder.nominal_picture() if self._search.wants_images else None
        if picture is not None or not self._search.wants_images:
            self.begin(picture)

    def begin(self, picture: NDArray[np.uint8] | None) -> None:
        """Give the search its picture."""
        self._search.begin(picture)
        self.begun = True

    def look(self, cell: Cell) -> Seen:
        """Take and store the picture; blocks, and needs no lock."""
        try:
            picture = cell.observe(NOMINAL, nominal_seed(self._folder.config.seed))
            agent_picture(picture)
            self._folder.store_picture(NOMINAL_PICTURE, picture)
        except CellLostError as error:
            return Seen(None, f"cell lost: {error}", lost=True)
        except (CellFault, ValueError) as error:
            return Seen(None, str(error))
        return Seen(picture)

    def failed(self, cell: Cell, reason: str) -> str:
        """There is no picture.

        Returns:
            What to tell.

        Raises:
            CellFault: it was tried `max_attempts` times.
        """
        self._faults += 1
        problem = f"no picture of the nominal scene from {cell.name}: {reason}"
        if self._faults >= self._folder.config.max_attempts:
            raise CellFault(f"{problem} ({self._faults} times); check the cell's camera")
        return problem
