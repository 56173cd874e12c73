"""A run that ends itself at a given step of its simulators: killed_run.py toy|metaworld <signal> <step> <flags>.

On the toy pool it has the toy method in the place of MTMH-SAC.
"""

import os
import pathlib
import signal
import sys
import time

import jax_settings  # noqa: F401  before JAX is imported
import toy_method
from toy_runs import Toy

from cmta_jax.environments import Pool
from experiments import run


def mortal(pool_class, number: int, step: int, before=lambda: None):
    """`pool_class` whose process gets signal `number` when it receives step `step`, evaluations counted.

    `before` is called just before.
    """

    class Mortal(pool_class):
        received = 0

        def receive(self):
            self.received += 1
            if self.received == step:
                before()
                os.kill(os.getpid(), number)
            return super().receive()

    return Mortal


def until_saved(flags):
    """Waits for the first checkpoint of the run with those flags: the run may be faster than its disk."""
    (workdir,) = (pathlib.Path(flag.partition("=")[2]) for flag in flags if flag.startswith("--workdir="))
    deadline = time.monotonic() + 60
    while not [*workdir.glob("checkpoints/step-*.json")] and time.monotonic() < deadline:
        time.sleep(0.01)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background of a shell ignore it
    kind, name, step, *flags = sys.argv[1:]
    if kind == "toy":
        toy_method.replace_mtmhsac()
    pool_class = {"toy": Toy, "metaworld": Pool}[kind]
    number = getattr(signal, name)
    sys.exit(run.main(flags, mortal(pool_class, number, int(step), lambda: until_saved(flags))))
