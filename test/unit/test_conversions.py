# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Core values and messages: there and back, and the same numbers on both sides."""

import math

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import KeyValue
from fakes import make_catalogue
from sensor_msgs.msg import CompressedImage, Image

from robomd_msgs import msg, srv
from robomd_msgs.action import ApplyScene
from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.operator.desk import Answer, Refusal, RequestKind
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene, Variation
from robomd_ros.ros import conversions as to
from robomd_ros.ros.standard import image_from_msg, image_to_msg, time_from_msg, time_to_msg

CATALOGUE = make_catalogue(4)
ODD = Variation(
    "odd", "size", "cube", 'Make the "cube" größer', {"half": (0.02, 0.03), "n": 3, "t": "1"}, 12.5
)
STAMP = time_to_msg(1_700_000_000.25)


def constants(message_type, prefix=""):
    """{name without prefix: value} of the constants with this prefix."""
    values = {name: value for name, value in vars(message_type).items() if name.isupper()}
    numbers = {name: value for name, value in values.items() if isinstance(value, int)}
    return {n.removeprefix(prefix): v for n, v in numbers.items() if n.startswith(prefix)}


@pytest.mark.parametrize(
    ("message_type", "enum", "prefix", "others"),
    [
        (msg.Outcome, Result, "", ("SOURCE_",)),
        (msg.Outcome, Source, "SOURCE_", ()),
        (msg.CampaignStatus, CampaignState, "", ()),
        (msg.OperatorRequest, RequestKind, "", ()),
        (srv.AnswerOperatorRequest.Request, Answer, "", ()),
        (srv.AnswerOperatorRequest.Response, Refusal, "", ()),
    ],
)
def test_constants_equal_the_enum(message_type, enum, prefix, others):
    found = {
        name: value
        for name, value in constants(message_type, prefix).items()
        if not name.startswith(others or "?")
    }
    assert found == {member.name: int(member) for member in enum}


def test_every_error_code_of_none_is_zero():
    for kind in (ApplyScene.Result, srv.QueryVariation.Response, srv.CompareVariations.Response):
        assert kind.NONE == 0
        values = list(constants(kind).values())
        assert len(values) == len(set(values)) > 1


@pytest.mark.parametrize("variation", [*CATALOGUE, ODD])
def test_variation(variation):
    back = to.variation_from_msg(to.variation_to_msg(variation))
    assert back.id == variation.id and back.parameters == variation.parameters
    assert (back.factor, back.target) == (variation.factor, variation.target)
    assert back.description == variation.description
    assert back.change_cost == pytest.approx(variation.change_cost, nan_ok=True)
    kinds = {name: type(value) for name, value in variation.parameters.items()}
    assert {name: type(value) for name, value in back.parameters.items()} == kinds


def test_variation_whose_parameter_is_no_json():
    message = to.variation_to_msg(ODD)
    message.parameters = [KeyValue(key="half", value="0.02, 0.03")]
    with pytest.raises(CatalogueError, match=r"'half' is not JSON: '0.02, 0.03'; send a number"):
        to.variation_from_msg(message)


def test_variation_that_is_malformed():
    with pytest.raises(CatalogueError, match="id"):
        to.variation_from_msg(
            msg.Variation(id="Not An Id", factor="a", target="b", description="c")
        )


@pytest.mark.parametrize("size", [0, 1, 3])
def test_scene_keeps_its_order(size):
    scene = Scene(CATALOGUE.variations[:size][::-1])
    back = to.scene_from_msg(to.scene_to_msg(scene))
    assert back.ids == scene.ids
    assert back == scene


def test_catalogue():
    message = to.catalogue_to_msg(Catalogue("lift", [ODD]), STAMP)
    assert message.task == "lift" and message.header.stamp == STAMP
    assert [v.id for v in message.variations] == ["odd"]


@pytest.mark.parametrize("result", [Result.UNKNOWN, Result.SUCCESS, Result.FAILURE])
@pytest.mark.parametrize("source", list(Source))
def test_outcome(result, source):
    outcome = Outcome(result, source, 1.25, 40, "lifted")
    assert to.outcome_from_msg(to.outcome_to_msg(outcome)) == outcome


