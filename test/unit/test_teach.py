# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Home, box and marks that are read from an arm and written into files, with what is in them."""

import numpy as np
import pytest
import yaml

from robomd_ros.core.share import config_file
from robomd_ros.doctor.teach import TeachError, teach_box, teach_home, teach_mark, write_parameters


def answers(*lines):
    left = iter(lines)
    return lambda _question: next(left)


def test_home_replaces_the_line_of_a_shipped_file_and_nothing_else(tmp_path):
    path = tmp_path / "my.yaml"
    before = config_file("params", "ur5e").read_text()
    path.write_text(before)
    teach_home(lambda name: np.array([0.1, -1.5, 1.50004, -1.6, -1.57, 0.0]), path, answers(""))
    after = path.read_text()
    assert len(after.splitlines()) == len(before.splitlines())
    changed = [
        (a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b
    ]
    assert len(changed) == 1 and "#" in before
    values = yaml.safe_load(after)["/**/ur5e_node"]["ros__parameters"]
    assert values["home"] == [0.1, -1.5, 1.5, -1.6, -1.57, 0.0]
    assert values["joint_speed_limit"] == 1.05


def test_a_missing_file_begins_as_the_shipped_one(tmp_path):
    path = tmp_path / "my.yaml"
    write_parameters(path, {"home": [0.5] * 6})
    shipped = yaml.safe_load(config_file("params", "ur5e").read_text())
    made = yaml.safe_load(path.read_text())
    assert made.keys() == shipped.keys() and len(made) > 3
    assert made["/**/ur5e_node"]["ros__parameters"]["home"] == [0.5] * 6


def test_a_comment_stays_and_a_new_name_is_added(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("/**/ur5e_node:\n  ros__parameters:\n    home: [0.0]  # over the table\n")
    write_parameters(path, {"home": [1.0] * 6, "workspace_lower": [-1.0, -1.0, 0.0]})
    assert "home: [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]  # over the table" in path.read_text()
    values = yaml.safe_load(path.read_text())["/**/ur5e_node"]["ros__parameters"]
    assert values == {"home": [1.0] * 6, "workspace_lower": [-1.0, -1.0, 0.0]}


def test_the_box_holds_every_place_and_its_floor_is_the_lowest(tmp_path):
    path = tmp_path / "my.yaml"
    places = iter([[-0.5, 0.2, 0.01, 0, 0, 0], [-0.3, -0.2, 0.4, 0, 0, 0], [-0.6, 0, 0.2, 0, 0, 0]])
    teach_box(lambda name: np.array(next(places)), path, answers("", "", "", "done"))
    values = yaml.safe_load(path.read_text())["/**/ur5e_node"]["ros__parameters"]
    assert values["workspace_lower"] == [-0.62, -0.22, 0.01]
    assert values["workspace_upper"] == [-0.28, 0.22, 0.42]
    with pytest.raises(TeachError, match="two places"):
        teach_box(lambda name: np.zeros(6), path, answers("", "done"))


def test_a_mark_that_moved_is_told_and_kept_unless_it_is_replaced(tmp_path, capsys):
    path = tmp_path / "marks.yaml"
    teach_mark(lambda name: np.array([-0.5, 0.1, 0.0, 0, 0, 0]), path, "cube", answers(""))
    moved = lambda name: np.array([-0.5, 0.13, 0.0, 0, 0, 0])  # noqa: E731
    teach_mark(moved, path, "cube", answers("", ""))
    assert "cube is 30 mm from where it was taught" in capsys.readouterr().out
    assert yaml.safe_load(path.read_text()) == {"cube": [-0.5, 0.1, 0.0]}
    teach_mark(moved, path, "cube", answers("", "replace"))
    assert yaml.safe_load(path.read_text()) == {"cube": [-0.5, 0.13, 0.0]}


def test_a_file_that_is_none_of_parameters_is_not_touched(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("- a\n- b\n")
    with pytest.raises(TeachError, match="no parameter file"):
        write_parameters(path, {"home": [0.0] * 6})
    assert path.read_text() == "- a\n- b\n"
