# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a diagnosis, and the campaign that they describe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import field_validator

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.schema import Parameters, Texts, option, taken
from robomd_ros.core.search.strategies import STRATEGIES, check_search
from robomd_ros.core.share import absolute_path, config_file
from robomd_ros.core.variations import Catalogue, load_catalogue
from robomd_ros.core.yaml_text import load_yaml

_SEARCH = f"search strategy: {', '.join(STRATEGIES)}, or python:module:name"
_ACCUMULATE = {"auto": None, "true": True, "false": False}


class TaskParameters(Parameters):
    """What is done, and by which policy."""

    task: str = option("lift", "name of the task")
    catalogue: str = option("lift", "variation catalogue: a shipped name or a YAML file")
    policy: str = option("lift_bc", "policy under test: shipped name, file, python:module:name")
    python: str = option("", "Python that hosts the policy: /home/me/venv/bin/python; empty: ours")
    horizon: int = taken(CampaignConfig, "horizon")


class SimBridgeParameters(TaskParameters):
    """Of sim_bridge_node."""

    node = "sim_bridge_node"

    trial_timeout: float = option(
        60.0, "real time that one trial may take", unit="s", low=0.1, high=86400.0
    )
    start_timeout: float = option(
        180.0, "time that the simulator may take to start", unit="s", low=1.0, high=86400.0
    )
    idle_rate: float = option(
        2.0, "rate of pictures published while no trial runs", unit="Hz", low=0.1, high=60.0
    )


class CampaignParameters(TaskParameters):
    """What decides about a campaign; the rest is about where and how it runs."""

    variations: str = option(
        "", "ids to diagnose, separated by commas; empty: all that can be done"
    )
    search: str = taken(CampaignConfig, "search", doc=_SEARCH, wanted="")
    search_options: str = option("", "parameters of the search, as YAML: '{n_steps: 64}'")
    action_space: str = taken(CampaignConfig, "action_space")
    order_by: str = taken(CampaignConfig, "order_by")
    budget: int = taken(CampaignConfig, "budget")
    seed: int = taken(CampaignConfig, "seed")
    accumulate: str = option(
        "auto",
        "scenes accumulate on success (Algorithm 1); auto: the search's own default",
        choices=tuple(_ACCUMULATE),
    )
    max_scene_size: int = taken(CampaignConfig, "max_scene_size")
    nominal_trials: int = taken(CampaignConfig, "nominal_trials")
    nominal_share: float = taken(CampaignConfig, "nominal_share")
    nominal_limit: float = taken(CampaignConfig, "nominal_limit")
    on_nominal_failure: str = taken(CampaignConfig, "on_nominal_failure")
    confidence: float = taken(CampaignConfig, "confidence")
    failing_threshold: float = taken(CampaignConfig, "failing_threshold")
    max_attempts: int = taken(CampaignConfig, "max_attempts")
    confirmation_share: float = taken(CampaignConfig, "confirmation_share")

    @field_validator("search")
    @classmethod
    def _known(cls, name: str) -> str:
        check_search(name)
        return name


class DiagnosisParameters(CampaignParameters):
    """Of diagnosis_node."""

    node = "diagnosis_node"

    campaign_dir: str = option("", "folder of the campaign; an existing one is resumed")
    cells: Texts = option(("cell_0",), "names of the cells: namespaces below the node's own")
    autostart: bool = option(False, "start the campaign of these parameters at once")
    exit_when_done: bool = option(False, "end the node when an autostarted campaign has ended")
    linger: float = option(
        0.0, "time to stay after the end, for late subscribers", unit="s", low=0.0, high=86400.0
    )
    scene_timeout: float = option(
        60.0, "time for a scene to be made; 0: for ever", unit="s", low=0.0, high=604800.0
    )
    trial_timeout: float = option(
        120.0, "time for a rollout to end", unit="s", low=0.1, high=86400.0
    )
    rollout_limit: float = option(
        0.0,
        "robot or simulated time that a rollout may take; 0: the executor's own limit",
        unit="s",
        low=0.0,
        high=86400.0,
    )
    image_timeout: float = option(
        10.0, "time for a picture of the new scene", unit="s", low=0.1, high=3600.0
    )
    silence_timeout: float = option(
        5.0, "time without a sign of life: the cell is lost", unit="s", low=0.5, high=3600.0
    )
    report: bool = option(True, "write report/report.html when a campaign has ended")
    order_by_cost: bool = option(False, "people make the changes: least work first where it may be")


def campaign_config(values: Mapping[str, Any]) -> tuple[CampaignConfig, Catalogue]:
    """The configuration and the catalogue that these parameters of a diagnosis describe.

    Args:
        values: checked values of at least the CampaignParameters, by name.

    Raises:
        ConfigurationError: a value, the catalogue or a variation in it cannot be used.
    """
    path = config_file("variations", values["catalogue"])
    catalogue = load_catalogue(path)
    ids = tuple(v.strip() for v in values["variations"].split(",") if v.strip())
    if not ids and not all(v.feasible for v in catalogue):
        ids = tuple(v.id for v in catalogue if v.feasible)
    same = set(CampaignParameters.model_fields) & set(CampaignConfig.model_fields)
    own = same - {"accumulate", "search_options", "catalogue"}
    config = CampaignConfig(
        **{name: values[name] for name in own},
        catalogue=str(path),
        variation_ids=ids,
        accumulate=_ACCUMULATE[values["accumulate"]],
        search_options=_search_options(values["search_options"]),
    )
    for variation_id in ids:
        catalogue[variation_id]  # raises for an unknown one
    if config.task.partition("?")[0] != catalogue.task.partition("?")[0]:
        raise ConfigurationError(
            f"the catalogue {path} is for task {catalogue.task!r}, not {config.task!r}; "
            "give the one of this task with catalogue:=<name or file>"
        )
    return config, catalogue


def campaign_folder(value: str) -> Path:
    """The absolute folder of a campaign.

    Raises:
        ConfigurationError: none was given.
    """
    if not value:
        raise ConfigurationError("campaign_dir is empty; name the folder of the campaign")
    return absolute_path(value)


def _search_options(text: str) -> Mapping[str, Any]:
    try:
        options = load_yaml(text) if text.strip() else {}
    except yaml.YAMLError as error:
        raise ConfigurationError(f"search_options is not valid YAML: {text!r}: {error}") from error
    if not isinstance(options, dict):
        raise ConfigurationError(
            f"search_options must be a mapping such as '{{n_steps: 64}}'; got {text!r}"
        )
    return options
