# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Variations, scenes, and the catalogue that is their only list."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.yaml_text import load_yaml

Scalar = str | float
Parameter = Scalar | tuple[Scalar, ...]

FEASIBLE = 0.5
"""Least share of an expert's rollouts that succeed under a variation that can be done."""
_ID = re.compile(r"[a-z0-9][a-z0-9_]*\Z")
_REQUIRED = {"id", "factor", "target", "description"}
_VARIATION_KEYS = _REQUIRED | {"parameters", "change_cost", "expert_success"}
_CATALOGUE_KEYS = {"task", "instruction", "nominal", "variations"}


@dataclass(frozen=True)
class Variation:
    """One catalogued change of the environment.

    Attributes:
        id: unique in the catalogue: lower-case letters, digits, underscores.
        factor: the kind of change (color, size, light, ...).
        target: what is changed (cube, table, robot, ...).
        description: the sentence for the operator and for the text encoder.
        parameters: what the scene editor needs; numbers, strings or flat tuples of them, SI units.
        change_cost: s of human work to make the change; NaN unknown.
        expert_success: share of a scripted expert's rollouts under it that succeed, [0, 1], as
            `robomd feasible` measures it; NaN unknown.
    """

    id: str
    factor: str
    target: str
    description: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    change_cost: float = math.nan
    expert_success: float = math.nan

    def __post_init__(self) -> None:
        for name in ("id", "factor", "target"):
            value = getattr(self, name)
            if not isinstance(value, str) or not _ID.match(value):
                raise CatalogueError(
                    f"variation {self.id!r}: {name} must be lower-case letters, digits and "
                    f"underscores; got {value!r}"
                )
        if not isinstance(self.description, str) or not self.description.strip():
            raise CatalogueError(
                f"variation {self.id!r}: description is empty; "
                "write the sentence that an operator should read"
            )
        if self.change_cost < 0:
            raise CatalogueError(
                f"variation {self.id!r}: change_cost must be at least 0 s; got {self.change_cost}"
            )
        if self.expert_success < 0 or self.expert_success > 1:
            raise CatalogueError(
                f"variation {self.id!r}: expert_success must be a share in [0, 1]; got "
                f"{self.expert_success}"
            )
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    @property
    def slot(self) -> tuple[str, str]:
        """(factor, target): a scene holds at most one variation per slot."""
        return (self.factor, self.target)

    @property
    def feasible(self) -> bool:
        """Whether the task can be done under it, as far as is known.

        What nobody can do is no failure of the policy under test.
        """
        return not self.expert_success < FEASIBLE

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.id, self.factor, self.target, self.description)
        return (Variation, (*values, dict(self.parameters), self.change_cost, self.expert_success))


@dataclass(frozen=True)
class Scene:
    """The set of variations in force; empty is nominal.

    The order in which variations were added is kept, equality and hash ignore it.
    """

    variations: tuple[Variation, ...] = ()

    def __post_init__(self) -> None:
        slots: dict[tuple[str, str], str] = {}
        for variation in self.variations:
            other = slots.setdefault(variation.slot, variation.id)
            if other != variation.id or sum(v.id == other for v in self.variations) > 1:
                raise CatalogueError(
                    f"a scene holds at most one variation per factor and target; "
                    f"{other!r} and {variation.id!r} both change {'/'.join(variation.slot)}"
                )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scene) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __len__(self) -> int:
        return len(self.variations)

    def __iter__(self) -> Iterator[Variation]:
        return iter(self.variations)

    @property
    def ids(self) -> tuple[str, ...]:
        """Variation ids in the order in which they were added."""
        return tuple(v.id for v in self.variations)

    @property
    def key(self) -> frozenset[str]:
        """What makes two scenes the same."""
        return frozenset(self.ids)

    def adding(self, variation: Variation) -> "Scene":
        """This scene and one more variation, which replaces an earlier one of its slot."""
        kept = tuple(v for v in self.variations if v.slot != variation.slot)
        return Scene((*kept, variation))


NOMINAL = Scene()


