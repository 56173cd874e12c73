"""Trained policies back from a run folder or a policy file, without their replay."""

import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from cmta_jax import methods
from cmta_jax.checkpoint import Checkpointer, load_policy, read_part
from cmta_jax.results.protocol import Cell
from cmta_jax.storage.flag_rules import MAY_CHANGE
from cmta_jax.storage.flags_file import Flags
from cmta_jax.storage.run_folder import FLAGS, read_flags
from cmta_jax.types import Method, Spec
from experiments.command_line.flagfiles import Argument
from experiments.command_line.parse import values_of
from experiments.command_line.settings import Settings, as_flags, settings_of
from experiments.reporting import cells, names

PARAMETERS = "0/params"  # in a checkpoint's state (learner, rollout)


class Trained(NamedTuple):
    """A policy per seed, and what it was trained with."""

    source: pathlib.Path  # run folder or policy file
    step: int  # environment steps per task behind it
    settings: Settings
    spec: Spec
    method: Method
    seeds: tuple[int, ...]  # S of them
    params: Any  # leaves [S, ...]

    @property
    def folder(self) -> pathlib.Path:
        """Where what is made of it goes."""
        return self.source if self.source.is_dir() else self.source.parent


def load(source: str | pathlib.Path, step: str, pool_class: Any) -> Trained:
    """The policies of a run folder, or of a policy file.

    Args:
        source: a run folder or a `.safetensors` file that `save_policy` wrote.
        step: `newest`, `best` (by smoothed success) or a number of environment steps per task.
        pool_class: whose `observation_dim` and `action_dim` are those of the simulators.

    Raises:
        ValueError: one sentence on what is wrong with the source, and what to give instead.
    """
    source = pathlib.Path(source).expanduser()
    if source.is_file():
        return _from_file(source, step, pool_class)
    if not (source / FLAGS).is_file():
        raise ValueError(f"{source} is neither a run folder (it has no {FLAGS}) nor a policy file: check --workdir.")
    with Checkpointer(source / "checkpoints", read_only=True) as checkpointer:
        number = _step_of(step, checkpointer, source)
        metadata = checkpointer.metadata(number)
    flags = _flags_of(metadata, source)
    _check_same_run(read_flags(source), flags, source)
    settings, spec, method, shapes = _built(flags, source, pool_class)
    number, params = read_part(source / "checkpoints", PARAMETERS, shapes, number)
    return Trained(source, number, settings, spec, method, _seeds(settings), params)


def _from_file(path: pathlib.Path, step: str, pool_class: Any) -> Trained:
    if step != "newest":
        raise ValueError(f"--step={step} has no meaning for the policy file {path}: leave it out.")
    try:
        _, metadata = load_policy(path)
    except ValueError as error:
        raise ValueError(f"{str(error).rstrip('.')}: give a run folder, or another policy file.") from None
    settings, spec, method, shapes = _built(_flags_of(metadata, path), path, pool_class)
    params, metadata = load_policy(path, shapes)
    behind = metadata.get("step", 0)
    return Trained(path, behind, settings, spec, method, _seeds(settings), params)


def _step_of(step: str, checkpointer: Checkpointer, source: pathlib.Path) -> int | None:
    """The number that `step` stands for; None for the newest good one."""
    steps = checkpointer.steps()
    if not steps:
        raise ValueError(f"{source} holds no checkpoint that can be read: wait for its first, or give another run.")
    if step == "newest":
        return None
    if step == "best":
        best = checkpointer.best_step()
        if best is None:
            raise ValueError(f"No checkpoint of {source} has been evaluated, so that none is best: give --step=newest.")
        return best
    if not step.isdecimal() or int(step) not in steps:
        known = ", ".join(map(str, steps))
        raise ValueError(f"{source} holds no checkpoint of --step={step}: choose newest, best or one of {known}.")
    return int(step)


def _flags_of(metadata: Mapping[str, Any] | None, source: pathlib.Path) -> dict[str, str]:
    flags = (metadata or {}).get("flags")
    texts = isinstance(flags, dict) and all(isinstance(value, str) for value in flags.values())
    if not texts or "method" not in flags:
        raise ValueError(f"{source} does not say with which flags its policy was trained: it was not made by a run.")
    return flags


def _check_same_run(of_folder: Mapping[str, str], of_checkpoint: Mapping[str, str], source: pathlib.Path) -> None:
    for name in ("method", *sorted(of_folder.keys() & of_checkpoint.keys() - {*MAY_CHANGE})):
        values = of_folder.get(name), of_checkpoint[name]
        if values[0] != values[1]:
            raise ValueError(
                f"The checkpoint in {source} was made with --{name}={values[1]}, but {FLAGS} says {values[0]}: "
                "put back the one that belongs to it."
            )


def _built(flags: Mapping[str, str], source: pathlib.Path, pool_class: Any):
    """Settings, spec, method, and the shapes of its parameters `[S, ...]`."""
    arguments = [Argument(f"--{name}={value}", f"in {source}") for name, value in flags.items()]
    settings = settings_of(values_of(arguments))
    tasks, horizon = settings.environment.tasks, settings.environment.horizon
    spec = Spec(tasks, pool_class.observation_dim, pool_class.action_dim, horizon)
    method = methods.build(settings.run.method, settings.values(), spec)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), settings.training.num_seeds))
    return settings, spec, method, jax.eval_shape(jax.vmap(method.init), keys).params


def _seeds(settings: Settings) -> tuple[int, ...]:
    return tuple(settings.training.seed + i for i in range(settings.training.num_seeds))


def title(trained: Trained) -> str:
    """The name of the method, as in the paper's tables."""
    return names.row_name(Flags(as_flags(trained.settings.values())))


def describe(trained: Trained) -> str:
    """One line: method, tasks, seeds, step."""
    flags = Flags(as_flags(trained.settings.values()))
    cell = Cell(flags.text("benchmark"), flags.text("goals"))
    seeds = f"seeds {trained.seeds[0]} to {trained.seeds[-1]}" if len(trained.seeds) > 1 else f"seed {trained.seeds[0]}"
    return f"{title(trained)}, {cells.title(cell)}, {seeds}, step {trained.step:,}"
