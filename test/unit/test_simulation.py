# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulation alone: determinism, starts, success, bad commands, the model cache."""

import multiprocessing
import os

import mujoco
import numpy as np
import pytest

from robomd_ros.core.errors import CatalogueError, ConfigurationError
from robomd_ros.core.variations import Scene, Variation
from sim_bridge.engine import models
from sim_bridge.engine.simulation import Simulation
from sim_bridge.tasks.lift import ObjectPose, lifted
from sim_bridge.tasks.task import task

LIFT = task("lift")


@pytest.fixture(scope="module")
def simulation():
    simulation = Simulation(LIFT)
    yield simulation
    simulation.close()


def resized(*half_size: float) -> Scene:
    return Scene((Variation("s", "size", "cube", "Resize", {"half_size": half_size}),))


def run(simulation, seed: int, steps: int = 10) -> np.ndarray:
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        simulation.step(rng.uniform(-1, 1, 7))
    reading = simulation.proprioception()
    return np.concatenate([reading["joint_pos"], reading["joint_vel"], reading["gripper_qpos"]])


def test_the_same_seed_gives_the_same_episode_whatever_came_before(simulation):
    simulation.reset(5)
    first, picture = run(simulation, 5), simulation.draw()
    simulation.reset(6, resized(0.04, 0.04, 0.04))
    assert not np.array_equal(run(simulation, 5), first)
    simulation.reset(5)
    assert np.array_equal(run(simulation, 5), first)
    assert np.array_equal(simulation.draw(), picture)


def test_starts_follow_robosuites_distribution():
    starts = [LIFT.draw_start(seed) for seed in range(400)]
    sizes = np.array([s.half_size for s in starts])
    places = np.array([s.object_xy for s in starts])
    noise = np.array([s.joint_pos for s in starts]) - LIFT.home
    assert sizes.min() >= 0.020 and sizes.max() <= 0.022 and np.ptp(sizes) > 0.0019
    assert np.abs(places).max() <= 0.03 and np.ptp(places) > 0.058
    assert noise.std() == pytest.approx(0.02, rel=0.05)
    yaws = [s.object_yaw for s in starts]
    assert min(yaws) < 0.1 and max(yaws) > 6.18


def test_an_observation_has_what_the_policy_protocol_promises(simulation):
    simulation.reset(0)
    observation = simulation.observe(state=True)
    assert set(observation) == {"images", "proprioception", "state"}
    image = observation["images"]["agentview"]
    assert image.shape == (84, 84, 3) and image.dtype == np.uint8
    shapes = {k: v.shape for k, v in observation["proprioception"].items()}
    assert shapes == {
        "eef_pos": (3,),
        "eef_quat_xyzw": (4,),
        "gripper_qpos": (2,),
        "joint_pos": (7,),
        "joint_vel": (7,),
    }
    assert all(v.dtype == np.float64 for v in observation["proprioception"].values())
    assert "state" not in simulation.observe()


def test_an_observation_is_not_changed_by_later_steps(simulation):
    simulation.reset(0)
    before = simulation.observe(state=True)
    kept = before["images"]["agentview"].copy(), before["proprioception"]["joint_pos"].copy()
    position = before["state"]["cube_pos"].copy()
    run(simulation, 1)
    simulation.observe()
    assert np.array_equal(before["images"]["agentview"], kept[0])
    assert np.array_equal(before["proprioception"]["joint_pos"], kept[1])
    assert np.array_equal(before["state"]["cube_pos"], position)


def test_the_picture_is_upright(simulation):
    """The grey wall is above the white table."""
    simulation.reset(0)
    image = simulation.draw().astype(int)
    assert image[0, 5].mean() < 150 < 220 < image[80, 5].mean()


def test_steps_and_time_count_from_the_reset(simulation):
    simulation.reset(0)
    run(simulation, 0, 3)
    assert (simulation.steps, simulation.time) == (3, pytest.approx(0.15))
    simulation.reset(0)
    assert (simulation.steps, simulation.time) == (0, 0.0)


def test_the_gripper_closes_on_positive_and_opens_on_negative(simulation):
    widths = []
    for sign in (-1.0, 1.0):
        simulation.reset(0)
        for _ in range(20):
            simulation.step(np.array([0, 0, 0, 0, 0, 0, sign]))
        widths.append(np.ptp(simulation.proprioception()["gripper_qpos"]))
    assert widths[0] > 0.075 and widths[1] < 0.005


def test_a_command_moves_the_hand_along_its_axis(simulation):
    for axis in range(3):
        simulation.reset(0)
        before = simulation.proprioception()["eef_pos"]
        for _ in range(10):
            simulation.step(0.4 * np.eye(7)[axis])
        moved = simulation.proprioception()["eef_pos"] - before
        assert moved[axis] > 0.03
        assert np.abs(np.delete(moved, axis)).max() < 0.015


@pytest.mark.parametrize(
    "bad", [np.zeros(6), np.zeros((1, 7)), np.full(7, np.nan), np.full(7, np.inf), "up", None]
)
def test_a_bad_command_is_refused_and_nothing_moves(simulation, bad):
    simulation.reset(0)
    before = simulation.proprioception()["joint_pos"]
    with pytest.raises(ValueError, match="a command must be 7"):
        simulation.step(bad)
    assert np.array_equal(simulation.proprioception()["joint_pos"], before)
    assert simulation.steps == 0


def test_commands_beyond_the_range_are_clipped(simulation):
    simulation.reset(0)
    simulation.step(np.full(7, 30.0))
    far = simulation.proprioception()["joint_pos"]
    simulation.reset(0)
    simulation.step(np.ones(7))
    assert np.array_equal(simulation.proprioception()["joint_pos"], far)


