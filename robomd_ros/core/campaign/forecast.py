# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a campaign will take, and what its budget can see: said before it starts."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.campaign.control import search_budget
from robomd_ros.core.campaign.folder import CAMPAIGN_FILE
from robomd_ros.core.campaign.stored import read_campaign
from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.evidence.rates import NOMINAL_PRIOR, Counts
from robomd_ros.core.operator.work import WorkLedger
from robomd_ros.core.variations import Catalogue
from robomd_ros.core.wording import counted

POWER = 0.8
"""Probability with which an effect of the stated size is seen."""
CONSISTENT = (3.0, 3.2)
"""Trials of its own that a variation takes until it is decided, where the policy has no noise:
bench_stop.py, 0 to 21 of 21 variations failing."""
BY_CHANCE = 6.0
"""The same where the policy fails in up to 0.3 of the trials."""
_LIMIT = 50
"""Folders beside the campaign's that are looked at."""


def trials_to_decide(config: CampaignConfig, catalogue: Catalogue, each: float) -> int:
    """Trials in all, with the control arm, where each variation takes `each` of its own."""
    own = each * len(catalogue)
    return math.ceil(config.nominal_trials + own / (1.0 - config.nominal_share))


def smallest_effect(config: CampaignConfig, catalogue: Catalogue, nominal: Counts) -> float:
    """The effect of one variation that the budget sees with POWER; NaN if it sees none.

    Budget and share of the unchanged scene are spread evenly. The nominal rate is that of its
    trials so far.

    Note: of the difference of two rates in the arcsine scale, where all counts are as precise.
    """
    own = search_budget(config) / len(catalogue)
    unchanged = max(1, config.budget - search_budget(config))
    q0 = (NOMINAL_PRIOR[0] + nominal.failures) / (sum(NOMINAL_PRIOR) + nominal.trials)
    normal = NormalDist()
    z = normal.inv_cdf(config.confidence) + normal.inv_cdf(POWER)
    angle = 2.0 * math.asin(math.sqrt(q0)) + z * math.sqrt(1.0 / own + 1.0 / unchanged)
    return math.nan if angle >= math.pi else math.sin(angle / 2.0) ** 2 - q0


def past_trials(folder: Path, catalogue: Catalogue) -> list[int]:
    """Trials that other campaigns beside this one took until every variation was decided.

    Args:
        folder: of the campaign.
        catalogue: the same variations count only.
    """
    ids, found = {v.id for v in catalogue}, []
    try:
        beside = sorted(p.parent for p in folder.parent.glob(f"*/{CAMPAIGN_FILE}"))
    except OSError:
        return []
    for place in [p for p in beside if p != folder][:_LIMIT]:
        try:
            stored = read_campaign(place)
            if {v.id for v in stored.catalogue} == ids and stored.tally.decided:
                found.append(sum(r.outcome is not None and r.outcome.valid for r in stored.trials))
        except RoboMDError:
            continue  # damaged, or of another version: no reason not to start
    return found


def describe(
    config: CampaignConfig,
    catalogue: Catalogue,
    nominal: Counts = Counts(0, 0),  # noqa: B008 - a frozen value
    past: Sequence[int] = (),
    person: bool = False,
) -> str:
    """What the campaign takes and sees, for people.

    Args:
        config: its configuration.
        catalogue: the variations that it uses.
        nominal: trials of the unchanged scene so far.
        past: trials that earlier campaigns of this catalogue took.
        person: people make the changes.
    """
    least, most, noisy = (
        trials_to_decide(config, catalogue, each) for each in (*CONSISTENT, BY_CHANCE)
    )
    each = counted(len(catalogue), "variation")
    needs = f"{each}: about {least} to {most} trials decide all of them"
    if nominal.failures:
        needs = f"{each}: about {noisy} trials or more decide all of them, as it fails by chance"
    elif not nominal.trials:
        needs += f" if the policy is consistent, about {noisy} if it fails by chance"
    if past:
        needs += f" (campaigns beside this one took {min(past)} to {max(past)})"
    effect = smallest_effect(config, catalogue, nominal)
    sees = (
        f"effects above {effect:.2f} at {POWER:.0%} power"
        if math.isfinite(effect)
        else f"no effect of a single variation at {POWER:.0%} power"
    )
    parts = [needs, f"the budget of {config.budget} sees {sees}"]
    if person:
        work = WorkLedger(catalogue).left(search_budget(config))
        parts.append(work.describe())
    return "; ".join(parts)
