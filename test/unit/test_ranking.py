# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Equations 3 and 4, the order of a ranking, its JSON and its table."""

import json
import math
import re

import numpy as np
import pytest
from rich.console import Console

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.ranking import (
    FailureMode,
    FailureRanking,
    build_ranking,
    density_ratio,
    policy_distribution,
)
from robomd_ros.core.evidence.ranking_table import ranking_table
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.variations import Catalogue, Variation


def make_catalogue(size: int = 4) -> Catalogue:
    first = Variation(
        "v0", "color", "part0", "Make it red.", {"rgba": (1.0, 0.0, 0.5), "name": "1.0"}, 20.0
    )
    rest = [Variation(f"v{i}", "color", f"part{i}", f"Change {i}.") for i in range(1, size)]
    return Catalogue("lift", [first, *rest])


def rank(counts: dict[str, tuple[int, int]], size: int = 4, **kwargs) -> FailureRanking:
    catalogue = make_catalogue(size)
    evidence = Evidence(catalogue)
    for ids, (successes, failures) in counts.items():
        for failed in [False] * successes + [True] * failures:
            evidence.add(catalogue.scene(ids.split()), failed)
    about = {"order_by": "evidence", "action_space": "discrete", **kwargs}
    return build_ranking(evidence.posterior(), catalogue, **about)


def order(ranking: FailureRanking) -> list[str]:
    assert [mode.rank for mode in ranking.failure_modes] == list(
        range(1, len(ranking.failure_modes) + 1)
    )
    return ["+".join(mode.ids) for mode in ranking.failure_modes]


PAIR = {"v0": (9, 0), "v1": (9, 0), "v0 v1": (0, 8), "v2": (3, 3), "v3": (6, 0)}


