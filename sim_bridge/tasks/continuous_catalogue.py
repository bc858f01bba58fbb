# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A catalogue of variations drawn from continuous ranges, so that most of it stays untried.

`python -m sim_bridge.tasks.continuous_catalogue --out config/variations/lift_continuous.yaml` makes
the shipped file again: one factor a variation, the factors by turns, values drawn evenly.
"""

import argparse
import colorsys
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], tuple[dict[str, list[float]], str]]

_HUES = (
    "red", "orange", "yellow", "lime green", "green", "sea green",
    "cyan", "azure blue", "blue", "violet", "magenta", "rose",
)  # fmt: skip
_HEADER = """\
# {count} variations of the Lift task over continuous ranges, for diagnosing what nobody has tried:
# the campaign tries some of them, the embedding answers for the others.
#
# Made by: python -m sim_bridge.tasks.continuous_catalogue --count {count} --seed {seed}
#
# Conventions as in lift.yaml: half-sizes in m, colors RGB in [0, 1], shifts in m and turns in rad
# from the nominal pose, mass in kg. Each sentence says the numbers too, in words that a text
# encoder knows and an operator could measure.
task: lift
instruction: lift the cube

nominal:
  color/light: {{rgb: [1, 1, 1]}}
  strength/light: {{factor: 1}}

