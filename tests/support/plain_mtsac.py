"""MT-SAC as a plain flax and optax code writes it: what our programs' compile times are compared with."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

NUM_TASKS, OBSERVATION_DIM, ACTION_DIM = 10, 49, 4  # MT10, the task as one-hot in the observation
LEARNING_RATE, DISCOUNT, TAU, TARGET_ENTROPY = 3e-4, 0.99, 0.005, -4.0


class Mlp(nn.Module):
    """Three hidden layers with ReLU."""

    hidden_dim: int
    out_dim: int

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        for _ in range(3):
            inputs = nn.relu(nn.Dense(self.hidden_dim)(inputs))
        return nn.Dense(self.out_dim)(inputs)


class Critics(nn.Module):
    """Two critics, `[2, R, 1]` for `R` rows."""

    hidden_dim: int

    @nn.compact
    def __call__(self, observation: jax.Array, action: jax.Array) -> jax.Array:
        twin = nn.vmap(Mlp, variable_axes={"params": 0}, split_rngs={"params": True}, in_axes=None, axis_size=2)
        return twin(self.hidden_dim, 1)(jnp.concatenate([observation, action], -1))


class PlainMtsac:
    """Its `init` and `update`, of rows without a task axis.

    Args:
        hidden_dim: of actor and critics.
    """

    def __init__(self, hidden_dim: int):
        self.actor, self.critics = Mlp(hidden_dim, 2 * ACTION_DIM), Critics(hidden_dim)
        self.optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(LEARNING_RATE))

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters, targets, optimisers, and the key of the next update."""
        key, actor_key, critic_key = jax.random.split(key, 3)
        observation, action = jnp.zeros((1, OBSERVATION_DIM)), jnp.zeros((1, ACTION_DIM))
        actor, critics = self.actor.init(actor_key, observation), self.critics.init(critic_key, observation, action)
        params = {"actor": actor, "critics": critics, "log_alpha": jnp.zeros(NUM_TASKS)}
        optimisers = {name: self.optimiser.init(value) for name, value in params.items()}
        return {"params": params, "target": critics, "optimisers": optimisers, "key": key}

    def update(self, state: dict[str, Any], batch: tuple[jax.Array, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
        """One update and its metrics.

        Args:
            state: from `init` or the last update.
            batch: observation, action, reward, next observation and done, `[R, ...]`.
        """
        observation, action, reward, next_observation, done = batch
        params, target = state["params"], state["target"]
        key, next_key, actor_key = jax.random.split(state["key"], 3)
        task = observation[:, -NUM_TASKS:]
        alpha = jnp.exp(task @ params["log_alpha"])
        next_action, next_log_prob = self._sample(params["actor"], next_observation, next_key)
        next_q = self.critics.apply(target, next_observation, next_action).min(0)[:, 0]
        goal = reward + (1 - done) * DISCOUNT * (next_q - alpha * next_log_prob)

        def critic_loss(critics):
            q = self.critics.apply(critics, observation, action)[..., 0]
            return ((q - goal) ** 2).mean(), q.mean()

        def actor_loss(actor):
            chosen, log_prob = self._sample(actor, observation, actor_key)
            q = self.critics.apply(state["params"]["critics"], observation, chosen).min(0)[:, 0]
            return (alpha * log_prob - q).mean(), log_prob

        def alpha_loss(log_alpha):
            return -(task @ log_alpha * (log_prob + TARGET_ENTROPY)).mean()

        (critic_value, q), critic_grads = jax.value_and_grad(critic_loss, has_aux=True)(params["critics"])
        (actor_value, log_prob), actor_grads = jax.value_and_grad(actor_loss, has_aux=True)(params["actor"])
        grads = {"actor": actor_grads, "critics": critic_grads, "log_alpha": jax.grad(alpha_loss)(params["log_alpha"])}
        steps = {name: self.optimiser.update(grads[name], state["optimisers"][name], params[name]) for name in params}
        params = {name: optax.apply_updates(params[name], steps[name][0]) for name in params}
        target = optax.incremental_update(params["critics"], target, TAU)
        optimisers = {name: optimiser for name, (_, optimiser) in steps.items()}
        norms = {f"{name}_norm": optax.tree.norm(grad) for name, grad in grads.items()}
        metrics = {"critic_loss": critic_value, "q": q, "actor_loss": actor_value, **norms}
        return {"params": params, "target": target, "optimisers": optimisers, "key": key}, metrics

    def _sample(self, actor: Any, observation: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        mean, log_std = jnp.split(self.actor.apply(actor, observation), 2, -1)
        std = jnp.exp(jnp.clip(log_std, -20, 2))
        raw = mean + std * jax.random.normal(key, mean.shape)
        log_prob = jax.scipy.stats.norm.logpdf(raw, mean, std) - 2 * (jnp.log(2.0) - raw - jax.nn.softplus(-2 * raw))
        return jnp.tanh(raw), log_prob.sum(-1)
