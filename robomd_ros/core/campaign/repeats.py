# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The same reason again and again: a cell that only costs work is not asked any more."""

import re

_NUMBERS = re.compile(r"\d+(\.\d+)?")
LIMIT = 3
"""Invalid trials of one cell, one after the other and for one reason, after which it rests."""

_RESTS = f"rests: its last {LIMIT} trials were invalid for the same reason: "
_THEN = ". Recover the cell, then resume"


class Repeats:
    """Counts, cell by cell, how often a trial was invalid for the same reason; not thread-safe."""

    def __init__(self) -> None:
        self._reasons: dict[str, tuple[str, int]] = {}
        self.resting: dict[str, str] = {}
        """Cells that rest until somebody resumes, with the reason of their last trials."""

    def valid(self, cell: str) -> None:
        """A trial there counts: what was wrong is mended."""
        self._reasons.pop(cell, None)

    def invalid(self, cell: str, reason: str) -> bool:
        """A trial there was invalid; whether the cell rests from now on.

        Times, ages and other numbers in a reason do not make it another one.
        """
        alike = _NUMBERS.sub("#", reason)
        before, count = self._reasons.get(cell, ("", 0))
        count = count + 1 if alike == before else 1
        self._reasons[cell] = (alike, count)
        if count >= LIMIT:
            self.resting[cell] = reason
        return count >= LIMIT

    def clear(self) -> None:
        """Somebody says that it is mended."""
        self._reasons.clear()
        self.resting.clear()

    def describe(self) -> str:
        """For people: which cells rest, why, and what to do; empty if none does."""
        return "; ".join(f"{cell} {_RESTS}{reason}{_THEN}" for cell, reason in self.resting.items())


def rest_of(described: str, cell: str) -> str:
    """Why a cell rests, of a text that holds what `describe` says; empty if it does not rest."""
    _, begun, rest = f"; {described}".partition(f"; {cell} {_RESTS}")
    reason, ended, _ = rest.partition(_THEN)
    return reason if begun and ended else ""
