"""The parts of TSAC, our reconstruction: a correction policy around any method (METHODS section 6)."""
