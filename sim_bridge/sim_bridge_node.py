# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulator as a cell of the ROS graph."""

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState

from robomd_msgs.action import ApplyScene, ExecutePolicy
from robomd_ros.core.campaign.parameters import SimBridgeParameters
from robomd_ros.core.errors import CellFault, ConfigurationError
from robomd_ros.core.share import config_file
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.ros.cell_state import CellStatePublisher, new_token, refusal
from robomd_ros.ros.conversions import outcome_to_msg, scene_from_msg
from robomd_ros.ros.driver import DriverWatch
from robomd_ros.ros.parameters import declare
from robomd_ros.ros.qos import IMAGE_OUT, STATE_OUT, overridable_publisher
from robomd_ros.ros.runtime import KEEP_SHORT, OneGoalServer, Ticker, finish, in_thread, main_of
from robomd_ros.ros.standard import image_to_msg
from robomd_ros.ros.transforms import StaticTransforms
from sim_bridge.cells import SimulatorOptions
from sim_bridge.tasks.task import simulated_task
from sim_bridge.worker import WorkerCell

_WORLD = "world"
"""The frame of the simulator, which all its cells share."""
_FEEDBACK_PERIOD = 0.5
"""s between signs of life while a goal is executed."""


class SimBridgeNode(Node):
    """Offers one simulated cell; the simulator itself runs in a supervised child process.

    Parameters:
        Those of SimBridgeParameters; `ros2 param describe` prints them.

    Publishers:
        camera/image_raw (sensor_msgs/Image, rgb8, reliable): first picture of a scene, and
            again at idle_rate while no goal is executed.
        camera/camera_info (sensor_msgs/CameraInfo, reliable): with every picture.
        joint_states (sensor_msgs/JointState, reliable): of the arm, rad, with every picture.
        sim/cell_state (robomd_msgs/CellState, latched): when a scene begins to be changed and when
            it is in force; perturbation_node passes it on.
        /tf_static (tf2_msgs/TFMessage, latched): world -> <cell>_base and <cell>_camera_optical,
            when they have changed; where tf2_msgs is installed.

    Subscriptions:
        driver (std_msgs/String, latched, liveliness 0.3 s): what runs ends when its sender is gone.

    Actions:
        sim/apply_scene (robomd_msgs/ApplyScene): put a scene in force at a seeded start.
        execute_policy (robomd_msgs/ExecutePolicy): run the policy in that scene. A goal without a
            token runs in whatever scene is in force; the result names it.
    """

    def __init__(self, make_cell: Callable[..., Any] = WorkerCell, **kwargs: Any) -> None:
        """Declare and check; `connect` starts the simulator.

        Args:
            make_cell: from a name and SimulatorOptions to a Cell with connect().
            **kwargs: of rclpy's Node.
        """
        super().__init__("sim_bridge_node", **kwargs)
        values = declare(self, SimBridgeParameters)
        self._task = simulated_task(values["task"])
        self._options = SimulatorOptions(
            task=values["task"],
            policy=values["policy"],
            python=values["python"],
            catalogue=load_catalogue(config_file("variations", values["catalogue"])),
            horizon=values["horizon"],
            trial_timeout=values["trial_timeout"],
            start_timeout=values["start_timeout"],
        )
        cell_name = self.get_namespace().strip("/").rsplit("/", 1)[-1] or "cell"
        self._cell = make_cell(cell_name, self._options)
        self._frame = f"{cell_name}_camera_optical"
        self._frames = {"base": f"{cell_name}_base", "camera": self._frame}
        self._scene = Scene()
        self.state = CellStatePublisher(self, cell_name, "sim/cell_state", period=0.0)
        self._applying = False
        self._picture: NDArray[np.uint8] | None = None
        self._stamp = self.get_clock().now().to_msg()
        self._idle_period = 1.0 / values["idle_rate"]

    def connect(self) -> None:
        """Start the simulator, then offer the cell: who sees its actions can use them.

        Raises:
            ConfigurationError: the policy or the catalogue does not fit.
            CellLostError: the simulator did not start.
        """
        starting = threading.Thread(target=self._start, name="start-simulator", daemon=True)
        self._start_error: BaseException | None = None
        starting.start()
        while starting.is_alive():
            starting.join(0.2)  # short, so that Ctrl-C is noticed
        if self._start_error is not None:
            raise self._start_error
        self._images = overridable_publisher(self, Image, "camera/image_raw", IMAGE_OUT)
        self._infos = overridable_publisher(self, CameraInfo, "camera/camera_info", IMAGE_OUT)
        self._joints = overridable_publisher(self, JointState, "joint_states", STATE_OUT)
        self._transforms = StaticTransforms(self, _WORLD)
        self._ticker = Ticker(self, _FEEDBACK_PERIOD)
        DriverWatch(self, self._on_driver_gone)
        self._apply_server = self._serve(ApplyScene, "sim/apply_scene", self.apply_scene)
        self._execute_server = self._serve(ExecutePolicy, "execute_policy", self._execute_policy)
        self._idle = self.create_timer(self._idle_period, self._publish)
        self.get_logger().info(f"up: cell {self._cell.name} is ready, waits for goals")

    def _serve(self, action_type: Any, name: str, execute: Any) -> OneGoalServer:
        return OneGoalServer(
            self, action_type, name, execute, on_cancel=self.cancel, keep_result=KEEP_SHORT
        )

    def close(self) -> None:
        """End the simulator."""
        self._cell.close()

    def _start(self) -> None:
        try:
            self._cell.connect()
            self._picture = self._cell.observe(Scene(), 0)
        except (ConfigurationError, CellFault) as error:
            self._start_error = error

    def cancel(self) -> None:
        """End what runs soon."""
        self._cell.cancel()

    def _on_driver_gone(self) -> None:
        """End what runs for a diagnosis that is no more."""
        if self._applying or self._execute_server.busy:
            self.get_logger().warning("the diagnosis that drives this cell is gone: ends what runs")
            self.cancel()

    async def apply_scene(self, handle: Any) -> ApplyScene.Result:
        """Execute a goal of apply_scene, whoever of this process offers the action."""
        result = ApplyScene.Result()
        if self._applying or self._execute_server.busy:
            what = "another scene is being made" if self._applying else "the policy is executed"
            result.error_code = ApplyScene.Result.BUSY
            result.error_msg = f"{what}; wait for the end or cancel it"
            return finish(handle, result)
        self._applying = True
        self.state.begin_change()
        try:
            scene, seed = scene_from_msg(handle.request.scene), handle.request.seed
            self._picture = await self._working(handle, lambda: self._cell.observe(scene, seed))
            self._scene = scene
            result.token = new_token()
            self.state.in_force(handle.request.scene, result.token)
            self._publish()
        except ConfigurationError as error:
            result.error_code = ApplyScene.Result.UNKNOWN_VARIATION
            result.error_msg = str(error)
        except CellFault as error:
            result.error_code = ApplyScene.Result.CELL_FAULT
            result.error_msg = str(error)
        finally:
            self._applying = False
        # the picture's own stamp: it is the first that shows the scene
        result.applied = self._stamp
        return finish(handle, result)

    async def _execute_policy(self, handle: Any) -> ExecutePolicy.Result:
        goal, scene = handle.request, self._scene
        result = ExecutePolicy.Result(token=self.state.token)
        result.error_code, result.error_msg = refusal(self.state.newest, goal)
        if result.error_code:
            result.outcome = _invalid(result.error_msg)
            return finish(handle, result)
        wish = goal.instruction, goal.time_limit
        try:
            trial: Trial = await self._working(
                handle, lambda: self._cell.run(scene, goal.seed, *wish)
            )
            result.outcome = outcome_to_msg(trial.outcome)
            if not trial.outcome.valid:
                result.error_code = ExecutePolicy.Result.POLICY_FAULT
                result.error_msg = trial.outcome.detail
        except CellFault as error:
            result.error_code = ExecutePolicy.Result.CELL_FAULT
            if handle.is_cancel_requested:
                result.error_code = ExecutePolicy.Result.CANCELED
            result.error_msg = str(error)
            result.outcome = _invalid(result.error_msg)
        result.token = self.state.token
        return finish(handle, result)

    async def _working(self, handle: Any, work: Any) -> Any:
        """Do blocking work in a thread; feedback every half second shows that this node lives."""
        self._idle.cancel()
        try:
            with self._ticker.calling(lambda: self._feedback(handle)):
                return await in_thread(self, "trial", work)
        finally:
            self._idle.reset()

    def _feedback(self, handle: Any) -> None:
        if isinstance(handle.request, ApplyScene.Goal):
            handle.publish_feedback(ApplyScene.Feedback(waiting_for="simulator"))
        else:
            handle.publish_feedback(ExecutePolicy.Feedback(duration=math.nan))

    def _publish(self) -> None:
        self._stamp = self.get_clock().now().to_msg()
        if self._picture is None:
            return
        self._images.publish(image_to_msg(self._picture, self._stamp, self._frame))
        height, width = self._picture.shape[:2]
        info = CameraInfo(height=height, width=width)
        info.header.stamp, info.header.frame_id = self._stamp, self._frame
        self._infos.publish(info)
        self._publish_joints()
        self._transforms.publish({self._frames[n]: p for n, p in self._cell.poses.items()})

    def _publish_joints(self) -> None:
        positions = self._cell.joint_positions
        if positions is None:
            return
        arm = self._task.robot.lower()
        joints = JointState(position=positions.tolist())
        joints.name = [f"{arm}_joint{i}" for i in range(1, len(positions) + 1)]
        joints.header.stamp = self._stamp
        self._joints.publish(joints)


def _invalid(reason: str) -> Any:
    return outcome_to_msg(Outcome(Result.INVALID, detail=reason))


def main() -> None:
    """Run the node."""
    main_of(SimBridgeNode)


if __name__ == "__main__":
    main()
