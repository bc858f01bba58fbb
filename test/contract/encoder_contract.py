# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every encoder must do: inherit one of the contracts and say how one is made."""

from abc import ABC, abstractmethod

import numpy as np
import pytest

from robomd_ros.core.embedding.encoders import ImageEncoder, TextEncoder
from robomd_ros.core.errors import EncoderError

SENTENCES = [
    "Change cube color to red",
    "Change cube color to blue (hue 240 degrees, saturation 90 percent, brightness 80 percent)",
    "Place the cube 35 mm toward the robot and 132 mm to the right",
    "Dim the light to 20 percent of its strength",
    "Wähle ein größeres Objekt",
]


def pictures(count: int = 5, size: tuple[int, int] = (84, 84)):
    """Noise in which each picture has a colour of its own."""
    rng = np.random.default_rng(4)
    base = rng.integers(0, 200, (count, 1, 1, 3))
    return list((base + rng.integers(0, 55, (count, *size, 3))).astype(np.uint8))


class EncoderContract(ABC):
    """Shared by both kinds."""

    expected_size: int | None = None

    @abstractmethod
    def make(self):
        """A fresh encoder."""

    @abstractmethod
    def items(self):
        """Five different items."""

    @pytest.fixture(scope="class")
    def encoder(self):
        return self.make()

    def test_gives_finite_features_of_its_size(self, encoder):
        features = encoder.encode(self.items())
        assert features.shape == (5, encoder.size)
        assert features.dtype == np.float32
        assert np.isfinite(features).all()
        assert self.expected_size in (None, encoder.size)

    def test_different_items_have_different_features(self, encoder):
        features = encoder.encode(self.items())
        for i in range(5):
            for j in range(i):
                assert np.abs(features[i] - features[j]).max() > 1e-3

    def test_an_item_alone_is_as_in_a_batch(self, encoder):
        items = self.items()
        together = encoder.encode(items)
        alone = np.concatenate([encoder.encode([item]) for item in items])
        np.testing.assert_allclose(together, alone, atol=1e-4)

    def test_the_order_is_kept(self, encoder):
        items = self.items()
        backwards = encoder.encode(items[::-1])[::-1]
        np.testing.assert_allclose(encoder.encode(items), backwards, atol=1e-4)

    def test_two_encoders_of_one_spec_agree(self, encoder):
        other = self.make()
        assert (other.name, other.size, other.digest) == (
            encoder.name,
            encoder.size,
            encoder.digest,
        )
        np.testing.assert_array_equal(encoder.encode(self.items()), other.encode(self.items()))

    def test_more_items_than_a_batch(self, encoder):
        items = self.items() * 14
        features = encoder.encode(items)
        np.testing.assert_allclose(features[-5:], encoder.encode(items[:5]), atol=1e-4)

    def test_nothing_gives_no_rows(self, encoder):
        assert encoder.encode([]).shape == (0, encoder.size)


class ImageEncoderContract(EncoderContract):
    """The tests that every encoder of pictures passes."""

    def items(self):
        return pictures()

    def test_implements_the_protocol(self, encoder):
        assert isinstance(encoder, ImageEncoder)

    @pytest.mark.parametrize("size", [(84, 84), (480, 640), (31, 17), (1, 1)])
    def test_takes_pictures_of_any_size(self, encoder, size):
        assert np.isfinite(encoder.encode(pictures(2, size))).all()

    def test_a_larger_picture_of_the_same_scene_is_close(self, encoder):
        small = pictures(2)
        large = [np.repeat(np.repeat(p, 4, axis=0), 4, axis=1) for p in small]
        near = np.linalg.norm(encoder.encode(small) - encoder.encode(large), axis=1)
        apart = np.linalg.norm(np.subtract(*encoder.encode(small)))
        assert (near < 0.2 * apart).all()

    @pytest.mark.parametrize(
        "picture",
        [
            np.zeros((84, 84), np.uint8),
            np.zeros((84, 84, 4), np.uint8),
            np.zeros((84, 84, 3), np.float32),
            np.zeros((0, 84, 3), np.uint8),
        ],
    )
    def test_refuses_what_is_no_rgb_picture(self, encoder, picture):
        with pytest.raises(EncoderError, match=r"picture 1 is .*uint8 RGB: convert"):
            encoder.encode([pictures(1)[0], picture])


class TextEncoderContract(EncoderContract):
    """The tests that every encoder of sentences passes."""

    def items(self):
        return list(SENTENCES)

    def test_implements_the_protocol(self, encoder):
        assert isinstance(encoder, TextEncoder)

    @pytest.mark.parametrize("sentence", ["", " \t\n", None])
    def test_refuses_an_empty_sentence(self, encoder, sentence):
        with pytest.raises(EncoderError, match=r"sentence 1 is .*describe the change in words"):
            encoder.encode(["Change cube color to red", sentence])

    def test_refuses_a_text_in_place_of_a_list(self, encoder):
        with pytest.raises(EncoderError, match="list of sentences"):
            encoder.encode("Change cube color to red")

    def test_outer_spaces_say_nothing(self, encoder):
        plain, spaced = encoder.encode(["lift the cube", "  lift the cube\n"])
        np.testing.assert_allclose(plain, spaced, atol=1e-6)

    def test_takes_a_very_long_sentence(self, encoder):
        assert np.isfinite(encoder.encode(["Change cube color to red; " * 100])).all()
