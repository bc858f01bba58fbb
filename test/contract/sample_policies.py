# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that behave and misbehave, loaded in tests as python:sample_policies:<name>."""

import ctypes
import os
import time

import numpy as np


class Still:
    def reset(self, seed, instruction):
        pass

    def act(self, observation):
        return np.zeros(7)


class Slow(Still):
    def act(self, observation):
        time.sleep(0.05)
        return np.zeros(7)


class AfterCheck(Still):
    """Behaves in its first episode, the check before a campaign, and then does its worst."""

    def __init__(self):
        self.episodes = 0

    def reset(self, seed, instruction):
        self.episodes += 1
        self.seed = seed

    def act(self, observation):
        return np.zeros(7) if self.episodes == 1 else self.misbehave()


class Broken(AfterCheck):
    def misbehave(self):
        raise RuntimeError("joint table lost")


class Exiting(AfterCheck):
    def misbehave(self):
        raise SystemExit(3)


class NotANumber(AfterCheck):
    def misbehave(self):
        return np.full(7, np.nan)


class Segfault(AfterCheck):
    """Seed 13 dereferences a null pointer."""

    def misbehave(self):
        if self.seed == 13:
            ctypes.string_at(0)
        return np.zeros(7)


class Leaving(AfterCheck):
    """Seed 13 ends the process without a word."""

    def misbehave(self):
        if self.seed == 13:
            os._exit(7)
        return np.zeros(7)


class Hanging(AfterCheck):
    """Seed 13 never answers and holds the interpreter's lock while it does not."""

    def misbehave(self):
        if self.seed == 13:
            ctypes.PyDLL(None).sleep(3600)
        return np.zeros(7)


class Moody(AfterCheck):
    """What it does depends on the seed: 13 hangs, 14 crashes, 15 leaves, 16 is slow."""

    KINDS = {13: Hanging, 14: Segfault, 15: Leaving}  # noqa: RUF012

    def misbehave(self):
        if self.seed == 16:
            time.sleep(0.05)
        elif self.seed in self.KINDS:
            kind = self.KINDS[self.seed]()
            kind.seed = 13
            kind.misbehave()
        return np.zeros(7)


class NoAct:
    def reset(self, seed, instruction):
        pass


class WrongSize(Still):
    def act(self, observation):
        return np.zeros(6)


class Seeing(Still):
    """Asks for the privileged state."""

    wants_state = True

    def act(self, observation):
        return np.concatenate([observation["state"]["cube_pos"], np.zeros(4)])


class NeedsArguments:
    def __init__(self, weights):
        self.weights = weights


def up(observation):
    return [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0]


def make_still():
    return Still()


def slow_to_load():
    time.sleep(4.0)
    return Still()


def failing_factory():
    raise OSError("no camera calibration")


NOT_CALLABLE = 5
READY_MADE = Still()
