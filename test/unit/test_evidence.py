# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The evidence against closed forms, brute force, and simulated truths."""

import time
from collections.abc import Iterable

import numpy as np
import pytest
from scipy.stats import beta

from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.evidence.evidence import Evidence, SamplerSettings
from robomd_ros.core.evidence.noisy_or import NoisyOr, fit, sample
from robomd_ros.core.evidence.rates import Counts
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene, Variation


def make_catalogue(size: int) -> Catalogue:
    return Catalogue("lift", [Variation(f"v{i}", "color", f"part{i}", "x") for i in range(size)])


def fill(evidence: Evidence, catalogue: Catalogue, counts: dict[str, tuple[int, int]]) -> None:
    """Add {"v0 v1": (successes, failures)}."""
    for ids, (successes, failures) in counts.items():
        scene = catalogue.scene(ids.split())
        for failed in [False] * successes + [True] * failures:
            evidence.add(scene, failed)


def posterior_of(size: int, counts: dict[str, tuple[int, int]], **kwargs):
    catalogue = make_catalogue(size)
    evidence = Evidence(catalogue, **kwargs)
    fill(evidence, catalogue, counts)
    return evidence.posterior()


def accumulate(
    evidence: Evidence,
    catalogue: Catalogue,
    truth: np.ndarray,
    trials: int,
    seed: int,
    pair: tuple[int, ...] = (),
    confirm: bool = False,
) -> int:
    """A campaign of Algorithm 1 with uniform choice; returns the number of confirming trials."""
    rng = np.random.default_rng(seed)
    scene, confirmed = NOMINAL, 0

    def run(present: Scene) -> bool:
        inside = [catalogue.index(i) for i in present.ids]
        passes = np.prod(1.0 - truth[inside]) * (not (pair and set(pair) <= set(inside)))
        failed = bool(rng.random() > passes)
        evidence.add(present, failed)
        return failed

    for _ in range(trials):
        waiting = evidence.posterior().open_combinations() if confirm else []
        if waiting:
            run(waiting[0])
            confirmed += 1
            continue
        scene = scene.adding(catalogue.variations[rng.integers(len(catalogue))])
        if run(scene) or len(scene) >= 5:
            scene = NOMINAL
    return confirmed


def test_single_variations_are_exactly_beta():
    counts = {"v0": (3, 0), "v1": (0, 5), "v2": (7, 4)}
    posterior = posterior_of(4, counts)
    expected = [beta(1, 4), beta(6, 1), beta(5, 8), beta(1, 1)]
    np.testing.assert_allclose(posterior.attribution.mean, [d.mean() for d in expected], rtol=1e-12)
    np.testing.assert_allclose(
        posterior.attribution.lower, [d.ppf(0.025) for d in expected], rtol=1e-9
    )
    np.testing.assert_allclose(
        posterior.attribution.upper, [d.ppf(0.975) for d in expected], rtol=1e-9
    )
    assert posterior.held.tolist() == [3, 5, 11, 0]
    assert posterior.held_failures.tolist() == [0, 5, 4, 0]
    assert posterior.total == 19
    assert posterior.combinations == () and posterior.open_combinations() == []


def test_nominal_trials_leave_single_variations_exact():
    posterior = posterior_of(2, {"": (9, 1), "v0": (30, 0), "v1": (0, 4)})
    np.testing.assert_allclose(posterior.attribution.mean, [1 / 32, 5 / 6], rtol=1e-12)
    assert posterior.nominal.lower < 0.1 < posterior.nominal.upper < 0.5
    assert posterior.total == 44


def test_success_of_a_scene_counts_once_for_each_of_its_variations():
    """Three trials {a}, {a b}, {a b c}, all succeeded: a has 3 successes, b 2, c 1."""
    posterior = posterior_of(3, {"v0": (1, 0), "v0 v1": (1, 0), "v0 v1 v2": (1, 0)})
    np.testing.assert_allclose(posterior.attribution.mean, [1 / 5, 1 / 4, 1 / 3], rtol=1e-12)


def test_failure_of_a_scene_is_shared_and_not_counted_for_each():
    """One failure of {a, b} alone: E p = int p (1 - (1-p)(1-q)) / (3/4) = (1/2 - 1/12) 4/3."""
    posterior = posterior_of(2, {"v0 v1": (0, 1)})
    np.testing.assert_allclose(posterior.attribution.mean, 5 / 9, atol=0.03)
    assert posterior.held_failures.tolist() == [1, 1]


