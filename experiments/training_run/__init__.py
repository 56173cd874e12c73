"""What `experiments.run` does around the training loop."""
