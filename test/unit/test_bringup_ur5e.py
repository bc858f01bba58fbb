# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arguments and processes of a diagnosis on a UR5e."""

import socket
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from robomd_ros.arms.arm import arm_named
from robomd_ros.bringup import ur5e as bringup_ur5e
from robomd_ros.bringup.processes import NodeProcess, ToolProcess
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.core.errors import ConfigurationError, PolicyLoadError
from robomd_ros.core.schema import checked
from robomd_ros.core.share import share_path
from robomd_ros.core.variations import load_catalogue
from robomd_ros.doctor import host as doctor_host
from robomd_ros.doctor.findings import CheckState
from robomd_ros.ros.node_parameters import NODES

sys.path.append(str(Path(__file__).parents[1] / "contract"))
from misfit_policies import MISFITS

FITTING = "policy:=python:misfit_policies:ReadmeExample"


def resolved(*given):
    return bringup_ur5e.resolve_ur5e(parse_arguments(given, bringup_ur5e.Ur5eArguments))


def processes(*given):
    return {p.name: p for p in bringup_ur5e.ur5e_processes(resolved(*given))}


def test_the_processes_of_a_robot():
    found = processes("robot_ip:=192.168.1.10", "policy:=mine", "camera:=2", "out:=x")
    assert set(found) == {
        "robomd/diagnosis_node",
        "robomd/ur5e/perturbation_node",
        "robomd/ur5e/ur5e_node",
        "robomd/ur5e/camera_node",
        "robomd/ur5e/policy_node",
    }
    diagnosis = found["robomd/diagnosis_node"].parameters
    assert diagnosis["cells"] == ["ur5e"]
    assert diagnosis["task"] == "ur5e_tabletop"
    assert diagnosis["order_by_cost"] is True
    assert found["robomd/ur5e/perturbation_node"].parameters["backend"] == "operator"
    assert found["robomd/ur5e/ur5e_node"].parameters["robot_ip"] == "192.168.1.10"
    assert found["robomd/ur5e/camera_node"].parameters["source"] == "2"


def test_the_twin_is_one_more_process_that_everything_points_to():
    found = processes("use_twin:=true", "out:=x", "seed:=7")
    address = found["robomd/ur5e/ur5e_node"].parameters["robot_ip"]
    assert address.startswith("127.0.0.") and address != "127.0.0.1"
    assert address in found["robomd/ur5e/camera_node"].parameters["source"]
    assert "blob_policy" in found["robomd/ur5e/policy_node"].parameters["policy"]
    twin = found["twin"]
    assert isinstance(twin, ToolProcess)
    assert f"address:={address}" in twin.command() and "seed:=7" in twin.command()


def test_a_second_twin_takes_another_address():
    with socket.create_server(("127.0.0.2", 30004)):
        assert resolved("use_twin:=true")["robot_ip"] != "127.0.0.2"


def test_the_processes_only_get_parameters_that_their_nodes_have():
    for process in processes("use_twin:=true", "out:=x").values():
        if isinstance(process, NodeProcess):
            for name, value in process.parameters.items():
                told = checked(NODES[process.executable], name, value)
                assert list(told) == list(value) if isinstance(told, tuple) else told == value


