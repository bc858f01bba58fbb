# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a simulator worker and its parent say to each other, as plain data."""

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from robomd_ros.core.trial import Outcome, Result, Source
from robomd_ros.core.variations import Catalogue, Scene, Variation
from sim_bridge.cells import SimulatorOptions


def options_to_data(options: SimulatorOptions) -> dict[str, Any]:
    """Everything of the options."""
    data = {f.name: getattr(options, f.name) for f in fields(options)}
    catalogue = options.catalogue
    if catalogue is not None:
        nominal = [[*slot, dict(values)] for slot, values in catalogue.nominal.items()]
        data["catalogue"] = [
            catalogue.task, variations_to_data(catalogue), nominal, catalogue.instruction
        ]  # fmt: skip
    return data


def options_from_data(data: dict[str, Any]) -> SimulatorOptions:
    """The reverse of `options_to_data`."""
    if data["catalogue"] is not None:
        task, variations, nominal, instruction = data["catalogue"]
        slots = {(factor, target): _parameters(values) for factor, target, values in nominal}
        catalogue = Catalogue(task, map(_variation, variations), slots, instruction)
        data = {**data, "catalogue": catalogue}
    return SimulatorOptions(**data)


def variations_to_data(variations: Iterable[Variation]) -> list[list[Any]]:
    """A scene's or a catalogue's."""
    return [
        [v.id, v.factor, v.target, v.description, dict(v.parameters), v.change_cost]
        for v in variations
    ]


def scene_from_data(data: Iterable[list[Any]]) -> Scene:
    """The reverse of `variations_to_data`."""
    return Scene(tuple(map(_variation, data)))


def outcome_to_data(outcome: Outcome) -> list[Any]:
    """Everything of an outcome."""
    values = [getattr(outcome, field.name) for field in fields(Outcome)]
    return [int(outcome.result), int(outcome.source), *values[2:]]


def outcome_from_data(data: list[Any]) -> Outcome:
    """The reverse of `outcome_to_data`."""
    result, source, *rest = data
    # of several NaN only one and the same is equal to itself
    rest = [math.nan if isinstance(v, float) and math.isnan(v) else v for v in rest]
    return Outcome(Result(result), Source(source), *rest)


def _variation(data: list[Any]) -> Variation:
    variation_id, factor, target, description, parameters, cost = data
    return Variation(variation_id, factor, target, description, _parameters(parameters), cost)


def _parameters(data: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
