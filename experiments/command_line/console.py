"""The console scripts: `cmta-run` is `python -m experiments.run`, and so on."""

import importlib
import sys

from experiments.command_line import huge_pages, streams


def _command(name: str, restart: bool = False) -> int:
    streams.repair()  # before anything that opens files is imported
    if restart:
        huge_pages.restart()  # before JAX is imported
    return importlib.import_module(f"experiments.{name}").main(sys.argv[1:])


def run() -> int:
    """`cmta-run`: trains a method on a benchmark."""
    return _command("run", restart=True)


def sweep() -> int:
    """`cmta-sweep`: trains the rows of a table."""
    return _command("sweep")


def evaluate() -> int:
    """`cmta-evaluate`: plays trained policies by a protocol, or films them."""
    return _command("evaluate")


def report() -> int:
    """`cmta-report`: tables and figures from run folders."""
    return _command("report")


def benchmark() -> int:
    """`cmta-benchmark`: measures speeds."""
    return _command("benchmark", restart=True)


def inspect_modules() -> int:
    """`cmta-inspect-modules`: draws experts and attention of a trained mixture."""
    return _command("inspect_modules")


def embed_tasks() -> int:
    """`cmta-embed-tasks`: writes task vectors for CARE."""
    return _command("embed_tasks")
