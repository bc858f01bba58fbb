# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd rank-unseen`: a whole catalogue that nobody has tried, ranked in one call."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.progress import Progress as Bar

from robomd_ros.cli.destination import check_file
from robomd_ros.cli.pictures import drawn_pictures, pictures_of
from robomd_ros.core.embedding.encoders import Picture
from robomd_ros.core.embedding.question import questions_of
from robomd_ros.core.embedding.store import MODEL_FOLDER, load_judge
from robomd_ros.core.errors import ConfigurationError, RoboMDError
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.ranking import FailureRanking, build_ranking
from robomd_ros.core.evidence.ranking_table import ranking_table
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Catalogue, Variation, load_catalogue
from robomd_ros.core.wording import counted
from robomd_ros.export.tables import ranking_table as as_table
from robomd_ros.export.tables import to_csv
from robomd_ros.report.campaign_data import CampaignData, load_campaign
from robomd_ros.terminal.live_view import console

_PRINTED = 20
"""Failure modes printed unless told otherwise."""


def main(argv: Sequence[str]) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(
        "robomd rank-unseen",
        description="Rank the variations of a catalogue by a campaign's embedding. Those that the "
        "campaign has tried itself keep their evidence.",
    )
    parser.add_argument("campaign_dir", type=Path)
    parser.add_argument("--catalogue", required=True, help="a shipped name or a YAML file")
    pictured = parser.add_mutually_exclusive_group()
    pictured.add_argument("--images", type=Path, help="folder of pictures <variation id>.png")
    pictured.add_argument(
        "--draw", action="store_true", help="draw the pictures by the task's simulator"
    )
    parser.add_argument("--out", type=Path, help="file to write: .csv or .json")
    parser.add_argument("--limit", type=int, default=_PRINTED, help="failure modes to print")
    options = parser.parse_args(argv)
    _check_out(options.out)
    if options.limit < 0:
        raise ConfigurationError(f"--limit must be at least 0; got {options.limit}")
    catalogue = load_catalogue(config_file("variations", options.catalogue))
    campaign = load_campaign(options.campaign_dir)
    ranking = rank_unseen(campaign, catalogue, _pictures(options, catalogue))
    console().print(ranking_table(ranking, options.limit))
    if options.out:
        _write(options.out, ranking)
        print(f"{options.out}: {counted(len(ranking.failure_modes), 'variation')}")
    return 0


def rank_unseen(
    campaign: CampaignData, catalogue: Catalogue, pictures: Mapping[str, Picture] | None = None
) -> FailureRanking:
    """The ranking of a catalogue by a campaign's embedding.

    Args:
        campaign: with an embedding; its trials are the evidence of what it has in common with
            the catalogue.
        catalogue: of the same task.
        pictures: of changed scenes, by variation id.

    Raises:
        ConfigurationError: the catalogue is of another task.
        EmbeddingError, EncoderError: the embedding cannot be used.
    """
    config = campaign.stored.config
    if catalogue.task != config.task:
        raise ConfigurationError(
            f"the catalogue is for the task {catalogue.task!r}, the campaign for {config.task!r}; "
            "give one of the same task"
        )
    judge = load_judge(campaign.stored.path / MODEL_FOLDER, catalogue.instruction)
    predicted = judge.ask(questions_of(catalogue, pictures))
    return build_ranking(
        _evidence(campaign, catalogue).posterior(),
        catalogue,
        predicted=predicted,
        order_by="evidence",
        campaign_id=campaign.stored.campaign_id,
        policy=config.policy,
        search_agent=config.search,
        action_space="embedding",
    )


def _pictures(options: argparse.Namespace, catalogue: Catalogue) -> Mapping[str, Picture]:
    if options.images:
        return pictures_of(catalogue, options.images)
    if not options.draw:
        return {}
    with Bar(console=console(), transient=True) as bar:
        task = bar.add_task("pictures")
        return drawn_pictures(
            catalogue, lambda done, total: bar.update(task, completed=done, total=total)
        )


def _evidence(campaign: CampaignData, catalogue: Catalogue) -> Evidence:
    """Of the campaign's trials in scenes that the catalogue has as they are."""
    evidence = Evidence(catalogue, campaign.stored.config.seed)
    theirs = {v.id: v for v in campaign.catalogue}
    shared = {v.id for v in catalogue if v.id in theirs and _same(v, theirs[v.id])}
    for record in campaign.valid:
        ids = record.request.scene
        if record.outcome is not None and set(ids) <= shared:
            evidence.add(catalogue.scene(ids), record.outcome.failed)
    return evidence


def _same(a: Variation, b: Variation) -> bool:
    """Whether two catalogues mean the same change."""
    return (a.slot, a.description, a.parameters) == (b.slot, b.description, b.parameters)


def _check_out(path: Path | None) -> None:
    if path is None:
        return
    if path.suffix not in (".csv", ".json"):
        raise ConfigurationError(f"--out must end with .csv or .json; got {str(path)!r}")
    check_file(path)


def _write(path: Path, ranking: FailureRanking) -> None:
    if path.suffix == ".csv":
        data = to_csv(as_table(ranking))
    else:
        data = (json.dumps(ranking.to_dict(), indent=1, allow_nan=False) + "\n").encode()
    try:
        path.write_bytes(data)
    except OSError as error:
        raise RoboMDError(
            f"cannot write {path}: {error.strerror}; give another file with --out"
        ) from error
