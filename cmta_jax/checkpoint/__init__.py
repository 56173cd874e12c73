"""Checkpoints of a run, and policies small enough to share.

A checkpoint folder holds

    step-000050000.json       the manifest: names every other file and its digest; its rename completes the checkpoint
    state-000012/             parameters, optimisers, normalisers, keys, ... (orbax, one flat item)
    rest-000012.safetensors   the simulators' snapshot and the replay's cursors, sizes and validity
    replay-000012.safetensors the blocks of the replay's rings that changed since the save before
    lock                      held by the one process that may write

A checkpoint is complete once its files have been read back and its manifest is written. Nothing is pickled, and no
file is used before its size and digest are checked.
"""

from cmta_jax.checkpoint.files import CheckpointError
from cmta_jax.checkpoint.manager import Checkpointer, read_part
from cmta_jax.checkpoint.policy import load_policy, save_policy
from cmta_jax.checkpoint.snapshot import Checkpoint, versions

__all__ = ["Checkpoint", "CheckpointError", "Checkpointer", "load_policy", "read_part", "save_policy", "versions"]
