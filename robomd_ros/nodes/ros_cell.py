# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell of the ROS graph as the campaign sees it: Cell over two actions and a camera."""

import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from numpy.typing import NDArray
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.task import Future
from sensor_msgs.msg import Image

from robomd_msgs.action import ApplyScene, ExecutePolicy, LabelOutcome
from robomd_msgs.msg import CellState
from robomd_ros.core.campaign.parameters import DiagnosisParameters
from robomd_ros.core.errors import (
    CellFault,
    CellLostError,
    ConfigurationError,
    SceneSkippedError,
)
from robomd_ros.core.schema import default_of
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import Scene
from robomd_ros.nodes.early_label import EarlyLabel
from robomd_ros.ros.conversions import (
    facts_from_msg,
    outcome_from_msg,
    outcome_to_msg,
    scene_to_msg,
)
from robomd_ros.ros.driver import DriverSign
from robomd_ros.ros.polled import PolledSubscription
from robomd_ros.ros.qos import IMAGE_IN, LATCHED
from robomd_ros.ros.runtime import cancel_late, on_executor
from robomd_ros.ros.standard import image_from_msg, time_from_msg

_POLL = 0.2
"""s between looks at the cancel flag and the signs of life while waiting."""


@dataclass(frozen=True)
class CellTimeouts:
    """How long a campaign waits for a cell, s of real time.

    Attributes:
        scene: for a scene to be in force; inf where a person makes it.
        trial: for a rollout to end.
        image: for a picture of the applied scene.
        silence: without an answer or a sign of life, after which the cell is lost.
        busy: for a cell that executes somebody else's goal.
    """

    scene: float = math.inf
    trial: float = default_of(DiagnosisParameters, "trial_timeout")
    image: float = default_of(DiagnosisParameters, "image_timeout")
    silence: float = default_of(DiagnosisParameters, "silence_timeout")
    busy: float = 30.0


