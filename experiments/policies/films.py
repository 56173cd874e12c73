"""Films of a trained policy: an MP4 per task, and a contact sheet of the benchmark."""

import pathlib
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from cmta_jax.environments import rendering
from experiments.policies import mp4, paper_protocol
from experiments.policies.captions import captioned
from experiments.policies.contact_sheet import contact_sheet
from experiments.policies.recording import Recording, record
from experiments.policies.trained import Trained, describe

FRAMES_PER_SECOND = 30
FRAMES_PER_TASK = 6  # on the contact sheet


def goal_sets_of(trained: Trained, pool: Any, goal_set: int) -> np.ndarray:
    """`goal_set` for every seed and task, `[S, N]`; with fixed goals each seed's own."""
    if trained.settings.environment.goals == "fixed":
        return paper_protocol.goal_sets(trained, pool)[0, :, :, 0]
    return np.full((len(trained.seeds), trained.spec.num_tasks), goal_set)


def make(trained: Trained, pool_class: Any, goal_set: int, workers: int | None) -> Iterator[pathlib.Path]:
    """Films the first seed's policy and yields the path of each file as it is done, the contact sheet last."""
    mp4.check_installed()
    backend = rendering.find_backend()
    with pool_class(trained.settings.environment, trained.seeds, 1, workers) as pool:
        chosen = goal_sets_of(trained, pool, goal_set)
        recording, vectors = record(trained, pool, chosen), pool.goal_vectors
    folder = trained.folder / "videos"
    folder.mkdir(exist_ok=True)
    rows = []
    for index, task in enumerate(trained.spec.task_names):
        path = folder / f"{task}.mp4"
        shots = shots_of(trained, recording, vectors, chosen, index, backend, range(trained.spec.horizon + 1))
        rows.append((task, write_film(path, trained, recording, index, shots)))
        yield path
    chosen_by_user = f", goal set {goal_set}" if trained.settings.environment.goals == "mixed" else ""
    title = f"{describe(trained)}{chosen_by_user}; green frame: solved"
    path = folder / "contact_sheet.png"
    contact_sheet(title, rows).save(path)
    yield path


def shots_of(
    trained: Trained, recording: Recording, vectors: np.ndarray, goal_sets: np.ndarray, index: int, backend: str,
    steps: Collection[int],
) -> Iterator[rendering.Shot]:  # fmt: skip
    """Shots of the first seed's episode of a task at `steps`."""
    environment = trained.settings.environment
    return rendering.film(
        trained.spec.task_names[index], vectors[0, index], int(goal_sets[0, index]), recording.action[:, 0, index],
        steps, backend,
        reward_version=environment.reward_version, success_version=environment.success_version,
    )  # fmt: skip


def write_film(path: pathlib.Path, trained: Trained, recording: Recording, index: int, shots) -> list:
    """Writes a task's MP4; returns its frames for the contact sheet: (picture, step, solved by then)."""
    horizon, task, solved, kept = trained.spec.horizon, trained.spec.task_names[index], False, []
    picked = set(np.linspace(0, horizon, FRAMES_PER_TASK).round().astype(int).tolist())
    with mp4.writer(path, FRAMES_PER_SECOND) as add:
        for shot in shots:
            solved |= shot.success
            weights = None if recording.attention is None else recording.attention[max(shot.step - 1, 0), 0, index]
            add(captioned(shot.picture, task, shot.step, horizon, shot.reward, solved, weights))
            if shot.step in picked:
                kept.append((shot.picture, shot.step, solved))
    return kept
