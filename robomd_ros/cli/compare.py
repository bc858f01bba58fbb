# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd compare`."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.comparison import (
    MATTERS,
    Compared,
    Gap,
    SceneTrials,
    compare_policies,
)
from robomd_ros.report.campaign_data import CampaignData, load_campaign
from robomd_ros.report.compare_values import (
    comparison_summary,
    comparison_tables,
    gap_sentence,
    letter,
)
from robomd_ros.report.comparison import NothingInCommonError, compare
from robomd_ros.report.junit import write_junit
from robomd_ros.report.write import write_comparison
from robomd_ros.terminal.live_view import console

_COUNTS = re.compile(r"(\d+)/(\d+)")
_EXIT_CODES = (
    "Exit code: 0 BETTER or NO DIFFERENCE SEEN, 10 WORSE, 11 UNDERPOWERED, 12 NOT COMPARABLE; of "
    "several campaigns that of the last one against the first. 2: a mistake in the command."
)
Case = tuple[str, Gap, str]


def main(argv: Sequence[str]) -> int:
    """`robomd compare <campaign_dir> <campaign_dir> ...`: who is more robust, and how sure."""
    options = _parser().parse_args(list(argv))
    if not 0.0 < options.difference < 1.0:
        raise ConfigurationError(
            f"--difference must lie between 0 and 1; got {options.difference:g}"
        )
    if bool(options.counts) == bool(options.campaign_dir):
        raise ConfigurationError("give campaign folders, or --counts with two counts; not both")
    cases = _of_counts(options) if options.counts else _of_campaigns(options)
    if options.junit is not None:
        write_junit(options.junit, cases)
        _say(f"written: {options.junit}")
    return cases[0][1].verdict.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "robomd compare",
        description="Set campaigns side by side (policies, or one before and after training): is "
        "the second policy better or worse than the first, paired by scene and start, and which "
        "difference could have been seen.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("campaign_dir", type=Path, nargs="*")
    parser.add_argument(
        "--counts",
        nargs=2,
        metavar="SUCCESSES/TRIALS",
        help="compare two counts in place of campaigns, such as 17/20 14/20",
    )
    parser.add_argument(
        "--difference",
        type=float,
        default=MATTERS,
        help="smallest difference of failure rates that matters; if it could have been missed, "
        "the answer is UNDERPOWERED (%(default)s)",
    )
    parser.add_argument("--junit", type=Path, help="file to write as JUnit XML")
    parser.add_argument(
        "--html", type=Path, help="folder to write compare.html and its figures into"
    )
    return parser


def _say(text: str) -> None:
    console().print(text, markup=False, highlight=False, soft_wrap=True)


def _of_counts(options: argparse.Namespace) -> list[Case]:
    outcomes = [_outcomes(text) for text in options.counts]
    gap = compare_policies([SceneTrials((), *outcomes)], options.difference)
    one, other = (f"{letter(i)} ({text})" for i, text in enumerate(options.counts))
    sentence = gap_sentence(one, other, gap)
    _say(sentence)
    return [(f"{other} against {one}", gap, sentence)]


def _outcomes(text: str) -> tuple[bool, ...]:
    """Whether each trial failed, from successes of trials: `17/20`."""
    match = _COUNTS.fullmatch(text)
    passed, trials = (int(x) for x in match.groups()) if match else (1, 0)
    if passed > trials or not trials:
        raise ConfigurationError(f"--counts wants successes/trials such as 17/20; got {text!r}")
    return (False,) * passed + (True,) * (trials - passed)


def _of_campaigns(options: argparse.Namespace) -> list[Case]:
    """The judgement on every pair; first that on the last campaign against the first."""
    folders: list[Path] = options.campaign_dir
    if len({f.resolve() for f in folders}) < len(folders):
        raise ConfigurationError("a campaign is named twice; name different folders")
    campaigns = [load_campaign(folder) for folder in folders]
    if len(campaigns) > 1 and len({c.stored.config.task for c in campaigns}) > 1:
        tasks = ", ".join(sorted({c.stored.config.task for c in campaigns}))
        return _not_comparable(campaigns, f"they are of different tasks ({tasks})")
    try:
        comparison = compare(campaigns, matters=options.difference)
    except NothingInCommonError as error:
        return _not_comparable(campaigns, str(error))
    terminal = console()
    for table in comparison_tables(campaigns, comparison):
        terminal.print(table)
    for sentence in comparison_summary(campaigns, comparison):
        _say(sentence)
    if options.html is not None:
        _say(f"written: {write_comparison(campaigns, comparison, options.html)}")
    named = [f"{letter(i)}. {c.name}" for i, c in enumerate(campaigns)]
    cases = [
        (
            f"{named[p.b]} against {named[p.a]}",
            p.gap,
            gap_sentence(named[p.a], named[p.b], p.gap),
        )
        for p in comparison.pairs
    ]
    last = next(i for i, p in enumerate(comparison.pairs) if (p.a, p.b) == (0, len(named) - 1))
    return [cases.pop(last), *cases]


def _not_comparable(campaigns: Sequence[CampaignData], why: str) -> list[Case]:
    sentence = f"NOT COMPARABLE: {why}."
    _say(sentence)
    name = f"{campaigns[-1].name} against {campaigns[0].name}"
    return [(name, Gap(Compared.NOT_COMPARABLE), sentence)]
