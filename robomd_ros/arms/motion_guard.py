# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may move an arm, and when: the lock of the cell, the lease of one executor, the latched stop.

It knows no robot and no middleware: what it must know it is told, with the time on a clock that
only goes forward. Whoever drives an arm asks it before every motion, and often whether a motion
that is under way must end.
"""

import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from robomd_ros.core.cell_lock import CellLock
from robomd_ros.core.errors import RoboMDError

LONGEST_LEASE = 2.0
"""s for which a lease may be asked before it is renewed."""
_ENDED_KEPT = 20
"""Leases that have ended whose reason is still known."""
_AHEAD = 0.1
"""s by which a command's stamp may lie in the future: clocks differ a little."""


UNHEARD = (
    "nobody says whether a person is in the cell (cell_state); start perturbation_node in it, or, "
    "with nobody near the arm, set require_cell_state to false"
)
"""Why nothing moves before the cell's state was ever heard, and what to do."""


class LeaseCode(IntEnum):
    """Why a motion or a lease is refused; as the error codes of the service HoldMotion."""

    NONE = 0
    LOCKED = 1
    HELD = 2
    STOPPED = 3
    WRONG_TOKEN = 4
    NO_SUCH_LEASE = 5
    NOT_READY = 6


class MotionRefused(RoboMDError):
    """Nothing may move now for whoever asked; `code` says of what kind the reason is."""

    def __init__(self, code: LeaseCode, reason: str) -> None:
        """Of a kind, with the reason and the remedy."""
        super().__init__(reason)
        self.code = code


class StopLatch:
    """A stop that stays until a person has confirmed that the arm may move again."""

    def __init__(self) -> None:
        """Nothing is stopped."""
        self._lock = threading.Lock()
        self.reason = ""
        """Who or what stopped the arm; empty: nothing has."""
        self.since = 0.0
        """Monotonic s at which that was first known."""

    def set(self, reason: str) -> bool:
        """Latch; whether it was not latched before. The first reason stays."""
        with self._lock:
            if self.reason:
                return False
            self.reason, self.since = reason, time.monotonic()
            return True

    def clear(self) -> None:
        """A person has confirmed."""
        with self._lock:
            self.reason, self.since = "", 0.0


@dataclass(frozen=True)
class Lease:
    """The right of one executor to move the arm.

    Attributes:
        name: quoted with every renewal and move.
        holder: full name of its node.
        token: of the scene for whose trial it was taken; empty: no trial.
        until: monotonic s at which it lapses unless it is renewed.
        moves: false once a person was asked to reach in: then it only opens the gripper.
    """

    name: str
    holder: str
    token: str
    until: float
    moves: bool = True


