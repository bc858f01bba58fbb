# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The record of published messages, and the definitions that explain them."""

import sqlite3
import threading

import pytest

from robomd_ros.core.campaign.message_log import MessageLog, MessageLogError, Topic

TRIALS = Topic("/robomd/trials", "robomd_msgs/msg/Trial", "uint32 index", latched=False)
RANKING = Topic("/robomd/failure_ranking", "robomd_msgs/msg/FailureRanking", "x", latched=True)


def stored(path, *arguments):
    log = MessageLog(path, read_only=True)
    try:
        return [(m.topic, m.time_ns, m.data) for m in log.messages(*arguments)]
    finally:
        log.close()


def test_messages_come_back_as_they_went_in(tmp_path):
    path = tmp_path / "messages.db"
    log = MessageLog(path)
    log.add(TRIALS, 3, b"\x00\x01first")
    log.add(RANKING, 5, b"")
    log.close()
    log.close()
    log = MessageLog(path)  # resumed
    log.add(TRIALS, 9, b"second" * 1000)
    log.close()
    assert stored(path) == [
        (TRIALS, 3, b"\x00\x01first"),
        (RANKING, 5, b""),
        (TRIALS, 9, b"second" * 1000),
    ]
    assert [m[1] for m in stored(path, TRIALS.type)] == [3, 9]


def test_a_changed_definition_is_a_topic_of_its_own(tmp_path):
    path = tmp_path / "messages.db"
    newer = Topic(TRIALS.name, TRIALS.type, "uint32 index\nbool more", latched=False)
    log = MessageLog(path)
    log.add(TRIALS, 1, b"a")
    log.add(newer, 2, b"b")
    log.close()
    assert [m[0] for m in stored(path)] == [TRIALS, newer]


def test_after_the_end_nothing_is_written(tmp_path):
    log = MessageLog(tmp_path / "messages.db")
    log.close()
    log.add(TRIALS, 1, b"late")
    assert stored(tmp_path / "messages.db") == []


def test_it_can_be_read_while_it_is_written(tmp_path):
    path = tmp_path / "messages.db"
    log = MessageLog(path)
    log.add(TRIALS, 1, b"a")
    assert len(stored(path)) == 1
    log.close()


def test_several_threads_lose_nothing(tmp_path):
    log = MessageLog(tmp_path / "messages.db")

    def write(number):
        for i in range(50):
            log.add(TRIALS, number * 100 + i, b"x")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert len({m[1] for m in stored(tmp_path / "messages.db")}) == 200


def test_messages_of_two_threads_come_in_the_order_of_their_times(tmp_path):
    """The later one may have been written first."""
    log = MessageLog(tmp_path / "messages.db")
    for time_ns in (5, 3, 4):
        log.add(TRIALS, time_ns, b"x")
    assert [m.time_ns for m in log.messages()] == [3, 4, 5]
    log.close()


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_what_is_no_record_is_refused(tmp_path, content):
    path = tmp_path / "messages.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MessageLogError, match=r"messages\.db"):
        MessageLog(path, read_only=True)


def test_a_foreign_database_is_left_alone(tmp_path):
    path = tmp_path / "messages.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE topics (a)")
    database.commit()
    database.close()
    before = path.read_bytes()
    with pytest.raises(MessageLogError, match="no record of messages"):
        MessageLog(path)
    assert path.read_bytes() == before


def test_a_full_disk_is_an_error_of_ours(tmp_path):
    path = tmp_path / "messages.db"
    log = MessageLog(path)
    log._db.execute("PRAGMA max_page_count = 8")
    with pytest.raises(MessageLogError, match="full"):
        for i in range(100):
            log.add(TRIALS, i, bytes(range(256)) * 40)
    log.close()


pytest.importorskip("rclpy", reason="needs ROS 2")

from robomd_msgs.msg import FailureRanking, Trial  # noqa: E402
from robomd_msgs.srv import AnswerOperatorRequest  # noqa: E402
from robomd_ros.core.errors import RoboMDError  # noqa: E402
from robomd_ros.ros.message_definitions import definition_of, type_of  # noqa: E402


def test_a_definition_holds_all_that_it_refers_to_once():
    text = definition_of(type_of(FailureRanking))
    sections = text.split("=" * 80 + "\n")
    assert "string campaign_id" in sections[0]
    names = [section.splitlines()[0] for section in sections[1:]]
    assert sorted(names) == [
        "MSG: builtin_interfaces/Time",
        "MSG: diagnostic_msgs/KeyValue",
        "MSG: robomd_msgs/FailureMode",
        "MSG: robomd_msgs/Variation",
        "MSG: std_msgs/Header",
    ]


def test_the_events_of_a_service_are_defined_by_the_service():
    text = definition_of(type_of(AnswerOperatorRequest.Event))
    first, *others = text.split("=" * 80 + "\n")
    assert first.split() == [
        "service_msgs/ServiceEventInfo", "info",
        "robomd_msgs/AnswerOperatorRequestRequest[<=1]", "request",
        "robomd_msgs/AnswerOperatorRequestResponse[<=1]", "response",
    ]  # fmt: skip
    parts = {section.splitlines()[0].removeprefix("MSG: "): section for section in others}
    assert set(parts) == {
        "service_msgs/ServiceEventInfo",
        "builtin_interfaces/Time",
        "robomd_msgs/AnswerOperatorRequestRequest",
        "robomd_msgs/AnswerOperatorRequestResponse",
    }
    assert "string operator_name" in parts["robomd_msgs/AnswerOperatorRequestRequest"]
    assert "bool accepted" in parts["robomd_msgs/AnswerOperatorRequestResponse"]
    assert not any("---" in line for line in text.splitlines())


def test_types_are_named_as_ros_names_them():
    assert type_of(AnswerOperatorRequest.Event) == "robomd_msgs/srv/AnswerOperatorRequest_Event"
    assert type_of(Trial) == "robomd_msgs/msg/Trial"


def test_a_definition_that_is_not_installed_names_the_remedy():
    with pytest.raises(RoboMDError, match=r"no_msgs/msg/Nothing is not installed.*source ROS"):
        definition_of("no_msgs/msg/Nothing")
