# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Processes of a bring-up: started again, given up, ended together, never left behind."""

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
from robomd_ros.bringup.supervisor import Supervisor
from robomd_ros.core.hosted.parent import program, starter_variables, tool

PRINT_AND_SLEEP = "import os, time; os.write(1, b'pid %d\\n' % os.getpid()); time.sleep(60)"


def run(*programs, respawn=True, during=None, windows=()):
    """Run Python programs to the end; returns (exit code, lines)."""
    lines = []
    manager = Supervisor(lambda name, line: lines.append((name, line)))
    for number, text in enumerate((*programs, *windows)):
        command = [sys.executable, "-u", "-c", text]
        window = number >= len(programs)
        manager.add(f"p{number}", command, respawn, dict(os.environ), window)
    if during is not None:
        threading.Thread(target=during, args=(lines,), daemon=True).start()
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    manager.loop()
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    return manager.returncode, [line for _, line in lines]


def gone(pid, within=10.0):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


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


def test_lines_come_whole_and_in_order():
    code, lines = run(
        "import os, sys, time\n"
        "os.write(1, b'begun '); time.sleep(0.3); os.write(2, b'and ended\\n\\xff\\n')\n"
        "os.write(1, b'x' * 200_000 + b'\\nno end of line')\n"
    )
    assert code == 0
    assert lines[:2] == ["begun and ended", "\ufffd"]
    assert "".join(lines[2:-1]) == "x" * 200_000
    assert lines[-1] == "no end of line"


def test_what_was_printed_just_before_the_end_is_read(monkeypatch):
    """More than is read at a time waits in the pipe when the end of its writer is noticed."""
    monkeypatch.setattr(supervisor, "_LONGEST_LINE", 1 << 10)
    monkeypatch.setattr(Supervisor, "_pass_on", lambda self, events: time.sleep(0.1))
    code, lines = run("import os; os.write(1, b'first\\n' + b'y' * 30_000 + b'\\nno end of line')")
    assert code == 0
    assert lines[0] == "first" and lines[-1] == "no end of line"
    assert "".join(lines[1:-1]) == "y" * 30_000


def test_what_cannot_be_started_ends_all():
    manager = Supervisor(lambda name, line: lines.append(line))
    lines = []
    manager.add("there", [sys.executable, "-c", PRINT_AND_SLEEP], True, dict(os.environ))
    manager.add("absent", ["/nowhere/ros2", "bag"], False, dict(os.environ))
    manager.loop()
    assert manager.returncode == 2
    assert "/nowhere/ros2 cannot be started: No such file or directory" in lines


