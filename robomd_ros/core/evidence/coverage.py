# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which changes were seen together in a success, and which never were."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from robomd_ros.core.variations import Catalogue, Variation

LEVELS = 6
"""A slot with more variations than this is covered by so many levels, not by each of them."""

_KEPT = 1024
"""Scenes whose groups are kept: a search asks for those of every scene again and again."""

Key = str
Group = tuple[Key, ...]


class Levels:
    """What is covered: each variation of a small slot, levels of one with many variations.

    A level is a run of neighbours in the catalogue, which lists continuous parameters in order.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        slots: dict[tuple[str, str], list[Variation]] = {}
        for variation in catalogue:
            slots.setdefault(variation.slot, []).append(variation)
        self._keys: dict[str, Key] = {}
        self._slots: dict[Key, tuple[str, str]] = {}
        for slot, variations in slots.items():
            levels = min(LEVELS, len(variations))
            for place, variation in enumerate(variations):
                level = place * levels // len(variations)
                own = levels == len(variations)
                key = variation.id if own else f"{'/'.join(slot)} level {level + 1} of {levels}"
                self._keys[variation.id] = key
                self._slots[key] = slot
        self._found = lru_cache(maxsize=_KEPT)(self._find)

    def keys(self, ids: Iterable[str]) -> list[Key]:
        """What these variations stand for, in a fixed order."""
        return sorted({self._keys[i] for i in ids})

    def groups(self, ids: Iterable[str], size: int) -> set[Group]:
        """Every set of this size that can stand in one scene."""
        return set(self._found(tuple(self.keys(ids)), size))

    def _find(self, keys: Group, size: int) -> frozenset[Group]:
        slots = self._slots
        return frozenset(g for g in combinations(keys, size) if len({slots[k] for k in g}) == size)


@dataclass(frozen=True)
class Coverage:
    """Pairs of coping changes.

    Attributes:
        possible: pairs that can stand in one scene.
        unseen: those of them that were never seen together in a success, sorted.
    """

    possible: int
    unseen: tuple[Group, ...]

    @property
    def seen(self) -> int:
        """Pairs that were seen together in a success."""
        return self.possible - len(self.unseen)

    def describe(self) -> str:
        """For people; "" where there is no pair."""
        if not self.possible:
            return ""
        text = f"{self.seen} of {self.possible} pairs of coping changes were seen together"
        if not self.unseen:
            return f"all {self.possible} pairs of coping changes were seen together in a success"
        named = ", ".join(" + ".join(pair) for pair in self.unseen[:3])
        more = f" and {len(self.unseen) - 3} more" if len(self.unseen) > 3 else ""
        return f"{text} in a success; not yet: {named}{more}"


def coverage(
    catalogue: Catalogue, coping: Iterable[str], succeeded: Iterable[Collection[str]]
) -> Coverage:
    """Which pairs of coping changes were seen together in a success.

    Args:
        catalogue: the variations.
        coping: ids of those that cope alone.
        succeeded: ids of each scene in which the policy succeeded.
    """
    levels = Levels(catalogue)
    possible = levels.groups(coping, 2)
    seen: set[Group] = set()
    for ids in {frozenset(scene) for scene in succeeded}:
        if len(ids) > 1:
            seen |= levels.groups(ids, 2)
    return Coverage(len(possible), tuple(sorted(possible - seen)))
