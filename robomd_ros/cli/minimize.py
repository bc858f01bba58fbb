# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd minimize`: which changes of a failed trial's scene make the policy fail."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from robomd_ros.core.campaign.folder import CATALOGUE_FILE, read_description
from robomd_ros.core.campaign.stored import StoredCampaign, read_campaign
from robomd_ros.core.campaign.trial_log import TrialRecord
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.search.minimize import minimized

PLACES = ("sim", "ur5e")
_KEPT = ("task", "policy", "seed", "horizon", "confidence", "failing_threshold")
"""Of the campaign's configuration, what the small one has too."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run, or go on with, a small campaign on the trial's scene, and print what it found."""
    parser = argparse.ArgumentParser(
        "robomd minimize",
        description="Find the smallest set of changes of a failed trial's scene that makes the "
        "policy fail: the scene is tried again, then parts of it, and the smallest that fails is "
        "confirmed. A small campaign in <campaign_dir>/minimized; the same command resumes it.",
    )
    parser.add_argument("campaign_dir", type=Path)
    parser.add_argument("trial", type=int, help="number of the trial, as in the report")
    parser.add_argument("place", nargs="?", default="sim", choices=PLACES, help="where trials run")
    parser.add_argument(
        "given", nargs="*", metavar="name:=value", help="as of robomd sim or robomd ur5e"
    )
    options = parser.parse_args(argv)
    stored = read_campaign(options.campaign_dir)
    record = failed_trial(stored, options.trial)
    out = options.campaign_dir / "minimized" / f"trial_{options.trial:06d}"
    from robomd_ros.cli.main import main as robomd

    code = robomd([options.place, *arguments(stored, record, out), *options.given])
    if read_description(out) is not None:
        print(found_in(out))
    return code


def failed_trial(stored: StoredCampaign, index: int) -> TrialRecord:
    """The trial of this number.

    Raises:
        ConfigurationError: it did not fail, or its scene holds no two changes.
    """
    record = next((r for r in stored.trials if r.trial_index == index), None)
    if record is None or record.outcome is None or not record.outcome.failed:
        failed = [r for r in stored.trials if r.outcome is not None and r.outcome.failed]
        several = [str(r.trial_index) for r in failed if len(r.request.scene) > 1]
        known = f"of several changes failed: {', '.join(several[:10])}" if several else "none did"
        raise ConfigurationError(f"trial {index} is none that failed; give one that did: {known}")
    if len(record.request.scene) < 2:
        scene = " + ".join(record.request.scene) or "nothing"
        raise ConfigurationError(
            f"the scene of trial {index} changes {scene}, which cannot be made smaller; give a "
            "trial whose scene holds several changes"
        )
    return record


def arguments(stored: StoredCampaign, record: TrialRecord, out: Path) -> list[str]:
    """Launch arguments of the small campaign."""
    values = stored.config.to_mapping()
    kept = [f"{name}:={values[name]}" for name in _KEPT if name in values]
    return [
        *kept,
        f"catalogue:={stored.path / CATALOGUE_FILE}",
        f"variations:={','.join(record.request.scene)}",
        "search:=minimize",
        "nominal_trials:=0",
        "nominal_share:=0.0",
        "confirmation_share:=0.0",
        "report:=false",
        f"out:={out}",
    ]


def found_in(out: Path) -> str:
    """What the small campaign found, for people."""
    stored = read_campaign(out)
    done = [r for r in stored.trials if r.outcome is not None and r.outcome.valid]
    tried = [(r.request.scene, r.outcome.failed) for r in done if r.outcome is not None]
    config = stored.config
    found = minimized(stored.catalogue, tried, config.confidence, config.failing_threshold)
    return found or f"not decided after {len(done)} trials; the same command goes on"
