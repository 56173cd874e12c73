"""The state of an environment after a reset: saved once, then restored instead of simulating the reset again."""

import mujoco
import numpy as np
from metaworld.sawyer_xyz_env import SawyerXYZEnv

_INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION
_PLAIN = (bool, int, float, np.generic, np.ndarray, type(None))


class ResetState:
    """Everything that a reset changes: MuJoCo's state, what it moved in the model, the instance's attributes.

    Arrays among the attributes are kept by reference. Some are live views into mjData on which rewards depend
    (`init_left_pad`, basketball's `_target_pos`). The others are made read-only, because nobody may change them.

    Args:
        environment: directly after its reset.
        observation: [39] float64, what the reset returned.
    """

    def __init__(self, environment: SawyerXYZEnv, observation: np.ndarray):
        model, data = environment.model, environment.data
        self.observation = observation
        self._state = np.empty(mujoco.mj_stateSize(model, _INTEGRATION))
        mujoco.mj_getState(model, data, self._state, _INTEGRATION)
        self._body_pos, self._site_pos = model.body_pos.copy(), model.site_pos.copy()
        self._attributes = {k: v for k, v in vars(environment).items() if isinstance(v, _PLAIN)}
        for value in self._attributes.values():
            if isinstance(value, np.ndarray) and value.flags.owndata:
                value.flags.writeable = False

    def restore(self, environment: SawyerXYZEnv) -> None:
        """Gives the environment the state that it had after the reset."""
        model, data = environment.model, environment.data
        mujoco.mj_setState(model, data, self._state, _INTEGRATION)
        model.body_pos[:], model.site_pos[:] = self._body_pos, self._site_pos
        data.warning.number[:] = 0  # MuJoCo reports each kind of warning once, until its count is 0 again
        environment.__dict__.update(self._attributes)
