# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Campaign folders made at once, as long campaigns leave them, and a reader of their reports."""

import html.parser
import json
import sqlite3
from pathlib import Path

import numpy as np
from fakes import make_catalogue, make_config, picture_of

from robomd_ros.core.campaign.stored import TRIALS_FILE, open_campaign
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.ranking import build_ranking
from robomd_ros.core.variations import Catalogue

START = 1_700_000_000.0
PICTURES = 24


def store_campaign(
    folder: Path,
    count: int,
    fails=lambda scene, rng: rng.random() < 0.4,
    invalid=lambda index, rng: rng.random() < 0.05,
    reason: str = "the gripper did not answer",
    catalogue: Catalogue | None = None,
    largest: int = 3,
    ranked: bool = True,
    probability=None,
    catalogue_path: str = "lift.yaml",
    nominal_one_in: int = 0,
    **config,
) -> Path:
    """`count` trials in scenes of 1 to `largest` changes; returns the folder.

    nominal_one_in: the first five trials and one in so many are of the unchanged scene; 0: none.
    fails: (ids, rng) -> whether a valid trial fails; invalid: (index, rng) -> whether it is none.
    """
    catalogue = catalogue or make_catalogue()
    opened = open_campaign(
        folder, make_config(budget=max(count, 1), catalogue=catalogue_path, **config), catalogue
    )
    rng = np.random.default_rng(7)
    evidence = Evidence(catalogue, opened.config.seed)
    rows = []
    for i in range(count):
        ids = [catalogue.variations[k].id for k in _draw(catalogue, rng, largest)]
        if nominal_one_in and (i < 5 or i % nominal_one_in == nominal_one_in - 1):
            ids = []
        scene = catalogue.scene(ids)
        result = "INVALID" if invalid(i, rng) else "FAILURE" if fails(ids, rng) else "SUCCESS"
        if result != "INVALID":
            evidence.add(scene, result == "FAILURE")
        path = f"images/{i:06d}.png" if i < PICTURES and count else ""
        if path:
            opened.store_picture(path, picture_of(scene))
        rows.append(_row(i, ids, result, reason, path))
    opened.store_picture("images/nominal.png", picture_of(catalogue.scene([])))
    _insert(folder, rows)
    if ranked and count:
        ranking = build_ranking(
            evidence.posterior(),
            catalogue,
            probability,
            order_by="evidence",
            action_space="discrete",
            campaign_id=opened.campaign_id,
            policy=opened.config.policy,
            search_agent=opened.config.search,
            confidence=opened.config.confidence,
            stamp=START,
        )
        opened.write_ranking(ranking.to_dict())
    opened.close()
    return folder


def _draw(catalogue, rng, largest):
    size = int(rng.integers(1, largest + 1))
    return rng.choice(len(catalogue), size=min(size, len(catalogue)), replace=False)


def _row(i, ids, result, reason, path):
    detail = reason if result == "INVALID" else ""
    return (
        *(i, "DONE", f"cell_{i % 2}", json.dumps(ids), 1000 + i, result, "SIMULATOR"),
        *(80 if result == "FAILURE" else 30, 1.5, path, START + 2 * i, START + 2 * i + 1, detail),
        *(i, 0, 1, "search"),
    )


COLUMNS = (
    "trial_index, state, cell, scene, seed, result, source, steps, duration_s, image_path, "
    "asked_at, finished_at, detail, request, lane, attempt, purpose"
)


def _insert(folder, rows):
    with sqlite3.connect(folder / TRIALS_FILE) as db:
        db.executemany(f"INSERT INTO trials ({COLUMNS}) VALUES ({', '.join('?' * 17)})", rows)
    db.close()


def query(folder: Path, sql: str):
    """Rows of trials.db, read without our code."""
    db = sqlite3.connect(folder / TRIALS_FILE)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


class Page(html.parser.HTMLParser):
    """What a report says: tables by id, values by id, all text, images, scripts.

    A cell is (text, data-value or None).
    """

    VOID = ("meta", "link", "img", "br", "source")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tables: dict[str, list[list[tuple[str, str | None]]]] = {}
        self.heads: dict[str, list[str]] = {}
        self.values: dict[str, str] = {}
        self.images: list[dict[str, str]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._stack: list[str] = []
        self._table = ""
        self._cell: list[str] | None = None
        self._value: str | None = None
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag not in self.VOID:
            self._stack.append(tag)
        if "id" in attributes and "data-value" in attributes:
            self.values[attributes["id"]] = attributes["data-value"]
        if tag == "img":
            self.images.append(attributes)
        if tag == "table":
            self._table = attributes["id"]
            self.tables[self._table], self.heads[self._table] = [], []
        if tag == "tr" and "tbody" in self._stack:
            self.tables[self._table].append([])
        if tag in ("td", "th"):
            self._cell, self._value = [], attributes.get("data-value")

    def handle_data(self, data):
        if self._stack and self._stack[-1] == "script":
            self.scripts.append(data)
        elif self._stack and self._stack[-1] != "style":
            self.text += data
            if self._cell is not None:
                self._cell.append(data)

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        opened = self._stack.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"
        if tag in ("td", "th") and self._cell is not None:
            text = " ".join("".join(self._cell).split())
            if "tbody" in self._stack:
                self.tables[self._table][-1].append((text, self._value))
            else:
                self.heads[self._table].append(text)
            self._cell = None

    def column(self, table: str, head: str) -> list[tuple[str, str | None]]:
        """Cells below a heading."""
        place = self.heads[table].index(head)
        return [row[place] for row in self.tables[table]]

    def numbers(self, table: str, head: str) -> list[float]:
        """Exact values below a heading; NaN where there is none."""
        return [float(value) if value else float("nan") for _, value in self.column(table, head)]
