# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pages from templates: every text is escaped, and nothing is loaded from elsewhere."""

import base64
import hashlib
import math
import time
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from robomd_ros import __version__
from robomd_ros.core.wording import counted, figure
from robomd_ros.report.course import utc


def render(template: str, values: Mapping[str, Any]) -> str:
    """A page as one self-contained HTML text.

    Args:
        template: name of a file in templates/ that extends base.html.
        values: what it shows; `title` is needed.
    """
    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=figure, exact=exact, counted=counted)
    script = _text("sort.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    page = environment.get_template(template)
    return page.render(
        {
            **values,
            "style": Markup(_text("style.css")),  # noqa: S704 - our own file
            "script": Markup(script),  # noqa: S704 - our own file
            "script_hash": f"sha256-{digest}",  # no other script may run in the page
            "robomd_version": __version__,
            "written_at": utc(time.time()),
        }
    )


def exact(value: float) -> str:
    """A number for sorting and for programs: all digits; empty where there is none."""
    return repr(value) if math.isfinite(value) else ""


def _text(name: str) -> str:
    return resources.files("robomd_ros.report").joinpath("templates", name).read_text("utf-8")