def test_failure_goes_to_the_variation_without_successes():
    posterior = posterior_of(3, {"v0": (20, 0), "v1": (20, 0), "v0 v1 v2": (0, 6)})
    assert posterior.attribution.mean[2] > 0.8
    assert posterior.attribution.mean[:2].max() < 0.1
    assert posterior.combinations == () and posterior.open_combinations() == []


def grid_means(counts: dict[str, tuple[int, int]]) -> list[float]:
    """Posterior means of p_v0 and p_v1 by brute force on a grid, without combinations."""
    p = (np.arange(400) + 0.5) / 400
    passes = {"v0": 1 - p[:, None], "v1": 1 - p[None, :], "v0 v1": np.outer(1 - p, 1 - p)}
    logs = sum(s * np.log(passes[k]) + f * np.log1p(-passes[k]) for k, (s, f) in counts.items())
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    return [float(weight.sum(axis=1) @ p), float(weight.sum(axis=0) @ p)]


@pytest.mark.parametrize(
    "counts",
    [
        {"v0": (2, 1), "v1": (4, 0), "v0 v1": (3, 4)},
        {"v0": (0, 0), "v1": (1, 0), "v0 v1": (0, 12)},
        {"v0": (5, 5), "v1": (1, 1), "v0 v1": (1, 9)},
    ],
)
def test_sampler_agrees_with_brute_force(counts):
    rows = np.zeros((counts["v0 v1"][1], 2), dtype=np.int64)
    rows[:, 1] = 1
    both = counts["v0 v1"][0]
    alone = [counts["v0"], counts["v1"]]
    data = NoisyOr(
        prior=np.ones((2, 2)),
        successes=np.array([s + both for s, _ in alone]),
        failures=np.array([f for _, f in alone]),
        rows=rows,
    )
    draws = sample(data, np.random.default_rng(0), SamplerSettings(draws=8000, sweeps=200))
    np.testing.assert_allclose(draws.values.mean(axis=0), grid_means(counts), atol=0.02)
    assert fit(data)[0] == pytest.approx(grid_means(counts), abs=0.12)


def test_intervals_hold_the_truth_as_often_as_they_say():
    inside = []
    for seed in range(25):
        truth = np.random.default_rng(seed).random(12)
        catalogue = make_catalogue(12)
        evidence = Evidence(catalogue)
        accumulate(evidence, catalogue, truth, 100, seed)
        posterior = evidence.posterior()
        inside.append(
            (posterior.attribution.lower <= truth) & (truth <= posterior.attribution.upper)
        )
    assert 0.90 <= np.mean(inside) <= 0.99


def test_planted_variation_has_the_highest_mean():
    catalogue = make_catalogue(21)
    evidence = Evidence(catalogue)
    truth = np.where(np.arange(21) == 13, 1.0, 0.0)
    accumulate(evidence, catalogue, truth, 105, 3)
    posterior = evidence.posterior()
    assert posterior.attribution.mean.argmax() == 13
    assert posterior.attribution.lower[13] > np.delete(posterior.attribution.upper, 13).min()
    assert posterior.combinations == () and posterior.open_combinations() == []


def test_planted_pair_becomes_a_failure_mode_of_its_own():
    posterior = posterior_of(
        5, {"v0": (8, 0), "v1": (8, 0), "v0 v2": (4, 0), "v1 v3 v4": (4, 0), "v0 v1": (0, 5)}
    )
    (found,) = posterior.combinations
    assert found.scene.key == {"v0", "v1"}
    assert found.suspected > 0.75 > 0.2 > posterior.attribution.mean.max() - 0.2
    assert found.suspected > posterior.attribution.mean.max() + 0.4
    assert (found.trials, found.failures) == (5, 5)
    assert found.rate.counts == Counts(5, 5) and found.rate.lower < found.rate.mean
    assert posterior.open_combinations() == []


def test_no_pair_where_one_part_explains_the_failures():
    posterior = posterior_of(3, {"v0": (0, 5), "v1": (10, 0), "v0 v1": (0, 5), "v1 v2": (5, 0)})
    assert posterior.combinations == () and posterior.open_combinations() == []
    assert posterior.attribution.mean[0] > 0.9 > 0.1 > posterior.attribution.mean[1]


