# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A whole `robomd ur5e use_twin:=true` with a scripted operator, for the tests."""

import threading
import time
from pathlib import Path
from typing import Any

import psutil
from graph import Bringup, wait_for
from in_process import Graph
from scripted_operator import ScriptedOperator
from twin_session import own_address

from robomd_msgs.msg import RobotStatus
from robomd_ros.arms.ur5e.dashboard import Dashboard, DashboardError
from robomd_ros.core.operator.desk import Answer, RequestKind
from robomd_ros.ros.qos import LATCHED
from sim_bridge.twin.client import TwinClient, TwinError

CELL = "/robomd/ur5e"
AT_REST = 0.02
"""rad/s of the fastest joint, as a mean over SPAN: fingers that close on a cube make it tremble."""
SPAN = 0.2
"""s of robot time."""
IN_PLACE = 0.02
"""rad from where a joint came to rest."""


class Person(ScriptedOperator):
    """The scripted operator, who also powers the arm on at the pendant after an emergency stop.

    Attributes:
        began: (monotonic s, kind) of every request that it began to serve.
    """

    def __init__(self, twin: TwinClient, address: str, **kwargs: Any) -> None:
        self.began: list[tuple[float, RequestKind]] = []
        self._address = address
        super().__init__(twin, **kwargs)

    def _do(self, request: Any) -> Answer:
        self.began.append((time.monotonic(), RequestKind(request.kind)))
        answer = super()._do(request)
        if request.kind == RequestKind.RECOVER_ROBOT:
            self._power_on()
        return answer

    def _power_on(self) -> None:
        try:
            with Dashboard(self._address) as dashboard:
                if dashboard.status().robot_mode == "POWER_OFF":
                    dashboard.order("power on")
                    wait_for(lambda: dashboard.status().robot_mode == "IDLE", "IDLE", 20)
                    dashboard.order("brake release")
                    wait_for(lambda: dashboard.status().robot_mode == "RUNNING", "RUNNING", 20)
        except DashboardError:
            return  # the controller is away: the next request comes when it is back


class Watch:
    """What the twin's arm did, and what its node said, from now on.

    Attributes:
        samples: (monotonic s, robot time in s, joints in rad (6,)).
        statuses: (monotonic s, ready, detail) of every robot_status.
    """

    def __init__(self, run: "Ur5eRun") -> None:
        self.samples: list[tuple[float, float, list[float]]] = []
        self.statuses: list[tuple[float, bool, str]] = []
        run.graph.client.create_subscription(
            RobotStatus, f"{CELL}/robot_status", self._on_status, LATCHED
        )
        self._run = run
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _on_status(self, message: RobotStatus) -> None:
        self.statuses.append((time.monotonic(), message.ready, message.detail))

    def _look(self) -> None:
        while not self._ending.wait(0.05):
            if state := self._run.state():
                self.samples.append((time.monotonic(), state["time"], state["q"]))

    def close(self) -> None:
        self._ending.set()
        self._thread.join(5)

    def moved_between(self, begin: float, end: float, grace: float = 0.0) -> tuple[float, float]:
        """The fastest speed of the arm between two moments, and how far it strayed.

        Args:
            begin: monotonic s.
            end: monotonic s.
            grace: robot time after `begin` that is left out, s: it slips when this machine is busy.

        Returns:
            rad/s, and rad from the first place after the grace; 0 if nothing was seen.
        """
        window = [s for s in self.samples if begin <= s[0] < end]
        speed, strayed = 0.0, 0.0
        rest: list[tuple[float, list[float]]] = []  # of one life of the twin
        for _, robot_time, q in window:
            if rest and robot_time < rest[-1][0]:
                rest = []  # it was started again: at robot time 0, and with its arm at home
            if window[0][1] <= robot_time < window[0][1] + grace:
                continue
            rest.append((robot_time, q))
            strayed = max(strayed, _distance(q, rest[0][1]))
            before = [s for s in rest[-20:] if s[0] <= robot_time - SPAN]
            if before:
                speed = max(speed, _distance(q, before[-1][1]) / (robot_time - before[-1][0]))
        return speed, strayed


def _distance(a: list[float], b: list[float]) -> float:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


class Ur5eRun:
    """The bring-up, the twin that it starts, and the operator; use it as a context.

    Attributes:
        out: the campaign's folder.
        bringup: the command.
        twin: client of its twin.
        operator: the scripted person.
        graph: spins the operator; its client node is for whatever a test asks.
    """

    def __init__(self, folder: Path, domain: dict[str, str], *arguments: str) -> None:
        self.out = folder / "campaign"
        self.address = own_address()
        given = ("use_twin:=true", f"robot_ip:={self.address}", f"out:={self.out}", "linger:=2")
        self.bringup = Bringup(folder, [*given, *arguments], domain, command="ur5e")
        self.twin = TwinClient(f"http://{self.address}:8080", timeout=3.0)
        self.graph = Graph(domain)
        self.operator = Person(self.twin, self.address, namespace=CELL)
        self.graph.add(self.operator)

    def __enter__(self) -> "Ur5eRun":
        return self

    def __exit__(self, *error: object) -> None:
        self.graph.close()
        self.bringup.__exit__(*error)

    def state(self) -> dict[str, Any]:
        """The twin's state; empty while it is away."""
        try:
            return self.twin.state()
        except TwinError:
            return {}

    def twin_process(self) -> psutil.Process:
        """The twin's process."""
        return wait_for(lambda: self.bringup.children(" sim_bridge.twin "), "the twin")[0]
