# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""One terminal for the view and the operator: a real terminal, real processes, typed answers."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph
from rclpy.action import ActionClient

from robomd_msgs.action import ApplyScene
from robomd_ros.core.share import share_path
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.ros.conversions import scene_to_msg
from robomd_ros.terminal.conversation import FRESH

CATALOGUE = load_catalogue(share_path("config/variations/ur5e_tabletop.yaml"))
DRIVER = """
import sys
from pathlib import Path
from robomd_ros.bringup.processes import NodeProcess
from robomd_ros.cli.campaign import run_campaign

parameters = {"backend": "operator", "countdown": 0.0}
node = NodeProcess(
    "perturbation_node", "robomd_ros.nodes.perturbation_node", "/robomd/ur5e", parameters
)
sys.exit(run_campaign([node], Path(sys.argv[1]), "/robomd", operator_cell="ur5e"))
"""


class Terminal:
    """A terminal of 100 columns in which the driver runs."""

    def __init__(self, folder, environment):
        self.keys, screen = pty.openpty()
        self._written = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(folder / "campaign")],
            stdin=screen,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
            env={**os.environ, **environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
        )
        os.close(screen)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                self._written += os.read(self.keys, 4096)
            except OSError:
                return

    @property
    def text(self):
        """Everything written so far, without colours and cursor moves."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._written.decode(errors="replace"))

    def type(self, keys):
        os.write(self.keys, keys.encode())

    def shows(self, text):
        wait_for(lambda: text in self.text, f"{text!r} on the terminal", 20)

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(15)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture
def terminal(tmp_path, domain):
    terminal = Terminal(tmp_path, domain)
    yield terminal
    terminal.close()


@pytest.fixture
def graph(domain):
    graph = Graph(domain)
    yield graph
    graph.close()


@pytest.mark.long
def test_a_person_answers_on_the_terminal_of_the_view(terminal, graph):
    action = ActionClient(graph.client, ApplyScene, "/robomd/ur5e/apply_scene")
    assert action.wait_for_server(30)
    variation = CATALOGUE["light_dim"]
    goal = ApplyScene.Goal(scene=scene_to_msg(Scene((variation,))))
    handle = graph.result(action.send_goal_async(goal), "answer to the goal")
    result = handle.get_result_async()

    terminal.shows("does not know the scene")  # what it knows nothing of is restored first
    time.sleep(FRESH)
    terminal.type("do")
    terminal.shows("> do")  # without an echo of the terminal's own
    terminal.type("ne\n")
    terminal.shows(f"1. {variation.description}")
    time.sleep(FRESH)
    terminal.type("maybe\n\n")  # no answer, and nothing happens by default
    terminal.shows("Waiting for the diagnosis")  # the view is there as well
    assert not result.done()
    terminal.type("donx\x7fe\n")
    assert graph.result(result, "result").result.error_code == ApplyScene.Result.NONE
    terminal.shows("Nothing is asked now")

    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.process.wait(15) in (0, 130)
