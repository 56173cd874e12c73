"""Trains on a CPU with matrix products whose inputs are rounded as on a GPU, to see whether learning suffers.

From the repository's root, the precision first and then the flags of a run:
PYTHONPATH=. python tests/support/rounded_products.py tensorfloat32 --flagfile=quickstart.flags --num_seeds=3
"""

import sys

from jax._src.lax.lax import _dot_general_lower
from jax.interpreters import mlir
from jax.lax import dot_general_p
from jaxlib.mlir.dialects import stablehlo

BITS = {"tensorfloat32": (8, 10), "bfloat16": (8, 7)}  # exponent and mantissa


def round_inputs(precision: str) -> None:
    """Makes every product that is compiled from now on round its inputs, in gradients too; sums stay float32.

    Args:
        precision: a key of `BITS`.
    """

    def lower(context, left, right, **parameters):
        exponent, mantissa = map(mlir.i32_attr, BITS[precision])
        left, right = (stablehlo.reduce_precision(operand, exponent, mantissa) for operand in (left, right))
        return _dot_general_lower(context, left, right, **parameters, platform="cpu")

    mlir.register_lowering(dot_general_p, lower, platform="cpu")


if __name__ == "__main__":
    from experiments import run

    round_inputs(sys.argv[1])
    sys.exit(run.main(sys.argv[2:]))
