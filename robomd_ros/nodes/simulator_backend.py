# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The back end `simulator` of the perturbation node: scenes are made by sim/apply_scene."""

import time
from typing import Any, Protocol

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node

from robomd_msgs.action import ApplyScene
from robomd_ros.ros.cell_state import CellStatePublisher
from robomd_ros.ros.runtime import Ticker, cancel_late, finish, in_thread, unless

_CANCEL_GRACE = 1.0
"""s without a sign of life after which the simulator's answer to a cancellation is not awaited."""


class SceneMaker(Protocol):
    """Puts scenes in force for goals of apply_scene."""

    async def apply_scene(self, handle: Any) -> ApplyScene.Result:
        """Execute a goal and end it."""

    def cancel(self) -> None:
        """End the running goal soon."""


class OwnSimulator(SceneMaker, Protocol):
    """A simulator in the process of the perturbation node."""

    state: CellStatePublisher
    """Says which scene is in force."""


class _Watch:
    """Whether the simulator still works on a goal; passes its feedback on."""

    def __init__(self, handle: Any, timeout: float) -> None:
        self._handle = handle
        self._timeout = timeout
        self._last_sign = time.monotonic()

    def pass_on(self, message: Any) -> None:
        """Take feedback of the simulator, which is ours too."""
        self._last_sign = time.monotonic()
        if self._handle.is_active:
            self._handle.publish_feedback(message.feedback)

    def over(self) -> bool:
        """Whether to wait no longer."""
        limit = _CANCEL_GRACE if self._handle.is_cancel_requested else self._timeout
        return time.monotonic() - self._last_sign > limit

    @property
    def reason(self) -> str:
        """What went wrong."""
        if self._handle.is_cancel_requested:
            return "cancelled"
        return f"the simulator is silent for {self._timeout:g} s; is sim_bridge_node up?"


class SimulatorBackend:
    """Forwards goals as they are; the simulator's results and feedback are ours."""

    def __init__(self, node: Node, ticker: Ticker, timeout: float) -> None:
        """Connect to sim/apply_scene.

        Args:
            node: the perturbation node.
            ticker: of the node.
            timeout: for the simulator to be there, and between its signs of life, s.
        """
        self._node = node
        self._ticker = ticker
        self._timeout = timeout
        self._client = ActionClient(node, ApplyScene, "sim/apply_scene")
        self._goal: Any = None

    def cancel(self) -> None:
        """End the running goal soon."""
        if self._goal is not None:
            self._goal.cancel_goal_async()

    async def apply_scene(self, handle: Any) -> ApplyScene.Result:
        """Execute a goal of apply_scene."""
        timeout = self._timeout
        if not self._client.server_is_ready() and not await in_thread(
            self._node, "wait-simulator", lambda: self._client.wait_for_server(timeout)
        ):
            reason = f"sim/apply_scene is not offered after {timeout:g} s; is sim_bridge_node up?"
            return _ended(handle, ApplyScene.Result.CELL_FAULT, reason)
        watch = _Watch(handle, timeout)
        sending = self._client.send_goal_async(handle.request, watch.pass_on)
        goal = await unless(self._ticker, sending, watch.over)
        if goal is None:
            sending.add_done_callback(cancel_late)
            return _ended(handle, ApplyScene.Result.CELL_FAULT, watch.reason)
        if not goal.accepted:
            return _ended(handle, ApplyScene.Result.BUSY, "the simulator executes another goal")
        self._goal = goal
        if handle.is_cancel_requested:  # it came while the goal was on its way
            goal.cancel_goal_async()
        response = await unless(self._ticker, goal.get_result_async(), watch.over)
        self._goal = None
        if response is None:
            goal.cancel_goal_async()
            return _ended(handle, ApplyScene.Result.CELL_FAULT, watch.reason)
        if response.status != GoalStatus.STATUS_SUCCEEDED and not response.result.error_code:
            reason = "the simulator broke off without a reason; see the log of sim_bridge_node"
            return _ended(handle, ApplyScene.Result.CELL_FAULT, reason)
        return finish(handle, response.result)


def _ended(handle: Any, code: int, reason: str) -> ApplyScene.Result:
    return finish(handle, ApplyScene.Result(error_code=code, error_msg=reason))
