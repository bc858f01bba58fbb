# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs a bring-up on this terminal: supervised processes, the live view, and the end."""

import contextlib
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from robomd_ros.bringup.processes import AnyProcess, process_defaults
from robomd_ros.bringup.supervisor import Supervisor
from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.campaign.stored import read_campaign
from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.evidence.failure_modes import FailureRanking
from robomd_ros.core.evidence.ranking_table import ranking_table
from robomd_ros.report.after_campaign import wait_for_report
from robomd_ros.terminal.keyboard import Keyboard
from robomd_ros.terminal.live_view import console as terminal_console
from robomd_ros.terminal.live_view import prompt_panel
from robomd_ros.terminal.output import NOBODY_READS

if TYPE_CHECKING:
    from robomd_ros.nodes.monitor_node import MonitorNode
    from robomd_ros.nodes.operator_prompt import OperatorPrompt

_INTERRUPTED = 130
_REPORT_TIME = 30.0
"""s that a report which is being written may take until the terminal is given back."""


def run_campaign(
    processes: Sequence[AnyProcess], folder: Path, namespace: str, operator_cell: str = ""
) -> int:
    """Start the processes, show the campaign until it ends, and print the result.

    Args:
        processes: of the bring-up.
        folder: of the campaign.
        namespace: of the diagnosis.
        operator_cell: cell whose requests are shown and answered on this terminal; empty: none.

    Returns:
        0 if the campaign finished, 130 after Ctrl-C, else the code of what ended it.
    """
    console = terminal_console()
    environment = process_environment()
    os.environ.update(environment)  # this process's own view must find them
    view = _View(console, namespace, operator_cell)
    supervisor = Supervisor(view.log, output=sys.stdout.fileno())
    for p in processes:
        supervisor.add(p.name, p.command(), p.respawn, environment, p.window)
    threading.Thread(target=view.run, name="view", daemon=True).start()
    supervisor.loop()
    view.close()
    if supervisor.returncode == NOBODY_READS:
        return NOBODY_READS
    return _report(console, folder, supervisor.returncode or 0, view)


def process_environment() -> dict[str, str]:
    """The environment of our processes: local discovery unless the user widens it."""
    return {**process_defaults(), **os.environ}


def publish_ranking(ranking: FailureRanking, namespace: str) -> None:
    """Publish a stored ranking, latched, until Ctrl-C; for RViz, rqt and other subscribers."""
    import rclpy
    from rclpy.node import Node

    from robomd_ros.ros.conversions import ranking_to_msg
    from robomd_ros.ros.qos import LATCHED

    os.environ.update(process_environment())
    rclpy.init(args=[])
    node = Node("ranking_publisher", namespace=namespace)
    message = ranking_to_msg(ranking)
    publisher = node.create_publisher(type(message), "failure_ranking", LATCHED)
    publisher.publish(message)
    print(f"published on {publisher.topic_name} until Ctrl-C")
    with contextlib.suppress(KeyboardInterrupt, Exception):
        rclpy.spin(node)
    rclpy.try_shutdown()


class _View:
    """The monitor node in a thread of this process, and the processes' output above it.

    With an operator, also the prompt of the cell: what is asked, and the line being typed.
    """

    def __init__(self, console: Console, namespace: str, operator_cell: str) -> None:
        self._console = console
        self._namespace = namespace
        self._cell = operator_cell
        self._node: MonitorNode | None = None
        self._keyboard: Keyboard | None = None
        self._closing = threading.Event()

    def log(self, name: str, line: str) -> None:
        """Print a line of a process above the view."""
        self.say(f"{name}: {line}")

    def say(self, text: str) -> None:
        """Print a line above the view."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def run(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions

        from robomd_ros.nodes.monitor_node import MonitorNode

        # the supervisor handles the signals of this process
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        node = MonitorNode(self._console, table_at_end=False, namespace=self._namespace)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        if self._cell:
            executor.add_node(self._prompt(node))
        self._node = node
        node.connect()
        while not self._closing.is_set():
            executor.spin_once(timeout_sec=0.2)
        node.close()

    def _prompt(self, monitor: "MonitorNode") -> "OperatorPrompt":
        """The operator's front end, its request and input line at the top of the view."""
        from robomd_ros.nodes.operator_prompt import OperatorPrompt

        in_place = self._console.is_terminal

        def show(text: str) -> None:
            if text and not (in_place and text == prompt.text):  # the panel shows what is open
                self.say(text)

        namespace = f"{self._namespace}/{self._cell}"
        prompt = OperatorPrompt(show=show, keyboard=False, namespace=namespace)
        self._keyboard = keyboard = Keyboard(prompt.take, monitor.draw, begun=prompt.begun)
        prompt.discard, prompt.ring = keyboard.discard, self._console.bell
        monitor.blind = lambda: prompt.labelling
        if in_place:
            monitor.above = lambda: prompt_panel(prompt.text, keyboard.typed)
        keyboard.start()
        return prompt

    def close(self) -> None:
        """Give the terminal back."""
        self._closing.set()
        time.sleep(0.3)
        if self._keyboard is not None:
            self._keyboard.close()
        if self._node is not None:
            self._node.close()

    @property
    def failed(self) -> str:
        """Why the campaign failed; empty if it did not."""
        status = self._node.view.status if self._node is not None else None
        return status.message if status and status.state is CampaignState.FAILED else ""


def _report(console: Console, folder: Path, code: int, view: _View) -> int:
    """The table and where everything is; the exit code."""
    with contextlib.suppress(RoboMDError):
        stored = read_campaign(folder)
        if stored.ranking is not None:
            console.print(ranking_table(stored.ranking, _PRINTED))
    if code in (_INTERRUPTED, 128 + signal.SIGTERM):
        console.print(
            "Interrupted. The same command goes on from here, with OUT= (make sim) or "
            f"out:= (robomd sim) {shlex.quote(str(folder))}",
            soft_wrap=True,
        )
    elif code:
        reason = view.failed or "see the messages above"
        print(f"error: the campaign ended early: {reason}", file=sys.stderr)
    if folder.exists():
        if not code and not wait_for_report(folder, _REPORT_TIME):
            console.print(f"  {folder / 'report'}  the report is still being written", style="dim")
        for name, what in _CONTENTS.items():
            if (folder / name).exists():
                console.print(f"  {folder / name}", style="dim", end="", soft_wrap=True)
                console.print(f"  {what}", style="dim")
        command = shlex.join([sys.argv[0], "ranking", str(folder)])
        console.print(f"  {command}   prints all of it", style="dim", soft_wrap=True)
    return code


_PRINTED = 40
"""Failure modes in the table at the end; `robomd ranking` prints all of them."""

_CONTENTS = {
    "ranking.json": "the ranking",
    "report/report.html": "the report; open it in a browser",
    "trials.db": "every trial (SQLite)",
    "images": "the first picture of every trial",
    "campaign.yaml": "the configuration",
}
