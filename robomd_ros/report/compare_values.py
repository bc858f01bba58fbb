# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the comparison says: on the page and on the terminal."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from rich.table import Table

from robomd_ros.core.evidence.metrics import entropy, failure_mode_count, failure_severity_index
from robomd_ros.report.campaign_data import CampaignData
from robomd_ros.report.comparison import Comparison, PairComparison
from robomd_ros.report.drawing import Picture
from robomd_ros.report.summary import warnings
from robomd_ros.report.verdict import words

CLEAR = 0.95
"""Probability from which one policy is called more robust than another."""


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
                f"{len(c.valid)} trials that count, {len(c.invalid)} invalid",
            )
            for i, c in enumerate(campaigns)
        ],
    }


def comparison_summary(campaigns: Sequence[CampaignData], comparison: Comparison) -> list[str]:
    """Plain sentences: who is more robust, how sure that is, and where the largest change is."""
    found = [_sentence(campaigns, pair) for pair in comparison.pairs[:6]]
    changes = len(comparison.shared)
    found.append(f"Compared on {changes} change{'s' if changes > 1 else ''} that all tried.")
    first = comparison.pairs[0]
    gaps = [
        (d.mean, words(v.id)) for d, v in zip(first.by_variation, comparison.shared, strict=True)
    ]
    up, down = max(gaps), min(gaps)
    if up[0] > 0:
        found.append(f"A's largest lead: {up[1]} (fails {up[0]:.2f} less often).")
    if down[0] < 0:
        found.append(f"B's largest lead: {down[1]} (fails {-down[0]:.2f} less often).")
    return found


def _sentence(campaigns: Sequence[CampaignData], pair: PairComparison) -> str:
    p = pair.overall.a_better
    better, worse, sure = (pair.a, pair.b, p) if p >= 0.5 else (pair.b, pair.a, 1.0 - p)
    one, other = (f"{letter(i)}. {campaigns[i].name}" for i in (better, worse))
    gap = abs(pair.overall.mean)
    if sure >= CLEAR:
        return (
            f"{one} is more robust than {other} with probability {_percent(sure)}: its mean "
            f"failure probability is lower by {gap:.2f}."
        )
    return (
        f"It is not clear which of {one} and {other} is more robust: the former is, with "
        f"probability {_percent(sure)}. More trials of both would tell."
    )


def _percent(p: float) -> str:
    return "above 99.9 %" if p > 0.999 else f"{100 * p:.1f} %"


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
        "mean": float(posterior.mean[i]),
        "lower": float(posterior.lower[i]),
        "upper": float(posterior.upper[i]),
        "failures": int(posterior.failures[i]),
        "trials": int(posterior.trials[i]),
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
        interval = f"{row['mean']:.2f} ({row['lower']:.2f} to {row['upper']:.2f})"
        counts = str(row["modes"]), f"{row['severity']:.2f}", str(row["trials"])
        overview.add_row(row["letter"], campaign.name, interval, *counts, f"{row['best']:.2f}")
    pairs = Table(title="Pairs: how much more often the second fails", title_justify="left")
    for name in ("first", "second", "difference (95 % interval)", "first is more robust"):
        pairs.add_column(name, justify="right" if "more" in name or "diff" in name else "left")
    for pair in comparison.pairs:
        d = pair.overall
        gap = f"{d.mean:+.2f} ({d.lower:+.2f} to {d.upper:+.2f})"
        pairs.add_row(letter(pair.a), letter(pair.b), gap, f"{d.a_better:.3f}")
    return [overview, pairs]
