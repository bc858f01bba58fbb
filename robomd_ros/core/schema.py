# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What comes from outside: a model states type, unit, range, choices and meaning of every value.

Parameters of nodes, arguments of launches and commands, and stored configurations are such models.
Their descriptors, `--help`, the documentation and the checks are all made from them.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.yaml_text import load_yaml

Numbers = Annotated[tuple[float, ...], Field(strict=False)]
"""A list of numbers, of any size unless the option says which."""
Texts = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of texts."""
_OPTION = "option"
_LONGEST = 200
"""Characters of a value that an error repeats."""
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "mapping": "a mapping of names to values",
}
Known = TypeVar("Known", bound="Model")


@dataclass(frozen=True)
class Option:
    """One value of a model.

    Attributes:
        name: its name.
        kind: bool, int, float, str, numbers, texts, whole (numbers), mapping, or other.
        default: its default; None where it must be given.
        required: whether it must be given.
        doc: what it does, a line.
        unit: of a number, "" for none.
        low: smallest number, also of a list; None is unbounded.
        high: largest number, likewise.
        exclusive: the bounds themselves are not allowed.
        choices: allowed texts; empty is any.
        size: numbers in a list; 0 is any.
        changes: whether it may be set while the node runs.
        wanted: what it must be, in words; "" says it by kind.
    """

    name: str
    kind: str
    default: Any = None
    required: bool = False
    doc: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    exclusive: bool = False
    choices: tuple[str, ...] = ()
    size: int = 0
    changes: bool = False
    wanted: str = ""

    @property
    def type(self) -> str:
        """What it must be, without its range: "a number", "a list of 6 numbers", "one of a, b"."""
        if self.wanted:
            return self.wanted
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.kind in ("numbers", "whole"):
            what = "numbers" if self.kind == "numbers" else "whole numbers"
            return f"a list of {self.size} {what}" if self.size else f"a list of {what}"
        return _KINDS.get(self.kind, "a list of texts" if self.kind == "texts" else self.kind)

    @property
    def range(self) -> str:
        """The range: "[0, 1]", "(0.5, 1)", "at least 0"; "" for none."""
        low, high = self.low, self.high
        if low is not None and high is not None:
            ends = "()" if self.exclusive else "[]"
            return f"{ends[0]}{_figure(low)}, {_figure(high)}{ends[1]}"
        if low is not None:
            return f"{'above' if self.exclusive else 'at least'} {_figure(low)}"
        if high is not None:
            return f"{'below' if self.exclusive else 'at most'} {_figure(high)}"
        return ""

    @property
    def allowed(self) -> str:
        """Type and range: "a number in [0, 1]"."""
        if not self.range:
            return self.type
        return f"{self.type}{' in ' if self.range[0] in '([' else ', '}{self.range}"

    @property
    def text(self) -> str:
        """The default as it is written on a command line; "" where it must be given."""
        if self.required or self.default is None:
            return ""
        if isinstance(self.default, str):
            return self.default
        plain = list(self.default) if isinstance(self.default, tuple) else self.default
        return json.dumps(plain, ensure_ascii=False)

    def holds(self, number: float) -> bool:
        """Whether a number is in the range."""
        low, high = self.low, self.high
        if self.exclusive:
            return (low is None or number > low) and (high is None or number < high)
        return (low is None or number >= low) and (high is None or number <= high)


def option(default: Any, doc: str, **allowed: Any) -> Any:
    """A field of a model.

    Args:
        default: its default; `...` where it must be given.
        doc: what it does, a line.
        **allowed: unit, low, high, exclusive, choices, size, changes and wanted of an Option.
    """
    described = {"default": default, "doc": doc, **allowed}
    bounds: dict[str, Any] = {}
    if not allowed.get("size") and not isinstance(default, tuple):
        names = ("gt", "lt") if allowed.get("exclusive") else ("ge", "le")
        ends = zip(names, (allowed.get("low"), allowed.get("high")), strict=True)
        bounds = {name: end for name, end in ends if end is not None}
    return Field(default, description=doc, json_schema_extra={_OPTION: described}, **bounds)


def taken(model: "type[Model]", name: str, **changed: Any) -> Any:
    """A field as it is in another model, with another default, doc, ..."""
    return option(**{**_described(model, name), **changed})


def default_of(model: "type[Model]", name: str) -> Any:
    """The default of a field of a model."""
    return _described(model, name)["default"]


class Model(BaseModel):
    """Values that were checked: types are exact, ranges and choices kept, unknown names refused.

    A whole number is a number; nothing else is converted, and no number is infinite or NaN. To make
    one raises a ConfigurationError that says in a sentence which value is wrong and what it may be.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=True
    )
    says: ClassVar[str] = "{name}"
    """How an error calls one of the values."""
    called: ClassVar[str] = "key"
    """What an unknown name is called."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _refusal(type(self), error) from None

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def changed(self: Known, **values: Any) -> Known:
        """The same with other values, checked."""
        return type(self)(**{**dict(self), **values})

    @field_validator("*", mode="after")
    @classmethod
    def _allowed(cls, value: Any, info: Any) -> Any:
        """Choices, and sizes and ranges of lists; pydantic has checked everything else."""
        known = options(cls)[info.field_name]
        if known.choices and value not in known.choices:
            raise PydanticCustomError("not_a_choice", "not a choice")
        if isinstance(value, tuple) and known.kind in ("numbers", "whole"):
            if (known.size and len(value) != known.size) or not (value or known.size):
                raise PydanticCustomError("wrong_size", "wrong size")
            if not all(map(known.holds, value)):
                raise PydanticCustomError("item_out_of_range", "out of range")
        return value


class Parameters(Model):
    """Parameters of a node, or arguments of a command: each has a default, numbers are also texts.

    On a command line and in a parameter file nobody writes quotes: the camera 0 and the policy 1
    are names.
    """

    says = "parameter {name}"
    called = "parameter"
    node: ClassVar[str] = ""
    """The name of the node that has them."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: Any) -> None:
        """How errors call a node's parameters."""
        if cls.node:
            cls.says = f"parameter {{name}} of {cls.node}"
            cls.called = f"parameter of {cls.node}"

    @field_validator("*", mode="before")
    @classmethod
    def _number_as_text(cls, value: Any, info: Any) -> Any:
        is_text = options(cls)[info.field_name].kind == "str"
        if is_text and isinstance(value, bool):
            return str(value).lower()
        return str(value) if is_text and isinstance(value, int | float) else value


