# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy needs and what a cell gives, in one form, and the comparison of the two."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from robomd_ros.core.errors import SpacesError

if TYPE_CHECKING:
    from typing import TypeAlias

ACTION_KINDS = ("delta_pose", "pose", "joint_target", "joint_velocity")
"""delta_pose: change of position and rotation vector (robosuite's OSC_POSE); pose: absolute;
joint_target: absolute, rad; joint_velocity: rad/s. The last value is the gripper where there is
one: below 0 opens, above 0 closes."""
DEFAULT_CAMERA, DEFAULT_SIZE = "agentview", (84, 84)
"""What a policy is shown that says nothing about cameras."""
ANY_SIZE = (0, 0)
"""A camera's size where it does not matter (needs) or is only known by its pictures (cell)."""

Size: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True)
class Quantity:
    """One measured vector.

    Attributes:
        size: number of values.
        unit: SI, "m" or "rad/s"; "" where it has none or nobody says.
        frame: of coordinates, "world" or "base"; "" where it has none or nobody says.
    """

    size: int
    unit: str = ""
    frame: str = ""

    def __post_init__(self) -> None:
        _require_count("the size of a quantity", self.size)
        for name in ("unit", "frame"):
            if not isinstance(getattr(self, name), str):
                raise SpacesError(
                    f"the {name} of a quantity must be text; got {getattr(self, name)!r}"
                )

    def __str__(self) -> str:
        parts = [f"{self.size} values" if self.size != 1 else "1 value"]
        parts += [f"in {self.unit}"] if self.unit else []
        parts += [f"in the frame {self.frame!r}"] if self.frame else []
        return " ".join(parts)


@dataclass(frozen=True)
class ActionSpec:
    """The commands that a policy gives, or that a cell takes.

    Attributes:
        kind: one of ACTION_KINDS.
        size: values of one command, the gripper's included.
        low: smallest sensible value of each, (size,); one number stands for all.
        high: the largest.
        rate: Hz of commands; 0: any.
        chunk: commands that are given at a time; of a cell: the most that it takes.
    """

    kind: str
    size: int
    low: tuple[float, ...] = (-math.inf,)
    high: tuple[float, ...] = (math.inf,)
    rate: float = 0.0
    chunk: int = 1

    def __post_init__(self) -> None:
        if self.kind not in ACTION_KINDS:
            raise SpacesError(
                f"unknown kind of action {self.kind!r}; it is one of {', '.join(ACTION_KINDS)}"
            )
        _require_count("the size of an action", self.size)
        _require_count("the chunk of an action", self.chunk)
        for name in ("low", "high"):
            object.__setattr__(self, name, _bounds(name, getattr(self, name), self.size))
        if any(low >= high for low, high in zip(self.low, self.high)):
            raise SpacesError(
                f"low must be below high in every value of an action; got {self.low}, {self.high}"
            )
        if not _is_number(self.rate) or not 0.0 <= self.rate < math.inf:
            raise SpacesError(f"the rate of actions must be at least 0 Hz; got {self.rate!r}")

    def __str__(self) -> str:
        shape = f"({self.size},)" if self.chunk == 1 else f"(up to {self.chunk}, {self.size})"
        bounds = {(low, high) for low, high in zip(self.low, self.high)}
        within = ""
        if len(bounds) == 1 and not math.isinf(min(self.low)):
            within = f" in [{self.low[0]:g}, {self.high[0]:g}]"
        return f"{self.kind} {shape}{within}" + (f" at {self.rate:g} Hz" if self.rate else "")


