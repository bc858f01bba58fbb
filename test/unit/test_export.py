# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Campaigns as CSV and Parquet, without ROS; and what is refused."""

import csv
import json
import math
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from robomd_ros.cli import export as command
from robomd_ros.cli import main as cli
from robomd_ros.cli.export import export
from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.campaign.trial_log import Purpose, TrialRequest
from robomd_ros.core.errors import ConfigurationError, RoboMDError
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.share import config_file
from robomd_ros.core.trial import Outcome, Result, Source
from robomd_ros.core.variations import load_catalogue

CATALOGUE = config_file("variations", "lift")
FIRST, SECOND = "cube_color_red", "table_color_green"
DETAIL = 'the policy raised "ValueError", twice;\nsecond line: größer'


def make(folder, trials=True, ranking=True):
    """A campaign with a success, an invalid trial, and one that has not ended."""
    catalogue = load_catalogue(CATALOGUE)
    config = CampaignConfig(
        task="lift", policy="python:none:none", catalogue=str(CATALOGUE), budget=5
    )
    campaign = open_campaign(folder, config, catalogue)
    log = campaign.log
    if trials:
        both = TrialRequest(0, Purpose.SEARCH, 0, (FIRST, SECOND), 2**32 - 1)
        log.ask(both, 1, "cell_0", 1700000000.25)
        success = Outcome(Result.SUCCESS, Source.SIMULATOR, 1.5, 30)
        log.complete(0, success, "images/0.png", 1700000002.5)
        nominal = TrialRequest(1, Purpose.CONFIRMATION, -1, (), 7)
        log.ask(nominal, 2, "cell_1", 1700000003.0)
        log.complete(1, Outcome(Result.INVALID, detail=DETAIL), "", 1700000004.125)
        log.ask(TrialRequest(2, Purpose.SEARCH, 1, (FIRST,), 9), 1, "cell_1", 1700000005.0)
    if ranking:
        modes = (
            FailureMode((catalogue[FIRST], catalogue[SECOND]), 1, 3, 3, 0.8, 0.4, 1.0),
            FailureMode((catalogue[FIRST],), 2, 0, 0, 0.1 + 0.2, 0.01, 0.6, 0.25, seen=False),
        )
        value = FailureRanking(
            campaign.campaign_id, "lift", "p", "ppo", "discrete", modes, 4, math.nan, 1, 0.8, False,
            1700000006.0,
        )  # fmt: skip
        campaign.write_ranking(value.to_dict())
    campaign.close()
    return folder


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path / "campaign")


def test_trials_as_csv(folder, tmp_path):
    files, _ = export(folder, ("csv",), tmp_path / "out")
    assert [f.name for f in files] == ["trials.csv", "ranking.csv"]
    first, second, third = table(files[0])
    assert first["scene"] == f"{FIRST} + {SECOND}"
    assert (first["result"], first["steps"], first["seed"]) == ("SUCCESS", "30", str(2**32 - 1))
    assert float(first["duration_s"]) == 1.5
    assert datetime.fromisoformat(first["finished_at"]).timestamp() == 1700000002.5
    assert (second["result"], second["duration_s"], second["scene"]) == ("INVALID", "", "")
    assert second["detail"] == DETAIL
    assert (second["purpose"], second["attempt"], second["lane"]) == ("confirmation", "2", "-1")
    assert (third["result"], third["finished_at"], third["steps"]) == ("", "", "")


def test_figures_in_csv_lose_nothing(folder, tmp_path):
    files, _ = export(folder, ("csv",), tmp_path / "out")
    first, second = table(files[1])
    assert first["variations"] == f"{FIRST} + {SECOND}"
    assert float(second["failure_probability"]) == 0.1 + 0.2
    assert (first["policy_probability"], second["policy_probability"]) == ("", "0.25")
    assert (first["seen"], second["seen"]) == ("true", "false")


def test_parquet_holds_the_same_with_types(folder, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    (trials, ranking), _ = export(folder, ("parquet",), tmp_path / "out")
    rows = parquet.read_table(trials).to_pylist()
    assert [r["scene"] for r in rows] == [[FIRST, SECOND], [], [FIRST]]
    assert rows[0]["asked_at"] == datetime.fromtimestamp(1700000000.25, timezone.utc)
    assert rows[1]["duration_s"] is None
    assert rows[1]["detail"] == DETAIL
    assert rows[2]["result"] is None
    modes = parquet.read_table(ranking)
    assert modes.to_pylist()[1]["failure_probability"] == 0.1 + 0.2
    assert modes.to_pylist()[0]["policy_probability"] is None
    facts = {k.decode(): v.decode() for k, v in modes.schema.metadata.items()}
    stored = read_campaign(folder)
    assert facts["campaign_id"] == stored.campaign_id
    assert facts["search_agent"] == "ppo"


def test_a_later_export_replaces_the_files_and_leaves_no_other(folder, tmp_path):
    out = tmp_path / "out"
    export(folder, ("csv",), out)
    before = (out / "trials.csv").read_bytes()
    export(folder, ("csv", "csv"), out)
    assert (out / "trials.csv").read_bytes() == before
    assert sorted(p.name for p in out.iterdir()) == ["ranking.csv", "trials.csv"]


def test_without_a_ranking_the_trials_are_written_and_it_is_said(tmp_path, capsys):
    folder = make(tmp_path / "campaign", ranking=False)
    assert cli.main(["export", str(folder), "--format", "csv"]) == 0
    output = capsys.readouterr().out
    assert "there is no ranking.json: the ranking was made anew from the trials" in output
    assert (folder / "export" / "trials.csv").is_file()
    rows = table(folder / "export" / "ranking.csv")
    assert {r["variations"] for r in rows if r["seen"] == "true"} == {FIRST, SECOND}


def test_the_campaign_can_be_resumed_after_an_export(folder):
    export(folder, ("csv",), folder / "export")
    config = CampaignConfig(
        task="lift", policy="python:none:none", catalogue=str(CATALOGUE), budget=5
    )
    open_campaign(folder, config, load_catalogue(CATALOGUE)).close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}", "--format", "xlsx"], "unknown format 'xlsx'; choose csv, parquet, mcap"),
        (["{}", "--format", "csv,"], "unknown format ''"),
        (["{}/nothing"], "holds no campaign"),
        (["{}/campaign.yaml"], "is a file"),
    ],
)
def test_bad_input_is_one_clear_error(folder, capsys, arguments, message):
    assert cli.main(["export", *(a.format(folder) for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error


def test_a_campaign_without_trials_is_refused(tmp_path):
    folder = make(tmp_path / "campaign", trials=False)
    with pytest.raises(RoboMDError, match="has no trials yet; let it run one first"):
        export(folder, ("csv",), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused(folder, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RoboMDError, match=r"cannot write to .*--out"):
        export(folder, ("csv",), tmp_path / "file" / "out")


def test_a_package_that_is_missing_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(command._NEEDS, "parquet", ("a_package_that_nobody_has",))
    with pytest.raises(ConfigurationError, match=r"needs a_package_that_nobody_has.*pip install"):
        export(folder, ("csv", "parquet"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_csv_needs_neither_ros_nor_other_packages(folder, tmp_path):
    """In a Python of its own in which ROS, pyarrow and mcap cannot be imported."""
    code = (
        "import sys\n"
        "for name in ('rclpy', 'robomd_msgs', 'pyarrow', 'mcap'):\n"
        "    sys.modules[name] = None\n"
        "from robomd_ros.cli import main as cli\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    arguments = ["export", str(folder), "--format", "csv", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.dumps(FIRST)[1:-1] in (tmp_path / "out" / "trials.csv").read_text()
