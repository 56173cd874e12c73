"""Compiled models without what only pictures need; a worker compiles each XML file once."""

import contextlib
import copy
from collections.abc import Iterator

import mujoco
from gymnasium.envs.mujoco import MujocoEnv

_compiled: dict[str, mujoco.MjModel] | None = None  # by path, while `compile_once` is entered


@contextlib.contextmanager
def compile_once() -> Iterator[None]:
    """While entered, environments built with `initialize_simulation` copy a model that was compiled before.

    It must be left before the first reset, because resets move bodies of the models.
    """
    global _compiled
    _compiled = {}
    try:
        yield
    finally:
        _compiled = None


def initialize_simulation(environment: MujocoEnv) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """`MujocoEnv._initialize_simulation`, without compiling the same file twice and without what only pictures need.

    MuJoCo marks the bounding volumes that its collision detection visits (`bvactive`). Only a viewer reads the marks,
    and they take a fifth of the time of collision detection. The physics is the same without them.
    """
    path = environment.fullpath
    if _compiled is not None and path in _compiled:
        model = copy.copy(_compiled[path])
        return model, mujoco.MjData(model)
    model = compile_without_looks(path)
    model.vis.global_.bvactive = 0
    if _compiled is not None:
        _compiled[path] = model
    return model, mujoco.MjData(model)


def compile_without_looks(path: str) -> mujoco.MjModel:
    """The model of an XML file without textures and without meshes that are only drawn.

    The robot's surfaces and the textures are 16 of a model's 20 MB and four fifths of the time to compile it. A mesh
    is left out where no physics and no name can refer to it: its geom has no name and touches nothing, and its body
    states its own inertia. All numbers of bodies, joints, actuators and contacts stay the same.
    """
    spec = mujoco.MjSpec.from_file(path)
    for material in spec.materials:
        material.textures = [""] * len(material.textures)
    for texture in list(spec.textures):
        texture.delete()
    used: set[str] = set()
    for geom in list(spec.geoms):
        if geom.type != mujoco.mjtGeom.mjGEOM_MESH:
            continue
        touches = geom.contype != 0 or geom.conaffinity != 0
        if touches or geom.name or not geom.parent.explicitinertial:
            used.add(geom.meshname)
        else:
            geom.delete()
    for mesh in list(spec.meshes):
        if mesh.name not in used:
            mesh.delete()
    return spec.compile()
