# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with one picture, alone or beside one that was good."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_BLACK = 8.0
"""Level of 255 that the brightest hundredth of a black picture does not exceed. The darkest scene
of the shipped catalogue (lamps off, curtains closed) has 25."""
_FLAT = 0.2
"""Share of the height, or width, of a picture that a band without any detail has to fill."""
_FULL = 255
_COARSE = 64
"""px, about the width at which pictures are compared."""
_COLOURED = 16.0
"""Levels between red and blue from which a place tells one from the other."""
_ENOUGH = 12
"""Such places that are needed before anything is said."""


def darkness(picture: Picture) -> str:
    """Why a picture shows nothing at all; empty if it shows something.

    Args:
        picture: (H, W, 3) uint8 RGB.
    """
    bright = float(np.percentile(picture[::4, ::4], 99))
    if bright > _BLACK:
        return ""
    return (
        f"the picture is black (its brightest parts have {bright:.0f} of 255): take the lens cap "
        "off, and look at the camera's exposure and cable"
    )


def missing_part(picture: Picture, good: Picture | None = None) -> str:
    """Which part of a picture did not arrive; empty if all of it did.

    What a decoder fills in has no detail at all: every row of it is the same, or of one value. A
    sensor's noise makes no two rows alike, however plain the scene, and where a compression has
    taken the noise away its blocks still differ.

    Args:
        picture: (H, W, 3) uint8 RGB.
        good: of the same size; what has no detail there either is no fault.
    """
    bands = _bands(picture)
    if max(bands.values()) < _FLAT:
        return ""
    usual = _bands(good) if good is not None else dict.fromkeys(bands, 0.0)
    if min(bands.values()) == 1.0 > min(usual.values()):
        return (
            "the whole picture is of one plain colour: the camera, or the capture card, has no "
            "signal"
        )
    for name, band in bands.items():
        if band >= _FLAT and band > usual[name] + 0.5 * _FLAT:
            return (
                f"{band:.0%} of the picture at its {name} have no detail at all: only a part of it "
                "arrived; look at the camera's cable, its bandwidth and the network"
            )
    return ""


def swapped_colours(picture: Picture, good: Picture) -> str:
    """Whether red and blue have changed places since a good picture of the same scene; "" if not.

    Args:
        picture: (H, W, 3) uint8 RGB.
        good: (H, W, 3) uint8 RGB, of the same size.
    """
    now, then = coarse(picture), coarse(good)
    if now.shape != then.shape:
        return ""
    tint, before = now[..., 0] - now[..., 2], then[..., 0] - then[..., 2]
    places = np.abs(before) >= _COLOURED
    if places.sum() < _ENOUGH:
        return ""
    # 1: as before; -1: exchanged; about 0: something else stands there, or the light is another
    same = float((tint[places] * before[places]).sum() / (before[places] ** 2).sum())
    as_it_is = np.abs(now[places] - then[places]).mean()
    exchanged = np.abs(now[places][:, ::-1] - then[places]).mean()
    if same > -0.5 or exchanged > 0.5 * as_it_is:
        return ""
    return (
        "red and blue have changed places since the first picture: the camera's driver or a node "
        "between says rgb8 where it sends bgr8, or the other way round"
    )


def coarse(picture: Picture) -> NDArray[np.float32]:
    """A picture scaled down by whole numbers to about 64 px of width, by averaging: (h, w, 3)."""
    while picture.shape[1] >= 4 * _COARSE:
        picture = picture[::2, ::2]  # a quarter of the work, and the averages hardly change
    step = max(1, picture.shape[1] // _COARSE)
    rows, columns = (n // step * step for n in picture.shape[:2])
    if min(rows, columns) == 0:
        return picture.astype(np.float32)
    blocks = picture[:rows, :columns].reshape(rows // step, step, columns // step, step, 3)
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means


def _bands(picture: Picture) -> dict[str, float]:
    """Share of the picture that is flat from each of its edges on."""
    across = picture.transpose(1, 0, 2)
    return {
        "top": _flat(picture),
        "bottom": _flat(picture[::-1]),
        "left": _flat(across),
        "right": _flat(across[::-1]),
    }


def _flat(rows: Picture) -> float:
    """Share of the rows from the first on that are filled in: copies of one, or of one value.

    What is overexposed is of one value too, and no fault.
    """
    return max(_run(rows, _copied), _run(rows, _filled))


def _run(rows: Picture, flat: Callable[[Picture], NDArray[np.bool_]]) -> float:
    if not flat(rows[:2])[0]:  # as a rule: then nothing else is looked at
        return 0.0
    found = flat(rows)
    return 1.0 if found.all() else float(found.argmin() + 1) / len(rows)


def _copied(rows: Picture) -> NDArray[np.bool_]:
    """(H - 1,) which rows are like the next one."""
    like = (rows[:-1] == rows[1:]).all(axis=(1, 2))
    return np.asarray(like & ~(rows[:-1] == _FULL).all(axis=(1, 2)))


def _filled(rows: Picture) -> NDArray[np.bool_]:
    """(H - 1,) which rows are of one value."""
    plain = (rows[:-1] == rows[:-1, :1]).all(axis=(1, 2))
    return np.asarray(plain & ~(rows[:-1] == _FULL).all(axis=(1, 2)))
