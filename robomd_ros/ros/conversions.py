# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Between the core's values and ROS messages, one pair of functions per type."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import KeyValue
from std_msgs.msg import Header

from robomd_msgs import msg
from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.operator.desk import Changes, Request, RequestKind
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Catalogue, Parameter, Scene, Variation
from robomd_ros.ros.standard import time_from_msg, time_to_msg


def parameters_to_msg(parameters: Mapping[str, Parameter]) -> list[KeyValue]:
    """Parameters as KeyValue with JSON values."""
    return [KeyValue(key=k, value=json.dumps(v)) for k, v in parameters.items()]


def parameters_from_msg(items: Iterable[KeyValue]) -> dict[str, Parameter]:
    """Parameters from KeyValue; CatalogueError where a value is not JSON."""
    parameters: dict[str, Parameter] = {}
    for item in items:
        try:
            value = json.loads(item.value)
        except json.JSONDecodeError as error:
            raise CatalogueError(
                f"parameter {item.key!r} is not JSON: {item.value!r}; send a number, a text in "
                "quotes, or a list of them"
            ) from error
        parameters[item.key] = tuple(value) if isinstance(value, list) else value
    return parameters


def variation_to_msg(variation: Variation) -> msg.Variation:
    """A variation as a message."""
    return msg.Variation(
        id=variation.id,
        factor=variation.factor,
        target=variation.target,
        description=variation.description,
        parameters=parameters_to_msg(variation.parameters),
        change_cost=variation.change_cost,
    )


def variation_from_msg(message: msg.Variation) -> Variation:
    """A variation from a message; CatalogueError where it is malformed."""
    return Variation(
        id=message.id,
        factor=message.factor,
        target=message.target,
        description=message.description,
        parameters=parameters_from_msg(message.parameters),
        change_cost=message.change_cost,
    )


def scene_to_msg(scene: Scene) -> msg.Scene:
    """A scene as a message."""
    return msg.Scene(variations=[variation_to_msg(v) for v in scene])


def scene_from_msg(message: msg.Scene) -> Scene:
    """A scene from a message; CatalogueError where it is malformed."""
    return Scene(tuple(variation_from_msg(v) for v in message.variations))


def catalogue_to_msg(catalogue: Catalogue, stamp: Time) -> msg.VariationCatalogue:
    """The catalogue as a message."""
    message = msg.VariationCatalogue(task=catalogue.task)
    message.header.stamp = stamp
    message.variations = [variation_to_msg(v) for v in catalogue]
    return message


def outcome_to_msg(outcome: Outcome) -> msg.Outcome:
    """An outcome as a message."""
    return msg.Outcome(
        result=int(outcome.result),
        source=int(outcome.source),
        duration=outcome.duration,
        steps=outcome.steps,
        detail=outcome.detail,
        stage=outcome.stage,
        tags=list(outcome.tags),
        achieved_rate=outcome.achieved_rate,
        inference_p50=outcome.inference_p50,
        inference_p95=outcome.inference_p95,
        facts=facts_to_msg(outcome.facts),
    )


def facts_to_msg(facts: Mapping[str, Any]) -> list[KeyValue]:
    """Facts as KeyValue with JSON values."""
    return [KeyValue(key=k, value=json.dumps(v)) for k, v in facts.items()]


def facts_from_msg(items: Iterable[KeyValue]) -> dict[str, Any]:
    """Facts from KeyValue; a value that is no JSON, as a user's node may send it, is its text."""
    facts: dict[str, Any] = {}
    for item in items:
        try:
            facts[item.key] = json.loads(item.value)
        except json.JSONDecodeError:
            facts[item.key] = item.value
    return facts


def outcome_from_msg(message: msg.Outcome) -> Outcome:
    """An outcome from a message; ValueError where result or source is no constant."""
    return Outcome(
        result=Result(message.result),
        source=Source(message.source),
        duration=message.duration,
        steps=message.steps,
        detail=message.detail,
        stage=message.stage,
        tags=tuple(message.tags),
        achieved_rate=_measured(message.achieved_rate),
        inference_p50=_measured(message.inference_p50),
        inference_p95=_measured(message.inference_p95),
        facts=facts_from_msg(message.facts),
    )


def _measured(value: float) -> float:
    """A rate or a time; 0 is what a node sends that does not know the field."""
    return value if value > 0.0 else math.nan


def trial_to_msg(trial: Trial, campaign_id: str, stamp: Time) -> msg.Trial:
    """A stored trial as a message."""
    message = msg.Trial(
        campaign_id=campaign_id,
        index=trial.index,
        cell=trial.cell,
        scene=scene_to_msg(trial.scene),
        seed=trial.seed,
        outcome=outcome_to_msg(trial.outcome),
        token=trial.token,
        image_path=trial.image_path,
    )
    message.header.stamp = stamp
    return message


def trial_from_msg(message: msg.Trial) -> Trial:
    """A trial from a message; it has no picture."""
    return Trial(
        index=message.index,
        cell=message.cell,
        scene=scene_from_msg(message.scene),
        seed=message.seed,
        outcome=outcome_from_msg(message.outcome),
        image_path=message.image_path,
        token=message.token,
    )


