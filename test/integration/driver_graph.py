# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A driver_arm_node in the test's process, a stand-in of the driver and a twin in their own."""

import os
import subprocess
import sys
from pathlib import Path

from arm_graph import HOME, PLACE, ArmGraph, remembering
from graph import wait_for
from in_process import overrides
from std_msgs.msg import String

from robomd_ros.nodes.driver_arm_node import DriverArmNode

STAND_IN = Path(__file__).with_name("driver_stand_in.py")
VALUES = {
    "home": HOME,
    "workspace_lower": [-0.9, -0.9, -0.1],
    "tcp_offset": [0.0, 0.0, 0.145, 0.0, 0.0, 0.0],
    "gripper": "robotiq",
    "driver_status": "program",
    "moves": "stream",
    "restart_program": "resend",
    "require_cell_state": False,
    # tests share their processor with others: twin, driver and node may be late
    "command_timeout": 0.25,
    "state_timeout": 1.0,
}
"""Of driver_arm_node: what needs no messages beyond those of the wheels."""


class StandIn:
    """The process of driver_stand_in.py."""

    def __init__(self, address, folder, camera=""):
        self._log = (Path(folder) / "stand_in.txt").open("wb")
        # the library's control interface gives up where a busy machine makes the twin late
        for _ in range(3):
            if self._starts(address, camera):
                return
        raise AssertionError(Path(self._log.name).read_text()[-2000:])

    def _starts(self, address, camera):
        self._process = subprocess.Popen(
            [sys.executable, str(STAND_IN), address, camera],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for line in self._process.stdout:  # the library talks before
            if line == b"READY\n":
                return True
        self._process.kill()
        self._process.wait()
        return False

    def close(self):
        self._process.kill()
        self._process.wait()
        self._log.close()


class DriverGraph(ArmGraph):
    """As ArmGraph; `fault` is of the stand-in."""

    def __init__(self, domain, folder, **parameters):
        self._folder = folder
        super().__init__(domain, **parameters)
        self._faults = self.client.create_publisher(String, "/stand_in/fault", 10)

    def start_twin(self):
        super().start_twin()
        try:
            self.stand_in = StandIn(self.address, self._folder)
        except AssertionError:
            self.twin_process.close()
            raise

    def make_node(self, parameters):
        values = {**VALUES, "robot_ip": self.address, **parameters}
        return remembering(DriverArmNode)(namespace=PLACE, parameter_overrides=overrides(**values))

    def begin_anew(self):
        self.fault("clear")
        wait_for(lambda: not self.arm.link.rival(), "the end of the rival", 25)
        self.heal()

    def fault(self, kind):
        wait_for(self._faults.get_subscription_count, "the stand-in", 5)
        self._faults.publish(String(data=kind))

    def close(self):
        super().close()
        self.stand_in.close()
