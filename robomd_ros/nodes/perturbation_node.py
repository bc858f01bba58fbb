# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Puts scenes in force in a cell, by asking a person or a simulator."""

import json
import time
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.client import Client
from rclpy.node import Node
from rclpy.service_introspection import ServiceIntrospectionState
from std_srvs.srv import Trigger

from robomd_msgs.action import ApplyScene, LabelOutcome
from robomd_msgs.msg import CampaignStatus, OperatorRequest
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.core.campaign.repeats import rest_of
from robomd_ros.core.operator.desk import (
    LONGEST_TEXT,
    NUMBERS,
    Answer,
    OperatorDesk,
    Refusal,
    Request,
)
from robomd_ros.nodes.cell_order import Told
from robomd_ros.nodes.operator_backend import OperatorBackend
from robomd_ros.nodes.simulator_backend import OwnSimulator, SimulatorBackend
from robomd_ros.ros.cell_state import CellStatePublisher, CellStateWatch
from robomd_ros.ros.conversions import variation_to_msg
from robomd_ros.ros.node_parameters import PerturbationParameters
from robomd_ros.ros.parameters import campaign_namespace, declare
from robomd_ros.ros.qos import LATCHED, TRIALS
from robomd_ros.ros.runtime import KEEP_SHORT, OneGoalServer, Ticker, main_of, unless
from robomd_ros.ros.standard import time_to_msg

_TICK = 0.2
"""s between looks at what is awaited, and between signs of life to who called."""
_UNDO_TIMEOUT = 10.0
"""s for the diagnosis to take a label back."""


