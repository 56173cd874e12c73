"""The state of an environment after a reset, taken once and put back instead of simulating the reset again."""

import mujoco
import numpy as np

_INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION
_PLAIN = (bool, int, float, np.generic, np.ndarray, type(None))


class ResetState:
    """All that a reset leaves behind: MuJoCo's state, what it moved in the model, the instance's attributes.

    Arrays among the attributes are kept by reference. Some are live views into mjData on which rewards depend
    (`init_left_pad`, basketball's `_target_pos`); the others are made read-only, since nobody may change them.

    Attributes:
        observation: what the reset returned [39].
    """

    def __init__(self, environment, observation: np.ndarray):
        model, data = environment.model, environment.data
        self.observation = observation
        self._state = np.empty(mujoco.mj_stateSize(model, _INTEGRATION))
        mujoco.mj_getState(model, data, self._state, _INTEGRATION)
        self._body_pos, self._site_pos = model.body_pos.copy(), model.site_pos.copy()
        self._attributes = {k: v for k, v in vars(environment).items() if isinstance(v, _PLAIN)}
        for value in self._attributes.values():
            if isinstance(value, np.ndarray) and value.flags.owndata:
                value.flags.writeable = False

    def restore(self, environment) -> None:
        """Puts the environment back to where the reset left it."""
        model, data = environment.model, environment.data
        mujoco.mj_setState(model, data, self._state, _INTEGRATION)
        model.body_pos[:], model.site_pos[:] = self._body_pos, self._site_pos
        data.warning.number[:] = 0  # MuJoCo reports a kind of warning only once until then
        environment.__dict__.update(self._attributes)