variations:
"""


@dataclass(frozen=True)
class Range:
    """One kind of variation.

    Attributes:
        factor: of the catalogue.
        target: of the catalogue.
        draw: from a random generator to the parameters and the sentence.
    """

    factor: str
    target: str
    draw: Draw


def colour_name(hue: float, saturation: float, value: float) -> str:
    """Words for a colour; hue, saturation and value in [0, 1]."""
    if value < 0.12:
        return "near black"
    if saturation < 0.12:
        shade = ("dark gray", "gray", "light gray", "white")
        return shade[min(3, int(4.0 * (value - 0.12) / 0.88))]
    light = "dark " if value < 0.45 else "bright " if value > 0.8 else ""
    pure = "pale " if saturation < 0.4 else "vivid " if saturation > 0.8 else ""
    return f"{light}{pure}{_HUES[round(12.0 * hue) % 12]}"


def _colour(what: str, lowest_value: float) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[dict[str, list[float]], str]:
        hue, saturation = rng.uniform(size=2)
        value = rng.uniform(lowest_value, 1.0)
        rgb = [round(c, 3) for c in colorsys.hsv_to_rgb(hue, saturation, value)]
        numbers = (
            f"hue {360 * hue:.0f} degrees, saturation {100 * saturation:.0f} percent, "
            f"brightness {100 * value:.0f} percent"
        )
        name = colour_name(hue, saturation, value)
        return {"rgb": rgb}, f"Change {what} color to {name} ({numbers})"

    return draw


def _strength(rng: np.random.Generator) -> tuple[dict[str, list[float]], str]:
    factor = round(float(np.exp(rng.uniform(np.log(0.1), np.log(3.0)))), 5)
    word = "Dim" if factor < 1.0 else "Brighten"
    return {"factor": [factor]}, f"{word} the light to {100 * factor:.1f} percent of its strength"


def _cube_size(rng: np.random.Generator) -> tuple[dict[str, list[float]], str]:
    half = [round(float(x), 4) for x in rng.uniform(0.010, 0.040, 3)]
    sides = " by ".join(f"{2000 * x:.0f}" for x in half)
    volume = float(np.prod(half)) / 0.021**3
    word = "smaller" if volume < 0.9 else "larger" if volume > 1.1 else "differently shaped"
    return {"half_size": half}, f"Use a {word} cube of {sides} mm"


def _table_size(rng: np.random.Generator) -> tuple[dict[str, list[float]], str]:
    x, y = (round(float(v), 3) for v in rng.uniform(0.2, 0.8, 2))
    sentence = f"Resize the table top to {200 * x:.0f} by {200 * y:.0f} cm"
    return {"half_size": [x, y, 0.025]}, sentence


def _camera(rng: np.random.Generator) -> tuple[dict[str, list[float]], str]:
    shift = [round(float(x), 3) for x in rng.uniform(-0.12, 0.12, 3)]
    turn = [round(float(x), 3) for x in rng.uniform(-0.12, 0.12, 3)]
    moved = ", ".join(f"{100 * x:+.0f} cm in {axis}" for x, axis in zip(shift, "xyz", strict=True))
    turned = ", ".join(
        f"{np.degrees(x):+.0f} degrees about {axis}" for x, axis in zip(turn, "xyz", strict=True)
    )
    return {"shift": shift, "turn": turn}, f"Move the camera {moved} and turn it {turned}"


def _position(rng: np.random.Generator) -> tuple[dict[str, list[float]], str]:
    x, y = (round(float(v), 3) for v in rng.uniform(-0.15, 0.15, 2))
    sides = (
        f"{abs(1000 * x):.0f} mm {'away from' if x > 0 else 'toward'} the robot and "
        f"{abs(1000 * y):.0f} mm to the {'left' if y > 0 else 'right'}"
    )
    return {"shift": [x, y]}, f"Place the cube {sides}"


def _friction(rng: np.random.Generator) -> tuple[dict[str, list[float]], str]:
    sliding = round(float(np.exp(rng.uniform(np.log(0.05), np.log(3.0)))), 5)
    word = "slippery" if sliding < 0.5 else "rough" if sliding > 1.5 else "ordinary"
    return {"sliding": [sliding]}, f"Give the cube a {word} surface, sliding friction {sliding:.3f}"


def _mass(rng: np.random.Generator) -> tuple[dict[str, list[float]], str]:
    mass = round(float(np.exp(rng.uniform(np.log(0.01), np.log(3.0)))), 5)
    word = "light" if mass < 0.1 else "heavy" if mass > 0.7 else "medium-weight"
    return {"mass": [mass]}, f"Use a {word} cube of {1000 * mass:.1f} g"


RANGES = (
    Range("color", "cube", _colour("cube", 0.0)),
    Range("color", "table", _colour("table", 0.0)),
    Range("color", "robot", _colour("robot", 0.0)),
    Range("color", "light", _colour("lighting", 0.2)),
    Range("strength", "light", _strength),
    Range("size", "cube", _cube_size),
    Range("size", "table", _table_size),
    Range("pose", "camera", _camera),
    Range("position", "cube", _position),
    Range("friction", "cube", _friction),
    Range("mass", "cube", _mass),
)
"""The factors, by turns in the catalogue."""


def variations(count: int, seed: int) -> list[dict[str, Any]]:
    """Drawn variations as the catalogue file states them.

    Args:
        count: how many.
        seed: the same one gives the same catalogue.
    """
    rng = np.random.default_rng(seed)
    found: list[dict[str, Any]] = []
    sentences: set[str] = set()
    while len(found) < count:
        index = len(found)
        kind = RANGES[index % len(RANGES)]
        parameters, sentence = kind.draw(rng)
        if sentence in sentences:
            continue  # nobody could tell the two apart
        sentences.add(sentence)
        found.append(
            {
                "id": f"{kind.target}_{kind.factor}_{index // len(RANGES):03d}",
                "factor": kind.factor,
                "target": kind.target,
                "description": sentence,
                "parameters": parameters,
            }
        )
    return found


def text(count: int, seed: int) -> str:
    """The whole catalogue file; one variation a line, in YAML's flow style."""
    lines = [f"  - {json.dumps(variation)}" for variation in variations(count, seed)]
    return _HEADER.format(count=count, seed=seed) + "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    if options.count < 1:
        parser.error(f"--count must be at least 1; got {options.count}")
    options.out.write_text(text(options.count, options.seed), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
