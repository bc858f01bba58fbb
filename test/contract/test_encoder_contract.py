# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch
from encoder_contract import ImageEncoderContract, TextEncoderContract
from safetensors.torch import save_file

from robomd_ros.core.embedding.encoders import make_image_encoder, make_text_encoder
from robomd_ros.core.embedding.vision_libraries import vision_library

TINY_CLIP = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 32,
        "heads": 2,
        "layers": 2,
    },
}


@pytest.fixture(scope="session")
def vit_file(tmp_path_factory):
    """A checkpoint of timm's smallest vision transformer, with random weights."""
    torch.manual_seed(0)
    model = vision_library("timm").create_model("test_vit", pretrained=False)
    path = tmp_path_factory.mktemp("weights") / "vit.safetensors"
    save_file(model.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory):
    """A checkpoint of a CLIP of two small layers, with random weights."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "tiny-clip.json").write_text(json.dumps(TINY_CLIP))
    library = vision_library("open_clip")
    library.add_model_config(folder / "tiny-clip.json")
    torch.manual_seed(0)
    path = folder / "clip.pt"
    torch.save(library.create_model("tiny-clip").state_dict(), path)
    return path


class TestPixels(ImageEncoderContract):
    expected_size = 432

    def make(self):
        return make_image_encoder("pixels")


class TestEfficientNet(ImageEncoderContract):
    expected_size = 288

    def make(self):
        return make_image_encoder("efficientnet_lite0")


class TestJoinedPictures(ImageEncoderContract):
    expected_size = 288 + 432

    def make(self):
        return make_image_encoder("efficientnet_lite0+pixels")


class TestTimm(ImageEncoderContract):
    expected_size = 64

    @pytest.fixture(autouse=True, scope="class")
    def _file(self, request, vit_file):
        request.cls.file = vit_file

    def make(self):
        return make_image_encoder(f"timm:test_vit@{self.file}")


class TestWords(TextEncoderContract):
    def make(self):
        return make_text_encoder("words")


class TestMiniLM(TextEncoderContract):
    expected_size = 384

    def make(self):
        return make_text_encoder("minilm")


class TestClip(TextEncoderContract):
    expected_size = 32

    @pytest.fixture(autouse=True, scope="class")
    def _file(self, request, clip_file):
        request.cls.file = clip_file

    def make(self):
        return make_text_encoder(f"open_clip:tiny-clip/{self.file}")
