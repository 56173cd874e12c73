"""The command line: absl flags made from the fields of the settings' dataclasses, read into settings."""

import os.path
from collections.abc import Sequence
from typing import Any

from absl import flags as absl_flags

from cmta_jax.runs.settings import RunConfig, Settings, all_flags, fill, nearest, read, settings_of
from cmta_jax.storage.run_folder import FLAGS, check_holds_run
from cmta_jax.tracking import wandb
from experiments.command_line import checks
from experiments.command_line.flagfiles import Argument, expand


def parse(arguments: Sequence[str]) -> Settings:
    """Settings from the command line, checked one by one and against each other.

    Args:
        arguments: without the program's name; `--flagfile=` is expanded, later flags win. With `--resume` the flags
            of the run in `--workdir` come first.

    Raises:
        ValueError: one sentence that names the flag, the value and the remedy.
    """
    expanded = expand(arguments)
    run: RunConfig = fill(RunConfig, values_of(expanded))
    if run.resume:
        if not run.workdir:
            raise ValueError("--resume needs the folder to go on in: give --workdir.")
        folder = os.path.expanduser(run.workdir)
        check_holds_run(folder)
        saved = f"{folder}/{FLAGS}"
        expanded = [*_if_there(saved), *expanded]
    settings = settings_of(values_of(expanded))
    if settings.run.wandb:
        wandb.check_installed()
    _check_effect([argument for argument in expanded if not argument.origin], settings)
    checks.check_settings(settings)
    return settings


def _check_effect(arguments: Sequence[Argument], settings: Settings) -> None:
    """Refuses another method's flag on the command line itself; flagfiles may hold flags of several methods."""
    for name in values_of(arguments).keys() - settings.values().keys():
        if "." in name:
            raise ValueError(f"--{name} has no effect with --method={settings.run.method}: leave it out.")


def values_of(arguments: Sequence[Argument]) -> dict[str, Any]:
    """Flag -> value, of the flags that `arguments` give; the last one counts."""
    flags, remaining = _all_flags(), iter(arguments)
    for argument in remaining:
        text = argument.text
        name = text.lstrip("-")
        if name in flags and not flags[name].boolean:  # --name value
            text += "=" + next(remaining, Argument("")).text
        where = f" ({argument.origin})" if argument.origin else ""
        try:
            rest = flags(["", text])[1:]
        except absl_flags.UnrecognizedFlagError as error:
            raise ValueError(f"Unknown flag --{error.flagname}{where}: {_suggest(error.flagname, flags)}") from error
        except absl_flags.Error as error:
            name = text.lstrip("-").partition("=")[0]
            remedy = flags[name].parser.syntactic_help if name in flags else "give true or false"
            raise ValueError(f"{text}{where} is not possible: {remedy or 'give true or false'}.") from error
        if rest:
            raise ValueError(f"Unexpected '{text}'{where}: write flags as --name=value.")
    return {name: flags[name].value for name in flags if flags[name].present}


def _all_flags() -> absl_flags.FlagValues:
    flags = absl_flags.FlagValues()
    for flag in all_flags().values():
        text = flag.field.metadata["help"]
        if flag.kind is bool:
            absl_flags.DEFINE_boolean(flag.name, None, text, flag_values=flags)
        else:
            absl_flags.DEFINE(_Parser(flag.kind), flag.name, None, text, flag_values=flags)
    return flags


class _Parser(absl_flags.ArgumentParser):
    """Text to a str, an int or a float, as `settings.read` does it."""

    def __init__(self, kind: type):
        self._kind = kind
        self.syntactic_help = "give a whole number" if kind is int else "give a number"

    def parse(self, argument: str) -> Any:
        return read(self._kind, argument)


def _suggest(attempt: str, flags: absl_flags.FlagValues) -> str:
    if attempt.split()[:1] != [attempt]:
        return "write flags as --name=value, without spaces."
    names = [*flags, *(f"no{name}" for name in flags if flags[name].boolean)]
    return f"did you mean --{nearest(attempt, names)}?"


def _if_there(path: str) -> list[Argument]:
    try:
        return expand([f"--flagfile={path}"])
    except ValueError:
        return []  # `RunFolder` says what is wrong with the file
