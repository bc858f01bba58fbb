# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Comparing campaigns: against closed forms, and the cases in which there is nothing to compare."""

from xml.etree import ElementTree

import numpy as np
import pytest
from fakes import make_catalogue
from stored_campaigns import Page, store_campaign

from robomd_ros.cli.main import main
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.variations import Catalogue, Variation
from robomd_ros.report.campaign_data import load_campaign
from robomd_ros.report.comparison import NothingInCommonError, compare
from robomd_ros.report.write import write_comparison


def campaign(folder, rate, count=60, size=3, seed=3, **options):
    """Single variations that fail at this rate, so that every posterior is a Beta."""
    return load_campaign(
        store_campaign(
            folder,
            count,
            fails=lambda ids, rng: rng.random() < rate,
            invalid=lambda *_: False,
            largest=1,
            seed=seed,
            catalogue=options.pop("catalogue", None) or make_catalogue(size),
            **options,
        )
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    root = tmp_path_factory.mktemp("pair")
    return campaign(root / "strong", 0.25), campaign(root / "weak", 0.45)


def test_single_variations_are_the_rates_of_both(pair):
    a, b = pair
    found = compare(pair).pairs[0]
    for i, difference in enumerate(found.by_variation):
        one, two = a.posterior.rates[i], b.posterior.rates[i]
        assert difference.mean == pytest.approx(two.mean - one.mean)
        assert difference.lower < difference.mean < difference.upper
        assert (difference.a_better > 0.5) == (two.mean > one.mean)


def test_the_mean_over_variations_is_that_of_the_rates(pair):
    found = compare(pair)
    for place, c in enumerate(pair):
        assert found.mean[place] == pytest.approx(np.mean([r.mean for r in c.posterior.rates]))
        assert found.lower[place] < found.mean[place] < found.upper[place]
    overall = found.pairs[0].overall
    assert overall.mean == pytest.approx(found.mean[1] - found.mean[0])
    assert overall.lower < overall.mean < overall.upper
    assert found.best.sum() == pytest.approx(1.0)
    assert found.best[0] == pytest.approx(overall.a_better, abs=0.01)


def test_the_order_of_the_campaigns_does_not_matter(pair):
    forth, back = compare(pair), compare(pair[::-1])
    assert forth.a_better(0, 1) == pytest.approx(1 - back.a_better(0, 1), abs=0.01)
    assert forth.a_better(1, 0) == pytest.approx(1 - forth.a_better(0, 1))
    assert forth.pairs[0].overall.mean == pytest.approx(-back.pairs[0].overall.mean)


def test_a_campaign_is_as_robust_as_one_with_the_same_trials_and_seed(tmp_path):
    twins = [campaign(tmp_path / name, 0.4, seed=5) for name in ("a", "b")]
    overall = compare(twins).pairs[0].overall
    assert overall.a_better == pytest.approx(0.5, abs=0.02)
    assert overall.mean == 0
    assert overall.upper - overall.lower > 0.1  # equal draws would have no spread at all


def test_three_campaigns(tmp_path, pair):
    third = campaign(tmp_path / "hopeless", 0.95)
    found = compare([*pair, third])
    assert [(p.a, p.b) for p in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert found.a_better(0, 2) > 0.999
    assert found.best[2] < 0.001


def test_what_only_one_tried_or_defines_otherwise_is_left_out(tmp_path):
    other = [*make_catalogue(2), Variation("v2", "size", "part0", "Change 2.", {"x": 2.5})]
    a = campaign(tmp_path / "a", 0.4, size=4)
    b = campaign(tmp_path / "b", 0.4, catalogue=Catalogue("lift", other))
    found = compare([a, b])
    assert [v.id for v in found.shared] == ["v0", "v1"]
    assert set(found.left_out) == {"v2", "v3"}


def test_nothing_to_compare(tmp_path):
    a = campaign(tmp_path / "a", 0.4, size=2)
    with pytest.raises(ConfigurationError, match="at least two"):
        compare([a])
    empty = campaign(tmp_path / "b", 0.4, count=0, size=2)
    with pytest.raises(NothingInCommonError, match="no variation that all of them tried"):
        compare([a, empty])
    moved = Catalogue("stack", list(make_catalogue(2)))
    c = campaign(tmp_path / "c", 0.4, catalogue=moved, task="stack")
    with pytest.raises(ConfigurationError, match=r"different tasks \(lift, stack\)"):
        compare([a, c])


@pytest.mark.parametrize(
    ("counts", "code", "word"),
    [
        (("17/20", "14/20"), 11, "UNDERPOWERED"),
        (("170/200", "140/200"), 10, "WORSE"),
        (("140/200", "170/200"), 0, "BETTER"),
        (("150/200", "150/200"), 0, "NO DIFFERENCE SEEN"),
        (("17/20", "21/20"), 2, "got '21/20'"),
        (("0/0", "1/2"), 2, "got '0/0'"),
        (("seventeen", "1/2"), 2, "got 'seventeen'"),
    ],
)
def test_two_counts_are_compared(capsys, counts, code, word):
    assert main(["compare", "--counts", *counts]) == code
    told = capsys.readouterr()
    assert word in told.out + told.err
    if code in (0, 11):
        assert "would have been seen" in told.out or word == "BETTER"


def test_what_cannot_be_compared_is_said_with_its_own_exit_code(tmp_path, capsys):
    folders = [
        campaign(tmp_path / "a", 0.4, size=2).stored.path,
        campaign(
            tmp_path / "c", 0.4, catalogue=Catalogue("stack", list(make_catalogue(2))), task="stack"
        ).stored.path,
    ]
    xml = tmp_path / "junit.xml"
    assert main(["compare", *map(str, folders), "--junit", str(xml)]) == 12
    assert "NOT COMPARABLE: they are of different tasks (lift, stack)" in capsys.readouterr().out
    assert ElementTree.parse(xml).getroot().get("errors") == "1"


def test_the_page_tells_the_same_numbers(tmp_path, pair):
    found = compare(pair)
    page = Page(write_comparison(pair, found, tmp_path))
    assert page.numbers("table-campaigns", "mean failure") == list(found.mean)
    assert page.numbers("table-campaigns", "most robust") == list(found.best)
    row = page.tables["table-pairs"][0]
    overall = found.pairs[0].overall
    assert row[2][0] == found.pairs[0].gap.verdict.name.replace("_", " ")
    assert [float(v) for _, v in row[3:]] == [
        overall.a_better, overall.mean, overall.lower, overall.upper,
    ]  # fmt: skip
    told = page.numbers("table-variations", "A better than B")
    assert told == [d.a_better for d in found.pairs[0].by_variation]
    for c, head in zip(pair, "AB", strict=True):
        assert page.numbers("table-variations", head) == [r.mean for r in c.posterior.rates]
    assert {p.name for p in tmp_path.iterdir()} >= {"differences.png", "radar.svg"}


def test_the_command(tmp_path, capsys, pair):
    folders = [str(c.stored.path) for c in pair]
    gap = compare(pair).pairs[0].gap
    xml = tmp_path / "made" / "junit.xml"
    code = main(["compare", *folders, "--html", str(tmp_path), "--junit", str(xml)])
    assert code == gap.verdict.exit_code
    told = capsys.readouterr().out
    assert gap.verdict.name.replace("_", " ") in told
    (case,) = ElementTree.parse(xml).getroot()
    assert case.get("name") == "B. policy (weak) against A. policy (strong)"
    assert "A. policy (strong)" in told
    assert (tmp_path / "compare.html").is_file()
    assert main(["compare", folders[0], folders[0]]) == 2
    assert "named twice" in capsys.readouterr().err
    assert main(["compare", folders[0]]) == 2
    assert "at least two" in capsys.readouterr().err
