# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A record of what a campaign published and of what its cells said, as it went over the wire."""

import contextlib
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from robomd_ros.core.campaign.database import open_database
from robomd_ros.core.errors import RoboMDError

MESSAGES_FILE = "messages.db"
_APPLICATION_ID = 0x526F4D4D
"""Tells a message log from any other SQLite file ("RoMM")."""
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE topics (
    topic_id   INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    definition TEXT NOT NULL,
    latched    INTEGER NOT NULL,
    UNIQUE (name, type, definition, latched)
);
CREATE TABLE messages (
    message_id INTEGER PRIMARY KEY,
    topic_id   INTEGER NOT NULL REFERENCES topics,
    time_ns    INTEGER NOT NULL,
    data       BLOB NOT NULL
);
PRAGMA application_id = {_APPLICATION_ID};
COMMIT;
"""


class MessageLogError(RoboMDError):
    """The record of messages cannot be read or written."""


@dataclass(frozen=True)
class Topic:
    """What is known about a topic; it explains the bytes of its messages without ROS.

    Attributes:
        name: absolute.
        type: e.g. robomd_msgs/msg/Trial.
        definition: the text of its .msg and of all that it refers to.
        latched: whether late subscribers get the last message.
    """

    name: str
    type: str
    definition: str
    latched: bool


@dataclass(frozen=True)
class StoredMessage:
    """One message.

    Attributes:
        topic: where it was published.
        time_ns: when, Unix time, ns.
        data: serialized, CDR.
    """

    topic: Topic
    time_ns: int
    data: bytes


class MessageLog:
    """Appends messages to an SQLite file, and reads them back. Thread-safe.

    The death of the process loses nothing; a power cut may lose the newest ones (the trials
    themselves are in trials.db).
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open the file; create it where there is none.

        Raises:
            MessageLogError: it is damaged, foreign, or missing although only read.
        """
        self._path = path
        self._lock = threading.Lock()
        self._ids: dict[Topic, int] = {}
        self._closed = False
        with self._errors():
            self._db = open_database(path, read_only)
        try:
            with self._errors():
                self._prepare(read_only)
        except MessageLogError:
            self._db.close()
            raise

    def _prepare(self, read_only: bool) -> None:
        empty = not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        found = self._db.execute("PRAGMA application_id").fetchone()[0]
        if not empty and found != _APPLICATION_ID:
            raise MessageLogError(f"{self._path} is no record of messages; move it away")
        if not read_only:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            if empty:
                self._db.executescript(_SCHEMA)
        elif empty:
            raise MessageLogError(f"{self._path} is an empty record of messages; delete it")

    def add(self, topic: Topic, time_ns: int, data: bytes) -> None:
        """Append a message; nothing after `close`.

        Raises:
            MessageLogError: it cannot be written.
        """
        packed = zlib.compress(data)
        with self._lock, self._errors():
            if self._closed:
                return
            self._db.execute(
                "INSERT INTO messages (topic_id, time_ns, data) VALUES (?, ?, ?)",
                (self._id_of(topic), time_ns, packed),
            )

    def _id_of(self, topic: Topic) -> int:
        if topic not in self._ids:
            values = (topic.name, topic.type, topic.definition, int(topic.latched))
            self._db.execute(
                "INSERT OR IGNORE INTO topics (name, type, definition, latched) "
                "VALUES (?, ?, ?, ?)",
                values,
            )
            row = self._db.execute(
                "SELECT topic_id FROM topics WHERE (name, type, definition, latched) = "
                "(?, ?, ?, ?)",
                values,
            ).fetchone()
            self._ids[topic] = int(row[0])
        return self._ids[topic]

    def messages(self, message_type: str = "") -> Iterator[StoredMessage]:
        """The messages of a type (all if ""), in the order of their times."""
        with self._errors():
            topics = {
                row[0]: Topic(row[1], row[2], row[3], bool(row[4]))
                for row in self._db.execute("SELECT * FROM topics")
            }
            query = (
                "SELECT topic_id, time_ns, data FROM messages JOIN topics USING (topic_id) "
                "WHERE :type IN ('', type) ORDER BY time_ns, message_id"
            )
            for topic_id, time_ns, data in self._db.execute(query, {"type": message_type}):
                yield StoredMessage(topics[topic_id], time_ns, zlib.decompress(data))

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            self._closed = True
            self._db.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, zlib.error, KeyError) as error:
            raise MessageLogError(
                f"cannot use the record of messages {self._path}: {error}; free some space, or "
                "move the file away"
            ) from error
