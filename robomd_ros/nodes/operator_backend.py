# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The back end `operator` of the perturbation node: a person makes, labels and recovers."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rclpy.node import Node
from rclpy.task import Future

from robomd_msgs.action import ApplyScene, LabelOutcome
from robomd_ros.core.campaign.repeats import LIMIT
from robomd_ros.core.errors import CatalogueError, CellFault
from robomd_ros.core.operator.desk import (
    Answer,
    Answered,
    OperatorDesk,
    Request,
    RequestKind,
    changes,
)
from robomd_ros.core.operator.words import split_tag
from robomd_ros.core.policies.pace import slowness
from robomd_ros.core.trial import Outcome, Result, Source
from robomd_ros.core.variations import NOMINAL, Scene
from robomd_ros.nodes.cell_order import REACHING, CellOrder, Told
from robomd_ros.nodes.change_check import ChangeCheck
from robomd_ros.nodes.robot_watch import RobotWatch, sentence
from robomd_ros.ros.cell_state import CellStatePublisher, new_token
from robomd_ros.ros.conversions import (
    facts_to_msg,
    outcome_from_msg,
    outcome_to_msg,
    scene_from_msg,
)
from robomd_ros.ros.runtime import Ticker, finish, in_thread


class _EndedError(Exception):
    """A goal ends without what it wanted; `code` is the name of the result's constant."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


_ENDS = {
    Answer.SKIP: ("SKIPPED", "the operator skipped this scene"),
    Answer.INVALID: ("INVALID", "the operator declared the trial invalid"),
    Answer.STOP: ("CANCELED", "the operator stopped the campaign"),
}
_LABELS = {Answer.SUCCESS: Result.SUCCESS, Answer.FAILURE: Result.FAILURE}
_UNKNOWN_SCENE = (
    "This program was just started and does not know the scene. Take back every change that you "
    "see, so that all is as it was at the very beginning."
)


class OperatorBackend:
    """Asks the person at the cell for one thing after the other.

    What is in force is known from the answers alone. After a start it is unknown: the person is
    asked to restore the nominal scene, before any difference is trusted.
    """

    def __init__(
        self,
        node: Node,
        desk: OperatorDesk,
        ticker: Ticker,
        state: CellStatePublisher,
        values: dict[str, Any],
        told: Told,
        stop: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        """Connect the pieces.

        Args:
            node: the perturbation node.
            desk: shows requests and takes answers.
            ticker: of the node.
            state: tells whether somebody is inside, and which scene is in force.
            values: its parameters.
            told: how a person is told what comes.
            stop: tells the campaign that the operator wants it to end.
            resume: tells it that a cell that rests is mended.
        """
        self._node = node
        self._desk = desk
        self._ticker = ticker
        self._state = state
        self._timeout = values["operator_timeout"] or math.inf
        self._reset = values["reset_instruction"].strip()
        self._stop, self._resume = stop, resume
        self._resting, self._mending = "", False
        self._robot = RobotWatch(node, ticker, values["recover_timeout"], self._robot_is_ready)
        self._check = ChangeCheck(node, ticker, values["camera"], values["still_pictures"])
        self._robot.also = self._check.fault
        self._measured: dict[str, Any] = {}
        self._order = CellOrder(node, ticker, state, self._robot, told)
        self._needless: Callable[[], bool] = lambda: False
        self._tidying: Future | None = None
        self._present: Scene | None = None
        self._unfinished = False
        self._cancelled = False

    def cancel(self) -> None:
        """Withdraw what is asked; the running goal ends."""
        self._cancelled = True
        self._desk.withdraw()

    async def apply_scene(self, handle: Any) -> ApplyScene.Result:
        """Execute a goal of apply_scene: the robot is ready and the scene in force, or an error."""
        self._cancelled = False
        result = ApplyScene.Result()
        started = self._node.get_clock().now()

        def feedback() -> None:
            elapsed = self._since(started)
            handle.publish_feedback(ApplyScene.Feedback(waiting_for="operator", elapsed=elapsed))

        try:
            self._measured = {}
            wanted = scene_from_msg(handle.request.scene)
            with self._ticker.calling(feedback):
                try:
                    await self._put_in_force(wanted)
                finally:
                    await self._order.step_back()
            result.facts = facts_to_msg(self._measured)
            result.token = new_token()
            self._state.in_force(handle.request.scene, result.token)
            result.applied = self._node.get_clock().now().to_msg()
        except CatalogueError as error:
            result.error_code, result.error_msg = result.UNKNOWN_VARIATION, str(error)
        except CellFault as fault:
            result.error_code, result.error_msg = result.CELL_FAULT, str(fault)
        except _EndedError as end:
            result.error_code, result.error_msg = getattr(result, end.code), str(end)
        return finish(handle, result)

    async def _put_in_force(self, wanted: Scene) -> None:
        """The scene in force, whoever has to do something for it; the cell may stay locked."""
        if self._tidying is not None:
            await self._tidying
        if not await self._order.settled():
            raise _EndedError("BUSY", "the arm moves; wait for the end of what it does, or stop it")
        await self._order.restore(self._ask)
        self._state.begin_change()
        await self._make(wanted)

    async def label_outcome(self, handle: Any) -> LabelOutcome.Result:
        """Execute a goal of label_outcome."""
        self._cancelled = False
        known = outcome_from_msg(handle.request.outcome)
        result = LabelOutcome.Result()
        started = self._node.get_clock().now()

        def feedback() -> None:
            handle.publish_feedback(LabelOutcome.Feedback(elapsed=self._since(started)))

        request = _label_request(handle.request.instruction, known, self._robot.away)
        try:
            with self._ticker.calling(feedback):
                answered = await self._ask(request)
                if request.kind is RequestKind.ROLLOUT_RUNS:  # the answer ends it
                    self._tidying = Future(executor=self._node.executor)
                    self._node.executor.create_task(self._tidy_later)
                else:
                    await self._tidy()
            outcome = _labelled(known, answered)
        except _EndedError as end:
            result.error_code, result.error_msg = getattr(result, end.code), str(end)
            source = Source.OPERATOR if end.code == "INVALID" else Source.UNKNOWN
            outcome = replace(known, result=Result.INVALID, source=source, detail=str(end))
        result.outcome = outcome_to_msg(outcome)
        return finish(handle, result)

    def rests(self, reason: str) -> None:
        """The campaign gives this cell no more trials, for a reason; empty: it does again."""
        before, self._resting = self._resting, reason
        if reason and not before:
            self._node.executor.create_task(self._mend)
        elif before and not reason and self._mending:
            self._desk.withdraw()

    async def _mend(self) -> None:
        """Have a person see to what made trial after trial invalid; then the campaign goes on."""
        if self._tidying is not None:
            await self._tidying
        self._cancelled = False
        mended = self._tidying = Future(executor=self._node.executor)
        text = (
            f"The last {LIMIT} trials were invalid for one reason: {sentence(self._resting)} The "
            "campaign waits. Mend it, step back, then answer done: the robot is recovered, and "
            "the campaign goes on."
        )
        self._mending = True
        try:
            await self._order.settled()
            request = Request(kind=RequestKind.RECOVER_ROBOT, instruction=text)
            answered = await self._ask(request, lambda: not self._resting)
            self._mending = False
            await self._order.step_back()
            if answered is not None:
                await self._robot.recover()
                self._resume()
        except (_EndedError, CellFault) as end:
            self._node.get_logger().warning(f"the cell still rests: {end}")
        finally:
            self._mending, self._tidying = False, None
            mended.set_result(None)

    async def _tidy(self) -> None:
        """Release what is held and go home, under the eyes of who has just given the label.

        Whatever happens here, the label stands; what is not done now comes before the next scene.
        """
        try:
            await self._order.restore(self._ask, announced=True)
        except (_EndedError, CellFault) as end:
            self._node.get_logger().warning(f"after the label: {end}")
        finally:
            await self._order.step_back()

    async def _tidy_later(self) -> None:
        """As `_tidy`, once the rollout has ended that the label ends."""
        tidying = self._tidying
        try:
            if await self._order.settled():
                await self._tidy()
        finally:
            self._tidying = None
            if tidying is not None:
                tidying.set_result(None)

    def _robot_is_ready(self) -> None:
        recover = self._desk.open_request.kind is RequestKind.RECOVER_ROBOT
        if recover and self._needless():
            self._desk.withdraw()

    async def _make(self, wanted: Scene) -> None:
        if self._present is None:
            await self._ask(Request(kind=RequestKind.RESTORE_NOMINAL, instruction=_UNKNOWN_SCENE))
            self._present = NOMINAL
            if not len(wanted):
                return
        steps = changes(self._present, wanted)
        if steps.empty and not self._reset:
            return
        kind = RequestKind.APPLY_SCENE
        if not len(wanted) and not steps.empty:
            kind = RequestKind.RESTORE_NOMINAL
        text = self._instruction(kind, steps.empty)
        await self._ask_until_seen(Request(kind=kind, instruction=text, steps=steps), wanted)
        self._present = wanted

    async def _ask_until_seen(self, request: Request, wanted: Scene) -> None:
        """Ask for a change again while the camera does not show it, and the person does not insist.

        What was measured goes into the result of the scene.
        """
        self._check.remember()
        asked, doubt = 0, ""
        while True:
            text = f"{doubt} {request.instruction}".strip()
            answered = await self._ask(replace(request, instruction=text))
            asked += 1
            found = await self._check.look(request.steps, wanted)
            self._measured = {**found.facts, "change_asked": asked}
            if answered is not None and answered.comment:
                self._measured["remark"] = answered.comment
            if found.frozen:
                self._unfinished = True
                raise _EndedError("CELL_FAULT", found.problem)
            insists = answered is not None and answered.answer is Answer.REALLY_DONE
            if found.problem and insists:
                self._measured["change_verified"] = "really done"
            if not found.problem or insists:
                return
            doubt = f"{found.problem} Make the change, or answer really done."

    def _instruction(self, kind: RequestKind, unchanged: bool) -> str:
        sentences = []
        if self._unfinished:
            sentences.append("What was asked last was not done: take back what you began of it.")
        if self._reset:
            sentences.append(self._reset)
        if unchanged:
            sentences.append("Change nothing else.")
        elif kind is RequestKind.RESTORE_NOMINAL:
            sentences.append("Then all is as it was at the beginning.")
        return " ".join(sentences)

    async def _ask(
        self, request: Request, withdrawn: Callable[[], bool] = lambda: False
    ) -> Answered | None:
        """Ask the person and wait.

        Args:
            request: what is asked.
            withdrawn: whether the request may have become needless.

        Returns:
            An answer that does what is asked; None if the request was needless.

        Raises:
            _EndedError: there is none; with the reason.
        """
        if request.kind in REACHING:
            await self._order.lock(request.kind)
        self._needless = withdrawn
        request = replace(
            request,
            holds_object=self._robot.holds_object,
            arm_position=self._robot.position,
        )
        answered = await in_thread(
            self._node,
            "operator",
            lambda: self._desk.ask(request, self._timeout, unless=lambda: self._cancelled),
        )
        if request.kind in REACHING and answered is not None:
            self._order.answered()
        of_scene = request.kind in (RequestKind.APPLY_SCENE, RequestKind.RESTORE_NOMINAL)
        done = answered is not None and answered.answer not in _ENDS
        if of_scene:
            self._unfinished = not done
        if self._cancelled:
            raise _EndedError("CANCELED", "withdrawn")
        if answered is None:
            if withdrawn():
                return None
            if math.isinf(self._timeout):
                raise _EndedError("CANCELED", "the perturbation node was ended")
            raise _EndedError("TIMEOUT", f"no answer of the operator within {self._timeout:g} s")
        if answered.answer is Answer.STOP:
            self._stop()
        if answered.answer in _ENDS:
            raise _EndedError(*_ENDS[answered.answer])
        return answered

    def _since(self, started: Any) -> float:
        return float((self._node.get_clock().now() - started).nanoseconds) * 1e-9


def _label_request(instruction: str, known: Outcome, away: bool) -> Request:
    """The question for a label; blind: nobody's opinion stands beside it, the policy's neither.

    A rollout of which nothing is known yet runs: a label ends it.
    """
    task = f'The policy was told: "{instruction}".' if instruction else ""
    if math.isnan(known.duration) and not known.steps:
        text = f"{task} It runs: a label ends the rollout and counts. Wait to see it to its end."
        return Request(kind=RequestKind.ROLLOUT_RUNS, instruction=text.strip())
    took = f" It took {known.duration:.1f} s." if math.isfinite(known.duration) else ""
    took += f" {slow}" if (slow := slowness(known)) else ""
    stay = " Stay out: the arm goes home when you have answered." if away else ""
    text = f"{task} Did it do the task?{took}{stay}"
    return Request(kind=RequestKind.LABEL_OUTCOME, instruction=text.strip())


def _labelled(known: Outcome, answered: Answered | None) -> Outcome:
    if answered is None:  # a label is never needless
        raise _EndedError("CANCELED", "withdrawn")
    by = f"labelled by {answered.operator_name or 'the operator'}"
    detail = f"{by}: {answered.comment}" if answered.comment else by
    result = _LABELS[answered.answer]
    stage, tags = split_tag(answered.tag)
    return replace(
        known,
        result=result,
        source=Source.OPERATOR,
        detail=detail,
        stage=stage or known.stage,
        tags=(*known.tags, *tags),
    )
