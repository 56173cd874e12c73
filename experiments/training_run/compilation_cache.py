"""Compiled programs that outlive the process: the next run with the same settings, or after a resume, starts sooner.

On GPUs and TPUs only. On CPUs JAX's cache is not safe yet: entries made on one processor can crash on another, and some
are refused by the machine that made them (jax-ml/jax issue 38445).
"""

import logging
import os
import pathlib

import jax

log = logging.getLogger(__name__)
LARGEST = 2**31  # bytes; what was not used for longest goes first


def keep_compiled_programs(platform: str) -> None:
    """Lets JAX keep its compiled programs in the user's cache folder (`$XDG_CACHE_HOME/cmta_jax`).

    What the user has set is left alone: `JAX_COMPILATION_CACHE_DIR` names another folder, also for a CPU, and
    `JAX_ENABLE_COMPILATION_CACHE=0` turns the cache off. A folder that cannot be written is a warning of JAX's.

    Args:
        platform: of the device, as JAX names it.
    """
    if platform == "cpu" or jax.config.jax_compilation_cache_dir:  # pyright: ignore[reportAttributeAccessIssue]
        return
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(home) / "cmta_jax" / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", LARGEST)
    log.info("compiled programs are kept in %s", folder)
