# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the control process does when the library throws; with a twin: test_ur5e_process.py."""

import time

import pytest

from robomd_ros.arms.ur5e.child import ControlOptions
from robomd_ros.arms.ur5e.limits import ArmLimits
from robomd_ros.arms.ur5e.process import ControlProcess

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
    child = ControlProcess(ControlOptions("127.0.0.1", ArmLimits()))
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
