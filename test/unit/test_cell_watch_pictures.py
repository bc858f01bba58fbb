# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a broken camera are told from those of a good one, a late stream by its content."""

import math
import time

import numpy as np
import pytest

from robomd_ros.core.cell_watch.lag import LagMeter, late
from robomd_ros.core.cell_watch.picture_checks import darkness, missing_part, swapped_colours
from robomd_ros.core.cell_watch.pictures import PictureLimits, PictureWatch

HEIGHT, WIDTH = 120, 160


def scene(seed=0, arm=None, noise=2.0, light=1.0):
    """A table with a red cube before a brown floor, an arm at a column, a sensor's noise."""
    picture = np.full((HEIGHT, WIDTH, 3), 235.0)
    picture[:30] = (130, 100, 80)
    picture[60:72, 80:92] = (190, 30, 40)
    if arm is not None:
        picture[:70, arm : arm + 20] = (40, 40, 45)
    if noise:
        picture = light * picture + np.random.default_rng(seed).normal(0.0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def half(picture, fill=128):
    cut = picture.copy()
    cut[HEIGHT // 2 :] = picture[HEIGHT // 2] if fill is None else fill
    return cut


class Stream:
    """Pictures that come at 20 Hz, with a clock that is right."""

    def __init__(self, **limits):
        self.watch = PictureWatch(PictureLimits(**limits))
        self.now = 100.0
        self.watch.joints((0.0,) * 6)
        self.watch.begin()

    def show(self, picture, seconds=0.05, ahead=0.0):
        reasons = []
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            stamp = 1e9 + self.now
            reasons.append(self.watch.take(picture, stamp + ahead, self.now, stamp))
        return reasons


def test_a_sensor_s_pictures_are_good_however_long_the_scene_rests():
    stream = Stream()
    for seed in range(30):
        assert stream.show(scene(seed)) == [""]
    assert stream.watch.fault() == ""


def test_a_frozen_picture_is_a_fault_after_a_second():
    stream = Stream()
    stream.show(scene(), 1.0)
    assert stream.watch.fault() == ""
    stream.show(scene(), 0.15)
    fault = stream.watch.fault()
    assert "frozen" in fault and "1.1 s" in fault and "still_pictures" in fault
    stream.show(scene(1))
    assert stream.watch.fault() == ""


def test_a_camera_without_noise_is_frozen_only_while_the_arm_moves():
    stream = Stream(still=True)
    stream.show(scene(), 5.0)
    assert stream.watch.fault() == ""
    stream.watch.joints((0.0, 0.0, 0.2, 0.0, 0.0, 0.0))
    stream.show(scene(), 0.1)
    assert "frozen" in stream.watch.fault() and "turned by 0.20 rad" in stream.watch.fault()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (np.zeros_like, "black"),
        (lambda p: np.full_like(p, 120), "one plain colour"),
        (half, "51% of the picture at its bottom"),
        (lambda p: half(p, None), "50% of the picture at its bottom"),
        (lambda p: half(p, 0), "bottom"),
        (lambda p: half(p)[::-1], "top"),
        (lambda p: np.ascontiguousarray(half(p).transpose(1, 0, 2)), "120 x 160"),
        (lambda p: p[::2, ::2], "were 160 x 120, now they are 80 x 60"),
        (lambda p: np.ascontiguousarray(p[..., ::-1]), "red and blue"),
    ],
)
def test_what_is_wrong_with_pictures_is_named(spoil, word):
    stream = Stream()
    stream.show(scene(0))
    stream.show(scene(1, arm=20))
    [reason] = stream.show(spoil(scene(2, arm=60)))
    assert word in reason
    assert stream.watch.fault() == "", "one alone is only left out"
    for seed in range(3, 5):
        stream.show(spoil(scene(seed, arm=60)))
    assert word in stream.watch.fault()
    stream.show(scene(6))
    assert stream.watch.fault() == ""


def test_another_rollout_may_have_another_size():
    stream = Stream()
    stream.show(scene())
    stream.watch.begin()
    assert stream.show(scene()[::2, ::2]) == [""]


@pytest.mark.parametrize(("ahead", "fault"), [(0.1, False), (0.3, True), (60.0, True)])
def test_a_clock_that_is_ahead(ahead, fault):
    stream = Stream()
    [reason] = stream.show(scene(), ahead=ahead)
    assert bool(reason) == fault == bool(stream.watch.fault())
    assert not fault or f"{ahead:.2f} s in the future" in reason


def test_dark_and_plain_scenes_are_no_faults():
    assert darkness(scene(light=0.08)) == ""
    assert missing_part(scene(light=0.08)) == ""
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    white[80:] = scene()[80:]
    assert missing_part(white) == "", "a window that is overexposed"
    assert missing_part(half(scene()), half(scene(1))) == "", "the good picture is like that too"


def test_swapped_colours_need_colours_and_are_no_coloured_light():
    gray = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    assert swapped_colours(gray, gray) == ""
    blue_light = (scene().astype(float) * (0.15, 0.15, 1.0)).astype(np.uint8)
    assert swapped_colours(blue_light, scene()) == ""
    assert swapped_colours(scene(5, arm=40), scene()) == ""
    assert swapped_colours(scene(5, arm=40)[..., ::-1], scene()) != ""


def rollout(lag, seed=0, noise=2.0, rate=10.0, shows_arm=True):
    """A meter after an arm's moves of 10 s, seen by a camera that is so late."""
    rng = np.random.default_rng(seed)
    turns = np.cumsum(np.abs(rng.normal(0, 0.4, 12)).repeat(10) * 0.1 * (rng.random(120) > 0.3))
    times = np.arange(120) / 10

    def place(t):
        return float(np.interp(t, times, turns))

    meter = LagMeter()
    meter.begin()
    for t in np.arange(0.0, 11.5, 0.02):
        meter.speed(t, abs(place(t) - place(t - 0.02)) / 0.02)
    grain = [scene(i, noise=noise).astype(int) - scene(noise=0.0) for i in range(3)]
    for i, t in enumerate(np.arange(0.0, 11.5, 1 / rate)):
        column = int(4 + 40 * place(t - lag)) % 130 if shows_arm else None
        picture = np.clip(scene(0, column, 0.0) + grain[i % 3], 0, 255)
        meter.picture(t, picture.astype(np.uint8))
    return meter.lag()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lag", [0.0, 0.5, 2.0, 3.0])
def test_the_lag_of_a_stream_is_measured_by_what_it_shows(lag, seed):
    measured = rollout(lag, seed)
    assert measured == pytest.approx(lag, abs=0.3)
    assert bool(late(measured, 1.0)) == (lag > 1.0)


def test_nothing_is_said_of_a_camera_that_does_not_see_the_arm():
    assert math.isnan(rollout(2.0, shows_arm=False))
    assert late(math.nan, 1.0) == ""


def test_watching_costs_little():
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    watch, meter = PictureWatch(PictureLimits()), LagMeter()
    begun = time.process_time()
    for i in range(20):
        watch.take(picture, float(i), float(i), float(i))
        meter.picture(float(i), picture)
    assert (time.process_time() - begun) / 20 < 0.05
