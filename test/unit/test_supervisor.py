# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Processes under honcho: started again, given up, ended together."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

pytest.importorskip("rclpy", reason="the supervisor shares the nodes' exit codes")

from robomd_ros.bringup import supervisor
from robomd_ros.bringup.supervisor import Supervisor, windows


def run(*programs, respawn=True, during=None):
    """Run Python programs to the end; returns (exit code, lines)."""
    lines = []
    manager = Supervisor(lambda name, line: lines.append((name, line)))
    for number, program in enumerate(programs):
        command = [sys.executable, "-u", "-c", program]
        manager.add(f"p{number}", command, respawn, dict(os.environ))
    if during is not None:
        threading.Thread(target=during, args=(lines,), daemon=True).start()
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        manager.loop()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return manager.returncode, [line for _, line in lines]


def test_the_first_that_ends_by_wish_ends_all():
    started = time.monotonic()
    code, lines = run("print('done')", "import time; time.sleep(60)")
    assert code == 0
    assert "done" in lines
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("final", [2, 3])
def test_a_reason_that_stays_is_not_tried_again(final):
    code, lines = run(f"import sys; print('once'); sys.exit({final})")
    assert code == final
    assert lines.count("once") == 1


def test_what_dies_as_soon_as_it_starts_is_given_up(monkeypatch):
    monkeypatch.setattr(supervisor, "_RESPAWN_DELAY", 0.01)
    code, lines = run("import sys; print('try'); sys.exit(1)")
    assert code == 1
    assert lines.count("try") == supervisor._QUICK_DEATHS
    assert any("given up" in line for line in lines)


def test_what_is_killed_is_started_again(monkeypatch):
    monkeypatch.setattr(supervisor, "_RESPAWN_DELAY", 0.01)
    program = "import os, time; print('pid', os.getpid()); time.sleep(60)"

    def kill_once_then_end(lines):
        while not lines:
            time.sleep(0.02)
        os.kill(int(lines[0][1].split()[1]), signal.SIGKILL)
        while sum(line.startswith("pid") for _, line in lines) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    code, lines = run(program, during=kill_once_then_end)
    assert code == 130
    assert sum(line.startswith("pid") for line in lines) == 2
    assert any("died with code -9" in line for line in lines)


def test_what_is_killed_again_and_again_is_started_again(monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "_RESPAWN_DELAY", 0.01)
    lives = tmp_path / "lives"
    code, lines = run(
        f"import os, signal; lives = open({str(lives)!r}, 'a+'); lives.write('x'); lives.flush(); "
        f"lives.seek(0); os.kill(os.getpid(), signal.SIGKILL) if len(lives.read()) < 6 else None"
    )
    assert code == 0
    assert lives.read_text() == "x" * 6
    assert not any("given up" in line for line in lines)


def test_a_window_may_be_closed_and_is_closed_at_the_end(tmp_path):
    """Whoever closes RViz does not end the campaign; the campaign's end closes RViz."""
    closed = [sys.executable, "-c", "raise SystemExit(7)"]
    program = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    note = tmp_path / "pid"
    stays = [sys.executable, "-c", program, str(note)]
    with windows([closed, stays], os.environ):
        deadline = time.monotonic() + 30
        while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        pid = int(note.read_text())
        assert psutil.pid_exists(pid)
        assert os.getpgid(pid) != os.getpgid(0)  # Ctrl-C of this terminal does not reach it
    assert not psutil.pid_exists(pid)


def test_a_window_ends_with_a_parent_that_is_killed(tmp_path):
    note = tmp_path / "pid"
    child = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        "import os, sys, time\n"
        "from robomd_ros.bringup.supervisor import windows\n"
        f"with windows([[sys.executable, '-c', {child!r}]], os.environ):\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    pid = int(note.read_text())
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
