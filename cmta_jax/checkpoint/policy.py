"""A policy alone: parameters, and what one must know to use them, in one file small enough to share."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from cmta_jax.checkpoint import arrays, files, trees
from cmta_jax.checkpoint.files import CheckpointError
from cmta_jax.checkpoint.snapshot import versions
from cmta_jax.storage import atomic
from cmta_jax.types import Params


def save_policy(path: str | pathlib.Path, params: Params, metadata: Mapping[str, Any]) -> None:
    """Writes `params` (a pytree of arrays) and `metadata` (JSON: method, spec, flags) atomically as safetensors."""
    path, leaves = pathlib.Path(path), trees.host_copies(params)
    temporary = path.with_name(path.name + ".tmp")
    page = json.loads(json.dumps({"versions": dict(versions()), **metadata}, allow_nan=False))
    text = json.dumps({"digest": _digest(page, leaves), "metadata": page})
    try:
        arrays.write(temporary, arrays.kinds_of(leaves), leaves.values(), text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    atomic.sync_folder(path.parent)


def load_policy(path: str | pathlib.Path, template: Any = None) -> tuple[Any, dict[str, Any]]:
    """Reads what `save_policy` wrote; the file may come from a stranger.

    Args:
        template: a pytree of arrays or `jax.ShapeDtypeStruct` that the parameters must match. Without one they come
            back as nested dictionaries, which is what Flax's parameters are.

    Returns:
        Parameters (numpy leaves) and metadata.

    Raises:
        CheckpointError: the file is missing, is not a policy, is damaged, or does not match the template.
    """
    path = pathlib.Path(path)
    try:
        with open(path, "rb") as stream:
            kinds, text = arrays.read_header(stream)
        page = json.loads(text)
        metadata, digest = page["metadata"], page["digest"]
        leaves = dict(arrays.read(path))
        if not isinstance(metadata, dict) or digest != _digest(metadata, leaves):
            raise CheckpointError("it is damaged: its digest is not the one it was written with")
        if template is None:
            return _nested(leaves), metadata
        trees.compare("the parameter", kinds, trees.kinds(template))
        return trees.rebuild(template, leaves), metadata
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be loaded as a policy: {error}") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a policy that cmta_jax saved") from error


def _digest(metadata: Mapping[str, Any], leaves: Mapping[str, np.ndarray]) -> str:
    found = files.digest()
    kinds = [[name, list(leaf.shape), str(leaf.dtype)] for name, leaf in sorted(leaves.items())]
    found.update(json.dumps([metadata, kinds], sort_keys=True, allow_nan=False).encode())
    for _, leaf in sorted(leaves.items()):
        found.update(np.ascontiguousarray(leaf).reshape(-1).view(np.uint8))
    return found.hexdigest()


def _nested(leaves: Mapping[str, np.ndarray]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, leaf in leaves.items():
        *folders, last = name.split("/")
        place = nested
        for folder in folders:
            place = place.setdefault(folder, {})
        if not isinstance(place, dict) or last in place:
            raise CheckpointError(f"the parameter {name!r:.80} is also a group of parameters")
        place[last] = leaf
    return nested
