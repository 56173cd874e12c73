"""What a benchmark was asked to measure. Imports no JAX."""

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
    learner_cores: int = 0  # that the learner keeps to, the simulators keeping to the others; 0: all share all
