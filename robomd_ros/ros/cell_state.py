# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The state of a cell on its topic: who publishes it, and whether anything may move."""

import math
import uuid
from collections.abc import Callable

from rclpy.node import Node
from std_msgs.msg import Header

from robomd_msgs.action import ExecutePolicy
from robomd_msgs.msg import CellState, Scene
from robomd_ros.core.cell_lock import CellLock
from robomd_ros.ros.qos import LATCHED

TOPIC = "cell_state"
PERIOD = 0.2
"""s between publications of an unchanged state."""
SILENCE = 1.0
"""s without the state after which nothing may move any more."""

_CONTRADICTION = 2.5 * PERIOD
"""s for which "a person is inside" holds against a second publisher that says otherwise."""


def new_token() -> str:
    """The name of a scene that has just come into force; no other has it."""
    return uuid.uuid4().hex


def refusal(state: CellState, goal: ExecutePolicy.Goal) -> tuple[int, str]:
    """Why a goal does not fit the scene in force: an error code of ExecutePolicy, and words.

    Args:
        state: of the cell.
        goal: without a token it fits whatever scene is in force.
    """
    codes = ExecutePolicy.Result
    if not state.token:
        return codes.NO_SCENE, "no scene is in force; call apply_scene first"
    if not (math.isfinite(goal.time_limit) and goal.time_limit >= 0.0):
        return codes.CELL_FAULT, f"time_limit must be 0 s or more; got {goal.time_limit:g}"
    if not goal.token:
        return codes.NONE, ""
    if goal.token != state.token:
        return codes.WRONG_TOKEN, (
            f"the scene of token {goal.token!r} is not in force, but that of {state.token!r}: "
            "somebody has changed it; apply the scene again"
        )
    asked, there = (sorted(v.id for v in scene.variations) for scene in (goal.scene, state.scene))
    if asked != there:
        return codes.WRONG_TOKEN, (
            f"the goal names the scene {asked}, but under its token {there} is in force; "
            "apply the scene again"
        )
    return codes.NONE, ""


COUNT_DOWN = "count-down: "
"""How the detail of a cell's state begins while the arm is about to move."""


def counting_down(state: CellState) -> str:
    """The sentence of a count-down; "" where there is none."""
    counts = state.person_inside and state.detail.startswith(COUNT_DOWN)
    return str(state.detail).removeprefix(COUNT_DOWN) if counts else ""


class CellStatePublisher:
    """Publishes the state at every change, and again and again while it does not change.

    Used on the node's executor, but for `lock` and `unlock`, which any thread may call.
    """

    def __init__(self, node: Node, cell: str, topic: str = TOPIC, period: float = PERIOD) -> None:
        """Begin to publish that nobody is inside and no scene in force.

        Args:
            node: perturbation_node, or whoever makes scenes.
            cell: its name.
            topic: relative name of the topic.
            period: s between publications of an unchanged state; 0: it is not repeated.
        """
        self._node = node
        self.newest = CellState(header=Header(frame_id=cell))
        """What is published; not to be changed."""
        self.newest.since = node.get_clock().now().to_msg()
        self._followers: list[Callable[[Scene, str], None]] = []
        self._publisher = node.create_publisher(CellState, topic, LATCHED)
        self._repetition = node.create_timer(period, self._say) if period else None
        self.publish()

    @property
    def token(self) -> str:
        """Of the scene in force; "" if there is none."""
        return str(self.newest.token)

    def follow(self, follower: Callable[[Scene, str], None]) -> None:
        """Call this with scene and token whenever they change, before anybody is told."""
        self._followers.append(follower)

    def lock(self, why: str) -> None:
        """Somebody is asked to reach in; `why` is for people."""
        self.newest.person_inside, self.newest.detail = True, why
        self.publish()

    def unlock(self) -> None:
        """Nobody is inside."""
        self.newest.person_inside, self.newest.detail = False, ""
        self.publish()

    def begin_change(self) -> None:
        """From now on no scene is in force."""
        self.in_force(Scene(), "")

    def in_force(self, scene: Scene, token: str) -> None:
        """This scene is in force from now on, under this name; "": none is."""
        self.newest.scene, self.newest.token = scene, token
        self.newest.since = self._node.get_clock().now().to_msg()
        for follower in self._followers:
            follower(scene, token)
        self.publish()

    def publish(self) -> None:
        """Say it now; the next repetition is due a period later."""
        self._say()
        if self._repetition is not None:
            self._repetition.reset()

    def _say(self) -> None:
        self.newest.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(self.newest)


class CellStateWatch:
    """What the cell's state says; for whoever moves something in it."""

    def __init__(
        self, node: Node, topic: str = TOPIC, on_state: Callable[[CellState], None] = lambda _: None
    ) -> None:
        """Subscribe.

        Args:
            node: whose executor hears it.
            topic: relative name of the topic.
            on_state: called with every state.
        """
        self.newest: CellState | None = None
        """The last state that came; None before the first."""
        self._on_state = on_state
        self._lock = CellLock(
            f"nobody publishes {node.resolve_topic_name(topic)}, so that nobody knows whether a "
            "person is in the cell; start perturbation_node in it",
            SILENCE,
            _CONTRADICTION,
        )
        node.create_subscription(CellState, topic, self._keep, LATCHED)

    @property
    def token(self) -> str:
        """Of the scene in force; "" if there is none."""
        return self._lock.token

    def locked(self) -> str:
        """Why nothing may move, as a sentence with the remedy; "" if it may."""
        return self._lock.reason()

    def _keep(self, message: CellState) -> None:
        self.newest = message
        self._lock.hear(message.person_inside, message.token, message.detail)
        self._on_state(message)