class Catalogue:
    """The variations that a campaign may use, in file order; indices are search actions."""

    def __init__(
        self,
        task: str,
        variations: Iterable[Variation],
        nominal: Mapping[tuple[str, str], Mapping[str, Parameter]] | None = None,
        instruction: str = "",
    ) -> None:
        """Check and index the variations.

        Args:
            task: name of the task.
            variations: at least one.
            nominal: parameters of the nominal scene by slot, as far as they are known.
            instruction: what the policy is told to do, in natural language.

        Raises:
            CatalogueError: no variation, a duplicate id, two variations of one slot that do the
                same, or one that equals the nominal scene.
        """
        self.task = task
        self.instruction = instruction
        self.variations = tuple(variations)
        self.nominal = dict(nominal or {})
        if not self.variations:
            raise CatalogueError(f"the catalogue of task {task!r} is empty; add a variation to it")
        self._index: dict[str, int] = {}
        changes: dict[object, str] = {}
        for i, variation in enumerate(self.variations):
            self._check(variation, changes)
            self._index[variation.id] = i

    def _check(self, variation: Variation, changes: dict[object, str]) -> None:
        """Check one more variation; `changes` holds the ids of the earlier ones by what they do."""
        if variation.id in self._index:
            raise CatalogueError(f"duplicate variation id {variation.id!r}; rename one of the two")
        if dict(self.nominal.get(variation.slot, {})) == dict(variation.parameters) != {}:
            raise CatalogueError(
                f"variation {variation.id!r} equals the nominal scene "
                f"({'/'.join(variation.slot)}: {dict(variation.parameters)}); "
                "remove it or change its parameters"
            )
        if not variation.parameters:
            return
        change = (variation.slot, frozenset(variation.parameters.items()))
        other = changes.setdefault(change, variation.id)
        if other != variation.id:
            raise CatalogueError(
                f"variations {other!r} and {variation.id!r} are the same change "
                f"({dict(variation.parameters)}); remove one of them"
            )

    def __len__(self) -> int:
        return len(self.variations)

    def __iter__(self) -> Iterator[Variation]:
        return iter(self.variations)

    def __getitem__(self, variation_id: str) -> Variation:
        if variation_id not in self._index:
            raise CatalogueError(
                f"unknown variation {variation_id!r}; the catalogue of task {self.task!r} has: "
                + ", ".join(self._index)
            )
        return self.variations[self._index[variation_id]]

    def index(self, variation_id: str) -> int:
        """Position of a variation, which is its action number; CatalogueError if unknown."""
        return self._index[self[variation_id].id]

    def scene(self, variation_ids: Iterable[str]) -> Scene:
        """The scene of these variations; CatalogueError if one is unknown or a slot is doubled."""
        return Scene(tuple(self[i] for i in variation_ids))

    def subset(self, variation_ids: Iterable[str]) -> "Catalogue":
        """The same catalogue with only these variations, in the given order."""
        chosen = [self[i] for i in variation_ids]
        return Catalogue(self.task, chosen, self.nominal, self.instruction)


def load_catalogue(path: Path) -> Catalogue:
    """Read and check a catalogue file (config/variations/*.yaml).

    Raises:
        CatalogueError: the file is missing, is not YAML, has an unknown key or a wrong value.
    """
    try:
        document = load_yaml(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(
            f"cannot read the variation catalogue {path}: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise CatalogueError(
            f"the catalogue {path} is not UTF-8 text ({error.reason} at byte {error.start}); "
            "save it with the encoding UTF-8"
        ) from error
    except yaml.YAMLError as error:
        raise CatalogueError(
            f"the variation catalogue {path} is not valid YAML: {error}"
        ) from error
    try:
        return _catalogue_from(document)
    except CatalogueError as error:
        raise CatalogueError(f"{path}: {error}") from error


def _catalogue_from(document: object) -> Catalogue:
    top = _mapping(document, "the catalogue", _CATALOGUE_KEYS, {"task", "variations"})
    entries = top["variations"]
    if not isinstance(entries, list):
        raise CatalogueError(f"variations must be a list; got {type(entries).__name__}")
    nominal: dict[tuple[str, str], Mapping[str, Parameter]] = {}
    for slot, values in _mapping(top.get("nominal") or {}, "nominal").items():
        factor, _, target = str(slot).partition("/")
        nominal[(factor, target)] = _parameters(values, f"nominal {slot}")
    variations = [_variation(entry, number) for number, entry in enumerate(entries, 1)]
    task, instruction = top["task"], top.get("instruction", "")
    if not isinstance(task, str) or not isinstance(instruction, str):
        raise CatalogueError(f"task and instruction must be text; got {task!r}, {instruction!r}")
    return Catalogue(task, variations, nominal, instruction)


def _variation(entry: object, number: int) -> Variation:
    where = f"variation number {number}"
    values = _mapping(entry, where, _VARIATION_KEYS, _REQUIRED)
    cost = values.get("change_cost", math.nan)
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        raise CatalogueError(f"{where}: change_cost must be a number of seconds; got {cost!r}")
    expert = values.get("expert_success", math.nan)
    if isinstance(expert, bool) or not isinstance(expert, int | float):
        raise CatalogueError(f"{where}: expert_success must be a share in [0, 1]; got {expert!r}")
    return Variation(
        id=values["id"],
        factor=values["factor"],
        target=values["target"],
        description=values["description"],
        parameters=_parameters(values.get("parameters") or {}, f"variation {values['id']!r}"),
        change_cost=float(cost),
        expert_success=float(expert),
    )


def _mapping(
    value: object, where: str, allowed: set[str] | None = None, required: set[str] | None = None
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CatalogueError(f"{where} must be a mapping of keys to values; got {value!r}")
    if allowed is not None and (unknown := set(map(str, value)) - allowed):
        raise CatalogueError(
            f"{where} has the unknown key {sorted(unknown)[0]!r}; allowed: {sorted(allowed)}"
        )
    if required is not None and (missing := required - set(value)):
        raise CatalogueError(f"{where} lacks the key {sorted(missing)[0]!r}")
    return value


def _parameters(value: object, where: str) -> dict[str, Parameter]:
    return {str(k): _parameter(v, f"{where}: {k}") for k, v in _mapping(value, where).items()}


def _parameter(value: object, where: str) -> Parameter:
    if isinstance(value, list):
        items = tuple(_parameter(item, where) for item in value)
        if any(isinstance(item, tuple) for item in items):
            raise CatalogueError(f"{where}: a list in a list is not allowed; got {value!r}")
        return items  # type: ignore[return-value]
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CatalogueError(f"{where} must be text or a finite number; got {value!r}")
    return float(value)
