"""Pictures of episodes. A goal set and actions determine an episode, so it is simulated again to be drawn."""

import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from cmta_jax.environments import simulator

BACKENDS = {"Linux": ("egl", "osmesa"), "Darwin": ("cgl",)}  # modules of mujoco that draw without a screen
CAMERA = "corner4"
CAMERAS = ("corner4", "corner", "corner2", "corner3", "topview", "behindGripper", "gripperPOV")  # Meta-World's
PROBE = "import mujoco.{0}; mujoco.{0}.GLContext(8, 8).make_current()"


class Shot(NamedTuple):
    """An environment after a step; step 0 is the reset."""

    step: int
    picture: np.ndarray  # [size, size, 3] uint8
    reward: float  # of this step, not normalised
    success: bool  # whether the task is solved at this step


def find_backend() -> str:
    """The module of mujoco that draws without a screen on this machine; the variable `MUJOCO_GL` can select it.

    Raises:
        ValueError: no module works.
    """
    named, known = os.environ.get("MUJOCO_GL", "").lower(), BACKENDS.get(platform.system(), ("glfw",))
    for backend in candidates(named, known):
        # in another process, because PyOpenGL is unusable after a backend has failed
        outcome = subprocess.run([sys.executable, "-c", PROBE.format(backend)], capture_output=True, text=True)
        if outcome.returncode == 0:
            return backend
        reason = (outcome.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise ValueError(
        f"Nothing here can draw without a screen ({' and '.join(candidates(named, known))} failed, the last with "
        f"'{reason:.120}'): install libegl1 with a driver (libgl1-mesa-dri), or libosmesa6, or set MUJOCO_GL."
    )


def candidates(named: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The backends to try: the one that `MUJOCO_GL` names, else all of this platform."""
    return (named,) if named in ("egl", "osmesa", "cgl", "glfw") else known


class View(NamedTuple):
    """How a film is drawn."""

    backend: str  # as `find_backend` returns it
    size: int = 384  # of the pictures, in pixels; at most 480
    camera: str = CAMERA  # one of `CAMERAS`


def film(
    task: str,
    vectors: np.ndarray,
    goal_set: int,
    actions: np.ndarray,
    steps: Collection[int],
    view: View,
    **versions: str,
) -> Iterator[Shot]:
    """Simulates an episode again and yields a shot at each of `steps`.

    Args:
        task: its name.
        vectors: `[50, D]`, the goal vectors of the task, as in `Pool.goal_vectors`.
        goal_set: index of the goal set.
        actions: `[T, 4]` float32.
        steps: from 0 (the reset) to T.
        view: how to draw.
        versions: `reward_version` and `success_version` of the run.

    Yields:
        Shots in ascending order of steps.
    """
    lane = simulator.make(task, "stock", **versions)
    lane.vectors = vectors
    lane.reset(goal_set)
    with Camera(lane.environment.model, *view) as drawer:
        if 0 in steps:
            yield Shot(0, drawer.shoot(lane.environment.data), 0.0, False)
        for step, action in enumerate(actions, start=1):
            _, reward, success = lane.step(action)
            if step in steps:
                yield Shot(step, drawer.shoot(lane.environment.data), reward, success)


def upright(picture: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """MuJoCo's picture `[H, W, 3]`, whose rows begin at the bottom, turned if the camera is mounted upside down.

    Args:
        picture: as it was read.
        axes: of the camera, `[3, 3]`; column 1 points to the top of the picture, row 2 is the height.
    """
    return picture[:, ::-1] if axes[2, 1] < -0.1 else picture[::-1]  # half a turn and the rows' order make a mirror


class Camera:
    """Draws one model without a screen. A context manager.

    `mujoco.Renderer` is not used, because its backend is fixed when mujoco is imported.

    Args:
        model: a `mujoco.MjModel`.
        backend: as `find_backend` returns it.
        size: of the pictures, in pixels.
        camera: one of `CAMERAS`.
    """

    def __init__(self, model: Any, backend: str, size: int, camera: str = CAMERA):
        import mujoco

        self._mujoco, self._model, self._size = mujoco, model, size
        model.vis.quality.offsamples, model.vis.quality.shadowsize = 0, 1024  # a fifth of the time without a GPU
        self._context = importlib.import_module(f"mujoco.{backend}").GLContext(size, size)
        self._context.make_current()
        self._drawer = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._drawer)
        self._scene, self._options = mujoco.MjvScene(model, maxgeom=2000), mujoco.MjvOption()
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._view = mujoco.MjvCamera()
        self._view.type, self._view.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, model.camera(camera).id

    def shoot(self, data: Any) -> np.ndarray:
        """A picture `[size, size, 3]` uint8 of the state in `data`, a `mujoco.MjData`."""
        mujoco, everything = self._mujoco, self._mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, data, self._options, None, self._view, everything, self._scene)
        picture = np.empty((self._size, self._size, 3), np.uint8)
        window = mujoco.MjrRect(0, 0, self._size, self._size)
        mujoco.mjr_render(window, self._scene, self._drawer)
        mujoco.mjr_readPixels(picture, None, window, self._drawer)
        return upright(picture, data.cam_xmat[self._view.fixedcamid].reshape(3, 3))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drawer.free()
        self._context.free()
