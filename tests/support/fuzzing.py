"""Draws odd files and gives them to a check."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
fractions = st.floats(0, 1, exclude_max=True)
edits = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "insert", "repeat"]), fractions, st.binary(min_size=1)),
    min_size=1,
    max_size=4,
)


AMOUNTS = pytest.mark.parametrize("examples", [50, pytest.param(2000, marks=pytest.mark.slow)])


def fuzz(examples: int, check, *strategies) -> None:
    """Calls `check` with so many drawn values: the same ones every time when they are few."""
    quiet = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    settings(max_examples=examples, derandomize=examples < 100, **quiet)(given(*strategies)(check))()


def edit(content: bytes, changes) -> bytes:
    for kind, where, value in changes:
        at = int(where * max(1, len(content)))
        if kind == "flip":
            content = content[:at] + bytes([content[at] ^ (value[0] or 1)]) + content[at + 1 :] if content else value
        elif kind == "cut":
            content = content[:at]
        elif kind == "insert":
            content = content[:at] + value + content[at:]
        else:
            content = content[:at] + content[at // 2 :]
    return content


def replace_somewhere(page, where, value):
    """The page with the value at one of its places (a path of fractions) replaced."""
    if not where or not isinstance(page, dict | list) or not page:
        return value
    keys = sorted(page) if isinstance(page, dict) else range(len(page))
    key = keys[int(where[0] * len(keys))]
    changed = dict(page) if isinstance(page, dict) else list(page)
    changed[key] = replace_somewhere(page[key], where[1:], value)
    return changed


places = st.lists(fractions, min_size=1, max_size=5)
replacements = st.tuples(places, json_values)
