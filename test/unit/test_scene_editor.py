# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scene edits: exact, order independent, equal to a recompile; every bad input is explained."""

import itertools

import mujoco
import numpy as np
import pytest

from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.variations import NOMINAL, Scene, Variation
from sim_bridge.engine.models import load_model, stock_mjcf
from sim_bridge.engine.scene_editor import SceneEditor
from sim_bridge.tasks.task import task

LIFT = task("lift")
NOMINAL_SIZE = np.array([0.021, 0.0205, 0.0215])
DRAWN = {("size", "cube"): {"half_size": NOMINAL_SIZE}}


def variation(factor: str, target: str, /, **parameters) -> Variation:
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    return Variation(f"{target}_{factor}", factor, target, "as in the test", values)


ALL = (
    variation("color", "cube", rgb=[1.0, 0.0, 0.0]),
    variation("color", "table", rgb=[0.0, 0.0, 1.0]),
    variation("color", "robot", rgb=[0.0, 1.0, 1.0]),
    variation("color", "light", rgb=[1.0, 0.5, 0.0]),
    variation("strength", "light", factor=0.5),
    variation("size", "cube", half_size=[0.04, 0.01, 0.01]),
    variation("size", "table", half_size=[0.2, 0.8, 0.03]),
    variation("mass", "cube", mass=0.5),
    variation("friction", "cube", sliding=0.2),
    variation("position", "cube", shift=[0.1, 0.0]),
    variation("pose", "camera", shift=[0.05, 0.0, 0.0], turn=[0.0, 0.1, 0.0]),
)


@pytest.fixture(scope="module")
def model():
    return load_model(LIFT)


@pytest.fixture
def editor(model):
    editor = SceneEditor(model, LIFT)
    yield editor
    editor.restore()


def everything(model) -> bytes:
    buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer.tobytes()


@pytest.mark.parametrize("one", ALL, ids=lambda v: v.id)
def test_each_edit_is_undone_to_the_bit(model, editor, one):
    nominal = everything(model)
    editor.apply(Scene((one,)), DRAWN)
    assert everything(model) != nominal
    editor.restore()
    assert everything(model) == nominal


def test_nominal_after_any_scene_equals_nominal_before(model, editor):
    editor.apply(NOMINAL, DRAWN)
    before = everything(model)
    editor.apply(Scene(ALL), DRAWN)
    editor.apply(NOMINAL, DRAWN)
    assert everything(model) == before


def test_the_order_of_variations_does_not_matter(model, editor):
    some = [v for v in ALL if v.target == "cube" or v.factor == "strength" or v.target == "light"]
    results = set()
    for order in itertools.islice(itertools.permutations(some), 0, None, 997):
        editor.apply(Scene(order), DRAWN)
        results.add(everything(model))
    assert len(results) == 1


def test_a_mass_beats_the_mass_of_a_size(model, editor):
    size, mass = (next(v for v in ALL if v.slot == (f, "cube")) for f in ("size", "mass"))
    values = editor.apply(Scene((mass, size)), DRAWN)
    assert values[size.slot]["half_size"].tolist() == [0.04, 0.01, 0.01]
    assert model.body("cube_main").mass[0] == 0.5


def test_a_bigger_cube_is_heavier_at_the_same_density(model, editor):
    editor.apply(NOMINAL, DRAWN)
    nominal = model.body("cube_main").mass[0]
    editor.apply(Scene((variation("size", "cube", half_size=[0.04] * 3),)), DRAWN)
    ratio = 0.04**3 / NOMINAL_SIZE.prod()
    assert model.body("cube_main").mass[0] == pytest.approx(nominal * ratio, rel=1e-12)


def recompiled(mjcf: str, cube=None, table=None):
    """Compile the description with these half-sizes, as robosuite would write it."""
    spec = mujoco.MjSpec.from_string(mjcf)
    if cube is not None:
        for name in ("cube_g0", "cube_g0_vis"):
            spec.geom(name).size = cube
    if table is not None:
        spec.body("table").pos[2] = LIFT.table_height - table[2]
        for name in ("table_collision", "table_visual"):
            spec.geom(name).size = table
        spec.site("table_top").pos[2] = table[2]
        half = (LIFT.table_height - table[2]) / 2
        for i, (sx, sy) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)], 1):
            sides = zip((sx, sy), table[:2], strict=True)
            inset = [sign * (h - 0.1) if h > 0.2 else 0.0 for sign, h in sides]
            spec.geom(f"table_leg{i}_visual").pos = [*inset, -half]
            spec.geom(f"table_leg{i}_visual").size[:2] = [0.025, half]
    return spec.compile()


