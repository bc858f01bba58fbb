# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The twin's controller without a network: program, watchdog, safety, and the RTDE wire."""

import inspect
import math
import socket
import struct

import mujoco
import numpy as np
import pytest

from robomd_ros.core.robot_modes import RobotMode, SafetyMode
from sim_bridge.tasks.tabletop import HOME
from sim_bridge.twin import controller as controller_module
from sim_bridge.twin.arm import TwinArm
from sim_bridge.twin.controller import Controller
from sim_bridge.twin.natives import BLOCKING
from sim_bridge.twin.network import Connection
from sim_bridge.twin.rtde import RtdeServer
from sim_bridge.twin.scene import Tabletop
from sim_bridge.twin.states import Runtime
from sim_bridge.twin.urscript import ScriptError

DT = 0.008
TURN = "def turn():\n while True:\n  speedj([0.2, 0, 0, 0, 0, 0], 1.0, 0.1)\n end\nend\n"


@pytest.fixture(scope="module")
def tabletop():
    return Tabletop(0)


@pytest.fixture
def controller(tabletop):
    mujoco.mj_resetData(tabletop.model, tabletop.data)
    tabletop.reset(0)
    return Controller(TwinArm(tabletop, DT), DT, (5, 12, 0))


def cycles(controller, seconds):
    for _ in range(round(seconds / DT)):
        controller.cycle()


def turning(controller):
    controller.start_script(TURN)
    cycles(controller, 0.4)
    assert controller.arm.qd[0] == pytest.approx(0.2, abs=0.01)
    return controller


def at_rest(controller):
    return bool(np.abs(controller.arm.qd).max() < 1e-3)


def test_a_stopped_program_lets_the_arm_slow_down(controller):
    turning(controller).stop_program("for the test")
    assert controller.runtime is Runtime.STOPPED and not at_rest(controller)
    cycles(controller, 0.3)
    assert at_rest(controller)


def test_a_new_program_replaces_the_old_one(controller):
    turning(controller).start_script("def still():\n while True:\n  sync()\n end\nend\n")
    cycles(controller, 0.3)
    assert controller.runtime is Runtime.PLAYING and at_rest(controller)


def test_a_program_that_fails_stops_with_its_reason(controller):
    controller.start_script("def fails():\n sync()\n x = 1 / 0\nend\n")
    cycles(controller, 0.05)
    assert controller.runtime is Runtime.STOPPED
    assert "ZeroDivisionError" in controller.messages[-1]


@pytest.mark.parametrize(("action", "state"), [("stop", 1), ("pause", 4)])
def test_the_watchdog_acts_when_the_input_is_not_set_in_time(controller, action, state):
    watch = f'rtde_set_watchdog("input_int_register_0", 10.0, "{action}")'
    controller.start_script(TURN.replace("while", f"{watch}\n while", 1))
    for _ in range(20):
        cycles(controller, 0.08)
        controller.set_input("input_int_register_0", 0)
        assert controller.runtime is Runtime.PLAYING
    assert not at_rest(controller)
    start = controller.time
    while controller.runtime is Runtime.PLAYING:
        controller.cycle()
    assert controller.time - start == pytest.approx(0.1, abs=2 * DT)
    assert int(controller.runtime) == state
    cycles(controller, 0.3)
    assert at_rest(controller)


