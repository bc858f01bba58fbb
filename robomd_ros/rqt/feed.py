# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Between the ROS graph and the panel: messages to Qt signals, clicks to service calls."""

import threading
import time
from collections.abc import Callable
from typing import Any

from rcl_interfaces.srv import GetParameters
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from std_srvs.srv import Trigger

from robomd_msgs import msg
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.core.campaign.followed import FollowedCampaign
from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.operator.desk import Answer
from robomd_ros.ros.conversions import ranking_from_msg, status_from_msg, trial_from_msg
from robomd_ros.ros.polled import PolledSubscription
from robomd_ros.ros.qos import LATCHED, TRIALS
from robomd_ros.rqt.calls import Calls
from robomd_ros.rqt.cell_link import CELL_TOPICS, CellLink
from robomd_ros.rqt.qt import Qt, QtCore, Signal
from robomd_ros.rqt.values import Presence

_STEADY = Clock(clock_type=ClockType.STEADY_TIME)
"""Of the looks: they go on where a simulated clock stands still."""
_POLL = 0.5
"""s between looks at what the diagnosis has published."""
_LOOK = 2.0
"""s between looks at who is on the graph."""
_DELIVER = 80
"""ms for which what arrives is gathered before the widgets are told."""
_WAIT = 250
"""ms until the next look at what was held back."""
_PAUSE = {"status": 0.5, "trial": 1.0, "ranking": 1.0}
"""s between deliveries of a kind: nobody reads faster, and drawing costs the campaign."""
_UNREAD: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "status": (msg.CampaignStatus, status_from_msg),
    "ranking": (msg.FailureRanking, ranking_from_msg),
}
"""What arrives as bytes, and is read when it is delivered: most of it is replaced before that."""
_EVENTS = ("trial", "call", "problem")
"""What is delivered one by one; of everything else only the newest counts."""


