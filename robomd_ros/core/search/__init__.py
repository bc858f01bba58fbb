# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Search strategies: which scene to try next."""

from robomd_ros.core.search.search import Asked, Cost, Search, SearchContext
from robomd_ros.core.search.strategies import STRATEGIES, make_search, resolved_options

__all__ = [
    "STRATEGIES",
    "Asked",
    "Cost",
    "Search",
    "SearchContext",
    "make_search",
    "resolved_options",
]
