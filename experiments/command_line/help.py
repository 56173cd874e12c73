"""What `--help` of a run prints, made from the settings' fields."""

import dataclasses

from cmta_jax.runs.settings import config_classes, flag_fields


def help_text() -> str:
    """One line per flag, under the settings class or the method that it belongs to."""
    lines = ["python -m experiments.run --flagfile=quickstart.flags [--name=value ...]"]
    for config_class, method in config_classes():
        lines += ["", f"--method={method}:" if method else (config_class.__doc__ or "").splitlines()[0]]
        fields = flag_fields(config_class, method).items()
        lines += [_help_line(name, field) for name, field in fields if not method or "." in name]
    return "\n".join(lines)


def _help_line(name: str, field: dataclasses.Field) -> str:
    choices = field.metadata["allowed"].choices if field.metadata else ()
    choices = f" [{', '.join(choices)}]" if choices else ""
    default = "" if field.default in (None, "") else f" (default: {field.default})"
    return f"  --{name}: {field.metadata['help']}{choices}{default}"
