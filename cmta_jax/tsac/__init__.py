"""The parts of TSAC, our reconstruction: a correction policy around any method (BUILD_NOTES section 6)."""