def test_the_time_limit_follows_from_the_horizon_and_the_policys_rate(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("/**/policy_node: {ros__parameters: {rate: 20.0}}")
    found = processes("use_twin:=true", "horizon:=100", f"params_file:={path}")
    assert found["robomd/ur5e/policy_node"].parameters["time_limit"] == pytest.approx(5.0)
    assert found["robomd/ur5e/policy_node"].parameters["instruction"] == "lift the cube"


def test_a_users_own_node_replaces_the_policy_node():
    found = processes("use_twin:=true", "start_policy_node:=false", "policy:=")
    assert "robomd/ur5e/policy_node" not in found


def test_a_cell_of_another_name():
    assert "robomd/bench_2/ur5e_node" in processes("use_twin:=true", "cell:=bench_2")


def test_recordings_do_not_overwrite_each_other(tmp_path):
    def target():
        [recorder] = [p for n, p in processes(*given).items() if n == "recorder"]
        return recorder.command()[-1]

    given = ("use_twin:=true", "record:=true", f"out:={tmp_path}")
    first = target()
    Path(first).mkdir(parents=True)
    assert target() != first


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["policy:=mine"], ["robot_ip is missing", "use_twin:=true"]),
        (["use_twin:=true", "robot_ip:=192.168.1.10"], ["192.168.1.10", "exclude each other"]),
        (["robot_ip:=127.0.0.250", "policy:="], ["policy is missing", "start_policy_node"]),
        (["robot_ip:=127.0.0.250", "policy:=python:nowhere:Policy"], ["nowhere"]),
        (["robot_ip:=127.0.0.250", FITTING], ["127.0.0.250", "29999", "robomd doctor"]),
        (["use_twin:=true", "gripper:=claw"], ["gripper", "robotiq", "'claw'"]),
        (["use_twin:=true", "cell:=a/b"], ["cell", "'a/b'"]),
        (["use_twin:=true", "calibration:=/no/such.yaml"], ["/no/such.yaml"]),
        (["use_twin:=true", "camera:=ftp://host/x"], ["ftp://host/x", "http"]),
        (["use_twin:=true", "outcome_by:=detector"], ["detector is missing"]),
        (["use_twin:=true", "outcome_by:=guess"], ["outcome_by", "'guess'"]),
        (["use_twin:=true", "variations:=cube_pink"], ["cube_pink", "cube_color_green"]),
        (["use_twin:=true", "catalogue:=lift"], ["lift", "ur5e_tabletop"]),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(given, says):
    with pytest.raises(ConfigurationError) as caught:
        bringup_ur5e.check_ur5e(resolved(*given, "out:=/nonexistent_folder/x"))
    for part in says:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("joint_speed_limit: 4.0", ["joint_speed_limit", "3.14", "4.0"]),
        ("joint_speed: 1.2", ["joint_speed is 1.2", "joint_speed_limit", "1.05"]),
        ("workspace_lower: [0.5, 0.5, 2.0]", ["workspace_lower", "z", "2"]),
        ("joint_upper: [9, 1, 1, 1, 1, 1]", ["joint_upper", "9"]),
        ("home: [0, 0, 0, 0, 0]", ["home", "6"]),
        ("home: [0, 0, 3.14, 0, 0, 0]", ["home", "elbow"]),
        ("frequency: 1000.0", ["frequency", "500"]),
    ],
)
def test_limits_of_the_arm_are_checked_before_anything_starts(tmp_path, text, says):
    path = tmp_path / "my.yaml"
    path.write_text(f"/**/ur5e_node: {{ros__parameters: {{{text}}}}}")
    with pytest.raises(ConfigurationError) as caught:
        bringup_ur5e.check_ur5e(resolved("robot_ip:=127.0.0.250", FITTING, f"params_file:={path}"))
    for part in says:
        assert part in str(caught.value)


@pytest.mark.parametrize("policy", [*MISFITS, "WristSaid", "WantsState"])
def test_a_policy_that_cannot_run_is_refused_before_anything_starts(policy):
    """On the bring-up of the twin and in the doctor alike, with both sides named."""
    values = resolved("use_twin:=true", f"policy:=python:misfit_policies:{policy}")
    with pytest.raises(PolicyLoadError) as caught:
        bringup_ur5e.check_ur5e(values)
    finding = doctor_host.policy(values)
    assert finding.state is CheckState.BAD
    more = {"WristSaid": ["'robot0_eye_in_hand' (128 x 96"], "WantsState": ["the cell has none"]}
    for part in {**MISFITS, **more}[policy]:
        assert part in str(caught.value)
        assert part in finding.found


def test_what_fits_is_told_what_it_will_see():
    finding = doctor_host.policy(resolved("use_twin:=true"))
    assert finding.state is CheckState.GOOD
    assert "agentview as it comes, commands delta_pose (7,)" in finding.found


def test_recording_without_rosbag_is_refused(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigurationError, match="rosbag2"):
        bringup_ur5e.check_ur5e(resolved("use_twin:=true", "record:=true"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/**/ur5e_node: {ros__parameters: {robot_ip: 1.2.3.4}}", "robot_ip:="),
        ("/**/camera_node: {ros__parameters: {source: '1'}}", "camera:="),
        ("/**/policy_node: {ros__parameters: {time_limit: 5.0}}", "horizon:="),
        ("/**/perturbation_node: {ros__parameters: {backend: simulator}}", "operator"),
    ],
)
def test_a_parameter_file_cannot_set_what_the_bring_up_sets(tmp_path, text, says):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="is set by the bring-up") as caught:
        resolved("use_twin:=true", f"params_file:={path}")
    assert says in str(caught.value)


def test_the_catalogue_is_one_that_a_person_can_work_through():
    catalogue = load_catalogue(share_path("config/variations/ur5e_tabletop.yaml"))
    assert len(catalogue) >= 20
    assert all(1 <= v.change_cost <= 300 for v in catalogue)
    assert {v.target for v in catalogue} >= {"cube", "table", "light", "camera"}
    assert {v.factor for v in catalogue} >= {"color", "size", "position", "strength", "distractor"}


