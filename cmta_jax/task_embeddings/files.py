"""Reads what is known of the tasks beforehand: a JSON file `{task name: [floats]}` (the format of mtrl's metadata)."""

import json
import os
import stat
from typing import Any

import numpy as np

from cmta_jax.task_embeddings.hashed import base_name, descriptions, hashed_embeddings

LARGEST_FILE = 64 * 2**20  # bytes; fifty tasks of 768 floats have one million
LARGEST_VECTOR = 8192


def load(path: str, task_names: tuple[str, ...]) -> np.ndarray:
    """One vector per task, `[N, F]` float32; `-v1`, `-v2`, `-v3` at the end of a name are ignored.

    Args:
        path: the file; empty for the vectors made from this project's descriptions.
        task_names: whose vectors, in this order; other entries of the file are not looked at.

    Raises:
        ValueError: the file is missing, too large or malformed, a task has no entry or two, vectors differ in length.
    """
    if not path:
        path, entries = "the shipped description file", hashed_embeddings(descriptions())
    else:
        entries = _read(path)
    vectors = [_vector(path, name, _entry(path, name, entries)) for name in task_names]
    for name, vector in zip(task_names, vectors, strict=True):
        if len(vector) != len(vectors[0]):
            raise ValueError(
                f"{path}: '{name}' has {len(vector)} numbers and '{task_names[0]}' has {len(vectors[0])}: "
                "every task needs a vector of the same length."
            )
    return np.asarray(vectors, np.float32)


def _read(path: str) -> dict[str, Any]:
    try:
        entries = json.loads(_bytes(path))
    except OSError as error:
        raise ValueError(
            f"The embedding file {path} cannot be read ({error.strerror}): write one with "
            "python -m experiments.embed_tasks, or leave --care.embeddings out."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a JSON file of at most {LARGEST_FILE // 2**20} MiB: it must hold {{task name: [numbers]}}."
        ) from error
    if not isinstance(entries, dict):
        raise ValueError(f"{path} holds no JSON object: it must be {{task name: [numbers]}}.")
    return entries


def _bytes(path: str) -> bytes:
    path = os.path.expanduser(path)  # shells leave ~ in --care.embeddings=~/x
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:  # a pipe would wait
        found = os.fstat(file.fileno())
        return file.read() if stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST_FILE else b""


def _entry(path, name, entries):
    same = [key for key in entries if base_name(key) == base_name(name)]
    if not same:
        raise ValueError(f"{path} has no entry for the task '{base_name(name)}': add one.")
    if len(same) > 1:
        raise ValueError(f"{path} has the entries '{same[0]}' and '{same[1]}' for one task: keep one of them.")
    return entries[same[0]]


def _vector(path, name, values):
    if not isinstance(values, list) or not 0 < len(values) <= LARGEST_VECTOR:
        raise ValueError(f"{path}: the entry for '{name}' must be a list of 1 to {LARGEST_VECTOR} numbers.")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
            raise ValueError(f"{path}: the entry for '{name}' holds {ascii(value)[:20]}: give numbers of at most 1e6.")
    return [float(value) for value in values]
