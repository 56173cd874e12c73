"""Meta-World's reward for closing the gripper around an object, computed on floats instead of arrays.

It is the most expensive part of the reward in half of the tasks, and the only formula of a reward that this project
copies. The copy is used only while the installed Meta-World has exactly the source code from which it was written;
otherwise Meta-World's own formula is used.
"""

import hashlib
import inspect
import struct
from math import sqrt
from typing import Any

import numpy as np
from metaworld.sawyer_xyz_env import SawyerXYZEnv

from cmta_jax.environments.simulator.fast_math import dot, norm, reward_utils, tolerance

_WRITTEN_FROM = "70297483b12fbaf4526f3270994e46a0"
_TWO_DOUBLES = struct.Struct("2d")


def is_that_of_meta_world() -> bool:
    """Whether the installed Meta-World has the source code from which `gripper_caging_reward` was written."""
    source = inspect.getsource(SawyerXYZEnv._gripper_caging_reward)
    return hashlib.blake2b(source.encode(), digest_size=16).hexdigest() == _WRITTEN_FROM


def gripper_caging_reward(
    self: Any,
    action: np.ndarray,
    obj_pos: np.ndarray,
    obj_radius: float,
    pad_success_thresh: float,
    object_reach_radius: float,
    xz_thresh: float,
    desired_gripper_effort: float = 1.0,
    high_density: bool = False,
    medium_density: bool = False,
) -> float:
    """`SawyerXYZEnv._gripper_caging_reward`: the same operations in the same order, and results of the same types.

    Args, from Meta-World: positions are [3] in metres, lengths in metres, `action` is [4], its last number the gripper.

    Returns:
        The reward, from 0 to 1.
    """
    if high_density and medium_density:
        raise ValueError("Can only be either high_density or medium_density")
    body = self.data.body
    (x, y, z), (init_x, init_y, init_z) = obj_pos.tolist(), self.obj_init_pos.tolist()
    sides = []
    for pad in ("leftpad", "rightpad"):
        pad_y = body(pad).xpos.item(1)
        margin = abs(abs(pad_y - init_y) - pad_success_thresh)
        sides.append(tolerance(abs(pad_y - y), (obj_radius, pad_success_thresh), margin, "long_tail"))
    (tcp_x, _, tcp_z), (init_tcp_x, _, init_tcp_z) = self.tcp_center.tolist(), self.init_tcp.tolist()
    margin = _length(init_x - init_tcp_x, init_z - init_tcp_z) - xz_thresh
    near = tolerance(_length(tcp_x - x, tcp_z - z), (0, xz_thresh), margin, "long_tail")
    closed = min(max(0, action[-1]), desired_gripper_effort) / desired_gripper_effort

    hamacher_product = reward_utils.hamacher_product
    caging = hamacher_product(hamacher_product(*sides), near)
    reward = hamacher_product(caging, closed if caging > 0.97 else 0.0)
    if high_density:
        reward = (reward + caging) / 2
    if medium_density:
        margin = abs(norm(self.obj_init_pos - self.init_tcp) - object_reach_radius)
        distance = norm(obj_pos - self.tcp_center)
        reward = (reward + tolerance(float(distance), (0, object_reach_radius), margin, "long_tail")) / 2
    return reward


_plane = np.empty(2)


def _length(x: float, z: float) -> float:
    """The length of a vector (x, z) as numpy computes it: by a dot product, which may fuse multiply and add."""
    _TWO_DOUBLES.pack_into(_plane, 0, x, z)
    return sqrt(dot(_plane, _plane))
