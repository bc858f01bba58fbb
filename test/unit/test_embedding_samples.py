# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trials as features."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from fakes import make_catalogue, picture_of

from robomd_ros.core.embedding.encoders import make_encoders
from robomd_ros.core.embedding.samples import NOTHING_CHANGED, Samples, samples_of, scene_text
from robomd_ros.core.errors import EmbeddingError, EncoderError
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import Catalogue, Scene, Variation

CATALOGUE = make_catalogue()
NOMINAL = picture_of(CATALOGUE.scene([]))


@pytest.fixture(scope="module")
def encoders():
    return make_encoders("pixels", "words")


def trial(index, ids, result="SUCCESS", **values):
    scene = CATALOGUE.scene(ids)
    outcome = Outcome(Result[result], detail="no label" if result == "INVALID" else "")
    return Trial(
        index, "cell", scene, 100 + index, outcome, **{"image": picture_of(scene), **values}
    )


TRIALS = [
    trial(0, ["v0"], "FAILURE"),
    trial(1, ["v2", "v1"]),
    trial(2, ["v0"], "INVALID"),
    trial(3, ["v1", "v2"], "FAILURE"),
    trial(4, []),
    trial(5, ["v0"]),
]


def test_every_valid_trial_is_a_row(encoders):
    samples = samples_of(TRIALS, CATALOGUE, encoders, NOMINAL)
    assert samples.failed.tolist() == [True, False, True, False, False]
    assert samples.seeds.tolist() == [100, 101, 103, 104, 105]
    assert samples.scene_ids == (("v0",), ("v1", "v2"), ("v1", "v2"), (), ("v0",))
    pictures = [picture_of(CATALOGUE.scene(ids)) for ids in samples.scene_ids]
    np.testing.assert_array_equal(samples.image, encoders.image.encode(pictures))
    texts = [
        "Change 0.",
        "Change 1.; Change 2.",
        "Change 1.; Change 2.",
        "lift the cube",
        "Change 0.",
    ]
    np.testing.assert_array_equal(samples.text, encoders.text.encode(texts))
    np.testing.assert_array_equal(samples.nominal_image, encoders.image.encode([NOMINAL])[0])
    np.testing.assert_array_equal(samples.nominal_text, samples.text[3])


def test_trials_of_a_scene_are_a_group(encoders):
    first, second, nominal = samples_of(TRIALS, CATALOGUE, encoders, NOMINAL).groups()
    assert (first.scene_ids, first.rows, first.failures, first.trials) == (("v0",), (0, 4), 1, 2)
    assert (second.scene_ids, second.rows, second.failures) == (("v1", "v2"), (1, 2), 1)
    assert (nominal.scene_ids, nominal.rows, nominal.failures) == ((), (3,), 0)


def test_trials_without_a_picture_are_left_out_aloud(encoders, caplog):
    blind = [replace(t, image=None) if t.index in (0, 3) else t for t in TRIALS]
    with caplog.at_level(logging.WARNING):
        samples = samples_of(blind, CATALOGUE, encoders, NOMINAL)
    assert samples.seeds.tolist() == [101, 104, 105]
    assert "2 of 5 valid trials have no picture" in caplog.text


def test_pictures_of_several_sizes(encoders):
    large = [trial(0, ["v0"], image=picture_of(CATALOGUE.scene(["v0"]), size=168)), *TRIALS[1:]]
    samples = samples_of(large, CATALOGUE, encoders, NOMINAL)
    np.testing.assert_allclose(samples.image[0], samples.image[-1], atol=0.05)


@pytest.mark.parametrize(
    ("trials", "count"),
    [([], 0), ([TRIALS[2]], 0), ([replace(TRIALS[0], image=None)], 1)],
)
def test_nothing_to_learn_from_is_refused(encoders, trials, count):
    with pytest.raises(EmbeddingError, match=f"of {count} valid trials none has a picture; run"):
        samples_of(trials, CATALOGUE, encoders, NOMINAL)


def test_a_grey_picture_is_refused(encoders):
    grey = trial(0, ["v0"], image=np.zeros((84, 84), np.uint8))
    with pytest.raises(EncoderError, match=r"picture 1 is uint8 \(84, 84\)"):
        samples_of([grey], CATALOGUE, encoders, NOMINAL)


def test_rows_are_taken_in_order_and_twice(encoders):
    samples = samples_of(TRIALS, CATALOGUE, encoders, NOMINAL)
    taken = samples.take([3, 0, 0])
    assert len(taken) == 3
    assert taken.seeds.tolist() == [104, 100, 100]
    assert taken.scene_ids == ((), ("v0",), ("v0",))
    np.testing.assert_array_equal(taken.image[1], samples.image[0])
    np.testing.assert_array_equal(taken.nominal_image, samples.nominal_image)


def test_campaigns_are_joined(encoders):
    samples = samples_of(TRIALS, CATALOGUE, encoders, NOMINAL)
    joined = samples.take([0, 1]).concatenated([samples.take([2]), samples.take([3, 4])])
    for name in ("image", "text", "failed", "seeds"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(samples, name))
    assert joined.scene_ids == samples.scene_ids


def test_campaigns_of_other_encoders_are_not_joined(encoders):
    samples = samples_of(TRIALS, CATALOGUE, encoders, NOMINAL)
    other = replace(samples, text=samples.text[:, :9], nominal_text=samples.nominal_text[:9])
    with pytest.raises(EmbeddingError, match=r"\(432, 640\) and \(432, 9\); encode all"):
        samples.concatenated([other])


def test_samples_that_do_not_fit_together_are_refused(encoders):
    samples = samples_of(TRIALS, CATALOGUE, encoders, NOMINAL)
    with pytest.raises(ValueError, match="seeds of 5 samples"):
        replace(samples, seeds=samples.seeds[:2])
    broken = samples.image.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ValueError, match="image features must be finite"):
        replace(samples, image=broken)
    assert isinstance(replace(samples, image=samples.image), Samples)


def test_the_sentence_of_a_scene():
    assert scene_text(CATALOGUE.scene(["v2", "v1"])) == "Change 1.; Change 2."
    assert scene_text(Scene(), CATALOGUE) == "lift the cube"
    mute = Catalogue("lift", [Variation("a", "color", "cube", "Make it red")])
    assert scene_text(Scene(), mute) == scene_text(Scene()) == NOTHING_CHANGED
