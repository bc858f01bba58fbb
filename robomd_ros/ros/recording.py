# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Keeps a campaign's messages, and what its cells say, in its folder, byte for byte."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import serialize_message

from robomd_ros.core.campaign.message_log import MESSAGES_FILE, MessageLog, MessageLogError, Topic
from robomd_ros.core.errors import RoboMDError
from robomd_ros.ros.message_definitions import definition_of, type_of


class Recording:
    """What is published or heard between `open` and `close` is in the folder.

    What is published is there before anybody receives it. What is heard is never deserialized. A
    record that cannot be written never stops a campaign, whose trials are in the trial database:
    it ends with a warning.
    """

    def __init__(self, logger: Any) -> None:
        """Prepare; nothing is recorded before `open`.

        Args:
            logger: the node's.
        """
        self._logger = logger
        self._log: MessageLog | None = None
        self._topics: dict[str, Topic] = {}
        self._latest: dict[str, tuple[type, bytes]] = {}
        """The newest message of each latched topic that is heard: still true when one opens."""

    def open(self, folder: Path) -> None:
        """Record into this campaign folder from now on."""
        self.close()
        try:
            self._log = MessageLog(folder / MESSAGES_FILE)
        except MessageLogError as error:
            self._logger.warning(f"messages are not recorded: {error}")
        for name, (message_class, data) in list(self._latest.items()):
            self._add(name, message_class, True, data)

    def listen(
        self,
        node: Node,
        message_class: type,
        topic: str,
        profile: QoSProfile,
        wanted: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        """Record what others publish.

        Args:
            node: subscribes.
            message_class: of the messages.
            topic: their topic.
            profile: with which they are subscribed to; of a latched one the last message before
                `open` counts, too.
            wanted: which of the serialized messages to record.
        """
        latched = profile.durability is DurabilityPolicy.TRANSIENT_LOCAL
        heard = partial(self._on_heard, node.resolve_topic_name(topic), message_class, latched)
        node.create_subscription(
            message_class,
            topic,
            lambda data: heard(data) if wanted(data) else None,
            profile,
            raw=True,
        )

    def publish(self, publisher: Publisher, message: Any) -> None:
        """Record and publish a message."""
        data = serialize_message(message)
        latched = publisher.qos_profile.durability is DurabilityPolicy.TRANSIENT_LOCAL
        self._add(publisher.topic_name, type(message), latched, data)
        publisher.publish(data)

    def close(self) -> None:
        """Record no more; idempotent."""
        log, self._log = self._log, None
        if log is not None:
            log.close()

    def _on_heard(self, name: str, message_class: type, latched: bool, data: bytes) -> None:
        if latched:
            self._latest[name] = message_class, data
        self._add(name, message_class, latched, data)

    def _add(self, name: str, message_class: type, latched: bool, data: bytes) -> None:
        log = self._log
        if log is None:
            return
        try:
            log.add(self._topic(name, message_class, latched), time.time_ns(), data)
        except RoboMDError as error:  # also a definition that is not installed
            self._logger.warning(f"messages are not recorded any more: {error}")
            self._log = None

    def _topic(self, name: str, message_class: type, latched: bool) -> Topic:
        if name not in self._topics:
            kind = type_of(message_class)
            self._topics[name] = Topic(name, kind, definition_of(kind), latched)
        return self._topics[name]