def failure_mode_to_msg(mode: FailureMode) -> msg.FailureMode:
    """A failure mode as a message."""
    return msg.FailureMode(
        variations=[variation_to_msg(v) for v in mode.variations],
        rank=mode.rank,
        policy_probability=mode.policy_probability,
        log_density=mode.log_density,
        trials=mode.trials,
        failures=mode.failures,
        failure_probability=mode.failure_probability,
        lower=mode.lower,
        upper=mode.upper,
        reliability=mode.reliability,
        seen=mode.seen,
        verdict=int(mode.verdict),
        effect=mode.effect,
        effect_lower=mode.effect_lower,
        effect_upper=mode.effect_upper,
        probability_failing=mode.probability_failing,
        probability_worse=mode.probability_worse,
        own_trials=mode.own_trials,
        own_failures=mode.own_failures,
    )


def failure_mode_from_msg(message: msg.FailureMode) -> FailureMode:
    """A failure mode from a message."""
    return FailureMode(
        variations=tuple(variation_from_msg(v) for v in message.variations),
        rank=message.rank,
        policy_probability=message.policy_probability,
        log_density=message.log_density,
        trials=message.trials,
        failures=message.failures,
        failure_probability=message.failure_probability,
        lower=message.lower,
        upper=message.upper,
        reliability=message.reliability,
        seen=message.seen,
        verdict=Verdict(message.verdict),
        effect=message.effect,
        effect_lower=message.effect_lower,
        effect_upper=message.effect_upper,
        probability_failing=message.probability_failing,
        probability_worse=message.probability_worse,
        own_trials=message.own_trials,
        own_failures=message.own_failures,
    )


def ranking_to_msg(ranking: FailureRanking) -> msg.FailureRanking:
    """A ranking as a message."""
    message = msg.FailureRanking(
        campaign_id=ranking.campaign_id,
        task=ranking.task,
        policy=ranking.policy,
        search_agent=ranking.search_agent,
        action_space=ranking.action_space,
        failure_modes=[failure_mode_to_msg(m) for m in ranking.failure_modes],
        trials=ranking.trials,
        entropy=ranking.entropy,
        failure_mode_count=ranking.failure_mode_count,
        failure_severity_index=ranking.failure_severity_index,
        converged=ranking.converged,
        nominal_trials=ranking.nominal_trials,
        nominal_failures=ranking.nominal_failures,
        nominal_probability=ranking.nominal_probability,
        nominal_lower=ranking.nominal_lower,
        nominal_upper=ranking.nominal_upper,
        failing_threshold=ranking.failing_threshold,
        confidence=ranking.confidence,
        undecided=ranking.undecided,
        expected_wrong=ranking.expected_wrong,
        pairs_seen=ranking.pairs_seen,
        pairs_possible=ranking.pairs_possible,
        findings=list(ranking.findings),
    )
    message.header.stamp = time_to_msg(ranking.stamp)
    return message


def ranking_from_msg(message: msg.FailureRanking) -> FailureRanking:
    """A ranking from a message."""
    return FailureRanking(
        campaign_id=message.campaign_id,
        task=message.task,
        policy=message.policy,
        search_agent=message.search_agent,
        action_space=message.action_space,
        failure_modes=tuple(failure_mode_from_msg(m) for m in message.failure_modes),
        trials=message.trials,
        entropy=message.entropy,
        failure_mode_count=message.failure_mode_count,
        failure_severity_index=message.failure_severity_index,
        converged=message.converged,
        nominal_trials=message.nominal_trials,
        nominal_failures=message.nominal_failures,
        nominal_probability=message.nominal_probability,
        nominal_lower=message.nominal_lower,
        nominal_upper=message.nominal_upper,
        failing_threshold=message.failing_threshold,
        confidence=message.confidence,
        undecided=message.undecided,
        expected_wrong=message.expected_wrong,
        pairs_seen=message.pairs_seen,
        pairs_possible=message.pairs_possible,
        findings=tuple(message.findings),
        stamp=time_from_msg(message.header.stamp),
    )


def status_to_msg(status: CampaignStatus, stamp: Time) -> msg.CampaignStatus:
    """A campaign status as a message of this time."""
    return msg.CampaignStatus(
        header=Header(stamp=stamp),
        state=int(status.state),
        trials_done=status.trials_done,
        trials_budget=status.trials_budget,
        invalid_trials=status.invalid_trials,
        scene=scene_to_msg(status.scene),
        waiting_for=status.waiting_for,
        message=status.message,
        eta=status.eta,
        campaign_id=status.campaign_id,
    )


def status_from_msg(message: msg.CampaignStatus) -> CampaignStatus:
    """A campaign status from a message."""
    return CampaignStatus(
        state=CampaignState(message.state),
        trials_done=message.trials_done,
        trials_budget=message.trials_budget,
        invalid_trials=message.invalid_trials,
        scene=scene_from_msg(message.scene),
        waiting_for=message.waiting_for,
        message=message.message,
        eta=message.eta,
        campaign_id=message.campaign_id,
    )


def request_from_msg(message: msg.OperatorRequest) -> Request:
    """What a person is asked; ValueError for a kind that this version does not know."""
    undo, apply = (
        tuple(variation_from_msg(v) for v in steps) for steps in (message.undo, message.apply)
    )
    return Request(
        number=message.request_id,
        kind=RequestKind(message.kind),
        instruction=message.instruction,
        steps=Changes(undo=undo, apply=apply),
        deadline=time_from_msg(message.deadline),
        holds_object=message.holds_object,
        arm_position=message.arm_position,
    )