@cache
def options(model: type[Model]) -> Mapping[str, Option]:
    """The options of a model by name, in their order."""
    found = {}
    for name, info in model.model_fields.items():
        described = {**_described(model, name)}
        default = described.pop("default")
        required = default is ...
        found[name] = Option(
            name,
            _kind(info.annotation),
            default=None if required else default,
            required=required,
            **described,
        )
    return found


def typed(model: type[Parameters], texts: Mapping[str, str]) -> dict[str, Any]:
    """Values that were written as texts, checked; only those that were given.

    Raises:
        ConfigurationError: an unknown name, or a value that is not allowed.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in options(model):
            raise unknown_name(name, options(model), model.called)
        values[name] = checked(model, name, _read(options(model)[name], text))
    return values


def checked(model: type[Parameters], name: str, value: Any) -> Any:
    """One value of a model, checked by itself.

    Raises:
        ConfigurationError: unknown name, wrong type, out of range, not a choice.
    """
    if name not in options(model):
        raise unknown_name(name, options(model), model.called)
    return model(**{name: value})[name]


def _read(known: Option, text: str) -> Any:
    """A text as data; the text itself where that is what is wanted, or what it is."""
    if known.kind == "str":
        return text
    try:
        return load_yaml(text)
    except yaml.YAMLError:
        return text


def describe(model: type[Model]) -> list[dict[str, Any]]:
    """Every option as plain data: name, type, default (as written), choices, description, ..."""
    return [
        {
            "name": known.name,
            "type": known.kind,
            "default": known.text,
            "choices": list(known.choices),
            "unit": known.unit,
            "range": known.range,
            "description": known.doc,
        }
        for known in options(model).values()
    ]


def unknown_name(name: str, known: Iterable[str], what: str = "parameter") -> ConfigurationError:
    """The error for a name that nothing has; suggests the nearest known one."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
    return ConfigurationError(f"unknown {what} {name!r}; {hint}")


def _described(model: type[Model], name: str) -> dict[str, Any]:
    extra = model.model_fields[name].json_schema_extra
    if not isinstance(extra, dict) or not isinstance(extra.get(_OPTION), dict):
        raise TypeError(f"{model.__name__}.{name} is no option; write it with option()")
    return dict(extra[_OPTION])  # type: ignore[arg-type]


def _kind(annotation: Any) -> str:
    """The kind of an Option with this annotation."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin is tuple:
        return {float: "numbers", int: "whole", str: "texts"}[arguments[0]]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "mapping"
    return annotation.__name__ if annotation in (bool, int, float, str) else "other"


def _refusal(model: type[Model], error: ValidationError) -> ConfigurationError:
    """The first of the errors as a sentence."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return unknown_name(name, options(model), model.called)
    known = options(model)[name]
    called = model.says.format(name=name)
    if first["type"] == "missing":
        return ConfigurationError(f"{called} is missing; it must be {known.type}")
    got = _told(first["input"])
    if len(first["loc"]) > 1:
        got += f" as number {int(first['loc'][1]) + 1} of the list"
    return ConfigurationError(f"{called} must be {_wanted(known, first['type'])}; got {got}")


def _wanted(known: Option, error: str) -> str:
    """What a value must be; its range is only said where the type was right."""
    out_of_range = error.startswith(("greater_than", "less_than", "item_out_of_range"))
    return known.allowed if out_of_range else known.type


def _told(value: object) -> str:
    """A value in an error: as Python writes it, not endless."""
    if value is None:
        return "nothing"
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _figure(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
