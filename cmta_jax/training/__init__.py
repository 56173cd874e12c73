"""The training loop and what it needs: replay, reward normalisation, evaluation, divergence checks."""
