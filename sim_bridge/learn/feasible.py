# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`robomd feasible`: which variations of a catalogue can be done at all, by a scripted expert.

A change under which the expert fails as well says nothing about a policy: an 8 cm cube does not fit
into a gripper that opens 8 cm. The catalogue keeps what was measured (`expert_success`), and a
campaign leaves out what cannot be done unless it is named.
"""

import argparse
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from robomd_ros.core.campaign.parameters import TaskParameters
from robomd_ros.core.errors import CellFault, ConfigurationError, RoboMDError
from robomd_ros.core.schema import default_of
from robomd_ros.core.share import config_file
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import FEASIBLE, Catalogue, load_catalogue
from sim_bridge.cells import SimulatorOptions
from sim_bridge.learn.truth import RolloutJob, measure
from sim_bridge.tasks.defaults import expert_of

_FIRST_SEED = 5000
_ID = re.compile(r"(?P<indent>\s*)- id: (?P<id>[a-z0-9_]+)\s*$")
_KEY = "expert_success"


def measured(
    options: SimulatorOptions, catalogue: Catalogue, rollouts: int, processes: int
) -> dict[str, float]:
    """Share of the expert's rollouts that succeed, by variation.

    Args:
        options: the simulator, with the expert as its policy.
        catalogue: what is measured.
        rollouts: of each variation, all from the same starts.
        processes: workers.

    Raises:
        CellFault: a rollout was invalid, or a worker is lost.
    """
    jobs = [RolloutJob((v.id,), _FIRST_SEED + k) for v in catalogue for k in range(rollouts)]
    done = {v.id: 0 for v in catalogue}
    for job, outcome in measure(options, jobs, processes):
        if not outcome.valid:
            raise CellFault(
                f"the expert has no outcome under {job.ids[0]}: {outcome.detail}; start again"
            )
        done[job.ids[0]] += outcome.result is Result.SUCCESS
    return {name: number / rollouts for name, number in done.items()}


def marked(text: str, shares: Mapping[str, float]) -> str:
    """A catalogue's YAML with what was measured; comments and order stay.

    Args:
        text: of the file, each variation beginning with its id on a line of its own.
        shares: by id.

    Raises:
        ConfigurationError: a variation is not found in the text.
    """
    lines: list[str] = []
    found = set()
    for line in text.splitlines():
        if line.strip().startswith(f"{_KEY}:"):
            continue
        lines.append(line)
        start = _ID.match(line)
        if start and start["id"] in shares:
            found.add(start["id"])
            lines.append(f"{start['indent']}  {_KEY}: {round(shares[start['id']], 3)}")
    if missing := sorted(set(shares) - found):
        raise ConfigurationError(
            f"the file has no line '- id: {missing[0]}'; write each id on a line of its own"
        )
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(prog="robomd feasible", description=__doc__.splitlines()[0])
    parser.add_argument("--catalogue", default=default_of(TaskParameters, "catalogue"))
    parser.add_argument(
        "--expert", default="", help="a policy that can do the task; default: the task's own"
    )
    parser.add_argument("--rollouts", type=int, default=12, help="of each variation")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="mark the variations in the file")
    arguments = parser.parse_args(argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        logging.error("interrupted; nothing was written")
        return 130
    except RoboMDError as error:
        logging.error("%s", error)
        return 2


def _run(arguments: argparse.Namespace) -> int:
    path = config_file("variations", arguments.catalogue)
    catalogue = load_catalogue(path)
    expert = arguments.expert or expert_of(catalogue.task)
    options = SimulatorOptions(catalogue.task, expert, catalogue)
    if arguments.rollouts < 1:
        raise ConfigurationError(f"--rollouts must be at least 1; got {arguments.rollouts}")
    shares = measured(options, catalogue, arguments.rollouts, arguments.processes)
    for name, share in sorted(shares.items(), key=lambda item: item[1]):
        logging.info("%5.2f  %s%s", share, name, "" if share >= FEASIBLE else "  cannot be done")
    if arguments.write:
        _write(path, marked(path.read_text(encoding="utf-8"), shares))
        logging.info("marked in %s", path)
    return 0


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
