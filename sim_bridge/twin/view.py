# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the twin's camera shows, by geometry: pixels to places and back, and the cube in a picture.

The camera's pose is the one in the twin's model, as a calibration would give it for a real cell; it
is not the live one, so a camera that was moved deceives whoever relies on it.
"""

from dataclasses import dataclass

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from sim_bridge.engine.models import load_model
from sim_bridge.tasks.tabletop import tabletop

Array = NDArray[np.float64]

CUBE_HALF = 0.02
"""m, half the side of the nominal cube."""

_HUES = ((0, 9), (171, 180))
"""Degrees / 2, as OpenCV counts: red lies at both ends."""
_LEAST_SATURATION, _LEAST_VALUE = 110, 45
_LEAST_SHARE, _MOST_SHARE = 0.0004, 0.02
"""Of the picture: the nominal cube fills about 0.004 of it."""


@dataclass(frozen=True, eq=False)
class TwinView:
    """A fixed camera over a table; everything is in the robot's base frame.

    Attributes:
        place: (3,) m, where the camera is.
        turn: (3, 3), camera to base; the camera looks along its -z, x is right, y is up.
        field: rad, vertical field of view.
        table: m, height of the table's top.
    """

    place: Array
    turn: Array
    field: float
    table: float

    @classmethod
    def of_the_twin(cls) -> "TwinView":
        """From the twin's model; takes seconds the first time."""
        task = tabletop()
        model = load_model(task)
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        camera = model.camera(task.camera).id
        base = data.xpos[model.body("robot0_base").id]
        # the controller's base frame is turned by pi about z against the world
        to_base = np.diag([-1.0, -1.0, 1.0])
        return cls(
            to_base @ (data.cam_xpos[camera] - base),
            to_base @ data.cam_xmat[camera].reshape(3, 3),
            float(np.radians(model.cam_fovy[camera])),
            task.table_height - float(base[2]),
        )

    def place_at(self, pixel: Array, height: float, shape: tuple[int, ...]) -> Array:
        """Where the ray of a pixel meets a horizontal plane.

        Args:
            pixel: (2,) column and row.
            height: m, of the plane.
            shape: of the picture: rows and columns first.

        Returns:
            (3,) m.
        """
        rows, columns = shape[:2]
        focal = 0.5 * rows / np.tan(self.field / 2)
        across, down = pixel - np.array([(columns - 1) / 2, (rows - 1) / 2])
        ray = self.turn @ np.array([across / focal, -down / focal, -1.0])
        place: Array = self.place + ray * ((height - self.place[2]) / ray[2])
        return place

    def cube_at(self, pixel: Array, shape: tuple[int, ...]) -> Array:
        """Centre (3,) m of a cube that stands on the table and appears around a pixel.

        The outline of a cube is nearly symmetric about the image of its centre.
        """
        return self.place_at(pixel, self.table + CUBE_HALF, shape)


def find_cube(image: NDArray[np.uint8]) -> Array | None:
    """Where the red cube appears.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (2,) column and row of the middle of the largest red thing of a cube's size; None where
        there is none: the cube has another colour, or the light is too weak or too coloured.
    """
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    mask = np.zeros(image.shape[:2], np.uint8)
    for low, high in _HUES:
        lower, upper = (low, _LEAST_SATURATION, _LEAST_VALUE), (high, 255, 255)
        mask |= cv2.inRange(hsv, np.array(lower), np.array(upper)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(np.uint8)
    _, _, stats, middles = cv2.connectedComponentsWithStats(mask)
    shares = stats[1:, cv2.CC_STAT_AREA] / mask.size
    fitting = np.flatnonzero((shares >= _LEAST_SHARE) & (shares <= _MOST_SHARE))
    if not fitting.size:
        return None
    largest = fitting[shares[fitting].argmax()]
    middle: Array = middles[1 + largest].astype(np.float64)
    return middle
