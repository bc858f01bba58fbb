# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A table with a cube, drawn as a scene of config/variations/ur5e_tabletop.yaml says."""

import numpy as np

SIZE = (96, 128)
_SHADES = {"red_mug": (180, 15, 15), "green_can": (15, 120, 25), "blue_box": (15, 30, 170)}


def drawn(scene, rng, at=0):
    """The picture of a scene, (96, 128, 3) uint8 RGB, with a sensor's noise.

    Args:
        scene: variations in force.
        rng: for the noise.
        at: px by which the cube lies beside its mark: nobody puts it down twice at one place.
    """
    picture = np.full((*SIZE, 3), (235.0, 235.0, 230.0))
    picture[:20] = (130, 100, 80)
    cube, light, half, across = np.array((190.0, 30.0, 40.0)), np.ones(3), 4, 0
    for variation in scene:
        values, what = variation.parameters, (variation.factor, variation.target)
        if what == ("color", "table"):
            picture[20:] = 255 * np.array(values["rgb"])
        elif what == ("color", "cube"):
            cube = 255 * np.array(values["rgb"])
        elif what == ("size", "cube"):
            half = round(200 * values["half_size"][0])
        elif what == ("position", "cube"):
            across = round(200 * sum(values["shift"]))
        elif variation.factor == "distractor":
            picture[40:58, 20:32] = _SHADES[variation.target]
        elif variation.target == "light":
            light = light * np.array(values.get("rgb", values.get("factor")))
        elif variation.target == "camera":
            picture = np.roll(picture, 6, axis=0)
    row, column = 60, 70 + across + at
    picture[row - half : row + half, column - half : column + half] = cube
    noisy = picture * light + rng.normal(0.0, 1.5, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)
