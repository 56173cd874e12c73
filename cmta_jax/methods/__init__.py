"""The table of methods: a name, and a module with `Config` and `make(config, spec) -> Method`."""

from cmta_jax.methods import cmta

METHODS = {"cmta": cmta}
