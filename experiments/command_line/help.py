"""What `--help` and `--helpfull` of a run print, made from the settings' fields."""

import dataclasses

from cmta_jax.config import REWARD_SCALINGS
from cmta_jax.methods import METHODS
from cmta_jax.runs.settings import all_flags, config_classes, flag_fields
from experiments.command_line.flag_sources import SOURCES

BEGINNING = """\
Trains a method on a benchmark.
  python -m experiments.run --flagfile=quickstart.flags                    three easy tasks, on a CPU
  python -m experiments.run --flagfile=mt10_mixed.flags --workdir=runs/a   CMTA as in the paper's tables
  python -m experiments.run --workdir=runs/a --resume                      after Ctrl-C or a crash"""
GROUPS = {  # of the short help: flag -> what is said in the place of the field's help, where that is too long
    "What is learnt": {
        "method": ", ".join(METHODS),
        "benchmark": "",
        "goals": "mixed: one of 50 goal sets at every reset; fixed: one per task and run",
        "horizon": "",
        "seed": "",
        "num_seeds": "",
    },
    "How long, how much": dict.fromkeys(("steps_per_task", "updates_per_step", "batch_per_task", "hidden_dim"), ""),
    "Rewards": {
        "reward_version": "v2 or v1",
        "reward_scaling": "what rewards are divided by: " + ", ".join(REWARD_SCALINGS),
        "reward_scale": "",
    },
    "Evaluations, checkpoints, logs": dict.fromkeys(
        ("workdir", "resume", "eval_every", "eval_episodes", "checkpoint_every", "wandb"), ""
    ),
    "The machine": dict.fromkeys(("env_workers", "replay_capacity"), ""),
}
END = """\
A method's own flags carry its name, as --cmta.num_experts=6. --helpfull has all flags, each with the
source of its default. Flagfiles: quickstart.flags, mt10_mixed/care.flags and the like (docs/running.md)."""


def help_text(full: bool) -> str:
    """What `--helpfull` prints, or what `--help` prints."""
    return _full() if full else _short()


def _short() -> str:
    """The flags that a first run needs, in groups, on one screen."""
    lines, flags = [BEGINNING], all_flags()
    for title, texts in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [_short_line(name, flags[name].field, text) for name, text in texts.items()]
    return "\n".join([*lines, "", END])


def _full() -> str:
    """One line per flag, under the settings class or the method that it belongs to."""
    lines = ["python -m experiments.run --flagfile=quickstart.flags [--name=value ...]", ""]
    lines += ["In brackets: the default and where it comes from. Tables, sections and equations are the CMTA paper's,"]
    lines += ["deviations those of docs/deviations.md. Flagfiles set other values: docs/running.md."]
    for config_class, method in config_classes():
        lines += ["", f"--method={method}:" if method else (config_class.__doc__ or "").splitlines()[0]]
        fields = flag_fields(config_class, method).items()
        lines += [_full_line(name, field) for name, field in fields if not method or "." in name]
    return "\n".join(lines)


def _short_line(name: str, field: dataclasses.Field, text: str) -> str:
    text = text or field.metadata["help"].partition(": ")[0]
    given = f"--{name}" if field.default in (None, "") or field.default is False else f"--{name}={_text(field.default)}"
    return f"  {given:28} {text}"


def _full_line(name: str, field: dataclasses.Field) -> str:
    choices = field.metadata["allowed"].choices if field.metadata else ()
    choices = f" [{', '.join(choices)}]" if choices else ""
    default = "none" if field.default in (None, "") else _text(field.default)
    return f"  --{name}: {field.metadata['help']}{choices} (default: {default}; {SOURCES[name]})"


def _text(default: object) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default).lower()
