# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Attribution: which variation, or which combination, is to blame for what scenes of several did.

The model is a noisy-OR over the scene S,

    P(success | S) = (1 - q0) prod_v (1 - r_v) prod_c (1 - r_c),

where v are the variations in S, c the combinations of them that may fail on their own, and q0 the
failure probability of the nominal scene (zero as long as no nominal trial exists). Of a variation
it gives p_v = 1 - (1 - q0)(1 - r_v), the probability that the policy fails in the scene of exactly
v, with the prior Beta(1, 1). A success of an accumulated scene thus speaks for each of its
variations; a failure is shared among those that may have caused it.

It says what to suspect, and nothing more: a change that rescues the policy from another one is
unknown to it. What a variation is called follows from its own trials (population.py).

Note:
    q0 is inferred from all scenes together with the nominal trials: a success of any scene shows
    that the nominal failure did not happen there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import nsmallest
from itertools import chain

import numpy as np
from scipy.special import betaincinv

from robomd_ros.core.evidence.interactions import (
    Blame,
    Members,
    SceneCounts,
    find_candidates,
    informative_scenes,
    prior_of,
)
from robomd_ros.core.evidence.noisy_or import Floats, Ints, NoisyOr, SamplerSettings, sample

LEVEL = 0.95
"""Probability that a credible interval holds."""
SUPPORT = 0.9
"""Posterior probability from which a combination is suspected of failing on its own."""
NOMINAL_PRIOR = (0.5, 4.5)
"""Beta prior of q0 beside its own trials, which are always there."""
MOST_SCENES = 100
"""Distinct scenes of several variations that are looked at, the smallest first: those say most,
and hundreds of them say as much about what to suspect as tens of thousands."""
MOST_TRIALS = 12
"""Of one scene of several variations; beyond, its share of failures counts as that of so many."""
_TAILS = ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0)
_REDRAWS = 2
"""Draws of each conditional that the intervals are taken from."""
_WORTH = 0.05
"""Least information, nats, for which a combination is given one more trial."""
_MAX_REPEATS = 5
"""A scene is proposed no more once it was tried so often."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """A combination that may fail although its parts do not.

    Attributes:
        members: catalogue indices, ascending.
        mean: posterior mean of the probability that the policy fails in the scene of exactly it.
        trials: valid trials whose scene held it.
        failures: those of them that failed.
        support: posterior probability that its own failure probability exceeds that of every
            part of it.
    """

    members: Members
    mean: float
    trials: int
    failures: int
    support: float


@dataclass(frozen=True, eq=False)
class Attribution:
    """What scenes of several variations let suspect, of n variations.

    Attributes:
        alpha: (n,) of the Beta posterior of what no failing scene of several holds.
        beta: (n,) its other parameter.
        looked_at: (m,) catalogue indices of all others, whose figures are sampled.
        sampled: (3, m) their mean, 2.5 % and 97.5 % quantile.
        suspects: combinations, most likely to fail first.
        open_scenes: scenes worth a trial because a combination's blame is uncertain, the most
            valuable first.
    """

    alpha: Floats
    beta: Floats
    looked_at: Ints
    sampled: Floats
    suspects: tuple[Suspect, ...] = ()
    open_scenes: tuple[Members, ...] = ()

    @cached_property
    def mean(self) -> Floats:
        """(n,) posterior mean of p_v; 0.5 where there is no trial."""
        return self._with_sampled(self.alpha / (self.alpha + self.beta), 0)

    @cached_property
    def lower(self) -> Floats:
        """(n,) 2.5 % quantile."""
        return self._with_sampled(betaincinv(self.alpha, self.beta, _TAILS[0]), 1)

    @cached_property
    def upper(self) -> Floats:
        """(n,) 97.5 % quantile."""
        return self._with_sampled(betaincinv(self.alpha, self.beta, _TAILS[1]), 2)

    def _with_sampled(self, values: Floats, row: int) -> Floats:
        values[self.looked_at] = self.sampled[row]
        return values


def attribute(
    mixed: Mapping[Members, tuple[int, int]],
    own: Ints,
    passed: Ints,
    nominal: tuple[int, int],
    seed: int,
    settings: SamplerSettings,
) -> Attribution:
    """Attribute the outcomes of all scenes.

    Args:
        mixed: (successes, failures) of every distinct scene of several variations.
        own: (2, n) successes and failures of each variation alone.
        passed: (n,) successes of all scenes that hold it.
        nominal: successes and failures of the unchanged scene.
        seed: of the sampler.
        settings: its effort.
    """
    exact = Attribution(1.0 + own[1], 1.0 + passed, np.empty(0, dtype=np.int64), np.empty((3, 0)))
    looked_at = nsmallest(MOST_SCENES, mixed, key=lambda scene: (len(scene), scene))
    if not looked_at:
        return exact
    # Only what these scenes hold takes part, under numbers of its own: a catalogue may be large.
    chosen = sorted({v for scene in looked_at for v in scene})
    number = {v: i for i, v in enumerate(chosen)}
    local = {tuple(number[v] for v in scene): _at_most(mixed[scene]) for scene in looked_at}
    local |= {(number[v],): own[:, v].tolist() for v in chosen if own[:, v].any()}
    if any(nominal):
        local[()] = list(nominal)
    table = SceneCounts.of(local, len(chosen))
    return _Inference(table, np.random.default_rng(seed), settings, chosen).run(exact)


def _at_most(counts: tuple[int, int]) -> list[int]:
    """Counts of at most MOST_TRIALS, with the same share of failures, and none of either lost."""
    total = sum(counts)
    if total <= MOST_TRIALS:
        return list(counts)
    return [max(round(x * MOST_TRIALS / total), int(x > 0)) for x in counts]


class _Inference:
    """The sampled part of one attribution.

    A variation is exact, Beta(1 + failures alone, 1 + successes), unless one of its failures has
    more than one possible cause or, with nominal trials, it was tried among others (then q0
    matters). The rest is sampled.
    """

    def __init__(
        self,
        table: SceneCounts,
        rng: np.random.Generator,
        settings: SamplerSettings,
        chosen: list[int],
    ) -> None:
        self.table, self.rng, self.settings = table, rng, settings
        self.chosen = chosen
        sizes = table.sizes
        self.leak = bool((sizes == 0).any())
        mixed = (sizes > 1) & (self.leak | (table.failures > 0))
        self.sampled = np.flatnonzero(table.members[mixed].any(axis=0))
        self.alpha = 1.0 + (table.failures * (sizes == 1)) @ table.members
        self.beta = 1.0 + table.successes @ table.members

    def run(self, exact: Attribution) -> Attribution:
        """The attribution with its sampled part, and combinations."""
        if not len(self.sampled):
            return exact
        local = {int(v): i for i, v in enumerate(self.sampled)}
        candidates = find_candidates(self.table, self._model([]), local)
        n, m = len(self.sampled), len(candidates)
        draws = sample(self._model(candidates), self.rng, self.settings)
        clean = np.prod(1.0 - draws.values[:, n + m :], axis=1, keepdims=True)
        # Means of the conditionals have less noise than means of the draws.
        idle = draws.beta / (draws.alpha + draws.beta)
        expected = np.prod(idle[:, n + m :], axis=1, keepdims=True) * idle[:, :n]
        # Fresh draws of the same conditionals make the quantiles smoother than the chains alone.
        kept = np.r_[:n, n + m : draws.values.shape[1]]
        alpha, beta = (np.tile(x[:, kept], (_REDRAWS, 1)) for x in (draws.alpha, draws.beta))
        idle = 1.0 - self.rng.beta(alpha, beta)
        spread = 1.0 - np.prod(idle[:, n:], axis=1, keepdims=True) * idle[:, :n]
        figures = np.stack([1.0 - expected.mean(axis=0), *np.quantile(spread, _TAILS, axis=0)])
        found = replace(exact, looked_at=np.array(self.chosen)[self.sampled], sampled=figures)
        if not m:
            return found
        singles = self.rng.beta(self.alpha, self.beta, size=(len(draws.values), len(self.alpha)))
        singles[:, self.sampled] = 1.0 - clean * (1.0 - draws.values[:, :n])
        blame = Blame(candidates, draws.values[:, n : n + m], singles, clean[:, 0])
        return self._with_combinations(found, blame)

    def _model(self, candidates: list[Members]) -> NoisyOr:
        """Causes: sampled variations, then candidates, then q0 if there are nominal trials."""
        table, n = self.table, len(self.sampled)
        used = table.members[:, self.sampled].any(axis=1) | (table.sizes == 0)
        held = [table.members[:, v] for v in self.sampled]
        held += [table.holding(c) for c in candidates]
        prior = [(1.0, 1.0)] * n + [prior_of(c) for c in candidates]
        if self.leak:
            held.append(used)
            prior.append(NOMINAL_PRIOR)
        present = np.stack(held, axis=1)
        causes = present.sum(axis=1)
        failing = (table.failures > 0) & used
        shared = np.flatnonzero(failing & (causes > 1))
        rows = np.full((len(shared), int(causes[shared].max(initial=1))), len(prior))
        where, cause = np.nonzero(present[shared])
        starts = np.cumsum(causes[shared]) - causes[shared]
        rows[where, np.arange(len(where)) - starts[where]] = cause
        return NoisyOr(
            prior=np.array(prior),
            successes=np.asarray(table.successes @ present),
            failures=np.asarray((table.failures * (failing & (causes == 1))) @ present),
            rows=np.repeat(rows, table.failures[shared], axis=0),
        )

    def _with_combinations(self, found: Attribution, blame: Blame) -> Attribution:
        support = [blame.support(i) for i in range(len(blame.candidates))]
        strong = [self._suspect(blame, i, s) for i, s in enumerate(support) if s >= SUPPORT]
        reported = sorted(
            (c for c in strong if c.failures > 1), key=lambda c: (-c.mean, -c.trials, c.members)
        )
        unconfirmed = [c.members for c in reported if c.members not in self.table.scenes]
        valuable = informative_scenes(self.table, blame, _MAX_REPEATS)
        ahead = chain(unconfirmed, (scene for value, scene in valuable if value >= _WORTH))
        return replace(
            found,
            suspects=tuple(replace(c, members=self._global(c.members)) for c in reported),
            open_scenes=tuple(self._global(s) for s in dict.fromkeys(ahead)),
        )

    def _suspect(self, blame: Blame, index: int, support: float) -> Suspect:
        members = blame.candidates[index]
        fails = 1.0 - blame.passes_singly(members) * (1.0 - blame.fails_jointly(members))
        held = self.table.holding(members)
        failures = int(self.table.failures[held].sum())
        trials = int(self.table.successes[held].sum()) + failures
        return Suspect(members, float(fails.mean()), trials, failures, support)

    def _global(self, members: Members) -> Members:
        return tuple(self.chosen[v] for v in members)
