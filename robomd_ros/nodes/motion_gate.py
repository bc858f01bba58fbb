# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a node that moves an arm hears of the cell, grants the lease and checks who commands."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator

from builtin_interfaces.msg import Time
from rclpy.node import Node

from robomd_msgs.msg import CellState
from robomd_msgs.srv import HoldMotion
from robomd_ros.arms.motion_guard import LeaseCode, MotionGuard, MotionRefused
from robomd_ros.ros.qos import LATCHED

_LOOK = 0.02
"""s between looks at whether what moves must stop."""
_GRAPH_PERIOD = 0.2
"""s between looks at whether the holder's node still is there."""


class MotionGate:
    """The ROS side of a MotionGuard, for any node that moves an arm.

    Subscribes to `cell_state` and offers `hold_motion`; a thread of its own looks whether the lease
    has ended or a person was asked to reach in, and then has the motion stopped, also while the
    node's executor is busy.
    """

    def __init__(self, node: Node, guard: MotionGuard, stop: Callable[[str], None]) -> None:
        """Subscribe and offer; `start` begins to look.

        Args:
            node: in the cell's namespace.
            guard: decides.
            stop: brings the arm to rest, with the reason; may block until it rests.
        """
        self._node = node
        self.guard = guard
        self._stop = stop
        self._subscription = node.create_subscription(
            CellState, "cell_state", self._on_cell, LATCHED
        )
        node.create_service(HoldMotion, "hold_motion", self._on_hold)
        self.commands: tuple[str, ...] = ()
        """Absolute names of the topics that the holder of the lease alone may publish."""
        self._own_moves = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="motion-gate", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; nothing is granted any more."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def check_command(self, topic: str, stamp: Time | None, opening: bool = False) -> None:
        """Check a command that came on a topic; MotionRefused.

        Args:
            topic: its absolute name.
            stamp: of the command; None: its kind has none.
            opening: it opens the gripper.
        """
        publishers = [] if self.guard.lease is None else self._publishers(topic)
        self.guard.check_command(publishers, self._age(stamp), opening)

    @contextlib.contextmanager
    def moving(self, lease: str) -> Iterator[Callable[[], str]]:
        """Allow a move under a lease, or under none if nobody holds one; MotionRefused.

        Args:
            lease: its name; "": the move quotes none.

        Yields:
            What to ask, often, for the reason why the move must end; empty while it may go on.
        """

        def reason() -> str:
            try:
                self.guard.check_lease(lease) if lease else self.guard.check_free()
            except MotionRefused as refused:
                return str(refused)
            return ""

        self.guard.check_lease(lease) if lease else self.guard.check_free()
        self._own_moves += not lease
        try:
            yield reason
        finally:
            self._own_moves -= not lease

    def _on_cell(self, message: CellState) -> None:
        publishers = self._publishers(self._subscription.topic_name)
        self.guard.cell.doubt(
            f"the cell's state comes from several nodes: {' and '.join(publishers)}; end all but "
            "one (one that has died is listed for up to 20 s)"
            if len(publishers) > 1
            else ""
        )
        self.guard.cell.hear(message.person_inside, message.token, message.detail)

    def _on_hold(
        self, request: HoldMotion.Request, response: HoldMotion.Response
    ) -> HoldMotion.Response:
        try:
            self._hold(request, response)
        except MotionRefused as refused:
            response.error_code, response.error_msg = int(refused.code), str(refused)
        return response

    def _hold(self, request: HoldMotion.Request, response: HoldMotion.Response) -> None:
        guard = self.guard
        if request.lease and not request.duration:
            if not guard.give_back(request.lease):
                raise MotionRefused(LeaseCode.NO_SUCH_LEASE, "the lease had ended before")
            self._stop("the lease was given back")
            return
        if request.lease:
            lease = guard.renew(request.lease, request.duration)
        else:
            self._require_present(request.holder)
            lease = guard.take(request.holder, request.token, request.duration)
            self._node.get_logger().info(f"{lease.holder} may move the arm")
        response.granted, response.lease = True, lease.name
        if not lease.moves:
            response.error_code = int(LeaseCode.LOCKED)
            response.error_msg = (
                f"{guard.cell.reason() or 'a person was asked to reach in'}; this lease opens the "
                "gripper and moves nothing"
            )

    def _require_present(self, holder: str) -> None:
        if self._own_moves:
            raise MotionRefused(LeaseCode.HELD, "a move without a lease is being done; wait for it")
        if holder not in self._nodes():
            raise MotionRefused(
                LeaseCode.NOT_READY,
                f"no node {holder!r} is known here; give the holder's full name",
            )
        for topic in self.commands:
            if (count := self._publishers(topic).count(holder)) > 1:
                raise MotionRefused(
                    LeaseCode.NOT_READY,
                    f"{count} nodes of the name {holder} publish {topic}; one that has died is "
                    "listed for up to 20 s",
                )

    def _run(self) -> None:
        looked = time.monotonic()
        while not self._ending.wait(_LOOK):
            if reason := self.guard.look():
                self._end_motion(reason)
            lease = self.guard.lease
            if lease is None or time.monotonic() - looked < _GRAPH_PERIOD:
                continue
            looked = time.monotonic()
            if lease.holder not in self._nodes():
                self.guard.end_lease(f"{lease.holder} is gone")
                self._end_motion(f"{lease.holder}, which held the arm, is gone")

    def _end_motion(self, reason: str) -> None:
        self._node.get_logger().warning(f"nothing moves any more: {reason}")
        self._stop(reason)

    def _publishers(self, topic: str) -> list[str]:
        return [
            f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            for info in self._node.get_publishers_info_by_topic(topic)
        ]

    def _nodes(self) -> set[str]:
        return {
            f"{namespace.rstrip('/')}/{name}"
            for name, namespace in self._node.get_node_names_and_namespaces()
        }

    def _age(self, stamp: Time | None) -> float | None:
        if stamp is None:
            return None
        if not stamp.sec and not stamp.nanosec:
            return math.nan
        now = self._node.get_clock().now().nanoseconds
        return float(now - stamp.sec * 10**9 - stamp.nanosec) * 1e-9
