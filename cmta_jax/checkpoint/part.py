"""One part of a saved state, such as the parameters, without the replay, the simulators and a template of the rest."""

import logging
import pathlib
from typing import Any

from cmta_jax.checkpoint import folder, manifest, snapshot, state_files, trees
from cmta_jax.checkpoint.files import CheckpointError

log = logging.getLogger(__name__)


def read_part(directory: str | pathlib.Path, path: str, template: Any, step: int | None = None) -> tuple[int, Any]:
    """Reads a subtree of the state of the newest good checkpoint, or of that of `step`; a run may be writing meanwhile.

    Args:
        path: of the subtree: keys, fields and positions joined by slashes.
        template: the subtree with arrays or `jax.ShapeDtypeStruct` as leaves.

    Returns:
        The step of the checkpoint, and the template's tree with numpy leaves.

    Raises:
        CheckpointError: there is no checkpoint, none is good, or it does not match the template.
    """
    directory = pathlib.Path(directory)
    wanted = folder.steps(directory) if step is None else [step]
    if not wanted:
        raise CheckpointError(f"{directory} holds no checkpoint")
    for candidate in reversed(wanted):
        try:
            return candidate, _read(directory, candidate, path, template)
        except CheckpointError as error:
            reason = f"the checkpoint of step {candidate} in {directory} cannot be used: {error}"
            if candidate == wanted[0]:
                raise CheckpointError(reason) from error
            log.warning("%s; falling back to the one before", reason)
    raise AssertionError("unreachable")


def _read(directory: pathlib.Path, step: int, path: str, template: Any) -> Any:
    found = manifest.read(manifest.path_of(directory, step))
    prefix = f"{path}/"
    kinds = {name.removeprefix(prefix): kind for name, kind in found.kinds.items() if name.startswith(prefix)}
    trees.compare(path, kinds, trees.kinds(template))
    state = state_files.read(directory, snapshot.state_name(found.number), found.state, found.kinds)
    leaves = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
    return trees.rebuild(template, leaves)
