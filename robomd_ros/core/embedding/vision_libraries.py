# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Imports timm and open_clip, also beside a torchvision that was built for another torch."""

import importlib
import re
import sys
from types import ModuleType
from typing import Any

import torch

from robomd_ros.core.errors import EncoderError

_MISSING = re.compile(r"operator torchvision::(\w+) does not exist")
_DECLARED: list[Any] = []
"""Declarations hold as long as their library lives."""
_ATTEMPTS = 10


def vision_library(name: str) -> ModuleType:
    """The module timm or open_clip.

    Both import torchvision, whose compiled operators (of object detectors: no encoder calls one)
    load only beside the torch that they were built for. A torchvision for CUDA beside a torch for
    CPU then fails on import; declaring the operators that it misses is enough for it.

    Raises:
        EncoderError: the library is not installed or cannot be imported.
    """
    try:
        _import_torchvision()
        return importlib.import_module(name)
    except (ImportError, RuntimeError, OSError) as error:
        raise EncoderError(
            f"cannot import {name}, which this encoder needs ({error}); install torch, "
            "torchvision and what requirements.txt names from one package index, or choose "
            "encoders that need no model hub"
        ) from error


def _import_torchvision() -> None:
    for _ in range(_ATTEMPTS):
        try:
            importlib.import_module("torchvision")
            return
        except RuntimeError as error:
            missing = _MISSING.search(str(error))
            if missing is None:
                raise
            _declare(missing[1])
            for module in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
                del sys.modules[module]
    raise ImportError(f"torchvision misses more than {_ATTEMPTS} operators")


def _declare(operator: str) -> None:
    """What is declared cannot be called; the arguments named here stand for any."""
    library: Any = torch.library
    fragment = library.Library("torchvision", "FRAGMENT")
    fragment.define(f"{operator}(Tensor boxes, Tensor scores, float overlap) -> Tensor")
    _DECLARED.append(fragment)
