"""Pictures of an environment, drawn as Meta-World's own `render` draws them."""

import os

import mujoco
import numpy as np
from gymnasium.envs.mujoco.mujoco_rendering import MujocoRenderer
from metaworld.sawyer_xyz_env import SawyerXYZEnv

INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION  # all that the physics follows from
_MOVED_BY_RESETS = ("body_pos", "body_quat", "site_pos")  # what Meta-World changes in a model and a picture shows


class Pictures:
    """Draws one environment with Gymnasium's renderer, and does not change the state that it draws.

    Args:
        environment: whose state is drawn.
        backend: as `rendering.find_backend` returns it.
        camera_name: one of `rendering.CAMERAS`; None: Meta-World's free camera.
        width, height: of the pictures, in pixels.
    """

    def __init__(self, environment: SawyerXYZEnv, backend: str, camera_name: str | None, width: int, height: int):
        model = mujoco.MjModel.from_xml_path(environment.fullpath)  # the simulator's may have no textures
        model.vis.global_.offwidth = max(environment.width, width)
        model.vis.global_.offheight = max(environment.height, height)
        self._simulated = environment.model
        self._model, self._backend, self._copy = model, backend, mujoco.MjData(model)
        self._original: mujoco.MjData = environment.mujoco_renderer.data
        self._state = np.empty(mujoco.mj_stateSize(model, INTEGRATION))
        stock: MujocoRenderer = environment.mujoco_renderer
        self._renderer = MujocoRenderer(
            model, self._copy, stock.default_cam_config, width, height, stock.max_geom, camera_name=camera_name
        )

    def draw(self) -> np.ndarray:
        """A picture [height, width, 3] uint8."""
        for name in _MOVED_BY_RESETS:
            getattr(self._model, name)[:] = getattr(self._simulated, name)
        mujoco.mj_getState(self._simulated, self._original, self._state, INTEGRATION)
        mujoco.mj_setState(self._model, self._copy, self._state, INTEGRATION)
        mujoco.mj_forward(self._model, self._copy)
        if self._renderer.viewer is None:
            os.environ["MUJOCO_GL"] = self._backend  # where Gymnasium looks for it
        else:
            self._renderer.viewer.make_context_current()  # environments of one process take turns
        picture = self._renderer.render("rgb_array")
        assert isinstance(picture, np.ndarray)
        return picture

    def close(self) -> None:
        """Frees the graphics context."""
        self._renderer.close()
