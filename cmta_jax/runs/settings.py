"""Settings of a run as one value, and as flags: the name and the text of each.

Settings that all methods share have bare names (`hidden_dim`); a method's own carry its name (`cmta.num_experts`).
"""

import dataclasses
import difflib
import functools
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cmta_jax import methods, sac
from cmta_jax.config import TrainingConfig, at_least, check, setting
from cmta_jax.environments import EnvironmentConfig, resolve_tasks
from cmta_jax.environments.interface import PoolFactory
from cmta_jax.environments.sizes import ACTION_DIM, OBSERVATION_DIM
from cmta_jax.runs.matching import matched
from cmta_jax.storage.flag_rules import NOT_KEPT
from cmta_jax.types import Method, Spec


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """What is run, and where."""

    method: str = setting("cmta", "the learning method: " + ", ".join(methods.METHODS))
    benchmark: str = setting("mt10", "mt10, mt25, mt50 or tasks such as reach-v3,window-close-v3")
    match_parameters: str = setting(
        "", "method (cmta, or cmta:128 at that --hidden_dim) whose number of parameters --hidden_dim is chosen to match"
    )
    env_workers: int | None = setting(None, "worker processes that simulate; by default one per core", at_least(1))
    workdir: str = setting("", "folder of the run; by default a new one under runs/")
    profile: bool = setting(False, "write a trace of 50 iterations to the run folder's profile/")
    resume: bool = setting(False, "continue the run in --workdir, with its flags")
    wandb: bool = setting(False, "also log to Weights & Biases (pip install wandb)")


class Settings(NamedTuple):
    """Everything that a run was asked to be."""

    run: RunConfig
    environment: EnvironmentConfig
    training: TrainingConfig
    methods: dict[str, sac.Config]  # the method by name and, after it, the methods that it wraps

    @property
    def method(self) -> sac.Config:
        """The method's own settings and those that it shares with the other methods."""
        return self.methods[self.run.method]

    def values(self) -> dict[str, Any]:
        """Flag -> value, of every flag that matters for this run; `settings_of` makes the same settings from it."""
        values: dict[str, Any] = {}
        shared = ((self.run, ""), (self.training, ""), (self.environment, ""))
        for config, method in (*shared, *((config, method) for method, config in self.methods.items())):
            named = {name: getattr(config, field.name) for name, field in flag_fields(type(config), method).items()}
            values = named | values  # a setting that a method and its base share is the method's
        return {name: value for name, value in values.items() if value is not None and name not in NOT_KEPT}

    def build(self, pool_class: PoolFactory) -> tuple[Spec, Method]:
        """The method of this run, and the spec that it was built for.

        Args:
            pool_class: its `observation_dim` and `action_dim` are those of the simulators.
        """
        sizes = pool_class.observation_dim, pool_class.action_dim
        spec = Spec(self.environment.tasks, *sizes, self.environment.horizon)
        return spec, methods.build(self.run.method, self.values(), spec)


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Settings from the values of the flags that were given; the others have their defaults.

    Raises:
        ValueError: one sentence that names the flag, the value and the remedy.
    """
    run: RunConfig = fill(RunConfig, values)
    environment = fill(EnvironmentConfig, values, tasks=resolve_tasks(run.benchmark))
    if run.match_parameters:
        spec = Spec(environment.tasks, OBSERVATION_DIM, ACTION_DIM, environment.horizon)
        values = matched(run.method, run.match_parameters, values, spec)
        run = dataclasses.replace(run, match_parameters=values["match_parameters"])
    configs: dict[str, sac.Config] = {}
    name: Any = run.method
    while name is not None:
        configs[name] = methods.configure(name, values)
        name = getattr(configs[name], "base", None)
        if name in configs:
            raise ValueError(f"--{methods.flag_of(name, 'base')}={name} would wrap itself: name another method.")
    return Settings(run, environment, fill(TrainingConfig, values), configs)


def as_flags(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as text, as they are written after `--flag=`."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}


def from_flags(flags: Mapping[str, str]) -> dict[str, Any]:
    """The values that `as_flags` wrote as text.

    Raises:
        ValueError: a flag is unknown, or its text is not a value of its type.
    """
    known = all_flags()
    for name in flags:
        if name not in known:
            raise ValueError(f"Unknown flag --{name}: did you mean --{nearest(name, known)}?")
    return {name: _value(name, text, known[name].kind) for name, text in flags.items()}


def _value(name: str, text: str, kind: type) -> Any:
    try:
        return read(kind, text)
    except ValueError as error:
        raise ValueError(f"--{name}={text} is not possible: {error}.") from None


def read(kind: type, text: str) -> Any:
    """Text as a str, a bool, an int (2400000, 2_400_000 or 2.4e6) or a float.

    Raises:
        ValueError: says what to give instead.
    """
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError("give true or false")
        return text.lower() == "true"
    if kind is str:
        return text
    try:
        number = int(text) if kind is int and not re.search("[.eE]", text) else float(text)
    except ValueError:
        number = None
    if number is None or (kind is int and number != number // 1):
        raise ValueError("give a whole number" if kind is int else "give a number")
    return kind(number)


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """The known flag whose name is most like this one; a flag of a method that ends so comes first."""
    known = list(known)
    same = [flag for flag in known if flag.rpartition(".")[2] == name]
    return (same or difflib.get_close_matches(name, known, n=1, cutoff=0.0))[0]


class Flag(NamedTuple):
    """A flag of the command line: a field of a class of settings."""

    name: str
    kind: type  # bool, int, float or str
    field: dataclasses.Field
    config_class: type
    method: str  # whose own setting it is; "" if it is shared


@functools.cache
def all_flags() -> dict[str, Flag]:
    """Every flag, by name; the first class that has it counts."""
    flags: dict[str, Flag] = {}
    for config_class, method in config_classes():
        for name, field in flag_fields(config_class, method).items():
            kind = kind_of(config_class, field.name)
            if kind is not None and name not in flags:
                flags[name] = Flag(name, kind, field, config_class, method if "." in name else "")
    return flags


def config_classes() -> Iterator[tuple[type, str]]:
    """Every class of settings, with the name of the method that owns it ("" if none does)."""
    yield from ((RunConfig, ""), (TrainingConfig, ""), (EnvironmentConfig, ""), (sac.Config, ""))
    yield from ((module.Config, method) for method, module in methods.METHODS.items())


@functools.cache
def flag_fields(config_class: type, method: str = "") -> dict[str, dataclasses.Field]:
    """Flag -> the field of a settings class that it sets, for every field of a simple type."""
    fields = [field for field in dataclasses.fields(config_class) if kind_of(config_class, field.name)]
    return {methods.flag_of(method, field.name) if method else field.name: field for field in fields}


def kind_of(config_class: type, field: str) -> type | None:
    """The simple type of a field, without `None` of a union; None if it has no simple type."""
    annotation = typing.get_type_hints(config_class)[field]
    kinds = [kind for kind in typing.get_args(annotation) or (annotation,) if kind is not type(None)]
    return kinds[0] if kinds[0] in (bool, int, float, str) and typing.get_origin(annotation) is not tuple else None


def fill(config_class: type, values: Mapping[str, Any], **others: Any) -> Any:
    """An instance of a settings class with the values of its bare flags, checked."""
    config = config_class(**others, **{name: values[name] for name in flag_fields(config_class) if name in values})
    check(config)
    return config
