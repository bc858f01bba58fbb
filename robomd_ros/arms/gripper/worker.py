# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Talks to a gripper in a thread of its own: a silent gripper holds up nobody else."""

import threading
from collections.abc import Callable

from robomd_ros.arms.gripper.gripper import Gripper, GripperFault, checked_closure

_PERIOD = 0.1
"""s between looks at the position."""
_RETRY = 1.0
"""s before a gripper that failed is tried again."""


class GripperWorker:
    """Keeps a gripper connected, gives it the newest command, and reads its position."""

    def __init__(
        self,
        gripper: Gripper,
        on_position: Callable[[float], None],
        on_fault: Callable[[str], None],
    ) -> None:
        """Prepare; `start` begins.

        Args:
            gripper: the device.
            on_position: told the closure, [0, 1] or NaN, some times a second.
            on_fault: told the reason when the gripper fails, and "" when it works again.
        """
        self._gripper = gripper
        self._on_position, self._on_fault = on_position, on_fault
        self._wanted: float | None = None
        self._news = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="gripper", daemon=True)
        self.fault = ""
        """Why the gripper does not work; empty if it does."""

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and let go of the gripper."""
        with self._news:
            self._ending = True
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._gripper.close()

    @property
    def holds_object(self) -> bool:
        """Whether something is in its fingers, as far as it can tell."""
        return self._gripper.holds_object

    def command(self, closure: float) -> None:
        """Go to a closure; a command that was not yet given is replaced.

        Raises:
            GripperFault: not a number in [0, 1].
        """
        wanted = checked_closure(closure)
        with self._news:
            self._wanted = wanted
            self._news.notify_all()

    def recover(self) -> None:
        """Leave a fault, as a person has allowed; fingers may move. Blocks.

        Raises:
            GripperFault: it cannot be left.
        """
        self.reset()
        if self.fault:
            self._gripper.recover()

    def reset(self) -> None:
        """Forget a command that could not be given; what was asked before a stop is void."""
        with self._news:
            self._wanted = None

    def _run(self) -> None:
        connected = False
        while not self._ending:
            try:
                if not connected:
                    self._gripper.connect()
                    connected = True
                self._serve()
                self._tell("")
            except GripperFault as fault:
                connected = False
                # a grasp that comes seconds late would be none that anybody asked for
                self.reset()
                self._tell(str(fault))
                self._wait(_RETRY)
            else:
                self._wait(_PERIOD)

    def _serve(self) -> None:
        with self._news:
            wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._gripper.command(wanted)
        self._on_position(self._gripper.position())

    def _wait(self, timeout: float) -> None:
        with self._news:
            self._news.wait_for(lambda: self._ending or self._wanted is not None, timeout)

    def _tell(self, fault: str) -> None:
        if fault != self.fault:
            self.fault = fault
            self._on_fault(fault)
