# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Asks the arm of a cell to go home, under the lease where its node grants one."""

import time
from collections.abc import Callable

from rclpy.action import ActionClient
from rclpy.node import Node
from std_srvs.srv import Trigger

from robomd_msgs.action import MoveToJoints
from robomd_ros.nodes.motion_lease import MotionLease
from robomd_ros.ros.runtime import Ticker, cancel_late, unless


class Homing:
    """A client of `move_to_joints`, and of `home` for arms that know no lease."""

    def __init__(self, node: Node, ticker: Ticker, lease: MotionLease) -> None:
        """Prepare.

        Args:
            node: in the cell's namespace.
            ticker: of the node.
            lease: quoted with every move.
        """
        self._ticker = ticker
        self._lease = lease
        self._mover = ActionClient(node, MoveToJoints, "move_to_joints")
        self._home = node.create_client(Trigger, "home")
        self._stop_motion = node.create_client(Trigger, "stop_motion")

    async def go(self, limit: float, unwanted: Callable[[], bool]) -> str:
        """Move home; why the arm is not there, empty if it is.

        Args:
            limit: s that the way may take.
            unwanted: asked often; when true the arm is stopped on its way.
        """
        over_at = time.monotonic() + limit

        def over() -> bool:
            return time.monotonic() > over_at or unwanted()

        late = f"the arm was not home within {limit:g} s"
        if self._lease.name:
            return await self._by_action(over, late)
        return await self._by_service(over, late)

    async def _by_action(self, over: Callable[[], bool], late: str) -> str:
        goal = MoveToJoints.Goal(lease=self._lease.name, home=True)
        sent = self._mover.send_goal_async(goal)
        handle = await unless(self._ticker, sent, over)
        if handle is None:
            sent.add_done_callback(cancel_late)
            return late
        if not handle.accepted:
            return "the arm did not go home: another move is being done"
        answer = await unless(self._ticker, handle.get_result_async(), over)
        if answer is None:
            handle.cancel_goal_async()
            return late
        end = answer.result
        return f"the arm did not go home: {end.error_msg}" if end.error_code else ""

    async def _by_service(self, over: Callable[[], bool], late: str) -> str:
        if not self._home.service_is_ready():
            return f"nobody offers the service {self._home.srv_name}; start the arm's node"
        answer = await unless(self._ticker, self._home.call_async(Trigger.Request()), over)
        if answer is not None:
            return "" if answer.success else f"the arm did not go home: {answer.message}"
        self.stop()
        return late

    def stop(self) -> None:
        """Have the arm stopped, until somebody recovers it; returns at once."""
        if self._stop_motion.service_is_ready():
            self._stop_motion.call_async(Trigger.Request())
