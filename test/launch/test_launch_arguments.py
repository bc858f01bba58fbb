# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The arguments of the launch files, given by a person or by another launch file."""

import pytest

pytest.importorskip(
    "launch_ros", reason="the ROS 2 launch stack is not installed; it is on no registry"
)

from launch.launch_description_sources import get_launch_description_from_python_launch_file
from launched import Launched

from robomd_ros.bringup.plan import BRINGUPS, launch_arguments
from robomd_ros.core.share import share_path

FILES = {kind: share_path(f"launch/diagnose_{kind}.launch.py") for kind in BRINGUPS}
INCLUDES = f"""
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, LogInfo, TimerAction
from launch.substitutions import LaunchConfiguration

def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument("budgets", default_value="mine"),  # no argument of ours, but like one
        IncludeLaunchDescription({str(FILES["sim"])!r}, launch_arguments=ARGUMENTS),
        LogInfo(msg=["afterwards: ", LaunchConfiguration("cells", default="not set")]),
    ])
"""


@pytest.fixture
def user_file(tmp_path):
    """Writes a launch file of the user's that gives these arguments to ours."""

    def write(**arguments):
        path = tmp_path / "mine.launch.py"
        path.write_text(f"ARGUMENTS = {list(arguments.items())!r}\n{INCLUDES}")
        return path

    return write


@pytest.mark.parametrize("kind", FILES)
def test_every_argument_is_declared_with_its_default_and_choices(kind):
    description = get_launch_description_from_python_launch_file(str(FILES[kind]))
    declared = {a.name: a for a in description.get_launch_arguments()}
    wanted = launch_arguments(kind)
    assert list(declared) == [a["name"] for a in wanted]
    for argument in wanted:
        found = declared[argument["name"]]
        assert found.default_value[0].text == argument["default"]
        assert found.description.startswith(argument["description"])
        assert found.choices == (argument["choices"] or None)


@pytest.mark.parametrize(
    ("kind", "arguments", "says"),
    [
        ("sim", ["budgte:=3"], "unknown argument 'budgte'; did you mean 'budget'?"),
        ("sim", ["budget:=0"], "argument budget must be "),
        ("sim", ["search:=guess"], "search"),
        ("sim", ["params_file:=nowhere.yaml"], "there is no file 'nowhere.yaml'"),
        ("sim", ["namespace:=a-b"], "namespace must be names of letters"),
        ("ur5e", ["policy:=mine"], "robot_ip is missing"),
    ],
)
def test_a_wrong_argument_ends_the_launch_with_one_line(kind, arguments, says, domain, tmp_path):
    with Launched(tmp_path, FILES[kind], *arguments, environment=domain) as launched:
        assert launched.wait() == 1
        (line,) = [x for x in launched.output.splitlines() if x.startswith("[ERROR] [launch]")]
        assert says in line
        assert "Traceback" not in launched.output
        launched.assert_nothing_is_left()


def test_a_wrong_argument_of_a_users_launch_file(user_file, domain, tmp_path):
    path = user_file(budgte="3")
    with Launched(tmp_path, path, "budgets:=2", environment=domain) as launched:
        assert launched.wait() == 1
        assert "unknown argument 'budgte'; did you mean 'budget'?" in launched.output
        assert "'budgets'" not in launched.output


def test_our_defaults_stay_ours(user_file, domain, tmp_path):
    path = user_file(budget="0", search="")  # an empty one is as good as none
    with Launched(tmp_path, path, environment=domain) as launched:
        assert launched.wait() == 1
        assert "afterwards: not set" in launched.output
        assert "argument budget must be " in launched.output
