"""The physics of one environment step: what `mj_step` and `mj_forward` compute, computed once."""

import mujoco


class Physics:
    """Steps one `MjData` as Meta-World does: `substeps` times `mj_step`, then `mj_forward`.

    Meta-World ends a step with `mj_forward`. The next step starts from the same positions and velocities; only the
    mocap body and the controls have changed. In its first substep we therefore recompute the constraints alone and
    keep the collisions, inertias and bias forces of that `mj_forward`. Other versions of MuJoCo, and models for which
    this reasoning does not hold, are stepped in the plain way.

    Attributes:
        is_current: whether the results of the last `mj_forward` still describe the state. Set it to False after
            changing the state in any other way.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, substeps: int):
        self.is_current = False
        self._model, self._data, self._substeps = model, data, substeps
        self._may_reuse = mujoco.__version__ == "3.3.0" and _only_constraints_read_the_mocap_body(model)
        if self._may_reuse:
            self._target, self._mocap_body = data.mocap_pos[0], data.xpos[model.body_mocapid.tolist().index(0)]

    def step(self) -> None:
        """One environment step."""
        model, data, substeps = self._model, self._data, self._substeps
        if self.is_current:
            self._mocap_body[:] = self._target
            mujoco.mj_makeConstraint(model, data)
            mujoco.mj_referenceConstraint(model, data)
            mujoco.mj_step2(model, data)
            substeps -= 1
        mujoco.mj_step(model, data, substeps)
        mujoco.mj_forward(model, data)
        self.is_current = self._may_reuse


def _only_constraints_read_the_mocap_body(model: mujoco.MjModel) -> bool:
    """Whether nothing collides with the one mocap body, hangs on it or measures it, and the solver is primal."""
    mocap = model.body_mocapid >= 0
    collides = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    has_children = mocap[model.body_parentid].any()
    others = model.ntendon + model.nsensor + model.nflex + model.nplugin + model.na + model.opt.enableflags
    is_euler = model.opt.integrator == mujoco.mjtIntegrator.mjINT_EULER
    is_primal = model.opt.solver != mujoco.mjtSolver.mjSOL_PGS and not model.opt.noslip_iterations
    free = not (collides[mocap[model.geom_bodyid]].any() or has_children or others)
    return bool(model.nmocap == 1 and is_euler and is_primal and free)
