# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A search of the user's: by module or by entry point, with its arguments, options and defaults."""

import sys

import pytest

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.search import SearchContext, make_search, resolved_options
from robomd_ros.core.search.strategies import SEARCHES, STRATEGIES, strategy
from robomd_ros.core.variations import Catalogue, Variation

MODULE = '''
from robomd_ros.core.schema import option
from robomd_ros.core.search.options import SearchOptions
from robomd_ros.core.search.strategies import Strategy
from robomd_ros.core.variations import Scene


class InOrder:
    """Everything once, in the catalogue's order, from a given place on."""

    name, wants_images = "in_order", False

    def __init__(self, context, first=0):
        self.variations, self.next = context.catalogue.variations, first

    def ask(self, lane, cost=None):
        self.next += 1
        return Scene((self.variations[(self.next - 1) % len(self.variations)],))


class Options(SearchOptions):
    of = "with_options"
    stride: int = option(1, "variations left out", low=1, high=10)


class WithOptions(InOrder):
    strategy = Strategy(Options, agent=True, accumulate=True)

    def __init__(self, context, stride):
        super().__init__(context)
        self.stride = stride


class Wrong(InOrder):
    strategy = "accumulates"
'''


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "my_searches.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("my_searches", None)


def context(**options):
    variations = [Variation(i, "color", i, f"Paint {i}", {"rgb": (1, 0, 0)}) for i in "abc"]
    return SearchContext(Catalogue("lift", variations), 0, False, 5, 80, options)


def config(search, **values):
    return CampaignConfig(task="lift", policy="p", catalogue="c.yaml", search=search, **values)


def test_a_users_own_search_is_asked():
    search = make_search("python:my_searches:InOrder?first=1", context())
    assert [search.ask(0).ids for _ in range(3)] == [("b",), ("c",), ("a",)]
    made = config("python:my_searches:InOrder?first=1")
    assert made.search == "python:my_searches:InOrder?first=1"
    assert made.accumulates is False and made.search_options == {}


def test_its_options_are_checked_as_ours_are():
    spec = "python:my_searches:WithOptions"
    assert make_search(spec, context(stride=3)).stride == 3
    assert resolved_options(spec, {}) == {"stride": 1}
    assert config(spec, order_by="search_agent").accumulates is True
    with pytest.raises(
        ConfigurationError, match=r"stride.* of 'with_options' must be .*10.*got 11"
    ):
        config(spec, search_options={"stride": 11})
    with pytest.raises(ConfigurationError, match="order_by is 'search_agent', but search 'python:"):
        config("python:my_searches:InOrder", order_by="search_agent")


def test_one_of_an_installed_package_is_found_by_its_name(module):
    info = module / "my_searches-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my_searches\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[robomd.searches]\nin_order = my_searches:InOrder\n")
    assert "in_order" in SEARCHES.names()
    assert make_search("in_order?first=2", context()).ask(0).ids == ("c",)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("sarsa", f"unknown search 'sarsa'; allowed: {', '.join(STRATEGIES)}, or python:<module>"),
        ("python:my_searches:Missing", "has no 'Missing'"),
        ("python:my_searches:InOrder?last=1", "no argument 'last'"),
        ("python:my_searches:Wrong", "its attribute `strategy` is str"),
    ],
)
def test_what_is_no_search_is_said(spec, reason):
    with pytest.raises(ConfigurationError, match=reason):
        make_search(spec, context())


def test_ours_are_what_the_table_says():
    for name in ("uniform", "thompson"):
        assert make_search(name, context()).name == name
        assert strategy(name).agent is False
