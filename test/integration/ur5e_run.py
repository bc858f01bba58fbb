"""A whole `robomd ur5e use_twin:=true` with a scripted operator, for the tests."""

from pathlib import Path
from typing import Any

import psutil
from graph import Bringup, wait_for
from in_process import Graph
from scripted_operator import ScriptedOperator

from robomd_ros.bringup_ur5e import resolve_ur5e
from sim_bridge.twin.client import TwinClient, TwinError

CELL = "/robomd/ur5e"


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
        self.address = resolve_ur5e({"use_twin": True})["robot_ip"]
        given = ("use_twin:=true", f"robot_ip:={self.address}", f"out:={self.out}", "linger:=1")
        self.bringup = Bringup(folder, [*given, *arguments], domain, command="ur5e")
        self.twin = TwinClient(f"http://{self.address}:8080")
        self.graph = Graph(domain)
        self.operator = ScriptedOperator(self.twin, namespace=CELL)
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

    def up(self) -> None:
        """Wait until the twin is there."""
        wait_for(self.state, f"the twin; {self.bringup.output[-2000:]}", 60)

    def twin_process(self) -> psutil.Process:
        """The twin's process."""
        return wait_for(lambda: self.bringup.children("sim_bridge.twin"), "the twin")[0]
