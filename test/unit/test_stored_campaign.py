# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign's folder is complete in itself, and whoever reads it is told the same."""

import csv
import json
import math
import shutil
import sqlite3
from dataclasses import replace

import pytest
import yaml
from fakes import FakeCell, make_catalogue, make_config
from stored_campaigns import store_campaign

from robomd_ros.cli.main import main
from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.description import catalogue_text, contents
from robomd_ros.core.campaign.folder import stored_path
from robomd_ros.core.campaign.stored import open_campaign, read_campaign
from robomd_ros.core.embedding.campaign_samples import samples_from_campaigns
from robomd_ros.core.embedding.encoders import make_encoders
from robomd_ros.core.errors import CampaignFolderError
from robomd_ros.core.evidence.comparison import Compared
from robomd_ros.core.policies import sources
from robomd_ros.core.search.strategies import STRATEGIES
from robomd_ros.core.variations import Catalogue, Variation, load_catalogue
from robomd_ros.report.campaign_data import load_campaign
from robomd_ros.report.write import report_page

CATALOGUE = make_catalogue()
READERS = (
    ["ranking", "{}"],
    ["report", "{}"],
    ["compare", "{}", "{other}"],
    ["export", "{}", "--format", "csv,parquet"],
    ["query", "{}", "--text", "v0"],
)
CODES = {"compare": Compared.UNDERPOWERED.exit_code}
"""Of few trials; of all others 0."""


def rich_catalogue():
    """All that a catalogue may say: nominal values, lists, costs, text beyond ASCII."""
    return Catalogue(
        "lift",
        [
            Variation("red", "color", "cube", "Färbe ihn: rot.", {"rgba": (1.0, 0.0, 0.0, 1.0)}),
            Variation("heavy", "gravity", "cube", "Make it\nheavy.", {"kind": "1e3"}, 12.5),
            Variation("plain", "object", "table", "Nothing to set: 'quoted'."),
        ],
        {("color", "cube"): {"rgba": (0.5, 0.5, 0.5, 1.0)}},
        "lift the cube: no, really",
    )


def run(folder, catalogue=CATALOGUE, fails=lambda scene, seed: False, **values):
    """A campaign as it is run, or goes on; its record of valid trials."""
    opened = open_campaign(folder, make_config(**values), catalogue)
    try:
        Campaign(opened, [FakeCell(fails=fails)], poll_period=0.01).run()
    finally:
        opened.close()
    return [r.request.scene for r in read_campaign(folder).trials if r.outcome.valid]


# What lies in the folder


def test_a_catalogue_is_the_same_after_it_was_written(tmp_path):
    path = tmp_path / "catalogue.yaml"
    path.write_text(catalogue_text(rich_catalogue()), encoding="utf-8")
    loaded = load_catalogue(path)
    assert loaded.variations == rich_catalogue().variations
    assert [dict(v.parameters) for v in loaded] == [dict(v.parameters) for v in rich_catalogue()]
    assert loaded.nominal == rich_catalogue().nominal
    assert loaded.instruction == rich_catalogue().instruction
    assert loaded["heavy"].change_cost == 12.5 and math.isnan(loaded["red"].change_cost)
    assert contents(loaded) == contents(rich_catalogue())


def test_a_campaign_needs_its_catalogue_file_no_more(tmp_path):
    """Neither moving it away nor changing it makes a difference to any reader."""
    file = tmp_path / "mine.yaml"
    file.write_text(catalogue_text(CATALOGUE))
    ids = ["v4", "v1", "v2"]
    folder = store_campaign(
        tmp_path / "c",
        30,
        catalogue=CATALOGUE.subset(ids),
        variation_ids=ids,
        catalogue_path=str(file),
    )
    before = load_campaign(folder)
    samples = samples_from_campaigns([folder], make_encoders("pixels", "words"))
    for change in (lambda: file.write_text("task: lift\nvariations: []\n"), file.unlink):
        change()
        data = load_campaign(folder)
        assert data.catalogue.variations == before.catalogue.variations
        assert [v.id for v in data.catalogue] == ids
        assert data.catalogue.instruction == "lift the cube"
        again = samples_from_campaigns([folder], make_encoders("pixels", "words"))
        assert again.scene_ids == samples.scene_ids and (again.text == samples.text).all()