def test_triple_needs_pairs_that_succeeded():
    counts = {"v0": (9, 0), "v1": (9, 0), "v2": (9, 0), "v0 v1 v2": (0, 6)}
    assert all(len(c.members) == 2 for c in posterior_of(3, counts).attribution.suspects)
    pairs = {"v0 v1": (5, 0), "v1 v2": (5, 0), "v0 v2": (5, 0)}
    (found,) = posterior_of(3, {**counts, **pairs}).combinations
    assert found.members == (0, 1, 2) and found.suspected > 0.7


def test_unexplained_failure_is_isolated_by_trials_of_its_parts():
    """{v0 .. v4} fails because of {v1, v3}; the proposed trials find that out."""
    catalogue = make_catalogue(5)
    evidence = Evidence(catalogue)
    fill(evidence, catalogue, {f"v{i}": (12, 0) for i in range(5)})
    fill(evidence, catalogue, {"v0 v1 v2 v3 v4": (0, 1)})
    assert evidence.posterior().combinations == ()
    trials = 0
    while (waiting := evidence.posterior().open_combinations()) and trials < 20:
        evidence.add(waiting[0], {"v1", "v3"} <= waiting[0].key)
        trials += 1
    assert [c.members for c in evidence.posterior().combinations] == [(1, 3)]
    assert trials < 20


@pytest.mark.long
def test_campaign_finds_a_planted_pair():
    catalogue = make_catalogue(10)
    found = 0
    for seed in range(5):
        evidence = Evidence(catalogue)
        accumulate(evidence, catalogue, np.zeros(10), 105, seed, pair=(2, 6), confirm=True)
        posterior = evidence.posterior()
        first = max(posterior.combinations, key=lambda c: c.rate.mean, default=None)
        found += bool(first and first.members == (2, 6) and first.rate.mean > 0.5)
    assert found >= 4


def test_independent_variations_hardly_ever_yield_a_combination():
    false = 0
    for seed in range(30):
        truth = np.random.default_rng(seed).random(15) * (0.3 if seed % 2 else 0.9)
        catalogue = make_catalogue(15)
        evidence = Evidence(catalogue)
        accumulate(evidence, catalogue, truth, 150, seed)
        false += bool(evidence.posterior().combinations)
    assert false <= 1


def test_deterministic_failures_of_single_variations_open_nothing():
    truth = np.where(np.arange(12) < 4, 1.0, 0.0)
    catalogue = make_catalogue(12)
    for seed in range(5):
        evidence = Evidence(catalogue)
        accumulate(evidence, catalogue, truth, 105, seed)
        for i in range(12):
            fill(evidence, catalogue, {f"v{i}": (0, 2) if i < 4 else (2, 0)})
        assert evidence.posterior().open_combinations() == []


def test_nominal_failures_are_not_blamed_on_variations():
    """The policy fails in 30 % of all scenes, whatever is in them."""
    scenes = {"v0": (14, 6), "v0 v1": (14, 6), "v0 v1 v2": (14, 6)}
    without = posterior_of(3, scenes)
    posterior = posterior_of(3, {"": (28, 12), **scenes})
    assert posterior.combinations == ()
    assert 0.2 < posterior.attribution.mean[0] < 0.4
    assert without.attribution.mean[2] < 0.2 < posterior.attribution.mean[2]


def shuffled(items: Iterable, seed: int) -> list:
    items = list(items)
    return [items[i] for i in np.random.default_rng(seed).permutation(len(items))]


def test_posterior_depends_on_the_trials_alone():
    """Neither on their order, nor on the order within a scene, nor on when it was asked for."""
    catalogue = make_catalogue(6)
    trials = [(("v0", "v1"), True), (("v2",), False), (("v1", "v2", "v3"), True)] * 4
    first, second = Evidence(catalogue, seed=7), Evidence(catalogue, seed=7)
    for ids, failed in trials:
        first.add(catalogue.scene(ids), failed)
    for ids, failed in shuffled(trials, 1):
        second.add(catalogue.scene(reversed(ids)), failed)
        second.posterior()
    a, b = first.posterior(), second.posterior()
    for name in ("mean", "lower", "upper"):
        of_a, of_b = (getattr(p.attribution, name) for p in (a, b))
        np.testing.assert_array_equal(of_a, of_b)
    assert a.rates == b.rates
    assert a.open_combinations() == b.open_combinations()


