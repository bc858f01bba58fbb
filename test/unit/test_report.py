# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report: its numbers are those of ranking.json and trials.db, whatever the campaign was."""

import base64
import hashlib
import json
import math
import re
import sqlite3
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from fakes import make_catalogue
from stored_campaigns import Page, query, store_campaign

from robomd_ros.cli.main import main
from robomd_ros.core.errors import CampaignFolderError, TrialLogError
from robomd_ros.core.evidence.failure_modes import FailureRanking
from robomd_ros.core.evidence.metrics import entropy
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.variations import Catalogue, Variation
from robomd_ros.core.wording import Standing, standing_of, words
from robomd_ros.report.after_campaign import start_report, wait_for_report
from robomd_ros.report.campaign_data import load_campaign
from robomd_ros.report.course import learning
from robomd_ros.report.figures_ranking import combination_figure, radar_figure
from robomd_ros.report.write import report_page, write_report

WHOLE = ("ranking.png", "ranking.svg", "radar.png", "timeline.svg", "learning.png", "actions.svg")


def always(*_):
    return True


def never(*_):
    return False


CAMPAIGNS = {
    "none": {"count": 0},
    "one": {"count": 1, "invalid": never},
    "hundred": {"count": 100},
    "only failures": {"count": 30, "fails": always, "invalid": never},
    "only invalid": {"count": 30, "invalid": always, "reason": "camera <b>dark</b>"},
    "only successes": {"count": 40, "largest": 1, "fails": never, "invalid": never},
    "without ranking": {"count": 25, "ranked": False},
    "with agent": {
        "count": 40,
        "search": "ppo",
        "probability": np.array([0.5, 0.2, 0.1, 0.1, 0.05, 0.05]),
    },
}


DRAWN = ("none", "hundred", "only invalid")
"""Those whose figures are drawn as well, which takes seconds."""


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    """Folder and page of a campaign of a hundred trials, with its figures."""
    folder = store_campaign(tmp_path_factory.mktemp("hundred"), **CAMPAIGNS["hundred"])
    return folder, Page(write_report([folder]))


@pytest.fixture(scope="module", params=CAMPAIGNS, ids=lambda name: name.replace(" ", "_"))
def reported(request, tmp_path_factory):
    """A campaign's folder, its ranking.json as plain data (None: there is none), its report."""
    if request.param == "hundred":
        folder, page = request.getfixturevalue("hundred")
    else:
        folder = store_campaign(tmp_path_factory.mktemp("c"), **CAMPAIGNS[request.param])
        page = Page(write_report([folder])) if request.param in DRAWN else page_of(folder)
    path = folder / "ranking.json"
    return folder, json.loads(path.read_text()) if path.is_file() else None, page


def page_of(folder):
    """The page alone: figures take a second or two."""
    path = folder / "page.html"
    path.write_text(report_page([load_campaign(folder)]), encoding="utf-8")
    return Page(path)


def expected(value):
    return math.nan if value is None else value


def check_ranking(page, ranking):
    """Every number of the table equals that of ranking.json, to the last digit."""
    modes = ranking["failure_modes"]
    for head, name in (
        ("rank", "rank"),
        ("fails", "failure_probability"),
        ("from", "lower"),
        ("to", "upper"),
        ("failures", "own_failures"),
        ("effect", "effect"),
    ):
        told = page.numbers("table-ranking", head)
        np.testing.assert_array_equal(told, [mode[name] for mode in modes], head)
    for (text, _), mode in zip(page.column("table-ranking", "change"), modes, strict=True):
        assert text.startswith(" + ".join(words(v["id"]) for v in mode["variations"]))
        assert mode["variations"][0]["description"] in text
    for text, value in page.column("table-ranking", "fails"):
        assert text == f"{float(value):.2f}"


def test_the_ranking_is_that_of_the_file(reported):
    folder, ranking, page = reported
    if ranking is None:
        data = load_campaign(folder)
        ranking = data.ranking.to_dict()
        assert len(data.ranking.failure_modes) >= 6
    check_ranking(page, ranking)
    row = page.tables["table-figures"][0]
    assert int(row[1][1]) == ranking["failure_mode_count"]
    for place, name in ((2, "failure_severity_index"), (3, "entropy")):
        np.testing.assert_equal(float(row[place][1] or "nan"), expected(ranking[name]))
    assert page.values["card-modes"] == str(ranking["failure_mode_count"])
    if any(mode["policy_probability"] is not None for mode in ranking["failure_modes"]):
        told = page.numbers("table-ranking", "search")
        wanted = [expected(m["policy_probability"]) for m in ranking["failure_modes"]]
        np.testing.assert_array_equal(told, wanted)
    else:
        assert "search" not in page.heads["table-ranking"]


