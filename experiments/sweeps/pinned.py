"""Becomes another program, on some cores only: pinned.py <parent's process id> <cores> <program> <arguments>.

A program of its own, because a process that has imported JAX must not run Python code between fork and exec.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # of prctl(2)


def main(parent: int, cores: list[int], command: list[str]) -> None:
    """Pins this process and replaces it; on Linux it gets SIGTERM when its parent ends, by whatever means."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before
            sys.exit(128 + signal.SIGTERM)
    if hasattr(signal, "SIGUSR2"):  # submitit's sign, which SLURM sends to all processes of a job
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(core) for core in sys.argv[2].split(",")], sys.argv[3:])
