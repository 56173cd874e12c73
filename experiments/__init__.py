"""Programs around cmta_jax: flags and wiring, nothing else."""
