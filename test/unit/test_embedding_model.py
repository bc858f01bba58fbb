# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The embedding: learns what was planted, repeats, refuses what does not fit."""

import json
from dataclasses import replace

import numpy as np
import pytest
from embedding_samples import IMAGE, TEXT, planted

from robomd_ros.core.embedding.encoders import Encoders
from robomd_ros.core.embedding.model import EmbeddingModel
from robomd_ros.core.embedding.network import EMBEDDING_SIZE, LAYOUTS
from robomd_ros.core.embedding.pixels_encoder import PixelsEncoder
from robomd_ros.core.embedding.training import FOLDS, TrainingSettings, train
from robomd_ros.core.embedding.words_encoder import WordsEncoder
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.core.evidence.metrics import pairwise_accuracy

SETTINGS = TrainingSettings(steps=60, components=12, hidden=24, contrastive=0.1)


@pytest.fixture(scope="module")
def samples():
    return planted(60)[0]


@pytest.fixture(scope="module")
def model(samples):
    return train(samples, SETTINGS, 3)


@pytest.fixture(scope="module")
def unseen():
    return planted(80, seed=5)


def same(a, b, asked):
    return np.array_equal(
        a.predict(asked.image, asked.text).probability,
        b.predict(asked.image, asked.text).probability,
    )


def test_what_was_not_tried_is_ranked(model, unseen):
    asked, hidden = unseen
    said = model.predict(asked.image, asked.text)
    assert pairwise_accuracy(said.probability, expected(hidden), 0.3) > 0.95
    assert said.known.mean() > 0.9
    assert ((said.lower <= said.probability) & (said.probability <= said.upper)).all()


def expected(hidden):
    """Failure probability of the planted truth."""
    return 0.5 + 0.5 * np.tanh(4.0 * hidden)


def test_a_sentence_alone_is_enough_where_it_says_it(model, unseen):
    asked, hidden = unseen
    said = model.predict(None, asked.text)
    assert pairwise_accuracy(said.probability, expected(hidden), 0.3) > 0.95
    assert model.embed(None, asked.text).shape == (len(asked), EMBEDDING_SIZE)


def test_a_picture_alone_is_asked_with_the_sentence_of_the_nominal_scene(model, unseen):
    asked, hidden = unseen
    wordless = np.tile(asked.nominal_text, (len(asked), 1))
    said = model.predict(asked.image, wordless)
    assert pairwise_accuracy(said.probability, expected(hidden), 0.3) > 0.95
    mixed = wordless.copy()
    mixed[:40] = asked.text[:40]
    both = model.predict(asked.image, mixed).probability
    assert np.allclose(both[40:], said.probability[40:])
    full = model.predict(asked.image, asked.text).probability
    assert np.allclose(both[:40], full[:40])


def test_what_only_the_picture_shows_is_learned_from_the_picture():
    samples, _ = planted(60, hide_in_text=True)
    asked, hidden = planted(80, seed=5, hide_in_text=True)
    model = train(samples, SETTINGS, 0)
    by_both = model.predict(asked.image, asked.text).probability
    by_text = model.predict(None, asked.text).probability
    assert pairwise_accuracy(by_both, expected(hidden), 0.3) > 0.9
    assert pairwise_accuracy(by_text, expected(hidden), 0.3) < 0.75


def test_known_embeddings_are_means_over_the_trials_of_a_scene():
    samples, _ = planted(20, repeats=3)
    model = train(samples, replace(SETTINGS, steps=10), 0)
    assert len(model.known) == 20 and (model.known.trials == 3).all()
    assert model.known.failures.sum() == samples.failed.sum()
    e = model.embed(samples.image[:3], samples.text[:3])
    assert np.allclose(model.known.embeddings[0], e.mean(axis=0), atol=1e-6)
    assert model.known.scene_ids[0] == samples.scene_ids[0]
    assert model.nominal.shape == (EMBEDDING_SIZE,)
    assert np.abs(model.known.embeddings).max() <= 1.0


def test_reliability_is_the_distance_to_the_nearest_known_embedding(model, unseen):
    asked, _ = unseen
    e = model.embed(asked.image, asked.text).astype(float)
    by_hand = [np.linalg.norm(model.known.embeddings - one, axis=1).min() for one in e]
    said = model.predict(asked.image, asked.text)
    assert np.allclose(said.reliability, by_hand, atol=1e-5)
    assert np.array_equal(said.known, said.reliability <= model.limits[0])


