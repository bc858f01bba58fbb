# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""robosuite's own model, with lighter visual meshes, compiled once and kept in a cache."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim_bridge.engine.mesh_reduction import reduce_mesh
from sim_bridge.tasks.robosuite_task import import_robosuite
from sim_bridge.tasks.task import Task

MODEL_VERSION = 2
"""Raise it whenever the code that makes the model would make another from the same robosuite."""

FACE_SHARE = 0.06
"""Share of a visual mesh's faces that is kept."""

FEWEST_FACES = 60
"""Meshes are not reduced below this."""

SMALLEST_RADIUS = 0.004
"""m, visible geoms below it are left out: at 84x84 a pixel is three times as wide."""

_HIDDEN_GROUP = 5
_MAGIC = b"RMDMODEL"
_DIGEST_BYTES = 32


def load_model(task: Task[Any]) -> mujoco.MjModel:
    """The task's compiled model, from the cache if a sound one is there, else built (seconds).

    Safe when several processes start at once: each writes a file of its own and renames it.
    """
    return _cached(cache_path(task), lambda: build_model(task))


def light_model(task: Task[Any], mjcf: str) -> mujoco.MjModel:
    """The lightened model of an environment that is made already, cached by what it says.

    Args:
        task: of whose environment and robot the file is named.
        mjcf: what robosuite compiles for it; another text is another model.
    """
    text = hashlib.sha256(mjcf.encode()).hexdigest()[:12]
    path = _cache_file(task, f"mjcf{text}")
    return _cached(path, lambda: _lightened(mjcf)[1])


def _cached(path: Path, build: Callable[[], mujoco.MjModel]) -> mujoco.MjModel:
    model = _read(path)
    if model is None:
        model = build()
        _write(path, model)
    return model


def cache_path(task: Task[Any]) -> Path:
    """Where the compiled model is kept; the name changes with everything that shapes the model."""
    return _cache_file(task, task.variant)


def cache_folder() -> Path:
    """Where compiled models are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "robomd"


def _cache_file(task: Task[Any], made_of: str) -> Path:
    key = "-".join(
        (
            f"mujoco{mujoco.__version__}",
            f"robosuite{version('robosuite')}",
            f"v{MODEL_VERSION}",
            f"faces{FACE_SHARE:g}",
            *((made_of,) if made_of else ()),
        )
    )
    return cache_folder() / f"{task.environment}-{task.robot}-{key}.mjb"


def build_model(task: Task[Any]) -> mujoco.MjModel:
    """Compile robosuite's MJCF of the task, with what the task adds to it.

    Visual meshes, tessellation and supersampling are reduced; bodies, masses, collision geometry
    and everything else that moves stay as they are.
    """
    spec, model = _lightened(stock_mjcf(task))
    if task.variant:
        task.adapt(spec)
        model = spec.compile()
    return model


def _lightened(mjcf: str) -> tuple[mujoco.MjSpec, mujoco.MjModel]:
    """The description with lighter meshes, and what it compiles to."""
    stock = mujoco.MjModel.from_xml_string(mjcf)
    spec = mujoco.MjSpec.from_string(mjcf)
    for index in _visual_meshes(stock):
        _reduce_mesh(spec, stock, index)
    for index in np.flatnonzero((stock.geom_group == 1) & (stock.geom_rbound < SMALLEST_RADIUS)):
        if stock.geom_rbound[index] > 0.0 and stock.geom(index).name:  # 0 is a plane's
            spec.geom(stock.geom(index).name).group = _HIDDEN_GROUP
    quality = spec.visual.quality
    quality.offsamples, quality.numslices, quality.numstacks, quality.numquads = 0, 8, 4, 1
    model = spec.compile()
    _require_same_bodies(stock, model)
    return spec, model


def stock_environment(task: Task[Any], **options: Any) -> Any:
    """The stock environment of the task; robosuite's log lines below errors are left out."""
    robosuite = import_robosuite()
    defaults = {
        "has_renderer": False,
        "has_offscreen_renderer": False,
        "use_camera_obs": False,
        "control_freq": task.control_freq,
        "ignore_done": True,
        "seed": 0,
    }
    return robosuite.make(task.environment, robots=task.robot, **{**defaults, **options})


