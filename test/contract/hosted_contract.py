# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every hosted child does, in whatever Python it runs."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.hosted.process import HostedProcess
from robomd_ros.core.hosted.service import (
    HostedClosedError,
    HostedFailure,
    HostedFault,
    HostedService,
    Interrupted,
)

HERE = Path(__file__).parent
HOST = "hosted_samples:serve"


def gone(pid: int, within: float = 5.0) -> bool:
    """Whether a process has ended within s; who was not waited for yet has."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


class HostedContract:
    """Inherit and set `python`: the path of the interpreter, or empty for this one."""

    python = ""

    @pytest.fixture
    def service(self, monkeypatch):
        monkeypatch.chdir(HERE)  # a user's code lies in the current folder
        opened = []

        def make(options=None, start_timeout=60.0):
            opened.append(
                HostedService(lambda: HostedProcess(HOST, options, self.python), start_timeout)
            )
            return opened[-1]

        yield make
        for one in opened:
            one.close()

    def test_it_says_who_it_is_and_answers(self, service):
        child = service()
        child.connect()
        assert child.description["pid"] == child.pid
        assert child._process.hello["pid"] == child.pid
        assert child._process.hello["hosts"] == HOST
        assert child._process.hello["numpy"]
        assert child.call("echo", [1, 2.5, None, "\u00e4\u20ac", True], timeout=20) == [
            1, 2.5, None, "\u00e4\u20ac", True
        ]  # fmt: skip

    def test_every_kind_of_array_comes_back_as_it_was(self, service):
        child = service()
        given = {
            "picture": np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3),
            "turned": np.arange(12.0).reshape(3, 4).T,
            "part": np.arange(20, dtype=np.int16)[::3],
            "none": np.empty((0, 7), np.float32),
            "single": np.array(2.5),
            "flags": np.array([True, False]),
            "complex": np.array([1 + 2j]),
            "big_endian": np.array([1, 2], ">i4"),
            "odd": np.array([np.nan, np.inf, -0.0]),
        }
        back = child.call("echo", given, timeout=20)
        for name, array in given.items():
            assert back[name].dtype == array.dtype, name
            assert back[name].shape == array.shape, name
            np.testing.assert_array_equal(back[name], array, err_msg=name)
            assert back[name].flags.writeable, name
        assert child.call("echo", np.float32(1.5), timeout=20) == np.float32(1.5)
        assert child.call("echo", b"\x00\xff", timeout=20) == b"\x00\xff"

    def test_huge_messages_go_both_ways(self, service):
        child = service()
        huge = np.random.default_rng(0).integers(0, 255, 60_000_000, dtype=np.uint8)
        assert np.array_equal(child.call("echo", huge, timeout=60), huge)
        text = "x" * 5_000_000
        assert child.call("echo", text, timeout=60) == text

    def test_what_is_no_data_is_refused_on_either_side(self, service):
        child = service()
        with pytest.raises(TypeError, match="Thread cannot be sent"):
            child.call("echo", threading.current_thread(), timeout=20)
        with pytest.raises(HostedFault, match="returned what is no data: object cannot be sent"):
            child.call("nothing_that_can_be_sent", timeout=20)
        assert child.call("echo", 1, timeout=20) == 1

    def test_what_it_prints_never_disturbs_the_channel(self, service, capfd):
        child = service()
        assert child.call("chatter", timeout=20) == "still here"
        child.close()
        out, err = capfd.readouterr()
        assert out == ""  # this process's own output stays its own
        assert "a line on stdout" in err

    def test_the_text_of_a_crash(self, service):
        child = service()
        with pytest.raises(HostedFailure) as crash:
            child.call("crash", timeout=20)
        words = str(crash.value)
        assert words.startswith("died: signal 11 (SIGSEGV); its last words: Fatal Python error: ")
        assert "in string_at" in words
        assert child.call("echo", 1, timeout=20) == 1  # and it was started again

    def test_the_text_of_an_exit(self, service):
        child = service()
        with pytest.raises(HostedFailure) as left:
            child.call("leave", 7, "no space left on the device", timeout=20)
        assert str(left.value) == "died: exit code 7; its last words: no space left on the device"

    def test_killed_between_calls_costs_nothing(self, service):
        child = service()
        before = child.call("pid", timeout=20)
        os.kill(before, signal.SIGKILL)
        assert gone(before)
        time.sleep(0.5)  # its other threads end a moment later
        assert child.call("pid", timeout=20) != before

    @pytest.mark.parametrize("how", ["sleep", "stick"])
    def test_the_deadline_of_a_call(self, service, how):
        child = service()
        before = child.call("pid", timeout=20)
        begun = time.monotonic()
        with pytest.raises(HostedFailure, match=r"no answer within 0\.5 s"):
            child.call(how, *([30] if how == "sleep" else []), timeout=0.5)
        assert time.monotonic() - begun < 3.0
        assert gone(before)
        assert child.call("pid", timeout=20) not in (None, before)

    def test_the_deadline_of_a_start(self, service):
        child = service("dawdle", start_timeout=1.0)
        with pytest.raises(HostedFailure, match="no answer within 1 s"):
            child.connect()
        assert child.pid is None

    def test_a_child_that_reads_nothing_holds_nobody_up(self, service):
        child = service()
        child.connect()
        os.kill(child.pid, signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(HostedFailure):
            child.call("echo", np.zeros(50_000_000, np.uint8), timeout=0.5)
        assert time.monotonic() - begun < 3.0

    def test_a_host_that_cannot_be_made(self, service):
        with pytest.raises(HostedFault, match="ValueError: no calibration"):
            service("refuse").connect()

    def test_a_host_that_does_not_exist(self, monkeypatch):
        monkeypatch.chdir(HERE)
        make = lambda: HostedProcess("hosted_samples:missing", None, self.python)  # noqa: E731
        with pytest.raises(HostedFault, match="has no attribute 'missing'"):
            HostedService(make, 60.0).connect()

    def test_abandoned_and_asked_again(self, service):
        child = service()
        child.connect()
        with pytest.raises(Interrupted):
            child.call("sleep", 0.3, timeout=20, abandoned=lambda: True)
        assert child.call("echo", "the answer to this", timeout=20) == "the answer to this"

    def test_cancelled(self, service):
        child = service("cancellable")
        child.connect()
        threading.Timer(0.2, child.cancel).start()
        assert child.call("until_cancelled", timeout=20) == "cancelled"
        assert child.call("echo", 1, timeout=20) == 1

    def test_closed_from_another_thread(self, service):
        child = service()
        pid = child.call("pid", timeout=20)
        threading.Timer(0.2, child.close).start()
        with pytest.raises(HostedClosedError):
            child.call("sleep", 30, timeout=60)
        assert gone(pid)
        with pytest.raises(HostedClosedError):
            child.call("echo", 1, timeout=5)

    def test_grandchildren_end_with_it(self, service):
        child = service()
        bred = child.call("breed", 3, timeout=30)
        assert len(set(bred)) == 15
        child.close()
        assert all(gone(pid) for pid in bred)

    def test_a_forked_copy_that_holds_the_channel_is_no_answer(self, service):
        child = service()
        pid = child.call("pid", timeout=20)
        begun = time.monotonic()
        with pytest.raises(HostedFailure, match="died: exit code 9"):
            child.call("fork_and_leave", timeout=20)
        assert time.monotonic() - begun < 10.0
        assert gone(pid)

    @pytest.mark.parametrize("busy", ["'sleep', 3600", "'stick'", "'breed', 2"])
    def test_it_dies_with_a_parent_that_is_killed(self, busy):
        parent = self._parent(
            f"""
            print(child.call("pid", timeout=60), *child.call("breed", 2, timeout=60), flush=True)
            child.call({busy}, timeout=3600)
            time.sleep(3600)
            """
        )
        with parent:
            pids = [int(word) for word in parent.stdout.readline().split()]
            assert len(pids) == 8
            time.sleep(0.3)
            parent.kill()
            parent.wait()
        assert all(gone(pid) for pid in pids)

    def test_the_thread_that_started_it_may_end_the_process_may_not(self):
        parent = self._parent(
            """
            starter = threading.Thread(target=child.connect)
            starter.start(); starter.join(); time.sleep(0.5)
            print(child.call("pid", timeout=60), flush=True)
            time.sleep(3600)
            """
        )
        with parent:
            pid = int(parent.stdout.readline())
            assert not gone(pid, within=0.3)
            parent.kill()
            parent.wait()
        assert gone(pid)

    def test_a_forked_copy_of_the_parent_does_not_keep_it_alive(self):
        parent = self._parent(
            """
            pid = child.call("pid", timeout=60)
            copy = os.fork()
            if copy == 0:
                os.close(1)
                time.sleep(3600)
            print(pid, copy, flush=True)
            time.sleep(3600)
            """
        )
        with parent:
            pid, copy = map(int, parent.stdout.readline().split())
            parent.kill()
            parent.wait()
        try:
            assert gone(pid)
        finally:
            os.kill(copy, signal.SIGKILL)

    def test_a_parent_that_died_before_the_child_looked(self):
        """The end of the pipe may be gone before the child can ask to be told of it."""
        parent = self._parent("child.start(); print(child.pid, flush=True)")
        with parent:
            pid = int(parent.stdout.readline())
            parent.kill()  # at once: the child's interpreter has hardly begun
            parent.wait()
        assert gone(pid)

    def _parent(self, program):
        preamble = f"""
            import os, sys, threading, time
            os.chdir({str(HERE)!r})
            from robomd_ros.core.hosted.process import HostedProcess
            from robomd_ros.core.hosted.service import HostedService
            child = HostedService(lambda: HostedProcess({HOST!r}, None, {self.python!r}), 60.0)
            """
        code = textwrap.dedent(preamble) + textwrap.dedent(program)
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def unusable(python: str) -> str:
    """Why an interpreter cannot host anything."""
    with pytest.raises(ConfigurationError) as refused:
        HostedService(lambda: HostedProcess(HOST, None, python), 60.0).connect()
    return str(refused.value)
