# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A label that comes after somebody else changed the scene: the person saw another scene."""

import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph
from rclpy.action import ActionServer
from sensor_msgs.msg import Image

from robomd_msgs.action import ApplyScene, ExecutePolicy, LabelOutcome
from robomd_msgs.msg import Outcome as OutcomeMsg
from robomd_msgs.msg import Scene as SceneMsg
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import NOMINAL
from robomd_ros.nodes.ros_cell import CellTimeouts, RosCell
from robomd_ros.ros.cell_state import CellStatePublisher, new_token
from robomd_ros.ros.qos import IMAGE_OUT
from robomd_ros.ros.runtime import in_thread

PLACE = "/robomd/cell_0"


class Judged(Graph):
    """A cell whose rollouts judge nothing, and whose person does `meanwhile`, then says success.

    Attributes:
        names_token: the executor says under which token it ran.
    """

    def start(self):
        self.meanwhile, self.names_token = lambda: None, True
        self.state = CellStatePublisher(self.client, "cell_0", f"{PLACE}/cell_state", period=0.0)
        pictures = self.client.create_publisher(Image, f"{PLACE}/camera/image_raw", IMAGE_OUT)
        picture = Image(height=2, width=2, encoding="rgb8", step=6, data=bytes(12))

        def look():
            picture.header.stamp = self.client.get_clock().now().to_msg()
            pictures.publish(picture)

        self.client.create_timer(0.05, look)
        for kind, name, work in (
            (ApplyScene, "apply_scene", self._apply),
            (ExecutePolicy, "execute_policy", self._execute),
            (LabelOutcome, "label_outcome", self._label),
        ):
            ActionServer(self.client, kind, f"{PLACE}/{name}", work)
        asking = self.add(self.client.__class__("asking", namespace="/robomd"))
        self.cell = RosCell(asking, "cell_0", CellTimeouts(silence=5.0))
        wait_for(self.cell.available, "the cell", 20)
        return self

    def _apply(self, handle):
        token = new_token()
        self.state.in_force(handle.request.scene, token)
        handle.succeed()
        return ApplyScene.Result(token=token, applied=self.client.get_clock().now().to_msg())

    def _execute(self, handle):
        handle.succeed()
        unknown = OutcomeMsg(result=OutcomeMsg.UNKNOWN, duration=2.0, steps=20)
        token = handle.request.token if self.names_token else ""
        return ExecutePolicy.Result(outcome=unknown, token=token)

    async def _label(self, handle):
        known = handle.request.outcome
        if not known.steps:  # while it runs nobody says anything
            await in_thread(self.client, "early", lambda: self._until_canceled(handle))
            handle.canceled()
            return LabelOutcome.Result(error_code=LabelOutcome.Result.CANCELED)
        self.meanwhile()
        await in_thread(self.client, "person", lambda: threading.Event().wait(0.3))
        handle.succeed()
        known.result, known.source = OutcomeMsg.SUCCESS, OutcomeMsg.SOURCE_OPERATOR
        return LabelOutcome.Result(outcome=known)

    def _until_canceled(self, handle):
        wait_for(lambda: handle.is_cancel_requested, "the end of the rollout", 10)


@pytest.fixture
def judged(domain):
    graph = Judged(domain)
    yield graph.start()
    graph.cell.close()
    graph.close()


def test_a_scene_that_somebody_else_changed_before_the_label_makes_it_invalid(judged):
    judged.meanwhile = lambda: judged.state.in_force(SceneMsg(), new_token())
    outcome = judged.cell.run(NOMINAL, 1).outcome
    assert outcome.result is Result.INVALID
    assert "the scene was changed before the rollout was judged" in outcome.detail
    assert "apply_scene" in outcome.detail


@pytest.mark.slow
@pytest.mark.parametrize("names_token", [True, False])
def test_only_that_trial_is_invalid_whether_the_executor_names_its_token_or_not(
    judged, names_token
):
    judged.names_token = names_token
    assert judged.cell.run(NOMINAL, 1).outcome.result is Result.SUCCESS
    judged.meanwhile = lambda: judged.state.in_force(SceneMsg(), new_token())
    assert judged.cell.run(NOMINAL, 2).outcome.result is Result.INVALID
    judged.meanwhile = lambda: None
    assert judged.cell.run(NOMINAL, 3).outcome.result is Result.SUCCESS