def stock_mjcf(task: Task[Any]) -> str:
    """The MJCF that robosuite compiles for the task."""
    environment = stock_environment(task)
    try:
        return mjcf_of(environment)
    finally:
        environment.close()


def mjcf_of(environment: Any) -> str:
    """The MJCF that an environment compiles."""
    return str(environment.edit_model_xml(environment.model.get_xml()))


def _visual_meshes(model: mujoco.MjModel) -> list[int]:
    """Meshes that no colliding geom uses."""
    of_mesh = model.geom_type == mujoco.mjtGeom.mjGEOM_MESH
    colliding = of_mesh & ((model.geom_contype != 0) | (model.geom_conaffinity != 0))
    used = set(model.geom_dataid[of_mesh].tolist())
    return sorted(used - set(model.geom_dataid[colliding].tolist()))


def _reduce_mesh(spec: mujoco.MjSpec, stock: mujoco.MjModel, index: int) -> None:
    """Replace one mesh of the specification by one with fewer faces."""
    vertices, faces = _mesh_arrays(stock, index)
    target = max(FEWEST_FACES, int(len(faces) * FACE_SHARE))
    vertices, faces = reduce_mesh(vertices, faces, target)
    mesh = spec.mesh(stock.mesh(index).name)
    mesh.file = ""
    mesh.scale = (1.0, 1.0, 1.0)
    mesh.refpos = (0.0, 0.0, 0.0)
    mesh.refquat = (1.0, 0.0, 0.0, 0.0)
    mesh.uservert = np.ascontiguousarray(vertices, np.float32).ravel()
    mesh.userface = np.ascontiguousarray(faces, np.int32).ravel()


def _mesh_arrays(
    model: mujoco.MjModel, index: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(V, 3) vertices in the frame of the mesh's file, and (F, 3) faces.

    The compiler moves a mesh into its own inertial frame and remembers the move.
    """
    start, count = model.mesh_vertadr[index], model.mesh_vertnum[index]
    vertices = model.mesh_vert[start : start + count].astype(np.float64)
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, model.mesh_quat[index])
    vertices = vertices @ rotation.reshape(3, 3).T + model.mesh_pos[index]
    start, count = model.mesh_faceadr[index], model.mesh_facenum[index]
    return vertices, model.mesh_face[start : start + count].astype(np.int64)


def _require_same_bodies(stock: mujoco.MjModel, light: mujoco.MjModel) -> None:
    """Refuse a model whose dynamics the reduction has changed."""
    for name in ("body_mass", "body_inertia", "body_ipos", "body_iquat", "dof_M0"):
        if not np.array_equal(getattr(stock, name), getattr(light, name)):
            raise RuntimeError(
                f"reducing the visual meshes changed {name}; raise FACE_SHARE or exclude the mesh"
            )


def _read(path: Path) -> mujoco.MjModel | None:
    """The model in the cache file; None if there is none or it is not what was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC) + _DIGEST_BYTES
    body = content[head:]
    if content[:head] != _MAGIC + hashlib.sha256(body).digest():
        return None
    return mujoco.MjModel.from_binary_path(path.name, {path.name: body})


def _write(path: Path, model: mujoco.MjModel) -> None:
    body = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, body)
    content = _MAGIC + hashlib.sha256(body.tobytes()).digest() + body.tobytes()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=path.name, suffix=".tmp", dir=path.parent)
    except OSError as error:
        logging.getLogger(__name__).warning("the model is not cached in %s: %s", path, error)
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        logging.getLogger(__name__).warning("the model is not cached in %s: %s", path, error)
