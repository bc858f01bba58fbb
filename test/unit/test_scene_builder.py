# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the scenes of Algorithm 1 grow, and what a search agent sees of them."""

import cv2
import numpy as np
import pytest
from fakes import make_catalogue

from robomd_ros.core.search.agent_picture import agent_picture
from robomd_ros.core.search.scene_builder import EpisodeEnd, SceneBuilder
from robomd_ros.core.variations import Variation

CATALOGUE = make_catalogue(5)


def tried(builder, *ids, fails_in=()):
    """The ids of the scenes of these actions, and how the episode went on after each."""
    found = []
    for variation_id in ids:
        scene = builder.proposed(CATALOGUE[variation_id])
        failed = bool(fails_in) and set(fails_in) <= set(scene.ids)
        found.append((scene.ids, builder.record(scene, failed)))
    return found


def test_variations_accumulate_on_success_and_are_discarded_on_failure():
    builder = SceneBuilder(accumulate=True, max_scene_size=9)
    found = tried(builder, "v0", "v1", "v2", "v3", fails_in=("v0", "v2"))
    scenes = [ids for ids, _ in found]
    assert scenes == [("v0",), ("v0", "v1"), ("v0", "v1", "v2"), ("v3",)]
    ends = [end for _, end in found]
    assert [end is EpisodeEnd.TERMINATED for end in ends] == [False, False, True, False]


def test_the_largest_scene_truncates():
    builder = SceneBuilder(accumulate=True, max_scene_size=2)
    (_, first), (_, second), (third, _) = tried(builder, "v0", "v1", "v2")
    assert first not in (EpisodeEnd.TERMINATED, EpisodeEnd.TRUNCATED)
    assert second is EpisodeEnd.TRUNCATED and third == ("v2",)


def test_a_later_variation_replaces_one_of_its_slot():
    red, blue = (Variation(c, "color", "cube", f"A {c} cube.", {"c": c}) for c in ("red", "blue"))
    builder = SceneBuilder(accumulate=True, max_scene_size=3)
    builder.record(builder.proposed(red), failed=False)
    assert builder.proposed(blue).ids == ("blue",)


def test_after_a_reset_the_scene_is_nominal_again():
    builder = SceneBuilder(accumulate=True, max_scene_size=3)
    tried(builder, "v0")
    builder.reset()
    assert builder.proposed(CATALOGUE["v1"]).ids == ("v1",)


def test_a_camera_of_another_size_is_resized_by_area():
    picture = np.random.default_rng(0).integers(0, 255, (168, 252, 3)).astype(np.uint8)
    small = agent_picture(picture)
    assert (small.shape, small.dtype) == ((84, 84, 3), np.uint8)
    # Each pixel is the mean of the 2 x 3 that it covers.
    np.testing.assert_allclose(small[5, 7], picture[10:12, 21:24].mean(axis=(0, 1)), atol=0.51)
    assert small.shape == cv2.resize(picture, (84, 84)).shape


@pytest.mark.parametrize(
    "picture", [np.zeros((84, 84), np.uint8), np.zeros((84, 84, 3), np.float32)]
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\) uint8 RGB; got shape \(84, 84"):
        agent_picture(picture)


def test_without_accumulation_every_scene_is_single():
    builder = SceneBuilder(accumulate=False, max_scene_size=3)
    scene = builder.proposed(CATALOGUE["v0"])
    assert builder.record(scene, failed=False) is EpisodeEnd.TERMINATED
    assert builder.proposed(CATALOGUE["v1"]).ids == ("v1",)
