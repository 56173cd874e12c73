"""Meta-World's reward for closing the gripper around an object, the costliest part of half of its tasks, on floats.

The only formula of a reward that stands here a second time. It takes the place of the official one as long as that
is, to the letter, the one it was written from; a new Meta-World release with another gets its own.
"""

import hashlib
import inspect
import struct
from math import sqrt

import numpy as np
from metaworld.sawyer_xyz_env import SawyerXYZEnv

from cmta_jax.environments.simulator.fast_math import dot, norm, reward_utils, tolerance

_WRITTEN_FROM = "70297483b12fbaf4526f3270994e46a0"
_TWO_DOUBLES = struct.Struct("2d")


def is_that_of_meta_world() -> bool:
    """Whether `gripper_caging_reward` was written from the installed Meta-World's."""
    source = inspect.getsource(SawyerXYZEnv._gripper_caging_reward)
    return hashlib.blake2b(source.encode(), digest_size=16).hexdigest() == _WRITTEN_FROM


def gripper_caging_reward(
    self,
    action,
    obj_pos,
    obj_radius,
    pad_success_thresh,
    object_reach_radius,
    xz_thresh,
    desired_gripper_effort=1.0,
    high_density=False,
    medium_density=False,
):
    """`SawyerXYZEnv._gripper_caging_reward`: the same operations in the same order, and results of the same types."""
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
    """The norm of a vector, as numpy computes it: by a dot product, which may fuse its operations."""
    _TWO_DOUBLES.pack_into(_plane, 0, x, z)
    return sqrt(dot(_plane, _plane))