def test_what_a_dead_process_has_started_holds_nothing_up():
    begun = time.monotonic()
    code, lines = run(
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', "
        "'import time; time.sleep(60)']); print(p.pid)"
    )
    assert code == 0
    assert time.monotonic() - begun < 20
    assert gone(int(lines[0]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_all_however_stubborn(monkeypatch, number):
    monkeypatch.setattr(supervisor, "_PATIENCE", 1.0)
    stubborn = (
        "import signal\n"
        "for n in signal.SIGINT, signal.SIGTERM, signal.SIGHUP: signal.signal(n, signal.SIG_IGN)\n"
        + PRINT_AND_SLEEP
    )
    begun = []

    def signal_once(lines):
        while len(lines) < 2:
            time.sleep(0.02)
        begun.append(time.monotonic())
        os.kill(os.getpid(), number)

    code, lines = run(stubborn, PRINT_AND_SLEEP, during=signal_once)
    assert code == 128 + number
    assert time.monotonic() - begun[0] < 5.0
    assert all(gone(int(line.split()[1])) for line in lines)


def test_a_signal_between_two_lives_ends_all(monkeypatch):
    monkeypatch.setattr(supervisor, "_RESPAWN_DELAY", 30.0)

    def signal_once(lines):
        while not lines:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    begun = time.monotonic()
    code, _ = run("raise SystemExit(1)", during=signal_once)
    assert code == 130
    assert time.monotonic() - begun < 15


def test_a_window_may_be_closed_and_is_closed_at_the_end(tmp_path):
    """Whoever closes RViz does not end the campaign; the campaign's end closes RViz."""
    note = tmp_path / "pid"
    stays = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    waits = (
        "import pathlib, time\n"
        f"note = pathlib.Path({str(note)!r})\n"
        "while not (note.exists() and note.read_text()): time.sleep(0.02)\n"
        "time.sleep(0.5); print('campaign')"
    )
    code, lines = run(waits, windows=["print('chatter'); raise SystemExit(7)", stays])
    assert (code, lines) == (0, ["campaign"])
    assert gone(int(note.read_text()))


SUPERVISED = """
import os, sys
from robomd_ros.bringup.supervisor import Supervisor
from robomd_ros.core.hosted.parent import program, tool
manager = Supervisor(lambda name, line: print(line, flush=True), output=1)
module, bare = sys.argv[1:3]
manager.add("module", program(module), True, dict(os.environ))
manager.add("tool", tool(sys.executable, "-u", "-c", bare), True, dict(os.environ))
manager.loop()
sys.exit(manager.returncode)
"""


def supervised(tmp_path, module_text=PRINT_AND_SLEEP, bare=PRINT_AND_SLEEP):
    (tmp_path / "sleeper.py").write_text(module_text)
    command = [sys.executable, "-c", SUPERVISED, "sleeper", bare]
    return subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def test_programs_of_ours_and_of_others_end_with_a_supervisor_that_is_killed(tmp_path):
    with supervised(tmp_path) as process:
        pids = [int(process.stdout.readline().split()[1]) for _ in range(2)]
        assert all(psutil.pid_exists(pid) for pid in pids)
        process.kill()
    assert all(gone(pid) for pid in pids)


def test_one_that_does_not_end_by_itself_is_killed_when_its_starter_is_gone(tmp_path):
    grace = "import robomd_ros.core.hosted.parent as p; p._GRACE = 1.0\n"
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    with supervised(tmp_path, module_text=grace + deaf + PRINT_AND_SLEEP) as process:
        pids = [int(process.stdout.readline().split()[1]) for _ in range(2)]
        process.kill()
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize("chatty", [True, False])
def test_who_reads_the_output_goes_and_all_ends(tmp_path, chatty):
    """As `| head -3` does, also where nothing more is ever printed."""
    loud = "import os, time\nwhile True: os.write(1, b'pid %d\\n' % os.getpid()); time.sleep(0.01)"
    with supervised(tmp_path, module_text=loud if chatty else PRINT_AND_SLEEP) as process:
        pids = {int(process.stdout.readline().split()[1]) for _ in range(2)}
        process.stdout.close()
        assert process.wait(15) == 141
    assert all(gone(pid) for pid in pids)


def test_a_node_that_a_person_starts_outlives_its_shell(tmp_path):
    (tmp_path / "sleeper.py").write_text(PRINT_AND_SLEEP)
    start = f"import subprocess; subprocess.Popen({program('sleeper')!r})"
    with subprocess.Popen(
        [sys.executable, "-c", start], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as shell:
        pid = int(shell.stdout.readline().split()[1])
        shell.wait(30)
    try:
        assert not gone(pid, within=1.0)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_starter_that_died_before_its_program_looked(tmp_path):
    (tmp_path / "sleeper.py").write_text("print('it runs')")
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    environment = {**os.environ, **starter_variables()}
    environment["ROBOMD_START"] = environment["ROBOMD_START"].replace(
        str(os.getpid()), str(dead.pid)
    )
    for command in (program("sleeper"), tool(sys.executable, "-c", "print('it runs')")):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (143, "")


def test_what_a_program_starts_is_not_concerned(tmp_path):
    (tmp_path / "looker.py").write_text("import os; print('ROBOMD_START' in os.environ)")
    environment = {**os.environ, **starter_variables()}
    done = subprocess.run(
        program("looker"), cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
