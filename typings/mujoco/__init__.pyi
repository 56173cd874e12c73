"""MuJoCo is compiled and ships no types: every name is there, of any type."""

from typing import Any

def __getattr__(name: str) -> Any: ...
