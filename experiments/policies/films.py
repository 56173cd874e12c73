"""Films of a trained policy: an MP4 per task, and a contact sheet of the benchmark."""

import pathlib
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from cmta_jax.environments import rendering
from cmta_jax.environments.interface import EnvironmentPool, PoolFactory
from cmta_jax.runs.policy import Policy
from experiments.policies import goal_sets, mp4
from experiments.policies.captions import Caption, captioned
from experiments.policies.contact_sheet import contact_sheet
from experiments.policies.recording import Recording, record
from experiments.policies.titles import describe

FRAMES_PER_SECOND = 30
FRAMES_PER_TASK = 6  # on the contact sheet


class Played(NamedTuple):
    """An episode per seed and task, and the goals of it."""

    recording: Recording
    goal_sets: np.ndarray  # [S, N]
    goal_vectors: np.ndarray  # [S, N, G, D], of every goal set


def play(policy: Policy, pool_class: PoolFactory, goal_set: int, workers: int | None, encoder: str = "actor") -> Played:
    """Plays and records one episode per seed and task.

    Args:
        goal_set: of every task with mixed goals; with fixed goals each seed has its own.
        workers: processes that simulate; None: one per core.
        encoder: whose attention is recorded; see `record`.
    """
    with pool_class(policy.settings.environment, policy.seeds, 1, workers) as pool:
        chosen = goal_sets_of(policy, pool, goal_set)
        return Played(record(policy, pool, chosen, encoder), chosen, pool.goal_vectors)


def goal_sets_of(policy: Policy, pool: EnvironmentPool, goal_set: int) -> np.ndarray:
    """`goal_set` for every seed and task, `[S, N]`; with fixed goals each seed's own."""
    environment = policy.settings.environment
    if environment.goals == "fixed":
        return goal_sets.of_run(environment, policy.seeds, 1, pool.num_goal_sets)[0, :, :, 0]
    return np.full((len(policy.seeds), policy.spec.num_tasks), goal_set)


def make(
    policy: Policy,
    pool_class: PoolFactory,
    goal_set: int,
    workers: int | None,
    folder: pathlib.Path,
    camera: str = rendering.CAMERA,
) -> Iterator[pathlib.Path]:
    """Films the first seed's policy and yields the path of each file as it is done, the contact sheet last.

    Args:
        goal_set: of every task with mixed goals; see `play`.
        workers: processes that simulate; None: one per core.
        folder: of the films, made before anything is played.
        camera: one of `rendering.CAMERAS`.
    """
    view = rendering.View(rendering.find_backend(), camera=camera)
    folder.mkdir(parents=True, exist_ok=True)
    played = play(policy, pool_class, goal_set, workers)
    rows = []
    for index, task in enumerate(policy.spec.task_names):
        path = folder / f"{task}.mp4"
        shots = shots_of(policy, played, index, range(policy.spec.horizon + 1), view)
        rows.append((task, write_film(path, policy, played.recording, index, shots)))
        yield path
    chosen_by_user = f", goal set {goal_set}" if policy.settings.environment.goals == "mixed" else ""
    title = f"{describe(policy)}{chosen_by_user}; green frame: solved"
    path = folder / "contact_sheet.png"
    contact_sheet(title, rows).save(path)
    yield path


def shots_of(
    policy: Policy, played: Played, index: int, steps: Collection[int], view: rendering.View
) -> Iterator[rendering.Shot]:
    """Shots of the first seed's episode of task number `index`, at `steps`."""
    environment = policy.settings.environment
    return rendering.film(
        policy.spec.task_names[index],
        played.goal_vectors[0, index],
        int(played.goal_sets[0, index]),
        played.recording.action[:, 0, index],
        steps,
        view,
        reward_version=environment.reward_version,
        success_version=environment.success_version,
    )


def write_film(
    path: pathlib.Path, policy: Policy, recording: Recording, index: int, shots: Iterable[rendering.Shot]
) -> list[tuple[np.ndarray, int, bool]]:
    """Writes a task's MP4; returns its frames for the contact sheet: (picture, step, solved by then)."""
    horizon, task, solved, kept = policy.spec.horizon, policy.spec.task_names[index], False, []
    picked = set(np.linspace(0, horizon, FRAMES_PER_TASK).round().astype(int).tolist())
    with mp4.writer(path, FRAMES_PER_SECOND) as add:
        for shot in shots:
            solved |= shot.success
            weights = None if recording.attention is None else recording.attention[max(shot.step - 1, 0), 0, index]
            add(captioned(shot.picture, Caption(task, shot.step, horizon, shot.reward, solved, weights)))
            if shot.step in picked:
                kept.append((shot.picture, shot.step, solved))
    return kept
