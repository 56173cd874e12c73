"""From the command line to checked settings."""

import sys

if sys.platform == "win32":
    sys.exit("cmta_jax runs on Linux: on Windows, use the Windows Subsystem for Linux (WSL 2).")
