# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the comparison says: on the page and on the terminal."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from rich.table import Table

from robomd_ros.core.evidence.comparison import Compared, Gap
from robomd_ros.core.evidence.metrics import entropy, failure_mode_count, failure_severity_index
from robomd_ros.core.wording import counted, figure, spread, words
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
    """Plain sentences: who fails less often, if that can be told, and what could be told."""
    found = [_sentence(campaigns, pair) for pair in comparison.pairs[:6]]
    shared = counted(len(comparison.shared), "change")
    return [*found, f"Compared on {shared} that all tried, and on the unchanged scene."]


def _sentence(campaigns: Sequence[CampaignData], pair: PairComparison) -> str:
    one, other = (f"{letter(i)}. {campaigns[i].name}" for i in (pair.a, pair.b))
    return gap_sentence(one, other, pair.gap)


def gap_sentence(one: str, other: str, gap: Gap) -> str:
    """The judgement on the second of two policies, in a sentence."""
    name = gap.verdict.name.replace("_", " ")
    if gap.verdict is Compared.NOT_COMPARABLE:
        return f"{name}: {one} and {other} have {gap.verdict.value}."
    trials = f"{gap.trials[0]} and {counted(gap.trials[1], 'trial')}"
    pairs = f", {gap.pairs} of them from the same starts" if gap.pairs else ""
    more = spread(gap.difference, gap.lower, gap.upper, "+")
    seen = f"{other} fails more often than {one} by {more} (95 % interval; {trials}{pairs})"
    if gap.verdict is Compared.WORSE:
        return f"{name}: {seen}."
    if gap.verdict is Compared.BETTER:
        turned = spread(-gap.difference, -gap.upper, -gap.lower, "+")
        return (
            f"{name}: {other} fails less often than {one} by {turned} "
            f"(95 % interval; {trials}{pairs})."
        )
    could = f"a difference of {gap.detectable:.2f} would have been seen in four of five cases"
    if gap.verdict is Compared.NO_DIFFERENCE_SEEN:
        return f"{name}: {seen}; {could}."
    return f"{name}: {seen}; only {could}. More trials of both would tell smaller ones."


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
        "verdict": pair.gap.verdict.name.replace("_", " "),
        "p_value": pair.gap.p_value,
        "detectable": pair.gap.detectable,
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
    pairs = Table(title="Pairs: the second against the first", title_justify="left")
    for name in ("first", "second", "verdict", "difference (95 % interval)", "by chance", "seen"):
        pairs.add_column(name, justify="left" if name in ("first", "second") else "right")
    for pair in comparison.pairs:
        gap = pair.gap
        pairs.add_row(
            letter(pair.a),
            letter(pair.b),
            gap.verdict.name.replace("_", " "),
            spread(gap.difference, gap.lower, gap.upper, "+"),
            figure(gap.p_value, 3),
            f"{figure(gap.detectable)} or more",
        )
    return [overview, pairs]
