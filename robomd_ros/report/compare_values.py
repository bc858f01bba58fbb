# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the comparison says: on the page and on the terminal."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from rich.table import Table

from robomd_ros.core.evidence.metrics import entropy, failure_mode_count, failure_severity_index
from robomd_ros.core.wording import Compared, compared, counted, figure, spread, words
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.comparison import Comparison, PairComparison
from robomd_ros.report.drawing import Picture
from robomd_ros.report.summary import warnings


def letter(place: int) -> str:
    """A, B, ... Z, then numbers."""
    return ascii_uppercase[place] if place < len(ascii_uppercase) else str(place + 1)


def compare_values(
    campaigns: Sequence[CampaignData],
    comparison: Comparison,
    pictures: Mapping[str, Picture | None],
) -> dict[str, Any]:
    """The values of compare.html."""
    names = [c.name for c in campaigns]
    return {
        "title": f"Comparison: {', '.join(names)}",
        "task": campaigns[0].stored.config.task,
        "names": [f"{letter(i)}. {name}" for i, name in enumerate(names)],
        "summary": comparison_summary(campaigns, comparison),
        "warnings": [f"{c.name}: {text}" for c in campaigns for text in warnings(c)],
        "shared": len(comparison.shared),
        "campaigns": [_row(c, comparison, i) for i, c in enumerate(campaigns)],
        "pairs": [_pair(campaigns, pair) for pair in comparison.pairs],
        "figures": dict(pictures),
        "variations": _variations(campaigns, comparison),
        "left_out": [words(i) for i in comparison.left_out],
        "made": [
            (
                f"{letter(i)}. {c.name}",
                f"campaign {c.stored.campaign_id}, policy {c.stored.config.policy}, "
                f"search {c.stored.config.search}, seed {c.stored.config.seed}, "
                f"{counted(len(c.valid), 'valid trial')}, {len(c.invalid)} invalid",
            )
            for i, c in enumerate(campaigns)
        ],
    }


def comparison_summary(campaigns: Sequence[CampaignData], comparison: Comparison) -> list[str]:
    """Plain sentences: who fails less often, if that can be told, and where the leads are."""
    found = [_sentence(campaigns, comparison, pair) for pair in comparison.pairs[:6]]
    shared = counted(len(comparison.shared), "change")
    found.append(f"Compared on {shared} that all tried.")
    first = comparison.pairs[0]
    if _never_failed(campaigns, comparison, first):
        return found
    rows = list(zip(first.by_variation, comparison.shared, strict=True))
    for name, verdict in (("A", Compared.BETTER), ("B", Compared.WORSE)):
        leads = [(abs(d.mean), v.id) for d, v in rows if compared(d.lower, d.upper) is verdict]
        if leads:
            gap, variation = max(leads)
            found.append(
                f"{name}'s largest lead: {words(variation)} (fails {figure(gap)} less often)."
            )
    return found


def _sentence(
    campaigns: Sequence[CampaignData], comparison: Comparison, pair: PairComparison
) -> str:
    one, other = (f"{letter(i)}. {campaigns[i].name}" for i in (pair.a, pair.b))
    if _never_failed(campaigns, comparison, pair):
        trials = " and ".join(str(len(campaigns[i].valid)) for i in (pair.a, pair.b))
        return (
            f"No difference seen between {one} and {other}: neither failed under any change that "
            f"both tried ({trials} trials)."
        )
    gap = pair.overall
    verdict = compared(gap.lower, gap.upper)
    if verdict is Compared.NO_DIFFERENCE_SEEN:
        interval = spread(gap.mean, gap.lower, gap.upper, "+")
        return (
            f"No difference seen between {one} and {other}: the second fails more often by "
            f"{interval}, and that interval holds zero. More trials of both would tell smaller "
            "differences."
        )
    ends = sorted((abs(gap.lower), abs(gap.upper)))
    sure = gap.a_better if verdict is Compared.BETTER else 1.0 - gap.a_better
    return (
        f"{one} {verdict.value} {other}: the mean failure probabilities differ by "
        f"{spread(abs(gap.mean), *ends)}; with probability {f'{sure:.2f}'} "
        f"{one if verdict is Compared.BETTER else other} is more robust."
    )