def test_what_was_measured_in_a_trial():
    facts = {"safety_mode": 1, "tcp": [0.0, 0.1], "gripper_events": [[0.5, "close"]], "why": "größ"}
    outcome = Outcome(
        Result.FAILURE, Source.OPERATOR, 3.0, 20, "slipped", "grasped", ("slip", "late"),
        9.7, 0.04, 0.09, facts,
    )  # fmt: skip
    assert to.outcome_from_msg(to.outcome_to_msg(outcome)) == outcome


def test_an_executor_that_measures_nothing_sends_zeros_and_text():
    message = msg.Outcome(result=1, facts=[KeyValue(key="remark", value="no JSON")])
    outcome = to.outcome_from_msg(message)
    rates = (outcome.achieved_rate, outcome.inference_p50, outcome.inference_p95)
    assert all(math.isnan(rate) for rate in rates)
    assert outcome.facts == {"remark": "no JSON"}


def test_outcome_without_a_duration():
    back = to.outcome_from_msg(to.outcome_to_msg(Outcome(Result.INVALID, detail="why")))
    assert math.isnan(back.duration) and back.result is Result.INVALID


@pytest.mark.parametrize("fields", [{"result": 9}, {"result": 1, "source": 77}])
def test_outcome_that_is_no_constant(fields):
    with pytest.raises(ValueError, match=r"9|77"):
        to.outcome_from_msg(msg.Outcome(**fields))


def test_invalid_outcome_without_a_reason():
    with pytest.raises(ValueError, match="detail"):
        to.outcome_from_msg(msg.Outcome(result=msg.Outcome.INVALID))


def test_trial():
    outcome = Outcome(Result.FAILURE, Source.OPERATOR, 3.0, 60, "slipped")
    trial = Trial(7, "cell_1", Scene((ODD,)), 2**63, outcome, None, "images/000007.png")
    message = to.trial_to_msg(trial, "campaign", STAMP)
    assert message.campaign_id == "campaign" and message.header.stamp == STAMP
    back = to.trial_from_msg(message)
    assert (back.index, back.cell, back.seed) == (7, "cell_1", 2**63)
    assert (back.scene, back.outcome, back.image_path) == (trial.scene, outcome, trial.image_path)
    assert back.image is None


def ranking():
    modes = (
        FailureMode((ODD,), 1, 4, 4, 0.83, 0.48, 0.99, policy_probability=0.6),
        FailureMode(CATALOGUE.variations[:2], 2, 3, 2, 0.6, 0.2, 0.9),
        FailureMode(CATALOGUE.variations[2:3], 3, 0, 0, 0.5, 0.025, 0.975, seen=False),
    )
    return FailureRanking(
        "id", "lift", "policy", "ppo", "discrete", modes, 9, 1.2, 2, 1.9, True, 1_700_000_000.25
    )


def test_ranking():
    stored = ranking()
    back = to.ranking_from_msg(to.ranking_to_msg(stored))
    assert back.to_dict()["failure_modes"][1:] == stored.to_dict()["failure_modes"][1:]
    assert back.failure_modes[0].ids == ("odd",)
    one, other = back.to_dict(), stored.to_dict()
    del one["failure_modes"], other["failure_modes"]
    assert one == other


def test_ranking_json_has_the_message_s_names():
    def check(data, message):
        assert set(data) == set(message.get_fields_and_field_types())

    data, message = ranking().to_dict(), to.ranking_to_msg(ranking())
    check(data, message)
    check(data["failure_modes"][0], message.failure_modes[0])
    check(data["failure_modes"][0]["variations"][0], message.failure_modes[0].variations[0])


@pytest.mark.parametrize("state", list(CampaignState))
def test_status(state):
    status = CampaignStatus(state, 3, 9, 1, Scene((ODD,)), "a cell", "cells: none", 12.5)
    back = to.status_from_msg(to.status_to_msg(status, Time(sec=7)))
    assert back.state is state and back.scene.ids == status.scene.ids
    names = ("trials_done", "trials_budget", "invalid_trials", "waiting_for", "message", "eta")
    assert [getattr(back, n) for n in names] == [getattr(status, n) for n in names]
    assert to.status_to_msg(status, Time(sec=7)).header.stamp.sec == 7


