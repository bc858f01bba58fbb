# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that nobody wakes up for."""

from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile


class _NotWaitedFor(CallbackGroup):
    """Keeps an entity out of the executors' wait sets."""

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


class PolledSubscription:
    """A subscription whose messages wait, as many as its QoS keeps, until they are taken.

    Every message of a common subscription wakes the executor, which in rclpy costs most of a
    millisecond whatever the callback does. Who draws twice a second takes them twice a second.
    """

    def __init__(self, node: Node, kind: Any, topic: str, qos: QoSProfile) -> None:
        """Subscribe; `kind` is the message's class."""
        self._node = node
        self._kind = kind
        self._subscription = node.create_subscription(
            kind, topic, lambda _message: None, qos, callback_group=_NotWaitedFor(), raw=True
        )

    def take(self) -> list[bytes]:
        """What has come since the last call, as bytes for `deserialize_message`, oldest first."""
        found = []
        handle = self._subscription.handle
        with handle:
            while (taken := handle.take_message(self._kind, True)) is not None:
                found.append(taken[0])
        return found

    def destroy(self) -> None:
        """Leave the graph."""
        self._node.destroy_subscription(self._subscription)
