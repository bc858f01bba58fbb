# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An executor's side of the lease: take, renew, give back, and know when it is lost."""

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.task import Future

from robomd_msgs.srv import HoldMotion
from robomd_ros.core.errors import CellFault
from robomd_ros.ros.runtime import Ticker, unless

DURATION = 1.0
"""s after which a move ends if this process has renewed nothing; a stream ends much earlier, after
`command_timeout`. A shorter one lapses on a busy computer and voids trials."""
_ANSWER = 2.0
"""s that the arm's node may take to answer."""
_PATIENCE = 25.0
"""s for which the lease is waited for: a node that has died is listed by DDS for up to 20 s."""
_PAUSE = 0.25
"""s before it is asked again."""
_PASSING = (HoldMotion.Response.HELD, HoldMotion.Response.NOT_READY)
"""What may be over soon: another holder's last moment, a node that is not known yet."""


class LeaseRefused(CellFault):
    """The arm's node does not let this node move the arm; `code` is of HoldMotion."""

    def __init__(self, code: int, reason: str) -> None:
        """Of a kind, with the reason."""
        super().__init__(reason)
        self.code = code


class MotionLease:
    """The right to move the arm of this node's cell, for one trial at a time.

    Where nobody offers `hold_motion`, in the cell of a user's own arm, there is nothing to hold:
    then `take` does nothing, `offered` is false, and that arm itself decides whom it obeys.
    """

    def __init__(self, node: Node, ticker: Ticker) -> None:
        """Prepare; nothing is asked before `take`.

        Args:
            node: who moves the arm, in the cell's namespace.
            ticker: of the node, at most every 0.2 s.
        """
        self._node = node
        self._ticker = ticker
        self._client = node.create_client(HoldMotion, "hold_motion")
        self._asked: Future | None = None
        self._renewed = 0.0
        self.name = ""
        """To be quoted by moves; empty: none is held."""
        self.lost = ""
        """Why nothing may be moved under the lease that was taken; empty: it may."""
        node.create_timer(0.5 * _PAUSE, self._renew)

    @property
    def offered(self) -> bool:
        """Whether the arm's node grants leases."""
        return bool(self._client.service_is_ready())

    async def take(
        self,
        token: str,
        patience: float = _PATIENCE,
        only_open: bool = False,
        unwanted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take the lease for a trial.

        Args:
            token: of the scene that was applied.
            patience: s for which it is asked again where another has it, or the arm is not ready.
            only_open: a lease that opens the gripper will do, because a person holds the object.
            unwanted: asked often; when true it is not asked again.

        Raises:
            LeaseRefused: why it was not granted.
        """
        self.name = self.lost = ""
        if not self.offered:
            return
        until = time.monotonic() + patience
        while True:
            try:
                await self._ask_for(token)
                break
            except LeaseRefused as refused:
                late = time.monotonic() > until or unwanted()
                if refused.code not in _PASSING or late:
                    raise
            await unless(self._ticker, Future(executor=self._node.executor), _after(_PAUSE))
        if self.lost and not only_open:
            reason = self.lost
            self.give_back()
            raise LeaseRefused(HoldMotion.Response.LOCKED, reason)

    def give_back(self) -> None:
        """End the lease, if one is held; returns at once."""
        name, self.name = self.name, ""
        if name and self.offered:
            self._client.call_async(self._request(lease=name))

    async def _ask_for(self, token: str) -> None:
        sent = time.monotonic()
        future = self._client.call_async(self._request(token=token, duration=DURATION))
        answer = await unless(self._ticker, future, _after(_ANSWER))
        if answer is None:
            raise LeaseRefused(
                HoldMotion.Response.NOT_READY,
                f"{self._client.srv_name} gave no answer within {_ANSWER:g} s",
            )
        if not answer.granted:
            raise LeaseRefused(answer.error_code, answer.error_msg)
        self.name, self._renewed, self._asked = answer.lease, sent, None
        self.lost = answer.error_msg

    def _renew(self) -> None:
        """Let it last longer, and notice when it did not."""
        if not self.name:
            return
        if time.monotonic() - self._renewed > DURATION:
            self.lost = self.lost or (
                f"the lease of the arm was not renewed within {DURATION:g} s: its node is silent, "
                "or this machine too busy"
            )
        if self._asked is not None and not self._asked.done():
            return
        sent, name = time.monotonic(), self.name
        self._asked = self._client.call_async(self._request(lease=name, duration=DURATION))
        self._asked.add_done_callback(lambda future: self._on_renewed(name, sent, future))

    def _on_renewed(self, name: str, sent: float, future: Future) -> None:
        answer = future.result()
        if name != self.name or answer is None:
            return
        if answer.granted:
            self._renewed = sent
            self.lost = self.lost or answer.error_msg
        else:
            self.lost, self.name = answer.error_msg, ""

    def _request(self, **fields: object) -> HoldMotion.Request:
        return HoldMotion.Request(holder=self._node.get_fully_qualified_name(), **fields)


def _after(seconds: float) -> Callable[[], bool]:
    limit = time.monotonic() + seconds
    return lambda: time.monotonic() >= limit
