"""The table of methods, and how a name and settings become a `Method`.

A method's module has a `Config` (a `sac.Config` with the method's own settings) and `make(config, spec) -> Method`. A
wrapper has instead `wrap(config, spec, base) -> Method` and a setting `base`, the name of the method that it wraps.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from cmta_jax import sac
from cmta_jax.config import check
from cmta_jax.methods import care, cmta, mtmhsac, mtsac, single_task_sac, soft_modularization, tsac
from cmta_jax.types import Method, Spec

METHODS = {
    "cmta": cmta,
    "care": care,
    "mtsac": mtsac,
    "mtmhsac": mtmhsac,
    "single_task_sac": single_task_sac,
    "soft_modularization": soft_modularization,
    "tsac": tsac,
}

SHARED = tuple(field.name for field in dataclasses.fields(sac.Config))


def build(name: str, values: Mapping[str, Any], spec: Spec) -> Method:
    """The method of that name.

    Args:
        values: settings that all methods share by their bare names, a method's own as `cmta.num_experts`; what is
            missing has its default, settings of anything else are ignored.

    Raises:
        ValueError: an unknown method (the message gives the nearest name) or a setting out of its range.
    """
    module, config = module_of(name), configure(name, values)
    base = getattr(config, "base", None)
    if base is not None:
        return module.wrap(config, spec, build(base, values, spec))
    return module.make(config, spec)


def configure(name: str, values: Mapping[str, Any]) -> sac.Config:
    """A method's checked `Config`; see `build`."""
    config_class = module_of(name).Config
    flags = {field.name: flag_of(name, field.name) for field in dataclasses.fields(config_class)}
    config = config_class(**{field: values[flag] for field, flag in flags.items() if flag in values})
    check(config, flags.__getitem__)
    return config


def module_of(name: str) -> ModuleType:
    """The module of a method.

    Raises:
        ValueError: giving the nearest name.
    """
    if name not in METHODS:
        nearest = difflib.get_close_matches(name, METHODS, n=1, cutoff=0.0)[0]
        raise ValueError(f"Unknown method '{name}': did you mean '{nearest}'?")
    return METHODS[name]


def flag_of(name: str, field: str) -> str:
    """The flag of a field of a method's `Config`: bare if all methods share it, else `method.field`."""
    return field if field in SHARED else f"{name}.{field}"
