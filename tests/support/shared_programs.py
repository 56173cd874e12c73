"""Toy runs with the same settings share their compiled functions, because compiling takes most of their time.

They draw nothing either: a picture takes as long as the rest of a run.
"""

import dataclasses
import functools
import pathlib

from cmta_jax import methods
from cmta_jax.config import TrainingConfig
from cmta_jax.training import program
from experiments import first_look

# Settings of the loop and of what surrounds it: no compiled function depends on them.
OUTSIDE = ("steps_per_task", "eval_every", "eval_episodes", "log_every", "checkpoint_every", "keep_checkpoints", "seed")
DEFAULTS = {name: getattr(TrainingConfig(), name) for name in OUTSIDE}


def compiled_part(config: TrainingConfig) -> TrainingConfig:
    """The settings that compiled functions depend on; all others have their defaults."""
    return dataclasses.replace(config, **DEFAULTS)


def share(patch) -> None:
    """From now on equal settings give the same `Method` and the same `Program`, until `patch` is undone.

    A run's picture is an empty file meanwhile.
    """
    build, compile_program = methods.build, program.compile_program
    built, compiled = {}, {}

    @functools.wraps(build)
    def build_once(name, values, spec):
        key = (_configs(name, values), spec, getattr(methods.module_of(name), "make", None))
        if key not in built:
            built[key] = build(name, values, spec)
        return built[key]

    @functools.wraps(compile_program)
    def compiled_once(method, spec, config, batch_per_task, devices=None, *, discount=0.99):
        key = method, spec, compiled_part(config), batch_per_task, devices and tuple(devices), discount
        if key not in compiled:
            compiled[key] = compile_program(method, spec, config, batch_per_task, devices, discount=discount)
        return compiled[key]

    @functools.wraps(first_look.draw)
    def touch(run, path):
        pathlib.Path(path).touch()

    patch.setattr(first_look, "draw", touch)
    patch.setattr(methods, "build", build_once)
    patch.setattr(program, "compile_program", compiled_once)


def _configs(name, values):
    """The settings of a method and of the methods that it wraps."""
    config = methods.configure(name, values)
    base = getattr(config, "base", None)
    return (name, config, *(_configs(base, values) if base else ()))
