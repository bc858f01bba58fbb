# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The words, the numbers and the colours of a sentence as features: no weights are needed.

Sentence encoders put "hue 20 degrees" and "hue 200 degrees" almost in one place; here a number
keeps its size, and a colour is what it looks like.
"""

import hashlib
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.colour_words import COLOUR_WORDS, colour_in
from robomd_ros.core.embedding.encoders import Features, digest_of
from robomd_ros.core.errors import EncoderError

WORD_SLOTS = 128
NUMBER_SLOTS = 384
COLOUR_SLOTS = 128
FREQUENCIES = (1.0, 2.5)
"""Of the waves in the logarithm of a number: one turn is a factor of 535 or of 12."""
_TOKEN = re.compile(r"(?:(?<![\w.])[+-])?(?:\d+(?:\.\d+)?|\.\d+)|[^\W\d_]+")
"""A number, whose sign does not follow a word or number (10-20 is a range), or a word."""
_WRITTEN_OUT = str.maketrans({"\u2212": "-", "%": " percent ", "\N{DEGREE SIGN}": " degrees "})
_LARGEST = 1e12
"""Larger numbers are taken for this one."""
_NUMBER = "#"
_PLAIN_WORDS = """
a an the of to in by and or from with its it is at on about into than as change make use
set put place move turn give replace let have mm cm m g kg degree degrees percent times
hue saturation brightness x y z
"""
_PLAIN = frozenset(_PLAIN_WORDS.split())
"""Words that do not say what is changed: function words, verbs of changing, units."""


class WordsEncoder:
    """Implements TextEncoder.

    Three blocks, each hashed into a fixed number of places: the words; waves in the logarithm of
    each number, once for every word that says what is changed, by the words beside the number;
    the colour, again for each of those words. So the hues of two cube colours are compared with
    each other, and less so with the hue of a table.
    """

    name = "words"
    size = WORD_SLOTS + NUMBER_SLOTS + COLOUR_SLOTS
    digest = digest_of("words 3", f"{size} {NUMBER_SLOTS} {FREQUENCIES}", " ".join(sorted(_PLAIN)))

    def encode(self, items: Sequence[str]) -> Features:
        """(n, size) float32; EncoderError for a sentence without a word or a number."""
        return np.stack([self._one(number, sentence) for number, sentence in enumerate(items)])

    def _one(self, number: int, sentence: str) -> NDArray[np.float32]:
        written = unicodedata.normalize("NFKC", sentence).translate(_WRITTEN_OUT)
        tokens = _TOKEN.findall(written.lower())
        if not tokens:
            raise EncoderError(
                f"sentence {number} is {sentence!r}, without a word or a number; describe the "
                "change in words"
            )
        plain = [_NUMBER if token[-1].isdecimal() else token for token in tokens]
        topics = sorted(set(plain) - _PLAIN - COLOUR_WORDS - {_NUMBER})
        words = _hashed(((word, 1.0) for word in plain), WORD_SLOTS)
        words /= max(1.0, float(np.linalg.norm(words)))
        numbers = _hashed(_joined(topics, _waves(tokens, plain)), NUMBER_SLOTS)
        colours = _hashed(_joined(topics, _colour(tokens)), COLOUR_SLOTS)
        return np.concatenate([words, numbers, colours]).astype(np.float32)


def _waves(tokens: Sequence[str], plain: Sequence[str]) -> list[tuple[str, float]]:
    """What each number says, named by the word before it and the two after it."""
    found = []
    context = ["^", *plain, "$", "$"]
    for place, token in enumerate(tokens):
        if plain[place] != _NUMBER:
            continue
        value = min(max(float(token), -_LARGEST), _LARGEST)
        size = math.copysign(math.log1p(abs(value)), value)
        key = " ".join((context[place], *context[place + 2 : place + 4]))
        for frequency in FREQUENCIES:
            found.append((f"{key} sin{frequency:g}", math.sin(frequency * size)))
            found.append((f"{key} cos{frequency:g}", math.cos(frequency * size)))
    return found


def _colour(tokens: Sequence[str]) -> list[tuple[str, float]]:
    colour = colour_in(tokens)
    return [] if colour is None else [(f"colour{i}", value) for i, value in enumerate(colour)]


def _joined(
    topics: Sequence[str], values: Sequence[tuple[str, float]]
) -> Iterator[tuple[str, float]]:
    """Every value, named for itself and once more for each word that says what is changed."""
    for key, value in values:
        yield key, value
        for topic in topics:
            yield f"{topic} {key}", value


def _hashed(values: Iterator[tuple[str, float]], slots: int) -> NDArray[np.float64]:
    """Named values, each in its place and with its sign: the same on every machine."""
    places = np.zeros(slots)
    for name, value in values:
        digest = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
        places[digest % slots] += value if (digest >> 40) & 1 else -value
    return places
