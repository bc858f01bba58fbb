# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign's messages and pictures as MCAP, for rosbag2 and Foxglove."""

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from builtin_interfaces.msg import Time
from mcap.well_known import MessageEncoding, Profile, SchemaEncoding
from mcap.writer import Writer
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage

from robomd_msgs import msg
from robomd_ros import __version__
from robomd_ros.core.campaign.folder import stored_path
from robomd_ros.core.campaign.message_log import MESSAGES_FILE, MessageLog, StoredMessage, Topic
from robomd_ros.core.campaign.stored import StoredCampaign
from robomd_ros.core.campaign.trial_log import TrialRecord
from robomd_ros.core.errors import CampaignFolderError
from robomd_ros.core.share import NAMESPACE
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.wording import counted
from robomd_ros.ros.conversions import ranking_to_msg, trial_to_msg
from robomd_ros.ros.message_definitions import definition_of, type_of
from robomd_ros.ros.standard import time_to_msg

_TRIAL = type_of(msg.Trial)
_RANKING = type_of(msg.FailureRanking)
_FOREVER = "\n    sec: 9223372036\n    nsec: 854775807"
_TRIALS_DEPTH = 50


def write_bag(stored: StoredCampaign, out: IO[bytes]) -> list[str]:
    """Write all messages and the trials' pictures, in the order of time.

    Messages are those that the campaign recorded, byte for byte. Trials that ended without being
    published (an interrupted one that a resume closed, a campaign without ROS) are added from the
    trial database, and the ranking where none is recorded. A picture becomes a
    CompressedImage at the time at which its trial was asked, on the cell's
    camera/image_raw/compressed.

    Returns:
        What is missing, in sentences for people.

    Raises:
        MessageLogError: the record of messages is damaged.
        RoboMDError: a definition is not installed.
        CampaignFolderError: a trial's variations are unknown.
    """
    records = stored.trials
    notes: list[str] = []
    missing: list[str] = []
    log = _open_log(stored.path, notes)
    try:
        writer = Writer(out)
        writer.start(profile=Profile.ROS2, library=f"robomd {__version__}")
        versions = {name: str(version) for name, version in stored.versions.items()}
        writer.add_metadata("robomd", {"campaign_id": stored.campaign_id, **versions})
        bag = _Bag(writer)
        sources = (
            log.messages() if log is not None else (),
            _unrecorded(stored, records, log),
            _pictures(stored.path, records, missing),
        )
        for message in heapq.merge(*sources, key=_time):
            bag.add(message)
        writer.finish()
    finally:
        if log is not None:
            log.close()
    if missing:
        pictures = counted(len(missing), "picture")
        notes.append(f"{pictures} cannot be read, the first is {missing[0]}")
    return notes


def _open_log(folder: Path, notes: list[str]) -> MessageLog | None:
    path = folder / MESSAGES_FILE
    if path.is_file():
        return MessageLog(path, read_only=True)
    notes.append(
        f"{folder} has no record of what was published: the MCAP has the trials and the newest "
        "ranking, but no earlier rankings and no statuses"
    )
    return None


class _Bag:
    """Registers schemas and channels when they are first needed."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._schemas: dict[tuple[str, str], int] = {}
        self._channels: dict[Topic, int] = {}
        self._count: dict[Topic, int] = {}

    def add(self, message: StoredMessage) -> None:
        topic = message.topic
        if topic not in self._channels:
            self._channels[topic] = self._writer.register_channel(
                topic.name,
                MessageEncoding.CDR,
                self._schema(topic),
                {"offered_qos_profiles": offered_qos(topic.latched)},
            )
        number = self._count[topic] = self._count.get(topic, -1) + 1
        self._writer.add_message(
            self._channels[topic], message.time_ns, message.data, message.time_ns, number
        )

    def _schema(self, topic: Topic) -> int:
        key = topic.type, topic.definition
        if key not in self._schemas:
            # an event of a service: see definition_of
            package, kind, name = topic.type.split("/")
            name = f"{package}/{kind}/{name.replace('_', '')}"
            self._schemas[key] = self._writer.register_schema(
                name, SchemaEncoding.ROS2, topic.definition.encode()
            )
        return self._schemas[key]


def offered_qos(latched: bool) -> str:
    """The quality of service as rosbag2 stores it, so that a replay latches what was latched."""
    lines = [
        "- history: keep_last",
        f"  depth: {1 if latched else _TRIALS_DEPTH}",
        "  reliability: reliable",
        f"  durability: {'transient_local' if latched else 'volatile'}",
        f"  deadline:{_FOREVER}",
        f"  lifespan:{_FOREVER}",
        "  liveliness: automatic",
        f"  liveliness_lease_duration:{_FOREVER}",
        "  avoid_ros_namespace_conventions: false",
    ]
    return "\n".join(lines) + "\n"


def _unrecorded(
    stored: StoredCampaign, records: Sequence[TrialRecord], log: MessageLog | None
) -> list[StoredMessage]:
    """The messages that the record lacks, from the trial database and the ranking."""
    recorded = log.messages(_TRIAL) if log is not None else ()
    published = {deserialize_message(m.data, msg.Trial).index for m in recorded}
    missing = [r for r in records if r.outcome is not None and r.trial_index not in published]
    found = []
    for record in missing:
        stamp = time_to_msg(record.finished_at or record.asked_at)
        trial = trial_to_msg(_trial(stored, record), stored.campaign_id, stamp)
        found.append(_message("trials", trial, stamp))
    has_ranking = log is not None and any(True for _ in log.messages(_RANKING))
    if stored.ranking is not None and not has_ranking:
        ranking = ranking_to_msg(stored.ranking)
        found.append(_message("failure_ranking", ranking, ranking.header.stamp, latched=True))
    return sorted(found, key=_time)


def _trial(stored: StoredCampaign, record: TrialRecord) -> Trial:
    outcome = record.outcome or Outcome(Result.UNKNOWN)
    return Trial(
        record.trial_index,
        record.cell,
        stored.scene(record),
        record.request.seed,
        outcome,
        image_path=record.image_path,
        token=record.token,
    )


def _pictures(
    folder: Path, records: Sequence[TrialRecord], missing: list[str]
) -> Iterator[StoredMessage]:
    """The stored pictures; those that cannot be read are named in `missing`."""
    for record in sorted(records, key=lambda r: r.asked_at):
        if not record.image_path:
            continue
        try:
            data = stored_path(folder, record.image_path).read_bytes()
        except (OSError, CampaignFolderError):
            missing.append(record.image_path)
            continue
        stamp = time_to_msg(record.asked_at)
        image = CompressedImage(format="png", data=data)
        image.header.stamp = stamp
        yield _message(f"{record.cell}/camera/image_raw/compressed", image, stamp)


def _message(name: str, message: Any, stamp: Time, latched: bool = False) -> StoredMessage:
    kind = type_of(type(message))
    topic = Topic(f"/{NAMESPACE}/{name}", kind, definition_of(kind), latched)
    return StoredMessage(topic, stamp.sec * 10**9 + stamp.nanosec, serialize_message(message))


def _time(message: StoredMessage) -> int:
    return message.time_ns
