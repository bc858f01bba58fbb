# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether anything may move in a cell, by what its state says; for whoever moves things in it."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class HeardCell:
    """What was last heard of the cell.

    Attributes:
        person_inside: somebody is asked to reach in.
        token: of the scene in force; empty: none is.
        detail: why nothing may move, for people.
        heard: monotonic s.
    """

    person_inside: bool
    token: str
    detail: str
    heard: float


class CellLock:
    """Locked while a person is asked to reach in, and while nobody can know whether one is."""

    def __init__(self, unheard: str, silence: float, contradiction: float = 0.0) -> None:
        """Nothing has been heard.

        Args:
            unheard: why nothing may move before the state was ever heard; empty: it may.
            silence: s without the state after which nothing may move any more.
            contradiction: s for which "a person is inside" holds against a later "nobody is":
                two may publish it.
        """
        self._unheard = unheard
        self._silence = silence
        self._contradiction = contradiction
        self._inside: HeardCell | None = None
        self._fault = ""
        self.heard: HeardCell | None = None
        """The newest state; None before the first."""

    @property
    def token(self) -> str:
        """Of the scene in force; "" if there is none."""
        return self.heard.token if self.heard is not None else ""

    def hear(self, person_inside: bool, token: str, detail: str) -> None:
        """The state of the cell has come."""
        heard = HeardCell(person_inside, token, detail, time.monotonic())
        if person_inside:
            self._inside = heard
        self.heard = heard

    def doubt(self, fault: str) -> None:
        """Say why the state cannot be believed, whatever it says; empty: it can."""
        self._fault = fault

    def reason(self) -> str:
        """Why nothing may move now, with the remedy; empty if it may."""
        heard, inside = self.heard, self._inside
        if heard is None:
            return self._unheard
        if self._fault:
            return self._fault
        now = time.monotonic()
        silent = now - heard.heard
        if silent > self._silence:
            return (
                f"the cell's state has been silent for {silent:.1f} s, so that nobody knows "
                "whether a person is in the cell; start perturbation_node again"
            )
        if heard.person_inside:
            inside = heard
        elif inside is None or now - inside.heard >= self._contradiction:
            return ""
        why = inside.detail or "a person is asked to reach in"
        return f"the cell is locked: {why}; it is free when that has been answered"
