# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a change that a person says is made can be seen: the picture before beside the one after.

Of light, colours, distractors and the camera's place the catalogue says how they should look; of
the rest only that something must look different. Weights and surfaces cannot be seen, but whoever
exchanges an object never puts the other one down at the same place to the millimetre.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robomd_ros.core.cell_watch.appearance import (
    Array,
    Mask,
    Pair,
    biggest,
    colour_name,
    looks_like,
)
from robomd_ros.core.cell_watch.picture_checks import Picture
from robomd_ros.core.operator.desk import Changes
from robomd_ros.core.variations import Scene, Variation

_NOTHING = 0.0004
"""Share of the picture below which nothing has changed."""
_LIGHT = (0.4, 1.7)
"""Shares of the asked change of the light (of its logarithm) that may be seen: cameras compress."""
_ALIKE = 0.75
"""Cosine between the change of the three colours of the light that was asked and that is seen."""
_SURFACE = 0.06
"""Share of the picture that a table, wall or floor fills at least."""
_OBJECT = 0.0006
"""Share of the picture that an object fills at least."""
_THING = 0.006
"""Share of the picture that a distractor fills at least, in its colour; more if it has none."""
_PLAIN_THING = 0.009
_SHAKEN, _TILES = 0.02, 6
"""Share of the picture, and tiles of 48, that have changed where the camera was moved."""
_JUDGED = 0.3
"""Weakest channel of the light, and its strength, in which colours can be judged."""
_SURFACES = ("table", "wall", "floor", "background", "tablecloth")
_WORDS = {
    "red": (0.8, 0.05, 0.05), "green": (0.05, 0.6, 0.1), "blue": (0.05, 0.1, 0.7),
    "yellow": (0.9, 0.8, 0.1), "orange": (0.9, 0.45, 0.05), "purple": (0.5, 0.1, 0.6),
}  # fmt: skip
"""Colours in the names of things."""


@dataclass(frozen=True)
class Verification:
    """What was seen of a change.

    Attributes:
        problem: why it may not be made, in sentences for the person; empty if nothing speaks
            against it.
        frozen: the two pictures are the same, bit for bit, which no camera sends.
        facts: what was measured, as JSON has it.
    """

    problem: str = ""
    frozen: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def verify(before: Picture, after: Picture, steps: Changes, wanted: Scene) -> Verification:
    """Compare.

    Args:
        before: (H, W, 3) uint8 RGB, with the arm at home, before the person went in.
        after: (H, W, 3) uint8 RGB, with the arm at home, when the person is out again.
        steps: what was asked for.
        wanted: the scene that should be in force.
    """
    if before.shape != after.shape:
        sizes = [f"{p.shape[1]} x {p.shape[0]}" for p in (before, after)]
        return Verification(
            f"The camera sent pictures of {sizes[0]}, now of {sizes[1]}: set it back.",
            facts={"change_verified": "no"},
        )
    if np.array_equal(before, after):
        return Verification("I see no change.", frozen=True, facts={"change_verified": "no"})
    pair = Pair.of(before, after)
    share = float(pair.changed.mean())
    facts: dict[str, Any] = {"change_seen": round(share, 5)}
    if steps.empty:
        return Verification(facts=facts)
    if share < _NOTHING:
        return Verification("I see no change.", facts={**facts, "change_verified": "no"})
    look = _Look(pair, steps, wanted)
    said = {v.id: look.at(v, made) for v, made in _listed(steps)}
    complaints = [sentence for sentence in said.values() if sentence]
    facts |= look.measured
    judged = [i for i, sentence in said.items() if sentence is not None]
    facts["change_verified"] = "no" if complaints else "yes" if judged else "something changed"
    return Verification(" ".join(dict.fromkeys(complaints)), facts=facts)


def _listed(steps: Changes) -> list[tuple[Variation, bool]]:
    """What can be looked for: what is made, and what is taken back with nothing in its place."""
    replaced = {(v.factor, v.target) for v in steps.apply}
    undone = [v for v in steps.undo if (v.factor, v.target) not in replaced]
    return [(v, True) for v in steps.apply] + [(v, False) for v in undone]


