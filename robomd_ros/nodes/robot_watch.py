# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether the robot of a cell is ready, and its recovery after a stop."""

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from robomd_msgs.msg import RobotStatus
from robomd_ros.core.cell_watch.rollout_watch import GRIPPER_FAULT
from robomd_ros.ros.conversions import facts_from_msg
from robomd_ros.ros.qos import LATCHED
from robomd_ros.ros.runtime import Ticker, unless

_SETTLE = 3.0
"""s after a recovery within which the robot says that it is ready."""
_RESTART = 5.0
"""s for a control connection that was lost to be made anew by itself."""


class RobotWatch:
    """Follows robot_status where somebody publishes it in the cell; calls recover where offered."""

    def __init__(
        self, node: Node, ticker: Ticker, timeout: float, on_ready: Callable[[], None]
    ) -> None:
        """Subscribe.

        Args:
            node: in the cell's namespace.
            ticker: of the node.
            timeout: for the service `recover` to answer, s.
            on_ready: called whenever the robot has become ready.
        """
        self._node = node
        self._ticker = ticker
        self._timeout = timeout
        self._on_ready = on_ready
        self._status: RobotStatus | None = None
        self._failure = ""
        self.also: Callable[[], str] = lambda: ""
        """What else keeps the cell from working, as sentences; empty if nothing."""
        self._subscription = node.create_subscription(
            RobotStatus, "robot_status", self._on_status, LATCHED
        )
        self._recover = node.create_client(Trigger, "recover")

    @property
    def present(self) -> bool:
        """Whether a robot has said anything, and its node is there."""
        return self._status is not None and bool(
            self._node.count_publishers(self._subscription.topic_name)
        )

    @property
    def moving(self) -> bool:
        """Whether the arm moves now, as far as it says so."""
        return self._status is not None and self.present and bool(self._status.moving)

    @property
    def away(self) -> bool:
        """Whether the arm says where it is, and that this is not home."""
        return bool(self.position) and self._status is not None and not self._status.at_home

    @property
    def position(self) -> str:
        """Where the arm is, for people; "" where there is none, or it does not say so."""
        return str(self._status.position) if self._status is not None and self.present else ""

    @property
    def holds_object(self) -> bool:
        """Whether the gripper holds something."""
        return self._status is not None and self.present and bool(self._status.holds_object)

    def problem(self) -> str:
        """Why the cell cannot work now, as sentences; empty if it can."""
        status = self._status
        if status is None or not self.present:
            return self.also()
        gripper = str(facts_from_msg(status.facts).get(GRIPPER_FAULT, ""))
        if status.ready and not gripper:
            return self.also()
        reason = gripper if status.ready else status.detail or "No reason"
        return " ".join(filter(None, (self._failure, sentence(reason))))

    async def recover(self) -> None:
        """Call the robot's recovery, if it has one, and give the status time to follow."""
        self._failure = ""
        if self._recover.service_is_ready():
            future = self._recover.call_async(Trigger.Request())
            over = _after(self._timeout)
            response = await unless(self._ticker, future, over)
            if response is None:
                self._failure = f"The recovery gave no answer within {self._timeout:g} s."
            elif not response.success:
                self._failure = sentence(f"The recovery failed: {response.message}")
        await self._ready_within(0.0 if self._failure else _SETTLE)

    async def mend_itself(self) -> None:
        """Give a robot that needs no person the time that its own restart takes."""
        status = self._status
        if status is not None and not status.needs_person:
            await self._ready_within(_RESTART)

    async def _ready_within(self, seconds: float) -> None:
        over = _after(seconds)
        await unless(
            self._ticker,
            Future(executor=self._node.executor),
            lambda: over() or not self.problem(),
        )

    def _on_status(self, message: RobotStatus) -> None:
        self._status = message
        if not self.problem():
            self._failure = ""
            self._on_ready()


def _after(seconds: float) -> Callable[[], bool]:
    limit = time.monotonic() + seconds
    return lambda: time.monotonic() >= limit


def sentence(text: str) -> str:
    """With a full stop, unless it has an end already."""
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
