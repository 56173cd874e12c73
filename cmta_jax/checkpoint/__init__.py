"""Checkpoints of a run, and policies small enough to share.

A checkpoint folder holds

    step-000050000.json       the manifest: names every other file and its digest; its rename completes the checkpoint
    state-000012/             parameters, optimisers, normalisers, keys, ... (orbax, one flat item)
    rest-000012.safetensors   the simulators' snapshot and the replay's cursors, sizes and validity
    replay-000012.safetensors the blocks of the replay's rings that changed since the save before
    lock                      held by the one process that may write

Nothing here is ever pickled, and no file is believed before its size and digest are checked.
"""

from cmta_jax.checkpoint.files import CheckpointError
from cmta_jax.checkpoint.manager import Checkpointer
from cmta_jax.checkpoint.policy import load_policy, save_policy
from cmta_jax.checkpoint.snapshot import Checkpoint
from cmta_jax.checkpoint.versions import versions

__all__ = ["Checkpoint", "CheckpointError", "Checkpointer", "load_policy", "save_policy", "versions"]