def test_an_older_folder_takes_the_file_as_long_as_that_says_the_same(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(catalogue_text(CATALOGUE))
    folder = store_campaign(tmp_path / "c", 8, catalogue_path=str(file))
    (folder / "catalogue.yaml").unlink()
    (folder / "ranking.json").unlink()
    assert read_campaign(folder).catalogue.nominal == CATALOGUE.nominal
    assert load_campaign(folder).ranking.trials == len(load_campaign(folder).valid)
    file.write_text(catalogue_text(CATALOGUE).replace("Change 3.", "Paint it."))
    with pytest.raises(CampaignFolderError, match=r"mine.yaml is not the catalogue that the camp"):
        _ = read_campaign(folder).catalogue
    file.unlink()
    with pytest.raises(
        CampaignFolderError, match=r"variations of the campaign .* are lost: .*Rest"
    ):
        load_campaign(folder)


def test_an_older_folder_takes_its_ranking_before_a_file_that_changed(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(catalogue_text(CATALOGUE).replace("Change 3.", "Paint it."))
    folder = store_campaign(tmp_path / "c", 8, catalogue_path=str(file))
    (folder / "catalogue.yaml").write_text("task: [")
    catalogue = read_campaign(folder).catalogue
    assert catalogue["v3"].description == "Change 3."
    assert catalogue.instruction == "lift the cube"


def test_a_catalogue_that_somebody_changed_is_not_taken(tmp_path):
    folder = store_campaign(tmp_path / "c", 8)
    path = folder / "catalogue.yaml"
    path.write_text(path.read_text().replace("Change 3.", "Paint it."))
    assert read_campaign(folder).catalogue["v3"].description == "Change 3."  # of the ranking
    (folder / "ranking.json").unlink()
    with pytest.raises(CampaignFolderError, match=r"catalogue.yaml is not the catalogue that the"):
        _ = read_campaign(folder).catalogue


@pytest.mark.parametrize("damage", ["missing", "task: [", "changed"])
def test_a_resumed_campaign_mends_its_catalogue(tmp_path, damage):
    folder = store_campaign(tmp_path / "c", 8)
    path = folder / "catalogue.yaml"
    text = path.read_text()
    if damage == "missing":
        path.unlink()
    else:
        path.write_text(damage if damage != "changed" else text.replace("Change 3.", "Paint it."))
    open_campaign(folder, make_config(budget=8), CATALOGUE).close()
    assert path.read_text() == text


def test_another_catalogue_is_refused_with_the_place_of_the_campaign_s_own(tmp_path):
    folder = store_campaign(tmp_path / "c", 3)
    with pytest.raises(CampaignFolderError, match=r"campaign's own catalogue is .*catalogue.yaml"):
        open_campaign(folder, make_config(budget=3), make_catalogue(5))
    own = load_catalogue(folder / "catalogue.yaml")
    open_campaign(folder, make_config(budget=3, catalogue=str(folder)), own).close()


# Derived files


def figures(ranking):
    """What the trials alone decide."""
    return replace(ranking, stamp=0.0, converged=False)


def test_a_ranking_made_anew_is_the_one_that_was_stored(tmp_path):
    run(tmp_path, fails=lambda scene, seed: "v2" in scene.key, budget=40, confidence=0.999)
    stored = read_campaign(tmp_path).ranking
    (tmp_path / "ranking.json").unlink()
    assert read_campaign(tmp_path).ranking == read_campaign(tmp_path).ranking
    assert figures(read_campaign(tmp_path).ranking) == figures(stored)
    assert stored.converged == read_campaign(tmp_path).ranking.converged


@pytest.mark.parametrize("damage", [None, b"", b"3", b"[]", b"\xff\xfe", b"{}", b"other"])
def test_whatever_is_wrong_with_a_ranking_it_is_made_anew(tmp_path, damage):
    folder = store_campaign(tmp_path / "c", 20)
    stored = read_campaign(folder).ranking
    path = folder / "ranking.json"
    if damage is None:
        path.unlink()
    elif damage == b"other":
        other = store_campaign(tmp_path / "other", 20)
        path.write_bytes((other / "ranking.json").read_bytes())
    else:
        path.write_bytes(damage)
    again = read_campaign(folder)
    assert figures(again.ranking).to_dict() == figures(stored).to_dict()
    assert "the ranking was made anew from the trials" in again.ranking_note


@pytest.mark.long
def test_no_command_is_stopped_by_a_damaged_derived_file(tmp_path, capsys):
    folder = store_campaign(tmp_path / "c", 20)
    other = store_campaign(tmp_path / "other", 20)
    (folder / "report").mkdir()
    (folder / "report" / "report.html").write_text("<html")
    (folder / "ranking.json").write_text("{")
    for words in READERS:
        code = main([w.format(folder, other=other) for w in words])
        captured = capsys.readouterr()
        expected = (CODES.get(words[0], 0), False)
        assert (code, "Traceback" in captured.err) == expected, (words, captured.err)
    page = (folder / "report" / "report.html").read_text()
    assert "the ranking was made anew from the trials" in page
    assert json.loads((other / "ranking.json").read_text())["trials"] > 0
    with (folder / "export" / "ranking.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(CATALOGUE)


def test_the_ranking_is_written_anew_when_the_campaign_goes_on(tmp_path):
    run(tmp_path, budget=3)
    (tmp_path / "ranking.json").write_text("{")
    run(tmp_path, budget=3)
    assert json.loads((tmp_path / "ranking.json").read_text())["trials"] == 3
    assert read_campaign(tmp_path).ranking_note == ""


# What this program does not know


@pytest.mark.long
def test_what_is_not_known_can_still_be_read(tmp_path, capsys):
    """A search, a policy, a kind of change, an order and keys of another version."""
    falling = Variation("v6", "gravity", "world", "Double the gravity.", {"kind": "twice"})
    catalogue = Catalogue("lift", [*CATALOGUE, falling], instruction="lift the cube")
    folder = store_campaign(tmp_path / "c", 20, catalogue=catalogue)
    other = store_campaign(tmp_path / "other", 20, catalogue=catalogue)
    path = folder / "campaign.yaml"
    document = yaml.safe_load(path.read_text())
    document["config"].update(
        search="annealing", policy="gpt:9", order_by="novelty", search_options={"heat": 9}, new=3
    )
    path.write_text(yaml.safe_dump(document))
    (folder / "ranking.json").unlink()
    for words in READERS[:-1]:
        code = main([w.format(folder, other=other) for w in words])
        expected = (CODES.get(words[0], 0), False)
        assert (code, capsys.readouterr().err.startswith("error")) == expected, words
    page = (folder / "report" / "report.html").read_text()
    for said in ("annealing", "gpt:9", "gravity", "search_options.heat"):
        assert said in page
    assert read_campaign(folder).ranking.search_agent == "annealing"
    with pytest.raises(CampaignFolderError, match=r"search: there 'annealing', here 'uniform'"):
        open_campaign(folder, make_config(budget=20), catalogue)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": "many"}, "budget must be a number; got 'many'"),
        ({"task": 3}, "task must be text; got 3"),
        ({"seed": True}, "seed must be a number; got True"),
        ({"policy": None}, "policy must be text; got None"),
    ],
)
def test_a_description_of_other_types_is_one_clear_error(tmp_path, change, message):
    folder = store_campaign(tmp_path / "c", 1)
    path = folder / "campaign.yaml"
    document = yaml.safe_load(path.read_text())
    document["config"].update(change)
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(
        CampaignFolderError, match=r"cannot read the campaign in .*c: camp"
    ) as caught:
        read_campaign(folder)
    assert message in str(caught.value)


def test_no_record_leads_out_of_the_folder(tmp_path):
    folder = store_campaign(tmp_path / "c", 2)
    secret = tmp_path / "secret.png"
    secret.write_bytes((folder / "images/000000.png").read_bytes())
    stored = read_campaign(folder)
    assert stored.picture("images/000000.png") is not None
    (folder / "images" / "link.png").symlink_to(secret)
    for name in ("../secret.png", str(secret), "images/link.png"):
        assert stored.picture(name) is None
        with pytest.raises(CampaignFolderError, match="leads out of the campaign's folder"):
            stored_path(folder, name)


# What the policy is made of


def policy_in(folder):
    """A module of the user's with a helper, weights that it reads and a log that it writes."""
    (folder / "helpers").mkdir()
    (folder / "weights").mkdir()
    (folder / "model").mkdir()
    texts = {
        "mine.py": "import json\nfrom helpers.nets import net\nfrom pathlib import Path\n"
        "HERE = Path(__file__).parent\nFIRST = HERE / 'weights' / 'a.bin'\n"
        "def policy(rate=1):\n    open('seen.txt', 'a').write('x')\n"
        "    return net(open('weights/b.bin', 'rb'), 'model')\n",
        "helpers/__init__.py": "",
        "helpers/nets.py": "import numpy\nSIZE = 'sizes.json'\ndef net(*_): ...\n",
        "helpers/sizes.json": "[1]",
        "weights/a.bin": "aaaa",
        "weights/b.bin": "bbbb",
        "weights/unused.bin": "cccc",
        "model/part.safetensors": "dddd",
        "model/config.json": "{}",
        "given.pt": "eeee",
        "seen.txt": "x",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)


MADE_OF = (
    "mine.py",
    "helpers/nets.py",
    "helpers/sizes.json",
    "weights/a.bin",
    "weights/b.bin",
    "model/part.safetensors",
    "model/config.json",
    "given.pt",
)


@pytest.mark.parametrize("name", MADE_OF)
def test_a_file_of_the_policy_that_was_replaced_is_noticed(tmp_path, monkeypatch, name):
    policy_in(tmp_path)
    monkeypatch.chdir(tmp_path)
    values = {"policy": "python:mine:policy?rate=given.pt", "budget": 3}
    open_campaign(tmp_path / "c", make_config(**values), CATALOGUE).close()
    open_campaign(tmp_path / "c", make_config(**values), CATALOGUE).close()
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1] + b"#")
    with pytest.raises(CampaignFolderError) as caught:
        open_campaign(tmp_path / "c", make_config(**values), CATALOGUE)
    assert f"  policy_files.{name}: there '" in str(caught.value)


