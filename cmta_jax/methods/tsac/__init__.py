"""TSAC, our reconstruction: a correction policy around any method (docs/methods.md, 6)."""

from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.wrapper import wrap

__all__ = ["Config", "wrap"]
