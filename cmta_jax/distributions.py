"""The squashed Gaussian policy."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from cmta_jax.types import Array

LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0


class TanhGaussian(NamedTuple):
    """`tanh(mean + exp(log_std) * noise)`; `mean` and `log_std` are `[..., A]`."""

    mean: Array
    log_std: Array

    def mode(self) -> Array:
        """The action of evaluation, `tanh(mean)`."""
        return jnp.tanh(self.mean)

    def sample(self, noise: Array) -> tuple[Array, Array]:
        """Action `[..., A]` and its log density `[...]` for standard normal `noise` `[..., A]`.

        The density has the reference's `1e-6` inside the logarithm, with `1 - tanh(u)^2` computed without
        cancellation: equal to the reference in exact arithmetic, finite and smooth when saturated in float32.
        """
        chex.assert_equal_shape([self.mean, self.log_std, noise])
        pre_tanh = self.mean + jnp.exp(self.log_std) * noise
        slope = 4.0 * jax.nn.sigmoid(2.0 * pre_tanh) * jax.nn.sigmoid(-2.0 * pre_tanh)  # d tanh / du
        gaussian = -0.5 * jnp.square(noise) - self.log_std - 0.5 * jnp.log(2.0 * jnp.pi).astype(noise.dtype)
        return jnp.tanh(pre_tanh), jnp.sum(gaussian - jnp.log(slope + 1e-6), axis=-1)  # Deviation 14


def rescaled_tanh(raw: Array) -> Array:
    """Log standard deviation in [-20, 2] from an unbounded network output, as in the reference; 0 gives -9."""
    return LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (jnp.tanh(raw) + 1.0)


def clipped(raw: Array) -> Array:
    """Log standard deviation clipped to [-20, 2] (common in JAX code; 0 gives 0)."""
    return jnp.clip(raw, LOG_STD_MIN, LOG_STD_MAX)


LOG_STD_MODES = {"rescaled_tanh": rescaled_tanh, "clip": clipped}


def log_std_bias(mode: str, initial: float) -> float:
    """The output bias that makes the initial log standard deviation about `initial` (Deviation 15)."""
    if mode == "clip":
        return initial
    unit = (initial - LOG_STD_MIN) / (0.5 * (LOG_STD_MAX - LOG_STD_MIN)) - 1.0
    if not -1.0 < unit < 1.0:
        raise ValueError(
            f"--initial_log_std={initial:g} is outside ({LOG_STD_MIN:g}, {LOG_STD_MAX:g}): choose one between."
        )
    return float(jnp.arctanh(unit))
