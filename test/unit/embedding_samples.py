# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trials of a planted truth, as features: what fails shows in a picture and in its sentence."""

import numpy as np

from robomd_ros.core.embedding.samples import Samples

IMAGE, TEXT = 24, 16


def planted(scenes=40, repeats=1, seed=0, noise=0.3, hide_in_text=False):
    """Samples of scenes that fail where a hidden number is above 0, and the hidden numbers."""
    rng = np.random.default_rng(7)  # the world is the same for every seed
    to_image, to_text = rng.normal(size=(3, IMAGE)), rng.normal(size=(3, TEXT))
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(scenes, 3))
    order = np.repeat(np.arange(scenes), repeats)
    said = hidden * [0.0, 1.0, 1.0] if hide_in_text else hidden
    image = hidden[order] @ to_image + noise * rng.normal(size=(len(order), IMAGE))
    text = said[order] @ to_text
    failed = hidden[order, 0] + 0.2 * rng.normal(size=len(order)) > 0
    samples = Samples(
        image.astype(np.float32),
        text.astype(np.float32),
        failed,
        tuple((f"change_{seed}_{i:03d}",) for i in order),
        np.arange(len(order)),
        np.zeros(IMAGE, np.float32),
        np.full(TEXT, 0.01, np.float32),
    )
    return samples, hidden[order, 0]