@dataclass(frozen=True)
class Spaces:
    """What a policy needs, or what a cell gives; it can be read before anything starts.

    Attributes:
        cameras: name -> (height, width) in pixels of its RGB pictures, or ANY_SIZE. None in the
            needs of a policy that says nothing: see `seen_cameras`. A cell's only camera may have
            the name "": it takes the one that the policy has for its only camera.
        proprioception: name -> size, unit and frame.
        action: None in the needs of a policy that says nothing: it commands as the cell does.
        state: the simulator's privileged state is needed, or given.
        any_size: of a cell: it draws, or cuts and scales, pictures to any size.
    """

    cameras: Mapping[str, Size] | None = field(default_factory=dict)
    proprioception: Mapping[str, Quantity] = field(default_factory=dict)
    action: ActionSpec | None = None
    state: bool = False
    any_size: bool = False

    def __post_init__(self) -> None:
        if self.cameras is not None:
            cameras = {name: _picture(name, size) for name, size in self.cameras.items()}
            object.__setattr__(self, "cameras", cameras)
        object.__setattr__(self, "proprioception", dict(self.proprioception))
        for name, quantity in self.proprioception.items():
            if not isinstance(name, str) or not isinstance(quantity, Quantity):
                raise SpacesError(f"proprioception {name!r} must be a Quantity; got {quantity!r}")
        if self.action is not None and not isinstance(self.action, ActionSpec):
            raise SpacesError(f"action must be an ActionSpec; got {self.action!r}")

    def to_mapping(self) -> dict[str, Any]:
        """Plain values, as `from_mapping` reads them; for messages between processes."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Spaces:
        """From plain values, as a policy without this package may state its needs.

        Args:
            values: cameras: {name: [height, width]}, proprioception: {name: {size, unit, frame}},
                action: {kind, size, low, high, rate, chunk}; all of them may be left out.

        Raises:
            SpacesError: an unknown key, or a value that cannot be.
        """
        given = _known(values, cls, "spaces")
        quantities = given.get("proprioception") or {}
        if not isinstance(quantities, Mapping):
            raise SpacesError(f"proprioception must be a mapping; got {quantities!r}")
        cameras = given.get("cameras", {})
        if cameras is not None and not isinstance(cameras, Mapping):
            raise SpacesError(f"cameras must be a mapping of name to size; got {cameras!r}")
        action = given.get("action")
        made: dict[str, Any] = {
            **given,
            "cameras": cameras,
            "proprioception": {
                name: quantity
                if isinstance(quantity, Quantity)
                else Quantity(**_known(quantity, Quantity, f"proprioception {name!r}"))
                for name, quantity in quantities.items()
            },
            "action": action
            if action is None or isinstance(action, ActionSpec)
            else ActionSpec(**_known(action, ActionSpec, "action")),
        }
        return cls(**made)


def misfits(needs: Spaces, gives: Spaces) -> list[str]:
    """Everything that a policy needs and a cell does not give; empty if they fit.

    Args:
        needs: the policy's.
        gives: the cell's.

    Returns:
        One clause for each, with both sides and the remedy.
    """
    gives = with_camera_named(gives, needs)
    found = [_camera_misfit(name, size, gives) for name, size in (needs.cameras or {}).items()]
    found += [_quantity_misfit(n, q, gives) for n, q in needs.proprioception.items()]
    if needs.state and not gives.state:
        found.append(
            "the policy wants the simulator's state (wants_state), the cell has none: use a policy "
            "that lives on pictures and proprioception"
        )
    if needs.action is not None and gives.action is not None:
        found += _action_misfits(needs.action, gives.action)
    return [one for one in found if one]


def require_fit(needs: Spaces, gives: Spaces, policy: str, cell: str) -> None:
    """Compare before anything starts.

    Args:
        needs: the policy's.
        gives: the cell's.
        policy: what the policy is called, for the message.
        cell: what the cell is called.

    Raises:
        SpacesError: they do not fit; one message names all that is missing and where.
    """
    if found := misfits(needs, gives):
        raise SpacesError(f"the policy {policy} does not fit {cell}: " + "; ".join(found))


def seen_cameras(needs: Spaces, gives: Spaces) -> dict[str, Size]:
    """The cameras that the policy is shown, each in its own size or, where it has none, the cell's.

    A policy that says nothing is shown DEFAULT_CAMERA, or the cell's first camera, in the size that
    the cell has it, else in DEFAULT_SIZE.
    """
    cameras = with_camera_named(gives, needs).cameras or {}
    if needs.cameras is None:
        shown = [DEFAULT_CAMERA] if DEFAULT_CAMERA in cameras else list(cameras)[:1]
        return {n: cameras[n] if cameras[n] != ANY_SIZE else DEFAULT_SIZE for n in shown}
    return {
        name: size if size != ANY_SIZE else cameras.get(name, ANY_SIZE)
        for name, size in needs.cameras.items()
    }


def with_camera_named(gives: Spaces, needs: Spaces) -> Spaces:
    """The cell's spaces where its only camera, if it has no name, is called as in the policy."""
    if gives.cameras is None or "" not in gives.cameras:
        return gives
    name = next(iter(needs.cameras)) if needs.cameras else DEFAULT_CAMERA
    return replace(gives, cameras={name: gives.cameras[""]})


