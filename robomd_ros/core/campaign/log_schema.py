# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The tables of a trial log, and how those of an earlier program become them."""

import sqlite3

SCHEMA_VERSION = 2
"""Of 1, which is still read, a log that is written becomes 2: it has more columns and purposes."""
READ_VERSIONS = (1, SCHEMA_VERSION)
APPLICATION_ID = 0x526F4D44
"""Tells a trial log from any other SQLite file ("RoMD")."""

_TRIALS = (
    """
CREATE TABLE trials (
    trial_index      INTEGER PRIMARY KEY,
    state            TEXT NOT NULL CHECK (state IN ('ASKED', 'DONE')),
    cell             TEXT NOT NULL,
    scene            TEXT NOT NULL,
    seed             INTEGER NOT NULL,
    result           TEXT CHECK (result IN ('SUCCESS', 'FAILURE', 'INVALID')),
    source           TEXT,
    steps            INTEGER,
    duration_s       REAL,
    image_path       TEXT NOT NULL DEFAULT '',
    asked_at         REAL NOT NULL,
    finished_at      REAL,
    detail           TEXT NOT NULL DEFAULT '',
    request          INTEGER NOT NULL,
    lane             INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    purpose          TEXT NOT NULL,
    stage            TEXT NOT NULL DEFAULT '',
    tags             TEXT NOT NULL DEFAULT '[]',
    achieved_rate_hz REAL,
    inference_p50_s  REAL,
    inference_p95_s  REAL,
    facts            TEXT NOT NULL DEFAULT '{}',
    token            TEXT NOT NULL DEFAULT '',
    CHECK ((state = 'DONE') = (result IS NOT NULL))
)
""",
    """
CREATE UNIQUE INDEX one_valid_trial_per_request ON trials (request)
    WHERE result IN ('SUCCESS', 'FAILURE')
""",
)
_DROPPED = """
CREATE TABLE dropped (
    request INTEGER PRIMARY KEY,
    reason  TEXT NOT NULL,
    at      REAL NOT NULL
)
"""

RELABELLED = """
CREATE TABLE IF NOT EXISTS relabelled (
    number      INTEGER PRIMARY KEY,
    trial_index INTEGER NOT NULL,
    result      TEXT NOT NULL CHECK (result IN ('SUCCESS', 'FAILURE', 'INVALID')),
    source      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    at          REAL NOT NULL
)
"""
"""What a trial was called before; made with its first row."""


def create(database: sqlite3.Connection) -> None:
    """Make the tables in an empty file.

    In one transaction: a file with half a schema would be refused as foreign for ever.
    """
    statements = (
        "BEGIN IMMEDIATE",
        *_TRIALS,
        _DROPPED,
        f"PRAGMA application_id = {APPLICATION_ID}",
        f"PRAGMA user_version = {SCHEMA_VERSION}",
        "COMMIT",
    )
    database.executescript(";".join(statements) + ";")


def upgrade(database: sqlite3.Connection) -> None:
    """Make a log of an earlier version one of this; within the caller's transaction."""
    if database.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
        return
    database.execute("DROP INDEX one_valid_trial_per_request")
    database.execute("ALTER TABLE trials RENAME TO trials_before")
    for statement in _TRIALS:
        database.execute(statement)
    there = database.execute("PRAGMA table_info(trials_before)").fetchall()
    columns = ", ".join(row[1] for row in there)
    database.execute(
        f"INSERT INTO trials ({columns}) SELECT {columns} FROM trials_before"  # noqa: S608 - ours
    )
    database.execute("DROP TABLE trials_before")
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
