# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import json
import logging
from pathlib import Path

import pytest

from robomd_ros.core.campaign.description import contents
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.share import config_file
from robomd_ros.core.trial import Outcome, Result
from robomd_ros.core.variations import Catalogue, Variation, load_catalogue
from sim_bridge.learn import truth as truth_tool
from sim_bridge.learn.truth import RolloutJob, Truth, combinations, policy_sha256, sample

DATA = Path(__file__).resolve().parents[1] / "bench" / "data"
IDENTITY = {"task": "lift", "policy": "p", "versions": {"mujoco": "3"}}
CATALOGUE = Catalogue(
    "lift",
    [
        Variation(f"{factor}_{i}", factor, "cube", "change it", {"value": float(i)})
        for factor in ("color", "size", "mass")
        for i in range(3)
    ],
)


def filled() -> Truth:
    truth = Truth(IDENTITY, {})
    for seed, result in ((2, Result.FAILURE), (1, Result.SUCCESS), (0, Result.FAILURE)):
        truth.add(RolloutJob(("color_0",), seed), Outcome(result))
    truth.add(RolloutJob((), 0), Outcome(Result.SUCCESS))
    return truth


def test_file_holds_counts_and_seeds(tmp_path):
    filled().save(tmp_path / "truth.json")
    document = json.loads((tmp_path / "truth.json").read_text())
    assert document["policy"] == "p"
    assert document["scenes"][0] == {
        "variations": ["color_0"],
        "rollouts": 3,
        "failures": 2,
        "failure_rate": 0.6667,
        "failed_seeds": [0, 2],
        "succeeded_seeds": [1],
    }
    assert document["scenes"][1]["failure_rate"] == 0.0


def test_opened_again_only_the_missing_is_left(tmp_path):
    path = tmp_path / "truth.json"
    filled().save(path)
    truth = Truth.open(path, IDENTITY)
    jobs = [
        RolloutJob((), 0),
        RolloutJob((), 1),
        RolloutJob(("color_0",), 2),
        RolloutJob(("color_1",), 0),
    ]
    assert truth.missing(jobs) == [RolloutJob((), 1), RolloutJob(("color_1",), 0)]
    assert truth.outcomes == filled().outcomes


def test_an_invalid_rollout_stays_missing():
    truth = filled()
    job = RolloutJob(("size_1",), 0)
    truth.add(job, Outcome(Result.INVALID, detail="worker died"))
    assert truth.missing([job]) == [job]


def test_file_of_another_policy_is_refused(tmp_path):
    path = tmp_path / "truth.json"
    filled().save(path)
    with pytest.raises(ConfigurationError, match="belongs to something else: policy differ"):
        Truth.open(path, {**IDENTITY, "policy": "other"})


def test_damaged_file_is_refused(tmp_path):
    path = tmp_path / "truth.json"
    path.write_text('{"scenes": [')
    with pytest.raises(ConfigurationError, match=r"cannot read .*delete it"):
        Truth.open(path, IDENTITY)


def test_combinations_are_distinct_possible_and_repeatable():
    found = combinations(CATALOGUE, 20, seed=3)
    assert len(set(found)) == 20
    assert {len(ids) for ids in found} == {2, 3}
    for ids in found:
        assert len(CATALOGUE.scene(ids)) == len(ids)
    assert combinations(CATALOGUE, 20, seed=3) == found
    assert combinations(CATALOGUE, 20, seed=4) != found


def test_combinations_stop_when_there_are_no_more():
    two = CATALOGUE.subset(["color_0", "size_0"])
    assert combinations(two, 5, seed=0) == [("color_0", "size_0")]


def test_python_policies_are_known_by_their_name():
    assert policy_sha256("python:a:b") == "python:a:b"


def test_the_shipped_catalogue_is_found_anywhere_and_a_lost_rollout_says_why(
    tmp_path, monkeypatch, caplog
):
    measured = []

    def measure(options, jobs, processes):
        measured.append((options.task, len(options.catalogue)))
        for number, job in enumerate(jobs):
            lost = Outcome(Result.INVALID, detail=f"worker died: signal {number}")
            yield job, lost if number in (1, 2) else Outcome(Result.SUCCESS)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(truth_tool, "measure", measure)
    numbers = ["--nominal=4", "--rollouts=0", "--combinations=0", "--out=truth.json"]
    with caplog.at_level(logging.INFO):
        assert truth_tool.main(numbers) == 2
    assert measured == [("lift", 21)]
    assert "2 rollouts were invalid (the last one: worker died: signal 2); start" in caplog.text
    assert json.loads((tmp_path / "truth.json").read_text())["scenes"][0]["rollouts"] == 2


def test_a_catalogue_that_is_not_there_is_one_error(tmp_path, caplog):
    arguments = ["--catalogue=nowhere/lift.yaml", f"--out={tmp_path / 'truth.json'}"]
    assert truth_tool.main(arguments) == 2
    assert "there is no file 'nowhere/lift.yaml'" in caplog.text


def test_a_sample_is_the_same_every_time_and_in_the_catalogues_order():
    ids = [v.id for v in CATALOGUE]
    assert sample(CATALOGUE, 0, seed=0) == ids == sample(CATALOGUE, 99, seed=0)
    chosen = sample(CATALOGUE, 4, seed=0)
    assert len(set(chosen)) == 4
    assert chosen == sample(CATALOGUE, 4, seed=0) == [i for i in ids if i in chosen]
    assert chosen != sample(CATALOGUE, 4, seed=1)


@pytest.mark.parametrize(
    ("file", "catalogue"),
    [
        ("truth_lift_bc", "lift"),
        ("truth_lift_bc_continuous", "lift_continuous"),
        ("pool_lift_bc_continuous", "lift_continuous"),
    ],
)
def test_the_recorded_files_belong_to_the_shipped_catalogues(file, catalogue):
    recorded = json.loads((DATA / f"{file}.json").read_text(encoding="utf-8"))
    shipped = load_catalogue(config_file("variations", catalogue))
    assert recorded["catalogue_digest"] == contents(shipped)["digest"]


def test_a_comment_or_what_an_expert_can_do_makes_no_measured_file_outdated(tmp_path, monkeypatch):
    def measure(options, jobs, processes):
        yield from ((job, Outcome(Result.SUCCESS)) for job in jobs)

    monkeypatch.setattr(truth_tool, "measure", measure)
    text = config_file("variations", "lift").read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    numbers = ["--nominal=1", "--rollouts=0", "--combinations=0", f"--catalogue={own}"]
    numbers.append(f"--out={tmp_path / 'truth.json'}")
    own.write_text(text)
    assert truth_tool.main(numbers) == 0
    own.write_text(
        "# another comment\n" + text.replace("expert_success: 1.0", "expert_success: 0.5")
    )
    assert truth_tool.main(numbers) == 0
    own.write_text(text.replace("rgb: [1, 0, 0]", "rgb: [1, 0.1, 0]"))
    assert truth_tool.main(numbers) == 2
