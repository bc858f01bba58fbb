# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The child of a WorkerCell: a simulator that serves trials until its parent is gone."""

from collections.abc import Callable
from typing import Any

from robomd_ros.core.hosted.channel import Channel
from robomd_ros.core.hosted.serve import serve_calls


def serve(channel: Channel, options: Any) -> int:
    """Serve; the options as of `options_to_data`."""
    return serve_calls(channel, options, _Host, cancellable=True)


class _Host:
    """A simulation and a policy, called by name."""

    def __init__(self, options: Any, cancelled: Callable[[], bool]) -> None:
        # here, for a failure to import them is told to the parent like any other
        from sim_bridge import worker_data  # noqa: PLC0415
        from sim_bridge.cells import TrialRunner  # noqa: PLC0415

        self._data = worker_data
        self._cancelled = cancelled
        self._runner = TrialRunner(worker_data.options_from_data(options))

    def describe(self) -> dict[str, Any]:
        """Nothing that the parent must know."""
        return {}

    def observe(self, scene: list[Any], seed: int) -> tuple[Any, Any]:
        """The first picture of a scene, and where everything is."""
        image = self._runner.observe(self._data.scene_from_data(scene), seed)
        return image, self._places()

    def run(
        self, scene: list[Any], seed: int, instruction: str, longest: float
    ) -> tuple[Any, Any, Any]:
        """Outcome and first picture of one rollout, and where everything is after it."""
        rollout = self._runner.run(
            self._data.scene_from_data(scene), seed, self._cancelled, instruction, longest
        )
        outcome = self._data.outcome_to_data(rollout.outcome)
        return outcome, rollout.image, self._places()

    def _places(self) -> tuple[Any, Any]:
        return self._runner.joint_positions(), self._runner.poses()
