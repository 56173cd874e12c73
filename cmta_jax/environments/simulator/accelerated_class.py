"""A faster class made from an official one: the same compiled methods, which find faster functions under the old names.

A Python function is a code object and a dictionary of globals in which the code looks up names such as `np`. `derive`
keeps the code objects of Meta-World's methods and gives them another dictionary. In effect:

    # before, in metaworld/envs/sawyer_reach_v3.py      # after: the same code object, other globals
    import numpy as np                                   from ...simulator.fast_math import numpy as np
    class SawyerReachEnvV3(SawyerXYZEnv):                class SawyerReachEnvV3(the official SawyerReachEnvV3):
        def compute_reward(self, actions, obs):              def compute_reward(self, actions, obs):
            ...                                                  ...
            np.linalg.norm(tcp - target)  # numpy's              np.linalg.norm(tcp - target)  # fast_math.norm

So no reward is copied into this project, except one formula that half of the tasks use (`caging_reward`), and a new
release of Meta-World with other rewards needs no change here.
"""

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from metaworld.sawyer_xyz_env import SawyerMocapBase, SawyerXYZEnv

from cmta_jax.environments.simulator import caging_reward, fast_math, models
from cmta_jax.environments.simulator.cached_data import CachedData

# `FastSimulator.step` has its own version of these; a class that overrides one of them cannot be stepped by it.
_REPLACED = (
    "step", "set_xyz_action", "_get_obs", "_get_curr_obs_combined_no_goal", "get_endeff_pos", "do_simulation",
    "_step_mujoco_simulation", "touching_object", "tcp_center",
)  # fmt: skip


def derive(official: type[SawyerXYZEnv]) -> type[SawyerXYZEnv]:
    """A subclass of one of Meta-World's classes that computes the same numbers faster.

    Raises:
        NotImplementedError: if the class has its own version of a method that the fast step replaces.
    """
    for name in _REPLACED:
        if getattr(official, name) is not getattr(SawyerXYZEnv, name):
            raise NotImplementedError(f"{official.__name__} overrides {name}: step it with the simulator 'stock'.")
    family = [cls for cls in official.__mro__ if issubclass(cls, SawyerMocapBase)]
    members: dict[str, Any] = {}
    scopes: list[dict[str, Any]] = []
    for cls in reversed(family):
        scope = vars(sys.modules[cls.__module__]) | fast_math.GLOBALS
        scopes.append(scope)
        members |= {name: _with_globals(member, scope) for name, member in vars(cls).items() if _is_hot(name, member)}
        if cls is SawyerXYZEnv and caging_reward.is_that_of_meta_world():
            members["_gripper_caging_reward"] = caging_reward.gripper_caging_reward
    members |= {
        "tcp_center": _tcp_center,
        "touching_object": _touching_object,
        "_initialize_simulation": models.initialize_simulation,
    }
    derived = type(official.__name__, (official,), members)
    scopes[-1][official.__name__] = derived  # for calls such as SawyerNutAssemblyEnvV3._reward_quat(...)
    return derived


def _is_hot(name: str, member: object) -> bool:
    """Whether a step calls this member; constructors and resets stay as they are."""
    return isinstance(member, types.FunctionType | property | staticmethod) and not (
        name.startswith("__") or name.startswith(("reset", "_reset")) or name in ("model_name", "step", "render")
    )


def _with_globals(member: Any, scope: dict[str, Any]) -> Any:
    """The function, property or static method with other globals, without the decorator `assert_task_is_set`."""
    if isinstance(member, property):
        return property(_with_globals(member.fget, scope))
    if isinstance(member, staticmethod):
        return staticmethod(_with_globals(member.__func__, scope))
    if member.__qualname__.endswith("assert_task_is_set.<locals>.inner"):
        member = member.__closure__[0].cell_contents  # the decorated function
    function = types.FunctionType(member.__code__, scope, member.__name__, member.__defaults__, member.__closure__)
    function.__kwdefaults__ = member.__kwdefaults__
    return function


_official_tcp_center: Callable[[SawyerMocapBase], np.ndarray] = vars(SawyerMocapBase)["tcp_center"].fget


@property
def _tcp_center(self: Any) -> np.ndarray:
    """As the official one [3], computed once a step: rewards read it up to four times, and none writes to it."""
    data = self.data
    if type(data) is not CachedData:
        return _official_tcp_center(self)
    if data.tcp_center is None:
        data.tcp_center = (data.right_finger + data.left_finger) / 2.0
    return data.tcp_center


def _touching_object(self: Any, object_geom_id: int) -> bool:
    """Whether both pads press on a geom. It reads all contacts in one call, not one by one in Python."""
    data = self.data.original if type(self.data) is CachedData else self.data
    if not data.ncon:
        return False
    contact = data.contact
    left_pad, right_pad = self.data.geom("leftpad_geom").id, self.data.geom("rightpad_geom").id
    left = right = 0
    for index, (first, second) in enumerate(contact.geom.tolist()):
        if object_geom_id == first or object_geom_id == second:
            other = second if object_geom_id == first else first
            if other == left_pad:
                left = left + data.efc_force[contact.efc_address[index]]
            elif other == right_pad:
                right = right + data.efc_force[contact.efc_address[index]]
    return 0 < left and 0 < right
