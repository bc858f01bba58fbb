# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""YAML is read in one way everywhere: no key twice, numbers as ROS 2 reads them."""

import re
from pathlib import Path

import pytest
import yaml
from fakes import make_catalogue, make_config

from robomd_ros.arms.camera.calibration import load_calibration
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.policies.checkpoint import load_checkpoint
from robomd_ros.core.variations import load_catalogue
from robomd_ros.core.yaml_text import DuplicateKeyError, dump_yaml, load_yaml

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3", "'a' stands in line 1 and in line 3"),
        ("{a: 1, a: 2}", "'a' stands twice in line 1"),
        ("x:\n  - {b: 1}\n  - c: 1\n    d: 2\n    c: 1", "'c' stands in line 3 and in line 5"),
        ("1: a\n1.0: b", "'1.0' stands in line 1 and in line 2"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_both_lines(text, says):
    with pytest.raises(DuplicateKeyError, match=re.escape(says)):
        load_yaml(text)


def test_a_merged_key_may_be_overridden():
    assert load_yaml("a: &x {b: 1, c: 3}\nd:\n  <<: *x\n  b: 2")["d"] == {"b": 2, "c": 3}


@pytest.mark.parametrize(
    "text", ["[[a", "a: !!python/name:os.system x", "[" * 5000, "a: \x00", "a\n---\nb"]
)
def test_what_is_no_plain_yaml_is_one_kind_of_error(text):
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


def test_numbers_and_dates_are_read_as_ros_does():
    assert load_yaml("[1e-3, 2E+4, .5e1, 2026-01-02, 1e, e3]") == [
        1e-3,
        2e4,
        5.0,
        "2026-01-02",
        "1e",
        "e3",
    ]


def test_what_is_written_is_read_again():
    document = {
        "policy": "1e3",
        "folder": "2026-01-02",
        "rate": 1e-5,
        "n": 3,
        "on": "yes",
        "none": None,
    }
    assert load_yaml(dump_yaml(document)) == document
    assert yaml.safe_load(dump_yaml(document))["policy"] == "1e3"


def doubled(path, target):
    """The file with its first top-level key once more at its end."""
    text = path.read_text()
    key = next(line for line in text.splitlines() if re.match(r"[\w/*]", line)).partition(":")[0]
    target.write_text(f"{text}\n{key}: 3\n")
    return key, len(target.read_text().splitlines())


@pytest.mark.parametrize(
    ("shipped", "read"),
    [
        ("config/variations/lift.yaml", load_catalogue),
        ("config/policies/lift_bc.yaml", load_checkpoint),
    ],
)
def test_every_reader_of_files_refuses_it(tmp_path, shipped, read):
    key, line = doubled(ROOT / shipped, tmp_path / "doubled.yaml")
    with pytest.raises(ConfigurationError, match=rf"doubled\.yaml.*'{key}' stands .*line {line};"):
        read(tmp_path / "doubled.yaml")


def test_a_calibration_with_a_key_twice_is_refused(tmp_path):
    path = tmp_path / "camera.yaml"
    path.write_text("image_width: 640\nimage_width: 1280\n")
    with pytest.raises(ConfigurationError, match="'image_width' stands in line 1 and in line 2"):
        load_calibration(path)


def test_a_campaign_with_a_key_twice_is_refused(tmp_path):
    open_campaign(tmp_path, make_config(), make_catalogue()).close()
    path = tmp_path / "campaign.yaml"
    key, line = doubled(path, path)
    with pytest.raises(ConfigurationError, match=rf"campaign\.yaml.*'{key}' stands .*line {line};"):
        read_campaign(tmp_path)


def test_every_shipped_file_has_every_key_once():
    files = [path for path in ROOT.glob("config/**/*.yaml") if path.is_file()]
    assert len(files) > 5
    for path in files:
        load_yaml(path.read_text())


def test_nothing_else_reads_yaml():
    own = ROOT / "robomd_ros" / "core" / "yaml_text.py"
    for folder in ("robomd_ros", "sim_bridge", "launch"):
        for path in (ROOT / folder).rglob("*.py"):
            if path != own:
                assert not re.search(r"\byaml\.(safe_|full_)?(load|dump)", path.read_text()), path
