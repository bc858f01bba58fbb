# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The control law against its formula in numpy; against robosuite's: test_parity.py."""

import numpy as np
import pytest

from sim_bridge.engine.operational_space import Arm, ArmState, Goal, arm_torques

STIFFNESS, POSTURE_STIFFNESS = 150.0, 10.0
WIDE = np.tile([-1e6, 1e6], (7, 1))


def state_of(seed: int, still: bool = False) -> ArmState:
    """Any arm with seven joints, among ten degrees of freedom."""
    random = np.random.default_rng(seed)
    half = random.normal(size=(10, 10))
    return ArmState(
        qpos=random.normal(size=10),
        qvel=np.zeros(10) if still else random.normal(size=10),
        bias=random.normal(size=10),
        mass=half @ half.T + 10.0 * np.eye(10),
        jacobian=np.pad(random.normal(size=(6, 7)), ((0, 0), (0, 3))),
        pos=random.normal(size=3),
        mat=np.linalg.qr(random.normal(size=(3, 3)))[0],
    )


def arm_of(limits=WIDE) -> Arm:
    return Arm(np.arange(7), np.arange(7), limits, STIFFNESS, POSTURE_STIFFNESS)


def at_its_goal(state: ArmState) -> Goal:
    return Goal(state.pos.copy(), state.mat.copy(), state.qpos[:7].copy())


def by_formula(state: ArmState, goal: Goal) -> np.ndarray:
    """J^T [Lambda_p a; Lambda_r alpha] + bias + N^T M posture, with matrices written out."""
    jacobian, mass = state.jacobian[:, :7], state.mass[:7, :7]
    velocity = jacobian @ state.qvel[:7]
    turn = 0.5 * np.cross(state.mat.T, goal.mat.T).sum(axis=0)
    error = np.concatenate([goal.pos - state.pos, turn])
    desired = STIFFNESS * error - 2.0 * np.sqrt(STIFFNESS) * velocity
    inverse = jacobian @ np.linalg.inv(mass) @ jacobian.T
    wrench = np.concatenate(
        [
            np.linalg.solve(inverse[:3, :3], desired[:3]),
            np.linalg.solve(inverse[3:, 3:], desired[3:]),
        ]
    )
    posture = mass @ (
        POSTURE_STIFFNESS * (goal.posture - state.qpos[:7])
        - 2.0 * np.sqrt(POSTURE_STIFFNESS) * state.qvel[:7]
    )
    reach = np.linalg.inv(mass) @ jacobian.T @ np.linalg.inv(inverse)
    null = np.eye(7) - reach @ jacobian
    return jacobian.T @ wrench + state.bias[:7] + null.T @ posture


@pytest.mark.parametrize("seed", range(5))
def test_torques_are_those_of_the_formula(seed):
    state, other = state_of(seed), state_of(seed + 100)
    goal = Goal(other.pos, other.mat, other.qpos[:7].copy())
    np.testing.assert_allclose(
        arm_torques(arm_of(), state, goal), by_formula(state, goal), rtol=1e-8, atol=1e-8
    )


def test_an_arm_that_rests_at_its_goal_only_carries_itself():
    state = state_of(1, still=True)
    torque = arm_torques(arm_of(), state, at_its_goal(state))
    np.testing.assert_allclose(torque, state.bias[:7], atol=1e-9)


def test_the_hand_is_critically_damped():
    """Let go beside its goal it comes back as x0 (1 + w t) exp(-w t), w^2 the stiffness."""
    state = state_of(2, still=True)
    state.jacobian[:, :7] = np.eye(6, 7)  # joint i moves the hand along its axis i
    state.mass[:] = np.diag(np.arange(1.0, 11.0))
    state.bias[:] = 0.0
    goal = at_its_goal(state)
    state.pos[0] += 0.1
    step, rate = 1e-4, np.sqrt(STIFFNESS)
    for n in range(1, 3001):
        torque = arm_torques(arm_of(), state, goal)
        state.qvel[:7] += step * torque / np.diag(state.mass)[:7]
        state.qpos[:7] += step * state.qvel[:7]
        state.pos[:] += step * state.qvel[:3]
        if n % 500 == 0:
            expected = 0.1 * (1.0 + rate * n * step) * np.exp(-rate * n * step)
            assert state.pos[0] - goal.pos[0] == pytest.approx(expected, abs=1e-3)


def test_torques_keep_the_motors_limits():
    state, other = state_of(3), state_of(4)
    limits = np.tile([-2.0, 3.0], (7, 1))
    torque = arm_torques(arm_of(limits), state, Goal(other.pos, other.mat, other.qpos[:7].copy()))
    assert torque.min() == -2.0
    assert torque.max() == 3.0
