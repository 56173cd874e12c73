"""Figures of the modules of a trained mixture: the experts and the attention over them."""
