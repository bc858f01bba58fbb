# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd home` and `robomd teach` with a twin as the robot."""

import numpy as np
import pytest
import yaml

pytest.importorskip("mujoco")
pytest.importorskip("rtde_control", reason="needs ur_rtde")

from twin_session import own_address

from robomd_ros.bringup.ur5e import Ur5eArguments, all_parameters, resolve_ur5e
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.doctor import home, teach
from sim_bridge.tasks.tabletop import HOME
from sim_bridge.twin.client import TwinProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def twin():
    with TwinProcess(f"address:={own_address()}", "frequency:=125") as twin:
        yield twin


def test_home_goes_when_a_person_says_so_and_taught_places_are_those_of_the_arm(
    twin, tmp_path, monkeypatch, capsys
):
    address = twin.ready["address"]
    away = list(HOME)
    away[0] += 0.4
    path = tmp_path / "my.yaml"
    teach.write_parameters(path, {
        "home": away, "workspace_lower": [-0.9, -0.9, -0.12], "set_tool": True, "payload": 0.9,
        "tcp_offset": [0.0, 0.0, 0.145, 0.0, 0.0, 0.0], "state_timeout": 0.35,
    })  # fmt: skip
    given = [f"robot_ip:={address}", f"params_file:={path}"]
    values = resolve_ur5e(parse_arguments(given, Ur5eArguments))
    parameters = all_parameters("ur5e_node", values)
    assert home.go_home(parameters, lambda _: "no") == 1
    assert twin.client.state()["q"] == pytest.approx(HOME, abs=0.02)
    assert home.go_home(parameters, lambda _: "go") == 0
    assert twin.client.state()["q"] == pytest.approx(away, abs=0.02)
    said = capsys.readouterr().out
    assert "nothing was moved" in said and "m of the tool altogether" in said
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert teach.main(["home", f"robot_ip:={address}", f"params_file:={path}"]) == 0
    taught = yaml.safe_load(path.read_text())["/**/ur5e_node"]["ros__parameters"]
    assert taught["home"] == pytest.approx(away, abs=0.01) and taught["payload"] == 0.9
    marks = f"marks_file:={tmp_path / 'marks.yaml'}"
    assert teach.main(["mark", "cube", f"robot_ip:={address}", marks]) == 0
    place = yaml.safe_load((tmp_path / "marks.yaml").read_text())["cube"]
    assert np.allclose(place, twin.client.state()["tcp_pose"][:3], atol=0.01)
