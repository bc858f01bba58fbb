# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the report says: every number of the page, from the data of the campaign."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from robomd_ros.core.campaign.trial_log import TrialRecord
from robomd_ros.core.evidence.failure_modes import FailureMode
from robomd_ros.core.evidence.merits import merits_of
from robomd_ros.core.evidence.metrics import entropy, wasserstein_to_ideal
from robomd_ros.core.wording import (
    Standing,
    counts,
    described,
    effect_of,
    interval,
    label,
    ranks,
    standing_of,
    words,
)
from robomd_ros.report.advice import advice
from robomd_ros.report.campaign_data import CampaignData, short_policy
from robomd_ros.report.course import invalid_reasons, period
from robomd_ros.report.drawing import Picture
from robomd_ros.report.pictures import scene_pictures
from robomd_ros.report.summary import cards, summary, warnings

MAX_TRIALS = 400
"""Rows of the table of trials."""
MAX_REASONS = 50
_ORDER_WORDS = {
    "evidence": "The order is by the evidence: most likely failure first. Of what was never tried "
    "nothing is known, so it stands below what is known to fail.",
    "search_agent": "The order is by the search agent's probability of choosing a change (Eq. 3), "
    "not by how likely the policy fails.",
}
_SEARCH_WORDS = {
    "ppo": "reinforcement learning, PPO",
    "a2c": "reinforcement learning, A2C",
    "sac": "reinforcement learning, SAC",
    "uniform": "at random, evenly",
    "thompson": "Thompson sampling, a bandit",
}


def report_values(
    campaigns: Sequence[CampaignData], pictures: Mapping[str, Picture | None]
) -> dict[str, Any]:
    """The values of report.html.

    Args:
        campaigns: the first is reported; the others are shown beside it in the overlays.
        pictures: figures by name.
    """
    data = campaigns[0]
    policy = short_policy(data.stored.config.policy)
    return {
        "title": f"Failure report: {policy} on {data.stored.config.task}",
        "campaign_id": data.stored.campaign_id,
        "period": period(data),
        "policy": policy,
        "summary": summary(data),
        "warnings": warnings(data),
        "cards": cards(data),
        "figures": dict(pictures),
        "pictures": scene_pictures(data),
        "merits": [_merits(c) for c in campaigns],
        "threshold": data.ranking.failing_threshold,
        "entropy_limit": math.log(max(len(data.catalogue), 1)),
        "advice": advice(data),
        "diversity": [row for c in campaigns if (row := _diversity(c)) is not None],
        **_tested(data),
        **_ranking(data),
        **_combinations(data),
        **_course(data),
        **_made(data),
    }


def _tested(data: CampaignData) -> dict[str, Any]:
    config = data.stored.config
    factors = Counter(v.factor for v in data.catalogue)
    return {
        "policy_full": config.policy,
        "task": config.task,
        "instruction": data.catalogue.instruction,
        "search_words": _SEARCH_WORDS.get(config.search, config.search),
        "accumulates": config.accumulates,
        "catalogue_size": len(data.catalogue),
        "factors": ", ".join(f"{count} of {factor}" for factor, count in factors.items()),
        "budget": config.budget,
        "valid": len(data.valid),
        "invalid": len(data.invalid),
        "running": sum(not r.done for r in data.records),
        "cells": ", ".join(sorted({r.cell for r in data.records})),
    }


def _ranking(data: CampaignData) -> dict[str, Any]:
    modes = data.ranking.failure_modes
    places = ranks(modes)
    order = {verdict: place for place, verdict in enumerate(Standing)}
    rows = [
        {
            "mode": mode,
            "rank": place,
            "label": label(mode),
            "description": described(mode),
            "interval": interval(mode),
            "effect": effect_of(mode),
            "counts": counts(mode),
            "number": data.number(mode.ids[0]) if len(mode.ids) == 1 else None,
            "verdict": standing_of(mode),
            "order": order[standing_of(mode)],
        }
        for mode, place in zip(modes, places, strict=True)
    ]
    return {
        "modes": rows,
        "verdicts": list(Standing),
        "ranking_trials": data.ranking.trials,
        "order_words": _ORDER_WORDS.get(data.stored.config.order_by, ""),
        "with_agent": any(not math.isnan(m.policy_probability) for m in modes),
        "with_density": any(not math.isnan(m.log_density) for m in modes),
        "with_reliability": any(m.predicted or m.unknown for m in modes),
        "with_ties": any(place.endswith("=") for place in places),
    }