def test_what_the_policy_writes_or_does_not_name_is_no_difference(tmp_path, monkeypatch):
    policy_in(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = make_config(policy="python:mine:policy?rate=given.pt", budget=3)
    open_campaign(tmp_path / "c", config, CATALOGUE).close()
    files = yaml.safe_load((tmp_path / "c" / "campaign.yaml").read_text())["policy_files"]
    assert set(files) == {*MADE_OF, "helpers/__init__.py"}
    for name in ("seen.txt", "weights/unused.bin"):
        (tmp_path / name).write_text("other")
    open_campaign(tmp_path / "c", config, CATALOGUE).close()
    (tmp_path / "weights/b.bin").unlink()
    with pytest.raises(CampaignFolderError, match=r"b.bin: there '\w+', here 'gone, or not named"):
        open_campaign(tmp_path / "c", config, CATALOGUE)


def test_a_policy_that_was_moved_with_its_files_is_the_same(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    policy_in(tmp_path / "a")
    config = make_config(policy="python:mine:policy", budget=3)
    monkeypatch.chdir(tmp_path / "a")
    open_campaign(tmp_path / "c", config, CATALOGUE).close()
    shutil.move(tmp_path / "a", tmp_path / "b")
    monkeypatch.chdir(tmp_path / "b")
    open_campaign(tmp_path / "c", config, CATALOGUE).close()


def test_a_large_file_is_read_in_parts_and_its_change_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_LARGE", 1000)
    monkeypatch.setattr(sources, "_BLOCK", 16)
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(100_000))
    before = sources.digests_of([path, tmp_path / "none"], tmp_path)
    path.write_bytes(bytes([1]) * 100_000)
    assert sources.digests_of([path], tmp_path) != before
    assert set(before) == {"weights.bin"}


# A larger budget


@pytest.mark.parametrize("search", [s for s in STRATEGIES if s != "embedding"])
def test_a_larger_budget_continues_a_campaign(tmp_path, search):
    options = {"n_steps": 2} if search in ("ppo", "a2c") else {}
    values = {"search": search, "search_options": options, "confidence": 0.99999}
    if search == "minimize":  # is over as soon as its whole scene succeeds
        values["fails"] = lambda scene, seed: {"v1", "v4"} <= scene.key
    assert len(run(tmp_path / "c", budget=3, **values)) == 3
    scenes = run(tmp_path / "c", budget=6, **values)
    assert len(scenes) == 6
    stored = read_campaign(tmp_path / "c")
    assert stored.config.budget == 6
    assert stored.ranking.trials == 6
    if search in ("uniform", "thompson", "minimize"):
        assert scenes == run(tmp_path / "at_once", budget=6, **values)


def test_a_change_of_budget_and_confidence_is_recorded_with_its_time(tmp_path):
    run(tmp_path, budget=3)
    identity = read_campaign(tmp_path).campaign_id
    run(tmp_path, budget=6, confidence=0.999)
    run(tmp_path, budget=6, confidence=0.999)  # no change
    run(tmp_path, budget=7, confidence=0.999)
    document = yaml.safe_load((tmp_path / "campaign.yaml").read_text())
    assert document["campaign_id"] == identity
    changes = [(c["name"], c["from"], c["to"]) for c in document["changes"]]
    assert changes == [("budget", 3, 6), ("confidence", 0.9999999, 0.999), ("budget", 6, 7)]
    assert all(c["at"] >= document["created_at"] for c in document["changes"])
    page = report_page([load_campaign(tmp_path)])
    assert "budget 3 to 6" in page and "0.9999999 to 0.999" in page


def test_a_settled_campaign_goes_on_with_a_higher_confidence(tmp_path):
    done = len(run(tmp_path, budget=400, confidence=0.6))
    assert done < 400
    assert len(run(tmp_path, budget=400, confidence=0.6)) == done
    assert len(run(tmp_path, budget=done + 5, confidence=0.9999999)) == done + 5


def test_a_smaller_budget_must_hold_what_is_done(tmp_path):
    run(tmp_path, budget=6, confidence=0.9999)
    before = (tmp_path / "campaign.yaml").read_bytes()
    with pytest.raises(CampaignFolderError, match=r"has 6 valid trials already.*at least 6"):
        run(tmp_path, budget=5, confidence=0.9999)
    assert (tmp_path / "campaign.yaml").read_bytes() == before
    opened = open_campaign(tmp_path, make_config(budget=40, confidence=0.9999), CATALOGUE)
    opened.close()
    assert len(run(tmp_path, budget=8, confidence=0.9999)) == 8


def test_everything_else_is_refused_as_before(tmp_path):
    run(tmp_path, budget=3)
    before = (tmp_path / "campaign.yaml").read_bytes()
    with pytest.raises(CampaignFolderError, match="seed: there 3, here 4"):
        run(tmp_path, budget=6, seed=4)
    assert (tmp_path / "campaign.yaml").read_bytes() == before


def test_a_check_changes_nothing(tmp_path):
    from robomd_ros.core.campaign.stored import check_campaign  # noqa: PLC0415

    run(tmp_path, budget=3)
    before = (tmp_path / "campaign.yaml").read_bytes()
    check_campaign(tmp_path, make_config(budget=6), CATALOGUE)
    assert (tmp_path / "campaign.yaml").read_bytes() == before
    db = sqlite3.connect(tmp_path / "trials.db")
    assert db.execute("SELECT count(*) FROM trials").fetchone() == (3,)
    db.close()
