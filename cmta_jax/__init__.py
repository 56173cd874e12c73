"""cmta_jax: contrastive modules with temporal attention for multi-task reinforcement learning, in JAX."""

__version__ = "0.1.0"
