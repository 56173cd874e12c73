"""Run folders read back as arrays, and the statistics of the paper and of good practice over them (no JAX)."""
