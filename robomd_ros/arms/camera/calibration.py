# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A camera's calibration, read from the YAML file that ROS's camera_calibration writes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.image_fit import Window
from robomd_ros.core.share import absolute_path
from robomd_ros.core.yaml_text import load_yaml

_COEFFICIENTS = {"plumb_bob": (5,), "rational_polynomial": (8,), "equidistant": (4,)}
"""Distortion models that ROS knows, and how many coefficients each has."""
_SHAPES = {"camera_matrix": (3, 3), "rectification_matrix": (3, 3), "projection_matrix": (3, 4)}
_MAKE_ONE = "make one with `ros2 run camera_calibration cameracalibrator`"

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CameraCalibration:
    """The intrinsic parameters of a camera, as in sensor_msgs/CameraInfo.

    Attributes:
        width: of the calibrated picture, pixels.
        height: of the calibrated picture, pixels.
        distortion_model: plumb_bob, rational_polynomial or equidistant.
        d: (n,) float64, distortion coefficients.
        k: (3, 3) float64, camera matrix of the raw picture, pixels.
        r: (3, 3) float64, rectification.
        p: (3, 4) float64, projection matrix of the rectified picture, pixels.
        name: of the camera.
    """

    width: int
    height: int
    distortion_model: str
    d: Matrix
    k: Matrix
    r: Matrix
    p: Matrix
    name: str = ""

    def fitted(self, window: Window) -> "CameraCalibration":
        """The calibration of a picture that was cut and scaled."""
        sx, sy = window.scale
        # the centre of the first pixel is 0: edges lie half a pixel outside
        fit = np.array(
            [
                [sx, 0.0, sx * (0.5 - window.x) - 0.5],
                [0.0, sy, sy * (0.5 - window.y) - 0.5],
                [0.0, 0.0, 1.0],
            ]
        )
        return replace(
            self,
            width=window.out_width,
            height=window.out_height,
            k=fit @ self.k,
            p=fit @ self.p,
        )


def calibration_of(text: str) -> CameraCalibration | None:
    """The calibration of the parameter of this name, None if it is empty; ConfigurationError."""
    named = text.strip().removeprefix("file://")
    return load_calibration(absolute_path(named)) if named else None


def load_calibration(path: Path) -> CameraCalibration:
    """Read a calibration file.

    Raises:
        ConfigurationError: it cannot be read or is none; says which entry is wrong.
    """
    try:
        document = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the camera calibration {path}: {error.strerror}; give an existing file "
            f"or none, or {_MAKE_ONE}"
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"the camera calibration {path} is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(
            f"the camera calibration {path} must be a mapping with image_width, camera_matrix and "
            f"so on; got {type(document).__name__}; {_MAKE_ONE}"
        )
    try:
        return _calibration(document)
    except ValueError as error:
        raise ConfigurationError(f"the camera calibration {path}: {error}; {_MAKE_ONE}") from error


def _calibration(document: Mapping[str, Any]) -> CameraCalibration:
    model = document.get("distortion_model")
    if model not in _COEFFICIENTS:
        raise ValueError(f"distortion_model is {model!r}, not one of {', '.join(_COEFFICIENTS)}")
    matrices = {name: _matrix(document, name, shape) for name, shape in _SHAPES.items()}
    camera = matrices["camera_matrix"]
    if not (camera[0, 0] > 0 and camera[1, 1] > 0 and np.allclose(camera[2], (0, 0, 1))):
        raise ValueError(f"camera_matrix is no camera's: {camera.tolist()}")
    coefficients = _matrix(document, "distortion_coefficients", None).ravel()
    if coefficients.size not in _COEFFICIENTS[model]:
        raise ValueError(
            f"{model} has {_COEFFICIENTS[model][0]} distortion_coefficients; got "
            f"{coefficients.size}"
        )
    return CameraCalibration(
        width=_pixels(document, "image_width"),
        height=_pixels(document, "image_height"),
        distortion_model=model,
        d=coefficients,
        k=camera,
        r=matrices["rectification_matrix"],
        p=matrices["projection_matrix"],
        name=str(document.get("camera_name", "")),
    )


def _pixels(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or not 0 < value <= 100_000:
        raise ValueError(f"{name} must be a number of pixels; got {value!r}")
    return value


def _matrix(document: Mapping[str, Any], name: str, shape: tuple[int, int] | None) -> Matrix:
    """The matrix {rows, cols, data} of this name; ValueError if it is none of this shape."""
    entry = document.get(name)
    if not isinstance(entry, dict) or not {"rows", "cols", "data"} <= set(entry):
        raise ValueError(f"{name} needs rows, cols and data; got {entry!r}")
    try:
        data = np.array(entry["data"], dtype=np.float64)
        matrix: Matrix = data.reshape(entry["rows"], entry["cols"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is no matrix of numbers of its size: {error}") from error
    if shape is not None and matrix.shape != shape:
        raise ValueError(f"{name} must be {shape[0]} x {shape[1]}; got {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} has entries that are not finite")
    return matrix
