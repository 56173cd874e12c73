"""The commands, and what only they need: flags, run folders, pictures, protocols, benchmarks."""
