# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writes the report of a campaign: one page, and its figures as PNG and SVG."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from robomd_ros.core.errors import CampaignFolderError, ConfigurationError
from robomd_ros.report.campaign_data import CampaignData, load_campaign
from robomd_ros.report.compare_values import compare_values
from robomd_ros.report.comparison import Comparison
from robomd_ros.report.drawing import Picture
from robomd_ros.report.figures_comparison import difference_figure
from robomd_ros.report.figures_course import actions_figure, learning_figure, timeline_figure
from robomd_ros.report.figures_factors import factors_figure, pairs_figure
from robomd_ros.report.figures_ranking import combination_figure, radar_figure, ranking_figure
from robomd_ros.report.page import render
from robomd_ros.report.report_values import report_values

REPORT_FOLDER = "report"
REPORT_FILE = "report.html"
COMPARISON_FILE = "compare.html"
_FIGURES: Mapping[str, Callable[[Sequence[CampaignData]], Picture | None]] = {
    "ranking": lambda campaigns: ranking_figure(campaigns[0]),
    "radar": radar_figure,
    "combinations": lambda campaigns: combination_figure(campaigns[0]),
    "factors": lambda campaigns: factors_figure(campaigns[0]),
    "pairs": lambda campaigns: pairs_figure(campaigns[0]),
    "timeline": lambda campaigns: timeline_figure(campaigns[0]),
    "learning": lambda campaigns: learning_figure(campaigns[0]),
    "actions": actions_figure,
}
"""Name of a figure in the page -> what draws it."""


def write_report(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of the first campaign, with the others overlaid for comparison.

    Args:
        folders: campaign folders.
        out: the folder to write into; by default report/ in the first campaign's.

    Returns:
        The page, <out>/report.html; its figures lie beside it.

    Raises:
        ConfigurationError: no folder was given.
        CampaignFolderError: a folder is no campaign or is damaged, or `out` cannot be written.
        TrialLogError: a trial database is damaged.
    """
    if not folders:
        raise ConfigurationError("no campaign folder; give the folder of at least one campaign")
    campaigns = [load_campaign(folder) for folder in folders]
    pictures = report_figures(campaigns)
    page = report_page(campaigns, pictures)
    target = out or folders[0] / REPORT_FOLDER
    return write_files(target, REPORT_FILE, page, [p for p in pictures.values() if p is not None])


def report_figures(campaigns: Sequence[CampaignData]) -> dict[str, Picture | None]:
    """All figures by name; None where there is nothing to draw."""
    return {name: draw(campaigns) for name, draw in _FIGURES.items()}


def report_page(
    campaigns: Sequence[CampaignData], pictures: Mapping[str, Picture | None] | None = None
) -> str:
    """The page of the first campaign; without figures it is there at once."""
    return render(
        "report.html", report_values(campaigns, {**dict.fromkeys(_FIGURES), **(pictures or {})})
    )


def write_comparison(
    campaigns: Sequence[CampaignData], comparison: Comparison, folder: Path
) -> Path:
    """Write <folder>/compare.html and its figures.

    Raises:
        CampaignFolderError: the folder cannot be written.
    """
    pictures: dict[str, Picture | None] = {
        "differences": difference_figure(campaigns, comparison),
        "radar": radar_figure(campaigns),
    }
    page = render("compare.html", compare_values(campaigns, comparison, pictures))
    return write_files(folder, COMPARISON_FILE, page, [p for p in pictures.values() if p])


def write_files(folder: Path, name: str, page: str, pictures: Sequence[Picture]) -> Path:
    """Store a page and its figures; a reader sees the old page or the new one.

    Raises:
        CampaignFolderError: the folder cannot be written.
    """
    path = folder / name
    temporary = folder / f"{name}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            picture.write(folder)
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise CampaignFolderError(
            f"cannot write the report into {folder}: {error.strerror}; choose another folder"
        ) from error
    return path
