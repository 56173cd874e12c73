"""Files that survive crashes: atomic replacement, appending, flags, the run folder."""
