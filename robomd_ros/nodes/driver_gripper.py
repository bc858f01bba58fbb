# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A gripper behind an action of control_msgs/GripperCommand."""

import math
import time
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionClient
from rclpy.node import Node

from robomd_ros.arms.gripper.gripper import GripperFault, checked_closure
from robomd_ros.nodes.driver_messages import optional
from robomd_ros.ros.runtime import on_executor

_PATIENCE = 2.0
"""s for a goal to be accepted."""
_STALLED = 0.05
"""Share of the way between closed and commanded from which on something holds the fingers."""


class ActionGripper:
    """A Gripper; its position is that of its joint, if the driver measures it."""

    def __init__(self, node: Node, values: Any, measured: Callable[[], float | None]) -> None:
        """Prepare.

        Args:
            node: whose executor serves the action.
            values: ActionGripperParameters.
            measured: the joint's position as the driver has it; None: unknown.

        Raises:
            ConfigurationError: control_msgs is not installed, or open and closed are the same.
        """
        kinds = optional("control_msgs.action", "gripper: action", "or set gripper to none")
        self._kind = kinds.GripperCommand
        self._node, self._values, self._measured = node, values, measured
        self._client = ActionClient(node, self._kind, values["gripper_action"])
        self._wanted = math.nan
        self.holds_object = False
        """Its fingers were told to close and stand before their end."""

    def connect(self) -> None:
        """Nothing moves; GripperFault where nobody offers the action."""
        if not self._client.server_is_ready():
            raise GripperFault(
                f"nobody offers {self._values['gripper_action']}; start the gripper's driver"
            )

    def command(self, closure: float) -> None:
        """Start to move to a closure in [0, 1]; GripperFault if the goal is not accepted."""
        wanted = checked_closure(closure)
        self.connect()
        opened, closed = self._values["gripper_open"], self._values["gripper_closed"]
        goal = self._kind.Goal()
        goal.command.position = opened + wanted * (closed - opened)
        goal.command.max_effort = self._values["gripper_effort"]
        answered = on_executor(self._node, lambda: self._client.send_goal_async(goal))
        until = time.monotonic() + _PATIENCE
        while not answered.done():
            if time.monotonic() > until:
                raise GripperFault(f"the gripper did not take its goal within {_PATIENCE:g} s")
            time.sleep(0.01)
        if not answered.result().accepted:
            raise GripperFault("the gripper's driver refused the goal; see its log")
        self._wanted = wanted

    def position(self) -> float:
        """The present closure; NaN where it is not measured. GripperFault."""
        self.connect()
        position = self._measured()
        opened, closed = self._values["gripper_open"], self._values["gripper_closed"]
        if position is None or opened == closed:
            self.holds_object = self._wanted > 0.5
            return math.nan
        closure = min(1.0, max(0.0, (position - opened) / (closed - opened)))
        self.holds_object = self._wanted > 0.5 and closure < self._wanted - _STALLED
        return closure

    def recover(self) -> None:
        """Nothing is known to be done; the next command is tried."""

    def close(self) -> None:
        """The gripper holds what it holds."""