def test_a_scene_that_cannot_be_applied_leaves_the_last_one(simulation):
    scene = resized(0.03, 0.03, 0.03)
    simulation.reset(0, scene)
    with pytest.raises(CatalogueError, match="half_size"):
        simulation.reset(1, resized(3.0, 3.0, 3.0))
    assert simulation.state()["scene"] == scene.ids
    assert simulation.state()["cube_half_size"].tolist() == [0.03, 0.03, 0.03]


def test_a_shift_moves_the_start(simulation):
    simulation.reset(4)
    before = simulation.state()["cube_pos"]
    shift = Variation("p", "position", "cube", "Move", {"shift": (0.1, -0.05)})
    simulation.reset(4, Scene((shift,)))
    np.testing.assert_allclose(simulation.state()["cube_pos"] - before, [0.1, -0.05, 0], atol=1e-12)


@pytest.mark.parametrize("half", [0.005, 0.01, 0.0205, 0.04, 0.06])
def test_a_cube_of_any_size_is_lifted_only_when_it_rises(simulation, half):
    scene = resized(half, half, half) if half != 0.0205 else Scene()
    simulation.reset(0, scene)
    resting = simulation.state()["cube_half_size"][2] + LIFT.table_height
    assert not simulation.success
    for height, expected in ((0.0, False), (0.012, False), (0.025, True)):
        pose = ObjectPose(np.array([0, 0, resting + height]), np.eye(3), np.full(3, half))
        pose.half_size[2] = resting - LIFT.table_height
        assert lifted(pose, LIFT.table_height, 0.04 - 0.021) is expected


def test_a_bar_tipped_on_its_end_is_not_lifted():
    half = np.array([0.04, 0.01, 0.01])
    on_end = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])
    standing = ObjectPose(np.array([0, 0, LIFT.table_height + 0.04]), on_end, half)
    assert not lifted(standing, LIFT.table_height, 0.019)
    raised = ObjectPose(np.array([0, 0, LIFT.table_height + 0.06]), on_end, half)
    assert lifted(raised, LIFT.table_height, 0.019)


def test_for_a_nominal_cube_success_is_robosuites_rule():
    rng = np.random.default_rng(0)
    for seed in range(200):
        half = LIFT.draw_start(seed).half_size
        rotation = np.zeros(9)
        quat = rng.standard_normal(4)
        mujoco.mju_quat2Mat(rotation, quat / np.linalg.norm(quat))
        height = LIFT.table_height + rng.uniform(0.036, 0.044)
        pose = ObjectPose(np.array([0, 0, height]), rotation.reshape(3, 3), half)
        ours = lifted(pose, LIFT.table_height, LIFT.success_height - half[2])
        assert ours is bool(height > LIFT.table_height + 0.04)


def test_an_unknown_task_is_explained():
    with pytest.raises(ConfigurationError, match="unknown task 'juggle'; known: lift, stack"):
        task("juggle")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, with the real build replaced by a small model that counts."""
    builds = []

    def build(_task):
        builds.append(os.getpid())
        return mujoco.MjModel.from_xml_string("<mujoco><worldbody><body/></worldbody></mujoco>")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(models, "build_model", build)
    return builds


def test_a_model_is_built_once(cache):
    assert models.load_model(LIFT).nbody == models.load_model(LIFT).nbody == 2
    assert len(cache) == 1


@pytest.mark.parametrize("damage", [b"", b"short", None, "flip"])
def test_a_damaged_cache_is_rebuilt(cache, damage):
    models.load_model(LIFT)
    path = models.cache_path(LIFT)
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-1] ^= 255
    path.write_bytes(damage if isinstance(damage, bytes) else bytes(content))
    if damage is None:
        path.write_bytes(bytes(content[:-10]))
    assert models.load_model(LIFT).nbody == 2
    assert models.load_model(LIFT).nbody == 2
    assert len(cache) == 2


def test_a_cache_that_cannot_be_written_is_done_without(cache, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert models.load_model(LIFT).nbody == 2


def _load(_):
    return models.load_model(LIFT).nbody


def test_processes_that_start_together_all_get_the_model(cache):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(_load, range(8)) == [2] * 8
    left = list(models.cache_path(LIFT).parent.iterdir())
    assert left == [models.cache_path(LIFT)]


@pytest.mark.parametrize("shift", [None, (0.05, -0.04, 0.0)])
def test_the_camera_is_where_its_pose_says(simulation, shift):
    """The cube's centre, projected by the pose of the optical frame, is where it is drawn."""
    moved = Variation("m", "pose", "camera", "Move", {"shift": shift or (0.0, 0.0, 0.0)})
    red = Variation("r", "color", "cube", "Paint", {"rgb": (1.0, 0.0, 0.0)})
    simulation.reset(3, Scene((red, moved) if shift else (red,)))
    image, pose = simulation.draw().astype(int), simulation.poses()["camera"]
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, np.roll(pose[3:], 1))
    seen = turn.reshape(3, 3).T @ (simulation.state()["cube_pos"] - pose[:3])
    model = simulation._model
    focal = 42.0 / np.tan(np.radians(model.camera(LIFT.camera).fovy[0]) / 2)
    expected = 42.0 + focal * seen[:2] / seen[2]
    rows, columns = np.nonzero((image[..., 0] > 60) & (image[..., 1:].max(axis=2) < 30))
    assert len(rows) > 10
    assert np.abs([columns.mean() - expected[0], rows.mean() - expected[1]]).max() < 3.0


def test_the_base_stands_upright_behind_the_table(simulation):
    simulation.reset(0)
    base = simulation.poses()["base"]
    assert base[0] < -0.3 and np.allclose(base[3:], [0.0, 0.0, 0.0, 1.0])
