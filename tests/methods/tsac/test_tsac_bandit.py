"""A bandit whose dense reward and success pull apart: the multiplier must hold the budget (docs/methods.md, 6.5)."""

import jax
import jax.numpy as jnp
import numpy as np
from tsac_examples import as_written, base_method, wrapped

from cmta_jax.methods.tsac import multiplier
from cmta_jax.types import Spec, Transition

TASKS = Spec(("multiplier 0", "multiplier 10", "learned multiplier"), observation_dim=1, action_dim=1, horizon=1)
NETWORKS = {"hidden_dim": 32, "hidden_layers": 2, "discount": 0.0, "initial_log_std": -1.0, "target_entropy": -1.5}
RATES = {f"{part}_learning_rate": 3e-3 for part in ("actor", "critic", "temperature")}
EPISODES, UPDATES, ROWS, COPIES = 160, 10, 32, 16


def outcome(action):
    """The dense reward is best at 0.5, success needs an action below -0.5."""
    return -jnp.square(action - 0.5), action < -0.5


def train(method, key):
    """Actions and successes of each episode `[EPISODES, N]`; three learners that share nothing."""
    tasks = TASKS.num_tasks

    def learn(state, key):
        action_key, update_key = jax.random.split(key)
        action = jax.random.uniform(action_key, (tasks, ROWS, 1), minval=-1.0, maxval=1.0)
        reward, success = outcome(action[..., 0])
        ones = jnp.ones((tasks, ROWS))
        batch = Transition(ones[..., None], action, reward, ones, ones[..., None], success, (), ())
        return method.update(state, batch, update_key)[0], None

    def episode(state, key):
        state, _ = jax.lax.scan(learn, state, jax.random.split(key, UPDATES))
        first = jnp.ones((tasks, COPIES), bool)
        acting_key = jax.random.fold_in(key, 1)
        action, _, _ = method.act(state.params, (), jnp.ones((tasks, COPIES, 1)), first, acting_key, True)
        _, success = outcome(action[..., 0])
        moved = method.finish_episode(state, success.astype(jnp.float32)).multiplier
        raw = state.multiplier.raw.at[2].set(moved.raw[2])  # the first two tasks keep theirs
        return state._replace(multiplier=moved._replace(raw=raw)), (action.mean(axis=(1, 2)), success.mean(axis=1))

    state = method.init(key)
    raw = state.multiplier.raw.at[0].set(-jnp.inf).at[1].set(jnp.log(jnp.expm1(10.0)))
    state = state._replace(multiplier=state.multiplier._replace(raw=raw))
    state, story = jax.lax.scan(episode, state, jax.random.split(key, EPISODES))
    return multiplier.value(state.multiplier), *story


def test_a_learned_multiplier_holds_the_budget_between_none_and_much():
    settings = {**NETWORKS, **RATES}
    method = wrapped(
        base_method("single_task_sac", TASKS, **settings), TASKS, **settings,
        correction="disjoint", correction_target_entropy=0.0, multiplier_learning_rate=0.05, budget=0.5,
    )  # fmt: skip
    values, actions, successes = as_written(lambda key: train(method, key))(jax.random.key(0))
    actions, successes = (np.mean(story[EPISODES // 2 :], axis=0) for story in (actions, successes))
    assert 0.4 < actions[0] < 0.8 and successes[0] < 0.1  # the dense optimum, left alone
    assert actions[1] < -0.25 and successes[1] > 0.5  # beyond -0.5 but for the noise of both policies
    assert abs(successes[2] - 0.5) < 0.15
    assert 0.0 < values[2] < 10.0  # held by the price, not by the cap
