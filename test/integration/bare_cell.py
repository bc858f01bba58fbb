# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A cell made by hand: a user's own executor that judges nothing, a camera, a robot's status."""

import sys
import threading
from pathlib import Path

import numpy as np
from rclpy.action import ActionServer, CancelResponse
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from robomd_msgs.action import ExecutePolicy
from robomd_msgs.msg import Outcome, RobotStatus
from robomd_ros.core.variations import Scene
from robomd_ros.ros.qos import IMAGE_OUT, LATCHED
from robomd_ros.ros.runtime import in_thread
from robomd_ros.ros.standard import image_to_msg

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from drawn_scene import drawn


class TableTwin:
    """What the scripted operator changes and looks at; the policy fails in the planted scenes."""

    def __init__(self, fails_in=()):
        self.scene = Scene()
        self.changes = 0
        self.cleared = 0
        self._fails_in = [set(group) for group in fails_in]

    def set_scene(self, variations, *, seed=None):
        self.scene = variations
        self.changes += 1

    def state(self):
        failed = any(group <= set(self.scene.ids) for group in self._fails_in)
        return {"lifted": not failed, "scene": list(self.scene.ids)}

    def clear(self, kind="all"):
        self.cleared += 1


class BareCell(Node):
    """Offers execute_policy with an UNKNOWN outcome, and a camera.

    Attributes:
        runs: ids in force in the twin at the start of every rollout.
        recoveries: how often the service `recover` was called; it makes the robot ready after
            `stubborn` calls that do not.
        cancels: how often a rollout was asked to end; it does if `can_cancel`.
    """

    def __init__(self, twin, duration=0.0, **kwargs):
        super().__init__("bare_cell", **kwargs)
        self.runs, self.recoveries, self.stubborn = [], 0, 0
        self._twin, self._duration = twin, duration
        self._images = self.create_publisher(Image, "camera/image_raw", IMAGE_OUT)
        self._rng = np.random.default_rng(0)
        self.frozen = None
        self._status = None
        self.create_timer(0.05, self._look)
        self.cancels, self.can_cancel = 0, True
        self._ended = threading.Event()
        self._server = ActionServer(
            self, ExecutePolicy, "execute_policy", self._execute, cancel_callback=self._cancel
        )

    def robot(self, ready, detail="Protective stop; clear the workspace"):
        """Publish the robot's status, and offer its recovery."""
        if self._status is None:
            self._status = self.create_publisher(RobotStatus, "robot_status", LATCHED)
            self.create_service(Trigger, "recover", self._recover)
        self._status.publish(RobotStatus(ready=ready, detail="" if ready else detail))

    def freeze(self):
        """The camera sends the last picture for ever."""
        self.frozen = self._last

    def _recover(self, _request, response):
        self.recoveries += 1
        response.success = self.recoveries > self.stubborn
        response.message = "" if response.success else "the elbow is blocked"
        self.robot(ready=response.success)
        return response

    def _look(self):
        if self.frozen is not None:
            picture = self.frozen
        else:
            picture = drawn(self._twin.scene, self._rng, self._twin.changes % 7)
        self._last = picture
        self._images.publish(image_to_msg(picture, self.get_clock().now().to_msg(), "camera"))

    def _cancel(self, _handle):
        self.cancels += 1
        if not self.can_cancel:
            return CancelResponse.REJECT
        self._ended.set()
        return CancelResponse.ACCEPT

    async def _execute(self, handle):
        self.runs.append(self._twin.scene.ids)
        self._ended.clear()
        if self._duration:
            await in_thread(self, "rollout", lambda: self._ended.wait(self._duration))
        if handle.is_cancel_requested:
            handle.canceled()
            return ExecutePolicy.Result()
        handle.succeed()
        outcome = Outcome(result=Outcome.UNKNOWN, duration=2.5, steps=25)
        return ExecutePolicy.Result(outcome=outcome)
