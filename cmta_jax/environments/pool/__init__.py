"""The vectorised pool: worker processes that step official environments in shared memory."""