class MotionGuard:
    """Grants the lease, checks every motion against lock, lease and latch; thread-safe."""

    def __init__(
        self,
        latch: StopLatch,
        obstacle: Callable[[], str],
        *,
        command_age: float,
        cell: CellLock,
    ) -> None:
        """Prepare.

        Args:
            latch: of the arm.
            obstacle: why the arm itself cannot move now; empty if it can.
            command_age: s that a streamed command may be old.
            cell: what is heard of the cell, and whether that locks it.
        """
        self.latch = latch
        self._obstacle = obstacle
        self._command_age = command_age
        self.cell = cell
        """Told of every state of the cell."""
        self._lock = threading.RLock()
        self._lease: Lease | None = None
        self._ended: dict[str, str] = {}

    # the lease

    @property
    def lease(self) -> Lease | None:
        """The lease that is held."""
        with self._lock:
            lease = self._lease
            if lease is not None and time.monotonic() > lease.until:
                self._end(f"{lease.holder} did not renew its lease")
                return None
            return lease

    def take(self, holder: str, token: str, duration: float) -> Lease:
        """Grant the lease to a node; MotionRefused says why not.

        While a person is in the cell it is granted for the trial of the scene in force only, and
        opens the gripper but moves nothing.
        """
        with self._lock:
            if not holder:
                raise MotionRefused(LeaseCode.NOT_READY, "no holder is named; name the node")
            self._require_no_stop()
            held = self.lease
            if held is not None:
                raise MotionRefused(
                    LeaseCode.HELD,
                    f"{held.holder} holds the arm; wait until it gives its lease back",
                )
            if reason := self._obstacle():
                raise MotionRefused(LeaseCode.NOT_READY, reason)
            self._require_token(token, may_be_none=True)
            locked = self.cell.reason()
            none_in_force = self.cell.heard is not None and not self.cell.token
            if locked and not token and not none_in_force:
                raise MotionRefused(LeaseCode.LOCKED, locked)
            name = secrets.token_hex(8)
            self._lease = Lease(name, holder, token, _until(duration), not locked)
            return self._lease

    def renew(self, name: str, duration: float) -> Lease:
        """Let the lease last longer; MotionRefused if it has ended."""
        with self._lock:
            lease = self._require_lease(name)
            self._lease = replace(lease, until=_until(duration))
            return self._lease

    def give_back(self, name: str) -> bool:
        """End the lease of this name; whether it was held."""
        with self._lock:
            if self.lease is None or self._lease is None or self._lease.name != name:
                return False
            self._end("it was given back")
            return True

    def end_lease(self, reason: str) -> None:
        """End the lease, whoever holds it."""
        with self._lock:
            if self._lease is not None:
                self._end(reason)

    def look(self) -> str:
        """Call it often: why what moves now must stop; empty if nothing new was found.

        A lock that has come into force, a scene that has changed and a lease that has lapsed are
        found here, each once.
        """
        with self._lock:
            before = self._lease
            if before is None:
                return ""
            if self.lease is None:
                return self._ended[before.name]
            if reason := self._end_of(before):
                return self._end(reason)
            if before.moves and (locked := self.cell.reason()):
                self._lease = replace(before, moves=False)
                return locked
            return ""

    # motions

    def check_free(self) -> None:
        """MotionRefused unless a move may begin that quotes no lease: nobody holds one."""
        with self._lock:
            self._require_no_stop()
            if locked := self.cell.reason():
                raise MotionRefused(LeaseCode.LOCKED, locked)
            if self.lease is not None:
                holder = self._lease.holder if self._lease is not None else ""
                raise MotionRefused(
                    LeaseCode.HELD, f"{holder} holds the arm; wait until it gives its lease back"
                )

    def check_lease(self, name: str) -> Lease:
        """The lease of this name, under which something may move now; MotionRefused."""
        with self._lock:
            self._require_no_stop()
            lease = self._require_lease(name)
            if locked := self.cell.reason():
                raise MotionRefused(LeaseCode.LOCKED, locked)
            if not lease.moves:
                raise MotionRefused(
                    LeaseCode.LOCKED,
                    "a person was asked to reach in since this lease was taken: it moves nothing "
                    "any more; give it back and take another",
                )
            return lease

    def check_command(
        self, publishers: Sequence[str], age: float | None, opening: bool = False
    ) -> None:
        """Check a command of a topic that only the holder of the lease may publish.

        Args:
            publishers: full names of all nodes that publish it.
            age: s since its stamp; None: it has no stamp by its kind; NaN: it is unstamped.
            opening: it opens the gripper, which a person who holds the object may want.

        Raises:
            MotionRefused: the reason; a second publisher ends the lease.
        """
        with self._lock:
            lease = self.lease
            if lease is None:
                self._require_no_stop()
                raise MotionRefused(
                    LeaseCode.NO_SUCH_LEASE,
                    self.cell.reason()
                    or f"{_listed(publishers)} commands without a lease; take one by hold_motion",
                )
            others = [name for name in publishers if name != lease.holder]
            if others or len(publishers) != 1:
                self._end(f"two nodes command the arm: {_listed(publishers)}")
                raise MotionRefused(
                    LeaseCode.HELD,
                    f"{lease.holder} alone may command the arm, but the topic is published by "
                    f"{_listed(publishers)}; end all but one (one that has died is listed for up "
                    "to 20 s)",
                )
            if age is not None:
                self._check_age(age)
            if not opening:
                self.check_lease(lease.name)
                self._require_token(lease.token, may_be_none=False)
            self._require_no_stop()

    def _end_of(self, lease: Lease) -> str:
        """Why a lease cannot go on; empty if it can."""
        if self.latch.reason:
            return f"stopped: {self.latch.reason}"
        if self.cell.heard is not None and lease.token and lease.token != self.cell.token:
            return "the scene for which the lease was taken is in force no more"
        return self._obstacle()

    def _check_age(self, age: float) -> None:
        if math.isnan(age):
            raise MotionRefused(LeaseCode.NOT_READY, "the command is unstamped; stamp it when sent")
        if age > self._command_age:
            raise MotionRefused(
                LeaseCode.NOT_READY,
                f"the command is {age:.2f} s old by its stamp; at most {self._command_age:g} s is "
                "allowed: are the clocks in step?",
            )
        if age < -_AHEAD:
            raise MotionRefused(
                LeaseCode.NOT_READY,
                f"the command is stamped {-age:.2f} s in the future; are the clocks in step?",
            )

    def _require_no_stop(self) -> None:
        if self.latch.reason:
            raise MotionRefused(
                LeaseCode.STOPPED,
                f"stopped: {self.latch.reason}; see that all is well, then recover",
            )

    def _require_token(self, token: str, may_be_none: bool) -> None:
        """A trial's token is that of the scene in force, where the cell says which it is."""
        if self.cell.heard is None or (may_be_none and not token):
            return
        if not token or token != self.cell.token:
            quoted = f"{token!r} is not" if token else "no scene was named as"
            raise MotionRefused(
                LeaseCode.WRONG_TOKEN, f"{quoted} the scene in force; apply the scene anew"
            )

    def _require_lease(self, name: str) -> Lease:
        lease = self.lease
        if lease is None or lease.name != name:
            why = self._ended.get(name, "there is no such lease")
            raise MotionRefused(
                LeaseCode.NO_SUCH_LEASE, f"the lease has ended: {why}; take another"
            )
        return lease

    def _end(self, reason: str) -> str:
        if self._lease is not None:
            self._ended[self._lease.name] = reason
            while len(self._ended) > _ENDED_KEPT:
                del self._ended[next(iter(self._ended))]
        self._lease = None
        return reason


def _until(duration: float) -> float:
    if not 0.0 < duration <= LONGEST_LEASE:
        raise MotionRefused(
            LeaseCode.NOT_READY,
            f"a lease lasts at most {LONGEST_LEASE:g} s before it is renewed; got {duration:g}",
        )
    return time.monotonic() + duration


def _listed(names: Sequence[str]) -> str:
    return " and ".join(sorted(names)) or "nobody"