class _Look:
    """Looks for one step after the other; None: it cannot be judged, "": seen, else a sentence."""

    def __init__(self, pair: Pair, steps: Changes, wanted: Scene) -> None:
        self._pair = pair
        self._expected = _light_change(steps)
        paints = any(v.factor == "color" and v.target in _SURFACES for v, _ in _listed(steps))
        leave_out = pair.surface() if paints else np.zeros(pair.after.shape[:2], bool)
        self._gain = pair.gain(leave_out) if self._expected.any() else np.zeros(3)
        self._changed: Mask = pair.differs(self._expected if self._gain is None else self._gain)
        self._judged = _light_of(wanted).min() >= _JUDGED
        self.measured: dict[str, Any] = {}
        """As JSON has it."""

    def at(self, variation: Variation, made: bool) -> str | None:
        """Whether a step is seen: it was made, or taken back."""
        if variation.target == "light":
            return self._light()
        if variation.factor == "pose" and variation.target == "camera":
            return self._camera()
        if variation.factor == "distractor":
            return self._distractor(variation, made)
        if variation.factor == "color" and "rgb" in variation.parameters and self._judged:
            rgb = np.array(variation.parameters["rgb"], float)
            if variation.target in _SURFACES:
                return self._surface(variation.target, rgb, made)
            return self._object(variation.target, rgb, made)
        return None

    def _light(self) -> str | None:
        if self._gain is None:
            return None
        wanted, seen = self._expected, self._gain
        ratio = float(seen @ wanted / (wanted @ wanted))
        alike = float(seen @ wanted / np.linalg.norm(wanted) / max(np.linalg.norm(seen), 1e-6))
        self.measured["light_gain"] = [round(float(v), 3) for v in np.exp(seen)]
        low, high = _LIGHT
        if low <= ratio <= high and alike >= _ALIKE:
            return ""
        if np.abs(seen).max() < 0.5 * low * np.abs(wanted).max():
            return "The light looks as before."
        now, asked = (_in_words(np.exp(change)) for change in (seen, wanted))
        return f"The light has become {now}; {asked} was asked for."

    def _camera(self) -> str:
        rows, columns = np.array_split(self._changed, 6), 8
        tiles = sum(t.mean() > 0.01 for row in rows for t in np.array_split(row, columns, axis=1))
        moved = self._changed.mean() >= _SHAKEN and tiles >= _TILES
        return "" if moved else "The camera seems to stand where it stood."

    def _distractor(self, variation: Variation, made: bool) -> str | None:
        name = variation.target.replace("_", " ")
        colour = next((c for c in _WORDS if c in variation.target.split("_")), "")
        if colour and self._judged:
            gained = self._gained(np.array(_WORDS[colour]))
            seen = (gained if made else -gained) >= _THING
        else:
            seen = biggest(self._changed) >= _PLAIN_THING
        if seen:
            return ""
        return f"I do not see the {name}." if made else f"The {name} seems to be there still."

    def _surface(self, name: str, rgb: Array, made: bool) -> str:
        changed = self._changed
        like = looks_like(self._pair.after, rgb)
        share = float(like[changed].mean()) if changed.any() else 0.0
        if changed.mean() >= _SURFACE and (share >= 0.5 if made else share < 0.3):
            return ""
        where = changed if changed.mean() >= _SURFACE else self._pair.surface()
        looks = colour_name(np.median(self._pair.after[where], axis=0) / 255.0)
        still = "looks" if changed.mean() >= _SURFACE else "still looks"
        return f"The {name} {still} {looks}" + (f", not {colour_name(rgb)}." if made else ".")

    def _object(self, name: str, rgb: Array, made: bool) -> str:
        gained = self._gained(rgb)
        if (gained if made else -gained) >= _OBJECT:
            return ""
        asked = colour_name(rgb)
        if made:
            return f"I see no more {asked} than before: the {name} does not look {asked}."
        return f"I see as much {asked} as before: the {name} still looks {asked}."

    def _gained(self, rgb: Array) -> float:
        """Share of the picture that has come to have a colour, less what had it."""
        pair, changed = self._pair, self._changed
        now = (looks_like(pair.after, rgb) & changed).sum()
        then = (looks_like(pair.before, rgb) & changed).sum()
        gained = float(now - then) / pair.size
        self.measured[f"gained_{colour_name(rgb)}"] = round(gained, 5)
        return gained


def _light_change(steps: Changes) -> Array:
    """Log of how much more light is asked for, (3,)."""
    change = np.zeros(3)
    for sign, variations in ((1.0, steps.apply), (-1.0, steps.undo)):
        for variation in variations:
            if variation.target == "light":
                change += sign * np.log(np.maximum(_light_factors(variation), 0.02))
    return change


def _light_of(scene: Scene) -> Array:
    """Factors of the light in a scene, (3,): 1 is nominal."""
    light = np.ones(3)
    for variation in scene:
        if variation.target == "light":
            light = light * _light_factors(variation)
    return light


def _light_factors(variation: Variation) -> Array:
    values: Sequence[Any] | Any = variation.parameters.get(
        "rgb", variation.parameters.get("factor", 1.0)
    )
    factors: Array = np.ones(3) * np.asarray(values, float)
    return factors


def _in_words(gain: Array) -> str:
    """A change of the light for people: 40 % as bright, red."""
    strength = float(gain.max())
    rest = gain / max(strength, 1e-6)
    colour = f", {colour_name(rest)}" if rest.min() < 0.7 else ""
    return f"{100 * strength:.0f} % as bright{colour}"
