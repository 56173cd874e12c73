"""A worker process: it carries out the commands that the pool sends. Started by `process`; imports no JAX."""

import contextlib
import faulthandler
import os
import signal
import sys
import traceback

from cmta_jax.environments.pool import channel, shared_memory


def serve(pipe: channel.Channel, memory: int) -> None:
    """Builds the simulators, then carries out commands until `QUIT`.

    Args:
        pipe: to the pool.
        memory: file descriptor of the shared memory.
    """
    from cmta_jax.environments.pool.lanes import (
        Lanes,  # imports MuJoCo and Meta-World; if that fails, `main` reports it
    )

    spec = pipe.read_message()
    fields = {name: (tuple(shape), dtype) for name, (shape, dtype) in spec["layout"].items()}
    lanes = Lanes(spec, shared_memory.attach(memory, fields))
    pipe.write(channel.DONE)
    commands = channel.Commands(pipe, spec["may_spin"])
    while (command := commands.next()) != channel.QUIT:
        failed = lanes.obey(command)
        if failed:
            pipe.write(channel.REPORT)
            pipe.write_message(failed)
        else:
            pipe.write(channel.DONE)


def _yield_to_the_pool() -> None:
    """Makes this a batch process (Linux), so that waking it does not interrupt the pool while it wakes the others."""
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):  # some containers forbid it; it only changes speed
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main() -> None:
    """Runs a worker; its arguments are the three file descriptors that `WorkerProcess.start` passes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool's process decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    _yield_to_the_pool()
    memory, read_end, write_end = map(int, sys.argv[1:])
    pipe = channel.Channel(read_end, write_end)
    try:
        serve(pipe, memory)
    except channel.Closed:
        pass  # the pool is closed, or its process has died
    except Exception:
        pipe.write(channel.BROKEN)
        pipe.write_message(traceback.format_exc())
        sys.exit(1)


if __name__ == "__main__":
    main()
