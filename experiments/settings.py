"""Settings of a run, the names of their flags, and their help."""

import dataclasses
import re
import typing
from typing import Any, NamedTuple

from cmta_jax import sac
from cmta_jax.config import TrainingConfig, check, setting
from cmta_jax.environments import EnvironmentConfig, resolve_tasks
from cmta_jax.methods import METHODS


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """What is run, and where."""

    method: str = setting("cmta", "the learning method", choices=tuple(METHODS))
    benchmark: str = setting("mt10", "mt10, mt50 or tasks such as reach-v3,window-close-v3")
    env_workers: int | None = setting(None, "processes that simulate; by default one per core", minimum=1)
    workdir: str = setting("", "folder of the run; by default a new one under runs/")
    resume: bool = setting(False, "go on with the run in --workdir, with its flags")


class Settings(NamedTuple):
    """Everything that a run was asked to be."""

    run: RunConfig
    environment: EnvironmentConfig
    training: TrainingConfig
    method: Any  # the method's own Config, a sac.Config


SHARED = {field.name for field in dataclasses.fields(sac.Config)}
NOT_REPLAYED = ("workdir", "resume")  # where a run stands is no part of what it is


def settings_of(values: dict[str, Any]) -> Settings:
    """Settings from the values of the flags that were given."""
    run = fill(RunConfig, values)
    environment = fill(EnvironmentConfig, values | {"tasks": resolve_tasks(run.benchmark)})
    return Settings(run, environment, fill(TrainingConfig, values), fill(METHODS[run.method].Config, values, run.method))


def config_classes() -> list[tuple[type, str]]:
    """Every class of settings, with the name of the method whose own it is (or an empty one)."""
    shared = [(RunConfig, ""), (TrainingConfig, ""), (EnvironmentConfig, ""), (sac.Config, "")]
    return shared + [(module.Config, method) for method, module in METHODS.items()]


def resolved(settings: Settings) -> dict[str, str]:
    """Flag -> value, of every flag that has a meaning for this run; they say again what `settings` are."""
    flags = {}
    for config in settings:
        for name, field in flag_fields(type(config), settings.run.method).items():
            value = getattr(config, field.name)
            if name not in NOT_REPLAYED and value is not None:
                flags[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return flags


def flag_fields(config_class: type, method: str = "") -> dict[str, dataclasses.Field]:
    """Flag -> the field of a settings class that it sets, for every field of a simple type."""
    own = issubclass(config_class, sac.Config) and config_class is not sac.Config
    fields = [field for field in dataclasses.fields(config_class) if kind_of(config_class, field.name)]
    return {f"{method}.{field.name}" if own and field.name not in SHARED else field.name: field for field in fields}


def kind_of(config_class: type, field: str) -> type | None:
    """The simple type of a field, `None` in a union left out; None if it has no simple type."""
    annotation = typing.get_type_hints(config_class)[field]
    kinds = [kind for kind in typing.get_args(annotation) or (annotation,) if kind is not type(None)]
    return kinds[0] if kinds[0] in (bool, int, float, str) and typing.get_origin(annotation) is not tuple else None


def fill(config_class: type, values: dict[str, Any], method: str = "") -> Any:
    """An instance with the values given for its flags, checked."""
    names = {field.name: name for name, field in flag_fields(config_class, method).items()}
    given = {field: values[name] for field, name in names.items() if name in values}
    if "tasks" in values and config_class is EnvironmentConfig:
        given["tasks"] = values["tasks"]
    config = config_class(**given)
    check(config, names.__getitem__)
    return config


def help_of(config_class: type, field: dataclasses.Field) -> str:
    """A field's help text, or else what the class's docstring says of it."""
    if "help" in field.metadata:
        return field.metadata["help"]
    said = re.search(rf"^\s+{field.name}: (.*?)(?=^\s+\w+: |\n\s*\n|\Z)", config_class.__doc__ or "", re.S | re.M)
    return " ".join(said[1].split()) if said else ""


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
    return f"  --{name}: {help_of(config_class, field)}{choices}{default}"