def test_posterior_is_computed_once_per_trial():
    catalogue = make_catalogue(2)
    evidence = Evidence(catalogue)
    before = evidence.posterior()
    assert evidence.posterior() is before
    evidence.add(catalogue.scene(["v0"]), True)
    assert evidence.posterior() is not before
    assert before.attribution.mean.tolist() == [0.5, 0.5]


def test_attribution_never_decides():
    """Twenty failures of {v0, v1} are put down to v0, but only its own trials give it a verdict."""
    counts = {"v0 v1": (0, 20), "v1": (20, 0), "v2": (20, 0), "": (20, 0)}
    posterior = posterior_of(3, counts)
    assert posterior.attribution.mean[0] > 0.8
    assert posterior.verdicts(0.95)[0] is Verdict.NOT_KNOWN
    mean, lower, upper = posterior.figures[:, 0]
    assert mean == posterior.attribution.mean[0]
    assert lower <= posterior.rates[0].lower and upper >= posterior.attribution.upper[0]
    assert posterior_of(3, {**counts, "v0": (0, 6)}).verdicts(0.95)[0] is Verdict.FAILS


def test_a_rescued_variation_fails_by_its_own_trials():
    """Beside v1 the policy copes with v0, in twenty scenes; alone v0 makes it fail."""
    counts = {"": (20, 0), "v0": (0, 6), "v1": (6, 0), "v0 v1": (20, 0), "v2": (6, 0)}
    posterior = posterior_of(3, counts)
    assert posterior.attribution.mean[0] < 0.5 < posterior.figures[0, 0]
    assert posterior.verdicts(0.95)[0] is Verdict.FAILS


def test_a_scene_that_fails_although_its_parts_cope_is_a_combination():
    counts = {"": (9, 0), **{f"v{i}": (6, 0) for i in range(5)}, "v0 v1 v2": (0, 4)}
    (found,) = (c for c in posterior_of(5, counts).combinations if c.rate.counts.trials)
    assert found.members == (0, 1, 2) and found.rate.probability_failing > 0.9
    untried = {k: v for k, v in counts.items() if k != "v2"}
    assert not any(c.rate.counts.trials for c in posterior_of(5, untried).combinations)


def test_fewer_wrong_verdicts_are_expected_of_more_trials():
    few = {"": (5, 0), "v0": (0, 2), "v1": (2, 0), "v2": (2, 0)}
    many = {"": (9, 0), "v0": (0, 9), "v1": (9, 0), "v2": (9, 0)}
    assert posterior_of(3, many).expected_wrong(0.95) < 0.05
    assert posterior_of(3, few).expected_wrong(0.95) > posterior_of(3, many).expected_wrong(0.95)


def test_unknown_variation_is_refused():
    with pytest.raises(CatalogueError, match="unknown variation 'v9'"):
        Evidence(make_catalogue(2)).add(make_catalogue(10).scene(["v9"]), True)


def test_posterior_is_fast_enough_to_follow_every_trial():
    """Bounds are ten times what an ordinary core needs."""
    catalogue = make_catalogue(21)
    truth = np.random.default_rng(0).random(21) * 0.5
    for trials, bound in ((256, 0.2), (10_000, 2.0)):
        evidence = Evidence(catalogue)
        accumulate(evidence, catalogue, truth, trials, 0)
        start = time.process_time()
        evidence.posterior()
        assert time.process_time() - start < bound


def test_a_large_catalogue_has_the_same_posterior():
    """A thousand variations, two of them tried: exact, as in a small catalogue."""
    large = posterior_of(1000, {"v0": (3, 1), "v700": (0, 2)})
    small = posterior_of(3, {"v0": (3, 1), "v2": (0, 2)})
    for name in ("mean", "lower", "upper"):
        expected = getattr(small.attribution, name)[[0, 1, 2]]
        np.testing.assert_allclose(getattr(large.attribution, name)[[0, 1, 700]], expected)
    assert large.rates[0] is not large.rates[700] and large.rates[1] is large.rates[2]
