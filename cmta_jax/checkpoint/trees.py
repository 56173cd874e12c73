"""Pytrees as flat dictionaries from names to numpy arrays, and back."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.checkpoint import arrays
from cmta_jax.checkpoint.arrays import Kind
from cmta_jax.checkpoint.files import CheckpointError


def named(tree: Any) -> dict[str, Any]:
    """Leaves by name: the path of keys, fields and positions, joined by slashes."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    flat = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}
    if len(flat) != len(leaves):
        raise ValueError("two leaves of this tree have the same name; keys must not contain slashes")
    return flat


def host_copies(tree: Any) -> dict[str, np.ndarray]:
    """Named copies: the tree may be donated as soon as this returns."""
    leaves = {name: jax.random.key_data(leaf) if _is_key(leaf) else leaf for name, leaf in named(tree).items()}
    return {name: np.array(leaf) for name, leaf in jax.device_get(leaves).items()}


def kinds(tree: Any) -> dict[str, Kind]:
    """What `host_copies` of such a tree would hold; leaves may be arrays or `jax.ShapeDtypeStruct`."""
    return arrays.kinds_of({name: _abstract(leaf) for name, leaf in named(tree).items()})


def rebuild(template: Any, values: dict[str, np.ndarray]) -> Any:
    """The template's tree with the given values: numpy leaves, but random keys where the template has keys."""
    leaves = [_as(leaf, values[name]) for name, leaf in named(template).items()]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def compare(what: str, saved: dict[str, Kind], wanted: dict[str, Kind]) -> None:
    """Raises CheckpointError naming the first leaf that differs."""
    for name in [*wanted, *saved]:
        if saved.get(name) != wanted.get(name):
            remedy = "the flags and the version that made it"
            if _differ_in_bits(saved.get(name), wanted.get(name)):
                remedy = "JAX_ENABLE_X64 as it was then"
            raise CheckpointError(
                f"{what} {name!r:.120} is {_words(saved.get(name))} in the checkpoint but {_words(wanted.get(name))}"
                f" in this program; resume with {remedy}"
            )


def _differ_in_bits(one: Kind | None, other: Kind | None) -> bool:
    """Whether two arrays differ only in 32 against 64 bits."""
    if one is None or other is None or one.shape != other.shape:
        return False
    return one.dtype.kind == other.dtype.kind and {one.dtype.itemsize, other.dtype.itemsize} == {4, 8}


def _words(kind: Kind | None) -> str:
    return f"{kind.dtype}{list(kind.shape)}" if kind else "missing"


def _is_key(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _abstract(leaf: Any) -> Any:
    if _is_key(leaf):
        return jax.eval_shape(jax.random.key_data, leaf)
    return leaf if hasattr(leaf, "dtype") else np.asarray(leaf)


def _as(leaf: Any, array: np.ndarray) -> Any:
    if not _is_key(leaf):
        return array
    implementation = []
    jax.eval_shape(lambda key: implementation.append(jax.random.key_impl(key)), leaf)
    return jax.random.wrap_key_data(jnp.asarray(array), impl=implementation[0])
