"""Trained policies from a run folder or a policy file, without the replay."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from cmta_jax.checkpoint import Checkpointer, read_part
from cmta_jax.checkpoint import load_policy as read_policy_file
from cmta_jax.environments import Pool
from cmta_jax.environments.interface import PoolFactory
from cmta_jax.random_keys import random_key
from cmta_jax.runs.policy import SHIPPED_FILE, Policy
from cmta_jax.runs.saved_state import PARAMETERS
from cmta_jax.runs.settings import Settings, from_flags, settings_of
from cmta_jax.storage.flag_rules import MAY_CHANGE
from cmta_jax.storage.flags_file import same_value
from cmta_jax.storage.run_folder import FLAGS, read_flags
from cmta_jax.types import Method, Spec

SHIPPED = "shipped"  # the name of the policy that comes with the package


def load_policy(source: str | pathlib.Path, step: str = "newest", pool_class: PoolFactory = Pool) -> Policy:
    """The policies of a run folder or of a policy file, one per seed of the run.

    Args:
        source: a run folder, or a `.safetensors` file of one; `shipped` is the policy that comes with the package,
            unless a file or folder of that name is in the working directory.
        step: which checkpoint of a run folder: `newest`, `best` (by smoothed success) or its number of environment
            steps per task.
        pool_class: its `observation_dim` and `action_dim` are those of the simulators.

    Raises:
        ValueError: one sentence that says what is wrong with the source, and what to give instead.
    """
    source = pathlib.Path(source)
    try:
        source = source.expanduser()
    except RuntimeError:
        raise ValueError(f"{source} cannot be found (there is no such home folder): give another path.") from None
    if str(source) == SHIPPED and not source.exists():
        source = SHIPPED_FILE
    if source.is_file():
        return _from_file(source, step, pool_class)
    if not (source / FLAGS).is_file():
        raise ValueError(f"{source} is neither a run folder (it has no {FLAGS}) nor a policy file: check its path.")
    with Checkpointer(source / "checkpoints", read_only=True) as checkpointer:
        number = _step_of(step, checkpointer, source)
        metadata = checkpointer.metadata(number)
    flags = _flags_of(metadata, source)
    check_same_run(read_flags(source), flags, source)
    settings, spec, method, shapes = _built(flags, source, pool_class)
    number, params = read_part(source / "checkpoints", PARAMETERS, shapes, number)
    return Policy(source, number, settings, spec, method, settings.training.seeds, params)


def _from_file(path: pathlib.Path, step: str, pool_class: PoolFactory) -> Policy:
    if step != "newest":
        raise ValueError(f"--step={step} has no meaning for the policy file {path}: leave it out.")
    try:
        _, metadata = read_policy_file(path)
    except ValueError as error:
        raise ValueError(f"{str(error).rstrip('.')}: give a run folder, or another policy file.") from None
    settings, spec, method, shapes = _built(_flags_of(metadata, path), path, pool_class)
    params, metadata = read_policy_file(path, shapes)
    return Policy(path, metadata.get("step", 0), settings, spec, method, settings.training.seeds, params)


def _step_of(step: str, checkpointer: Checkpointer, source: pathlib.Path) -> int | None:
    """The number of the checkpoint that `step` names; None for the newest one that can be read."""
    steps = checkpointer.steps()
    if not steps:
        raise ValueError(f"{source} has no checkpoint that can be read: wait for its first, or give another run.")
    if step == "newest":
        return None
    if step == "best":
        best = checkpointer.best_step()
        if best is None:
            raise ValueError(f"No checkpoint of {source} has been evaluated, so none is the best: give --step=newest.")
        return best
    if not step.isdecimal() or int(step) not in steps:
        known = ", ".join(map(str, steps))
        raise ValueError(f"{source} has no checkpoint of --step={step}: choose newest, best or one of {known}.")
    return int(step)


def _flags_of(metadata: Mapping[str, Any] | None, source: pathlib.Path) -> dict[str, str]:
    flags = (metadata or {}).get("flags")
    if not isinstance(flags, dict) or not all(isinstance(value, str) for value in flags.values()):
        flags = {}
    if "method" not in flags:
        raise ValueError(f"{source} does not say with which flags its policy was trained: it was not made by a run.")
    return flags


def check_same_run(of_folder: Mapping[str, str], of_checkpoint: Mapping[str, str], source: pathlib.Path) -> None:
    """Raises ValueError if a run folder's flags are not those of its checkpoint, but for those that may change."""
    for name in ("method", *sorted(of_folder.keys() & of_checkpoint.keys() - {*MAY_CHANGE})):
        values = of_folder.get(name), of_checkpoint[name]
        if not same_value(*values):
            raise ValueError(
                f"The checkpoint in {source} was made with --{name}={values[1]}, but {FLAGS} says {values[0]}: "
                f"put the {FLAGS} of that run back."
            )


def _built(
    flags: Mapping[str, str], source: pathlib.Path, pool_class: PoolFactory
) -> tuple[Settings, Spec, Method, Any]:
    """Settings, spec, method, and the shapes of its parameters `[S, ...]`."""
    try:
        settings = settings_of(from_flags(flags))
    except ValueError as error:
        raise ValueError(f"The flags in {source} cannot be used: {error}") from error
    spec, method = settings.build(pool_class)
    keys = jax.eval_shape(lambda: jax.random.split(random_key(0), settings.training.num_seeds))
    return settings, spec, method, jax.eval_shape(jax.vmap(method.init), keys).params
