# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The campaign's folder: created whole, resumed alike, else refused without a trace."""

import os
import sqlite3
from pathlib import Path

import pytest
import yaml
from fakes import files_below, make_catalogue, make_config

from robomd_ros.core.campaign.stored import check_campaign, open_campaign, read_campaign
from robomd_ros.core.errors import CampaignFolderError, ConfigurationError, TrialLogError
from robomd_ros.core.variations import Catalogue, Variation

CATALOGUE = make_catalogue()


def create(folder, **values):
    opened = open_campaign(folder, make_config(**values), CATALOGUE)
    opened.close()
    return opened


def test_what_a_new_campaign_holds(tmp_path):
    folder = tmp_path / "deep" / "down"
    opened = create(folder, variation_ids=["v2", "v0"])
    document = yaml.safe_load((folder / "campaign.yaml").read_text())
    assert document["campaign_id"] == opened.campaign_id
    assert document["seed"] == 3
    assert document["config"]["budget"] == 12
    assert document["catalogue"]["variations"] == ["v2", "v0"]
    assert "numpy" in document["versions"]
    assert [v.id for v in opened.catalogue] == ["v2", "v0"]
    assert {p.name for p in folder.iterdir() if p.is_dir()} == {"images", "checkpoints"}


def test_the_same_configuration_opens_it_again(tmp_path):
    first = create(tmp_path)
    assert create(tmp_path).campaign_id == first.campaign_id


def test_other_versions_and_another_place_of_the_catalogue_are_no_difference(tmp_path):
    first = create(tmp_path)
    path = tmp_path / "campaign.yaml"
    document = yaml.safe_load(path.read_text())
    document["versions"]["numpy"] = "0.1"
    path.write_text(yaml.safe_dump(document))
    assert create(tmp_path, catalogue="elsewhere/lift.yaml").campaign_id == first.campaign_id


def test_every_difference_is_listed(tmp_path):
    create(tmp_path, search="ppo")
    before = files_below(tmp_path)
    with pytest.raises(CampaignFolderError) as caught:
        create(tmp_path, search="ppo", max_attempts=2, seed=9, search_options={"n_steps": 32})
    assert str(caught.value).splitlines()[1:] == [
        "  max_attempts: there 3, here 2",
        "  search_options.n_steps: there 0, here 32",
        "  seed: there 3, here 9",
        "Choose another folder, or start with the same settings to resume it; budget and "
        "confidence may be others.",
    ]
    assert files_below(tmp_path) == before


def test_a_catalogue_with_the_same_ids_that_says_something_else_is_a_difference(tmp_path):
    create(tmp_path)
    changed = [*list(CATALOGUE)[:-1], Variation("v5", "size", "part1", "Change 5.", {"x": 5.5})]
    with pytest.raises(CampaignFolderError, match=r"catalogue\.digest: there '\w+', here '\w+'"):
        open_campaign(tmp_path, make_config(), Catalogue("lift", changed))


def test_a_smaller_catalogue_is_a_difference(tmp_path):
    create(tmp_path)
    with pytest.raises(CampaignFolderError, match=r"catalogue.variations: there \['v0', .* here"):
        create(tmp_path, variation_ids=["v1"])


@pytest.mark.parametrize("values", [{"task": "stack"}, {"variation_ids": ["v77"]}])
def test_a_catalogue_that_does_not_fit_creates_nothing(tmp_path, values):
    with pytest.raises(ConfigurationError, match=r"'stack'|'v77'"):
        create(tmp_path / "new", **values)
    assert not (tmp_path / "new").exists()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(CampaignFolderError, match=r"is not empty and holds no campaign .*thesis"):
        create(tmp_path)
    assert files_below(tmp_path) == {"thesis.tex"}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "x").write_text("...")
    with pytest.raises(CampaignFolderError, match=r"x is a file; give the folder"):
        create(tmp_path / "x")
    with pytest.raises(CampaignFolderError, match=r"cannot write the campaign folder"):
        create(tmp_path / "x" / "y")


