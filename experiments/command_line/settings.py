"""Settings of a run, the names of their flags, and their help."""

import dataclasses
import functools
import typing
from typing import Any, NamedTuple

from cmta_jax import methods, sac
from cmta_jax.config import TrainingConfig, check, setting
from cmta_jax.environments import EnvironmentConfig, resolve_tasks
from cmta_jax.storage.flag_rules import NOT_KEPT


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """What is run, and where."""

    method: str = setting("cmta", "the learning method: " + ", ".join(methods.METHODS))
    benchmark: str = setting("mt10", "mt10, mt50 or tasks such as reach-v3,window-close-v3")
    env_workers: int | None = setting(None, "processes that simulate; by default one per core", minimum=1)
    workdir: str = setting("", "folder of the run; by default a new one under runs/")
    profile: bool = setting(False, "write a trace of 50 iterations to the run folder's profile/")
    resume: bool = setting(False, "go on with the run in --workdir, with its flags")
    wandb: bool = setting(False, "log to Weights & Biases, too (pip install '.[wandb]')")


class Settings(NamedTuple):
    """Everything that a run was asked to be."""

    run: RunConfig
    environment: EnvironmentConfig
    training: TrainingConfig
    methods: dict[str, sac.Config]  # the method by name and, after it, the methods that it wraps

    @property
    def method(self) -> sac.Config:
        """The method's own settings and those that it shares with the others."""
        return self.methods[self.run.method]

    def values(self) -> dict[str, Any]:
        """Flag -> value, of every flag that has a meaning for this run; they say again what the settings are."""
        values = {}
        for config, method in ((self.run, ""), (self.training, ""), (self.environment, ""), *self._method_configs()):
            named = {name: getattr(config, field.name) for name, field in flag_fields(type(config), method).items()}
            values = named | values  # what a method and its base share is the method's
        return {name: value for name, value in values.items() if value is not None and name not in NOT_KEPT}

    def _method_configs(self):
        return ((config, method) for method, config in self.methods.items())


def settings_of(values: dict[str, Any]) -> Settings:
    """Settings from the values of the flags that were given.

    Raises:
        ValueError: one sentence that names the flag, the value and the remedy.
    """
    run = fill(RunConfig, values)
    name, learner = run.method, {}
    while name is not None:
        learner[name] = methods.configure(name, values)
        name = getattr(learner[name], "base", None)
        if name in learner:
            raise ValueError(f"--{methods.flag_of(name, 'base')}={name} would wrap itself: name another method.")
    environment = fill(EnvironmentConfig, values, tasks=resolve_tasks(run.benchmark))
    return Settings(run, environment, fill(TrainingConfig, values), learner)


def as_flags(values: dict[str, Any]) -> dict[str, str]:
    """Values as they are written after `--flag=`."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}


def config_classes() -> list[tuple[type, str]]:
    """Every class of settings, with the name of the method whose own it is (or an empty one)."""
    shared = [(RunConfig, ""), (TrainingConfig, ""), (EnvironmentConfig, ""), (sac.Config, "")]
    return shared + [(module.Config, method) for method, module in methods.METHODS.items()]


@functools.cache
def flag_fields(config_class: type, method: str = "") -> dict[str, dataclasses.Field]:
    """Flag -> the field of a settings class that it sets, for every field of a simple type."""
    fields = [field for field in dataclasses.fields(config_class) if kind_of(config_class, field.name)]
    return {methods.flag_of(method, field.name) if method else field.name: field for field in fields}


def kind_of(config_class: type, field: str) -> type | None:
    """The simple type of a field, `None` in a union left out; None if it has no simple type."""
    annotation = typing.get_type_hints(config_class)[field]
    kinds = [kind for kind in typing.get_args(annotation) or (annotation,) if kind is not type(None)]
    return kinds[0] if kinds[0] in (bool, int, float, str) and typing.get_origin(annotation) is not tuple else None


def fill(config_class: type, values: dict[str, Any], **others: Any) -> Any:
    """An instance with the values of its bare flags, checked."""
    config = config_class(**others, **{name: values[name] for name in flag_fields(config_class) if name in values})
    check(config)
    return config


def help_of(field: dataclasses.Field) -> str:
    """A field's help text."""
    return field.metadata["help"]


def help_text() -> str:
    """What `--help` prints."""
    lines = ["python -m experiments.run --flagfile=quickstart.flags [--name=value ...]"]
    for config_class, method in config_classes():
        lines += ["", f"--method={method}:" if method else config_class.__doc__.splitlines()[0]]
        fields = flag_fields(config_class, method).items()
        lines += [_help_line(config_class, name, field) for name, field in fields if not method or "." in name]
    return "\n".join(lines)


def _help_line(config_class: type, name: str, field: dataclasses.Field) -> str:
    choices = field.metadata.get("choices")
    choices = f" [{', '.join(choices)}]" if choices else ""
    default = "" if field.default in (None, "") else f" (default: {field.default})"
    return f"  --{name}: {help_of(field)}{choices}{default}"
