# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a diagnosis over the real nodes says of policies whose weakness is known.

Runs `robomd sim` on planted_policies.py, a campaign a policy and seed, and prints the first
paragraph of each report and the first rows of its ranking. `python test/bench/bench_planted.py
[--policies Always,Triple] [--seeds 0,1] [--domain 61] [--out FOLDER]`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from robomd_ros.core.evidence.verdict import Verdict

HERE = Path(__file__).resolve().parent
PLANS = {
    "Never": ("decide", 105),
    "Always": ("decide", 105),
    "Chance": ("decide", 105),
    "Colour": ("decide", 105),
    "Half": ("decide", 105),
    "Dim": ("decide", 105),
    "Pair": ("covering", 140),
    "Triple": ("covering", 210),
    "Rescue": ("covering", 105),
}
"""By policy: the search, and the budget."""
ROWS = 3


def campaign(policy: str, seed: int, domain: int, folder: Path, limit: float) -> str:
    """The report's first paragraph and the first rows of one campaign; what it said if it ended.

    Args:
        policy: a class of planted_policies.py.
        seed: of the campaign.
        domain: ROS domain.
        folder: of the campaign.
        limit: s after which it is ended.
    """
    search, budget = PLANS[policy]
    command = [sys.executable, "-m", "robomd_ros.cli.main", "sim"]
    command += [f"policy:=python:planted_policies:{policy}", f"search:={search}"]
    command += [f"budget:={budget}", f"seed:={seed}", f"out:={folder}", "report:=false"]
    begun = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=HERE,
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        said = f"exit {done.returncode}" + (f": {done.stderr[-800:]}" if done.returncode else "")
    except subprocess.TimeoutExpired:
        said = f"ended after {limit:g} s"
    ranking = folder / "ranking.json"
    head = f"== {policy}, seed {seed}, {search}: {said}, {time.monotonic() - begun:.0f} s"
    return (
        "\n".join([head, *_lines(json.loads(ranking.read_text()), budget)])
        if (ranking.exists())
        else head
    )


def _lines(ranking: dict[str, Any], budget: int) -> list[str]:
    nominal = f"{ranking['nominal_failures']}/{ranking['nominal_trials']}"
    found = [f"   {ranking['trials']} trials of {budget}, unchanged {nominal}"]
    found += [f"   {sentence}" for sentence in ranking["findings"]]
    for mode in ranking["failure_modes"][:ROWS]:
        ids = " + ".join(v["id"] for v in mode["variations"])
        verdict = Verdict(mode["verdict"]).name
        own = f"own {mode['own_failures']}/{mode['own_trials']}"
        rate = f"{mode['failure_probability']:.2f} ({mode['lower']:.2f} to {mode['upper']:.2f})"
        found.append(f"   #{mode['rank']} {ids} {verdict} {own} {rate}")
    return found


def main() -> int:
    known = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    known.add_argument("--policies", default="Always,Colour,Dim,Pair")
    known.add_argument("--seeds", default="0")
    known.add_argument("--domain", type=int, default=61)
    known.add_argument("--limit", type=float, default=600.0, help="s a campaign")
    known.add_argument("--out", type=Path, help="keep the campaigns' folders here")
    options = known.parse_args()
    with tempfile.TemporaryDirectory() as place:
        kept = (options.out or Path(place)).absolute()
        for policy in options.policies.split(","):
            for seed in map(int, options.seeds.split(",")):
                folder = kept / f"{policy}_{seed}"
                told = campaign(policy, seed, options.domain, folder, options.limit)
                print(told, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
