# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Publishes a campaign's messages and keeps them in its folder, byte for byte."""

import time
from pathlib import Path
from typing import Any

from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy
from rclpy.serialization import serialize_message

from robomd_ros.core.campaign.message_log import MESSAGES_FILE, MessageLog, MessageLogError, Topic
from robomd_ros.core.errors import RoboMDError
from robomd_ros.ros.message_definitions import definition_of, type_of


class Recording:
    """What is published between `open` and `close` is in the folder before anybody receives it.

    A record that cannot be written never stops a campaign, whose trials are in the trial database:
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

    def open(self, folder: Path) -> None:
        """Record into this campaign folder from now on."""
        self.close()
        try:
            self._log = MessageLog(folder / MESSAGES_FILE)
        except MessageLogError as error:
            self._logger.warning(f"messages are not recorded: {error}")

    def publish(self, publisher: Publisher, message: Any) -> None:
        """Record and publish a message."""
        data = serialize_message(message)
        log = self._log
        if log is not None:
            try:
                log.add(self._topic(publisher, type(message)), time.time_ns(), data)
            except RoboMDError as error:  # also a definition that is not installed
                self._logger.warning(f"messages are not recorded any more: {error}")
                self._log = None
        publisher.publish(data)

    def close(self) -> None:
        """Record no more; idempotent."""
        log, self._log = self._log, None
        if log is not None:
            log.close()

    def _topic(self, publisher: Publisher, message_class: type) -> Topic:
        name = publisher.topic_name
        if name not in self._topics:
            kind = type_of(message_class)
            latched = publisher.qos_profile.durability is DurabilityPolicy.TRANSIENT_LOCAL
            self._topics[name] = Topic(name, kind, definition_of(kind), latched)
        return self._topics[name]