def test_the_trials_are_those_of_the_database(reported):
    folder, _, page = reported
    counts = Counter(row[0] for row in query(folder, "SELECT result FROM trials"))
    assert int(page.values["card-trials"]) == counts["SUCCESS"] + counts["FAILURE"]
    assert int(page.values["card-failures"]) == counts["FAILURE"]
    assert int(page.values["card-invalid"]) == counts["INVALID"]
    rows = query(folder, "SELECT trial_index, result, seed, steps, detail FROM trials")
    told = [
        (int(row[0][1]), row[2][0], int(row[8][0]), int(row[4][0]), row[9][0])
        for row in page.tables.get("table-trials", [])
    ]
    assert told == rows
    assert ("No trial has been run" in page.text) == (not rows)


def test_invalid_trials_stand_with_their_reason(reported):
    folder, _, page = reported
    reasons = query(
        folder,
        "SELECT detail, count(*) FROM trials WHERE result = 'INVALID' GROUP BY detail ORDER BY 2",
    )
    told = [(row[0][0], int(row[1][1])) for row in page.tables.get("table-invalid", [])]
    assert told == reasons


def test_what_the_search_chose_is_what_the_database_says(reported):
    folder, _, page = reported
    scenes = [json.loads(row[0]) for row in query(folder, "SELECT scene FROM trials")]
    chosen = Counter(scene[-1] for scene in scenes)
    assert Counter(load_campaign(folder).chosen) == chosen
    if chosen:
        assert f"entropy of {entropy(list(chosen.values())):.2f} nats" in " ".join(
            page.text.split()
        )


def test_the_page_is_whole(reported):
    folder, _, page = reported
    assert not page._stack or page._stack == []
    assert page.images or not query(folder, "SELECT * FROM trials")
    for image in page.images:
        assert image["alt"].strip()
        assert image["src"].startswith("data:image/")
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, "#").startswith(("data:", "#")), (tag, attributes)
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    policy = next(a["content"] for t, a in page.tags if "http-equiv" in a)
    assert f"script-src 'sha256-{digest}'" in policy
    assert len(page.scripts) == 1


def check_figures(folder, wanted=()):
    there = {p.name for p in (folder / "report").iterdir()}
    assert there >= {*wanted, "report.html"}
    for path in (folder / "report").glob("*.svg"):
        assert ET.parse(path).getroot().tag.endswith("svg")
    for path in (folder / "report").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_figures_lie_beside_the_page(hundred):
    check_figures(hundred[0], WHOLE)


@pytest.mark.slow  # quick: those in DRAWN
@pytest.mark.parametrize("name", sorted(CAMPAIGNS.keys() - set(DRAWN)))
def test_the_figures_of_every_campaign(tmp_path, name):
    folder = store_campaign(tmp_path, **CAMPAIGNS[name])
    page = Page(write_report([folder]))
    assert page.images
    check_figures(folder)


@pytest.mark.slow
def test_ten_thousand_trials_take_little_time_and_room(tmp_path):
    folder = store_campaign(tmp_path, 10_000, catalogue=make_catalogue(21))
    began = time.process_time()
    path = write_report([folder])
    assert time.process_time() - began < 20.0
    assert path.stat().st_size < 20e6
    page = Page(path)
    check_ranking(page, json.loads((folder / "ranking.json").read_text()))
    assert len(page.tables["table-trials"]) == 400
    assert "9600 earlier ones are in trials.db" in page.text


def test_the_course_ends_where_the_ranking_is(tmp_path):
    data = load_campaign(store_campaign(tmp_path, 80))
    course = learning(data)
    assert course.trials[-1] == len(data.valid)
    verdicts = data.posterior.verdicts(data.stored.config.confidence)
    assert course.modes[-1] == sum(v in (Verdict.FAILS, Verdict.HURTS) for v in verdicts)
    assert course.settled[-1] == sum(v.decided for v in verdicts) / len(verdicts)
    last = [r.outcome.failed for r in data.valid[-course.window :]]
    assert course.share[-1] == pytest.approx(np.mean(last))
    tried = {i for r in data.valid[: int(course.trials[2])] for i in r.request.scene}
    assert course.tried[2] == len(tried)


