# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign's folder as anybody may look into it: the names of its files, and its description.

Needs YAML alone: the panel in rqt runs in the Python of ROS, which has no more.
"""

from pathlib import Path
from typing import Any

import yaml

from robomd_ros.core.errors import CampaignFolderError
from robomd_ros.core.yaml_text import load_yaml

CAMPAIGN_FILE = "campaign.yaml"
CATALOGUE_FILE = "catalogue.yaml"


def read_description(folder: Path) -> dict[str, Any] | None:
    """The campaign document of a folder; None if it has none or is missing.

    Raises:
        CampaignFolderError: it cannot be read, or is no campaign's.
    """
    path = folder / CAMPAIGN_FILE
    try:
        if folder.exists() and not folder.is_dir():
            raise CampaignFolderError(f"{folder} is a file; give the folder of the campaign")
        if not path.is_file():
            return None
        document = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CampaignFolderError(
            f"cannot read the campaign folder {folder}: {error.strerror}; choose another one"
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise CampaignFolderError(f"cannot read {path}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise CampaignFolderError(f"{path} is not a campaign's description; choose another folder")
    return document


def stored_path(folder: Path, name: str) -> Path:
    """The file of a campaign that a record names.

    Args:
        folder: of the campaign.
        name: relative to it.

    Raises:
        CampaignFolderError: the name leads out of the folder.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise CampaignFolderError(
            f"{name} leads out of the campaign's folder; it is not opened. Restore the folder "
            "from a copy"
        )
    return path
