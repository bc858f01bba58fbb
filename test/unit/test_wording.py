# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""One wording: what a ranking says is the same on every display, and never more than it knows."""

import io
import re

import numpy as np
import pytest
from fakes import make_catalogue
from rich.console import Console
from stored_campaigns import Page, store_campaign

from robomd_ros.cli.query import describe as answered
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.evidence.ranking import build_ranking
from robomd_ros.core.evidence.ranking_table import ranking_table
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.variations import Catalogue, Variation
from robomd_ros.core.wording import (
    Standing,
    counted,
    counts,
    effect_of,
    estimate,
    interval,
    label,
    named,
    nominal_of,
    ranks,
    standing_of,
    statement,
)
from robomd_ros.report.campaign_data import load_campaign
from robomd_ros.report.compare_values import comparison_summary
from robomd_ros.report.comparison import compare
from robomd_ros.report.write import report_page

CATALOGUE = make_catalogue(21)


def never(*_):
    """No trial is invalid."""
    return False


def mode(i=0, p=0.5, lower=0.1, upper=0.9, trials=4, rank=1, **other):
    failures = round(p * trials)
    if trials:
        other = {"own_trials": trials, "own_failures": failures, "verdict": Verdict.OPEN, **other}
    return FailureMode((CATALOGUE.variations[i],), rank, trials, failures, p, lower, upper, **other)


def alone(trials):
    """A ranking of plain trials: {id: (successes, failures)}."""
    evidence = Evidence(CATALOGUE, 0)
    for variation_id, (successes, failures) in trials.items():
        for failed, count in ((False, successes), (True, failures)):
            for _ in range(count):
                evidence.add(CATALOGUE.scene([variation_id] if variation_id else []), failed)
    about = {"policy": "p", "search_agent": "uniform"}
    about |= {"order_by": "evidence", "action_space": "discrete"}
    return build_ranking(evidence.posterior(), CATALOGUE, **about)


UNTRIED = mode(trials=0, seen=False)
PREDICTED = mode(p=0.8, lower=0.6, upper=0.9, trials=0, seen=False, reliability=0.25)
NOT_KNOWN = mode(lower=0.0, upper=1.0, trials=0, seen=False, reliability=0.9)


@pytest.mark.parametrize(
    ("found", "verdict", "figures", "trials", "short"),
    [
        (
            mode(p=0.9, lower=0.6, verdict=Verdict.FAILS),
            Standing.FAILS,
            "0.90 (0.60 to 0.90)",
            "4/4",
            "fails, {} 4/4",
        ),
        (mode(p=0.6), Standing.OPEN, "0.60 (0.10 to 0.90)", "2/4", "open, {} 2/4"),
        (
            mode(p=0.1, lower=0.0, upper=0.4, verdict=Verdict.COPES),
            Standing.COPES,
            "0.10 (0.00 to 0.40)",
            "0/4",
            "copes, {} 0/4",
        ),
        (
            mode(verdict=Verdict.NOT_KNOWN, own_trials=0, own_failures=0),
            Standing.AMONG,
            "0.50 (0.10 to 0.90)",
            "0/0 (2/4)",
            "not alone, {} 0/0 (2/4)",
        ),
        (UNTRIED, Standing.UNTRIED, "0.50 (0.10 to 0.90)", "untried", "{} untried"),
        (
            PREDICTED,
            Standing.PREDICTED,
            "0.80 (0.60 to 0.90)",
            "predicted",
            "{} predicted, distance 0.25",
        ),
        (NOT_KNOWN, Standing.NOT_KNOWN, "-", "not known", "not known"),
    ],
)
def test_what_is_said_of_a_mode(found, verdict, figures, trials, short):
    assert standing_of(found) is verdict
    assert (interval(found), counts(found)) == (figures, trials)
    assert estimate(found) == short.format(figures)


def test_effect_and_zero_line():
    found = mode(effect=0.25, effect_lower=-0.05, effect_upper=0.5)
    assert effect_of(found) == "+0.25 (-0.05 to +0.50)"
    assert effect_of(UNTRIED) == "-"
    ranking = alone({"": (9, 1)})
    assert nominal_of(ranking).endswith(", 1/10") and nominal_of(alone({})) == "never tried"


def test_statements():
    said = {name: statement(m) for name, m in globals().items() if isinstance(m, FailureMode)}
    assert said["UNTRIED"] == "never tried: nothing is known"
    assert said["NOT_KNOWN"].startswith("not known: too far from everything that was tried")
    assert "probability 0.80 (95 % interval 0.60 to 0.90): predicted, never" in said["PREDICTED"]
    assert statement(mode(p=1.0, trials=1)).endswith(": 1 of 1 trial of its own failed")
    assert answered(mode(p=1.0, trials=1)).endswith(": 1 of 1 trial of its own failed")
    among = mode(own_trials=1, own_failures=0)
    assert statement(among).endswith("0 of 1 trial of its own failed, 3 more among others")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 failure modes"), (1, "1 failure mode"), (1234, "1,234 failure modes")],
)
def test_counts_have_their_number(count, text):
    assert counted(count, "failure mode") == text


