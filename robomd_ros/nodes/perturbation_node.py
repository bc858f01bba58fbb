"""Puts scenes in force in a cell, by asking a person or a simulator."""

import json
import math
import time
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node
from std_srvs.srv import Trigger

from robomd_msgs.action import ApplyScene
from robomd_msgs.msg import OperatorRequest
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.conversions import scene_from_msg, time_to_msg, variation_to_msg
from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.operator import (
    Answer,
    Answered,
    OperatorDesk,
    Refusal,
    Request,
    RequestKind,
    changes,
)
from robomd_ros.core.variations import NOMINAL, Scene
from robomd_ros.parameter_tables import PERTURBATION
from robomd_ros.parameters import declare
from robomd_ros.qos import LATCHED
from robomd_ros.runtime import (
    OneGoalServer,
    Ticker,
    cancel_late,
    finish,
    in_thread,
    main_of,
    unless,
)

_TICK = 0.25
"""s between looks at what is awaited, and between signs of life to who called."""
_CANCEL_GRACE = 1.0
"""s without a sign of life after which the simulator's answer to a cancellation is not awaited."""
_CODES = {
    Answer.SKIP: (ApplyScene.Result.SKIPPED, "the operator skipped this scene"),
    Answer.INVALID: (ApplyScene.Result.INVALID, "the operator declared the trial invalid"),
    Answer.STOP: (ApplyScene.Result.CANCELED, "the operator stopped the campaign"),
}


class _Watch:
    """Whether the simulator still works on a goal; passes its feedback on."""

    def __init__(self, handle: Any, timeout: float) -> None:
        self._handle = handle
        self._timeout = timeout
        self._last_sign = time.monotonic()

    def pass_on(self, message: Any) -> None:
        """Take feedback of the simulator, which is ours too."""
        self._last_sign = time.monotonic()
        if self._handle.is_active:
            self._handle.publish_feedback(message.feedback)

    def over(self) -> bool:
        """Whether to wait no longer."""
        limit = _CANCEL_GRACE if self._handle.is_cancel_requested else self._timeout
        return time.monotonic() - self._last_sign > limit

    @property
    def reason(self) -> str:
        """What went wrong."""
        if self._handle.is_cancel_requested:
            return "cancelled"
        return f"the simulator is silent for {self._timeout:g} s; is sim_bridge_node up?"


