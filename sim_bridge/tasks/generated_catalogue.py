# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A catalogue for a task of which nobody has written one: what its edits can do, in plain words.

`python -m sim_bridge.tasks.generated_catalogue --task Wipe --out wipe.yaml` writes it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sim_bridge.tasks.task import Slot, plain_name, simulated_task

COLOURS = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "gray": (0.5, 0.5, 0.5),
}
_FEWER = {"wall": ("gray",), "floor": ("gray",), "robot": ("red", "green", "gray")}
"""Targets that are not varied in every colour."""
_HEADER = """\
# Variations of the task {task}, made from what its edits can change:
#   python -m sim_bridge.tasks.generated_catalogue --task {task}
#
# Sizes are multiples of what a thing is, about its origin and at the same density, so that mass
# follows. Shifts are m from where the start has drawn it, colors RGB in [0, 1]; a colored thing
# loses its texture. The color of the light multiplies that of every lamp.
task: {task}
instruction: {instruction}

nominal:
  color/light: {{rgb: [1, 1, 1]}}
  strength/light: {{factor: 1}}

variations:
"""

Made = tuple[str, dict[str, Any], str]
"""Suffix of the id, parameters, sentence."""


def variations(task_name: str) -> list[dict[str, Any]]:
    """All variations of a task, as the catalogue file states them."""
    found = []
    for (factor, target), edit in simulated_task(task_name).edits.items():
        for suffix, given, sentence in _of((factor, target)):
            parameters = {
                key: value * edit.parameters[key].count if len(value) == 1 else value
                for key, value in given.items()
            }
            found.append(
                {
                    "id": f"{target}_{factor}_{suffix}",
                    "factor": factor,
                    "target": target,
                    "description": sentence,
                    "parameters": parameters,
                }
            )
    return found


def text(task_name: str) -> str:
    """The whole file, each variation's id on a line of its own."""
    task = simulated_task(task_name)
    head = _HEADER.format(task=plain_name(task_name), instruction=task.instruction)
    entries = []
    for variation in variations(task_name):
        lines = [f"{key}: {_flow(value)}" for key, value in variation.items()]
        entries.append("  - " + "\n    ".join(lines) + "\n")
    return head + "".join(entries)


def _of(slot: Slot) -> Iterator[Made]:
    factor, target = slot
    what = target.replace("_", " ")
    if factor == "color":
        thing = "lighting" if target == "light" else what
        for name in _FEWER.get(target, COLOURS):
            yield name, {"rgb": list(COLOURS[name])}, f"Change {thing} color to {name}"
        return
    yield from _MADE.get(factor, _nothing)(what)


def _nothing(what: str) -> Iterator[Made]:
    return iter(())


def _size(what: str) -> Iterator[Made]:
    yield "smaller", {"factor": [0.8]}, f"Use a smaller {what}, 80 percent of its size"
    yield "larger", {"factor": [1.2]}, f"Use a larger {what}, 120 percent of its size"


def _mass(what: str) -> Iterator[Made]:
    yield "heavy", {"factor": [4.0]}, f"Use a {what} four times as heavy"


def _friction(what: str) -> Iterator[Made]:
    yield "slippery", {"sliding": [0.1]}, f"Give the {what} a slippery surface"


def _position(what: str) -> Iterator[Made]:
    yield "near", {"shift": [-0.05, 0.0]}, f"Place the {what} 5 cm toward the robot"
    yield "left", {"shift": [0.0, 0.05]}, f"Place the {what} 5 cm to the left"


def _strength(what: str) -> Iterator[Made]:
    yield "dim", {"factor": [0.3]}, "Dim the light to 30 percent of its strength"
    yield "bright", {"factor": [2.0]}, "Brighten the light to 200 percent of its strength"


def _direction(what: str) -> Iterator[Made]:
    yield "side", {"direction": [0.0, 0.9, -0.45]}, "Let the light come from the side"


def _pose(what: str) -> Iterator[Made]:
    yield "left", {"shift": [0.0, 0.1, 0.0]}, "Move the camera 10 cm to the left"
    yield "up", {"shift": [0.0, 0.0, 0.1]}, "Move the camera 10 cm up"
    yield "rolled", {"turn": [0.0, 0.0, 0.15]}, "Roll the camera by 9 degrees"


def _zoom(what: str) -> Iterator[Made]:
    yield "wide", {"factor": [1.3]}, "Let the camera see 30 percent more"
    yield "narrow", {"factor": [0.8]}, "Let the camera see 20 percent less"


def _latency(what: str) -> Iterator[Made]:
    yield "2", {"steps": [2.0]}, "Execute each command 100 ms late"
    yield "5", {"steps": [5.0]}, "Execute each command 250 ms late"


def _noise(what: str) -> Iterator[Made]:
    if what == "camera":
        yield "strong", {"std": [25.0]}, "Add strong noise to the pictures"
    else:
        yield "strong", {"std": [0.5]}, "Add noise to the motions of the arm"


def _blur(what: str) -> Iterator[Made]:
    yield "strong", {"radius": [2.0]}, "Blur the pictures"


_MADE = {
    "size": _size,
    "mass": _mass,
    "friction": _friction,
    "position": _position,
    "strength": _strength,
    "direction": _direction,
    "pose": _pose,
    "zoom": _zoom,
    "latency": _latency,
    "noise": _noise,
    "blur": _blur,
}


def _flow(value: Any) -> str:
    """In YAML's flow style; sentences need no quotes."""
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    options.out.write_text(text(options.task), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