# Ties


def test_the_same_numbers_have_the_same_rank():
    modes = [
        mode(0, 0.8, rank=1),
        mode(1, 0.75, rank=2),
        mode(2, 0.7501, rank=3),  # the same, as it is shown
        mode(3, 0.75, trials=8, rank=4),
        mode(4, 0.2, rank=5),
        mode(5, 0.2, rank=6),
    ]
    assert ranks(modes) == ["1", "2=", "2=", "4", "5=", "5="]
    assert ranks(modes[:1]) == ["1"] and ranks([]) == []
    agents = [mode(0, 0.5, rank=1, policy_probability=0.3), mode(1, 0.5, rank=2)]
    assert ranks(agents) == ["1", "2"]


def test_seventeen_with_two_of_two_are_one_tie_on_every_display():
    """The planted case: nothing but the order of the catalogue tells them apart."""
    ranking = alone({v.id: (0, 2) for v in CATALOGUE.variations[:17]} | {"v17": (2, 0)})
    assert ranks(ranking.failure_modes) == ["1="] * 17 + ["18=", "18=", "18=", "21"]
    console = Console(width=180, record=True, file=io.StringIO())
    console.print(ranking_table(ranking, limit=5))
    rows = [r.split("│")[1:3] for r in console.export_text().splitlines() if "2/2" in r]
    assert [(a.strip(), b.strip()) for a, b in rows] == [("1=", f"v{i}") for i in range(5)]
    failing = ranking.failure_modes[:17]
    assert named(failing, 4, figures=True) == (
        "v0 (0.97), v1 (0.97), v2 (0.97), v3 (0.97) and 13 more with the same numbers"
    )


# The report


def page_of(folder):
    path = folder / "page.html"
    path.write_text(report_page([load_campaign(folder)]), encoding="utf-8")
    return Page(path)


def told(folder):
    """The report's text with single spaces."""
    return " ".join(page_of(folder).text.split())


def singles(fails, tmp_path, count=42, size=21):
    """A campaign of single changes, each tried equally often, as `robomd sim search:=uniform`."""
    return store_campaign(
        tmp_path / "c", count, fails=fails, invalid=never, largest=1,
        catalogue=make_catalogue(size), confidence=0.95,
    )  # fmt: skip


def test_the_report_does_not_say_more_than_its_intervals(tmp_path):
    """Few trials of each: all is open, and no sentence says that it fails or copes."""
    folder = singles(lambda ids, rng: rng.random() < 0.6, tmp_path, count=12, size=10)
    page, text = page_of(folder), told(folder)
    verdicts = {cell[0].split()[-1] for cell in page.column("table-ranking", "verdict")}
    assert verdicts <= {"open", "untried"}
    assert "No change stands out" in text and "changes are open, more trials would tell" in text
    assert "copes with" not in text and "it fail with a rate above" not in text


def test_one_is_one_and_two_are_two(tmp_path):
    """`the 1 failure modes` was said once."""
    folder = singles(lambda ids, rng: ids[0] == "v0", tmp_path, count=60, size=3)
    text = told(folder)
    assert "1 change makes it fail with a rate above 0.5: v0 (" in text
    assert "Make the policy stronger against the change that" in text
    assert "It copes with 2 changes" in text
    both = singles(lambda ids, rng: ids[0] != "v2", tmp_path / "both", count=60, size=3)
    assert "Make the policy stronger against the 2 changes that" in told(both)
    assert "2 changes make it fail with a rate above 0.5" in told(both)


def trials_of(rate, nominal=15, each=5, seed=0):
    """Counts of a policy that fails at one rate whatever the scene; the nominal ones under ""."""
    rng = np.random.default_rng(seed)
    failed = {i: int(rng.binomial(n, rate)) for i, n in sizes(nominal, each).items()}
    return {i: (n - failed[i], failed[i]) for i, n in sizes(nominal, each).items()}


def sizes(nominal, each):
    return {"": nominal, **{v.id: each for v in CATALOGUE}}


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_where_no_change_has_an_effect_none_is_accused(rate):
    ranking = alone(trials_of(rate))
    text = " ".join(ranking.findings)
    assert "No change stands out" in text and "makes it fail" not in text
    assert f"Unchanged, the policy failed in {round(15 * rate)} of 15 trials" in text
    assert ("no change is to blame for that" in text) == (rate == 1.0)
    assert ("copes with 21 changes" in text) == (rate == 0.0)


def test_by_chance_hardly_a_change_is_ever_accused():
    """0.3 whatever the scene: in forty campaigns at most two accusations."""
    said = [" ".join(alone(trials_of(0.3, seed=seed)).findings) for seed in range(40)]
    accused = [text for text in said if "No change stands out" not in text]
    assert len(accused) <= 2, accused