class PerturbationNode(Node):
    """Offers `apply_scene` for a cell and gets the scene made by the configured back end.

    The operator is asked for exactly the changes between the present and the wanted scene, for the
    label of a rollout, and for the robot's recovery. There is no default answer; the first valid
    one from any front end counts and is logged. One thing is asked at a time. Nobody is asked to
    reach in while a rollout is executed: it follows the status of `execute_policy`.

    Parameters:
        backend (string): simulator or operator.
        operator_timeout (double, s): 0 waits for ever.
        countdown (double, s): between an answer of a person who reached in and the first motion.
        reset_instruction (string): what a person does before every trial; empty: nothing, and a
            scene that is in force already asks nobody.
        camera (string): topic of the pictures by which changes are verified; empty: none.
        still_pictures (bool): pictures of a scene at rest may repeat.
        recover_timeout (double, s): for the robot's recovery to end.
        simulator_timeout (double, s): for the simulator to be there, and between its signs of life.
        campaign_namespace (string): whose pause and stop services an operator reaches; empty: the
            one above the node's own.

    Publishers:
        operator_request (robomd_msgs/OperatorRequest, latched): what is asked now; request_id 0
            when nothing is, then with a deadline during a count-down: when the arm may move.
        cell_state (robomd_msgs/CellState, latched): whether somebody is asked to reach in, and
            which scene is in force; at every change, and five times a second.
        answer_operator_request/_service_event (robomd_msgs/AnswerOperatorRequest_Event, reliable,
            depth 50): what was answered, when, and whether it counted.

    Subscriptions:
        sim/cell_state (robomd_msgs/CellState, latched): back end simulator: which scene is in
            force, unless the simulator's node is in this process.
        camera/image_raw (sensor_msgs/Image): back end operator: changes are verified by it, or by
            the topic of `camera`; reliable or best effort, as its publisher is.
        <campaign_namespace>/campaign_status (robomd_msgs/CampaignStatus): back end operator:
            latched; a cell that rests, for the same reason thrice, is given to a person.
        robot_status (robomd_msgs/RobotStatus, latched): back end operator: a person is asked to
            reach in where the arm rests, holds nothing and is home, and to recover it before.

    Services:
        answer_operator_request (robomd_msgs/AnswerOperatorRequest): a front end's answer.
        undo_label (robomd_msgs/AnswerOperatorRequest): the diagnosis's; called for UNDO.
        recover (std_srvs/Trigger): back end operator: called when a person has said that the
            robot may be recovered.
        open_gripper (std_srvs/Trigger): back end operator: called when a person holds the object.
        set_down (std_srvs/Trigger): back end operator: called when a person has said that the arm
            may set the object down; not offered by every arm.
        hold_motion (robomd_msgs/HoldMotion): back end operator: the right to bring the arm home.
        home (std_srvs/Trigger): back end operator: called where nobody offers hold_motion.
        stop_motion (std_srvs/Trigger): back end operator: likewise, when the way takes too long.
        <campaign_namespace>/pause (std_srvs/Trigger): called when an operator wants it.
        <campaign_namespace>/stop (std_srvs/Trigger): likewise.
        <campaign_namespace>/resume (std_srvs/Trigger): back end operator: called when a person has
            mended a cell that rests.

    Actions:
        apply_scene (robomd_msgs/ApplyScene): put a scene in force.
        label_outcome (robomd_msgs/LabelOutcome): back end operator: label a rollout; then the
            object is released and the arm goes home.
        move_to_joints (robomd_msgs/MoveToJoints): back end operator: called to go home.
        sim/apply_scene (robomd_msgs/ApplyScene): back end simulator: called for every scene,
            unless the simulator's node is in this process.
    """

    def __init__(self, simulator: OwnSimulator | None = None, **kwargs: Any) -> None:
        """Offer the actions.

        Args:
            simulator: of the back end simulator; None: whoever offers sim/apply_scene.
            **kwargs: of rclpy's Node.
        """
        super().__init__("perturbation_node", **kwargs)
        values = declare(self, PerturbationParameters)
        self._cell_name = self.get_namespace().strip("/").rsplit("/", 1)[-1]
        self._requests = self.create_publisher(OperatorRequest, "operator_request", LATCHED)
        self._state = CellStatePublisher(self, self._cell_name)
        # a front end's answer to what was asked before a restart must not count for something else
        self._desk = OperatorDesk(self._publish_request, after=int(time.time()) * NUMBERS)
        campaign = campaign_namespace(self, values["campaign_namespace"])
        self._campaign = {
            Answer.PAUSE: self.create_client(Trigger, f"{campaign}/pause"),
            Answer.STOP: self.create_client(Trigger, f"{campaign}/stop"),
        }
        self._undo_label = self.create_client(AnswerOperatorRequest, "undo_label")
        # an answer that awaits the diagnosis must not keep the node from hearing it
        own_group = ReentrantCallbackGroup()
        answers = self.create_service(
            AnswerOperatorRequest,
            "answer_operator_request",
            self._on_answer,
            callback_group=own_group,
        )
        # who answered what and when is recorded with the campaign
        answers.configure_introspection(
            self.get_clock(), TRIALS, ServiceIntrospectionState.CONTENTS
        )
        self._ticker = Ticker(self, _TICK)
        self._servers: list[OneGoalServer] = []
        if values["backend"] == "operator":
            resume = self.create_client(Trigger, f"{campaign}/resume")
            operator = OperatorBackend(
                self,
                self._desk,
                self._ticker,
                self._state,
                values,
                Told(self._announce, values["countdown"]),
                lambda: self._call_campaign(self._campaign[Answer.STOP]),
                lambda: self._call_campaign(resume),
            )
            self.create_subscription(
                CampaignStatus,
                f"{campaign}/campaign_status",
                lambda m: operator.rests(rest_of(m.message, self._cell_name)),
                LATCHED,
            )
            self._serve(ApplyScene, "apply_scene", operator.apply_scene, operator.cancel)
            self._serve(LabelOutcome, "label_outcome", operator.label_outcome, operator.cancel)
            makes = "a person makes the scenes"
        else:
            makes = "the simulator of this process makes the scenes"
            if simulator is None:
                makes = "the simulator behind sim/apply_scene makes the scenes"
                simulator = SimulatorBackend(self, self._ticker, values["simulator_timeout"])
                CellStateWatch(
                    self, "sim/cell_state", lambda s: self._state.in_force(s.scene, s.token)
                )
            else:
                simulator.state.follow(self._state.in_force)
            self._serve(ApplyScene, "apply_scene", simulator.apply_scene, simulator.cancel)
        self._publish_request(self._desk.open_request)
        self.get_logger().info(f"up: {makes}; waits for goals")

    def close(self) -> None:
        """Withdraw what is asked."""
        self._desk.withdraw()

    def _serve(self, action_type: Any, name: str, execute: Any, cancel: Any) -> None:
        """Offer an action; a goal is rejected while one of another action is executed."""
        server = OneGoalServer(
            self,
            action_type,
            name,
            execute,
            on_cancel=cancel,
            accept=lambda _: not any(s.busy for s in self._servers),
            keep_result=KEEP_SHORT,
        )
        self._servers.append(server)

    def _publish_request(self, request: Request) -> None:
        message = OperatorRequest(
            request_id=request.number,
            kind=int(request.kind),
            instruction=request.instruction,
            apply=[variation_to_msg(v) for v in request.steps.apply],
            undo=[variation_to_msg(v) for v in request.steps.undo],
            deadline=time_to_msg(request.deadline),
            holds_object=request.holds_object,
            arm_position=request.arm_position,
        )
        self._publish(message)

    def _announce(self, text: str, moment: float) -> None:
        """Say that the arm may move at a Unix time, s; 0: no more."""
        self._publish(OperatorRequest(instruction=text, deadline=time_to_msg(moment)))

    def _publish(self, message: OperatorRequest) -> None:
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = self._cell_name
        self._requests.publish(message)

    async def _on_answer(self, request: Any, response: Any) -> Any:
        refusal, reason = self._desk.answer(
            request.request_id,
            request.answer,
            request.operator_name,
            request.comment,
            request.tag,
        )
        if refusal is Refusal.NONE and request.answer == Answer.UNDO:
            refusal, reason = await self._undo(request)
        response.accepted = refusal is Refusal.NONE
        response.error_code, response.error_msg = int(refusal), reason
        record = {
            "request": request.request_id,
            "answer": int(request.answer),
            "operator": request.operator_name[:LONGEST_TEXT],
            "comment": request.comment[:LONGEST_TEXT],
            "tag": request.tag[:LONGEST_TEXT],
            "counted": response.accepted,
        }
        self.get_logger().info(f"operator answer {json.dumps(record)}")
        if response.accepted and request.answer == Answer.PAUSE:
            self._call_campaign(self._campaign[Answer.PAUSE])
        return response

    async def _undo(self, request: Any) -> tuple[Refusal, str]:
        """Have the diagnosis take the last label of this cell back."""
        client = self._undo_label
        if not client.service_is_ready():
            return Refusal.NOT_AN_ANSWER, f"{client.srv_name} is not offered; nothing was undone"
        limit = time.monotonic() + _UNDO_TIMEOUT
        future = client.call_async(request)
        done = await unless(self._ticker, future, lambda: time.monotonic() > limit)
        if done is None:
            return Refusal.NOT_AN_ANSWER, (
                f"{client.srv_name} gave no answer within {_UNDO_TIMEOUT:g} s; look at the trials "
                "before you undo again"
            )
        return Refusal(done.error_code), done.error_msg

    def _call_campaign(self, client: Client) -> None:
        """Ask the diagnosis to pause, stop or resume; nobody waits for the answer here."""
        if client.service_is_ready():
            client.call_async(Trigger.Request())
        else:
            self.get_logger().warning(f"{client.srv_name} is not offered; nothing was told")


def main() -> None:
    """Run the node."""
    main_of(PerturbationNode)


if __name__ == "__main__":
    main()
