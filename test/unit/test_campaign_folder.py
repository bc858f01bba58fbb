"""The campaign's folder: created whole, resumed alike, else refused without a trace."""

import sqlite3

import pytest
import yaml
from fakes import files_below, make_catalogue, make_config

from robomd_ros.core.campaign_folder import open_campaign, read_campaign
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
        create(tmp_path, search="ppo", budget=50, seed=9, search_options={"n_steps": 32})
    assert str(caught.value).splitlines()[1:] == [
        "  budget: there 12, here 50",
        "  search_options.n_steps: there 64, here 32",
        "  seed: there 3, here 9",
        "Choose another folder, or start with the same settings to resume it.",
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
    with pytest.raises(CampaignFolderError, match=r"x is a file; choose a folder"):
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
    with pytest.raises(TrialLogError, match=r"is missing, but the campaign has pictures"):
        create(tmp_path)


def test_a_creation_cut_off_by_a_crash_can_be_done_again(tmp_path):
    (tmp_path / "campaign.lock").write_text("4711")
    (tmp_path / "campaign.yaml.tmp").write_text("campa")
    create(tmp_path)


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


def test_a_ranking_that_cannot_be_read_is_named(tmp_path):
    create(tmp_path).write_ranking({"trials": 4})
    with pytest.raises(CampaignFolderError, match=r"cannot read the campaign .* lacks the fields"):
        read_campaign(tmp_path)


def test_reading_what_is_no_campaign(tmp_path):
    with pytest.raises(CampaignFolderError, match=r"holds no campaign .no campaign.yaml"):
        read_campaign(tmp_path / "nothing")


def test_the_log_is_ready(tmp_path):
    create(tmp_path)
    db = sqlite3.connect(tmp_path / "trials.db")
    assert db.execute("SELECT count(*) FROM trials").fetchone() == (0,)
