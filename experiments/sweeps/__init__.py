"""Sweeps: which runs the rows of a table are, what state their folders are in, and who starts them."""
