# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell that draws outcomes from a table of failure rates, with the true first pictures.

It lets whole campaigns run in seconds, so that a search can be judged over many seeds.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.search import Asked, Search
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Catalogue, Scene
from sim_bridge.engine.simulation import Simulation
from sim_bridge.tasks.task import task

SUCCESS_STEPS = (25, 40)
"""Policy steps of a success, drawn evenly: what the shipped policy takes."""
STARTS = 4
"""Different starts that pictures of one scene are taken of."""
Ids = frozenset[str]


class RateTable:
    """The failure probability of every scene.

    Of a scene that was not measured it is the noisy-OR of the largest measured parts that cover
    it: exactly its single variations, unless a measured combination is among its parts.
    """

    def __init__(self, rates: Mapping[Ids, float]) -> None:
        self._rates = dict(rates)
        self._largest_first = sorted(self._rates, key=lambda ids: (-len(ids), sorted(ids)))

    @classmethod
    def measured(cls, path: Path) -> "RateTable":
        """The rates of a truth file (sim_bridge/learn/truth.py)."""
        scenes = json.loads(path.read_text(encoding="utf-8"))["scenes"]
        return cls({frozenset(s["variations"]): s["failure_rate"] for s in scenes})

    @classmethod
    def planted(cls, catalogue: Catalogue, combination: Sequence[str]) -> "RateTable":
        """Nothing fails but the scenes that hold all of this combination; these always do."""
        rates: dict[Ids, float] = {frozenset((v.id,)): 0.0 for v in catalogue}
        return cls({frozenset(): 0.0, **rates, frozenset(combination): 1.0})

    def singles(self, catalogue: Catalogue) -> NDArray[np.float64]:
        """(n,) failure rates of the catalogue's variations."""
        return np.array([self._rates[frozenset((v.id,))] for v in catalogue])

    @property
    def combinations(self) -> int:
        """How many combinations have a rate of their own."""
        return sum(len(ids) > 1 for ids in self._rates)

    def __getitem__(self, ids: Ids) -> float:
        if ids in self._rates:
            return self._rates[ids]
        left, passes = set(ids), 1.0
        for part in self._largest_first:
            if part and part <= left:
                left -= part
                passes *= 1.0 - self._rates[part]
        if left:
            raise KeyError(f"no failure rate is known of {sorted(left)}; measure it first")
        return 1.0 - passes


class ScenePictures:
    """First pictures of scenes, drawn by the simulation once and kept."""

    def __init__(self, task_name: str) -> None:
        # A graphics context belongs to one thread, every campaign brings its own.
        self._thread = ThreadPoolExecutor(1, "pictures")
        self._simulation = self._thread.submit(Simulation, task(task_name)).result()
        self._kept: dict[tuple[Ids, int], NDArray[np.uint8]] = {}

    def take(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, from one of a few starts."""
        key = (scene.key, seed % STARTS)
        if key not in self._kept:
            self._kept[key] = self._thread.submit(self._draw, scene, key[1]).result()
        return self._kept[key]

    def close(self) -> None:
        """Free the simulation."""
        self._thread.submit(self._simulation.close).result()
        self._thread.shutdown()

    def _draw(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        self._simulation.reset(seed, scene)
        return self._simulation.draw().copy()


class TableCell:
    """Implements Cell; the same scene and seed give the same outcome."""

    def __init__(self, rates: RateTable, pictures: ScenePictures | None) -> None:
        self._rates = rates
        self._pictures = pictures
        self.closed = threading.Event()

    @property
    def name(self) -> str:
        return "table"

    def run(self, scene: Scene, seed: int) -> Trial:
        rng = np.random.default_rng([seed, 7])
        failed = rng.random() < self._rates[scene.key]
        steps = 80 if failed else int(rng.integers(*SUCCESS_STEPS))
        result = Result.FAILURE if failed else Result.SUCCESS
        outcome = Outcome(result, Source.SIMULATOR, steps / 20.0, steps)
        image = self._pictures.take(scene, seed) if self._pictures else None
        return Trial(-1, self.name, scene, seed, outcome, image)

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        if self._pictures is None:
            raise RuntimeError("this table cell has no pictures")
        return self._pictures.take(scene, seed)

    def available(self) -> bool:
        return not self.closed.is_set()

    def cancel(self) -> None:
        """A trial takes no time."""

    def close(self) -> None:
        self.closed.set()


class RecordedSearch:
    """A search that also notes its own order after every valid trial."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self.views: list[NDArray[np.float64] | None] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._search, name)

    def tell(self, lane: int, trial: Trial) -> None:
        self._search.tell(lane, trial)
        self.views.append(self._search.policy_probability())

    def observe(self, trial: Trial) -> None:
        self._search.observe(trial)
        self.views.append(self._search.policy_probability())

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        raise RuntimeError("a recorded search starts anew")
