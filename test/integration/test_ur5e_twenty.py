# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Twenty trials on the twin in the true order of a trial; prints what was asked of the person.

Run it with -s; TRANSCRIPT=<file> keeps what the operator reads, at 80 columns.
"""

import os
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mujoco")

from graph import rows, valid
from test_ur5e_campaign import check_outcomes, run_campaign

from robomd_ros.core.operator.desk import Answer, RequestKind
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import load_catalogue

CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_trials_over_the_whole_catalogue(tmp_path, domain, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    given = ("search:=uniform", "seed:=3", "max_attempts:=3", "confidence:=0.999")
    out, asked, published = run_campaign(
        tmp_path, domain, 20, *given, timeout=1700, lets_lower=True
    )
    if path := os.environ.get("TRANSCRIPT"):
        Path(path).write_text((tmp_path / "output.txt").read_text())
    check_outcomes(out, asked, published, 20)
    assert {row["result"] for row in valid(out)} == {"SUCCESS", "FAILURE"}
    assert len({row["scene"] for row in valid(out)}) == 20
    lifted = [a for a in asked if a.answer is Answer.SUCCESS]
    released = [a for a in asked if a.kind is RequestKind.RELEASE_OBJECT]
    assert lifted and all(a.answer is Answer.DONE for a in released)  # set down by the arm
    steps = [i for a in asked for i in (*a.undo, *a.apply)]
    seconds = sum(CATALOGUE[i].change_cost for i in steps)
    invalid = len(rows(out, "result = 'INVALID'"))
    print(
        f"\n20 trials, {invalid} invalid, {len(asked)} requests, "
        f"{len(lifted)} lifts, {len(released)} releases, {len(steps)} single changes, "
        f"{seconds:.0f} s of work by the catalogue"
    )
