"""A width at which one method has as many parameters as another, for comparisons at equal size."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax

from cmta_jax import methods, sac
from cmta_jax.random_keys import random_key
from cmta_jax.types import Spec

CLOSE = 0.01  # as many parameters: within one percent
WIDEST = 1 << 16


def matched(method: str, reference: str, values: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """Settings with the `hidden_dim` at which `method` has as many parameters as the reference.

    Args:
        method: name of the method whose width is looked for.
        reference: name of the method whose size is matched, at these settings; or `name:width`, at that width.
        values: settings, as in `methods.build`.
        spec: of the environments.

    Returns:
        The settings with `hidden_dim`, and with `match_parameters` as `name:width`, so that they may be matched again.

    Raises:
        ValueError: no width comes within one percent, or the reference is no method or its width no number.
    """
    name, _, width = reference.partition(":")
    width = width or str(values.get("hidden_dim", sac.Config.hidden_dim))
    if not width.isdecimal() or int(width) < 1:
        raise ValueError(
            f"--match_parameters={reference} is not possible: give a method, or a method and a width as cmta:128."
        )
    wanted = count_parameters(name, {**values, "hidden_dim": int(width)}, spec)

    @functools.cache
    def count(width: int) -> int:
        return count_parameters(method, {**values, "hidden_dim": width}, spec)

    low, high = _guess(count, wanted)
    if not count(low) <= wanted < count(high):
        low, high = 1, WIDEST  # the number of parameters grows with the width
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= wanted else (low, middle)
    found = min((low, high), key=lambda width: abs(count(width) - wanted))
    if abs(count(found) - wanted) > CLOSE * wanted:
        raise ValueError(
            f"--match_parameters={reference} is not possible for {method}: {name} has {wanted} parameters, the nearest "
            f"--hidden_dim of {method}, {found}, gives {count(found)}; match another method."
        )
    return {**values, "hidden_dim": found, "match_parameters": f"{name}:{width}"}


def _guess(count: Callable[[int], int], wanted: int) -> tuple[int, int]:
    """Neighbouring widths around `wanted` parameters, if their number is a polynomial of degree two in the width."""
    few = [count(width) for width in (1, 2, 3)]
    square = (few[0] - 2 * few[1] + few[2]) / 2
    linear = few[1] - few[0] - 3 * square
    missing = wanted - few[0] + square + linear  # square w^2 + linear w
    root = (math.sqrt(max(linear**2 + 4 * square * missing, 0)) - linear) / (2 * square) if square else 1.0
    low = min(max(int(root), 1), WIDEST - 1)
    return low, low + 1


def count_parameters(method: str, values: Mapping[str, Any], spec: Spec) -> int:
    """Numbers that a method's networks hold: actor, critics and encoders, without target copies and optimisers."""
    state = jax.eval_shape(methods.build(method, values, spec).init, random_key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(state.params))