def _never_failed(
    campaigns: Sequence[CampaignData], comparison: Comparison, pair: PairComparison
) -> bool:
    """Whether no trial of either policy failed under a shared change: more trials are no merit."""
    failures = (
        _figures(campaigns[i], v.id)["failures"]
        for i in (pair.a, pair.b)
        for v in comparison.shared
    )
    return not any(failures)


def _row(campaign: CampaignData, comparison: Comparison, place: int) -> dict[str, Any]:
    means = [_figures(campaign, v.id)["mean"] for v in comparison.shared]
    return {
        "letter": letter(place),
        "name": campaign.name,
        "mean": float(comparison.mean[place]),
        "lower": float(comparison.lower[place]),
        "upper": float(comparison.upper[place]),
        "best": float(comparison.best[place]),
        "modes": failure_mode_count(means),
        "severity": failure_severity_index(means),
        "entropy": entropy(means),
        "trials": len(campaign.valid),
    }


def _pair(campaigns: Sequence[CampaignData], pair: PairComparison) -> dict[str, Any]:
    difference = pair.overall
    return {
        "a": letter(pair.a),
        "b": letter(pair.b),
        "a_name": campaigns[pair.a].name,
        "b_name": campaigns[pair.b].name,
        "mean": difference.mean,
        "lower": difference.lower,
        "upper": difference.upper,
        "a_better": difference.a_better,
    }


def _variations(campaigns: Sequence[CampaignData], comparison: Comparison) -> list[dict[str, Any]]:
    first = comparison.pairs[0]
    return [
        {
            "id": variation.id,
            "label": words(variation.id),
            "description": variation.description,
            "cells": [_figures(c, variation.id) for c in campaigns],
            "a_better": first.by_variation[i].a_better,
        }
        for i, variation in enumerate(comparison.shared)
    ]


def _figures(campaign: CampaignData, variation_id: str) -> dict[str, Any]:
    posterior, i = campaign.posterior, campaign.catalogue.index(variation_id)
    return {
        "mean": posterior.rates[i].mean,
        "lower": posterior.rates[i].lower,
        "upper": posterior.rates[i].upper,
        "failures": posterior.rates[i].counts.failures,
        "trials": posterior.rates[i].counts.trials,
    }


def comparison_tables(campaigns: Sequence[CampaignData], comparison: Comparison) -> list[Table]:
    """The same for the terminal: campaigns, then pairs."""
    overview = Table(title="Mean failure probability over the changes that all tried")
    overview.title_justify = "left"
    for name in ("", "policy (campaign)"):
        overview.add_column(name)
    for name in ("mean (95 % interval)", "failure modes", "severity", "trials", "most robust"):
        overview.add_column(name, justify="right")
    for place, campaign in enumerate(campaigns):
        row = _row(campaign, comparison, place)
        interval = spread(row["mean"], row["lower"], row["upper"])
        counts = str(row["modes"]), figure(row["severity"]), str(row["trials"])
        overview.add_row(row["letter"], campaign.name, interval, *counts, f"{row['best']:.2f}")
    pairs = Table(title="Pairs: how much more often the second fails", title_justify="left")
    for name in ("first", "second", "difference (95 % interval)", "first is more robust"):
        pairs.add_column(name, justify="right" if "more" in name or "diff" in name else "left")
    for pair in comparison.pairs:
        d = pair.overall
        gap = spread(d.mean, d.lower, d.upper, "+")
        pairs.add_row(letter(pair.a), letter(pair.b), gap, f"{d.a_better:.3f}")
    return [overview, pairs]