class Feed(QtCore.QObject):
    """What a diagnosis and its cells publish, as signals in the thread of the GUI.

    The node is spun by somebody else (rqt, or GraphThread). What arrives is gathered and delivered
    some times a second, so that no flood of messages holds the GUI; no method here blocks.

    Parameters:
        Those of its owner; none of its own.

    Subscriptions:
        campaign_status (robomd_msgs/CampaignStatus, latched)
        failure_ranking (robomd_msgs/FailureRanking, latched)
        trials (robomd_msgs/Trial, reliable, depth 50)
        <cell>/operator_request (robomd_msgs/OperatorRequest, latched)
        <cell>/robot_status (robomd_msgs/RobotStatus, latched)
        <cell>/camera/image_raw (sensor_msgs/Image, sensor data): of the watched cell.

    Services:
        pause, resume, stop (std_srvs/Trigger): called.
        <cell>/answer_operator_request (robomd_msgs/AnswerOperatorRequest): called.
        <cell>/recover, <cell>/stop_motion (std_srvs/Trigger): called.
        diagnosis_node/get_parameters (rcl_interfaces/GetParameters): for the campaign's folder.
    """

    status_changed = Signal(object)  # CampaignStatus
    ranking_changed = Signal(object)  # FailureRanking
    trial_arrived = Signal(object, str, float)  # Trial, campaign_id, Unix time of its end, s
    request_changed = Signal(str, object)  # cell, Request
    robot_changed = Signal(str, object)  # cell, RobotState
    picture_arrived = Signal(str, object)  # cell, QImage
    presence_changed = Signal(object)  # Presence
    folder_found = Signal(str)  # the running campaign's folder, as the diagnosis names it
    call_ended = Signal(object)  # CallResult
    problem = Signal(str)  # a message that could not be read
    _woken = Signal()

    def __init__(self, node: Node, namespace: str, parent: Any = None) -> None:
        """Join the graph.

        Args:
            node: spun by somebody else; the feed adds its subscriptions and clients to it.
            namespace: of the diagnosis; its cells are the namespaces below.
            parent: Qt parent.
        """
        super().__init__(parent)
        self._node = node
        self._namespace = "/" + namespace.strip("/")
        self._lock = threading.Lock()
        self._box: dict[tuple[str, str], Any] = {}
        self._events: list[tuple[str, Any]] = []
        self._tasks: list[Callable[[], None]] = []
        self._is_awake = False
        self._delivered: dict[str, float] = {}
        self._followed = FollowedCampaign()
        self._watched = ""
        self._cells: dict[str, CellLink] = {}
        self._presence: Presence | None = None
        self._closed = False
        self._gather = QtCore.QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.timeout.connect(self._deliver)
        self._woken.connect(self._deliver_soon, Qt.ConnectionType.QueuedConnection)
        self._join()

    @property
    def namespace(self) -> str:
        """Of the diagnosis."""
        return self._namespace

    # For the widgets

    def watch(self, cell: str) -> None:
        """Show this cell's camera, and no other's."""

        def change() -> None:
            self._watched = cell
            for name, known in self._cells.items():
                known.watch_camera(name == cell)

        self._do(change)

    def control(self, what: str) -> None:
        """Call pause, resume or stop; call_ended tells what came of it."""
        self._do(lambda: self._calls.trigger("", what, self._controls[what]))

    def command_robot(self, cell: str, what: str) -> None:
        """Call recover or stop_motion of a cell; call_ended tells what came of it."""
        self._do(lambda: self._calls.trigger(cell, what, self._cells[cell].triggers[what]))

    def answer(
        self, cell: str, number: int, answer: Answer, operator: str, comment: str, tag: str
    ) -> None:
        """Answer a request; call_ended tells whether it counted."""
        request = AnswerOperatorRequest.Request(
            request_id=number, answer=int(answer), operator_name=operator, comment=comment, tag=tag
        )
        self._do(lambda: self._calls.answer(cell, request, self._cells[cell].answers))

    def close(self) -> None:
        """Leave the graph soon; the node is somebody else's and stays."""
        self._closed = True
        self._do(self._leave)

    # On the node's executor

    def _join(self) -> None:
        node, group = self._node, MutuallyExclusiveCallbackGroup()
        self._group = group
        self._calls = Calls(self.post)

        def subscribe(kind: Any, topic: str, qos: Any) -> PolledSubscription:
            return PolledSubscription(node, kind, f"{self._namespace}/{topic}", qos)

        self._controls = {
            what: node.create_client(Trigger, f"{self._namespace}/{what}", callback_group=group)
            for what in ("pause", "resume", "stop")
        }
        self._parameters = node.create_client(
            GetParameters,
            f"{self._namespace}/diagnosis_node/get_parameters",
            callback_group=group,
        )
        self._newest = {
            "status": subscribe(msg.CampaignStatus, "campaign_status", LATCHED),
            "ranking": subscribe(msg.FailureRanking, "failure_ranking", LATCHED),
        }
        self._trials = subscribe(msg.Trial, "trials", TRIALS)
        self._guard_condition = node.create_guard_condition(self._run_tasks, callback_group=group)
        self._timers = [
            node.create_timer(period, self.guarded(do), callback_group=group, clock=_STEADY)
            for period, do in ((_POLL, self._poll), (_LOOK, self._look))
        ]

    def _leave(self) -> None:
        # here and not in close(): what another thread destroys under a spinning executor ends it
        node = self._node
        for cell in self._cells.values():
            cell.destroy()
        for timer in self._timers:
            node.destroy_timer(timer)
        for subscription in (*self._newest.values(), self._trials):
            subscription.destroy()
        for client in (*self._controls.values(), self._parameters):
            node.destroy_client(client)
        node.destroy_guard_condition(self._guard_condition)

    def guarded(self, take: Callable[..., None]) -> Callable[..., None]:
        """A callback whose error is shown: one bad message must not end whoever spins the node."""

        def guarded(*message: Any) -> None:
            try:
                if not self._closed:
                    take(*message)
            except (RoboMDError, ValueError) as error:
                self.post("problem", f"a message cannot be shown: {error}")

        return guarded

    def post(self, kind: str, value: Any, cell: str = "") -> None:
        """Hand something to the thread of the GUI; from any thread."""
        if self._closed:
            return
        with self._lock:
            if kind in _EVENTS:
                self._events.append((kind, value))
            else:
                self._box[kind, cell] = value
            wake, self._is_awake = not self._is_awake or kind not in _PAUSE, True
        if wake:
            self._woken.emit()

    def _post_of(self, cell: str) -> Callable[[str, Any], None]:
        return lambda kind, value: self.post(kind, value, cell)

    def _do(self, task: Callable[[], None]) -> None:
        """Run something on the executor: entities are made, used and destroyed on its thread."""
        with self._lock:
            self._tasks.append(task)
        self._guard_condition.trigger()

    def _run_tasks(self) -> None:
        with self._lock:
            tasks, self._tasks = self._tasks, []
        for task in tasks:
            try:
                task()
            except KeyError as error:
                self.post("problem", f"{error} is not on the graph; nothing was called")

    def _poll(self) -> None:
        """Take what the diagnosis has published."""
        for kind, subscription in self._newest.items():
            for data in subscription.take()[-1:]:
                self.post(kind, data)
        show = self.guarded(self._on_trial)  # of each its own: one that is odd hides no other
        for data in self._trials.take():
            show(deserialize_message(data, msg.Trial))

    def _on_trial(self, message: msg.Trial) -> None:
        stamp = message.header.stamp
        ended = stamp.sec + stamp.nanosec * 1e-9
        if not self._followed.takes(message.campaign_id):
            return
        self.post("trial", (trial_from_msg(message), message.campaign_id, ended))

    def _look(self) -> None:
        """See who is there: nodes come and go without a word."""
        self._calls.expire(time.monotonic())
        prefix = f"{self._namespace}/"
        for topic, _types in self._node.get_topic_names_and_types():
            name, _, rest = topic.removeprefix(prefix).partition("/")
            is_new = topic.startswith(prefix) and rest in CELL_TOPICS and name not in self._cells
            # another panel's subscription alone also lists a topic
            if is_new and self._node.count_publishers(topic):
                self._cells[name] = CellLink(
                    self._node, prefix + name, self._group, self.guarded, self._post_of(name)
                )
                self._cells[name].watch_camera(name == self._watched)
        presence = Presence(
            diagnosis=self._node.count_publishers(f"{prefix}campaign_status") > 0,
            controls=all(client.service_is_ready() for client in self._controls.values()),
            cells={name: self._cells[name].presence() for name in sorted(self._cells)},
        )
        if presence.controls and not (self._presence and self._presence.controls):
            self._ask_folder()
        if presence != self._presence:
            self._presence = presence
            self.post("presence", presence)

    def _ask_folder(self) -> None:
        """Ask the diagnosis for its folder: paths of pictures in messages are relative to it."""
        if not self._parameters.service_is_ready():
            return

        def take(future: Any) -> None:
            values = future.result().values if future.result() is not None else ()
            if values and values[0].string_value:
                self.post("folder", values[0].string_value)

        request = GetParameters.Request(names=["campaign_dir"])
        self._parameters.call_async(request).add_done_callback(take)

    # In the thread of the GUI

    def _deliver_soon(self) -> None:
        if not self._gather.isActive() or self._gather.remainingTime() > _DELIVER:
            self._gather.start(_DELIVER)

    def _deliver(self) -> None:
        now = time.monotonic()
        with self._lock:
            box = {key: value for key, value in self._box.items() if self._due(key[0], now)}
            events = [event for event in self._events if self._due(event[0], now)]
            self._box = {key: value for key, value in self._box.items() if key not in box}
            self._events = [event for event in self._events if not self._due(event[0], now)]
            self._is_awake = bool(self._box or self._events)
        self._delivered.update({kind: now for kind, _ in (*box, *events)})
        if self._is_awake:
            self._gather.start(_WAIT)
        for (kind, cell), value in box.items():
            if cell:
                self._cell_signal(kind).emit(cell, value)
            elif kind in _UNREAD:
                self._tell_unread(kind, value)
            else:
                self._signal(kind).emit(value)
        for kind, value in events:
            if kind == "trial":
                self.trial_arrived.emit(*value)
            else:
                self._signal(kind).emit(value)

    def _due(self, kind: str, now: float) -> bool:
        last = self._delivered.get(kind)
        return last is None or now - last >= _PAUSE.get(kind, 0.0)

    def _tell_unread(self, kind: str, data: bytes) -> None:
        message_type, read = _UNREAD[kind]
        try:
            value = read(deserialize_message(data, message_type))
        except (RoboMDError, ValueError) as error:
            self.problem.emit(f"a message cannot be shown: {error}")
        else:
            follow = self._followed
            takes = (
                follow.takes_status(value) if kind == "status" else follow.takes(value.campaign_id)
            )
            if takes:
                self._signal(kind).emit(value)

    def _cell_signal(self, kind: str) -> Any:
        return {
            "request": self.request_changed,
            "robot": self.robot_changed,
            "picture": self.picture_arrived,
        }[kind]

    def _signal(self, kind: str) -> Any:
        return {
            "status": self.status_changed,
            "ranking": self.ranking_changed,
            "presence": self.presence_changed,
            "folder": self.folder_found,
            "call": self.call_ended,
            "problem": self.problem,
        }[kind]