@pytest.mark.parametrize("text", ["a: [", "just words", "config: 3"])
def test_a_description_that_cannot_be_read_is_refused(tmp_path, text):
    create(tmp_path)
    (tmp_path / "campaign.yaml").write_text(text)
    with pytest.raises(CampaignFolderError, match=r"campaign.yaml"):
        create(tmp_path)


def test_a_damaged_database_is_refused_and_the_folder_is_free_again(tmp_path):
    create(tmp_path)
    data = (tmp_path / "trials.db").read_bytes()
    (tmp_path / "trials.db").write_bytes(b"\0" * len(data))
    with pytest.raises(TrialLogError, match=r"is damaged"):
        create(tmp_path)
    (tmp_path / "trials.db").write_bytes(data)
    create(tmp_path)


def test_a_missing_database_is_not_replaced_when_there_were_trials(tmp_path):
    create(tmp_path)
    (tmp_path / "images" / "000000.png").write_bytes(b"x")
    (tmp_path / "trials.db").unlink()
    with pytest.raises(TrialLogError, match=r"is missing, but the campaign has results"):
        create(tmp_path)


def check(folder, **values):
    return check_campaign(folder, make_config(**values), CATALOGUE)


def without_tables(path):
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    assert path.stat().st_size > 0


@pytest.mark.parametrize("trace", ["images/000003.png", "ranking.json", "checkpoints/state.zip"])
@pytest.mark.parametrize(
    "lose", [lambda p: p.write_bytes(b""), lambda p: p.unlink(), without_tables]
)
@pytest.mark.parametrize("start", [check, create])
def test_a_lost_database_is_damage_once_there_are_results(tmp_path, trace, lose, start):
    create(tmp_path)
    (tmp_path / trace).write_bytes(b"x")
    lose(tmp_path / "trials.db")
    before = {p: p.stat().st_size for p in tmp_path.rglob("*") if p.name != "campaign.lock"}
    with pytest.raises(TrialLogError, match=r"(missing|empty|no tables).*restore it from a copy"):
        start(tmp_path)
    assert before == {p: p.stat().st_size for p in before}


@pytest.mark.parametrize(
    "lose", [lambda p: p.write_bytes(b""), lambda p: p.unlink(), without_tables]
)
def test_a_campaign_killed_before_its_database_was_there_starts(tmp_path, lose):
    first = create(tmp_path)
    lose(tmp_path / "trials.db")
    assert check(tmp_path)["campaign_id"] == first.campaign_id
    create(tmp_path)
    assert read_campaign(tmp_path).open_log().records() == []


def test_a_policy_that_was_changed_in_place_is_a_difference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = tmp_path / "changing_policy.py"
    module.write_text("GAIN = 1\n")
    folder, policy = tmp_path / "campaign", "python:changing_policy:Policy"
    create(folder, policy=policy)
    create(folder, policy=policy)
    module.write_text("GAIN = 2\n")
    with pytest.raises(CampaignFolderError, match=r"  policy_digest: there '\w+', here '\w+'"):
        create(folder, policy=policy)


def test_a_campaign_from_before_there_were_digests_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "older_policy.py").write_text("GAIN = 1\n")
    folder, policy = tmp_path / "campaign", "python:older_policy:Policy"
    first = create(folder, policy=policy)
    document = yaml.safe_load((folder / "campaign.yaml").read_text())
    assert document.pop("policy_digest")
    (folder / "campaign.yaml").write_text(yaml.safe_dump(document))
    assert create(folder, policy=policy).campaign_id == first.campaign_id


@pytest.fixture
def unprivileged():
    """Root gives up its rights, since it may write and search everywhere."""
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(65534)
    yield
    os.seteuid(uid)


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_cannot_be_written_is_found_before_the_start():
    with pytest.raises(
        CampaignFolderError, match=r"cannot write the campaign folder /no/way: Perm"
    ):
        check(Path("/no/way"))