def test_far_from_everything_it_does_not_know(model, unseen):
    asked, _ = unseen
    shut = replace(model, limits=(1e-3, 1e-3))
    said = shut.predict(asked.image, asked.text)
    assert not said.known.any()
    assert (said.lower == 0.0).all() and (said.upper == 1.0).all()
    draws = shut.draws(asked.image, asked.text, 2000, np.random.default_rng(0))
    assert np.allclose(draws.mean(axis=0), 0.5, atol=0.05)


def test_what_is_unlike_everything_is_not_known(model, unseen):
    asked, _ = unseen
    rng = np.random.default_rng(0)
    strange = rng.normal(size=asked.image.shape).astype(np.float32) * 100.0
    said = model.predict(strange, asked.text)
    assert not said.known.any() and (said.upper == 1.0).all()
    unheard = rng.normal(size=asked.text.shape).astype(np.float32) * 100.0
    assert not model.predict(None, unheard).known.any()
    assert model.predict(None, asked.text).known.mean() > 0.9
    # A strange sentence beside a familiar picture: the picture answers alone, but nothing is known.
    assert not model.predict(asked.image, unheard).known.any()
    by_picture = model.predict(asked.image, np.tile(asked.nominal_text, (len(asked), 1)))
    assert np.allclose(model.predict(asked.image, unheard).probability, by_picture.probability)


def test_draws_scatter_around_the_prediction_and_together(model, unseen):
    asked, _ = unseen
    image, text = np.repeat(asked.image[:6], 2, axis=0), np.repeat(asked.text[:6], 2, axis=0)
    draws = model.draws(image, text, 3000, np.random.default_rng(1))
    assert draws.shape == (3000, 12) and draws.min() > 0.0 and draws.max() < 1.0
    assert np.allclose(draws[:, ::2], draws[:, 1::2], atol=1e-5)  # the same question twice
    said = model.predict(image, text).probability
    assert np.allclose(np.median(draws, axis=0), said, atol=0.05)
    again = model.draws(image, text, 3000, np.random.default_rng(1))
    assert np.array_equal(draws, again)


def test_the_same_seed_gives_the_same_answers(model, samples, unseen):
    asked, _ = unseen
    assert same(model, train(samples, SETTINGS, 3), asked)
    assert not same(model, train(samples, SETTINGS, 4), asked)
    drawn = replace(SETTINGS, steps=80, batch=32, dropout=0.2)  # what is trained on is drawn too
    first, second = train(samples, drawn, 1), train(samples, drawn, 1)
    assert same(first, second, asked) and first.losses == second.losses


def test_every_trial_is_left_out_by_a_fifth_of_the_towers(model, samples):
    (part,) = {len(p.logits) for p in model.left_out}
    assert part == 60
    said = next(p for p in model.left_out if p.modality == 0)
    assert FOLDS == 5
    assert pairwise_accuracy(said.logits, said.failures / said.trials) > 0.9


def test_labels_that_mean_nothing_are_not_believed():
    samples, _ = planted(60)
    shuffled = replace(samples, failed=np.random.default_rng(0).permutation(samples.failed))
    model = train(shuffled, SETTINGS, 0)
    asked, _ = planted(80, seed=5)
    p = model.predict(asked.image, asked.text).probability
    assert np.abs(p - shuffled.failed.mean()).mean() < 0.3


@pytest.mark.parametrize("modalities", ["image", "text"])
def test_one_modality(samples, unseen, modalities):
    asked, hidden = unseen
    model = train(samples, replace(SETTINGS, modalities=modalities), 0)
    p = model.predict(asked.image, asked.text).probability
    assert pairwise_accuracy(p, expected(hidden), 0.3) > 0.9
    other = model.predict(asked.image[::-1], asked.text).probability
    assert np.allclose(p, other) == (modalities == "text")
    if modalities == "image":
        with pytest.raises(EmbeddingError, match="pictures only"):
            model.predict(None, asked.text)


@pytest.mark.parametrize(
    ("off", "on"),
    [("contrastive", "bce"), ("same_variation", "contrastive"), ("bce", "contrastive")],
)
def test_every_term_can_be_switched_off(samples, off, on):
    weights = {"bce": 0.0, "contrastive": 0.0, "same_variation": 0.0, on: 1.0}
    model = train(samples, replace(SETTINGS, **weights, steps=5), 0)
    assert np.isfinite(model.losses).all() and model.settings[off] == 0.0


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_towers_share_the_embedding_evenly(layout):
    assert EMBEDDING_SIZE % sum(LAYOUTS[layout]) == 0
    assert all(number == 0 or number >= FOLDS for number in LAYOUTS[layout])