def test_status_at_the_beginning():
    back = to.status_from_msg(
        to.status_to_msg(CampaignStatus(CampaignState.STARTING, 0, 5), Time(sec=7))
    )
    assert back.scene == NOMINAL and math.isnan(back.eta)


@pytest.mark.parametrize("seconds", [0.0, 1.5, 1_700_000_000.123456])
def test_time(seconds):
    assert time_from_msg(time_to_msg(seconds)) == pytest.approx(seconds, abs=1e-6)


def picture():
    return np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def test_image():
    message = image_to_msg(picture(), STAMP, "cell_0_camera_optical")
    assert (message.encoding, message.step) == ("rgb8", 21)
    assert message.header.frame_id == "cell_0_camera_optical"
    back = image_from_msg(message)
    assert np.array_equal(back, picture()) and back.flags.writeable


def test_image_in_another_order_and_with_padded_rows():
    wanted = picture()
    padded = np.concatenate([wanted[:, :, ::-1].reshape(5, 21), np.zeros((5, 3), np.uint8)], axis=1)
    message = Image(height=5, width=7, encoding="bgr8", step=24, data=padded.tobytes())
    assert np.array_equal(image_from_msg(message), wanted)


@pytest.mark.parametrize("encoding", ["rgba8", "bgra8", "mono8"])
def test_an_image_of_other_drivers(encoding):
    wanted = picture()
    alpha = np.full((5, 7, 1), 9, np.uint8)
    planes = {
        "rgba8": np.concatenate([wanted, alpha], axis=2),
        "bgra8": np.concatenate([wanted[:, :, ::-1], alpha], axis=2),
        "mono8": wanted[:, :, :1],
    }[encoding]
    message = Image(height=5, width=7, encoding=encoding, data=planes.tobytes())
    shown = image_from_msg(message)
    if encoding == "mono8":
        wanted = wanted[:, :, :1].repeat(3, axis=2)
    assert np.array_equal(shown, wanted) and shown.flags.writeable


@pytest.mark.parametrize(("suffix", "tolerance"), [(".png", 0), (".jpg", 40)])
def test_a_compressed_image(suffix, tolerance):
    wanted = np.zeros((32, 48, 3), np.uint8)
    wanted[:, 24:] = (200, 40, 20)  # red, which a mistaken order would show blue
    data = cv2.imencode(suffix, wanted[:, :, ::-1])[1].tobytes()
    shown = image_from_msg(CompressedImage(format="rgb8; jpeg compressed bgr8", data=data))
    assert shown.shape == wanted.shape and shown.dtype == np.uint8
    assert np.abs(shown.astype(int) - wanted).max() <= tolerance
    # USB cameras pad their JPEGs with zeros
    assert image_from_msg(CompressedImage(format="jpeg", data=data + bytes(64))).shape == (
        32,
        48,
        3,
    )
    for broken in (data[: len(data) // 2], b"", b"no picture"):
        with pytest.raises(ValueError, match=f"whole JPEG or PNG; got {len(broken)} bytes"):
            image_from_msg(CompressedImage(format="jpeg", data=broken))


@pytest.mark.parametrize("form", ["16UC1; png compressed ", "16UC1; compressedDepth png"])
def test_a_compressed_depth_picture_is_refused(form):
    data = cv2.imencode(".png", np.zeros((4, 4), np.uint16))[1].tobytes()
    with pytest.raises(ValueError, match="not its depth"):
        image_from_msg(CompressedImage(format=form, data=data))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"encoding": "16UC1"}, "rgba8, bgra8, mono8; got '16UC1': .* not its depth"),
        ({"encoding": "mono16"}, "got 'mono16': name the camera's colour picture"),
        ({"encoding": "yuv422_yuy2"}, "got 'yuv422_yuy2': set the driver to rgb8"),
        ({"encoding": "bayer_rggb8"}, "debayered"),
        ({"encoding": "rgba8"}, "step 21 needs 105"),
        ({"data": bytes(104)}, "needs 105 bytes; got 104"),
        ({"step": 20}, "step 20"),
    ],
)
def test_image_that_cannot_be_read(fields, says):
    values = {"encoding": "rgb8", "step": 21, "data": bytes(105), **fields}
    with pytest.raises(ValueError, match=says):
        image_from_msg(Image(height=5, width=7, **values))
