# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What binds a rollout on an arm to its scene, to an empty cell, and to who asked for it."""

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.task import Future

from robomd_msgs.action import ExecutePolicy
from robomd_ros.ros.cell_state import CellStateWatch, refusal
from robomd_ros.ros.driver import DriverWatch
from robomd_ros.ros.runtime import Ticker, unless

_NEWS = 1.0
"""s that the news of an empty cell, or of the scene just made, may take: a goal may overtake it."""
_CODES = ExecutePolicy.Result


class SceneBond:
    """Admits goals, and says why the rollout that runs may not go on.

    A token is good for one rollout: after it objects stand elsewhere than the scene says.
    """

    def __init__(self, node: Node, ticker: Ticker, on_driver_gone: Callable[[], None]) -> None:
        """Listen.

        Args:
            node: the executor's, in the cell's namespace.
            ticker: of the node.
            on_driver_gone: called when the diagnosis that drives the cell has died.
        """
        self._node = node
        self._ticker = ticker
        self._state = CellStateWatch(node)
        self._bound = False
        self._token = ""
        DriverWatch(node, on_driver_gone)

    @property
    def in_force(self) -> str:
        """Token of the scene in force; "" if there is none."""
        return self._state.token

    async def bind(self, goal: ExecutePolicy.Goal) -> tuple[int, str]:
        """Bind a rollout to the scene that its goal names.

        Returns:
            An error code of ExecutePolicy and why; NONE and "" where the goal is admitted.
        """
        await self._heard(goal.token)
        if reason := self._state.locked():
            return _CODES.LOCKED, reason
        state = self._state.newest
        if state is None:
            return _CODES.NO_SCENE, "no scene is in force; call apply_scene first"
        code, reason = refusal(state, goal)
        if code:
            return code, reason
        if not goal.token:
            return _CODES.WRONG_TOKEN, (
                "the goal names no scene token; an arm moves only for one who quotes the token "
                "that apply_scene answered"
            )
        if goal.token == self._token:
            return _CODES.WRONG_TOKEN, (
                f"the scene of token {goal.token!r} has had its rollout: objects may stand "
                "elsewhere now; apply the scene again"
            )
        self._token, self._bound = goal.token, True
        return _CODES.NONE, ""

    def broken(self) -> str:
        """Why the rollout that is bound may not go on; empty if it may, or if none is."""
        if not self._bound:
            return ""
        if reason := self._state.locked():
            return reason
        if self._state.token != self._token:
            return "the scene was changed while the rollout ran; find out who calls apply_scene"
        return ""

    def release(self) -> None:
        """The rollout has ended."""
        self._bound = False

    async def _heard(self, token: str) -> None:
        """Wait a little until the cell is unlocked and the scene of this token in force."""
        over = time.monotonic() + _NEWS

        def admits() -> bool:
            return not self._state.locked() and token in ("", self._state.token)

        if not admits():
            await unless(
                self._ticker,
                Future(executor=self._node.executor),
                lambda: admits() or time.monotonic() > over,
            )
