# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy says that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from robomd_ros.core.errors import SpacesError
from robomd_ros.core.spaces import ANY_SIZE, DEFAULT_CAMERA, Size, Spaces


def needs_of(policy: Any) -> Spaces:
    """Read a policy's needs, without running it.

    Args:
        policy: an object or a function. Its attribute `needs` is a Spaces, or a mapping as
            `Spaces.from_mapping` reads it. Without that, `camera` and `image_size` (one number, or
            width and height) count; with neither, `cameras` is None: it says nothing.
            `wants_state` asks for the simulator's state in any case.

    Raises:
        SpacesError: what it says cannot be.
    """
    said = getattr(policy, "needs", None)
    if isinstance(said, Mapping):
        said = Spaces.from_mapping(said)
    if said is not None and not isinstance(said, Spaces):
        raise SpacesError(
            f"the policy's `needs` is {type(said).__name__}; make it a Spaces, or a mapping with "
            "cameras, proprioception and action"
        )
    needs = said if said is not None else Spaces(cameras=_legacy_cameras(policy))
    return replace(needs, state=needs.state or bool(getattr(policy, "wants_state", False)))


def _legacy_cameras(policy: Any) -> dict[str, Size] | None:
    """From `camera` and `image_size`; None where it has neither."""
    camera, size = getattr(policy, "camera", ""), getattr(policy, "image_size", None)
    if not camera and size is None:
        return None
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size or 0,) * 2
    try:
        width, height = (int(side) for side in pair)
    except (TypeError, ValueError) as error:
        raise SpacesError(
            f"the policy's image_size must be one number, or (width, height); got {size!r}"
        ) from error
    return {str(camera or DEFAULT_CAMERA): (height, width) if width or height else ANY_SIZE}
