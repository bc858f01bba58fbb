# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs campaigns: the search agent, the evidence and the ranking, over the cells of the graph."""

import math
import threading
import time
from dataclasses import replace
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_srvs.srv import Trigger

from robomd_msgs.action import Diagnose
from robomd_msgs.msg import CampaignStatus as CampaignStatusMsg
from robomd_msgs.msg import FailureRanking as FailureRankingMsg
from robomd_msgs.msg import OperatorRequest, RobotStatus, VariationCatalogue
from robomd_msgs.msg import Trial as TrialMsg
from robomd_msgs.srv import AnswerOperatorRequest, RelabelTrial
from robomd_ros.core.campaign.campaign import (
    Campaign,
    CampaignFolder,
    CampaignState,
    CampaignStatus,
    open_campaign,
)
from robomd_ros.core.campaign.parameters import (
    DiagnosisParameters,
    campaign_config,
    campaign_folder,
)
from robomd_ros.core.errors import (
    ConfigurationError,
    NoSuchTrialError,
    RoboMDError,
    TrialLogError,
)
from robomd_ros.core.evidence.ranking import FailureRanking
from robomd_ros.core.trial import Result, Trial
from robomd_ros.nodes.questions import Questions
from robomd_ros.nodes.ros_cell import CellTimeouts, RosCell
from robomd_ros.report.after_campaign import start_report
from robomd_ros.ros.conversions import catalogue_to_msg, ranking_to_msg, status_to_msg, trial_to_msg
from robomd_ros.ros.driving import Driving
from robomd_ros.ros.parameters import allow_changes, declare
from robomd_ros.ros.qos import LATCHED, TRIALS
from robomd_ros.ros.recording import Recording
from robomd_ros.ros.runtime import EXIT_CAMPAIGN, OneGoalServer, in_thread, main_of
from robomd_ros.ros.standard import time_to_msg


