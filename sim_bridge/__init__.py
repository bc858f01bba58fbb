# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulator's side: tasks, the fast engine, scene edits, experts, training, and the node."""

import ctypes.util
import os
import sys


def _choose_graphics() -> None:
    """Set MUJOCO_GL before the first import of mujoco, unless the user has chosen.

    MuJoCo reads it once, while it is imported. EGL draws without a display and from any thread;
    OSMesa is the fallback of a machine that has no libEGL.
    """
    if "MUJOCO_GL" in os.environ or not sys.platform.startswith("linux"):
        return
    for backend, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if ctypes.util.find_library(library):
            os.environ["MUJOCO_GL"] = backend
            return


_choose_graphics()
