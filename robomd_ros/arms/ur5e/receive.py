# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The arm's state as its controller streams it, received in this process and always dated."""

import contextlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from robomd_ros.arms.motion import JointReading
from robomd_ros.arms.ur5e.rtde_probe import RtdeProbe
from robomd_ros.core.errors import ConfigurationError, RoboMDError

PROGRAM_PLAYING, PROGRAM_PAUSED = 2, 4
_TEACH_BIT = 1 << 2
"""Of the robot status: somebody presses the freedrive button."""

_VARIABLES = [
    "timestamp",
    "actual_q",
    "actual_qd",
    "target_q",
    "actual_TCP_pose",
    "actual_TCP_force",
    "robot_mode",
    "safety_mode",
    "runtime_state",
    "speed_scaling",
    "target_speed_fraction",
    "robot_status_bits",
    "safety_status_bits",
]
_PAYLOAD = "payload"
"""A variable that not every version of the controller knows."""
_RETRY = 0.5
"""s between attempts to connect."""
_DEAD = 2.0
"""s of silence after which the connection is made anew."""


@dataclass(frozen=True)
class ReceivedState(JointReading):
    """One state package, of six joints.

    Attributes:
        timestamp: s, the controller's clock.
        target_q: (6,) rad, where the controller wants the joints to be.
        wrench: (6,) N and Nm at the tool centre point; base frame.
        robot_mode: as in the controller's real-time interface.
        safety_mode: likewise.
        runtime_state: of the program; 2 is playing.
        speed_scaling: share of the programmed speed, [0, 1].
        teach: somebody presses the freedrive (teach) button.
        payload: kg, as the controller has it; NaN where it does not tell.
    """

    timestamp: float
    target_q: tuple[float, ...]
    wrench: tuple[float, ...]
    robot_mode: int
    safety_mode: int
    runtime_state: int
    speed_scaling: float
    teach: bool = False
    payload: float = math.nan

    @property
    def program_running(self) -> bool:
        """Whether a program plays on the controller."""
        return self.runtime_state == PROGRAM_PLAYING


def load_ur_rtde() -> tuple[Any, Any]:
    """The modules rtde_receive and rtde_control.

    Raises:
        ConfigurationError: they are not installed; says on what machines they can be.
    """
    try:
        import rtde_control  # noqa: PLC0415 - only who drives an arm needs it
        import rtde_receive  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            f"ur_rtde cannot be imported ({error}); `pip install ur_rtde==1.6.5` brings it on "
            "x86_64 with Python 3.8 to 3.12; there are no wheels for other machines (aarch64) or "
            "newer Pythons: run ur5e_node on a machine that has one, the other nodes anywhere"
        ) from error
    return rtde_receive, rtde_control


class StateStream:
    """Receives the arm's state in a thread and connects again whenever it is lost.

    The client library's constructor holds the interpreter for seconds where a controller accepts a
    connection and says nothing, so a short talk over a plain socket goes before it.
    """

    def __init__(
        self, host: str, frequency: float, on_state: Callable[[ReceivedState], None]
    ) -> None:
        """Prepare.

        Args:
            host: address of the controller.
            frequency: of the packages, Hz.
            on_state: called in the stream's thread with each new state.
        """
        self._host = host
        self._frequency = frequency
        self._on_state = on_state
        self._latest: ReceivedState | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="arm-state", daemon=True)
        self._silent = 0.0
        self.error = "not connected yet"
        """Why there is no connection; empty while there is one."""

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and the connection; idempotent."""
        self._ending.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(5.0)

    @property
    def latest(self) -> ReceivedState | None:
        """The last state; None before the first."""
        return self._latest

    def age(self) -> float:
        """S for which the controller has been silent; infinite before the first state.

        It is counted in the time during which this thread looked: a process that was itself held
        up for a moment does not take that for silence of the controller.
        """
        if self._latest is None or self.error:
            return float("inf")
        return self._silent

    def _run(self) -> None:
        receive, _ = load_ur_rtde()
        while not self._ending.is_set():
            try:
                variables = self._probe()
                link = receive.RTDEReceiveInterface(self._host, self._frequency, variables)
            except (RoboMDError, RuntimeError, OSError) as error:
                self.error = str(error)
                self._ending.wait(_RETRY)
                continue
            try:
                self._read(link, _PAYLOAD in variables)
            except (RuntimeError, OSError, IndexError) as error:
                self.error = f"the state stream of {self._host} broke: {error}"
            finally:
                with contextlib.suppress(RuntimeError, OSError):
                    link.disconnect()
            self._ending.wait(_RETRY)

    def _probe(self) -> list[str]:
        """What this controller can tell; RoboMDError unless it really speaks."""
        with RtdeProbe(self._host, timeout=1.0) as probe:
            return [*_VARIABLES, *probe.read([_PAYLOAD])]

    def _read(self, link: Any, with_payload: bool) -> None:
        period = 1.0 / self._frequency
        last = -1.0
        self._silent = 0.0
        looked = time.monotonic()
        while not self._ending.is_set():
            now = time.monotonic()
            gap, looked = now - looked, now
            stamp = link.getTimestamp()
            if stamp and stamp != last and len(link.getActualQ()) == 6:
                last = stamp
                self._take(link, stamp, now, link.getPayload() if with_payload else math.nan)
                time.sleep(0.7 * period)  # nothing can come before
                continue
            # a long gap is ours, not the controller's: count no more of it than a few looks
            self._silent += min(gap, 10 * period)
            if self._silent > _DEAD or not link.isConnected():
                self.error = f"the controller {self._host} has stopped sending its state"
                return
            time.sleep(0.1 * period)

    def _take(self, link: Any, stamp: float, now: float, payload: float) -> None:
        state = ReceivedState(
            timestamp=stamp,
            received=now,
            q=tuple(link.getActualQ()),
            qd=tuple(link.getActualQd()),
            target_q=tuple(link.getTargetQ()),
            tcp_pose=tuple(link.getActualTCPPose()),
            wrench=tuple(link.getActualTCPForce()),
            robot_mode=link.getRobotMode(),
            safety_mode=link.getSafetyMode(),
            runtime_state=link.getRuntimeState(),
            speed_scaling=link.getSpeedScaling() * link.getTargetSpeedFraction(),
            teach=bool(link.getRobotStatus() & _TEACH_BIT),
            payload=payload,
        )
        self._latest = state
        self._silent = 0.0
        self.error = ""
        self._on_state(state)