@pytest.mark.parametrize(
    ("failed", "message"),
    [
        ([True, False, True], "2 failures and 1 successes"),
        ([False] * 20, "0 failures and 20 successes"),
        ([True] * 20, "20 failures and 0 successes"),
        ([True] + [False] * 20, "1 failures"),
    ],
)
def test_too_little_to_learn_from_is_said(failed, message):
    samples = replace(planted(len(failed))[0], failed=np.array(failed))
    with pytest.raises(EmbeddingError, match=message):
        train(samples, SETTINGS)


def test_trials_of_one_scene_are_refused():
    samples, _ = planted(20)
    with pytest.raises(EmbeddingError, match="at least 3 different scenes; got 1"):
        train(replace(samples, scene_ids=(("one",),) * 20), SETTINGS)


def test_the_least_that_is_enough():
    samples, _ = planted(8)
    model = train(replace(samples, failed=np.arange(8) < 2), replace(SETTINGS, steps=20), 0)
    said = model.predict(samples.image, samples.text)
    assert (said.upper - said.lower).mean() > 0.5


def test_features_that_do_not_vary():
    samples, _ = planted(20)
    flat = replace(samples, image=np.zeros_like(samples.image))
    model = train(flat, replace(SETTINGS, steps=20), 0)
    assert np.isfinite(model.predict(flat.image, flat.text).probability).all()


@pytest.mark.parametrize(
    ("image", "text"),
    [((5, IMAGE + 1), (5, TEXT)), ((5, IMAGE), (5, TEXT - 1)), ((4, IMAGE), (5, TEXT))],
)
def test_features_of_another_size_are_refused(model, image, text):
    with pytest.raises(EmbeddingError, match=r"encode with|one for each"):
        model.predict(np.ones(image, np.float32), np.ones(text, np.float32))


@pytest.mark.parametrize(
    "wrong",
    [
        {"bce": -1.0},
        {"bce": 0.0, "contrastive": 0.0},
        {"margin": 0.0},
        {"modalities": "sound"},
        {"steps": -1},
        {"dropout": 1.0},
        {"contrastive": float("nan")},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(EmbeddingError):
        TrainingSettings(**wrong)


def test_more_trials_are_trained_on_for_longer():
    assert [TrainingSettings().steps_for(n) for n in (10, 200, 2000)] == [152, 190, 550]
    assert SETTINGS.steps_for(2000) == SETTINGS.steps


@pytest.fixture
def stored(samples, tmp_path):
    encoders = Encoders(PixelsEncoder(), WordsEncoder())
    model = train(samples, replace(SETTINGS, steps=5), 3, encoders=encoders)
    model.save(tmp_path / "model")
    return model, encoders, tmp_path / "model"


def test_a_stored_model_answers_as_before(stored, unseen):
    model, encoders, folder = stored
    asked, _ = unseen
    again = EmbeddingModel.load(folder, encoders)
    assert same(model, again, asked)
    assert np.array_equal(model.known.embeddings, again.known.embeddings)
    assert again.known.scene_ids == model.known.scene_ids and again.limits == model.limits
    assert again.settings == model.settings and again.calibrations == model.calibrations
    assert np.array_equal(again.left_out[1].logits, model.left_out[1].logits)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["encoders"]["text"]["name"] == "words" and manifest["seed"] == 3
    assert len(manifest["data_sha256"]) == 64 and "torch" in manifest["versions"]


def test_a_model_of_other_encoders_is_refused(stored):
    _, encoders, folder = stored
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["encoders"]["text"]["digest"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(EmbeddingError, match=r"trained with the text encoder 'words' \(digest 000"):
        EmbeddingModel.load(folder, encoders)
    assert EmbeddingModel.load(folder) is not None


def test_a_damaged_model_is_refused(stored, tmp_path):
    _, encoders, folder = stored
    with pytest.raises(EmbeddingError, match="train one first"):
        EmbeddingModel.load(tmp_path / "nothing", encoders)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-4] + b"\0\0\1\0")
    with pytest.raises(EmbeddingError, match="not the file that its manifest describes"):
        EmbeddingModel.load(folder)
    weights.write_bytes(whole)
    text = (folder / "manifest.json").read_text()
    for broken in (
        "{",
        "[]",
        text.replace("robomd_embedding_v1", "other"),
        text.replace("limits", "l"),
    ):
        (folder / "manifest.json").write_text(broken)
        with pytest.raises(EmbeddingError, match=r"damaged|format"):
            EmbeddingModel.load(folder)


def test_a_folder_that_cannot_be_written_is_said(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddingError, match="cannot write the embedding"):
        model.save(tmp_path / "file" / "model")
