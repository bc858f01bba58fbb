# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The board of bars and its colours."""

import math
from dataclasses import replace

import numpy as np
import pytest

from robomd_ros.core.evidence.failure_colours import FAILS, SAFE, failure_colour, hex_colour
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.variations import Variation

# Linear RGB as a person without the red, green or blue cones sees it (Machado et al. 2009).
BLINDNESS = {
    "protan": (0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116,
               1.051998),
    "deutan": (0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940,
               0.968881),
    "tritan": (1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367,
               0.303900),
}  # fmt: skip


def variation(name):
    return Variation(name, "color", name, f"Change {name}")


def mode(rank, p, name="a", seen=True, **changes):
    values = {"trials": 4, "failures": 2, "lower": p / 2, "upper": (1 + p) / 2, **changes}
    values |= {"verdict": Verdict.OPEN, "own_trials": 4, "own_failures": 2} if seen else {}
    return FailureMode((variation(name),), rank, failure_probability=p, seen=seen, **values)


def ranking(*modes, converged=False):
    return FailureRanking(
        "c", "lift", "lift_bc", "ppo", "discrete", modes, 42, 1.0, 1, 0.6, converged
    )


@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_colours_stay_apart_for_the_colour_blind(kind):
    def seen(colour):
        linear = np.asarray(colour) ** 2.2
        return np.clip(np.reshape(BLINDNESS[kind], (3, 3)) @ linear, 0, 1) ** (1 / 2.2)

    low, middle, high = (seen(failure_colour(p)) for p in (0.0, 0.5, 1.0))
    assert np.abs(low - high).max() > 0.3
    assert np.abs(low - middle).max() > 0.15
    assert np.abs(high - middle).max() > 0.15


def test_colours_run_from_blue_to_vermilion():
    assert failure_colour(0.0) == SAFE
    assert failure_colour(1.0) == pytest.approx(FAILS)
    assert failure_colour(2.0) == failure_colour(1.0)
    assert hex_colour(failure_colour(0.0)) == "#0072b2"
    reds = [failure_colour(p)[0] for p in np.linspace(0, 1, 11)]
    assert reds == sorted(reds)


pytest.importorskip("rclpy", reason="needs ROS 2")

from visualization_msgs.msg import Marker  # noqa: E402

from robomd_ros.ros.ranking_markers import BoardPlace, estimate, ranking_markers  # noqa: E402


def by_name(array, namespace):
    return [m for m in array.markers if m.ns == namespace and m.action == Marker.ADD]


def test_an_array_deletes_what_was_before_and_no_id_comes_twice():
    array = ranking_markers(ranking(mode(1, 0.9), mode(2, 0.5, "b", seen=False)), BoardPlace())
    assert array.markers[0].action == Marker.DELETEALL
    assert all(m.action == Marker.ADD for m in array.markers[1:])
    ids = [(m.ns, m.id) for m in array.markers]
    assert len(set(ids)) == len(ids)
    assert {m.header.frame_id for m in array.markers[1:]} == {"world"}


def test_bars_are_as_long_as_the_probability_and_begin_at_the_place():
    array = ranking_markers(ranking(mode(1, 0.8), mode(2, 0.2, "b")), BoardPlace(y=2.0))
    first, second = by_name(array, "bar")
    assert first.scale.y == pytest.approx(4 * second.scale.y)
    for bar in (first, second):
        assert bar.pose.position.y - bar.scale.y / 2 == pytest.approx(2.0)
    assert first.pose.position.z > second.pose.position.z
    assert first.color.r > first.color.b
    assert second.color.b > second.color.r


def test_intervals_end_where_the_posterior_says():
    array = ranking_markers(ranking(mode(1, 0.6, lower=0.2, upper=0.9)), BoardPlace())
    (lines,) = by_name(array, "interval")
    ends = {round(point.y, 6) for point in lines.points}
    length = by_name(array, "bar")[0].scale.y / 0.6
    assert ends == {round(0.2 * length, 6), round(0.9 * length, 6)}
    assert len(lines.colors) == len(lines.points)


def test_what_was_never_tried_is_hollow_and_says_so():
    modes = mode(1, 0.9), mode(2, 0.5, "b", seen=False), mode(3, 0.4, "c", False, reliability=0.31)
    array = ranking_markers(ranking(*modes), BoardPlace())
    assert [m.id for m in by_name(array, "bar")] == [0]
    (hollow,) = by_name(array, "unseen")
    assert len(hollow.points) == 2 * 8
    texts = [m.text for m in by_name(array, "estimate")]
    assert texts[0].endswith("2/4")
    assert texts[1].endswith("untried")
    assert texts[2].endswith("predicted, distance 0.31")


def test_what_has_no_estimate_has_no_bar():
    nan = math.nan
    array = ranking_markers(ranking(mode(1, nan, lower=nan, upper=nan)), BoardPlace())
    assert not by_name(array, "bar")
    assert not by_name(array, "unseen")
    assert not by_name(array, "interval")[0].points
    assert by_name(array, "estimate")[0].text == "no estimate"


def test_rows_are_limited_and_the_title_counts_the_rest():
    modes = [mode(i + 1, 0.5, f"v{i}") for i in range(5)]
    array = ranking_markers(ranking(*modes, converged=True), BoardPlace(rows=2))
    assert [m.text for m in by_name(array, "label")] == ["1= v0", "1= v1"]
    assert by_name(array, "title")[0].text == (
        "lift_bc in lift: 42 trials, unchanged never tried, every change decided, 3 more not shown"
    )


def test_an_empty_ranking_has_a_title_only():
    array = ranking_markers(ranking(), BoardPlace())
    assert [m.ns for m in array.markers[1:]] == ["title"]


def test_the_unchanged_scene_is_the_zero_line_of_the_board():
    unchanged = {"nominal_trials": 10, "nominal_failures": 2, "nominal_probability": 0.2}
    about = replace(ranking(mode(1, 0.8)), **unchanged, nominal_lower=0.05, nominal_upper=0.4)
    array = ranking_markers(about, BoardPlace())
    (line,) = by_name(array, "nominal")
    length = by_name(array, "bar")[0].scale.y / 0.8
    assert [round(p.y / length, 6) for p in line.points] == [0.2, 0.2, 0.05, 0.4]
    assert "unchanged 0.20 (0.05 to 0.40), 2/10" in by_name(array, "title")[0].text
    assert not by_name(ranking_markers(ranking(mode(1, 0.8)), BoardPlace()), "nominal")


def test_a_turned_board_grows_along_its_own_axis():
    place = BoardPlace(x=1.0, y=0.0, yaw=math.pi / 2, frame="base")
    (bar,) = by_name(ranking_markers(ranking(mode(1, 0.8)), place), "bar")
    assert bar.header.frame_id == "base"
    assert bar.pose.position.x == pytest.approx(1.0 - bar.scale.y / 2)
    assert bar.pose.position.y == pytest.approx(0.0)
    assert bar.pose.orientation.z == pytest.approx(math.sin(math.pi / 4))


def test_a_combination_is_named_by_its_parts():
    both = FailureMode(
        (variation("a"), variation("b")), 1, 3, 3, 0.8, 0.4, 1.0,
        verdict=Verdict.OPEN, own_trials=3, own_failures=3,
    )  # fmt: skip
    array = ranking_markers(ranking(both), BoardPlace())
    assert by_name(array, "label")[0].text == "1. a + b"
    assert estimate(both) == "open, 0.80 (0.40 to 1.00) 3/3"
