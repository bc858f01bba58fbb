# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The client's own control script runs in the twin, whatever PolyScope it is for."""

import importlib
import importlib.util

import numpy as np
import pytest
from twin_session import run_client, start_twin

from sim_bridge.tasks.tabletop import HOME
from sim_bridge.twin.arm import TwinArm
from sim_bridge.twin.controller import Controller
from sim_bridge.twin.scene import Tabletop
from sim_bridge.twin.states import Runtime

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("rtde_control") is None, reason="ur_rtde has no wheel here"
)
VERSIONS = [(3, 15), (5, 3), (5, 11), (5, 12), (5, 23), (5, 26)]
DT = 0.008
MOVEJ, SERVOJ, SERVO_STOP, SET_TCP, STOP_SCRIPT = 1, 11, 16, 29, 255
READY, DONE = 1, 2


def uploaded(version):
    """The text that the client sends to a controller of this version."""
    script_client = importlib.import_module("script_client")
    text = script_client.ScriptClient("127.0.0.1", *version).getScript()
    for kind in ("float", "int"):  # what the client injects when it uploads
        marker = f"# {kind} register offset\n"
        assert marker in text
        text = text.replace(marker, f"{marker}0")
    return f"def rtde_control():\n{text}end\n"


class Desk:
    """Commands a running control script through its registers, as the client does."""

    def __init__(self, tabletop, version):
        tabletop.reset(0)
        self.controller = Controller(TwinArm(tabletop, DT), DT, (*version, 0))
        self.controller.start_script(uploaded(version))
        self.until(READY)

    def cycle(self):
        self.controller.cycle()
        state = self.controller
        assert state.runtime is Runtime.PLAYING, list(state.messages)[-5:]

    def until(self, answer, cycles=2000):
        for _ in range(cycles):
            self.cycle()
            if self.controller.output_ints[0] == answer:
                return
        raise AssertionError(f"no answer {answer}: {list(self.controller.messages)[-5:]}")

    def send(self, command, *numbers):
        for index, number in enumerate(numbers):
            self.controller.set_input(f"input_double_register_{index}", float(number))
        self.controller.set_input("input_int_register_0", command)

    def command(self, command, *numbers):
        self.send(command, *numbers)
        self.until(DONE)
        self.send(0)
        self.until(READY)


@pytest.fixture(scope="module")
def tabletop():
    return Tabletop(0)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: ".".join(map(str, v)))
def test_the_uploaded_script_moves_the_arm(tabletop, version):
    desk = Desk(tabletop, version)
    goal = np.array(HOME) + np.array((0.1, 0, 0, 0, 0, -0.1))
    desk.command(SET_TCP, 0, 0, 0.145, 0, 0, 0)
    assert desk.controller.motion.tcp[2] == 0.145
    desk.command(MOVEJ, *goal, 1.05, 1.4)
    assert np.abs(desk.controller.arm.q - goal).max() < 1e-3
    desk.send(SERVOJ, *HOME, 0, 0, DT, 0.05, 300)
    for _ in range(200):
        desk.cycle()
    assert np.abs(desk.controller.arm.q - HOME).max() < 2e-3
    desk.send(0)
    desk.until(READY)
    desk.command(SERVO_STOP, 10.0)
    desk.send(STOP_SCRIPT)
    for _ in range(5):
        desk.controller.cycle()
    assert desk.controller.runtime is Runtime.STOPPED


def test_a_script_that_does_not_compile_leaves_the_arm_alone(tabletop):
    tabletop.reset(0)
    controller = Controller(TwinArm(tabletop, DT), DT, (5, 12, 0))
    with pytest.raises(Exception, match="unknown function 'format_disk'"):
        controller.start_script("def bad():\nformat_disk()\nend\n")
    controller.cycle()
    assert controller.runtime is Runtime.STOPPED and not controller.motion.qd.any()


# ur_rtde 1.6.5 asks no controller before 5.4 for the output registers that it then waits for: its
# control class cannot work with 5.0 to 5.3. The script for 5.3 is run above.
CONTROLLABLE = [version for version in VERSIONS if version != (5, 3)] + [(5, 4)]


@pytest.mark.slow
@pytest.mark.parametrize("version", CONTROLLABLE, ids=lambda v: ".".join(map(str, v)))
def test_the_real_client_controls_every_version(version):
    number = ".".join(map(str, version))
    with start_twin(f"polyscope:={number}") as twin:
        answer = run_client(
            twin,
            """
            r, c, d = receive(), control(), dashboard()
            answer["version"] = d.polyscopeVersion()
            goal = r.getActualQ(); goal[0] += 0.1
            answer["move"] = c.moveJ(goal, 1.05, 1.4)
            answer["error"] = far(r.getActualQ(), goal)
            answer["tcp"] = c.setTcp([0, 0, 0.1, 0, 0, 0]) and c.getTCPOffset()
            for _ in range(30):
                c.servoJ(goal, 0, 0, 0.008, 0.05, 300)
                time.sleep(0.01)
            c.servoStop()
            c.stopScript()
            """,
        )
    assert answer["version"].startswith(number) and answer["move"]
    assert answer["error"] < 1e-3 and answer["tcp"] == [0, 0, 0.1, 0, 0, 0]
