# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the arm: every bad one is refused before anything connects."""

import sys

import pytest

from robomd_ros.arms.gripper.gripper import DigitalOutputGripper, NoGripper, RobotiqGripper
from robomd_ros.arms.limits import LimitError
from robomd_ros.arms.ur5e.arm import UR5e
from robomd_ros.arms.ur5e.parameters import ArmParameters
from robomd_ros.arms.ur5e.receive import load_ur_rtde
from robomd_ros.arms.ur5e.settings import arm_options, gripper_of
from robomd_ros.core.errors import ConfigurationError


def values(**changed):
    """Checked values, the defaults but for some."""
    return ArmParameters(**{"robot_ip": "192.0.2.1", **changed})


def test_the_defaults_are_consistent():
    options = arm_options(values())
    assert options.control.host == "192.0.2.1"
    assert options.control.tcp is None
    assert options.control.payload is None
    assert options.control.output_pin is None


def test_a_tool_of_the_parameters():
    tcp = [0.0, 0.0, 0.15, 0.0, 0.0, 0.0]
    control = arm_options(values(set_tool=True, tcp_offset=tcp, payload=1.1)).control
    assert control.tcp == tuple(tcp)
    assert control.payload == 1.1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"robot_ip": ""}, "robot_ip"),
        ({"robot_ip": "  "}, "robot_ip"),
        ({"joint_speed_limit": 4.0}, "joint_speed_limit of ur5e_node must be"),
        ({"joint_speed": 0.6, "joint_speed_limit": 0.5}, "joint_speed is 0.6"),
        ({"workspace_lower": [0.0, 0.0, 2.0]}, "along z"),
        ({"joint_lower": [0.0] * 5}, "list of 6 numbers"),
        ({"joint_lower": "wide"}, "list of 6 numbers"),
        ({"home": [0.0] * 7}, "list of 6 numbers"),
        ({"home": [float("nan")] * 6}, "home of ur5e_node must be"),
        ({"home": [0.0, -1.5, 3.14, -1.5, -1.5, 0.0]}, "home is outside the limits"),
        ({"frequency": 1000.0}, "frequency of ur5e_node must be"),
        ({"gripper": "magnetic"}, "robotiq, digital_output, none"),
        ({"gripper_output": 8}, "gripper_output"),
        ({"servo_gain": 10.0}, "servo_gain"),
        (
            {"set_tool": True, "home": [0.0, 0.5, 0.0, 0.0, 0.0, 0.0]},
            "home is outside the limits: the tool",
        ),
    ],
)
def test_bad_parameters_are_refused(changed, reason):
    with pytest.raises(ConfigurationError, match=reason):
        arm_options(values(**changed))


def test_without_the_client_library_there_is_one_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "rtde_control", None)
    with pytest.raises(ConfigurationError, match=r"ur_rtde cannot be imported.*aarch64"):
        load_ur_rtde()


def test_grippers_by_name():
    made = {
        kind: type(gripper_of(values(gripper=kind), lambda on: None))
        for kind in ("robotiq", "digital_output", "none")
    }
    assert made == {
        "robotiq": RobotiqGripper,
        "digital_output": DigitalOutputGripper,
        "none": NoGripper,
    }
    assert arm_options(values(gripper="digital_output", gripper_output=3)).control.output_pin == 3


def test_the_limit_of_the_tools_speed_is_lowered_and_never_raised():
    arm = UR5e(arm_options(values(tool_speed_limit=0.2)))
    arm.lower_tool_speed(0.1)
    guard = arm.supervisor.guard
    assert guard.limits.tool_speed_limit == 0.1
    assert guard.limits.joint_speed_limit == values().joint_speed_limit
    with pytest.raises(LimitError, match=r"tool speed is 0.15 m/s; the limit is 0.1"):
        guard.twist(values().home, (0.15, 0.0, 0.0, 0.0, 0.0, 0.0))
    with pytest.raises(ConfigurationError, match=r"may only be lowered .* it is 0.1 m/s, got 0.2"):
        arm.lower_tool_speed(0.2)