class DiagnosisNode(Node):
    """Runs one campaign at a time and publishes what it finds.

    While a campaign runs it says on `<cell>/driver` (std_msgs/String, latched, liveliness 0.3 s)
    that it drives the cell, as JSON: executors end a rollout when its sender is gone.

    Parameters:
        Those of DiagnosisParameters; `ros2 param describe` prints them. `budget` and `confidence`
        may be set at any time: the campaign that runs goes on with them.

    Publishers:
        failure_ranking (robomd_msgs/FailureRanking, latched): after every trial.
        variation_catalogue (robomd_msgs/VariationCatalogue, latched): when a campaign starts.
        campaign_status (robomd_msgs/CampaignStatus, latched): at every change.
        trials (robomd_msgs/Trial, reliable, depth 50): every trial that has ended.

    Subscriptions:
        <cell>/camera/image_raw (sensor_msgs/Image, sensor data): of every name in `cells`.
        <cell>/cell_state (robomd_msgs/CellState, latched): which scene is in force.
        <cell>/driver (std_msgs/String, latched, liveliness 0.3 s): of another diagnosis, which then
            keeps the cell, while this one's campaign fails.
        <cell>/operator_request (robomd_msgs/OperatorRequest, latched): kept beside the campaign's
            own messages, as all that follows.
        <cell>/answer_operator_request/_service_event (robomd_msgs/AnswerOperatorRequest_Event,
            reliable, depth 50): who answered what and when, and whether it counted.
        <cell>/robot_status (robomd_msgs/RobotStatus, latched)
        /diagnostics (diagnostic_msgs/DiagnosticArray, reliable): of nodes in the cells.

    Services:
        pause (std_srvs/Trigger): running trials end, no new one starts.
        resume (std_srvs/Trigger): go on after a pause.
        stop (std_srvs/Trigger): end soon; the folder can be resumed.
        query_variation (robomd_msgs/QueryVariation): how likely a change makes the policy fail.
        compare_variations (robomd_msgs/CompareVariations): which of two is worse (Eq. 4).
        relabel_trial (robomd_msgs/RelabelTrial): another label for an earlier trial.
        <cell>/undo_label (robomd_msgs/AnswerOperatorRequest): take back the last label of a person
            in this cell; called by its perturbation node.

    Actions:
        diagnose (robomd_msgs/Diagnose): run or resume a campaign; a second goal is rejected.
        <cell>/apply_scene (robomd_msgs/ApplyScene): called before every trial.
        <cell>/execute_policy (robomd_msgs/ExecutePolicy): called for every trial.
        <cell>/label_outcome (robomd_msgs/LabelOutcome): called where a rollout has no label.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("diagnosis_node", **kwargs)
        self._values = declare(self, DiagnosisParameters)
        self.exit_code = 0
        self._driving: Driving | None = None
        self._campaign: Campaign | None = None  # the one that runs
        self._last: Campaign | None = None  # the same; and after its end, for questions
        self._folder: CampaignFolder | None = None
        self._ranking: FailureRanking | None = None
        self._last_state = CampaignState.UNKNOWN
        self._goal: Any = None
        self._recording = Recording(self.get_logger())
        self._rankings = self.create_publisher(FailureRankingMsg, "failure_ranking", LATCHED)
        self._catalogues = self.create_publisher(VariationCatalogue, "variation_catalogue", LATCHED)
        self._statuses = self.create_publisher(CampaignStatusMsg, "campaign_status", LATCHED)
        self._trials = self.create_publisher(TrialMsg, "trials", TRIALS)
        self._cells = [RosCell(self, name, self._timeouts()) for name in self._values["cells"]]
        self.create_service(Trigger, "pause", self._on_pause)
        self.create_service(Trigger, "resume", self._on_resume)
        self.create_service(Trigger, "stop", self._on_stop)
        self.create_service(RelabelTrial, "relabel_trial", self._on_relabel)
        self._questions = Questions(self, lambda: self._last, lambda: self._ranking)
        self._record_cells()
        for cell in self._cells:
            undo = partial(self._on_undo, cell.name)
            self.create_service(AnswerOperatorRequest, f"{cell.name}/undo_label", undo)
        self._server = OneGoalServer(
            self,
            Diagnose,
            "diagnose",
            self._diagnose,
            on_cancel=self._stop_campaign,
            accept=lambda _: self._campaign is None,
        )
        allow_changes(self, self._values, self._on_change)

    def connect(self) -> None:
        """Check the configuration; start the campaign if `autostart` is set.

        Raises:
            ConfigurationError: it cannot be used, or another diagnosis drives the cells.
        """
        namespace = self.get_namespace().rstrip("/")
        cells = (f"{namespace}/{cell.name}" for cell in self._cells)
        self._driving = Driving(self.context.get_domain_id(), [namespace or "/", *cells])
        campaign_config(dict(self._values))
        if not self._values["autostart"]:
            self.get_logger().info("up: waits for a goal of diagnose")
            return
        self._open(Diagnose.Goal())
        names = ", ".join(cell.name for cell in self._cells)
        self.get_logger().info(f"up: the campaign begins, waits for its cells: {names}")
        threading.Thread(target=self._run_alone, name="campaign", daemon=True).start()

    def close(self) -> None:
        """Stop the campaign; what runs is asked again when its folder is resumed."""
        self._stop_campaign()
        deadline = time.monotonic() + 3.0
        while self._campaign is not None and time.monotonic() < deadline:
            time.sleep(0.02)

    def destroy_node(self) -> None:
        """Destroy the node; another diagnosis may drive its cells now."""
        super().destroy_node()
        if self._driving is not None:
            self._driving.release()

    def _record_cells(self) -> None:
        """Keep what is said in the cells: a person's requests and answers, the robot's state."""
        listen = partial(self._recording.listen, self)
        places = []
        for cell in self._cells:
            listen(OperatorRequest, f"{cell.name}/operator_request", LATCHED)
            listen(RobotStatus, f"{cell.name}/robot_status", LATCHED)
            answers = f"{cell.name}/answer_operator_request/_service_event"
            listen(AnswerOperatorRequest.Event, answers, TRIALS)
            place = self.resolve_topic_name(cell.name)
            places.append(f"{place}/".encode())
        listen(
            DiagnosticArray,
            "/diagnostics",
            TRIALS,
            wanted=lambda data: any(place in data for place in places),
        )

    # What the campaign tells (CampaignListener), on its own thread

    def on_status(self, status: CampaignStatus) -> None:
        """Publish the status, and log what a person should see."""
        if status.state in (CampaignState.STARTING, CampaignState.WAITING):
            lacking = ", ".join(filter(None, (cell.lacks() for cell in self._cells)))
            status = replace(status, waiting_for=lacking or status.waiting_for)
        message = status_to_msg(status, self.get_clock().now().to_msg())
        self._recording.publish(self._statuses, message)
        text = f"{status.state.name} {status.trials_done}/{status.trials_budget} {status.message}"
        if status.state is CampaignState.WAITING:
            self.get_logger().warning(text, throttle_duration_sec=10.0)
        else:
            self.get_logger().info(text, throttle_duration_sec=10.0)
        if self._goal is not None and self._goal.is_active:
            self._goal.publish_feedback(Diagnose.Feedback(status=message))

    def on_trial(self, trial: Trial, finished_at: float) -> None:
        """Publish a trial that has ended; one that does not count is a warning."""
        if not trial.outcome.valid:
            self.get_logger().warning(
                f"trial {trial.index} in {trial.cell} is invalid: {trial.outcome.detail}"
            )
        if self._folder is not None:
            stamp = time_to_msg(finished_at)
            message = trial_to_msg(trial, self._folder.campaign_id, stamp)
            self._recording.publish(self._trials, message)

    def on_ranking(self, ranking: FailureRanking) -> None:
        """Publish the newest ranking."""
        self._ranking = ranking
        self._recording.publish(self._rankings, ranking_to_msg(ranking))

    # Running a campaign

    def _timeouts(self) -> CellTimeouts:
        values = self._values
        return CellTimeouts(
            scene=values["scene_timeout"] or math.inf,
            trial=values["trial_timeout"],
            image=values["image_timeout"],
            silence=values["silence_timeout"],
        )

    def _open(self, goal: Any) -> None:
        """Open the folder that the goal, or else the parameters, describe."""
        values = dict(self._values)
        values.update(
            {
                name: given
                for name in ("campaign_dir", "search", "budget")
                if (given := getattr(goal, name))
            }
        )
        if goal.variations:
            values["variations"] = ",".join(goal.variations)
        if goal.has_seed:
            values["seed"] = goal.seed
        config, catalogue = campaign_config(values)
        for cell in self._cells:
            cell.require_own()
        folder = open_campaign(campaign_folder(values["campaign_dir"]), config, catalogue)
        self._folder, self._ranking = folder, None
        self._recording.open(folder.path)
        self._recording.publish(
            self._catalogues, catalogue_to_msg(folder.catalogue, self.get_clock().now().to_msg())
        )
        for cell in self._cells:
            cell.instruction = folder.catalogue.instruction
            cell.time_limit = values["rollout_limit"]
            cell.driver.drive()
        self._campaign = self._last = Campaign(
            folder, self._cells, self, order_by_cost=values["order_by_cost"]
        )

    def _run(self) -> FailureRanking:
        """Run the open campaign to its end; blocks."""
        campaign, folder = self._campaign, self._folder
        if campaign is None or folder is None:
            raise RoboMDError("no campaign is open")
        try:
            return campaign.run()
        finally:
            self._recording.close()
            folder.close()
            self._last_state = campaign.status().state
            # who stops a campaign wants it to end now; robomd report writes one of what there is
            if self._values["report"] and self._last_state is CampaignState.FINISHED:
                start_report(folder.path, self.get_logger().warning)
            self._campaign = None
            for cell in self._cells:
                cell.driver.leave()

    def _run_alone(self) -> None:
        """The autostarted campaign's thread."""
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - the thread's boundary: it is logged
            self.get_logger().error(str(error))
            self.exit_code = EXIT_CAMPAIGN
        if self._values["exit_when_done"]:
            time.sleep(self._values["linger"])
            rclpy.try_shutdown()

    async def _diagnose(self, handle: Any) -> Diagnose.Result:
        result = Diagnose.Result()
        self._goal = handle
        try:
            await in_thread(self, "open-campaign", lambda: self._open(handle.request))
            if handle.is_cancel_requested:  # it came before there was a campaign to stop
                self._stop_campaign()
            result.campaign_dir = str(self._folder.path)
            ranking = await in_thread(self, "campaign", self._run)
            result.ranking = ranking_to_msg(ranking)
            if self._last_state is CampaignState.STOPPED:
                result.error_code = Diagnose.Result.STOPPED
                result.error_msg = "stopped on request; the same goal resumes it"
        except (ConfigurationError, TrialLogError) as error:
            result.error_code = Diagnose.Result.BAD_CONFIGURATION
            result.error_msg = str(error)
        except Exception as error:  # noqa: BLE001 - the action's boundary
            result.error_code, result.error_msg = Diagnose.Result.FAILED, str(error)
        finally:
            self._goal = None
        if handle.is_cancel_requested:
            handle.canceled()
        elif result.error_code in (Diagnose.Result.NONE, Diagnose.Result.STOPPED):
            handle.succeed()
        else:
            handle.abort()
            self.get_logger().error(result.error_msg)
        return result

    def _stop_campaign(self) -> None:
        if self._campaign is not None:
            self._campaign.stop()

    # Services

    def _on_change(self, wanted: DiagnosisParameters) -> None:
        """Take another budget or confidence, also for the campaign that runs."""
        campaign, folder = self._campaign, self._folder
        if campaign is not None and folder is not None:
            before, present = self._values, folder.config
            budget, confidence = present.budget, present.confidence  # a goal may have given others
            if wanted.budget != before.budget:
                budget = wanted.budget
            if wanted.confidence != before.confidence:
                confidence = wanted.confidence
            campaign.reconfigure(budget, confidence)
            self.get_logger().info(f"goes on with budget {budget}, confidence {confidence:g}")
        self._values = wanted

    def _on_pause(self, _request: Any, response: Any) -> Any:
        return self._control(response, "paused; running trials end", Campaign.pause)

    def _on_resume(self, _request: Any, response: Any) -> Any:
        return self._control(response, "resumed", Campaign.resume)

    def _on_stop(self, _request: Any, response: Any) -> Any:
        return self._control(response, "stopping; the same folder resumes", Campaign.stop)

    def _control(self, response: Any, message: str, do: Any) -> Any:
        campaign = self._campaign
        response.success = campaign is not None
        response.message = message if campaign is not None else "no campaign is running"
        if campaign is not None:
            do(campaign)
        return response

    def _on_undo(self, cell: str, request: Any, response: Any) -> Any:
        campaign, who = self._campaign, request.operator_name or "the operator"
        try:
            if campaign is None:
                raise LookupError("no campaign is running; nothing was undone")
            campaign.take_back(cell, f"{who}: {request.comment}" if request.comment else who)
            response.accepted = True
        except (LookupError, RoboMDError) as error:
            response.error_code, response.error_msg = response.NOT_AN_ANSWER, str(error)
        return response

    def _on_relabel(self, request: Any, response: Any) -> Any:
        campaign, who = self._campaign, request.operator_name or "the operator"
        if campaign is None:
            response.error_code = response.NO_CAMPAIGN
            response.error_msg = "no campaign is running; use `robomd relabel <folder> ...`"
            return response
        by = f"{who}: {request.comment}" if request.comment else who
        try:
            campaign.relabel(request.index, Result(request.result), by, request.tag)
            response.accepted = True
        except NoSuchTrialError as error:
            response.error_code, response.error_msg = response.NO_SUCH_TRIAL, str(error)
        except (ValueError, RoboMDError) as error:
            response.error_code, response.error_msg = response.NOT_A_LABEL, str(error)
        return response


def main() -> None:
    """Run the node."""
    main_of(DiagnosisNode)


if __name__ == "__main__":
    main()
