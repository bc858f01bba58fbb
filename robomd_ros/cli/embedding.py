# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd embedding`: train one from recorded trials, and report how good it is."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress as Bar

from robomd_ros.cli.destination import check_folder
from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.embedding.agent import EmbeddingAgent
from robomd_ros.core.embedding.campaign_samples import samples_from_campaigns
from robomd_ros.core.embedding.encoders import make_encoders
from robomd_ros.core.embedding.store import MODEL_FOLDER, load_embedding, save_embedding
from robomd_ros.core.embedding.training import TrainingSettings, data_digest, train
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import default_of
from robomd_ros.core.search.options import EmbeddingOptions
from robomd_ros.core.wording import counted
from robomd_ros.terminal.live_view import console


def main(argv: Sequence[str]) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(
        "robomd embedding",
        description="Train an embedding from the trials of campaigns, or report how good one is.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train one; `robomd query` then uses it")
    training.add_argument("campaign_dir", type=Path, nargs="+")
    training.add_argument("--out", type=Path, help="default: the first campaign's checkpoints")
    training.add_argument("--seed", type=int, default=default_of(CampaignConfig, "seed"))
    for name in ("image_encoder", "text_encoder"):
        option = f"--{name.replace('_', '-')}"
        training.add_argument(option, default=default_of(EmbeddingOptions, name))
    training.add_argument(
        "--agent-steps",
        type=int,
        default=default_of(EmbeddingOptions, "agent_steps"),
        help="virtual PPO steps for Eq. 4; 0: no agent",
    )
    training.add_argument(
        "--same-variation",
        type=float,
        default=default_of(EmbeddingOptions, "same_variation"),
        help="weight of the term that draws scenes apart; `robomd embedding report` tells its use",
    )
    report = commands.add_parser("report", help="its quality, as numbers and figures")
    report.add_argument("campaign_dir", type=Path)
    report.add_argument("--out", type=Path, help="folder; default: report/embedding in it")
    options = parser.parse_args(argv)
    return _train(options) if options.command == "train" else _report(options)


def _train(options: argparse.Namespace) -> int:
    if options.agent_steps < 0 or not 0 <= options.seed < 2**32:
        raise ConfigurationError(
            "--agent-steps must be at least 0 and --seed in [0, 4,294,967,295]; "
            f"got {options.agent_steps} and {options.seed}"
        )
    settings = TrainingSettings().with_scenes_apart(options.same_variation)
    out = options.out or options.campaign_dir[0] / MODEL_FOLDER
    if options.out:
        check_folder(options.out)
    encoders = make_encoders(options.image_encoder, options.text_encoder)
    samples = samples_from_campaigns(options.campaign_dir, encoders)
    with Bar(console=console(), transient=True) as bar:
        task = bar.add_task(f"embedding of {len(samples)} trials")
        model = train(
            samples,
            settings,
            options.seed,
            lambda done, total: bar.update(task, completed=done, total=total),
            encoders=encoders,
        )
        agent = None
        if options.agent_steps:
            steps = bar.add_task("search agent")
            agent = EmbeddingAgent.train(
                model.known,
                model.nominal,
                seed=options.seed,
                steps=options.agent_steps,
                progress=lambda done, total: bar.update(steps, completed=done, total=total),
            )
    save_embedding(out, model, agent)
    print(
        f"{out}: embedding of {counted(len(samples), 'trial')}, "
        f"{counted(len(model.known), 'scene')}"
    )
    return 0


def _report(options: argparse.Namespace) -> int:
    from robomd_ros.report.embedding_quality import write_quality

    out = options.out or options.campaign_dir / "report" / "embedding"
    if options.out:
        check_folder(options.out)
    model, _, encoders = load_embedding(options.campaign_dir / MODEL_FOLDER)
    samples = samples_from_campaigns([options.campaign_dir], encoders)
    if data_digest(samples) != model.data_sha256:
        print(
            f"note: the embedding learned from {int(model.known.trials.sum())} trials, which are "
            f"not the {len(samples)} in {options.campaign_dir}: its calibration is of the former, "
            "the rest of the latter; train it again to have one report of both",
            file=sys.stderr,
        )
    with Bar(console=console(), transient=True) as bar:
        task = bar.add_task("trainings to compare with")
        files = write_quality(
            model, samples, out, lambda done, total: bar.update(task, completed=done, total=total)
        )
    print(_summary(json.loads(files[0].read_text(encoding="utf-8"))))
    for path in files:
        print(path)
    return 0


def _summary(values: Mapping[str, Any]) -> str:
    """What quality.json says, in lines for people."""
    lines = [", ".join(counted(values[f"{noun}s"], noun) for noun in ("trial", "failure", "scene"))]
    lines.append("cosine matrix against the identity (Table V): MSE, Frobenius distance")
    for row in values["table_v"]:
        line = f"  {row['name']}: {row['mse']:.4f}, {row['frobenius']:.3f} of {row['size']} scenes"
        if row["paper_mse"] is not None:
            line += f" (paper: {row['paper_mse']:.4f}, {row['paper_frobenius']:.4f})"
        lines.append(line)
    error = values["calibration"]["expected_calibration_error"]
    lines.append(f"expected calibration error on left-out scenes: {error:.3f}")
    return "\n".join(lines)
