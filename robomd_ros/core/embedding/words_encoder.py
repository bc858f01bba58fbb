"""The words and the numbers of a sentence as features: no weights, and numbers keep their size."""

import hashlib
import math
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.embedding.encoders import Features, digest_of

WORD_SLOTS = 128
NUMBER_SLOTS = 256
_TOKEN = re.compile(r"[+-]?\d+(?:\.\d+)?|[a-z]+")


class WordsEncoder:
    """Implements TextEncoder: hashed words and pairs of words, and every number by its context.

    A number's place among the features is a hash of the words around it and of the sentence
    without its numbers, so that the hues of two cube colours are compared with each other.
    """

    name = "words"
    size = WORD_SLOTS + NUMBER_SLOTS
    digest = digest_of("words 1", str(WORD_SLOTS), str(NUMBER_SLOTS))

    def encode(self, items: Sequence[str]) -> Features:
        """(n, size) float32."""
        return np.stack([self._one(sentence) for sentence in items])

    def _one(self, sentence: str) -> NDArray[np.float32]:
        tokens = _TOKEN.findall(sentence.lower())
        words = np.zeros(WORD_SLOTS)
        numbers = np.zeros(NUMBER_SLOTS)
        plain = ["#" if _is_number(token) else token for token in tokens]
        for gram in [*plain, *map(" ".join, pairwise(plain))]:
            place, sign = _hashed(gram, WORD_SLOTS)
            words[place] += sign
        context = ["^", *plain, "$", "$"]
        for i, token in enumerate(tokens):
            if _is_number(token):
                value = float(token)
                key = " ".join((context[i], *context[i + 2 : i + 4]))
                place, sign = _hashed(key, NUMBER_SLOTS)
                numbers[place] += sign * math.copysign(math.log1p(abs(value)), value)
        words /= max(1.0, float(np.linalg.norm(words)))
        return np.concatenate([words, numbers]).astype(np.float32)


def _is_number(token: str) -> bool:
    return token[-1].isdigit()


def _hashed(text: str, slots: int) -> tuple[int, float]:
    """Place and sign, the same on every machine."""
    value = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    return value % slots, 1.0 if (value >> 40) & 1 else -1.0
