# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Qt binding that this machine has: python_qt_binding as in rqt, else a plain one."""

import importlib
import os
from types import ModuleType

from robomd_ros.core.errors import RoboMDError

_PACKAGES = ("python_qt_binding", "PyQt5", "PySide6")
_MODULES = ("QtCore", "QtGui", "QtWidgets")


class QtMissingError(RoboMDError):
    """No Qt binding can be imported."""


def _load() -> tuple[ModuleType, ...]:
    """QtCore, QtGui and QtWidgets of the first binding that is there.

    Raises:
        QtMissingError: there is none; says what each of them lacked.
    """
    reasons = []
    for package in _PACKAGES:
        try:
            importlib.import_module(package)  # python_qt_binding then registers its submodules
            return tuple(importlib.import_module(f"{package}.{name}") for name in _MODULES)
        except ImportError as error:
            reasons.append(f"{package}: {error}")
    raise QtMissingError(
        "the panel needs Qt for Python; install the package python3-pyqt5 (or ros-<distro>-rqt), "
        f"or `pip install PyQt5`; tried {'; '.join(reasons)}"
    )


# OpenCV's wheel points Qt to its own plug-ins, which fit neither binding nor its platforms
if "cv2" in os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH", ""):
    del os.environ["QT_QPA_PLATFORM_PLUGIN_PATH"]

QtCore, QtGui, QtWidgets = _load()
Qt = QtCore.Qt
Signal = getattr(QtCore, "Signal", None) or QtCore.pyqtSignal
