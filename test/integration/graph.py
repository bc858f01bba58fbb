# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real processes over real DDS for the tests: bring-ups and planted policies."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

PLANTED = '''
"""The scripted expert, except that it stands still in the scenes that are planted as failures."""
import os
import time

import numpy as np

from sim_bridge.experts.lift import ScriptedExpert

FAILS_IN = [set(group.split("+")) for group in os.environ.get("PLANTED", "").split(",") if group]


class Policy(ScriptedExpert):
    wants_state = True

    def act(self, observation):
        scene = set(observation["state"]["scene"])
        if any(group <= scene for group in FAILS_IN):
            return np.zeros(7)
        return super().act(observation)


class Raising(Policy):
    """Raises in the scenes that are planted."""

    def act(self, observation):
        if any(group <= set(observation["state"]["scene"]) for group in FAILS_IN):
            raise RuntimeError("planted exception")
        return super().act(observation)


class NotFinite(Policy):
    def act(self, observation):
        if any(group <= set(observation["state"]["scene"]) for group in FAILS_IN):
            return np.full(7, np.nan)
        return super().act(observation)


class Hanging(Policy):
    def act(self, observation):
        if any(group <= set(observation["state"]["scene"]) for group in FAILS_IN):
            time.sleep(3600)
        return super().act(observation)


class WrongShape:
    def reset(self, seed, instruction):
        pass

    def act(self, observation):
        return np.zeros(3)
'''


NO_CONTROL = {"nominal_trials": 0, "nominal_share": 0.0}
"""No control arm, so that a test can count the trials of changed scenes."""


class Bringup:
    """`robomd sim ...` (or ur5e) in its own process group, with its output in a file."""

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str],
        env: dict[str, str],
        planted: str = "",
        command: str = "sim",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "planted_policy.py").write_text(PLANTED)
        if not any(argument.startswith("report:=") for argument in arguments):
            arguments = [*arguments, "report:=false"]  # test_report_at_end.py is about that one
        if not any(argument.startswith("nominal_") for argument in arguments):
            arguments = [*arguments, *(f"{name}:={value}" for name, value in NO_CONTROL.items())]
        if not any(argument.startswith("confidence:=") for argument in arguments):
            arguments = [*arguments, "confidence:=0.9999999"]  # on to the budget
        self.log = folder / "output.txt"
        self._file = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "robomd_ros.cli.main", command, *arguments],
            cwd=folder,
            env={**os.environ, **env, "PLANTED": planted},
            stdout=self._file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> "Bringup":
        return self

    def __exit__(self, *_: object) -> None:
        for child in [*self.children(), psutil.Process(self.process.pid)] if self.running else []:
            child.kill()
        self.process.wait(10)
        self._file.close()

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def children(self, *words: str) -> list[psutil.Process]:
        """Descendants whose command line holds all the words."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = " ".join(child.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words):
                found.append(child)
        return found

    def node(self, executable: str, namespace: str = "") -> psutil.Process:
        """The process of a node; waits for it."""
        words = [f" {executable} "] + ([f"__ns:={namespace} "] if namespace else [])
        return wait_for(lambda: self.children(*words), f"process {executable}")[0]

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self, timeout: float) -> int:
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still running after {timeout:g} s; its output:\n{self.output[-4000:]}"
            ) from None


def robomd(folder, domain, *arguments):
    """`robomd sim` in a process of its own."""
    (folder / "planted_policy.py").write_text(PLANTED)
    command = [sys.executable, "-m", "robomd_ros.cli.main", "sim", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **domain}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def check_refusal(code, message, says):
    assert code == 2, message
    assert message.startswith("error: "), message
    assert "Traceback" not in message
    for part in says:
        assert part in message, message


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 60.0) -> Any:
    """The first true value of the condition; AssertionError that names what never came."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {timeout:g} s")


def rows(folder: Path, where: str = "1") -> list[sqlite3.Row]:
    """Rows of the trials of a campaign, in order; empty if there is no database yet."""
    path = folder / "trials.db"
    if not path.exists():
        return []
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    database.row_factory = sqlite3.Row
    try:
        query = f"SELECT * FROM trials WHERE {where} ORDER BY trial_index"
        return list(database.execute(query))
    except sqlite3.OperationalError:
        return []
    finally:
        database.close()


def valid(folder: Path) -> list[sqlite3.Row]:
    """Rows with a valid outcome."""
    return rows(folder, "result IN ('SUCCESS', 'FAILURE')")


def ranking(folder: Path) -> dict[str, Any]:
    """ranking.json."""
    return json.loads((folder / "ranking.json").read_text())


def mode_ids(mode: dict[str, Any]) -> list[str]:
    """Variation ids of a failure mode of ranking.json."""
    return [v["id"] for v in mode["variations"]]