def test_a_folder_that_the_kernel_does_not_make():
    with pytest.raises(CampaignFolderError, match=r"cannot write the campaign folder /proc/robomd"):
        check(Path("/proc/robomd"))


def test_a_check_leaves_nothing_behind(tmp_path):
    assert check(tmp_path / "new") is None
    assert files_below(tmp_path) == set()


def test_a_parent_that_cannot_be_searched_is_one_error(tmp_path, request):
    (tmp_path / "parent").mkdir(mode=0o600)
    request.getfixturevalue("unprivileged")
    with pytest.raises(CampaignFolderError, match=r"Permission denied; choose another one"):
        check(tmp_path / "parent" / "x")


def test_a_name_that_is_too_long_is_one_error(tmp_path):
    with pytest.raises(CampaignFolderError, match=r"File name too long; choose another one"):
        check(tmp_path / ("x" * 300))


def test_a_running_campaign_is_found_before_the_start(tmp_path):
    opened = open_campaign(tmp_path, make_config(), CATALOGUE)
    with pytest.raises(CampaignFolderError, match=rf"running already \(process {os.getpid()}\)"):
        check(tmp_path)
    opened.close()
    assert check(tmp_path)["campaign_id"] == opened.campaign_id
    (tmp_path / "campaign.lock").unlink()
    check(tmp_path)
    assert not (tmp_path / "campaign.lock").exists()


def test_a_creation_cut_off_by_a_crash_can_be_done_again(tmp_path):
    (tmp_path / "campaign.lock").write_text("4711")
    (tmp_path / "campaign.yaml.tmp").write_text("campa")
    (tmp_path / "catalogue.yaml").write_text("task: li")
    create(tmp_path)
    assert read_campaign(tmp_path).catalogue.variations == CATALOGUE.variations


def test_a_catalogue_of_the_user_is_not_overwritten(tmp_path):
    (tmp_path / "catalogue.yaml").write_text("task: lift")
    with pytest.raises(CampaignFolderError, match=r"is not empty .*'catalogue.yaml'"):
        create(tmp_path)
    assert files_below(tmp_path) == {"catalogue.yaml"}


def test_two_campaigns_in_one_folder_at_once_are_refused(tmp_path):
    opened = open_campaign(tmp_path, make_config(), CATALOGUE)
    with pytest.raises(CampaignFolderError, match=r"is running already \(process \d+\)"):
        open_campaign(tmp_path, make_config(), CATALOGUE)
    opened.close()
    create(tmp_path)


def test_reading_while_it_is_open_and_before_there_is_a_ranking(tmp_path):
    opened = open_campaign(tmp_path, make_config(), CATALOGUE)
    stored = read_campaign(tmp_path)
    assert (stored.campaign_id, stored.ranking) == (opened.campaign_id, None)
    assert stored.config.to_mapping() == make_config().to_mapping()
    opened.close()


def test_a_ranking_that_cannot_be_read_says_nothing(tmp_path):
    create(tmp_path).write_ranking({"trials": 4})
    assert read_campaign(tmp_path).ranking is None


def test_reading_what_is_no_campaign(tmp_path):
    with pytest.raises(CampaignFolderError, match=r"holds no campaign .no campaign.yaml"):
        read_campaign(tmp_path / "nothing")
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(CampaignFolderError, match=r"holds no campaign .*give a campaign's folder"):
        read_campaign(tmp_path)


def test_the_log_is_ready(tmp_path):
    create(tmp_path)
    db = sqlite3.connect(tmp_path / "trials.db")
    assert db.execute("SELECT count(*) FROM trials").fetchone() == (0,)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    precious = tmp_path / "precious.txt"
    precious.write_text("of somebody")
    folder = tmp_path / "campaign"
    folder.mkdir()
    (folder / "campaign.lock").symlink_to(precious)
    with pytest.raises(CampaignFolderError, match="is a link, which no campaign has made"):
        open_campaign(folder, make_config(), make_catalogue())
    assert precious.read_text() == "of somebody"
