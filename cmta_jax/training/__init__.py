"""The training loop and what it needs: replay, reward scaling, evaluation, divergence checks."""
