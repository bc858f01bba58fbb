# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd compare`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.report.campaign_data import load_campaign
from robomd_ros.report.compare_values import comparison_summary, comparison_tables
from robomd_ros.report.comparison import compare
from robomd_ros.report.write import write_comparison
from robomd_ros.terminal.live_view import console


def main(argv: Sequence[str]) -> int:
    """`robomd compare <campaign_dir> <campaign_dir> ...`: who is more robust, and how sure."""
    parser = argparse.ArgumentParser(
        "robomd compare",
        description="Set campaigns side by side (policies, or one before and after training): the "
        "probability that one policy is more robust than the other, paired by variation.",
    )
    parser.add_argument("campaign_dir", type=Path, nargs="+")
    parser.add_argument(
        "--html", type=Path, help="folder to write compare.html and its figures into"
    )
    options = parser.parse_args(list(argv))
    folders: list[Path] = options.campaign_dir
    if len({f.resolve() for f in folders}) < len(folders):
        raise ConfigurationError("a campaign is named twice; name different folders")
    campaigns = [load_campaign(folder) for folder in folders]
    comparison = compare(campaigns)
    terminal = console()
    for table in comparison_tables(campaigns, comparison):
        terminal.print(table)
    for sentence in comparison_summary(campaigns, comparison):
        terminal.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if options.html is not None:
        page = write_comparison(campaigns, comparison, options.html)
        terminal.print(f"written: {page}", markup=False, highlight=False, soft_wrap=True)
    return 0
