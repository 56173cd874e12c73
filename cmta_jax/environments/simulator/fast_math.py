"""What Meta-World's methods call, again and faster: to the last bit the same results, or the original is called.

Only the handful of functions that its rewards spend their time in. Exactness was checked with `==` (tests); what looks
equal but is not: `math.exp` for `np.exp`, sums of squares written out for a dot product, `x * x` for `x ** 2`.
"""

import types
from math import sqrt

import numpy as np
from metaworld.utils import reward_utils as stock_reward_utils
from numpy import float64, ndarray
from scipy.linalg.blas import ddot
from scipy.spatial.transform import Rotation as StockRotation

_FLOATS = frozenset((float, int, float64))  # types whose arithmetic is in double precision
_LONG_TAIL, _GAUSSIAN = float(np.sqrt(1 / 0.1 - 1)), float(np.sqrt(-2 * np.log(0.1)))  # scales for value_at_margin 0.1
_SIGMOIDS = ("long_tail", "gaussian")
_CONTIGUOUS, _DOUBLE, _SHORT = (8,), np.dtype(float), 8  # strides in bytes, type, longest vector


def _fast_dot():
    """A dot product of short vectors of doubles that is numpy's to the last bit: scipy's, in a third of the time.

    Both come from a BLAS, which may fuse its operations; if the two differ on this machine, it is numpy's own.
    """
    generator = np.random.default_rng(0)
    vectors = [generator.normal(size=length) for length in range(1, _SHORT + 1) for _ in range(200)]
    return ddot if all(ddot(x, x) == x.dot(x) for x in vectors) else np.dot


dot = _fast_dot()


def norm(x, ord=None, axis=None, keepdims=False):
    """`np.linalg.norm` of a short contiguous vector of doubles, or of one double; anything else goes to numpy."""
    if type(x) is ndarray and x.strides == _CONTIGUOUS and (ord is None or ord == 2) and axis is None:
        if x.dtype == _DOUBLE and len(x) <= _SHORT and not keepdims:  # equal, not identical, in unpickled arrays
            return float64(sqrt(dot(x, x)))  # a plain float would turn sums with float32 into float32
    if type(x) is float64 and ord is None and axis is None and not keepdims:
        return float64(sqrt(x * x))
    return np.linalg.norm(x, ord, axis, keepdims)


def hstack(parts, **kwargs):
    """`np.hstack` of numbers, or of vectors."""
    if type(parts) is tuple and not kwargs:
        if type(parts[0]) is float64:
            return np.array(parts)
        if all(type(part) is ndarray and part.ndim == 1 for part in parts):
            return np.concatenate(parts)
    return np.hstack(parts, **kwargs)


def tolerance(x, bounds=(0.0, 0.0), margin=0.0, sigmoid="gaussian", value_at_margin=0.1):
    """`metaworld.utils.reward_utils.tolerance` of one number, without arrays on the way."""
    lower, upper = bounds
    doubles = type(x) in _FLOATS and type(margin) in _FLOATS and type(lower) in _FLOATS and type(upper) in _FLOATS
    if not doubles or lower > upper or not margin >= 0 or sigmoid not in _SIGMOIDS or value_at_margin != 0.1:
        return stock_reward_utils.tolerance(x, bounds, margin, sigmoid, value_at_margin)
    x = float(x)
    if lower <= x <= upper:
        return 1.0
    if margin == 0:
        return 0.0
    distance = (lower - x if x < lower else x - upper) / float(margin)
    if sigmoid == "long_tail":
        return 1 / ((distance * _LONG_TAIL) ** 2 + 1)
    return float(np.exp(-0.5 * (distance * _GAUSSIAN) ** 2))


def quaternion(matrix: ndarray) -> ndarray:
    """`Rotation.from_matrix(matrix).as_quat()` of a rotation [3, 3] that needs no orthogonalisation (MuJoCo's do not).

    F. Landis Markley, Unit Quaternion from Rotation Matrix, 2008; the operations in scipy's order.
    """
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = matrix.tolist()
    trace = m00 + m11 + m22
    if trace >= m00 and trace >= m11 and trace >= m22 and not (trace == m00 or trace == m11 or trace == m22):
        x, y, z, w = m21 - m12, m02 - m20, m10 - m01, 1 + trace
    elif m00 >= m11 and m00 >= m22:
        x, y, z, w = 1 - trace + 2 * m00, m10 + m01, m20 + m02, m21 - m12
    elif m11 >= m22:
        x, y, z, w = m10 + m01, 1 - trace + 2 * m11, m21 + m12, m02 - m20
    else:
        x, y, z, w = m20 + m02, m21 + m12, 1 - trace + 2 * m22, m10 - m01
    length = sqrt(x * x + y * y + z * z + w * w)
    return np.array((x / length, y / length, z / length, w / length))


class Rotation:
    """As much of scipy's `Rotation` as Meta-World uses."""

    def __init__(self, matrix: ndarray):
        self._matrix = matrix

    from_matrix = classmethod(lambda cls, matrix: cls(matrix))

    def as_quat(self) -> ndarray:
        return quaternion(self._matrix)


def _agrees_with_scipy() -> bool:
    """Whether `quaternion` equals scipy's on this machine, whose compiler may have fused operations."""
    rotations = StockRotation.from_quat(np.random.default_rng(0).normal(size=(64, 4)))
    return all((quaternion(rotation) == _scipy_quaternion(rotation)).all() for rotation in rotations.as_matrix())


def _scipy_quaternion(matrix: ndarray) -> ndarray:
    return StockRotation.from_matrix(matrix).as_quat()


numpy = types.SimpleNamespace(**vars(np))
numpy.linalg = types.SimpleNamespace(**vars(np.linalg))
numpy.linalg.norm, numpy.hstack = norm, hstack

reward_utils = types.SimpleNamespace(**vars(stock_reward_utils))
reward_utils.tolerance = tolerance

GLOBALS = {"np": numpy, "reward_utils": reward_utils, "tolerance": tolerance}
if _agrees_with_scipy():
    GLOBALS["Rotation"] = Rotation