# What other kinds of ranking hold


def changed_ranking(folder, change):
    path = folder / "ranking.json"
    ranking = FailureRanking.from_dict(json.loads(path.read_text()))
    path.write_text(json.dumps(change(ranking).to_dict()))


def test_a_predicted_change_is_marked_with_its_distance(tmp_path):
    folder = store_campaign(tmp_path, 40)

    def add(ranking):
        new = Variation("milk", "object", "cube", "Put a milk carton there.")
        mode = replace(
            ranking.failure_modes[0],
            variations=(new,),
            rank=7,
            trials=0,
            failures=0,
            seen=False,
            reliability=0.375,
            failure_probability=0.8125,
        )
        return replace(ranking, failure_modes=(*ranking.failure_modes, mode))

    changed_ranking(folder, add)
    page = page_of(folder)
    assert page.numbers("table-ranking", "distance")[-1] == 0.375
    assert page.numbers("table-ranking", "fails")[-1] == 0.8125
    assert "predicted" in page.column("table-ranking", "verdict")[-1][0]
    assert math.isnan(page.numbers("table-ranking", "distance")[0])


def test_a_planted_combination_has_its_evidence(tmp_path):
    def together(ids, rng):
        return {"v0", "v1"} <= set(ids)

    folder = store_campaign(tmp_path, 300, fails=together, invalid=never, largest=3)
    page = page_of(folder)
    rows = page.tables["table-combinations"]
    assert [row[0][0] for row in rows] == ["v0 + v1"]
    scenes = query(folder, "SELECT scene, result FROM trials")
    held = [result for scene, result in scenes if {"v0", "v1"} <= set(json.loads(scene))]
    exact = [result for scene, result in scenes if {"v0", "v1"} == set(json.loads(scene))]
    assert int(page.numbers("table-combinations", "trials")[0]) == len(held)
    assert page.column("table-combinations", "alone")[0][0] == f"{len(exact)}/{len(exact)}"
    assert page.numbers("table-combinations", "if independent")[0] < 0.3
    assert page.numbers("table-combinations", "fails")[0] > 0.7
    assert page.numbers("table-combinations", "suspected")[0] >= 0.5
    assert "v0 + v1" in combination_figure(load_campaign(folder)).alt


def test_verdicts(tmp_path):
    mode = load_campaign(store_campaign(tmp_path, 10)).ranking.failure_modes[0]

    def of(verdict, **other):
        return standing_of(replace(mode, **{"verdict": verdict, "seen": True, **other}))

    for name in ("FAILS", "HURTS", "COPES", "OPEN"):
        assert of(Verdict[name]) is Standing[name]
    assert of(Verdict.NOT_KNOWN) is of(Verdict.UNKNOWN) is Standing.AMONG
    untried = {"seen": False, "failure_probability": 0.9, "reliability": math.nan}
    assert of(Verdict.NOT_KNOWN, **untried) is Standing.UNTRIED
    assert of(Verdict.NOT_KNOWN, **{**untried, "reliability": 0.1}) is Standing.PREDICTED
    nothing = {"failure_probability": 0.5, "lower": 0.0, "upper": 1.0, "reliability": 0.1}
    assert of(Verdict.NOT_KNOWN, seen=False, **nothing) is Standing.NOT_KNOWN


def test_several_campaigns_are_overlaid(tmp_path):
    folders = [store_campaign(tmp_path / name, 40) for name in ("a", "b")]
    campaigns = [load_campaign(folder) for folder in folders]
    path = tmp_path / "page.html"
    path.write_text(report_page(campaigns, {"radar": radar_figure(campaigns)}), encoding="utf-8")
    page = Page(path)
    assert [row[0][0] for row in page.tables["table-figures"]] == ["policy (a)", "policy (b)"]
    radar = next(i for i in page.images if i["alt"].startswith("Radar"))
    assert "policy (a)" in radar["alt"]
    assert "policy (b)" in radar["alt"]


