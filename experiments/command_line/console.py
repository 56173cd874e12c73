"""The console scripts: `cmta-run` is `python -m experiments.run`, and so on."""

import importlib
import sys

from experiments.command_line import huge_pages, streams


def _command(name: str) -> int:
    streams.repair()  # before anything that opens files is imported
    return importlib.import_module(f"experiments.{name}").main(sys.argv[1:])


def run() -> int:
    """`cmta-run`: trains a method on a benchmark."""
    streams.repair()
    huge_pages.restart()  # before JAX is imported
    return _command("run")


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
    streams.repair()
    huge_pages.restart()  # before JAX is imported
    return _command("benchmark")


def inspect_modules() -> int:
    """`cmta-inspect-modules`: draws experts and attention of a trained mixture."""
    return _command("inspect_modules")


def embed_tasks() -> int:
    """`cmta-embed-tasks`: writes task vectors for CARE."""
    return _command("embed_tasks")
