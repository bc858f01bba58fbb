# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Changes that were made are seen, and those that were not are doubted, in drawn pictures."""

import numpy as np
import pytest
from drawn_scene import drawn

from robomd_ros.core.cell_watch.appearance import colour_name
from robomd_ros.core.cell_watch.verify import verify
from robomd_ros.core.operator.desk import changes
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import load_catalogue

CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))
IDS = [v.id for v in CATALOGUE]
SEEN = [
    v.id for v in CATALOGUE
    if v.factor in ("color", "strength", "distractor") or v.target == "camera"
]  # fmt: skip


def compared(present, asked, made, moved=True):
    """The verdict on going from a scene to another, where a third is what was made."""
    rng = np.random.default_rng(len(asked))
    before, after = CATALOGUE.scene(present), CATALOGUE.scene(made)
    wanted = CATALOGUE.scene(asked)
    pictures = drawn(before, rng), drawn(after, rng, 3 if moved else 0)
    return verify(*pictures, changes(before, wanted), wanted)


@pytest.mark.parametrize("name", IDS)
def test_what_was_made_is_believed(name):
    for present, asked in (((), (name,)), ((name,), ())):
        found = compared(present, asked, asked)
        assert found.problem == "", found
        judged = "yes" if name in SEEN else "something changed"
        assert found.facts["change_verified"] == judged


@pytest.mark.parametrize("name", IDS)
def test_nothing_at_all_is_doubted(name):
    for present, asked in (((), (name,)), ((name,), ())):
        found = compared(present, asked, present, moved=False)
        assert found.problem == "I see no change."
        assert not found.frozen and found.facts["change_verified"] == "no"


@pytest.mark.parametrize("name", SEEN)
def test_a_person_who_only_puts_the_object_back_is_doubted(name):
    for present, asked in (((), (name,)), ((name,), ())):
        assert compared(present, asked, present).problem, (present, asked)


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ("cube_color_green", "cube_color_blue"),
        ("table_color_black", "table_color_blue"),
        ("light_color_red", "light_color_green"),
        ("light_dim", "light_dark"),
        ("light_dark", "light_dim"),
        ("distractor_red_mug", "distractor_green_can"),
    ],
)
def test_another_change_is_doubted(asked, made):
    assert compared((), (asked,), (made,)).problem


@pytest.mark.parametrize("left_out", ["light_dim", "table_color_green", "distractor_blue_box"])
def test_one_of_several_that_was_left_out_is_named(left_out):
    all_three = ("light_dim", "table_color_green", "distractor_blue_box")
    assert compared((), all_three, all_three).problem == ""
    found = compared((), all_three, tuple(i for i in all_three if i != left_out))
    word = {"light_dim": "light", "table_color_green": "table", "distractor_blue_box": "blue box"}
    assert word[left_out] in found.problem


def test_colours_are_not_judged_in_coloured_light():
    scene = ("light_color_red", "cube_color_green")
    found = compared(("light_color_red",), scene, ("light_color_red",))
    assert found.facts["change_verified"] == "something changed"


def test_the_same_picture_bit_for_bit_is_a_frozen_camera():
    picture = drawn((), np.random.default_rng(0))
    found = verify(picture, picture.copy(), changes(CATALOGUE.scene(()), CATALOGUE.scene(IDS[:1])),
                   CATALOGUE.scene(IDS[:1]))  # fmt: skip
    assert found.frozen


def test_a_scene_without_changes_is_only_measured():
    found = compared((), (), ())
    assert found.problem == "" and "change_verified" not in found.facts
    resized = verify(
        drawn((), np.random.default_rng(0)), np.zeros((10, 10, 3), np.uint8),
        changes(CATALOGUE.scene(()), CATALOGUE.scene(())), CATALOGUE.scene(()),
    )  # fmt: skip
    assert "128 x 96" in resized.problem


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0.04, 0.04, 0.04), "black"), ((0.5, 0.5, 0.5), "gray"), ((0.95, 0.95, 0.9), "white"),
        ((0.8, 0.1, 0.1), "red"), ((0.1, 0.7, 0.15), "green"), ((0.1, 0.2, 0.85), "blue"),
        ((0.95, 0.85, 0.1), "yellow"), ((0.45, 0.3, 0.15), "brown"), ((0.5, 0.1, 0.6), "purple"),
    ],
)  # fmt: skip
def test_colours_have_names(rgb, name):
    assert colour_name(np.array(rgb)) == name