def test_there_is_no_radar_plot_of_nothing(tmp_path):
    untried = load_campaign(store_campaign(tmp_path / "a", 8, invalid=always))
    assert radar_figure([untried]) is None
    small = load_campaign(store_campaign(tmp_path / "b", 8, catalogue=make_catalogue(2)))
    assert radar_figure([small]) is None


def test_words():
    assert words("table_size_0_8_0_2_0_025") == "table size 0.8 0.2 0.025"
    assert words("cube_10_cm") == "cube 10 cm"


# Text from elsewhere, and damage

EVIL = "<script>alert('x')</script><img src=x onerror=\"alert(1)\">&{{ 7 * 7 }}$\\frac"


def test_every_text_is_escaped(tmp_path):
    base = make_catalogue(4)
    bad = Variation("v4", "color", "partx", EVIL, {"x": 1.0})
    catalogue = Catalogue("lift", [*base, bad], instruction=EVIL)
    folder = store_campaign(
        tmp_path, 40, catalogue=catalogue, reason=EVIL, policy=f"python:{EVIL}:{EVIL}"
    )
    page = page_of(folder)
    assert page.text.count("<script>alert('x')</script>") > 3
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 1
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]
    assert "49" not in re.findall(r"&(\S+?)\$", page.text)


def test_a_picture_from_elsewhere_is_not_taken_in(tmp_path):
    folder = store_campaign(tmp_path / "c", 4, invalid=never)
    secret = tmp_path / "secret.png"
    secret.write_bytes((folder / "images/000001.png").read_bytes())
    for path in folder.glob("images/*.png"):
        path.write_bytes(b"not a picture")
    query_write(folder, "UPDATE trials SET image_path = '../secret.png'")
    page = page_of(folder)
    assert "No pictures were stored." in page.text


def query_write(folder, sql):
    with sqlite3.connect(folder / "trials.db") as db:
        db.execute(sql)
    db.close()


DAMAGE = {
    "no description": ("campaign.yaml", None),
    "a description of something else": ("campaign.yaml", b"config: {task: 3}\n"),
    "zeros in the database": ("trials.db", b"\0" * 4096),
    "no database": ("trials.db", None),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_folder_is_one_clear_error(tmp_path, capsys, name):
    folder = store_campaign(tmp_path / "c", 10)
    file, data = DAMAGE[name]
    if data is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(data)
    with pytest.raises((CampaignFolderError, TrialLogError)):
        load_campaign(folder)
    assert main(["report", str(folder)]) in (1, 2)
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert str(folder) in error
    assert "Traceback" not in error
    assert not (folder / "report").exists()


def test_trials_of_another_catalogue_are_named(tmp_path):
    folder = store_campaign(tmp_path, 5)
    query_write(folder, """UPDATE trials SET scene = '["v77"]' WHERE trial_index = 3""")
    with pytest.raises(CampaignFolderError, match="v77"):
        load_campaign(folder)


# The commands, and the end of a campaign


def test_the_command_says_where_the_report_is(tmp_path, capsys):
    folder = store_campaign(tmp_path / "c", 0)
    assert main(["report", str(folder), "--out", str(tmp_path / "o")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "o/report.html")
    assert (tmp_path / "o/report.html").is_file()


def test_no_folder_and_no_room_are_errors(tmp_path, capsys):
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    folder = store_campaign(tmp_path / "c", 0)
    (folder / "report").write_text("a file in its place")
    assert main(["report", str(folder)]) == 2
    assert "cannot write the report" in capsys.readouterr().err


@pytest.mark.long
def test_the_end_of_a_campaign_writes_it_in_another_process(tmp_path):
    folder, told = store_campaign(tmp_path, 1), []
    start_report(folder, told.append)
    assert not wait_for_report(folder, 0.0)
    assert wait_for_report(folder, 60.0)
    assert (folder / "report/report.html").is_file(), told
    assert not (folder / "report/writer.pid").exists()
    assert told == []


def test_a_report_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "report").write_text("a file in its place")
    told = []
    start_report(tmp_path, told.append)
    assert "no report is written" in told[0]
    empty = tmp_path / "empty"
    empty.mkdir()
    start_report(empty, told.append)
    deadline = time.monotonic() + 60
    while len(told) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "holds no campaign" in told[1]
    assert "robomd report" in told[1]
