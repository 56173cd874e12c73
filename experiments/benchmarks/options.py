"""What the user asked a benchmark to measure. Imports no JAX, so that `--help` is quick."""

from collections.abc import Sequence
from typing import NamedTuple


class Options(NamedTuple):
    """What to measure; the sizes' defaults are the paper's."""

    quick: bool = False
    method: Sequence[str] = ("cmta",)  # or ("all",)
    benchmark: Sequence[str] = ("mt10",)
    num_seeds: Sequence[int] = (1,)
    hidden_dim: int = 512
    batch_per_task: int = 128
    matmul_precision: str = "float32"
    activation_dtype: str = "float32"
    learner_cores: int = 0  # cores of the learner alone, the simulators have the others; 0: all share all
    target: str = "h100"  # GPU that programs are compiled for
