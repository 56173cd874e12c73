"""Writes a file of task vectors for CARE from the project's task descriptions, with a sentence encoder.

    pip install sentence-transformers
    python -m experiments.embed_tasks --out=embeddings.json
    python -m experiments.run --flagfile=mt10_mixed/care.flags --care.embeddings=embeddings.json

The encoder is fetched from the Hugging Face hub by sentence-transformers unless --model names a folder that holds one.
"""

import json
import pathlib
import sys
from collections.abc import Callable, Sequence

from absl import flags

from cmta_jax.task_embeddings.hashed import descriptions
from experiments.command_line.commands import path_of, run_command

Encoder = Callable[[list[str]], Sequence[Sequence[float]]]


def _flags() -> flags.FlagValues:
    values = flags.FlagValues()
    flags.DEFINE_string("out", "embeddings.json", "file to write, {task name: [numbers]}", flag_values=values)
    flags.DEFINE_string(
        "model",
        "sentence-transformers/all-distilroberta-v1",
        "sentence encoder: a name or a folder",
        flag_values=values,
    )
    return values


def main(arguments: Sequence[str] | None = None, load: Callable[[str], Encoder] | None = None) -> int:
    """Writes the file that the command line asks for.

    Args:
        arguments: without the program's name; by default those of the process.
        load: makes an encoder from a model's name; sentence-transformers by default.

    Returns:
        The exit status: 0, or 2 after one sentence on what is wrong.
    """

    def embed(values: flags.FlagValues) -> None:
        write(path_of(values.out), (load or sentence_transformer)(values.model))
        print(f"embed_tasks: {values.out}")

    arguments = sys.argv[1:] if arguments is None else arguments
    return run_command("embed_tasks", __doc__, _flags(), arguments, embed)


def write(path: pathlib.Path, encode: Encoder) -> None:
    """Writes one vector per described task."""
    sentences = descriptions()
    vectors = encode(list(sentences.values()))
    entries = {task: [float(value) for value in vector] for task, vector in zip(sentences, vectors, strict=True)}
    path.write_text(json.dumps(entries) + "\n", encoding="utf-8")


def sentence_transformer(model: str) -> Encoder:
    """The encoder of that name.

    Raises:
        ImportError: sentence-transformers is not installed.
        OSError: the model cannot be loaded.
    """
    try:
        from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError("sentence-transformers is not installed: pip install sentence-transformers.") from error
    return SentenceTransformer(model).encode


if __name__ == "__main__":
    sys.exit(main())