def test_changes_are_grouped_by_what_they_change():
    shifts = [
        Variation(f"shift_{i}", "pose", "camera", "Shift.", {"shift": (0.01 * i, 0.0)})
        for i in range(1, 7)
    ]
    catalogue = Catalogue("lift", shifts)
    evidence = Evidence(catalogue)
    for i, variation in enumerate(shifts):
        for _ in range(8):
            evidence.add(catalogue.scene([variation.id]), failed=i >= 3)
            evidence.add(catalogue.scene([]), failed=False)
    ranking = build_ranking(
        evidence.posterior(), catalogue, order_by="evidence", action_space="discrete"
    )
    assert any(
        "Pose of the camera: 3 of 6 changes are accused, it copes with 3, all from 0.04 on" in text
        for text in ranking.findings
    ), ranking.findings


@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_page_counts_one_in_the_plural(tmp_path, count):
    folder = store_campaign(
        tmp_path / "c", count, invalid=lambda i, rng: i == 1, catalogue=make_catalogue(count or 1)
    )
    text = re.sub(r"<[^>]*>", "|", page_of(folder).source)
    wrong = re.findall(
        r"(?<![\d.,])1 (?:valid |invalid )?(?:trials|changes|failure modes|scenes)", text
    )
    assert not wrong, wrong


def test_tied_changes_are_tied_in_the_report(tmp_path):
    folder = store_campaign(
        tmp_path / "c", 42, fails=lambda ids, rng: True, invalid=never, largest=1,
        catalogue=CATALOGUE,
    )  # fmt: skip
    page = page_of(folder)
    rows = list(
        zip(
            (cell[0] for cell in page.column("table-ranking", "rank")),
            (cell[0] for cell in page.column("table-ranking", "failures")),
            strict=True,
        )
    )
    by_count = {}
    for rank, failures in rows:
        by_count.setdefault(failures, set()).add(rank)
    assert all(len(found) == 1 for found in by_count.values())
    assert "A rank with “=” is shared" in page.text


# Two policies


def summary_of(tmp_path, rates, counts_):
    campaigns = [
        load_campaign(
            store_campaign(
                tmp_path / f"c{i}", count, fails=lambda ids, rng, p=p: rng.random() < p,
                invalid=never, largest=1,
            )
        )
        for i, (p, count) in enumerate(zip(rates, counts_, strict=True))
    ]  # fmt: skip
    return comparison_summary(campaigns, compare(campaigns))


def test_more_trials_without_a_failure_are_no_lead(tmp_path):
    """The same policy, which never fails, with 42 and with 210 trials."""
    found = summary_of(tmp_path, (0.0, 0.0), (42, 210))
    assert found[0].startswith("NO DIFFERENCE SEEN: B. policy (c1) fails more often than A. policy")
    assert "by +0.00 (" in found[0] and "would have been seen in four of five" in found[0]
    assert len(found) == 2


def test_who_fails_less_is_said_where_the_interval_says_it(tmp_path):
    clear = summary_of(tmp_path / "clear", (0.9, 0.1), (120, 120))
    assert clear[0].startswith("BETTER: B. policy (c1) fails less often than A. policy (c0) by +0.")
    same = summary_of(tmp_path / "same", (0.4, 0.4), (60, 60))
    assert same[0].startswith(("NO DIFFERENCE SEEN", "UNDERPOWERED"))


# The other displays


def test_panel_and_terminal_say_the_same():
    model = pytest.importorskip("robomd_ros.rqt.ranking_model", reason="needs Qt")
    for found in (mode(p=0.9, lower=0.6, verdict=Verdict.FAILS), UNTRIED, PREDICTED, NOT_KNOWN):
        assert model.cell_text(found, model.FIGURES) == interval(found)
        assert model.cell_text(found, model.COUNTS) == counts(found)
        assert model.describe(found) == answered(found).split("; log")[0].replace("\n  ", ": ")


def test_the_board_in_rviz_says_the_same():
    markers = pytest.importorskip("robomd_ros.ros.ranking_markers", reason="needs ROS 2")
    modes = (mode(0, 0.75), mode(1, 0.75, rank=2), NOT_KNOWN)
    ranking = FailureRanking("", "lift", "p", "", "discrete", modes, 1, 0.0, 1, 1.0, False)
    board = markers.ranking_markers(ranking, markers.BoardPlace()).markers
    said = {(m.ns, m.id): m.text for m in board if m.text}
    assert said["title", 0] == "p in lift: 1 trial, unchanged never tried, in doubt"
    assert [said["label", i] for i in range(3)] == ["1= v0", "1= v1", "1. v0"]
    assert [said["estimate", i] for i in range(3)] == [estimate(m) for m in modes]
    assert not [m for m in board if m.ns == "unseen"]  # no bar of a number that is not known


def test_labels():
    both = FailureMode(
        (CATALOGUE["v0"], Variation("size_0_8", "size", "x", "Make it 0.8.")),
        1,
        1,
        1,
        0.5,
        0.1,
        0.9,
    )
    assert label(both) == "v0 + size 0.8"
