# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd report`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from robomd_ros.report.write import write_report


def main(argv: Sequence[str]) -> int:
    """`robomd report <campaign_dir> [...]`: write the report and say where it is."""
    parser = argparse.ArgumentParser(
        "robomd report",
        description="Write a campaign's report: report.html and its figures as PNG and SVG. "
        "Further campaigns are overlaid in the figures.",
    )
    parser.add_argument("campaign_dir", type=Path, nargs="+")
    parser.add_argument(
        "--out", type=Path, help="folder to write into (default: report/ in the first campaign's)"
    )
    options = parser.parse_args(list(argv))
    print(write_report(options.campaign_dir, options.out))
    return 0
