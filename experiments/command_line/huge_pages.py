"""Huge pages for what XLA computes with on a CPU (docs/performance.md, Memory of an update).

XLA takes the memory for an update's intermediate results anew each time. Blocks beyond 32 MB glibc fetches from the
kernel and gives back every time, and the kernel hands them out page by page.
glibc reads its settings only when a process starts.
"""

import os
import platform
import sys

SETTING = "glibc.malloc.hugetlb=1"  # asks the kernel for transparent huge pages in large blocks; changes no result


def restart() -> None:
    """Begins this command again with huge pages; returns if it has them, or glibc is set up or absent here.

    The process keeps its number; `GLIBC_TUNABLES=` (empty) in the environment prevents it.
    """
    if "GLIBC_TUNABLES" in os.environ or platform.libc_ver()[0] != "glibc":
        return
    os.environ["GLIBC_TUNABLES"] = SETTING
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
