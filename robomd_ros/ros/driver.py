# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which diagnosis drives a cell, over the whole ROS domain, and that it still lives."""

import json
import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass

from rclpy.event_handler import QoSLivelinessChangedInfo, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import String

from robomd_ros.ros.qos import DRIVER

TOPIC = "driver"
_PERIOD = 1.0
"""s between signs of a driver."""
_FORGOTTEN = 3.5
"""s after which one that has given no sign does not drive any more."""
_HERE: set[str] = set()
"""Ids of the drivers of this process."""


@dataclass(frozen=True)
class Driver:
    """A diagnosis that drives a cell.

    Attributes:
        id: no other has it.
        since: Unix time when it began, s.
        who: node, process and host, for people.
    """

    id: str
    since: float
    who: str

    @classmethod
    def of(cls, node: Node) -> "Driver":
        """This process's node, from now on."""
        name = node.get_fully_qualified_name()
        who = f"{name} (process {os.getpid()} on {socket.gethostname()})"
        return cls(uuid.uuid4().hex, time.time(), who)

    @classmethod
    def from_text(cls, text: str) -> "Driver | None":
        """What a driver says of itself; None where it says something else."""
        try:
            said = json.loads(text)
            return cls(str(said["id"]), float(said["since"]), str(said["who"]))
        except (ValueError, TypeError, KeyError):
            return None

    @property
    def text(self) -> str:
        """What it says of itself."""
        return json.dumps(asdict(self))


class DriverSign:
    """Says in a cell that this diagnosis drives it, and hears of others that say so.

    The middleware's own threads keep it alive: it ends within `DRIVER`'s lease of the process's
    death, however that ends, and holds while Python is busy.
    """

    def __init__(self, node: Node, cell: str) -> None:
        """Listen; `drive` begins to say it.

        Args:
            node: the diagnosis.
            cell: relative namespace of the cell.
        """
        self._node = node
        self._topic = f"{cell}/{TOPIC}"
        self._own: Driver | None = None
        self._publisher: Publisher | None = None
        self._others: dict[str, tuple[Driver, float]] = {}
        node.create_subscription(String, self._topic, self._on_other, DRIVER)
        node.create_timer(_PERIOD, self._say)

    def drive(self) -> None:
        """From now on this diagnosis drives the cell; from any thread."""
        self._own = self._own or Driver.of(self._node)
        _HERE.add(self._own.id)
        self._node.executor.create_task(self._begin_or_end)

    def leave(self) -> None:
        """It drives the cell no more; from any thread."""
        self._own = None
        if self._node.executor is not None:
            self._node.executor.create_task(self._begin_or_end)

    def rival(self) -> str:
        """Who else drives the cell, and did so before; empty if nobody does."""
        own, now = self._own, time.monotonic()
        present = [o for o, heard in list(self._others.values()) if now - heard < _FORGOTTEN]
        earlier = [o for o in present if own is None or (o.since, o.id) < (own.since, own.id)]
        return earlier[0].who if earlier else ""

    def _begin_or_end(self) -> None:
        """On the thread that spins: it may be waiting on what is made or destroyed here."""
        if self._own is not None and self._publisher is None:
            self._publisher = self._node.create_publisher(String, self._topic, DRIVER)
            self._say()
        elif self._own is None and self._publisher is not None:
            publisher, self._publisher = self._publisher, None
            self._node.destroy_publisher(publisher)

    def _say(self) -> None:
        publisher, own = self._publisher, self._own
        if publisher is not None and own is not None:
            publisher.publish(String(data=own.text))

    def _on_other(self, message: String) -> None:
        other, own = Driver.from_text(message.data), self._own
        if other is not None and (own is None or other.id != own.id):
            self._others[other.id] = other, time.monotonic()


class DriverWatch:
    """Whether the diagnosis that drives this cell still lives; for whoever works for it.

    Note:
        A diagnosis in this process lives as long as the watch. It is not asked for a sign of life:
        Fast DDS renews the liveliness of a writer for readers of other contexts only, and would
        call one of the same context gone 0.3 s after each of its messages.
    """

    def __init__(self, node: Node, on_gone: Callable[[], None]) -> None:
        """Listen.

        Args:
            node: in the cell's namespace.
            on_gone: called, on the node's executor, when a driver has died.
        """
        self._on_gone = on_gone
        self._heard: set[str] = set()
        node.create_subscription(
            String,
            TOPIC,
            self._on_sign,
            DRIVER,
            event_callbacks=SubscriptionEventCallbacks(liveliness=self._on_change),
        )

    def _on_sign(self, message: String) -> None:
        driver = Driver.from_text(message.data)
        self._heard.add(driver.id if driver is not None else "")

    def _on_change(self, change: QoSLivelinessChangedInfo) -> None:
        # one that leaves in order has cancelled its goals itself, and is not counted here
        gone = change.not_alive_count_change > 0
        if gone and self._heard and self._heard <= _HERE:
            return
        if gone or change.alive_count_change < 0:
            self._heard &= _HERE  # who is still there says so again within _PERIOD
        if gone:
            self._on_gone()
