# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cut and scale pictures to the size that a policy was trained on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.errors import ConfigurationError

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Window:
    """The part of a picture that is used, and the size that it is brought to; all in pixels."""

    x: int
    y: int
    width: int
    height: int
    out_width: int
    out_height: int

    @property
    def scale(self) -> tuple[float, float]:
        """Output pixels per input pixel, in x and y."""
        return self.out_width / self.width, self.out_height / self.height


@dataclass(frozen=True)
class ImageFit:
    """How pictures are fitted.

    Attributes:
        width: of the result, pixels; 0: as wide as what was cut.
        height: of the result, pixels; 0: as high as what was cut.
        crop: "auto" cuts the middle in the proportions of the result, so that nothing is
            distorted; "none" keeps everything; "x,y,width,height" is a window in pixels.
    """

    width: int
    height: int
    crop: str

    def __post_init__(self) -> None:
        if (self.width == 0) != (self.height == 0) or min(self.width, self.height) < 0:
            raise ConfigurationError(
                "the width and height of a fitted picture are both 0 (as they come) or both above "
                f"0 pixels; got {self.width} x {self.height}"
            )
        if self.crop not in ("auto", "none"):
            self._given()

    def window(self, width: int, height: int) -> Window:
        """What is cut from a picture of this size.

        Raises:
            ConfigurationError: the window that was given does not lie in the picture.
        """
        if self.crop == "none" or (self.crop == "auto" and not self.width):
            x, y, cut_width, cut_height = 0, 0, width, height
        elif self.crop == "auto":
            cut_width = min(width, round(height * self.width / self.height))
            cut_height = min(height, round(width * self.height / self.width))
            x, y = (width - cut_width) // 2, (height - cut_height) // 2
        else:
            x, y, cut_width, cut_height = self._given()
            if x + cut_width > width or y + cut_height > height:
                raise ConfigurationError(
                    f"the crop {self.crop!r} does not lie in a picture of {width} x {height}; "
                    "give x,y,width,height within it"
                )
        return Window(
            x, y, cut_width, cut_height, self.width or cut_width, self.height or cut_height
        )

    def apply(self, image: Picture) -> Picture:
        """The fitted picture.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            (height, width, 3) uint8 RGB; the same array where nothing is to be done.

        Raises:
            ConfigurationError: the window does not lie in the picture.
        """
        height, width = image.shape[:2]
        w = self.window(width, height)
        cut = image[w.y : w.y + w.height, w.x : w.x + w.width]
        if (w.out_width, w.out_height) == (w.width, w.height):
            return cut
        import cv2  # noqa: PLC0415 - heavy, and most who ask for a window scale nothing

        # averaging when it shrinks, as a camera with larger pixels would
        shrinks = w.out_width < w.width or w.out_height < w.height
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        scaled = cv2.resize(
            np.ascontiguousarray(cut), (w.out_width, w.out_height), interpolation=how
        )
        return np.asarray(scaled, dtype=np.uint8)

    def _given(self) -> tuple[int, int, int, int]:
        try:
            x, y, width, height = (int(part) for part in self.crop.split(","))
        except ValueError:
            x = y = width = height = -1
        if min(x, y) < 0 or min(width, height) < 1:
            raise ConfigurationError(
                f"the crop is {self.crop!r}; give auto, none, or x,y,width,height in whole pixels"
            )
        return x, y, width, height
