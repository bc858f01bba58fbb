# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd relabel`: another label for a trial of a campaign that does not run."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from robomd_ros.core.campaign.relabelling import LABELS, relabel_stored
from robomd_ros.core.errors import RelabelError


def main(argv: Sequence[str] | None = None) -> int:
    """Change the label and print what it was and is."""
    parser = argparse.ArgumentParser(
        "robomd relabel",
        description="Give a trial of a campaign another label. The one before stays in its trial "
        "database, and the ranking is made anew. While the campaign runs, type "
        "`relabel <trial> <label>` at the operator's prompt instead.",
    )
    parser.add_argument("campaign_dir", type=Path)
    parser.add_argument("trial", type=int, help="number of the trial, as in the report")
    parser.add_argument("label", help=" or ".join(LABELS))
    parser.add_argument("--tag", default="", help="why it failed, in a word")
    parser.add_argument("--name", default=os.environ.get("USER", ""), help="who says so")
    options = parser.parse_args(argv)
    if options.label.lower() not in LABELS:
        raise RelabelError(f"a trial is called {', '.join(LABELS)}; got {options.label!r}")
    result = LABELS[options.label.lower()]
    before, now = relabel_stored(
        options.campaign_dir, options.trial, result, options.name, options.tag
    )
    print(f"trial {options.trial} was {before.result.name} and is {now.result.name} now")
    print("the ranking is made anew; `robomd report` writes the report anew")
    return 0
