"""Search strategies: which scene to try next."""

from robomd_ros.core.search.search import Asked, Search, SearchContext
from robomd_ros.core.search.strategies import STRATEGIES, make_search, resolved_options

__all__ = ["STRATEGIES", "Asked", "Search", "SearchContext", "make_search", "resolved_options"]
