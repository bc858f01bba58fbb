# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Changes of a compiled model, each equal to compiling the changed description.

Every function writes into the model that it is given and leaves derived constants
(`mujoco.mj_setConst`) to the caller.
"""

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LEG_INSET = 0.1
"""m, how far robosuite's TableArena keeps a leg from the edge of the table."""

_LEG_RADIUS = 0.025


def paint(model: mujoco.MjModel, geoms: NDArray[np.int64], rgb: Array) -> None:
    """Give geoms one plain colour, rgb in [0, 1].

    The material goes too: its texture would be multiplied with the colour.
    """
    model.geom_matid[geoms] = -1
    model.geom_rgba[geoms, :3] = rgb


def resize_box(model: mujoco.MjModel, body: int, half_size: Array) -> None:
    """Make the boxes of a body this big, with collision, and with mass at the same density.

    Args:
        model: the compiled model.
        body: a body whose box geoms are all alike and concentric.
        half_size: (3,) m.
    """
    boxes = _geoms(model, body, mujoco.mjtGeom.mjGEOM_BOX)
    volume = 8.0 * float(np.prod(half_size))
    density = model.body_mass[body] / (8.0 * float(np.prod(model.geom_size[boxes[0]])))
    model.geom_size[boxes] = half_size
    model.geom_rbound[boxes] = np.linalg.norm(half_size)
    model.geom_aabb[boxes, 3:] = half_size
    first = model.body_bvhadr[body]
    model.bvh_aabb[first : first + model.body_bvhnum[body], 3:] = half_size
    mass = density * volume
    square = np.square(half_size)
    model.body_mass[body] = mass
    model.body_inertia[body] = mass / 3.0 * (square.sum() - square)


def resize_table(model: mujoco.MjModel, body: int, half_size: Array, height: float) -> None:
    """Resize robosuite's table; its top stays at `height` (m) and the legs follow."""
    resize_box(model, body, half_size)
    model.body_pos[body, 2] = height - half_size[2]
    model.site_pos[model.site("table_top").id] = (0.0, 0.0, half_size[2])
    half_length = (height - half_size[2]) / 2.0
    signs = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    for leg, sign in zip(_geoms(model, body, mujoco.mjtGeom.mjGEOM_CYLINDER), signs, strict=True):
        far = half_size[:2] > 2.0 * _LEG_INSET
        inset = np.where(far, half_size[:2] - _LEG_INSET, 0.0)
        model.geom_pos[leg] = (*(np.array(sign) * inset), -half_length)
        model.geom_size[leg, :2] = (_LEG_RADIUS, half_length)
        model.geom_rbound[leg] = np.hypot(_LEG_RADIUS, half_length)
        model.geom_aabb[leg, 3:] = (_LEG_RADIUS, _LEG_RADIUS, half_length)


def set_mass(model: mujoco.MjModel, body: int, mass: float) -> None:
    """Give a body this mass, kg; its inertia scales with it."""
    model.body_inertia[body] *= mass / model.body_mass[body]
    model.body_mass[body] = mass


def set_friction(model: mujoco.MjModel, body: int, sliding: float) -> None:
    """Give the geoms of a body this sliding friction coefficient."""
    first = model.body_geomadr[body]
    model.geom_friction[first : first + model.body_geomnum[body], 0] = sliding


def scale_mass(model: mujoco.MjModel, bodies: NDArray[np.int64], factor: float) -> None:
    """Multiply the mass of bodies; their inertia scales with it."""
    model.body_mass[bodies] *= factor
    model.body_inertia[bodies] *= factor


def vertices(model: mujoco.MjModel, mesh: int) -> NDArray[np.float32]:
    """A view of a mesh's vertices, (V, 3)."""
    start = model.mesh_vertadr[mesh]
    found: NDArray[np.float32] = model.mesh_vert[start : start + model.mesh_vertnum[mesh]]
    return found


def meshes_of(model: mujoco.MjModel, bodies: NDArray[np.int64]) -> tuple[int, ...]:
    """Meshes that the geoms of these bodies have, and no other geom."""
    of_mesh = model.geom_type == mujoco.mjtGeom.mjGEOM_MESH
    own = of_mesh & np.isin(model.geom_bodyid, bodies)
    others = set(model.geom_dataid[of_mesh & ~own].tolist())
    return tuple(sorted(set(model.geom_dataid[own].tolist()) - others))


def scale_bodies(model: mujoco.MjModel, bodies: NDArray[np.int64], factor: Array) -> None:
    """Make an object this much larger about the origin of its first body, at the same density.

    Args:
        model: the compiled model.
        bodies: the root first; the others hang below it.
        factor: (3,) of the bodies' axes; alike unless the geoms are boxes or upright cylinders.
    """
    geoms = np.flatnonzero(np.isin(model.geom_bodyid, bodies))
    kinds = model.geom_type[geoms]
    boxes = geoms[np.isin(kinds, (mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_MESH))]
    round_ = geoms[np.isin(kinds, (mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE))]
    balls = geoms[kinds == mujoco.mjtGeom.mjGEOM_SPHERE]
    wide = float(np.sqrt(factor[0] * factor[1]))
    model.geom_size[boxes] *= factor
    model.geom_size[round_, :2] *= (wide, factor[2])
    model.geom_size[balls, 0] *= wide
    model.geom_pos[geoms] *= factor
    model.geom_rbound[geoms] *= factor.max()
    model.geom_aabb[geoms] *= np.tile(factor, 2)
    sites = np.isin(model.site_bodyid, bodies)
    model.site_pos[sites] *= factor
    model.body_pos[bodies[1:]] *= factor
    model.body_ipos[bodies] *= factor
    for body in bodies:
        first = model.body_bvhadr[body]
        model.bvh_aabb[first : first + model.body_bvhnum[body]] *= np.tile(factor, 2)
    volume = float(np.prod(factor))
    model.body_mass[bodies] *= volume
    model.body_inertia[bodies] *= volume * float(np.mean(np.square(factor)))
    for mesh in meshes_of(model, bodies):
        vertices(model, mesh)[:] *= factor.astype(np.float32)


def scale_light(model: mujoco.MjModel, factor: Array | float) -> None:
    """Multiply the colour of every light by a factor, a number or one per channel.

    The headlight too, its ambient part included: white light would remain.
    """
    headlight = model.vis.headlight
    for colour in (headlight.ambient, headlight.diffuse, headlight.specular):
        colour[:] = colour * factor
    for colours in (model.light_ambient, model.light_diffuse, model.light_specular):
        colours[:] = colours * factor


def move_camera(model: mujoco.MjModel, camera: int, shift: Array, turn: Array) -> None:
    """Move a fixed camera by `shift` (m, world axes) and turn it by a rotation vector `turn`
    (rad, the camera's own axes).
    """
    model.cam_pos[camera] += shift
    angle = float(np.linalg.norm(turn))
    if angle > 0.0:
        rotation, quat = np.zeros(4), np.zeros(4)
        mujoco.mju_axisAngle2Quat(rotation, turn / angle, angle)
        mujoco.mju_mulQuat(quat, model.cam_quat[camera], rotation)
        model.cam_quat[camera] = quat


def _geoms(model: mujoco.MjModel, body: int, kind: mujoco.mjtGeom) -> NDArray[np.int64]:
    first = model.body_geomadr[body]
    geoms = np.arange(first, first + model.body_geomnum[body])
    of_kind: NDArray[np.int64] = geoms[model.geom_type[geoms] == kind]
    return of_kind
