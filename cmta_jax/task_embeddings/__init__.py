"""Vectors that describe tasks, for CARE: read from a file, or made from the shipped descriptions."""
