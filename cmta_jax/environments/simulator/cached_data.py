"""MuJoCo's access by name (`data.body("hand").xpos`), where each name is looked up and each view made only once."""

from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np


class CachedData:
    """Replaces an `MjData` where Meta-World's methods read it by name; every other attribute is the `MjData`'s.

    Attributes:
        original: the `MjData`.
        right_finger, left_finger: [3] positions of the fingers; live views.
        tcp_center: [3] middle of the fingers, if it was computed since the last step; else None.
    """

    body: Callable[[str], "_Element"]
    site: Callable[[str], "_Element"]
    geom: Callable[[str], "_Element"]
    joint: Callable[[str], "_Element"]

    def __init__(self, data: mujoco.MjData):
        self.original = data
        self.tcp_center: Any = None
        for kind in ("body", "site", "geom", "joint"):
            setattr(self, kind, _Elements(getattr(data, kind)).__getitem__)
        self.right_finger, self.left_finger = self.site("rightEndEffector").xpos, self.site("leftEndEffector").xpos

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


class _Elements(dict[str, "_Element"]):
    """Elements of one kind by name; each is found when it is first used."""

    def __init__(self, find: Callable[[str], Any]):
        super().__init__()
        self._find = find

    def __missing__(self, name: str) -> "_Element":
        self[name] = _Element(self._find(name))
        return self[name]


class _Element:
    """One body, site, geom or joint. Its arrays are live views, so they can be kept."""

    def __init__(self, element: Any):
        self._element, self.id = element, element.id

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._element, name)
        if isinstance(value, np.ndarray):
            self.__dict__[name] = value
        return value
