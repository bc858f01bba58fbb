# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How figures look, and how they are stored: Agg only, colours that colour-blind people tell apart.

Every figure is drawn twice, wide for desks and paper and narrow for phones, and comes with a text
that says what it shows.
"""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FAILURE = "#d55e00"
SUCCESS = "#0072b2"
INVALID = "#e69f00"
NEUTRAL = "#5f6b76"
FAINT = "#d9dee3"
INK = "#1b2733"
SERIES = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.parse_math": False,  # a $ in a name is a $
    "text.color": INK,
    "axes.edgecolor": NEUTRAL,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "robomd",
    "path.simplify": True,
}
_NARROW = 3.9
"""Width of a figure for phones, inch."""


@dataclass(frozen=True)
class Picture:
    """A finished figure.

    Attributes:
        name: stem of its files.
        title: what it is called.
        alt: what it shows, in words, for those who cannot see it.
        caption: how to read it.
        svg: as SVG, wide.
        narrow_svg: as SVG, for phones.
        png: as PNG, wide.
    """

    name: str
    title: str
    alt: str
    caption: str
    svg: bytes = field(repr=False)
    narrow_svg: bytes = field(repr=False)
    png: bytes = field(repr=False)

    @property
    def uri(self) -> str:
        """The wide figure as a data URI."""
        return data_uri(self.svg, "image/svg+xml")

    @property
    def narrow_uri(self) -> str:
        """The narrow figure as a data URI."""
        return data_uri(self.narrow_svg, "image/svg+xml")

    def write(self, folder: Path) -> None:
        """Store <name>.svg and <name>.png."""
        (folder / f"{self.name}.svg").write_bytes(self.svg)
        (folder / f"{self.name}.png").write_bytes(self.png)


Draw = Callable[[Figure, bool], None]
"""Draws on an empty figure; True for the narrow one."""


@dataclass(frozen=True)
class Size:
    """Size of a figure, inch."""

    width: float
    height: float
    narrow_height: float


def make_picture(
    name: str, title: str, alt: str, caption: str, *, size: Size, draw: Draw
) -> Picture:
    """Draw a figure in all its forms."""
    with mpl.rc_context(_STYLE):
        wide = _figure(size.width, size.height, draw, False)
        svg, png = _saved(wide, "svg"), _saved(wide)
        narrow = _saved(_figure(_NARROW, size.narrow_height, draw, True), "svg")
        return Picture(name, title, alt, caption, svg, narrow, png)


def data_uri(data: bytes, kind: str) -> str:
    """A file inside the page."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def clear_grid(axes: Axes, axis: str = "y") -> None:
    """A faint grid behind the data."""
    axes.grid(True, axis=axis, zorder=0)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def _figure(width: float, height: float, draw: Draw, narrow: bool) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure, narrow)
    for _ in range(2):  # the layout of texts outside the axes takes two rounds
        figure.draw_without_rendering()
    figure.set_layout_engine("none")  # and holds for every file
    return figure


def _saved(figure: Figure, kind: str = "png") -> bytes:
    buffer = io.BytesIO()
    options = {"metadata": {"Date": None}} if kind == "svg" else {"dpi": 160}
    figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()
