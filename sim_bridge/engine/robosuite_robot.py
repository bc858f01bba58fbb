# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot of robosuite's as the control loop knows it: bound by the names that it has itself.

These fields of `robosuite.robots.Robot` are private; test/integration/test_robosuite_parity.py
holds them to robosuite 1.5.2.
"""

from typing import Any

import mujoco
import numpy as np

from robomd_ros.core.errors import ConfigurationError
from sim_bridge.engine.binding import Array, Binding, GripperDrive, OscGains

_STEPPED_BY_ROBOSUITE = ("step", "_pre_action")
"""Methods of an environment that, once overridden, may do what our loop does not."""


class RobosuiteGripper:
    """robosuite's own gripper model: what a command means, its motors know."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def reset(self) -> None:
        """Nothing: robosuite's reset of the robot does it."""

    def command(self, closing: float) -> Array:
        """Negative opens, positive closes."""
        formatted = self._model.format_action(np.array([closing]))
        return np.clip(np.asarray(formatted, dtype=np.float64), -1.0, 1.0)


class NoDrive:
    """Of a hand without motors."""

    def reset(self) -> None:
        """Nothing."""

    def command(self, closing: float) -> Array:
        """Nothing."""
        return np.zeros(0)


def require_one_arm(environment: Any, name: str) -> None:
    """Refuse what no command of ours means.

    Args:
        environment: robosuite's, made.
        name: of the task, for the message.

    Raises:
        ConfigurationError: two robots or arms, a mobile base, or another controller than OSC_POSE
            with a change of pose as its input.
    """
    robots = environment.robots
    robot = robots[0]
    if len(robots) != 1 or len(robot.arms) != 1:
        arms = sum(len(one.arms) for one in robots)
        raise ConfigurationError(
            f"the task {name!r} has {arms} arms; the simulator moves one: give a task with one arm"
        )
    if robot.is_mobile:
        raise ConfigurationError(
            f"the task {name!r} has a mobile base under its {robot.name}; the simulator moves an "
            "arm on a fixed base: give robot:=Panda or robot:=UR5e"
        )
    arm = robot.part_controllers[robot.arms[0]]
    kind, given = arm.name, getattr(arm, "input_type", "")
    if kind != "OSC_POSE" or given != "delta" or arm.impedance_mode != "fixed":
        what = f"{kind} ({given} input)" if given else kind
        if kind == "OSC_POSE" and given == "delta":
            what = f"OSC_POSE with impedance_mode {arm.impedance_mode}"
        raise ConfigurationError(
            f"the task {name!r} drives its arm by {what}; the simulator takes changes of the pose: "
            "give the environment OSC_POSE with delta input and fixed impedance, robosuite's "
            "default for a Panda or a UR5e"
        )


def why_stepped_by_robosuite(environment: Any) -> str:
    """Why robosuite itself must step this environment, slowly; "" if our loop can."""
    from robosuite.environments.base import MujocoEnv  # noqa: PLC0415 - see import_robosuite
    from robosuite.environments.robot_env import RobotEnv  # noqa: PLC0415

    for name in _STEPPED_BY_ROBOSUITE:
        if getattr(type(environment), name) not in (
            getattr(RobotEnv, name),
            getattr(MujocoEnv, name),
        ):
            return f"its environment has a method {name} of its own"
    robot = environment.robots[0]
    arm = robot.part_controllers[robot.arms[0]]
    scales = np.concatenate([arm.output_max, -np.asarray(arm.output_min)]).reshape(2, 2, 3)
    reasons = {
        "commands are meant in the frame of the world": arm.input_ref_frame != "base",
        "its stiffness differs between axes": bool(np.ptp(arm.kp) > 0),
        "it is not critically damped": not np.allclose(arm.kd, 2.0 * np.sqrt(arm.kp)),
        "position and orientation are coupled": not arm.uncoupling,
        "its commands are scaled by axis or side": bool(np.ptp(scales, axis=(0, 2)).any()),
        "its goals are interpolated": arm.interpolator_pos or arm.interpolator_ori,
        "positions or orientations are limited": arm.position_limits is not None
        or arm.orientation_limits is not None,
        "it is not stepped lightly (lite_physics)": not environment.lite_physics,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def bind_robot(environment: Any) -> Binding:
    """Indices of the environment's only robot in the model that its `sim` has now."""
    robot, model = environment.robots[0], environment.sim.model._model
    side = robot.arms[0]
    arm = robot.part_controllers[side]
    fingers, motors = [], []
    gripper: GripperDrive = NoDrive()
    if robot.has_gripper[side]:
        fingers = robot._ref_gripper_joint_pos_indexes[side] or []
        motors = robot._ref_joint_gripper_actuator_indexes[side] or []
        gripper = RobosuiteGripper(robot.gripper[side]) if motors else gripper
    gains = OscGains(
        stiffness=float(arm.kp[0]),
        position_scale=float(arm.output_max[0]),
        rotation_scale=float(arm.output_max[3]),
    )
    return Binding(
        arm_qpos=np.array(arm.qpos_index, dtype=np.int64),
        arm_dofs=np.array(arm.qvel_index, dtype=np.int64),
        arm_ctrl=np.array(robot._ref_actuators_indexes_dict[side], dtype=np.int64),
        site=_site(model, arm.ref_name),
        frame=_site(model, f"{arm.naming_prefix}{arm.part_name}_center"),
        base=model.body(robot.robot_model.root_body).id,
        finger_qpos=np.array(fingers, dtype=np.int64),
        finger_ctrl=np.array(motors, dtype=np.int64),
        gripper=gripper,
        gains=gains,
    )


def _site(model: mujoco.MjModel, name: str) -> int:
    return int(model.site(name).id)
