"""Faster versions of the few functions in which Meta-World's rewards spend their time, equal to the last bit.

Where the arguments are not of the expected kind, the original is called. What depends on the processor and on the
libraries (dot products, quaternions) is compared with the original when this module is imported, on this machine; where
a number differs, the original is used. These look equal but are not: `math.exp` and `np.exp`, a sum of squares written
out and a dot product, `x * x` and `x ** 2`.
"""

import types
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import scipy.linalg.blas
from metaworld.utils import reward_utils as stock_reward_utils
from numpy import float64, ndarray
from scipy.spatial.transform import Rotation as StockRotation

Dot = Callable[[ndarray, ndarray], float]

_FLOATS = frozenset((float, int, float64))  # types whose arithmetic is in double precision
_LONG_TAIL, _GAUSSIAN = float(np.sqrt(1 / 0.1 - 1)), float(np.sqrt(-2 * np.log(0.1)))  # scales for value_at_margin 0.1
_SIGMOIDS = ("long_tail", "gaussian")
_CONTIGUOUS, _DOUBLE, _SHORT = (8,), np.dtype(float), 8  # strides in bytes, type, longest vector


def exact_dot(candidate: Dot) -> Dot:
    """`candidate` if it equals `np.dot` on this machine, for short float64 vectors with themselves; else `np.dot`.

    numpy and scipy bring one BLAS each. A BLAS may fuse multiply and add, or sum in another order, depending on the
    processor and on the address of the vector; so vectors of all short lengths at eight addresses are compared.
    """
    generator = np.random.default_rng(0)
    for length in range(1, _SHORT + 1):
        for vector in generator.normal(size=(200, length)) * 10.0 ** generator.integers(-6, 6, (200, 1)):
            start = int(generator.integers(8))
            x = np.empty(start + length)[start:]
            x[:] = vector
            if candidate(x, x) != x.dot(x):
                return np.dot
    return candidate


dot: Dot = exact_dot(getattr(scipy.linalg.blas, "ddot"))  # noqa: B009  scipy's takes a third of numpy's time


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """`np.linalg.norm` of a short contiguous float64 vector, or of one float64; numpy computes everything else."""
    if type(x) is ndarray and x.strides == _CONTIGUOUS and (ord is None or ord == 2) and axis is None:
        if x.dtype == _DOUBLE and 0 < len(x) <= _SHORT and not keepdims:  # `==`: unpickled dtypes are equal, not `is`
            return float64(sqrt(dot(x, x)))  # a Python float would turn sums with float32 into float32
    if type(x) is float64 and ord is None and axis is None and not keepdims:
        return float64(sqrt(x * x))
    return np.linalg.norm(x, ord, axis, keepdims)


def hstack(parts: Any, **kwargs: Any) -> ndarray:
    """`np.hstack` of numbers, or of vectors."""
    if type(parts) is tuple and not kwargs:
        if type(parts[0]) is float64:
            return np.array(parts)
        if all(type(part) is ndarray and part.ndim == 1 for part in parts):
            return np.concatenate(parts)
    return np.hstack(parts, **kwargs)


def tolerance(
    x: float,
    bounds: tuple[float, float] = (0.0, 0.0),
    margin: float = 0.0,
    sigmoid: Any = "gaussian",
    value_at_margin: float = 0.1,
) -> Any:
    """`metaworld.utils.reward_utils.tolerance` of one number, without intermediate arrays."""
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
    """`Rotation.from_matrix(matrix).as_quat()` of an orthogonal [3, 3] matrix, as MuJoCo's are: [4], (x, y, z, w).

    F. Landis Markley, Unit Quaternion from Rotation Matrix, 2008, with the operations in scipy's order.
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
    """The part of scipy's `Rotation` that Meta-World uses."""

    def __init__(self, matrix: ndarray):
        self._matrix = matrix

    @classmethod
    def from_matrix(cls, matrix: ndarray) -> "Rotation":
        return cls(matrix)

    def as_quat(self) -> ndarray:
        return quaternion(self._matrix)


def _agrees_with_scipy() -> bool:
    """Whether `quaternion` equals scipy's on this machine: its compiler may have fused multiply and add."""
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
