# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Between the core's values and ROS messages, one pair of functions per type."""

import json
from collections.abc import Iterable, Mapping

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import KeyValue
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from robomd_msgs import msg
from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Catalogue, Parameter, Scene, Variation


def time_to_msg(seconds: float) -> Time:
    """Unix time in s to a Time."""
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def time_from_msg(stamp: Time) -> float:
    """A Time to Unix time in s."""
    return float(stamp.sec) + stamp.nanosec * 1e-9


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
    )


def outcome_from_msg(message: msg.Outcome) -> Outcome:
    """An outcome from a message; ValueError where result or source is no constant."""
    return Outcome(
        result=Result(message.result),
        source=Source(message.source),
        duration=message.duration,
        steps=message.steps,
        detail=message.detail,
    )


def trial_to_msg(trial: Trial, campaign_id: str, stamp: Time) -> msg.Trial:
    """A stored trial as a message."""
    message = msg.Trial(
        campaign_id=campaign_id,
        index=trial.index,
        cell=trial.cell,
        scene=scene_to_msg(trial.scene),
        seed=trial.seed,
        outcome=outcome_to_msg(trial.outcome),
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
    )


def image_to_msg(image: NDArray[np.uint8], stamp: Time, frame_id: str) -> Image:
    """An (H, W, 3) uint8 RGB picture as an rgb8 Image."""
    height, width = image.shape[:2]
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
    message.header.stamp = stamp
    message.header.frame_id = frame_id
    # bytes, not the array: assigning an ndarray is converted element by element
    message.data = image.tobytes()
    return message


def image_from_msg(message: Image) -> NDArray[np.uint8]:
    """An rgb8 or bgr8 Image as (H, W, 3) uint8 RGB, its own copy.

    Raises:
        ValueError: another encoding, or fewer bytes than the size needs.
    """
    if message.encoding not in ("rgb8", "bgr8"):
        raise ValueError(f"image encoding must be rgb8 or bgr8; got {message.encoding!r}")
    step = message.step or 3 * message.width
    flat = np.frombuffer(bytes(message.data), np.uint8)
    if step < 3 * message.width or flat.size < step * message.height:
        raise ValueError(
            f"an image of {message.width} x {message.height} with step {step} needs "
            f"{step * message.height} bytes; got {flat.size}"
        )
    rows = flat[: step * message.height].reshape(message.height, step)
    image = rows[:, : 3 * message.width].reshape(message.height, message.width, 3)
    return image.copy() if message.encoding == "rgb8" else image[:, :, ::-1].copy()
