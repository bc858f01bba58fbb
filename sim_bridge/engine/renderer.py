# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy's picture, drawn as fast as software rendering allows."""

import os
from collections.abc import Iterable

import mujoco
import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.spaces import Size

_SMALL = 200 * 200
"""Pixels of a picture that one thread draws fastest."""


class CameraRenderer:
    """Draws one fixed camera.

    Pictures are upright: row 0 is the top, as in OpenCV, PIL and ROS. robosuite's own camera
    observations are upside down (OpenGL's row order) unless its macro IMAGE_CONVENTION says
    "opencv"; turn them with `image[::-1]` to compare.

    What robosuite does not draw is not drawn here either: collision geoms and sites. Reflections,
    shadows and supersampling are off; they cost most of the time and change the picture of a
    tabletop by less than two of 255 levels on average.

    The graphics context belongs to the thread of the first `draw`.
    """

    def __init__(self, model: mujoco.MjModel, camera: str, size: Size) -> None:
        """Open a graphics context.

        Args:
            model: what is drawn; its colours, lights and sizes may change between pictures.
            camera: name of a camera of the model.
            size: (height, width) of the picture, pixels.

        Raises:
            ConfigurationError: this machine cannot draw that way.
        """
        if size[0] * size[1] < _SMALL:
            # llvmpipe's worker threads cost more than they help; other drivers ignore it
            os.environ.setdefault("LP_NUM_THREADS", "0")
        self._renderer = _open_renderer(model, size)
        self._camera = model.camera(camera).id
        self._option = mujoco.MjvOption()
        self._option.geomgroup[0] = 0
        self._option.sitegroup[:] = 0
        flags = self._renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0

    def draw(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """The picture now, (height, width, 3) uint8 RGB, a new array."""
        self._renderer.update_scene(data, self._camera, self._option)
        picture: NDArray[np.uint8] = self._renderer.render()
        return picture

    def reload(self, model: mujoco.MjModel, meshes: Iterable[int]) -> None:
        """Take over the vertices of these meshes, which have changed."""
        self._renderer.reload(model, meshes)

    def close(self) -> None:
        """Free the graphics context; idempotent."""
        self._renderer.close()


class _Renderer(mujoco.Renderer):
    """One whose making may fail: its destructor asks for what it then lacks."""

    _gl_context = None
    _mjr_context = None

    def reload(self, model: mujoco.MjModel, meshes: Iterable[int]) -> None:
        """Give the vertices of some meshes to the graphics card again."""
        if self._gl_context is not None:
            self._gl_context.make_current()
        for mesh in meshes:
            mujoco.mjr_uploadMesh(model, self._mjr_context, mesh)


def _open_renderer(model: mujoco.MjModel, size: Size) -> mujoco.Renderer:
    """A renderer whose buffers are no larger than needed: making and clearing them takes time.

    They are as large as the picture, and none is for shadows, which are not drawn.
    """
    limits, quality = model.vis.global_, model.vis.quality
    nominal = limits.offwidth, limits.offheight, quality.shadowsize
    limits.offheight, limits.offwidth = size
    quality.shadowsize = 0
    try:
        return _Renderer(model, *size)
    except (mujoco.FatalError, RuntimeError, ImportError) as error:
        raise ConfigurationError(
            f"no graphics context could be opened with MUJOCO_GL="
            f"{os.environ.get('MUJOCO_GL', '')!r} ({error}); install libegl1 or libosmesa6, or "
            "set MUJOCO_GL to egl, osmesa or glfw before mujoco is imported"
        ) from error
    finally:
        limits.offwidth, limits.offheight, quality.shadowsize = nominal
