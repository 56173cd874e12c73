"""The models that the fast simulator compiles: Meta-World's, without what only pictures need."""

import mujoco
import numpy as np
import pytest
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from cmta_jax.environments.benchmarks import MT50
from cmta_jax.environments.simulator.models import compile_without_looks

DIFFERENT = ["reach-v3", "basketball-v3", "hammer-v3", "plate-slide-v3", "window-open-v3"]
REST = [pytest.param(task, marks=pytest.mark.nightly) for task in MT50 if task not in DIFFERENT]
OF_GEOMS = ("geom_", "mesh_", "bvh", "mat_", "tex", "name", "body_geom", "body_bvh", "_sizes")


@pytest.mark.parametrize("task", [*DIFFERENT, *REST])
def test_a_model_without_looks_is_the_official_one_but_for_what_is_only_drawn(task):
    path = object.__new__(ALL_V3_ENVIRONMENTS[task]).model_name
    official, lean = mujoco.MjModel.from_xml_path(path), compile_without_looks(path)
    arrays = [name for name in dir(official) if isinstance(getattr(official, name), np.ndarray)]
    compared = [name for name in arrays if not name.startswith(OF_GEOMS)]
    assert len(compared) > 200
    different = [name for name in compared if not np.array_equal(getattr(official, name), getattr(lean, name))]
    assert different == []
    assert lean.stat.meaninertia == official.stat.meaninertia, "the solver's tolerance follows from it"

    kept, colliding = geoms(lean), {key for key, touches in geoms(official).items() if touches}
    assert colliding == {key for key, touches in kept.items() if touches}, "geoms that touch, in the official order"
    assert list(filter(colliding.__contains__, kept)) == list(filter(colliding.__contains__, geoms(official)))
    named = {official.geom(index).name for index in range(official.ngeom)}
    assert named == {lean.geom(index).name for index in range(lean.ngeom)}
    assert lean.nbuffer < official.nbuffer / 4


MESH = "<mesh name='{0}' vertex='0 0 0  1 0 0  0 1 0  0 0 {1}'/>"
UNSEEN = "contype='0' conaffinity='0'"


def test_only_a_mesh_to_which_nothing_can_refer_is_left_out(tmp_path):
    inertial = "<inertial pos='0 0 0' mass='1' diaginertia='1 1 1'/>"
    bodies = {
        "drawn": f"{inertial}<geom type='mesh' mesh='drawn' {UNSEEN}/>",
        "named": f"{inertial}<geom type='mesh' mesh='named' name='handle' {UNSEEN}/>",
        "heavy": f"<geom type='mesh' mesh='heavy' {UNSEEN}/>",  # the body's mass is that of its mesh
        "solid": f"{inertial}<geom type='mesh' mesh='solid'/>",
    }
    meshes = "".join(MESH.format(name, number) for number, name in enumerate(bodies, 1))
    tree = "".join(f"<body name='{name}'><joint type='free'/>{text}</body>" for name, text in bodies.items())
    path = tmp_path / "model.xml"
    path.write_text(f"<mujoco><asset>{meshes}</asset><worldbody>{tree}</worldbody></mujoco>")
    official, lean = mujoco.MjModel.from_xml_path(str(path)), compile_without_looks(str(path))
    assert (official.nmesh, lean.nmesh) == (4, 3)
    assert {lean.mesh(index).name for index in range(3)} == {"named", "heavy", "solid"}
    assert np.array_equal(official.body_mass, lean.body_mass)
    assert np.array_equal(official.body_inertia, lean.body_inertia)


def geoms(model: mujoco.MjModel) -> dict[bytes, bool]:
    """What physics knows of each geom, in order, and whether it can touch anything."""
    names = [
        name for name in dir(model)
        if name.startswith("geom_") and not name.startswith(("geom_mat", "geom_data", "geom_group"))
    ]  # fmt: skip
    table = [getattr(model, name) for name in names]
    keys = [b"".join(np.ascontiguousarray(column[index]).tobytes() for column in table) for index in range(model.ngeom)]
    return {key: bool(model.geom_contype[i] | model.geom_conaffinity[i]) for i, key in enumerate(keys)}
