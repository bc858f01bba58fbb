# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report in a real browser, from disk, with the network off."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path += [str(Path(__file__).parents[n] / name) for n, name in ((1, "unit"), (2, "scripts"))]
from pictures import BROWSERS, FLAGS
from stored_campaigns import store_campaign

from robomd_ros.report.campaign_data import load_campaign
from robomd_ros.report.comparison import compare
from robomd_ros.report.write import write_comparison, write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")

pytestmark = pytest.mark.long  # test_report.py reads the page without a browser
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium of the system."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=120_000)
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report with everything in it, an empty one, and a comparison."""
    root = tmp_path_factory.mktemp("pages")

    def together(ids, rng):
        return {"v0", "v1"} <= set(ids) or ("v5" in ids and rng.random() < 0.8)

    full = store_campaign(
        root / "full", 70, fails=together, search="ppo", probability=np.full(6, 1 / 6)
    )
    other = store_campaign(root / "other", 40)
    empty = store_campaign(root / "empty", 0)
    campaigns = [load_campaign(full), load_campaign(other)]
    return {
        "report": write_report([full, other]),
        "empty": write_report([empty]),
        "compare": write_comparison(campaigns, compare(campaigns), root / "compare"),
    }


class Visit:
    """A page that is open; what it complained about."""

    def __init__(self, browser, path, size=DESK, script=True):
        self.context = browser.new_context(viewport=size, offline=True, java_script_enabled=script)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.problems.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.page.on("requestfailed", lambda r: self.problems.append(f"failed: {r.url[:200]}"))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(path.as_uri())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def column(self, table, place):
        cells = f"#{table} tbody tr > :nth-child({place})"
        return self.page.eval_on_selector_all(
            cells, "cells => cells.map(c => c.dataset.value ?? c.textContent.trim())"
        )


@pytest.mark.parametrize("name", ["report", "empty", "compare"])
@pytest.mark.parametrize(
    "size",
    [pytest.param(DESK, marks=pytest.mark.long, id="desk"), pytest.param(PHONE, id="phone")],
)
def test_a_page_opens_offline_without_a_complaint(browser, pages, name, size):
    with Visit(browser, pages[name], size) as visit:
        assert visit.problems == []
        assert [u for u in visit.requests if not u.startswith(("file:", "data:"))] == []
        images = visit.page.eval_on_selector_all(
            "img", "all => all.map(i => [i.complete, i.naturalWidth, i.alt.trim()])"
        )
        assert all(done and width > 0 and alt for done, width, alt in images)
        assert images or name == "empty"
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize(
    ("name", "table"),
    [("report", "table-ranking"), ("report", "table-trials"), ("compare", "table-variations")],
)
def test_tables_sort_by_every_heading_and_by_keyboard(browser, pages, name, table):
    with Visit(browser, pages[name]) as visit:
        visit.page.eval_on_selector_all("details", "all => all.forEach(d => { d.open = true; })")
        heads = visit.page.locator(f"#{table} thead th")
        for place in range(1, heads.count() + 1):
            head = heads.nth(place - 1)
            if "plain" in (head.get_attribute("class") or ""):
                continue
            for wanted in ("ascending", "descending"):
                head.get_by_role("button").press("Enter")
                assert head.get_attribute("aria-sort") == wanted
                check_order(visit.column(table, place), wanted == "descending")
        assert visit.problems == []


def check_order(values, descending):
    """Numbers by size, texts in some fixed order of the language; what is empty comes last."""
    filled = [v for v in values if v]
    assert values == filled + [""] * (len(values) - len(filled))
    try:
        numbers = [float(v) for v in filled]
    except ValueError:
        groups = [v for i, v in enumerate(filled) if i == 0 or v != filled[i - 1]]
        assert len(groups) == len(set(groups))
        return
    assert numbers == sorted(numbers, reverse=descending)


def test_it_is_readable_without_scripts(browser, pages):
    with Visit(browser, pages["report"], script=False) as visit:
        assert visit.page.locator("#table-ranking tbody tr").count() >= 6
        assert visit.page.get_by_role("button").count() == 0
        assert visit.problems == []


def test_a_script_that_is_not_ours_does_not_run(browser, pages, tmp_path):
    source = pages["report"].read_text(encoding="utf-8")
    path = tmp_path / "changed.html"
    planted = "<script>document.title = 'taken over'</script></main>"
    path.write_text(source.replace("</main>", planted), encoding="utf-8")
    assert planted in path.read_text(encoding="utf-8")
    with Visit(browser, path) as visit:
        assert visit.page.title() != "taken over"
        assert any("Content Security Policy" in p for p in visit.problems)


def test_it_prints_on_few_pages(browser, pages, tmp_path):
    with Visit(browser, pages["report"]) as visit:
        data = visit.page.pdf(prefer_css_page_size=True)
        assert data.startswith(b"%PDF")
        assert 3 <= data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") <= 14
