# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The example policy: what it sees in drawn pictures of the twin, and what it does about it."""

from types import SimpleNamespace

import mujoco
import numpy as np
import pytest

from robomd_ros.core.variations import NOMINAL, Scene, Variation
from sim_bridge.tasks.tabletop import HOME, tabletop
from sim_bridge.twin import blob_policy
from sim_bridge.twin.blob_policy import BlobPolicy, held_in_picture
from sim_bridge.twin.scene import Tabletop
from sim_bridge.twin.view import TwinView, find_cube


class Drawn:
    """The twin's table without its controller: a scene, drawn."""

    def __init__(self):
        self.tabletop = Tabletop(0)
        model = self.tabletop.model
        model.vis.global_.offwidth, model.vis.global_.offheight = 640, 480
        self._renderer = mujoco.Renderer(model, 480, 640)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[0], self._option.sitegroup[:] = 0, 0
        self.tabletop.data.qpos[:6] = HOME

    def draw(self, seed=0, scene=NOMINAL, cube=None):
        """The picture, and where the cube is in the base frame; `cube` puts it there."""
        data = self.tabletop.data
        self.tabletop.apply(scene, reset_objects=True, seed=seed)
        base = data.xpos[self.tabletop.model.body("robot0_base").id]
        turn = np.array([-1.0, -1.0, 1.0])
        if cube is not None:
            address = int(self.tabletop.model.joint("cube_joint0").qposadr[0])
            data.qpos[address : address + 3] = base + turn * cube
            mujoco.mj_forward(self.tabletop.model, data)
        self._renderer.update_scene(data, tabletop().camera, self._option)
        place = turn * (data.xpos[self.tabletop.model.body("cube_main").id] - base)
        return self._renderer.render(), place

    def close(self):
        self._renderer.close()


@pytest.fixture(scope="module")
def drawn():
    one = Drawn()
    yield one
    one.close()


@pytest.fixture(scope="module")
def view():
    return TwinView.of_the_twin()


def change(factor, target, parameters):
    return Scene((Variation("x", factor, target, "change it", parameters),))


def pixel_of(view, place, shape):
    """Where a place (3,) m appears in a picture of the view: (2,) column and row."""
    rows, columns = shape[:2]
    focal = 0.5 * rows / np.tan(view.field / 2)
    x, y, z = view.turn.T @ (place - view.place)
    return np.array([(columns - 1) / 2 - focal * x / z, (rows - 1) / 2 + focal * y / z])


def test_pixels_and_places_are_inverse(view):
    shape = (480, 640, 3)
    place = np.array([-0.5, 0.07, view.table])
    pixel = pixel_of(view, place, shape)
    np.testing.assert_allclose(view.place_at(pixel, view.table, shape), place, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_cube_is_found_where_it_is(drawn, view, seed):
    image, place = drawn.draw(seed)
    pixel = find_cube(image)
    np.testing.assert_allclose(view.cube_at(pixel, image.shape)[:2], place[:2], atol=0.006)
    # a smaller picture of the same view says the same
    small = np.ascontiguousarray(image[::2, ::2])
    np.testing.assert_allclose(
        view.cube_at(find_cube(small), small.shape)[:2], place[:2], atol=0.008
    )


@pytest.mark.parametrize(
    "scene",
    [
        change("color", "cube", {"rgb": (0.1, 0.2, 0.85)}),
        change("color", "cube", {"rgb": (0.5, 0.5, 0.5)}),
        change("strength", "light", {"factor": 0.1}),
    ],
)
def test_a_cube_that_cannot_be_seen_is_not_found(drawn, scene):
    assert find_cube(drawn.draw(1, scene)[0]) is None


def test_a_camera_that_was_moved_deceives_it(drawn, view):
    image, place = drawn.draw(1, change("pose", "camera", {"shift": (0.0, 0.05, 0.0)}))
    seen = view.cube_at(find_cube(image), image.shape)
    assert np.linalg.norm(seen[:2] - place[:2]) > 0.02


def test_a_held_cube_is_seen_at_the_tool(drawn, view):
    tool = np.array([-0.5, 0.03, view.table + 0.16])
    image, _ = drawn.draw(cube=tool)
    assert held_in_picture(view, image, tool)
    image, _ = drawn.draw(seed=1)
    assert not held_in_picture(view, image, tool)
    assert not held_in_picture(view, image, np.array([-0.53, -0.015, view.table + 0.02]))


def act(policy, image, tool, width=0.085):
    values = {"eef_pos": tool, "gripper_qpos": np.array([width / 2, -width / 2])}
    return policy.act({"images": {policy.camera: image}, "proprioception": values})


def test_it_goes_over_the_cube_and_down_and_closes_and_lifts(drawn, view, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(blob_policy, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    policy = BlobPolicy()
    policy.reset(0, "lift the cube")
    image, place = drawn.draw(2)
    tool = np.array([-0.46, 0.0, 0.138])
    gripper, lowest, closed_at, width = [], np.inf, None, 0.085
    for _ in range(400):
        clock[0] += 0.1
        command = act(policy, image, tool, width)
        width = max(0.04, width - 0.01) if command[6] > 0 else 0.085
        assert command.shape == (7,) and np.abs(command).max() <= 1.0
        assert not command[3:6].any()
        tool = tool + 0.01 * command[:3]  # 0.1 m/s at 10 Hz
        lowest = min(lowest, tool[2])
        gripper.append(command[6])
        if command[6] > 0 and closed_at is None:
            closed_at = tool.copy()
        if policy.outcome() is not None:
            break
        assert width == 0.04 or closed_at is None or tool[2] < closed_at[2] + 0.01
    np.testing.assert_allclose(closed_at, place, atol=0.012)
    assert lowest > view.table
    assert tool[2] > view.table + 0.15
    assert gripper == sorted(gripper)  # open, then closed for good
    # the picture never changed: the cube stayed behind, and the policy sees that
    assert policy.outcome() == (False, "the cube did not come along")


def test_where_it_sees_nothing_it_does_not_move(drawn, monkeypatch):
    monkeypatch.setattr(blob_policy, "_PATIENCE", 0.05)
    policy = BlobPolicy()
    image, _ = drawn.draw(1, change("color", "cube", {"rgb": (0.1, 0.7, 0.15)}))
    tool = np.array([-0.46, 0.0, 0.138])
    for _ in range(10_000):
        assert not act(policy, image, tool)[:6].any()
        if policy.outcome() is not None:
            break
    assert policy.outcome() == (False, "no red cube was seen")
    policy.reset(1, "")
    assert policy.outcome() is None