def _camera_misfit(name: str, size: Size, gives: Spaces) -> str:
    cameras = gives.cameras or {}
    if name not in cameras:
        return (
            f"the policy needs the camera {name!r} ({_pixels(size)}), the cell gives "
            f"{_cameras(gives)}: rename the camera in one of them, or add it to the cell"
        )
    given = cameras[name]
    if size == ANY_SIZE or gives.any_size or given in (size, ANY_SIZE):
        return ""
    return (
        f"the policy needs pictures of {name!r} of {_pixels(size)}, the cell gives "
        f"{_pixels(given)}: change the size that the cell is set to, or let the policy scale"
    )


def _quantity_misfit(name: str, needed: Quantity, gives: Spaces) -> str:
    given = gives.proprioception.get(name)
    if given is None:
        known = ", ".join(f"{n} ({q})" for n, q in gives.proprioception.items()) or "none"
        return (
            f"the policy needs the proprioception {name!r} ({needed}), the cell gives {known}: "
            "leave it out, or train with what there is"
        )
    fits = given.size == needed.size and all(
        not wanted or not there or wanted == there
        for wanted, there in ((needed.unit, given.unit), (needed.frame, given.frame))
    )
    if fits:
        return ""
    return (
        f"the policy needs {name!r} as {needed}, the cell gives {given}: it was made for another "
        "robot or another frame; convert it in the policy"
    )


def _action_misfits(needed: ActionSpec, taken: ActionSpec) -> list[str]:
    found = []
    if (needed.kind, needed.size) != (taken.kind, taken.size):
        found.append(
            f"the policy commands {needed}, the cell takes {taken}: choose the cell's command mode "
            "to suit, or convert the command in the policy"
        )
    elif outside := [
        f"value {i} in [{low:g}, {high:g}] where [{least:g}, {most:g}] is taken"
        for i, (low, high, least, most) in enumerate(
            zip(needed.low, needed.high, taken.low, taken.high)
        )
        if math.isfinite(low + high) and (low < least - 1e-6 or high > most + 1e-6)
    ]:
        found.append(
            f"the policy commands {'; '.join(outside)}: scale its commands to the cell's bounds"
        )
    if needed.rate and taken.rate and abs(needed.rate - taken.rate) > 0.01 * taken.rate:
        found.append(
            f"the policy commands at {needed.rate:g} Hz, the cell at {taken.rate:g} Hz: set the "
            "cell's rate to the policy's"
        )
    if needed.chunk > taken.chunk:
        found.append(
            f"the policy gives {needed.chunk} commands at a time, the cell takes "
            f"{taken.chunk}: give the first of them and ask again at the next step"
        )
    return found


def _cameras(spaces: Spaces) -> str:
    text = ", ".join(
        f"{name!r} ({'any size' if spaces.any_size else _pixels(size)})"
        for name, size in (spaces.cameras or {}).items()
    )
    return text or "none"


def _pixels(size: Size) -> str:
    return "any size" if size == ANY_SIZE else f"{size[0]} x {size[1]} pixels"


def _picture(name: str, size: Any) -> Size:
    if not isinstance(name, str):
        raise SpacesError(f"the name of a camera must be text; got {name!r}")
    pair = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size,)
    right = len(pair) == 2 and all(_is_whole(n) and n >= 0 for n in pair)
    if not right or (0 in pair and pair != ANY_SIZE):
        raise SpacesError(
            f"the size of camera {name!r} must be (height, width) in pixels, or (0, 0) for any; "
            f"got {size!r}"
        )
    return int(pair[0]), int(pair[1])


def _bounds(name: str, values: Any, size: int) -> tuple[float, ...]:
    given = tuple(values) if isinstance(values, Sequence) else (values,)
    if len(given) == 1:
        given *= size
    if len(given) != size or not all(_is_number(v) and not math.isnan(v) for v in given):
        raise SpacesError(
            f"{name} of an action must be one number, or {size}, as its size is; got {values!r}"
        )
    return tuple(float(v) for v in given)


def _known(values: Any, of: Any, where: str) -> dict[str, Any]:
    names = [one.name for one in fields(of)]
    if not isinstance(values, Mapping):
        raise SpacesError(f"{where} must be a mapping with {', '.join(names)}; got {values!r}")
    if unknown := [str(key) for key in values if key not in names]:
        raise SpacesError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(names)}")
    for known in fields(of):
        if known.default is known.default_factory is MISSING and known.name not in values:
            raise SpacesError(f"{where}: {known.name} is missing; it has {', '.join(names)}")
    return dict(values)


def _require_count(what: str, value: Any) -> None:
    if not _is_whole(value) or value < 1:
        raise SpacesError(f"{what} must be a whole number of at least 1; got {value!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