def _merits(data: CampaignData) -> dict[str, Any]:
    """The columns of Table II, and the mean failure probability (distance to the ideal)."""
    modes = data.ranking.failure_modes
    alone = [m.failure_probability if m.own_failures else 0.0 for m in modes if m.own_trials]
    return {
        "name": data.name,
        "of": merits_of(data.posterior),
        "count": data.ranking.failure_mode_count,
        "severity": data.ranking.failure_severity_index,
        "entropy": data.ranking.entropy,
        "mean": wasserstein_to_ideal(alone),
        "trials": len(data.valid),
        "failures": data.failures,
    }


def _diversity(data: CampaignData) -> dict[str, Any] | None:
    """Entropy of what the search chose, and of Eq. 3 (the figures beside Fig. 6)."""
    counts = list(data.chosen.values())
    if not any(counts):
        return None
    learned = [
        m.policy_probability
        for m in data.ranking.failure_modes
        if not math.isnan(m.policy_probability)
    ]
    return {
        "name": data.name,
        "search": data.ranking.search_agent,
        "entropy": entropy(counts),
        "size": len(counts),
        "limit": math.log(len(counts)),
        "agent": entropy(learned) if learned else None,
    }


def _combinations(data: CampaignData) -> dict[str, Any]:
    several = sum(len(r.request.scene) > 1 for r in data.valid)
    found = [m for m in data.ranking.failure_modes if len(m.ids) > 1]
    if not found:
        return {"combinations": [], "several": several}
    return {"combinations": [_combination(data, mode) for mode in found], "several": several}


def _combination(data: CampaignData, mode: FailureMode) -> dict[str, Any]:
    singles = {m.ids[0]: m for m in data.ranking.failure_modes if len(m.ids) == 1}
    passes = [1.0 - singles[i].failure_probability for i in mode.ids if i in singles]
    wanted = set(mode.ids)
    suspected = [c.suspected for c in data.posterior.combinations if set(c.scene.ids) == wanted]
    exact = [r for r in data.valid if set(r.request.scene) == wanted]
    return {
        "mode": mode,
        "label": label(mode),
        "independent": 1.0 - math.prod(passes),
        "suspected": suspected[0] if suspected else math.nan,
        "exact_trials": len(exact),
        "exact_failures": sum(r.outcome.failed for r in exact if r.outcome),
    }


def _course(data: CampaignData) -> dict[str, Any]:
    reasons = invalid_reasons(data.invalid)
    shown = data.records[-MAX_TRIALS:]
    return {
        "reasons": reasons[:MAX_REASONS],
        "more_reasons": max(0, len(reasons) - MAX_REASONS),
        "dropped": len(data.dropped),
        "trials": [_trial_row(r) for r in shown],
        "hidden_trials": len(data.records) - len(shown),
    }


def _trial_row(record: TrialRecord) -> dict[str, Any]:
    outcome = record.outcome
    return {
        "index": record.trial_index,
        "scene": " + ".join(words(i) for i in record.request.scene) or "nominal",
        "result": outcome.result.name if outcome else "RUNNING",
        "source": outcome.source.name.lower() if outcome else "",
        "steps": outcome.steps if outcome else "",
        "duration": outcome.duration if outcome else math.nan,
        "cell": record.cell,
        "purpose": record.request.purpose.value,
        "seed": record.request.seed,
        "detail": outcome.detail if outcome else "",
    }


def _made(data: CampaignData) -> dict[str, Any]:
    document, config = data.stored.document, data.stored.config
    digests = document.get("catalogue")
    made = [
        ("Campaign", data.stored.campaign_id),
        ("Folder", data.stored.path.absolute().name),
        ("Created", document.get("created_at", "")),
        *_changes(document),
        ("Seed", config.seed),
        ("Search", config.search),
        ("Policy", config.policy),
        ("Digest of the policy", document.get("policy_digest") or "unknown"),
        *_policy_files(document),
        ("Catalogue", config.catalogue),
        (
            "Digest of the catalogue",
            digests.get("digest", "") if isinstance(digests, Mapping) else "unknown",
        ),
        ("The same trials again", "the same configuration and seed, in a new folder"),
    ]
    configuration = sorted(_flat(config.to_mapping()))
    return {
        "made": made,
        "configuration": configuration,
        "versions": sorted((str(k), str(v)) for k, v in data.stored.versions.items()),
    }


def _policy_files(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the policy was made of, beside its module."""
    files = document.get("policy_files")
    if not isinstance(files, Mapping) or len(files) < 2:
        return []
    return [("Files of the policy", ", ".join(f"{k} ({v})" for k, v in files.items()))]


def _changes(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What of the configuration was changed while the campaign went on."""
    changes = document.get("changes")
    found = [c for c in changes if isinstance(c, Mapping)] if isinstance(changes, list) else []
    told = "; ".join(
        f"{c.get('at')}: {c.get('name')} {c.get('from')} to {c.get('to')}" for c in found
    )
    return [("Changed", told)] if told else []


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            found.append((f"{prefix}{name}", text or "(none)"))
    return found