def test_equation_3():
    """exp(0), exp(ln 2), exp(ln 5) over 8; a shift changes nothing and nothing overflows."""
    expected = [0.125, 0.25, 0.625]
    logits = np.log([1.0, 2.0, 5.0])
    np.testing.assert_allclose(policy_distribution(logits), expected, rtol=1e-12)
    np.testing.assert_allclose(policy_distribution(logits + 5000), expected, rtol=1e-9)
    assert policy_distribution([0.0, -math.inf]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("logits", [[math.nan, 1.0], [math.inf, 1.0], [-math.inf], [], [[1.0]]])
def test_equation_3_refuses_bad_logits(logits):
    with pytest.raises(ValueError, match="logits must be a vector of finite numbers"):
        policy_distribution(logits)


def test_equation_4():
    ratio, log_ratio = density_ratio(math.log(0.6), math.log(0.2))
    assert ratio == pytest.approx(3.0) and log_ratio == pytest.approx(math.log(3))
    assert density_ratio(1000.0, -500.0) == (math.inf, 1500.0)
    assert density_ratio(-2000.0, 0.0) == (0.0, -2000.0)
    with pytest.raises(ValueError, match="no density ratio of the log densities nan"):
        density_ratio(math.nan, 0.0)


def test_order_by_evidence_and_its_ties():
    """Means: v0 2/4, v1 3/6, v2 4/5, v3 1/4; of the equal ones more trials come first."""
    ranking = rank({"v0": (1, 1), "v1": (2, 2), "v2": (0, 3), "v3": (2, 0)})
    assert order(ranking) == ["v2", "v1", "v0", "v3"]
    assert order(rank({"v3": (1, 1), "v1": (1, 1), "v0": (3, 0), "v2": (3, 0)})) == [
        "v1", "v3", "v0", "v2"
    ]  # fmt: skip


def test_fields_of_a_mode():
    ranking = rank({"v0": (1, 3), "": (2, 0)}, policy_probability=np.array([0.4, 0.3, 0.2, 0.1]))
    mode = next(m for m in ranking.failure_modes if m.ids == ("v0",))
    assert (mode.trials, mode.failures, mode.seen) == (4, 3, True)
    assert (mode.own_trials, mode.own_failures) == (4, 3)
    assert mode.lower < mode.failure_probability < mode.upper
    assert mode.effect_lower < mode.effect < mode.effect_upper <= mode.upper
    assert mode.effect == pytest.approx(mode.failure_probability - 0.15, abs=0.15)
    assert mode.verdict is Verdict.OPEN and 0.5 < mode.probability_worse < 1.0
    assert (ranking.nominal_trials, ranking.nominal_failures, ranking.undecided) == (2, 0, 4)
    assert ranking.nominal_lower == 0.0 < ranking.nominal_probability < ranking.nominal_upper
    assert mode.policy_probability == 0.4
    assert math.isnan(mode.reliability) and math.isnan(mode.log_density)
    assert ranking.trials == 6 and ranking.task == "lift"


def test_untried_variations_stand_between_what_fails_and_what_does_not():
    """v0 0.3 but certain to fail sometimes, v1 0.83, v2 untried, v3 0.08."""
    ranking = rank({"v0": (28, 12), "v1": (0, 4), "v3": (10, 0)})
    assert order(ranking) == ["v1", "v0", "v2", "v3"]
    untried = ranking.failure_modes[2]
    assert not untried.seen and untried.trials == 0
    assert untried.verdict is Verdict.NOT_KNOWN and untried.own_trials == 0
    assert untried.upper - untried.lower > 0.9


def test_untried_variations_do_not_outrank_a_combination_that_fails():
    """The pair fails in about 0.4 of its trials, less than the untried variations' prior mean."""
    counts = {"v0": (40, 0), "v1": (40, 0), "v0 v1": (18, 12), "v2": (6, 0), "v3": (6, 0)}
    ranking = rank(counts, size=6)
    assert ranking.failure_modes[0].failure_probability < 0.5
    assert order(ranking)[:3] == ["v0+v1", "v4", "v5"]


def test_planted_pair_is_first_and_its_parts_are_low():
    ranking = rank(PAIR)
    assert order(ranking)[:2] == ["v0+v1", "v2"]
    pair = ranking.failure_modes[0]
    assert (pair.trials, pair.failures, pair.seen) == (8, 8, True)
    parts = [m.failure_probability for m in ranking.failure_modes if m.ids in (("v0",), ("v1",))]
    assert max(parts) < 0.2 < 0.8 < pair.failure_probability


def test_order_by_search_agent_puts_combinations_last():
    probability = np.array([0.1, 0.2, 0.3, 0.4])
    ranking = rank(PAIR, policy_probability=probability, order_by="search_agent")
    assert order(ranking) == ["v3", "v2", "v1", "v0", "v0+v1"]
    assert math.isnan(ranking.failure_modes[-1].policy_probability)


def test_figures_of_merit_are_over_what_was_seen():
    """What never failed alone adds nothing: entropy 0, severity its own rate, one failure mode."""
    ranking = rank({"v0": (0, 4), "v1": (4, 0)})
    assert ranking.entropy == 0.0
    assert ranking.failure_severity_index == ranking.failure_modes[0].failure_probability > 0.7
    assert ranking.failure_mode_count == 1


@pytest.mark.parametrize("trials", [2, 10, 100])
def test_figures_of_a_policy_that_never_fails_do_not_depend_on_the_budget(trials):
    ranking = rank({"": (trials, 0), **{f"v{i}": (trials, 0) for i in range(4)}})
    assert ranking.failure_severity_index == 0.0 and ranking.failure_mode_count == 0
    assert math.isnan(ranking.entropy)


def test_ranking_without_trials_lists_everything_in_catalogue_order():
    ranking = rank({})
    assert order(ranking) == ["v0", "v1", "v2", "v3"]
    assert math.isnan(ranking.entropy) and ranking.failure_mode_count == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order_by": "luck"}, "order_by must be evidence or search_agent; got 'luck'"),
        ({"order_by": "search_agent"}, "no action probabilities"),
        ({"policy_probability": np.ones(3) / 3}, r"shape \(3,\), the catalogue 4 variations"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        rank({}, **arguments)


def test_json_has_the_names_of_the_message_and_no_nan():
    ranking = rank(PAIR, campaign_id="c", stamp=12.75, policy="p", search_agent="uniform")
    data = json.loads(json.dumps(ranking.to_dict(), allow_nan=False))
    assert list(data) == [
        "header", "campaign_id", "task", "policy", "search_agent", "action_space", "trials",
        "entropy", "failure_mode_count", "failure_severity_index", "converged",
        "nominal_trials", "nominal_failures", "nominal_probability", "nominal_lower",
        "nominal_upper", "failing_threshold", "confidence", "undecided", "expected_wrong",
        "pairs_seen", "pairs_possible", "findings", "failure_modes",
    ]  # fmt: skip
    assert data["header"] == {"stamp": {"sec": 12, "nanosec": 750_000_000}, "frame_id": ""}
    mode = data["failure_modes"][0]
    assert set(mode) == {
        "variations", "rank", "policy_probability", "log_density", "trials", "failures",
        "failure_probability", "lower", "upper", "reliability", "seen", "verdict", "effect",
        "effect_lower", "effect_upper", "probability_failing", "probability_worse", "own_trials",
        "own_failures",
    }  # fmt: skip
    assert mode["policy_probability"] is None and mode["rank"] == 1
    first, second = mode["variations"]
    assert (first["id"], first["change_cost"]) == ("v0", 20.0)
    assert {"key": "rgba", "value": "[1.0, 0.0, 0.5]"} in first["parameters"]
    assert second == {
        "id": "v1", "factor": "color", "target": "part1", "description": "Change 1.",
        "parameters": [], "change_cost": None,
    }  # fmt: skip


def test_json_is_read_back():
    ranking = rank(PAIR, converged=True, stamp=1_700_000_000.5)
    stored = json.loads(json.dumps(ranking.to_dict()))
    back = FailureRanking.from_dict(stored)
    assert back.to_dict() == ranking.to_dict()
    assert back.stamp == ranking.stamp and back.converged
    parameters = back.failure_modes[0].variations[0].parameters
    assert parameters == {"rgba": (1.0, 0.0, 0.5), "name": "1.0"}


def test_foreign_json_is_refused():
    data = rank(PAIR).to_dict()
    with pytest.raises(ConfigurationError, match=r"lacks the fields \['trials'\]"):
        FailureRanking.from_dict({k: v for k, v in data.items() if k != "trials"})
    with pytest.raises(ConfigurationError, match=r"unknown fields \['colour'\]"):
        FailureRanking.from_dict({**data, "colour": 1})
    with pytest.raises(ConfigurationError, match="malformed near 'stamp'"):
        FailureRanking.from_dict({**data, "header": {}})


def printed(ranking: FailureRanking, width: int = 140, **kwargs) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(ranking_table(ranking, **kwargs))
    return console.export_text()


def test_table_shows_modes_intervals_and_counts():
    text = printed(rank({"v0": (0, 4), "v1": (4, 0)}, policy_probability=np.full(4, 0.25)))
    row = next(line for line in text.splitlines() if "v0" in line)
    assert (
        "0.88 (0.54 to 1.00)" in row
        and "▲ fails" in row
        and "4/4" in row
        and "0.250" in row
        and "█" in row
    )
    assert text.count("untried") == 4
    assert "8 trials, unchanged never tried, 1 failure mode above 0.5" in " ".join(text.split())


@pytest.mark.parametrize(("width", "bar"), [(140, True), (104, False), (88, False)])
def test_names_and_ranks_stand_in_a_table_of_any_width(width, bar):
    ids = ("cube_color_green", "robot_color_red", "light_color_gray")
    catalogue = Catalogue("lift", [Variation(i, i, "cube", f"Change {i}.") for i in ids])
    evidence = Evidence(catalogue)
    for i in ids:
        evidence.add(catalogue.scene([i]), True)
    ranking = build_ranking(
        evidence.posterior(), catalogue, order_by="evidence", action_space="discrete"
    )
    lines = printed(ranking, width).splitlines()
    assert all(len(line) <= width for line in lines)
    for i in ids:
        assert any(re.search(rf"1= │ {i} ", line) for line in lines), lines
    assert ("█" in "".join(lines)) == bar


def test_table_is_cut_and_says_so():
    text = printed(rank(PAIR), limit=2)
    assert "v0 + v1" in text and "v3" not in text
    assert "3 more not shown" in text and "Eq. 3" not in text


def test_bar_stays_inside_at_the_ends():
    mode = FailureMode((make_catalogue()["v0"],), 1, 5, 5, 1.0, 1.0, 1.0)
    ranking = FailureRanking("", "lift", "", "", "discrete", (mode,), 5, 0.0, 1, 1.0, False)
    assert printed(ranking).count("█") == 1