@pytest.mark.parametrize(
    ("target", "half_size"),
    [
        ("cube", [0.04, 0.04, 0.04]),
        ("cube", [0.01, 0.01, 0.01]),
        ("cube", [0.04, 0.01, 0.01]),
        ("table", [0.8, 0.2, 0.025]),
        ("table", [0.2, 0.8, 0.025]),
        ("table", [0.3, 0.35, 0.05]),
    ],
)
def test_resizing_equals_a_recompile(mjcf, target, half_size):
    cube = NOMINAL_SIZE if target == "table" else np.array(half_size)
    expected = recompiled(mjcf, cube, half_size if target == "table" else None)
    edited = mujoco.MjModel.from_xml_string(mjcf)
    editor = SceneEditor(edited, LIFT)
    editor.apply(Scene((variation("size", target, half_size=half_size),)), DRAWN)
    compared = 0
    for name in dir(expected):
        value = getattr(expected, name)
        if isinstance(value, np.ndarray) and not name.startswith(("mesh_poly", "tex_", "names")):
            np.testing.assert_allclose(
                getattr(edited, name), value, rtol=1e-9, atol=1e-11, err_msg=name
            )
            compared += 1
    assert compared > 200


@pytest.fixture(scope="module")
def mjcf():
    return stock_mjcf(LIFT)


BAD = [
    (variation("shape", "cube", rgb=[1, 0, 0]), "cannot change shape/cube; it can change: color/c"),
    (variation("color", "sky", rgb=[1, 0, 0]), "cannot change color/sky"),
    (variation("color", "cube"), "rgb must be 3 numbers from 0 to 1; got nothing"),
    (variation("color", "cube", rgb=[1.0, 0.0]), r"rgb must be 3 numbers .* got \(1.0, 0.0\)"),
    (variation("color", "cube", rgb="red"), "rgb must be 3 numbers from 0 to 1; got 'red'"),
    (variation("color", "cube", rgb=[1.0, 0.0, 1.5]), r"got \(1.0, 0.0, 1.5\)"),
    (variation("color", "cube", rgb=[0.0, 0.0, float("nan")]), r"got \(0.0, 0.0, nan\)"),
    (variation("color", "cube", rgb=[1, 0, 0], gloss=1.0), "unknown parameter 'gloss'.*: rgb"),
    (variation("size", "cube", half_size=[0.1, 0.1, 0.1]), "from 0.004 to 0.06 m; got"),
    (variation("size", "table", half_size=[0.8, -0.2, 0.025]), "from 0.02 to 1.5 m; got"),
    (variation("size", "table", half_size=[0.02, 0.4, 0.025]), "start 0.03 m from .* off it; enl"),
    (variation("mass", "cube", mass=0.0), "mass must be a number from 0.001 to 5 kg; got 0.0"),
    (variation("size", "table", half_size=[0.4, 0.4, 0.025]), "changes nothing"),
    (variation("size", "cube", half_size=[0.021, 0.021, 0.021]), "changes nothing"),
    (variation("color", "light", rgb=[1, 1, 1]), "changes nothing"),
    (variation("strength", "light", factor=1.0), "changes nothing"),
    (variation("friction", "cube", sliding=1.0), "changes nothing"),
    (variation("position", "cube", shift=[0.0, 0.0]), "changes nothing"),
    (variation("pose", "camera"), "changes nothing.*change its parameters or remove it"),
]


@pytest.mark.parametrize(("bad", "message"), BAD, ids=lambda v: getattr(v, "id", "")[:20])
def test_a_bad_variation_is_explained_and_changes_nothing(model, editor, bad, message):
    before = everything(model)
    with pytest.raises(CatalogueError, match=message) as caught:
        editor.check(Scene((bad,)))
    assert bad.id in str(caught.value)
    with pytest.raises(CatalogueError):
        editor.apply(Scene((ALL[0], bad) if bad.slot != ALL[0].slot else (bad,)), DRAWN)
    assert everything(model) == before


def test_a_shift_and_a_small_table_that_fit_alone_may_not_fit_together(editor):
    shift = variation("position", "cube", shift=[0.1, 0.0])
    narrow = variation("size", "table", half_size=[0.1, 0.4, 0.025])
    editor.check(Scene((shift,)))
    editor.check(Scene((narrow,)))
    with pytest.raises(CatalogueError, match=r"cube_position, table_size .* start 0\.13 m"):
        editor.check(Scene((shift, narrow)))
