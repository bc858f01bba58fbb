# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign in the embedding space in simulation, over the real nodes."""

import math
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

import rclpy
from graph import Bringup, mode_ids, ranking, valid, wait_for
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from robomd_msgs.msg import CampaignStatus, FailureRanking
from robomd_msgs.srv import CompareVariations, QueryVariation
from robomd_ros.ros.qos import LATCHED
from robomd_ros.ros.standard import image_to_msg, time_to_msg

pytestmark = pytest.mark.long  # shorter: test_embedding_search.py, test_diagnosis_node.py
GREEN = "Change cube color to vivid green (hue 120 degrees, saturation 90 percent)"
DARK = "Dim the light to 5 percent of its strength"
BUDGET = 16
FIRST = 8


class Asker:
    """A client of the services, in this process."""

    def __init__(self, domain):
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=int(domain["ROS_DOMAIN_ID"]))
        self.node = rclpy.create_node("asker", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.rankings = []
        self.node.create_subscription(
            FailureRanking, "/robomd/failure_ranking", self.rankings.append, LATCHED
        )
        self.states = []
        self.node.create_subscription(
            CampaignStatus,
            "/robomd/campaign_status",
            lambda m: self.states.append(m.state),
            LATCHED,
        )
        self.clients = {
            kind: self.node.create_client(kind, f"/robomd/{name}")
            for kind, name in (
                (QueryVariation, "query_variation"),
                (CompareVariations, "compare_variations"),
            )
        }
        self.controls = {
            name: self.node.create_client(Trigger, f"/robomd/{name}")
            for name in ("pause", "resume")
        }
        for client in (*self.clients.values(), *self.controls.values()):
            wait_for(lambda c=client: c.service_is_ready(), "the services", 120)

    def ask(self, kind, **fields):
        return self._call(self.clients[kind], kind.Request(**fields))

    def control(self, name):
        assert self._call(self.controls[name], Trigger.Request()).success

    def _call(self, client, request):
        future = client.call_async(request)
        self.executor.spin_until_future_complete(future, 20.0)
        assert future.done(), f"no answer to {request}"
        return future.result()

    def spin(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)

    def close(self):
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory, module_domain):
    """(folder, answers while it ran, last ranking as a message) of a campaign that has ended."""
    folder = tmp_path_factory.mktemp("embedding")
    out = folder / "campaign"
    options = f"{{first_trials: {FIRST}, retrain_every: 8, agent_steps: 256}}"
    arguments = [
        "action_space:=embedding",
        "catalogue:=lift_continuous",
        f"budget:={BUDGET}",
        f"search_options:={options}",
        "seed:=5",
        f"out:={out}",
        "linger:=20",
    ]
    with Bringup(folder, arguments, module_domain) as bringup:
        asker = None
        try:
            asker = Asker(module_domain)
            early = wait_for(lambda: _once_there_is_a_campaign(asker), "a campaign", 120)
            wait_for(lambda: len(valid(out)) >= FIRST or not bringup.running, "trials", 240)
            assert bringup.running, bringup.output
            asker.control("pause")  # or it could end before it was asked
            during = wait_for(lambda: _answers(asker, out), "answers while it runs", 240)
            asker.control("resume")
            finished = CampaignStatus.FINISHED
            wait_for(lambda: asker.spin(0.2) or finished in asker.states, "the end", 300)
            asker.spin(1.0)
            last = asker.rankings[-1]
        finally:
            if asker is not None:
                asker.close()
            bringup.interrupt()
        bringup.wait(30)
    return out, early, during, last


def _once_there_is_a_campaign(asker):
    answer = asker.ask(QueryVariation, description=GREEN)
    return answer if answer.error_code != QueryVariation.Response.NO_CAMPAIGN else None


