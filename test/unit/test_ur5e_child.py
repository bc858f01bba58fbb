# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the control process does with a library of ours; with a twin: test_ur5e_process.py."""

import time

import numpy as np
import pytest

from robomd_ros.arms.ur5e.parameters import ArmParameters
from robomd_ros.arms.ur5e.process import ControlProcess
from robomd_ros.arms.ur5e.settings import arm_options


def options(**values):
    return arm_options(ArmParameters(robot_ip="127.0.0.1", **values)).control


THROWING = '''
class RTDEControlInterface:
    """Says that it is connected, and throws when it is used: a controller that goes right now."""

    FLAG_UPLOAD_SCRIPT = 1
    FLAG_UPPER_RANGE_REGISTERS = 2

    def __init__(self, host, frequency, flags):
        pass

    def getTCPOffset(self):
        return [0.0] * 6

    def setWatchdog(self, rate):
        return True

    def isConnected(self):
        return True

    def isProgramRunning(self):
        return True

    def kickWatchdog(self):
        raise RuntimeError("Timeout connecting to UR dashboard server.")
'''


def test_a_controller_that_goes_while_it_is_used_is_a_lost_connection(tmp_path, monkeypatch, capfd):
    pytest.importorskip("rtde_receive", reason="needs ur_rtde")
    (tmp_path / "rtde_control.py").write_text(THROWING)
    monkeypatch.syspath_prepend(tmp_path)
    child = ControlProcess(options())
    try:
        deadline = time.monotonic() + 30
        while not child.fault() and time.monotonic() < deadline:
            child.receive(0.05)
        assert child.fault() == "the control process lost its connection to the controller"
    finally:
        child.kill()
    said = capfd.readouterr().err
    assert said.strip().splitlines() == [
        "the control process lost the controller: Timeout connecting to UR dashboard server."
    ]


RECORDING = '''
import time

class RTDEControlInterface:
    """A controller that follows; it writes down when it was told what."""

    FLAG_UPLOAD_SCRIPT = 1
    FLAG_UPPER_RANGE_REGISTERS = 2

    def __init__(self, host, frequency, flags):
        self.record = open({path!r}, "w", buffering=1)

    def getTCPOffset(self):
        return [0.0] * 6

    def setWatchdog(self, rate):
        return True

    def isConnected(self):
        return True

    def isProgramRunning(self):
        return True

    def kickWatchdog(self):
        return True

    def servoJ(self, q, speed, acceleration, period, lookahead, gain):
        print("servo", time.monotonic(), *q, file=self.record)
        return True

    def servoStop(self):
        print("stop", time.monotonic(), file=self.record)

    def stopScript(self):
        pass
'''

START = (0.0, -1.571, 1.571, -1.571, -1.571, 0.0)


@pytest.mark.parametrize(
    ("kind", "command"),
    [("twist", (0.0, 0.0, 0.0, 0.0, 0.0, 0.3)), ("joints", (1.0, *START[1:]))],
)
def test_a_stale_stream_is_not_followed_any_further(tmp_path, monkeypatch, kind, command):
    """The parent lives on and says so, but no new command comes."""
    pytest.importorskip("rtde_receive", reason="needs ur_rtde")
    path = tmp_path / "record.txt"
    (tmp_path / "rtde_control.py").write_text(RECORDING.replace("{path!r}", repr(str(path))))
    monkeypatch.syspath_prepend(tmp_path)
    child = ControlProcess(options(workspace_lower=(-0.9,) * 3, command_timeout=0.2))
    try:
        _until(child, lambda: child.ready, 30)
        last = time.monotonic()
        child.send((kind, np.array(command), START))
        _until(child, lambda: child.mode == "streaming", 5)
        _until(child, lambda: child.mode == "idle", 10)
    finally:
        child.kill()
    lines = [line.split() for line in path.read_text().splitlines()]
    assert [words[0] for words in lines].count("stop") == 1
    assert lines[-1][0] == "stop"
    times = np.array([float(words[1]) for words in lines[:-1]]) - last
    q = np.array([[float(word) for word in words[2:]] for words in lines[:-1]])
    moved = np.abs(q - START).max(axis=1)
    assert moved.max() > 0.01  # it was followed at first
    # the time-out, 0.2 s to stop from the speed limit, and as much for a busy machine
    moving = times[1:][np.abs(np.diff(q, axis=0)).max(axis=1) > 1e-6]
    assert moving.max() < 0.2 + 0.2 + 0.4
    assert moved.max() < 0.4


def _until(child, condition, timeout):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"the control process is {child.mode}"
        assert not child.fault()
        child.send(("beat", None))
        child.receive(0.02)