def test_topics_of_the_users_cameras_take_the_place_of_camera_node():
    given = "cameras:=agentview=/camera/color/image_raw,wrist=/wrist/image_raw/compressed"
    found = processes("robot_ip:=192.168.1.10", "policy:=mine", given)
    assert "robomd/ur5e/camera_node" not in found
    relay = found["robomd/ur5e/camera_relay_node"].parameters
    assert relay == {"topic": "/camera/color/image_raw"}
    assert found["robomd/ur5e/policy_node"].parameters["cameras"] == [
        "agentview=/camera/color/image_raw",
        "wrist=/wrist/image_raw/compressed",
    ]
    found = processes("use_twin:=true", "camera:=/camera/color/image_raw")
    assert found["robomd/ur5e/policy_node"].parameters["cameras"] == ["/camera/color/image_raw"]
    assert "robomd/ur5e/camera_node" not in found


@pytest.mark.parametrize("camera", ["0", "/dev/video0", "http://host/stream"])
def test_a_device_or_a_stream_stays_with_camera_node(camera):
    found = processes("robot_ip:=192.168.1.10", "policy:=mine", f"camera:={camera}")
    assert found["robomd/ur5e/camera_node"].parameters["source"] == camera
    assert "robomd/ur5e/camera_relay_node" not in found
    assert "cameras" not in found["robomd/ur5e/policy_node"].parameters


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["camera:=0", "cameras:=/a/image"], "camera:=0 and cameras:=/a/image exclude"),
        (["cameras:=front=/a.mp4"], "write [<name>=]<topic>"),
        (["camera:=/a/image", "calibration:=x.yaml"], "calibration:=x.yaml is for a camera"),
        (["camera:=/tmp/no_film"], "a topic of a camera's driver is given as cameras:=<topic>"),
    ],
)
def test_cameras_that_contradict_each_other_start_nothing(given, says):
    with pytest.raises(ConfigurationError) as refused:
        bringup_ur5e.check_ur5e(resolved("use_twin:=true", *given))
    assert says in str(refused.value)


BY_TOPICS = ("arm:=ros2_control", "gripper:=none", "camera:=/camera/color/image_raw")


def test_an_arm_behind_its_driver_takes_the_place_of_ur5e_node(tmp_path):
    path = tmp_path / "my.yaml"
    names = [f"j{i}" for i in range(7)]
    path.write_text(
        "/**/driver_arm_node:\n  ros__parameters:\n"
        f"    joint_names: [{', '.join(names)}]\n    servo_rate: 100.0\n"
    )
    found = processes(
        *BY_TOPICS, "policy:=mine", f"params_file:={path}",
        "trajectory_controller:=/arm_controller", "robot_description:=/robot_description",
    )  # fmt: skip
    assert "robomd/ur5e/ur5e_node" not in found and "twin" not in found
    parameters = found["robomd/ur5e/driver_arm_node"].parameters
    assert parameters["trajectory_controller"] == "/arm_controller"
    assert parameters["servo_rate"] == 100.0 and parameters["gripper"] == "none"
    policy = found["robomd/ur5e/policy_node"].parameters
    assert policy["arm"] == f"ros2_control?joints={','.join(names)}&base=base"
    assert arm_named(policy["arm"]).joint_names == tuple(names)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([*BY_TOPICS, "use_twin:=true"], "arm:=ros2_control and use_twin:=true exclude"),
        (["arm:=ros2_control"], "gripper is robotiq, whose server is on the robot, but robot_ip"),
        ([*BY_TOPICS[:1], "gripper:=digital_output"], "gripper:=digital_output is for arm:=ur5e"),
        (["robot_ip:=127.0.0.250", "gripper:=action"], "gripper:=action is for arm:=ros2_control"),
        ([*BY_TOPICS, "moves:=stream", "stream:=twist"], "MoveIt Servo does no moves"),
        (["arm:=other"], "arm must be one of ur5e, ros2_control; got 'other'"),
    ],
)
def test_arms_that_contradict_other_arguments_start_nothing(given, says):
    with pytest.raises(ConfigurationError) as refused:
        bringup_ur5e.check_ur5e(resolved("policy:=x", *given))
    assert says in str(refused.value)


def test_a_parameter_file_may_not_name_what_arguments_name(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("/**/driver_arm_node: {ros__parameters: {stream: twist}}")
    with pytest.raises(ConfigurationError, match="give instead: stream:="):
        resolved(*BY_TOPICS, f"params_file:={path}")
