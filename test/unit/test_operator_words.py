# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a person is told of the arm beside a request."""

import pytest

from robomd_ros.core.operator.desk import Request, RequestKind
from robomd_ros.core.operator.words import position_of


@pytest.mark.parametrize(
    ("kind", "place", "holds", "told"),
    [
        (RequestKind.APPLY_SCENE, "at home", False, "The arm rests: at home."),
        (
            RequestKind.RECOVER_ROBOT,
            "tool at x 0.10, y 0.20, z 0.30 m",
            True,
            "The arm rests: tool at x 0.10, y 0.20, z 0.30 m. The gripper HOLDS an object.",
        ),
        (RequestKind.LABEL_OUTCOME, "moving", False, "The arm moves."),
        (RequestKind.RECOVER_ROBOT, "going home", False, "The arm moves: going home."),
        (RequestKind.ROLLOUT_RUNS, "at home", False, ""),  # the policy moves it
        (RequestKind.LABEL_OUTCOME, "", False, ""),
    ],
)
def test_an_arm_is_called_at_rest_only_where_it_rests(kind, place, holds, told):
    request = Request(1, kind, "x", arm_position=place, holds_object=holds)
    assert position_of(request) == told
