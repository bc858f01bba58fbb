# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The training loss against numbers worked out by hand (Section III-B, Eq. 1)."""

import math

import pytest
import torch

from robomd_ros.core.embedding.losses import contrastive_loss, outcome_loss

# Distances: 5 between the first two, 1 from the first to the third, sqrt(18) for the last pair.
POINTS = torch.tensor([[[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]])
FAILED = torch.tensor([1.0, 1.0, 0.0])


def test_cross_entropy_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0), math.log(3.0)]])  # probabilities 1/2, 3/4, 3/4
    loss = outcome_loss(logits, torch.tensor([1.0, 1.0, 0.0]))
    assert loss.tolist() == pytest.approx([(math.log(2) + math.log(4 / 3) + math.log(4)) / 3])


def test_cross_entropy_of_a_weighted_and_a_soft_label():
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, math.log(3.0)]])
    weights = torch.tensor([[1.0, 3.0], [1.0, 0.0]])
    loss = outcome_loss(logits, torch.tensor([1.0, 0.0]), weights)
    assert loss.tolist() == pytest.approx([(math.log(2) + 3 * math.log(4)) / 4, math.log(2)])
    soft = outcome_loss(logits[:1, 1:], torch.tensor([0.25]))
    assert soft.item() == pytest.approx(0.25 * math.log(4 / 3) + 0.75 * math.log(4))


@pytest.mark.parametrize(
    ("margin", "expected"),
    [
        (6.0, (5.0 + (6.0 - 1.0) + (6.0 - math.sqrt(18.0))) / 3.0),  # both labels, all terms
        (2.0, (5.0 + (2.0 - 1.0) + 0.0) / 3.0),  # the last pair is beyond the margin
        (0.5, 5.0 / 3.0),  # different labels cost nothing
    ],
)
def test_equation_1_by_hand(margin, expected):
    assert contrastive_loss(POINTS, FAILED, margin).tolist() == pytest.approx([expected])
    summed = sum(  # the paper's sum over i, j, in which the pairs i = j are 0
        float(torch.dist(a, b)) if s == t else max(0.0, margin - float(torch.dist(a, b)))
        for a, s in zip(POINTS[0], FAILED, strict=True)
        for b, t in zip(POINTS[0], FAILED, strict=True)
    )
    assert 6 * expected == pytest.approx(summed)


def test_all_of_one_outcome_are_only_drawn_together():
    loss = contrastive_loss(POINTS, torch.zeros(3), margin=100.0)
    assert loss.tolist() == pytest.approx([(5.0 + 1.0 + math.sqrt(18.0)) / 3.0])


def test_a_trial_of_weight_0_counts_in_no_pair():
    weights = torch.tensor([[1.0, 1.0, 0.0]])
    assert contrastive_loss(POINTS, FAILED, 6.0, weights).tolist() == pytest.approx([5.0])
    points = POINTS.clone().requires_grad_()
    contrastive_loss(points, FAILED, 6.0, weights).sum().backward()
    assert points.grad[0, 2].tolist() == [0.0, 0.0]
    # The first of the two equal labels is drawn towards the second, with slope 1.
    assert points.grad[0, 0].tolist() == pytest.approx([-0.6, -0.8])


def test_different_labels_are_pushed_apart_and_equal_points_have_a_gradient():
    points = torch.tensor([[[0.0, 0.0], [1.0, 0.0]]], requires_grad=True)
    contrastive_loss(points, torch.tensor([0.0, 1.0]), 2.0).sum().backward()
    assert points.grad[0].tolist() == [[1.0, 0.0], [-1.0, 0.0]]
    equal = torch.zeros(1, 2, 2, requires_grad=True)
    contrastive_loss(equal, torch.tensor([0.0, 1.0]), 2.0).sum().backward()
    assert torch.isfinite(equal.grad).all()


def test_towers_do_not_touch_each_other():
    both = torch.cat([POINTS, 2.0 * POINTS])
    alone = [contrastive_loss(p[None], FAILED, 6.0).item() for p in both]
    assert contrastive_loss(both, FAILED, 6.0).tolist() == pytest.approx(alone)


def test_one_trial_makes_no_pair():
    assert contrastive_loss(POINTS[:, :1], FAILED[:1], 1.0).tolist() == [0.0]
