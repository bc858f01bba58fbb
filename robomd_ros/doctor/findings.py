# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a check found, and what to do about it."""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from robomd_ros.core.hosted.parent import program


class CheckState(Enum):
    """How a check ended; only BAD keeps a first run from working."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "BAD"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: what was looked at, a few words.
        state: how it ended.
        found: what is there, with its value.
        remedy: what to do; empty where nothing is.
    """

    check: str
    state: CheckState
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.state.value:>7}  {self.check:<16} {self.found}"
        return f"{line}\n{'':>26}-> {self.remedy}" if self.remedy else line


def good(check: str, found: str) -> Finding:
    """All that is needed is there."""
    return Finding(check, CheckState.GOOD, found)


def note(check: str, found: str, remedy: str) -> Finding:
    """It works, but is worth a look."""
    return Finding(check, CheckState.NOTE, found, remedy)


def bad(check: str, found: str, remedy: str) -> Finding:
    """A first run would not work."""
    return Finding(check, CheckState.BAD, found, remedy)


def skipped(check: str, why: str) -> Finding:
    """It could not be looked at, or is not needed."""
    return Finding(check, CheckState.SKIPPED, why)


def tell(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Print each as it comes, and pass it on."""
    for finding in findings:
        print(finding, flush=True)
        yield finding


def probe_command(name: str, *arguments: str) -> list[str]:
    """The command of one of the probes."""
    return program("robomd_ros.doctor.probes", name, *arguments)


def probe(name: str, *arguments: str, timeout: float = 60.0) -> tuple[bool, str]:
    """Run a probe in a process of its own.

    Args:
        name: of the probe.
        arguments: its own.
        timeout: s after which it is ended.

    Returns:
        (whether it worked, the last line that it printed or why it did not work).
    """
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command of this package
            probe_command(name, *arguments),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {timeout:g} s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    if done.returncode != 0 and lines:
        return False, lines[-1].rpartition("Error: ")[2]  # without the name of the exception
    return done.returncode == 0, lines[-1] if lines else f"exit code {done.returncode}"
