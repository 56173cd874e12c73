"""Tables and figures of the CMTA paper, from run folders."""
