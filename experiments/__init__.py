"""The commands, and what only they need: flags, run folders, pictures, protocols, benchmarks."""

import sys

if sys.platform == "win32":  # before anything that Windows lacks is imported
    sys.exit("cmta_jax runs on Linux: on Windows, use the Windows Subsystem for Linux (WSL 2).")