def test_a_protective_stop_pauses_and_unlocks_after_five_seconds(controller, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(controller_module.time, "monotonic", lambda: now[0])
    turning(controller).protective_stop("for the test")
    assert controller.safety_mode is SafetyMode.PROTECTIVE_STOP
    assert controller.runtime is Runtime.PAUSED and controller.robot_mode is RobotMode.RUNNING
    cycles(controller, 0.2)
    assert at_rest(controller)
    now[0] = 104.9
    assert not controller.unlock() and not controller.play()
    now[0] = 105.0
    assert controller.unlock() and controller.runtime is Runtime.PAUSED
    cycles(controller, 0.3)
    assert at_rest(controller)
    assert controller.play()
    cycles(controller, 0.4)
    assert not at_rest(controller)


def test_no_program_starts_during_a_stop(controller):
    controller.protective_stop("for the test")
    with pytest.raises(ScriptError, match="PROTECTIVE_STOP"):
        controller.start_script(TURN)
    cycles(controller, 0.1)
    assert controller.runtime is Runtime.STOPPED and at_rest(controller)


def test_an_emergency_stop_takes_the_power_until_it_is_given_back(controller):
    turning(controller).emergency_stop()
    assert controller.safety_mode is SafetyMode.ROBOT_EMERGENCY_STOP
    assert controller.robot_mode is RobotMode.POWER_OFF and controller.runtime is Runtime.STOPPED
    cycles(controller, 0.2)
    assert at_rest(controller)
    controller.power_on()
    assert controller.robot_mode is RobotMode.POWER_OFF  # the button is still pressed
    controller.release_button()
    controller.brake_release()
    cycles(controller, 2.0)
    assert controller.ready
    held = controller.arm.q.copy()
    cycles(controller, 0.5)
    assert np.abs(controller.arm.q - held).max() < 1e-3


def test_robot_time_is_counted_in_cycles(controller):
    cycles(controller, 0.8)
    assert controller.time == pytest.approx(0.8)


ODD = (None, True, -1, 0, 10**9, 2**31 - 1, math.nan, math.inf, "text", [], [1], [math.nan] * 6)


def test_no_native_function_can_be_used_to_break_the_twin(controller):
    """Whatever a script passes, the answer is a value or the end of the script."""
    caught = (ScriptError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
    for name, function in sorted(controller._table.items()):
        for value in ODD:
            for count in range(4):
                try:
                    result = function(*[value] * count)
                    if name in BLOCKING and inspect.isgenerator(result):
                        next(result, None)
                except caught:
                    pass
        assert np.isfinite(controller.motion.q).all(), name
        assert np.isfinite(controller.motion.qd).all(), name
    controller.safety_mode = SafetyMode.NORMAL
    controller.motion.hold(np.array(HOME))
    cycles(controller, 0.1)
    RtdeBench(controller).outputs("output_int_register_0,actual_digital_output_bits,payload")


# The wire


class RtdeBench:
    """A client of an RTDE server over a pair of sockets."""

    def __init__(self, controller, server=None):
        self.controller = controller
        self.server = server or RtdeServer(controller)
        self._socket, other = socket.socketpair()
        self._socket.settimeout(5.0)
        other.setblocking(False)
        self.client = self.server.connect(Connection(other))

    def send(self, kind, payload=b""):
        package = struct.pack(">HB", len(payload) + 3, kind) + payload
        self.client.received(package[:2])  # packages may come in pieces
        self.client.received(package[2:])

    def read(self):
        size, kind = struct.unpack(">HB", self._socket.recv(3, socket.MSG_WAITALL))
        return kind, self._socket.recv(size - 3, socket.MSG_WAITALL) if size > 3 else b""

    def ask(self, kind, payload=b""):
        self.send(kind, payload)
        answered, content = self.read()
        assert answered == kind
        return content

    def version_2(self):
        assert self.ask(86, struct.pack(">H", 2)) == b"\x01"
        return self

    def outputs(self, names, frequency=125.0):
        self.version_2()
        answer = self.ask(79, struct.pack(">d", frequency) + names.encode())
        assert self.ask(83) == b"\x01"
        self.server.send()
        kind, data = self.read()
        assert kind == 85 and data[0] == 1
        return answer, data[1:]


def test_versions_are_negotiated(controller):
    bench = RtdeBench(controller)
    assert bench.ask(86, struct.pack(">H", 7)) == b"\x00"
    assert struct.unpack(">4I", bench.ask(118)) == (5, 12, 0, 1101)
    assert bench.ask(80) == b"\x01"


def test_outputs_have_their_types_and_values(controller):
    names = "timestamp,actual_q,robot_mode,safety_status_bits,payload_cog,"  # the client's comma
    controller.cycle()
    answer, data = RtdeBench(controller).outputs(names)
    assert answer == b"\x01DOUBLE,VECTOR6D,INT32,UINT32,VECTOR3D"
    values = struct.unpack(">7diI3d", data)
    assert values[0] == pytest.approx(controller.time)
    assert np.allclose(values[1:7], controller.arm.q) and values[7:9] == (7, 1)


def test_version_1_has_neither_recipe_numbers_nor_a_frequency(controller):
    bench = RtdeBench(controller)
    assert bench.ask(79, b"timestamp") == b"DOUBLE"
    assert bench.ask(83) == b"\x01"
    bench.server.send()
    assert len(bench.read()[1]) == 8


def test_the_frequency_divides_the_control_cycles(controller):
    bench = RtdeBench(controller).version_2()
    bench.ask(79, struct.pack(">d", 25.0) + b"timestamp")
    bench.ask(83)
    for _ in range(25):
        controller.cycle()
        bench.server.send()
    stamps = [struct.unpack(">Bd", bench.read()[1])[1] for _ in range(5)]
    assert np.allclose(np.diff(stamps), 0.04)


def test_unknown_variables_are_not_found(controller):
    bench = RtdeBench(controller).version_2()
    assert bench.ask(79, struct.pack(">d", 125.0) + b"timestamp,nonsense") == (
        b"\x00DOUBLE,NOT_FOUND"
    )
    assert bench.ask(83) == b"\x00"
    assert bench.ask(73, b"nonsense") == b"\x00NOT_FOUND"


def test_an_input_has_one_owner_until_it_goes(controller):
    first = RtdeBench(controller).version_2()
    second = RtdeBench(controller, first.server).version_2()
    assert first.ask(73, b"input_int_register_0,input_double_register_0,") == b"\x01INT32,DOUBLE"
    refused = b"\x00DOUBLE,IN_USE"
    assert second.ask(73, b"input_double_register_1,input_int_register_0") == refused
    assert second.ask(73, b"input_double_register_1") == b"\x01DOUBLE"
    first.send(85, struct.pack(">Bid", 1, 42, 1.5))
    assert controller.inputs.ints[0] == 42 and controller.inputs.doubles[0] == 1.5
    first.client.closed()
    assert controller.inputs.ints[0] == 42  # values outlive their owner
    assert second.ask(73, b"input_int_register_0") == b"\x02INT32"


@pytest.mark.parametrize("package", [b"\x00\x02\x56", b"\xff\xff\x56"])
def test_what_is_no_rtde_hangs_up(controller, package):
    with pytest.raises(ConnectionError):
        RtdeBench(controller).client.received(package)


@pytest.mark.parametrize("payload", [b"", b"\x05", b"\x01\x00"])
def test_data_that_fits_no_recipe_changes_nothing(controller, payload):
    bench = RtdeBench(controller).version_2()
    bench.ask(73, b"input_double_register_0")
    bench.send(85, payload)
    kind, _ = bench.read()
    assert kind == 77 and controller.inputs.doubles[0] == 0.0


def test_a_slider_that_is_no_number_is_ignored(controller):
    bench = RtdeBench(controller).version_2()
    bench.ask(73, b"speed_slider_mask,speed_slider_fraction")
    for fraction, expected in ((0.5, 0.5), (math.nan, 0.5), (0.0, 0.01), (7.0, 1.0)):
        bench.send(85, struct.pack(">BId", 1, 1, fraction))
        controller.cycle()
        assert controller.motion.speed_fraction == expected
