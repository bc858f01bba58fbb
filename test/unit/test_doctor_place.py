# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the arm stands, as the doctor sees it: inside its limits, and with a way home or none."""

import pytest

from robomd_ros.arms.ur5e.parameters import ArmParameters
from robomd_ros.doctor.findings import CheckState
from robomd_ros.doctor.place import place

HOME = [-0.294, -1.556, 2.106, -2.12, -1.571, 1.277]
STATE = {"actual_q": HOME, "tcp_offset": (0.0, 0.0, 0.145, 0.0, 0.0, 0.0)}


@pytest.mark.parametrize(
    ("state", "values", "found", "says"),
    [
        (STATE, {}, {"workspace": "GOOD", "way home": "GOOD"}, "m of the tool altogether"),
        (STATE, {"workspace_lower": [-0.9, -0.9, 0.2]}, {"workspace": "BAD", "way home": "SKIPPED"},
         "z = 0.1"),
        (STATE, {"home_path_limit": 0.1, "home": [1.0, *HOME[1:]]},
         {"workspace": "GOOD", "way home": "BAD"}, "home_path_limit"),
        (STATE, {"keep_out": "-0.6,0.3,-0.1,0.2,0.7,0.6", "home": [-1.8, *HOME[1:]],
                 "home_path_limit": 9.0}, {"workspace": "GOOD", "way home": "BAD"}, "the box"),
        ({}, {}, {"workspace": "SKIPPED"}, "does not tell"),
    ],
)  # fmt: skip
def test_where_the_arm_stands_and_its_way_home(state, values, found, says):
    arm = dict(ArmParameters(**{"robot_ip": "127.0.0.2", "home": HOME, **values}))
    findings = list(place(state, arm))
    assert {f.check: f.state for f in findings} == {n: CheckState[s] for n, s in found.items()}
    assert any(says in f.found for f in findings), findings
    assert all(f.remedy for f in findings if f.state is CheckState.BAD)
