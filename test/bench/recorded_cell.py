# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell that plays back recorded rollouts, with the true first picture of each.

test/bench/data/pool_*.json holds how rollouts of the shipped policy ended, by variation and seed.
Unlike a draw from a failure rate, every trial here did happen, from a start of its own.
"""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from table_cell import SUCCESS_STEPS, Ids, ScenePictures

from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Catalogue, Scene


@dataclass(frozen=True)
class Rollout:
    """How one recorded rollout ended.

    Attributes:
        ids: the variations in force; empty is nominal.
        seed: of its start.
        failed: whether the policy failed.
    """

    ids: Ids
    seed: int
    failed: bool


class RecordedRollouts:
    """Rollouts by scene, in the order of their seeds."""

    def __init__(self, rollouts: Iterable[Rollout]) -> None:
        self._of: dict[Ids, list[Rollout]] = {}
        for rollout in sorted(rollouts, key=lambda r: r.seed):
            self._of.setdefault(rollout.ids, []).append(rollout)

    @classmethod
    def load(cls, path: Path) -> "RecordedRollouts":
        """The rollouts of a pool or truth file (sim_bridge/learn/truth.py)."""
        scenes = json.loads(path.read_text(encoding="utf-8"))["scenes"]
        return cls(_rollouts(scenes))

    def without(self, variation_ids: Iterable[str]) -> "RecordedRollouts":
        """Those in which none of these variations is in force."""
        gone = frozenset(variation_ids)
        return RecordedRollouts(r for r in self if not r.ids & gone)

    def __getitem__(self, ids: Ids) -> Sequence[Rollout]:
        return self._of.get(frozenset(ids), [])

    def __iter__(self) -> Iterator[Rollout]:
        return (rollout for rollouts in self._of.values() for rollout in rollouts)

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def variations(self) -> list[str]:
        """Ids of the variations that were run alone, sorted."""
        return sorted(next(iter(ids)) for ids in self._of if len(ids) == 1)


def _rollouts(scenes: Iterable[Mapping[str, list]]) -> Iterator[Rollout]:
    for scene in scenes:
        ids = frozenset(scene["variations"])
        for key, failed in (("succeeded_seeds", False), ("failed_seeds", True)):
            yield from (Rollout(ids, seed, failed) for seed in scene[key])


class StartPictures(ScenePictures):
    """First pictures of scenes, each from exactly the start of its seed."""

    def take(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        key = (scene.key, seed)
        if key not in self._kept:
            self._kept[key] = self._thread.submit(self._draw, scene, seed).result()
        return self._kept[key]


class RecordedCell:
    """Implements Cell; every recorded rollout is played once.

    The seed of a request picks one of the scene's rollouts that are left. A scene without one
    gives an INVALID trial.

    Note:
        How long a rollout took is not recorded; successes get a length as in TableCell.
    """

    def __init__(self, rollouts: RecordedRollouts, pictures: ScenePictures) -> None:
        self._rollouts = rollouts
        self._pictures = pictures
        self._played: set[Rollout] = set()
        self.closed = threading.Event()

    @property
    def name(self) -> str:
        return "recorded"

    def run(self, scene: Scene, seed: int) -> Trial:
        rng = np.random.default_rng([seed, 11])
        left = [r for r in self._rollouts[scene.key] if r not in self._played]
        if not left:
            detail = f"no recorded rollout of {sorted(scene.key)} is left; take another scene"
            outcome = Outcome(Result.INVALID, Source.SIMULATOR, detail=detail)
            return Trial(-1, self.name, scene, seed, outcome)
        rollout = left[int(rng.integers(len(left)))]
        self._played.add(rollout)
        steps = 80 if rollout.failed else int(rng.integers(*SUCCESS_STEPS))
        result = Result.FAILURE if rollout.failed else Result.SUCCESS
        outcome = Outcome(result, Source.SIMULATOR, steps / 20.0, steps)
        image = self._pictures.take(scene, rollout.seed)
        return Trial(-1, self.name, scene, seed, outcome, image)

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        return self._pictures.take(scene, seed)

    def available(self) -> bool:
        return not self.closed.is_set()

    def cancel(self) -> None:
        """A trial takes no time."""

    def close(self) -> None:
        self.closed.set()


def single_trials(
    rollouts: RecordedRollouts, catalogue: Catalogue, count: int, seed: int
) -> list[Rollout]:
    """One recorded rollout of each of some random variations, in random order.

    A shorter list of the same seed is the beginning of a longer one.
    """
    rng = np.random.default_rng(seed)
    ids = [v.id for v in catalogue if rollouts[frozenset((v.id,))]]
    if count > len(ids):
        raise ValueError(f"{count} variations wanted; only {len(ids)} have a recorded rollout")
    chosen = [rollouts[frozenset((ids[i],))] for i in rng.permutation(len(ids))]
    return [those[int(rng.integers(len(those)))] for those in chosen][:count]
