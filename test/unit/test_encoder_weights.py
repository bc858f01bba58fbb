# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Weights that cannot be loaded: one clear error within seconds, never a wait of minutes."""

import shutil
import socket
import time

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from robomd_ros.core.embedding.encoders import make_image_encoder, make_text_encoder
from robomd_ros.core.embedding.vision_libraries import vision_library
from robomd_ros.core.errors import EncoderError

VIT = "test_vit.r160_in1k"
SECONDS = 30.0
"""Far below the minute for which the hub's client tries again, far above our limit."""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Sets where the hub is; its cache is empty. The variables are read only on import."""

    def at(endpoint="http://127.0.0.1:9", offline=False):
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE
        path = template[template.index("/{repo_id}") :]
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + path)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        return tmp_path

    return at


def refusal(spec):
    """The message, and how many seconds it took to come."""
    vision_library(spec.partition(":")[0])
    make = make_image_encoder if spec.startswith("timm") else make_text_encoder
    start = time.monotonic()
    with pytest.raises(EncoderError) as caught:
        make(spec)
    return str(caught.value), time.monotonic() - start


@pytest.mark.parametrize(
    ("spec", "repository", "offline"),
    [
        ("timm:vit_base_patch16_224", "timm/vit_base_patch16_224", "efficientnet_lite0"),
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "laion/CLIP-ViT-B-32", "words"),
    ],
)
def test_a_hub_that_refuses(hub, spec, repository, offline):
    cache = hub()
    said, seconds = refusal(spec)
    assert f"cannot load the weights of {spec} ({repository}" in said
    assert "the hub does not answer" in said
    assert f"not in the cache {cache}" in said
    assert "hf download" in said
    assert "HF_HOME" in said
    assert f"choose {offline!r}" in said
    assert len(said.splitlines()) == 1
    assert seconds < SECONDS


@pytest.mark.long
def test_a_hub_that_is_silent(hub):
    with socket.create_server(("127.0.0.1", 0)) as server:
        hub(f"http://127.0.0.1:{server.getsockname()[1]}")
        said, seconds = refusal(f"timm:{VIT}")
    assert "the hub does not answer" in said
    assert seconds < SECONDS


def test_offline_without_a_cache_and_with_one(hub):
    """The remedy that the error names: a cache that was copied from another machine."""
    cache = hub(offline=True)
    assert "HF_HUB_OFFLINE is set" in refusal(f"timm:{VIT}")[0]
    folder = cache / f"models--timm--{VIT}"
    snapshot = folder / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    model = vision_library("timm").create_model("test_vit", pretrained=False)
    save_file(model.state_dict(), snapshot / "model.safetensors")
    encoder = make_image_encoder(f"timm:{VIT}")
    kept = make_image_encoder(f"timm:test_vit@{snapshot / 'model.safetensors'}")
    assert encoder.size == 64
    assert encoder.digest == kept.digest


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("timm:vit_of_nobody", "timm has no model 'vit_of_nobody'; timm.list_models"),
        ("timm:test_vit@/no/such.pth", "there is no file /no/such.pth"),
        ("open_clip:ViT-of-nobody/openai", "open_clip has no model 'ViT-of-nobody'"),
        ("open_clip:ViT-B-32/of_nobody", "neither the tag nor the file 'of_nobody'.*openai"),
        ("open_clip:ViT-B-32", "neither the tag nor the file ''.*openai"),
    ],
)
def test_what_does_not_exist(spec, message):
    make = make_image_encoder if spec.startswith("timm") else make_text_encoder
    with pytest.raises(EncoderError, match=message):
        make(spec)


def test_a_file_of_something_else(tmp_path):
    for name, content in (("a.pth", b"nothing"), ("b.safetensors", b"x" * 64), ("c.pth", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(EncoderError, match=f"{name} holds no weights of timm:test_vit"):
            make_image_encoder(f"timm:test_vit@{tmp_path / name}")


def test_weights_of_another_model(tmp_path):
    """Not half of the network at random: every weight must be in the file."""
    other = vision_library("timm").create_model("test_efficientnet", pretrained=False)
    torch.save(other.state_dict(), tmp_path / "other.pth")
    with pytest.raises(EncoderError, match=r"holds no weights of timm:test_vit \(it lacks"):
        make_image_encoder(f"timm:test_vit@{tmp_path / 'other.pth'}")
    with pytest.raises(EncoderError, match=r"other\.pth holds no weights of open_clip:RN50"):
        make_text_encoder(f"open_clip:RN50/{tmp_path / 'other.pth'}")


def test_a_pickle_is_not_executed(tmp_path):
    class Harm:
        def __reduce__(self):
            return (shutil.rmtree, (str(tmp_path / "victim"),))

    (tmp_path / "victim").mkdir()
    torch.save(Harm(), tmp_path / "harm.pth")
    with pytest.raises(EncoderError, match="holds no weights"):
        make_image_encoder(f"timm:test_vit@{tmp_path / 'harm.pth'}")
    assert (tmp_path / "victim").is_dir()