def _answers(asker, out):
    """Every kind of question, once there is an embedding; None before."""
    asker.spin(0.3)
    first = asker.ask(QueryVariation, description=GREEN)
    if first.error_code:
        return None
    picture = np.full((60, 90, 3), 128, np.uint8)
    picture[20:40, 30:60] = (20, 220, 40)
    image = image_to_msg(picture, time_to_msg(0.0), "camera")
    begun = time.monotonic()
    answers = {
        "again": asker.ask(QueryVariation, description=GREEN),
        "picture": asker.ask(QueryVariation, description="", image=image),
        "both": asker.ask(QueryVariation, description=GREEN, image=image),
        "nothing": asker.ask(QueryVariation, description=" "),
        "bad": asker.ask(QueryVariation, description=GREEN, image=Image(
            height=2, width=2, encoding="32FC1", data=[0] * 16)),
        "compared": asker.ask(CompareVariations, description_a=GREEN, description_b=DARK),
        "reversed": asker.ask(CompareVariations, description_a=DARK, description_b=GREEN),
    }  # fmt: skip
    answers["seconds"] = (time.monotonic() - begun) / len(answers)
    answers["first"], answers["trials"] = first, len(valid(out))
    return answers


def test_the_ranking_holds_unseen_entries(campaign):
    out, _, _, last = campaign
    stored = ranking(out)
    assert stored["trials"] == BUDGET and stored["action_space"] == "embedding"
    modes = stored["failure_modes"]
    assert len(modes) == 1000
    seen = [m for m in modes if m["seen"]]
    assert len(seen) == BUDGET, "no variation twice before all were tried"
    unseen = [m for m in modes if not m["seen"]]
    assert all(m["reliability"] > 0 for m in unseen)
    predicted = [m for m in unseen if m["failure_probability"] != 0.5]
    assert len(predicted) > 100
    assert len({round(m["failure_probability"], 6) for m in predicted}) > 50
    rest = {(m["lower"], m["upper"]) for m in unseen if m["failure_probability"] == 0.5}
    assert rest <= {(0.0, 1.0)}, "what it does not know it says"
    ranks = {mode_ids(m)[0]: m["rank"] for m in modes}
    assert ranks == {m.variations[0].id: m.rank for m in last.failure_modes}
    assert [m.seen for m in last.failure_modes] == [m["seen"] for m in modes]


def test_before_the_first_training_it_says_what_is_lacking(campaign):
    _, early, _, _ = campaign
    assert early.error_code == QueryVariation.Response.NOT_AVAILABLE
    assert "embedding after 8 trials" in early.error_msg


def test_questions_are_answered_while_it_runs(campaign):
    answers = campaign[2]
    assert answers["trials"] < BUDGET, "asked too late"
    mode = answers["first"].failure_mode
    assert not mode.seen and mode.rank == 0 and mode.reliability > 0
    assert mode.lower <= mode.failure_probability <= mode.upper
    assert mode.variations[0].description == GREEN
    for name in ("picture", "both"):
        assert not answers[name].error_code, answers[name].error_msg
        assert answers[name].failure_mode.reliability > 0
    assert answers["both"].failure_mode.reliability != mode.reliability
    assert answers["seconds"] < 2.0


def test_comparisons_are_antisymmetric(campaign):
    there, back = campaign[2]["compared"], campaign[2]["reversed"]
    assert not there.error_code
    assert math.isclose(
        there.probability_a_fails_more + back.probability_a_fails_more, 1.0, abs_tol=1e-9
    )
    if not math.isnan(there.log_ratio):
        assert math.isclose(there.log_ratio, -back.log_ratio, abs_tol=1e-6)


def test_bad_questions_have_their_codes(campaign):
    codes = QueryVariation.Response
    nothing, bad = campaign[2]["nothing"], campaign[2]["bad"]
    assert nothing.error_code == codes.UNKNOWN_VARIATION and "nothing is asked" in nothing.error_msg
    assert bad.error_code == codes.BAD_IMAGE and "32FC1" in bad.error_msg
