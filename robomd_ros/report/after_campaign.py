# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report at the end of a campaign, in a process of its own: nobody waits for it.

What goes wrong with a report never touches the campaign, whose trials and ranking are stored: it is
told as a warning.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.hosted.parent import program

_WRITER = "writer.pid"
_TIME_LIMIT = 300
"""s after which a report that is not done is given up."""
_NICENESS = 10
"""The report may wait; a robot or a simulator that runs meanwhile may not."""


def start_report(folder: Path, warn: Callable[[str], None]) -> None:
    """Begin to write the report of a campaign that has ended; returns at once and never raises.

    The writer is a process in a session of its own: it goes on when this process ends.

    Args:
        folder: the campaign's.
        warn: is told, on a thread, why there is no report.
    """
    command = program("robomd_ros.report.after_campaign", str(folder))
    try:
        _mark(folder).parent.mkdir(exist_ok=True)
        writer = subprocess.Popen(  # noqa: S603 - a fixed command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        _mark(folder).write_text(f"{writer.pid}\n")
    except OSError as error:
        warn(f"no report is written: {error}")
        return
    threading.Thread(target=_await, args=(writer, folder, warn), name="report", daemon=True).start()


def wait_for_report(folder: Path, timeout: float) -> bool:
    """Wait, at most `timeout` s, for a report that is being written; False if it still is."""
    deadline = time.monotonic() + timeout
    while _being_written(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not _being_written(folder)


def _mark(folder: Path) -> Path:
    return folder / "report" / _WRITER


def _being_written(folder: Path) -> bool:
    try:
        os.kill(int(_mark(folder).read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def _await(writer: "subprocess.Popen[bytes]", folder: Path, warn: Callable[[str], None]) -> None:
    _, error = writer.communicate()
    with contextlib.suppress(OSError):
        _mark(folder).unlink(missing_ok=True)
    if writer.returncode:
        lines = error.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"the writer ended with code {writer.returncode}"
        warn(f"no report was written: {reason}; try: robomd report {folder}")


def main(argv: Sequence[str] | None = None) -> int:
    """The writer's process: one campaign folder."""
    folder = Path((sys.argv[1:] if argv is None else argv)[0])
    signal.alarm(_TIME_LIMIT)
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    from robomd_ros.report.write import write_report  # noqa: PLC0415 - after nice: it is heavy

    try:
        write_report([folder])
    except RoboMDError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by the parent
        return 1
    finally:
        with contextlib.suppress(OSError):
            _mark(folder).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
