# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Evidence: the posterior failure probability of every variation, from trials in any scenes.

The model is a noisy-OR over the scene S,

    P(success | S) = (1 - q0) prod_v (1 - r_v) prod_c (1 - r_c),

where v are the variations in S, c the combinations of them that may fail on their own, and q0 the
failure probability of the nominal scene (zero as long as no nominal trial exists). Reported of a
variation is p_v = 1 - (1 - q0)(1 - r_v), the probability that the policy fails in the scene of
exactly v, with the prior Beta(1, 1). A success of an accumulated scene thus speaks for each of
its variations; a failure is shared among those that may have caused it.

Note:
    q0 is inferred from all scenes together with the nominal trials, not from these alone: a
    success of any scene shows that the nominal failure did not happen there, and a variation
    that never fails in thirty trials bounds q0 as well as thirty nominal trials do. The model
    knows no variation that helps the policy; one that was tried alone only is exact all the same.

Note:
    The paper has no such model: it reads failure probabilities off the search agent (Eq. 3), which
    says how often the agent chooses a variation, not how often the policy fails there.
"""

from dataclasses import replace
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
from robomd_ros.core.evidence.noisy_or import Floats, NoisyOr, SamplerSettings, sample
from robomd_ros.core.evidence.posterior import Combination, Posterior
from robomd_ros.core.variations import Catalogue, Scene

__all__ = ["Combination", "Evidence", "Posterior", "SamplerSettings"]

LEVEL = 0.95
"""Probability that a credible interval holds."""
SUPPORT = 0.9
"""Posterior probability from which a combination is reported as a failure mode of its own."""
NOMINAL_PRIOR = (0.5, 4.5)
"""Beta prior of q0: a policy that is worth a diagnosis mostly succeeds in the nominal scene."""
_TAILS = ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0)
_REDRAWS = 2
"""Draws of each conditional that the intervals are taken from."""
_WORTH = 0.05
"""Least information, nats, for which a combination is given one more trial."""
_FEW = 200
"""Variations from which on those that were never tried are drawn in a faster way."""
_MAX_REPEATS = 5
"""A scene is proposed no more once it was tried so often."""


class Evidence:
    """Collects valid trials and gives the posterior. Not thread-safe.

    The posterior depends on the seed and on how often each scene succeeded and failed, and on
    nothing else: neither on the order of the trials nor on how often it was asked for.
    """

    def __init__(
        self, catalogue: Catalogue, seed: int = 0, settings: SamplerSettings | None = None
    ) -> None:
        self._catalogue = catalogue
        self._seed = seed
        self._settings = settings or SamplerSettings()
        self._counts: dict[Members, list[int]] = {}
        self._posterior: Posterior | None = None

    def add(self, scene: Scene, failed: bool) -> None:
        """Count one valid trial.

        Raises:
            CatalogueError: the scene holds a variation that is not in the catalogue.
        """
        self._counts.setdefault(self._key(scene), [0, 0])[int(failed)] += 1
        self._posterior = None

    def remove(self, scene: Scene, failed: bool) -> None:
        """Count a trial no more that was added, as if it had never been.

        Raises:
            ValueError: there is no such trial.
        """
        key = self._key(scene)
        counts = self._counts.get(key, [0, 0])
        if not counts[int(failed)]:
            raise ValueError(f"no trial of {' + '.join(scene.ids)} with failed={failed} was added")
        counts[int(failed)] -= 1
        if not any(counts):
            del self._counts[key]
        self._posterior = None

    def posterior(self) -> Posterior:
        """The posterior given all trials so far; computed at most once per trial."""
        if self._posterior is None:
            table = SceneCounts.of(self._counts, len(self._catalogue))
            rng = np.random.default_rng(self._seed)
            self._posterior = _Inference(self._catalogue, table, rng, self._settings).run()
        return self._posterior

    def _key(self, scene: Scene) -> Members:
        return tuple(sorted(self._catalogue.index(i) for i in scene.ids))


class _Inference:
    """One computation of the posterior.

    A variation is exact, Beta(1 + failures alone, 1 + successes), unless one of its failures has
    more than one possible cause or, with nominal trials, it was tried among others (then q0
    matters). The rest is sampled.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        table: SceneCounts,
        rng: np.random.Generator,
        settings: SamplerSettings,
    ) -> None:
        self.catalogue, self.table, self.rng, self.settings = catalogue, table, rng, settings
        sizes = table.sizes
        self.leak = bool((sizes == 0).any())
        mixed = (sizes > 1) & (self.leak | (table.failures > 0))
        self.sampled = np.flatnonzero(table.members[mixed].any(axis=0))
        self.alpha = 1.0 + (table.failures * (sizes == 1)) @ table.members
        self.beta = 1.0 + table.successes @ table.members

    def run(self) -> Posterior:
        """Exact part, sampled part, combinations."""
        lower, upper = (betaincinv(self.alpha, self.beta, tail) for tail in _TAILS)
        table = self.table
        exact = Posterior(
            mean=self.alpha / (self.alpha + self.beta),
            lower=lower,
            upper=upper,
            trials=np.asarray((table.successes + table.failures) @ table.members),
            failures=np.asarray(table.failures @ table.members),
            samples=self._exact_draws(self.settings.draws),
            combinations=(),
            total=int((table.successes + table.failures).sum()),
            nominal=self._nominal(),
        )
        return self._with_sampled(exact) if len(self.sampled) else exact

    def _exact_draws(self, count: int) -> Floats:
        size = (count, len(self.alpha))
        if len(self.alpha) <= _FEW:
            return self.rng.beta(self.alpha, self.beta, size=size)
        draws = self.rng.random(size)  # Beta(1, 1) of what was not tried, a tenth of the work
        tried = np.flatnonzero(self.alpha + self.beta > 2.0)
        values = self.rng.beta(self.alpha[tried], self.beta[tried], size=(count, len(tried)))
        draws[:, tried] = values
        return draws

    def _nominal(self) -> tuple[float, float, float] | None:
        if not self.leak:
            return None
        row = self.table.scenes.index(())
        a, b = 1.0 + self.table.failures[row], 1.0 + self.table.successes[row]
        lower, upper = (float(betaincinv(a, b, tail)) for tail in _TAILS)
        return float(a / (a + b)), lower, upper

    def _with_sampled(self, exact: Posterior) -> Posterior:
        local = {int(v): i for i, v in enumerate(self.sampled)}
        candidates = find_candidates(self.table, self._model([]), local)
        n, m = len(self.sampled), len(candidates)
        draws = sample(self._model(candidates), self.rng, self.settings)
        clean = np.prod(1.0 - draws.values[:, n + m :], axis=1, keepdims=True)
        samples = self._exact_draws(len(draws.values))
        samples[:, self.sampled] = 1.0 - clean * (1.0 - draws.values[:, :n])
        mean, lower, upper = exact.mean.copy(), exact.lower.copy(), exact.upper.copy()
        # Means of the conditionals have less noise than means of the draws.
        idle = draws.beta / (draws.alpha + draws.beta)
        expected = np.prod(idle[:, n + m :], axis=1, keepdims=True) * idle[:, :n]
        mean[self.sampled] = 1.0 - expected.mean(axis=0)
        # Fresh draws of the same conditionals make the quantiles smoother than the chains alone.
        kept = np.r_[:n, n + m : draws.values.shape[1]]
        alpha, beta = (np.tile(x[:, kept], (_REDRAWS, 1)) for x in (draws.alpha, draws.beta))
        idle = 1.0 - self.rng.beta(alpha, beta)
        spread = 1.0 - np.prod(idle[:, n:], axis=1, keepdims=True) * idle[:, :n]
        lower[self.sampled], upper[self.sampled] = np.quantile(spread, _TAILS, axis=0)
        posterior = replace(exact, mean=mean, lower=lower, upper=upper, samples=samples)
        blame = Blame(candidates, draws.values[:, n : n + m], samples, clean[:, 0])
        return self._with_combinations(posterior, blame) if m else posterior

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

    def _with_combinations(self, posterior: Posterior, blame: Blame) -> Posterior:
        support = [blame.support(i) for i in range(len(blame.candidates))]
        found = [self._combination(blame, i, s) for i, s in enumerate(support) if s >= SUPPORT]
        reported = sorted(
            (c for c in found if c.failures > 1), key=lambda c: (-c.mean, -c.trials, c.members)
        )
        unconfirmed = [c.members for c in reported if c.members not in self.table.scenes]
        valuable = informative_scenes(self.table, blame, _MAX_REPEATS)
        ahead = chain(unconfirmed, (scene for value, scene in valuable if value >= _WORTH))
        return replace(
            posterior,
            combinations=tuple(reported),
            open_scenes=tuple(self._scene(s) for s in dict.fromkeys(ahead)),
        )

    def _combination(self, blame: Blame, index: int, support: float) -> Combination:
        members = blame.candidates[index]
        fails = 1.0 - blame.passes_singly(members) * (1.0 - blame.fails_jointly(members))
        held = self.table.holding(members)
        lower, upper = np.quantile(fails, _TAILS)
        failures = int(self.table.failures[held].sum())
        return Combination(
            members=members,
            scene=self._scene(members),
            mean=float(fails.mean()),
            lower=float(lower),
            upper=float(upper),
            trials=int(self.table.successes[held].sum()) + failures,
            failures=failures,
            support=support,
            samples=fails,
        )

    def _scene(self, members: Members) -> Scene:
        return Scene(tuple(self.catalogue.variations[v] for v in members))
