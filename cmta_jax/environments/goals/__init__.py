"""The 50 goal sets of a task (`vectors`), and which of them an episode has (`schedule`)."""
