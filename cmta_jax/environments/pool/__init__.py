"""The vectorised pool: worker processes that step Meta-World's environments and share memory with the trainer."""
