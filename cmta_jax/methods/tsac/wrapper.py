"""TSAC, our reconstruction: a correction policy edits what the policy of any method proposes (docs/methods.md, 6).

The base's policy proposes an action for the dense reward; a second policy, which sees the proposal, edits it towards
success; a multiplier per task, moved by on-policy success, sets how much an edit may cost. With `edit_range=0` the base
learns and acts exactly as it does alone.
"""

import jax

from cmta_jax.distributions import log_std_bias
from cmta_jax.methods.tsac import multiplier
from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.policies import Algorithm
from cmta_jax.methods.tsac.state import STREAM, LearnerState, Parameters, init
from cmta_jax.methods.tsac.update import draw_noise, update
from cmta_jax.networks.correction import Correction
from cmta_jax.random_keys import random_key
from cmta_jax.sac.acting import choose, perceive, policy_at
from cmta_jax.types import Act, Array, Carry, Method, Spec

__all__ = ["Config", "wrap"]


def wrap(config: Config, spec: Spec, base: Method) -> Method:
    """`base` with a correction policy after its own.

    Args:
        config: shared settings must be those that `base` was made with.
        base: a method whose `networks` are `sac.Networks`.

    Raises:
        ValueError: the settings cannot be used together.
    """
    check(config)
    algorithm = algorithm_of(config, spec, base)

    def finish_episode(state: LearnerState, successes: Array) -> LearnerState:
        return state._replace(multiplier=multiplier.finish_episode(config, spec.horizon, state.multiplier, successes))

    return Method(
        init=lambda key: init(algorithm, spec, base, key),
        begin=base.begin,
        act=acting(algorithm),
        update=lambda state, batch, key: update(algorithm, state, batch, draw_noise(key, batch.action)),
        networks=base.networks,
        finish_episode=finish_episode,
        history=base.history,
    )


def algorithm_of(config: Config, spec: Spec, base: Method) -> Algorithm:
    """Settings, the base's networks and a correction policy of the shared sizes."""
    hidden = (config.hidden_dim,) * config.hidden_layers
    bias = log_std_bias(config.log_std_mode, config.initial_log_std)
    shared, dtype = sharing(config, spec, base), config.activation_dtype
    return Algorithm(config, base.networks, Correction(hidden, spec.action_dim, bias, shared, dtype))


def acting(algorithm: Algorithm) -> Act:
    """The function `act` (`types.Act`): both policies read the same representation and the same carry."""
    config, networks, _ = algorithm

    def act(
        params: Parameters, carry: Carry, observation: Array, first: Array, key: Array, explore: bool | Array
    ) -> tuple[Array, Carry, Carry]:
        carry, representation, next_carry = perceive(networks, params.base, carry, observation, first)
        proposal = choose(policy_at(config, networks, params.base.actor, representation), key, explore)
        policy = algorithm.policy(params.correction, representation, proposal)
        correction = choose(policy, jax.random.fold_in(key, STREAM), explore)
        return algorithm.executed(proposal, correction), carry, next_carry

    return act


def sharing(config: Config, spec: Spec, base: Method) -> str:
    """What tasks share in the correction policy: their heads too, if the representation identifies the task."""
    if config.correction != "auto":
        return config.correction

    def widths(key: Array) -> Array:
        return base.networks.encode_tasks(base.networks.init(key)["task_encoder"])

    encodings = jax.tree.leaves(jax.eval_shape(widths, random_key(0)))
    return "conditioned" if any(leaf.size for leaf in encodings) else "multi_head"


def check(config: Config) -> None:
    """Raises ValueError for settings that cannot go together."""
    if config.discount == 1.0 and config.correction_reward != "dense":
        raise ValueError("--discount=1 leaves the discounted count of successes without a bound: give one below 1.")
    if config.learn_multiplier and config.initial_multiplier == 0.0:
        raise ValueError(
            "--tsac.initial_multiplier=0 would stay zero for ever: start higher, or give --tsac.learn_multiplier=false."
        )
    if config.initial_multiplier > config.max_multiplier:
        raise ValueError(
            f"--tsac.initial_multiplier={config.initial_multiplier:g} exceeds --tsac.max_multiplier="
            f"{config.max_multiplier:g}: raise the cap or start lower."
        )
