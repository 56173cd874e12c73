"""MuJoCo's named access (`data.body("hand").xpos`) with names looked up, and views into mjData made, only once."""

import numpy as np


class CachedData:
    """Stands in for an `MjData` where Meta-World's methods read it by name, and passes on everything else.

    Attributes:
        original: the `MjData`.
        right_finger, left_finger: [3] positions of the fingers, live.
        tcp_center: [3] middle of the fingers if asked for since the last step, else None.
    """

    def __init__(self, data):
        self.original = data
        self.tcp_center = None
        for kind in ("body", "site", "geom", "joint"):
            setattr(self, kind, _Elements(getattr(data, kind)).__getitem__)
        self.right_finger, self.left_finger = self.site("rightEndEffector").xpos, self.site("leftEndEffector").xpos

    def __getattr__(self, name: str):
        return getattr(self.original, name)


class _Elements(dict):
    """Elements of one kind by name, found when first asked for."""

    def __init__(self, find):
        super().__init__()
        self._find = find

    def __missing__(self, name: str) -> "_Element":
        self[name] = _Element(self._find(name))
        return self[name]


class _Element:
    """One body, site, geom or joint. Its arrays are live views, so they may be kept."""

    def __init__(self, element):
        self._element, self.id = element, element.id

    def __getattr__(self, name: str):
        value = getattr(self._element, name)
        if isinstance(value, np.ndarray):
            self.__dict__[name] = value
        return value
