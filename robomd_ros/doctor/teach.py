# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd teach`: home, the box of the tool, and marks, read where the arm is led by hand.

Nothing is written to the robot and nothing moves by this command: the state is read over RTDE.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from robomd_ros.arms.ur5e.parameters import ArmParameters
from robomd_ros.arms.ur5e.rtde_probe import RtdeProbe
from robomd_ros.core.arguments import Arguments, help_text, parse_arguments
from robomd_ros.core.errors import ConfigurationError, RoboMDError
from robomd_ros.core.schema import option, taken
from robomd_ros.core.share import config_file
from robomd_ros.core.yaml_text import dump_yaml, load_yaml

_USAGE = "robomd teach home|box|mark <name>"
_MARGIN = 0.02
"""m by which the box is wider than the places that were shown."""
_SECTION, _INSIDE = "/**/ur5e_node:", "  ros__parameters:"

Array = NDArray[np.float64]
Read = Callable[[str], Array]
"""Reads (6,) numbers of the robot by the name of the output."""


class TeachError(RoboMDError):
    """Nothing was written; the message says why and what to do."""


class TeachArguments(Arguments):
    """Of `robomd teach`."""

    robot_ip: str = taken(ArmParameters, "robot_ip")
    params_file: str = option(
        "my_ur5e.yaml",
        "parameter file that home and box are written into; begins as a copy of the shipped one",
    )
    marks_file: str = option("marks.yaml", "file of the marks; made if it is missing")


def main(argv: Sequence[str] | None = None) -> int:
    """Read what is asked for, print it, write it."""
    given = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"}.intersection(given):
        print(help_text(_USAGE, TeachArguments))
        return 0
    words = [argument for argument in given if ":=" not in argument]
    if tuple(words[:1]) not in {("home",), ("box",), ("mark",)}:
        raise ConfigurationError(f"usage: {_USAGE}; got {' '.join(given) or 'nothing'}")
    if len(words) != (2 if words[0] == "mark" else 1):
        raise ConfigurationError(
            f"a mark has a name (robomd teach mark cube), home and box have none; got {words}"
        )
    options = TeachArguments(**parse_arguments([a for a in given if ":=" in a], TeachArguments))
    if not options.robot_ip:
        raise ConfigurationError(
            "robot_ip is missing; give robot_ip:=<address> (pendant: Settings > System > Network)"
        )

    def read(name: str) -> Array:
        with RtdeProbe(options.robot_ip) as probe:
            values = probe.read([name])
        if name not in values:
            raise TeachError(f"the controller {options.robot_ip} does not tell {name}")
        return np.array(values[name], float)

    if words[0] == "home":
        teach_home(read, Path(options.params_file), input)
    elif words[0] == "box":
        teach_box(read, Path(options.params_file), input)
    else:
        teach_mark(read, Path(options.marks_file), words[1], input)
    return 0


def teach_home(read: Read, path: Path, ask: Callable[[str], str]) -> None:
    """Write where the arm stands as home."""
    ask("Lead the arm to where a rollout is to start, let go, then press Enter: ")
    home = _rounded(read("actual_q"), 3)
    write_parameters(path, {"home": home})
    print(f"home: {home} rad, written to {path}; robomd home goes there")


def teach_box(read: Read, path: Path, ask: Callable[[str], str]) -> None:
    """Write the box around the places that the tool is led to."""
    print(
        "Lead the tool to the corners of the space that it may be in: the lowest, the highest, the "
        "farthest to each side. Press Enter at each; type done when the box is complete."
    )
    places: list[Array] = []
    while ask(f"place {len(places) + 1}, Enter, or done: ").strip().lower() != "done":
        places.append(read("actual_TCP_pose")[:3])
        print("  x {:.3f}, y {:.3f}, z {:.3f} m".format(*places[-1]))
    if len(places) < 2:
        raise TeachError("a box needs two places at least; nothing was written")
    lower, upper = np.min(places, axis=0), np.max(places, axis=0)
    side = np.array([_MARGIN, _MARGIN, 0.0])  # the floor is where it was shown
    low, high = _rounded(lower - side, 3), _rounded(upper + side + [0, 0, _MARGIN], 3)
    write_parameters(path, {"workspace_lower": low, "workspace_upper": high})
    print(f"workspace_lower: {low}, workspace_upper: {high} m, written to {path}")


def teach_mark(read: Read, path: Path, name: str, ask: Callable[[str], str]) -> None:
    """Write the place of a mark, or say how far it is from where it was."""
    known = _mapping(path)
    ask(f"Lead the tool's centre point to the mark {name}, let go, then press Enter: ")
    place = _rounded(read("actual_TCP_pose")[:3], 4)
    if name in known:
        away = 1000 * float(np.linalg.norm(np.subtract(known[name], place)))
        print(f"{name} is {away:.0f} mm from where it was taught")
        if ask("Type replace to teach it anew, or Enter to keep it: ").strip() != "replace":
            return
    path.write_text(dump_yaml({**known, name: place}))
    print(f"{name}: {place} m in the base frame, written to {path}")


def write_parameters(path: Path, values: Mapping[str, list[float]]) -> None:
    """Set parameters of ur5e_node in a file, and leave everything else in it as it is."""
    text = (path if path.exists() else config_file("params", "ur5e")).read_text()
    _mapping(path)  # what is no parameter file is not touched
    lines = text.splitlines()
    if _SECTION not in [line.rstrip() for line in lines]:
        lines += [_SECTION, _INSIDE]
    for name, value in values.items():
        _set(lines, name, str(value))
    path.write_text("\n".join(lines) + "\n")


def _set(lines: list[str], name: str, value: str) -> None:
    begin = next(i for i, line in enumerate(lines) if line.rstrip() == _SECTION)
    end = next(
        (i for i, line in enumerate(lines) if i > begin and re.match(r"\S", line)), len(lines)
    )
    line = f"    {name}: {value}"
    for i in range(begin, end):
        if re.match(rf"\s+{name}:", lines[i]):
            _, mark, comment = lines[i].partition("#")
            lines[i] = f"{line}  {mark}{comment}" if mark else line
            return
    inside = next((i for i in range(begin, end) if lines[i].strip() == _INSIDE.strip()), None)
    if inside is None:
        lines.insert(begin + 1, _INSIDE)
        inside = begin + 1
    lines.insert(inside + 1, line)


def _mapping(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    try:
        found = load_yaml(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise TeachError(f"{path} cannot be read: {error}; nothing was written") from error
    if not isinstance(found, dict):
        raise TeachError(f"{path} is no parameter file: it holds no names with values")
    return found


def _rounded(values: Array, digits: int) -> list[float]:
    return [round(float(v), digits) for v in values]