class PerturbationNode(Node):
    """Offers `apply_scene` for a cell and gets the scene made by the configured back end.

    The operator is asked for exactly the changes between the present and the wanted scene. There
    is no default answer; the first valid one from any front end counts and is logged.

    Parameters:
        backend (string): simulator or operator.
        operator_timeout (double, s): 0 waits for ever.
        simulator_timeout (double, s): for the simulator to be there, and between its signs of life.
        campaign_namespace (string): whose pause and stop services an operator reaches.

    Publishers:
        operator_request (robomd_msgs/OperatorRequest, latched): what is asked now; request_id 0
            when nothing is.

    Services:
        answer_operator_request (robomd_msgs/AnswerOperatorRequest): a front end's answer.
        <campaign_namespace>/pause (std_srvs/Trigger): called when an operator wants it.
        <campaign_namespace>/stop (std_srvs/Trigger): likewise.

    Actions:
        apply_scene (robomd_msgs/ApplyScene): put a scene in force.
        sim/apply_scene (robomd_msgs/ApplyScene): called by the back end simulator.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("perturbation_node", **kwargs)
        self._values = declare(self, PERTURBATION)
        self._present = NOMINAL
        self._cell_name = self.get_namespace().strip("/").rsplit("/", 1)[-1]
        self._requests = self.create_publisher(OperatorRequest, "operator_request", LATCHED)
        self._desk = OperatorDesk(self._publish_request)
        self._sim_goal: Any = None
        by_operator = self._values["backend"] == "operator"
        self._simulator = None if by_operator else ActionClient(self, ApplyScene, "sim/apply_scene")
        campaign = self._values["campaign_namespace"].rstrip("/")
        self._campaign = {
            Answer.PAUSE: self.create_client(Trigger, f"{campaign}/pause"),
            Answer.STOP: self.create_client(Trigger, f"{campaign}/stop"),
        }
        self.create_service(AnswerOperatorRequest, "answer_operator_request", self._on_answer)
        self._ticker = Ticker(self, _TICK)
        self._server = OneGoalServer(
            self,
            ApplyScene,
            "apply_scene",
            self._ask_operator if by_operator else self._ask_simulator,
            on_cancel=self._cancel,
        )
        self._publish_request(self._desk.open_request)

    def close(self) -> None:
        """Withdraw what is asked."""
        self._desk.withdraw()

    def _cancel(self) -> None:
        self._desk.withdraw()
        if self._sim_goal is not None:
            self._sim_goal.cancel_goal_async()

    async def _ask_simulator(self, handle: Any) -> ApplyScene.Result:
        """Forward the goal as it is; the simulator's result and feedback are ours."""
        timeout = self._values["simulator_timeout"]
        if not self._simulator.server_is_ready() and not await in_thread(
            self, "wait-simulator", lambda: self._simulator.wait_for_server(timeout)
        ):
            reason = f"sim/apply_scene is not offered after {timeout:g} s; is sim_bridge_node up?"
            return _ended(handle, ApplyScene.Result.CELL_FAULT, reason)
        watch = _Watch(handle, self._values["simulator_timeout"])
        sending = self._simulator.send_goal_async(handle.request, watch.pass_on)
        goal = await unless(self._ticker, sending, watch.over)
        if goal is None:
            sending.add_done_callback(cancel_late)
            return _ended(handle, ApplyScene.Result.CELL_FAULT, watch.reason)
        if not goal.accepted:
            return _ended(handle, ApplyScene.Result.BUSY, "the simulator executes another goal")
        self._sim_goal = goal
        if handle.is_cancel_requested:  # it came while the goal was on its way
            goal.cancel_goal_async()
        response = await unless(self._ticker, goal.get_result_async(), watch.over)
        self._sim_goal = None
        if response is None:
            goal.cancel_goal_async()
            return _ended(handle, ApplyScene.Result.CELL_FAULT, watch.reason)
        if response.status != GoalStatus.STATUS_SUCCEEDED and not response.result.error_code:
            reason = "the simulator broke off without a reason; see the log of sim_bridge_node"
            return _ended(handle, ApplyScene.Result.CELL_FAULT, reason)
        return finish(handle, response.result)

    async def _ask_operator(self, handle: Any) -> ApplyScene.Result:
        try:
            wanted = scene_from_msg(handle.request.scene)
        except CatalogueError as error:
            return _ended(handle, ApplyScene.Result.UNKNOWN_VARIATION, str(error))
        steps = changes(self._present, wanted)
        if steps.empty:
            return self._made(handle, wanted)
        kind = RequestKind.APPLY_SCENE if len(wanted) else RequestKind.RESTORE_NOMINAL
        timeout = self._values["operator_timeout"] or math.inf
        request = Request(kind=kind, instruction=_instruction(kind), steps=steps)
        started = self.get_clock().now()
        with self._ticker.calling(lambda: handle.publish_feedback(self._feedback(started))):
            answered = await in_thread(self, "operator", lambda: self._desk.ask(request, timeout))
        return self._end_operator(handle, wanted, answered, timeout)

    def _end_operator(
        self, handle: Any, wanted: Scene, answered: Answered | None, timeout: float
    ) -> ApplyScene.Result:
        if answered is None and handle.is_cancel_requested:
            return _ended(handle, ApplyScene.Result.CANCELED, "withdrawn")
        if answered is None:
            reason = f"no answer of the operator within {timeout:g} s"
            return _ended(handle, ApplyScene.Result.TIMEOUT, reason)
        if answered.answer is Answer.STOP:
            self._call_campaign(Answer.STOP)
        if answered.answer in _CODES:
            return _ended(handle, *_CODES[answered.answer])
        return self._made(handle, wanted)

    def _made(self, handle: Any, wanted: Scene) -> ApplyScene.Result:
        self._present = wanted
        return finish(handle, ApplyScene.Result(applied=self.get_clock().now().to_msg()))

    def _feedback(self, started: Any) -> ApplyScene.Feedback:
        elapsed = (self.get_clock().now() - started).nanoseconds * 1e-9
        return ApplyScene.Feedback(waiting_for="operator", elapsed=elapsed)

    def _publish_request(self, request: Request) -> None:
        message = OperatorRequest(
            request_id=request.number,
            kind=int(request.kind),
            instruction=request.instruction,
            apply=[variation_to_msg(v) for v in request.steps.apply],
            undo=[variation_to_msg(v) for v in request.steps.undo],
            deadline=time_to_msg(request.deadline),
        )
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = self._cell_name
        self._requests.publish(message)

    def _on_answer(self, request: Any, response: Any) -> Any:
        refusal, reason = self._desk.answer(
            request.request_id, request.answer, request.operator_name, request.comment
        )
        response.accepted = refusal is Refusal.NONE
        response.error_code, response.error_msg = int(refusal), reason
        record = {
            "request": request.request_id,
            "answer": int(request.answer),
            "operator": request.operator_name,
            "comment": request.comment,
            "counted": response.accepted,
        }
        self.get_logger().info(f"operator answer {json.dumps(record)}")
        if response.accepted and request.answer == Answer.PAUSE:
            self._call_campaign(Answer.PAUSE)
        return response

    def _call_campaign(self, what: Answer) -> None:
        """Ask the diagnosis to pause or stop; nobody waits for the answer here."""
        client = self._campaign[what]
        if client.service_is_ready():
            client.call_async(Trigger.Request())
        else:
            self.get_logger().warning(f"{client.srv_name} is not offered; nothing was told")


def _instruction(kind: RequestKind) -> str:
    if kind is RequestKind.RESTORE_NOMINAL:
        return "Take back every change: the scene should be as it was at the beginning."
    return "Make these changes to the scene, in this order, then answer."


def _ended(handle: Any, code: int, reason: str) -> ApplyScene.Result:
    return finish(handle, ApplyScene.Result(error_code=code, error_msg=reason))


def main() -> None:
    """Run the node."""
    main_of(PerturbationNode)


if __name__ == "__main__":
    main()