class RosCell:
    """Runs trials through `<name>/apply_scene` and `<name>/execute_policy`.

    A rollout whose outcome is UNKNOWN is labelled by a person through `<name>/label_outcome`, who
    may take as long as it takes; a label that was lost on the way is asked for again. A person may
    also give the label while the rollout runs: that ends it, and counts.

    Blocks in the campaign's thread of this cell; the node's executor spins elsewhere. A cell is
    lost when it does not answer a goal, or gives no sign of life for `silence` seconds. That is
    feedback; pictures may go on without whoever works on the goal, or come from one that was
    started again in the meantime. They count only for an executor of the policy that never sent
    feedback. A lost cell is available again once a new picture arrives.
    """

    def __init__(self, node: Node, name: str, timeouts: CellTimeouts) -> None:
        self._node = node
        self._name = name
        self._timeouts = timeouts
        self._changed = threading.Condition()
        self._picture: Image | None = None
        self._last_picture = 0.0
        self._last_feedback = 0.0
        self._policy_feeds_back = False
        self._progress = ExecutePolicy.Feedback(duration=math.nan)
        self._ended_by_label = False
        self._lost_since = -math.inf
        self._cancelled = threading.Event()
        self._goal: Any = None
        self._scene_client = ActionClient(node, ApplyScene, f"{name}/apply_scene")
        self._label_client = ActionClient(node, LabelOutcome, f"{name}/label_outcome")
        self._clear = [
            node.create_client(CancelGoal, f"{name}/{action}/_action/cancel_goal")
            for action in ("apply_scene", "label_outcome")
        ]
        self._may_clear = True
        self._policy_client = ActionClient(node, ExecutePolicy, f"{name}/execute_policy")
        self._state: CellState | None = None
        self._states = PolledSubscription(node, CellState, f"{name}/cell_state", LATCHED)
        self.driver = DriverSign(node, name)
        """Says that this diagnosis drives the cell."""
        self.instruction = ""
        """What the policy is told to do, and whoever judges it."""
        self.time_limit = 0.0
        """s of robot or simulated time that a rollout may take; 0: the executor's own limit."""
        self._subscription = node.create_subscription(
            Image, f"{name}/camera/image_raw", self._on_image, IMAGE_IN
        )

    @property
    def name(self) -> str:
        """The cell's namespace below the diagnosis."""
        return self._name

    def run(self, scene: Scene, seed: int) -> Trial:
        """One trial over ROS; see Cell.run."""
        self.require_own()
        self._cancelled.clear()
        image: NDArray[np.uint8] | None = None
        token = ""
        measured: dict[str, Any] = {}
        try:
            applied = self._put_in_force(scene, seed)
            token, measured = applied.token, facts_from_msg(applied.facts)
            image = self._picture_since(time_from_msg(applied.applied))
            goal = ExecutePolicy.Goal(
                token=token,
                scene=scene_to_msg(scene),
                instruction=self.instruction,
                seed=seed,
                time_limit=self.time_limit,
            )
            result, label = self._roll_out(goal)
            self._require_token(applied, result)
            outcome = self._judged(result, label)
            self._require_token(applied, result, judged=True)
        except (CellLostError, SceneSkippedError):
            raise
        except CellFault as fault:
            if self._cancelled.is_set():
                raise
            outcome = Outcome(Result.INVALID, detail=str(fault))
        except ValueError as error:
            outcome = Outcome(Result.INVALID, detail=f"{self._name} sent no outcome: {error}")
        outcome = replace(outcome, facts={**measured, **outcome.facts})
        return Trial(-1, self._name, scene, seed, outcome, image, token=token)

    def observe(self, scene: Scene, seed: int) -> NDArray[np.uint8]:
        """The first picture of the scene, (H, W, 3) uint8 RGB; see Cell.observe."""
        self.require_own()
        self._cancelled.clear()
        applied = self._put_in_force(scene, seed)
        return self._picture_since(time_from_msg(applied.applied))

    def require_own(self) -> None:
        """ConfigurationError where another diagnosis drives the cell: it ends the campaign."""
        if rival := self.driver.rival():
            raise ConfigurationError(
                f"another diagnosis drives {self._name}: {rival}; end it, or give this one other "
                "cells or another ROS_DOMAIN_ID"
            )

    def available(self) -> bool:
        """Both actions are offered and the camera sends pictures."""
        return not self.lacks()

    def lacks(self) -> str:
        """What is missing before a trial could start; empty if nothing."""
        if not self._scene_client.server_is_ready():
            return f"action {self._name}/apply_scene"
        if not self._policy_client.server_is_ready():
            return f"action {self._name}/execute_policy"
        if self._picture is None or self._last_picture <= self._lost_since:
            return f"topic {self._name}/camera/image_raw"
        return ""

    def cancel(self) -> None:
        """End the running goal soon."""
        self._cancelled.set()
        goal = self._goal
        if goal is not None:
            self._ask(goal.cancel_goal_async)
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Free the clients."""
        self.cancel()
        self.driver.leave()
        self._node.destroy_subscription(self._subscription)
        self._states.destroy()
        self._scene_client.destroy()
        self._policy_client.destroy()
        self._label_client.destroy()
        for client in self._clear:
            self._node.destroy_client(client)

    def _ask(self, question: Callable[[], Future]) -> Future:
        return on_executor(self._node, question)

    def _on_image(self, message: Image) -> None:
        with self._changed:
            self._picture = message
            self._last_picture = time.monotonic()
            self._changed.notify_all()

    def _on_feedback(self, _message: Any) -> None:
        self._last_feedback = time.monotonic()

    def _on_policy_feedback(self, message: Any) -> None:
        self._policy_feeds_back = True
        self._progress = message.feedback
        self._on_feedback(message)

    def _put_in_force(self, scene: Scene, seed: int) -> ApplyScene.Result:
        goal = ApplyScene.Goal(scene=scene_to_msg(scene), seed=seed)
        give_up = time.monotonic() + self._timeouts.busy
        result = self._execute(self._scene_client, goal, self._timeouts.scene)
        while result.error_code == result.BUSY and time.monotonic() < give_up:
            # what a lost goal has left running is being cancelled
            if self._cancelled.wait(_POLL):
                raise CellFault(f"{self._name}: cancelled")
            result = self._execute(self._scene_client, goal, self._timeouts.scene)
        if result.error_code:
            error = SceneSkippedError if result.error_code == result.SKIPPED else CellFault
            raise error(f"the scene was not made: {result.error_msg}")
        return result

    def _require_token(
        self,
        applied: ApplyScene.Result,
        ran: ExecutePolicy.Result,
        judged: bool = False,
    ) -> None:
        """CellFault unless the rollout ran, and was judged, in the scene that was applied for it.

        An executor that names no token, a user's own, is held to the state of the cell: nobody
        may have changed the scene since.
        """
        if ran.error_code:
            return
        if ran.token and ran.token != applied.token:
            raise CellFault(
                f"the rollout ran under the scene token {ran.token!r}, but {applied.token!r} was "
                "applied for it: somebody else changes the scene or starts rollouts in this cell"
            )
        for said in self._states.take():
            self._state = deserialize_message(said, CellState)
        state = self._state
        # while a label is asked for no scene is made: then it was started again if it names none
        changed = state is not None and (
            state.token != applied.token
            and (state.token or not judged)
            and time_from_msg(state.since) > time_from_msg(applied.applied)
        )
        if changed:
            when = "before the rollout was judged" if judged else "while the rollout ran"
            raise CellFault(
                f"the scene was changed {when}, by somebody else than this "
                "diagnosis; find out who calls apply_scene in this cell"
            )

    def _roll_out(self, goal: ExecutePolicy.Goal) -> tuple[ExecutePolicy.Result, Outcome | None]:
        """Execute the policy; the result, and the label that a person gave while it ran."""
        early = EarlyLabel(self._label_client, self._ask, self.instruction, self._end_rollout)
        self._ended_by_label = False
        self._progress = ExecutePolicy.Feedback(duration=math.nan)
        try:
            result = self._execute(
                self._policy_client, goal, self._timeouts.trial, begun=early.begin
            )
        finally:
            label = early.end()
        if label is not None and result.error_code == result.CANCELED:
            result.error_code = result.NONE  # it ended because of the label
            result.outcome = outcome_to_msg(
                Outcome(
                    Result.UNKNOWN, duration=self._progress.duration, steps=self._progress.steps
                )
            )
        return result, label

    def _end_rollout(self) -> None:
        """A person has said how it ended."""
        goal, self._ended_by_label = self._goal, True
        if goal is not None:
            self._ask(goal.cancel_goal_async)

    def _judged(self, result: ExecutePolicy.Result, label: Outcome | None) -> Outcome:
        """The outcome of a rollout: a person's word where there is one, unless it has a fault."""
        outcome = outcome_from_msg(result.outcome)
        if result.error_code:
            return outcome
        if label is not None:
            return replace(
                outcome,
                result=label.result,
                source=label.source,
                detail=label.detail,
                stage=label.stage or outcome.stage,
                tags=(*outcome.tags, *label.tags),
            )
        return self._labelled(outcome) if outcome.result is Result.UNKNOWN else outcome

    def _labelled(self, rollout: Outcome) -> Outcome:
        """What a person says of a rollout that nothing else has judged."""
        goal = LabelOutcome.Goal(instruction=self.instruction, outcome=outcome_to_msg(rollout))
        patience = self._timeouts.silence
        while self._offered(self._label_client, patience):
            try:
                result = self._execute(self._label_client, goal, math.inf)
            except CellLostError as lost:
                # whoever asked was started again; the rollout is as good as before
                self._node.get_logger().warning(f"{lost}; the label is asked for again")
                patience = self._timeouts.busy
                continue
            if result.error_code in (result.NONE, result.INVALID):
                return outcome_from_msg(result.outcome)
            raise CellFault(f"the rollout was not labelled: {result.error_msg}")
        raise CellFault(
            f"{self._name} gave no label, and nobody offers {self._name}/label_outcome; let "
            "execute_policy judge it, or start the perturbation node with backend:=operator"
        )

    def _offered(self, client: ActionClient, patience: float) -> bool:
        """Whether somebody offers the action, within `patience` s; CellFault when cancelled."""
        give_up = time.monotonic() + patience
        while not client.server_is_ready() and time.monotonic() < give_up:
            if self._cancelled.wait(_POLL):
                break
        if self._cancelled.is_set():
            raise CellFault(f"{self._name}: cancelled")
        return bool(client.server_is_ready())

    def _picture_since(self, applied: float) -> NDArray[np.uint8]:
        """The first picture stamped at or after the change; older ones show another scene."""

        def arrived() -> bool:
            picture = self._picture
            return picture is not None and time_from_msg(picture.header.stamp) >= applied - 1e-6

        with self._changed:
            self._changed.wait_for(
                lambda: arrived() or self._cancelled.is_set(), self._timeouts.image
            )
            picture = self._picture
            if self._cancelled.is_set():
                raise CellFault(f"{self._name}: cancelled")
            if picture is None or not arrived():
                raise CellFault(
                    f"no picture of the new scene on {self._name}/camera/image_raw within "
                    f"{self._timeouts.image:g} s; is the camera running, and its clock in step?"
                )
        try:
            return image_from_msg(picture)
        except ValueError as error:
            raise CellFault(f"{self._name}/camera/image_raw: {error}") from error

    def _execute(
        self,
        client: ActionClient,
        goal: Any,
        timeout: float,
        begun: Callable[[], None] = lambda: None,
    ) -> Any:
        """Send a goal and wait for its result; `begun` is called when it is being executed.

        Raises:
            CellFault, CellLostError: there is no result.
        """
        handle = self._accepted(client, goal)
        self._goal = handle
        begun()
        self._last_feedback = time.monotonic()
        try:
            if self._cancelled.is_set():  # it came while the goal was on its way
                self._ask(handle.cancel_goal_async)
            what = client._action_name
            policy = client is self._policy_client
            response = self._wait(
                partial(self._ask, handle.get_result_async), timeout, what, by_camera=policy
            )
        except CellFault:
            self._ask(handle.cancel_goal_async)
            raise
        finally:
            self._goal = None
        if response.status == GoalStatus.STATUS_UNKNOWN:
            self._lost_since = time.monotonic()
            raise CellLostError(f"cell {self._name} was started again and forgot the goal ({what})")
        wanted = self._ended_by_label and response.status == GoalStatus.STATUS_CANCELED
        if wanted and not response.result.error_code:
            response.result.error_code = ExecutePolicy.Result.CANCELED
        if response.status != GoalStatus.STATUS_SUCCEEDED and not response.result.error_code:
            # an empty result would read as a scene in force
            raise CellFault(f"{what} broke the goal off without a reason; see its node's log")
        return response.result

    def _accepted(self, client: ActionClient, goal: Any) -> Any:
        give_up = time.monotonic() + self._timeouts.busy
        while True:
            self._last_feedback = time.monotonic()
            policy = client is self._policy_client
            feedback = self._on_policy_feedback if policy else self._on_feedback
            future = self._ask(partial(client.send_goal_async, goal, feedback_callback=feedback))
            try:
                handle = self._wait(lambda sent=future: sent, math.inf, client._action_name)
            except CellFault:
                future.add_done_callback(cancel_late)
                raise
            if handle.accepted:
                self._may_clear = False
                return handle
            if client is self._scene_client and self._may_clear:
                # a diagnosis that was killed may have left a person with a request for ever
                self._may_clear = False
                for clear in self._clear:
                    clear.call_async(CancelGoal.Request())  # all zero: every goal
            if time.monotonic() > give_up:
                raise CellFault(
                    f"{client._action_name} rejects goals for {self._timeouts.busy:g} s: "
                    "it executes somebody else's"
                )
            if self._cancelled.wait(_POLL):
                raise CellFault(f"{self._name}: cancelled")

    def _wait(
        self, ask: Callable[[], Future], timeout: float, what: str, *, by_camera: bool = False
    ) -> Any:
        """Wait for an answer.

        Args:
            ask: gives the future of the answer; asked again after `silence` seconds without
                feedback, since whoever was started again in between never answers the first.
            timeout: s; inf waits as long as there are signs of life.
            what: who should answer.
            by_camera: pictures are signs of life too, unless the policy's executor sends feedback.
        """
        answers: queue.Queue[Future] = queue.Queue()
        ask().add_done_callback(answers.put)
        asked = time.monotonic()
        deadline = asked + timeout
        while True:
            with contextlib.suppress(queue.Empty):
                return answers.get(timeout=_POLL).result()
            now = time.monotonic()
            pictures = by_camera and not self._policy_feeds_back
            sign = max(self._last_feedback, self._last_picture if pictures else 0.0)
            if self._cancelled.is_set() and now - sign > 1.0:
                raise CellFault(f"{self._name}: cancelled")
            if now - sign > self._timeouts.silence:
                self._lost_since = now
                raise CellLostError(
                    f"cell {self._name} is silent for {self._timeouts.silence:g} s ({what})"
                )
            if now > deadline:
                raise CellFault(f"{what} gave no result within {timeout:g} s")
            if now - max(asked, self._last_feedback) > self._timeouts.silence:
                ask().add_done_callback(answers.put)
                asked = now
