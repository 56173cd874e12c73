"""Listeners that write what a run measures: CSV files, TensorBoard, Weights & Biases, the progress line."""
