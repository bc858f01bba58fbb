# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd export`."""

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from robomd_ros.core.campaign.stored import StoredCampaign, read_campaign
from robomd_ros.core.errors import ConfigurationError, RoboMDError
from robomd_ros.export.tables import Table, ranking_table, to_csv, to_parquet, trial_table

Fill = Callable[[IO[bytes]], None]

FORMATS = ("csv", "parquet", "mcap")
_NEEDS = {"csv": (), "parquet": ("pyarrow",), "mcap": ("mcap", "rclpy", "robomd_msgs")}
_REMEDIES = {"rclpy": "source ROS 2", "robomd_msgs": "build and source the workspace"}
_FOLDER = "export"


def export(folder: Path, formats: Sequence[str], out: Path) -> tuple[list[Path], list[str]]:
    """Write a campaign in other formats.

    Args:
        folder: of the campaign, which may be running.
        formats: of FORMATS.
        out: where the files go; created if missing, files of the same name are replaced.

    Returns:
        The files, and what they lack in sentences for people.

    Raises:
        ConfigurationError: an unknown format, no campaign, or a package is missing.
        CampaignFolderError: a trial's variations are unknown.
        TrialLogError: the trial database is damaged.
        RoboMDError: there are no trials yet, or a file cannot be written.
    """
    _check(formats)
    stored = read_campaign(folder)
    if not stored.trials:
        raise RoboMDError(f"the campaign in {folder} has no trials yet; let it run one first")
    files: list[Path] = []
    notes = [note] if (note := stored.ranking_note) else []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for kind in dict.fromkeys(formats):
            for name, fill in _files(kind, stored, notes):
                files.append(_write(out / name, fill))
    except OSError as error:
        raise RoboMDError(
            f"cannot write to {out}: {error.strerror or error}; give another folder with --out"
        ) from error
    return files, notes


def main(argv: Sequence[str]) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(
        "robomd export", description="Write a campaign's trials and ranking for other programs."
    )
    parser.add_argument("campaign_dir", type=Path)
    parser.add_argument("--format", default="all", help=f"{', '.join(FORMATS)} or all (default)")
    parser.add_argument("--out", type=Path, help="folder; default: export/ in the campaign's")
    options = parser.parse_args(argv)
    formats = FORMATS if options.format == "all" else tuple(options.format.split(","))
    out = options.out or options.campaign_dir / _FOLDER
    files, notes = export(options.campaign_dir, formats, out)
    for path in files:
        print(f"{path}  {path.stat().st_size:,} bytes")
    for note in notes:
        print(f"note: {note}")
    return 0


def _check(formats: Sequence[str]) -> None:
    for kind in formats:
        if kind not in FORMATS:
            raise ConfigurationError(
                f"unknown format {kind!r}; choose {', '.join(FORMATS)}, several with commas, or all"
            )
        for package in _NEEDS[kind]:
            if importlib.util.find_spec(package) is None:
                remedy = _REMEDIES.get(package, f"pip install {package}")
                raise ConfigurationError(
                    f"the format {kind} needs {package}, which is not installed; {remedy}, or "
                    "choose another format with --format"
                )


def _files(kind: str, stored: StoredCampaign, notes: list[str]) -> list[tuple[str, Fill]]:
    """Names, and what writes the contents."""
    if kind == "mcap":
        from robomd_ros.export.bag import write_bag

        return [("campaign.mcap", lambda file: notes.extend(write_bag(stored, file)))]
    encode = to_csv if kind == "csv" else to_parquet
    tables = {"trials": trial_table(stored.campaign_id, stored.trials)}
    if stored.ranking is None:
        notes.append(f"the campaign has no ranking yet: there is no ranking.{kind}")
    else:
        tables["ranking"] = ranking_table(stored.ranking)
    return [(f"{name}.{kind}", partial(_fill, encode, table)) for name, table in tables.items()]


def _fill(encode: Callable[[Table], bytes], table: Table, file: IO[bytes]) -> None:
    file.write(encode(table))


def _write(path: Path, fill: Fill) -> Path:
    """Whoever reads the file meanwhile sees the old one or the new one."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        fill(file)
    return temporary.replace(path)
