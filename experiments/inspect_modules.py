"""Figures of what the modules learnt: experts and attention of a trained CMTA, CARE, or TSAC on one of them.

    python -m experiments.inspect_modules --workdir=runs/cmta
    python -m experiments.inspect_modules --workdir=runs/cmta --beside=runs/cmta_without_contrastive_loss

plays one episode per task with the first seed's policy and draws, as PNG and PDF, into <workdir>/modules/ the paper's
Figures 5 (t-SNE of the experts' encodings) and 7 (t-SNE of the attention weights), the similarity matrix of the
experts, and for each task the attention over an episode beside its frames. It prints how far the attention moves
within each episode: near 0, "temporal attention" is a constant mixture. The attention is that of the critics,
which is the trained one. That of the actor is the same, except with --cmta.actor_encoder=frozen_random, where it is
random. A figure that a policy has too little for (one expert, episodes of one step) is left out with a sentence.
"""

from experiments.command_line import streams

if __name__ == "__main__":  # before anything that opens files is imported
    streams.repair()

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from absl import flags
from matplotlib.figure import Figure

from cmta_jax.environments import Pool, rendering
from cmta_jax.environments.interface import PoolFactory
from cmta_jax.runs.loading import load_policy
from cmta_jax.runs.policy import Policy
from experiments.command_line.checks import find_device
from experiments.command_line.commands import path_of, policy_flags, run_command, show
from experiments.inspection import encodings, figures
from experiments.policies import films
from experiments.policies.titles import title
from experiments.reporting import style
from experiments.reporting.figures import save
from experiments.reporting.text_table import text_table

FRAMES = 6


def _flags() -> flags.FlagValues:
    values = policy_flags()
    flags.DEFINE_string("beside", "", "a second run, drawn beside the first", flag_values=values)
    flags.DEFINE_enum("encoder", "critics", ["critics", "actor"], "whose attention is drawn", flag_values=values)
    flags.DEFINE_string("out", "", "folder of the figures; by default <workdir>/modules", flag_values=values)
    return values


def main(arguments: Sequence[str] | None = None, pool_class: PoolFactory = Pool) -> int:
    """Draws the figures that the command line asks for.

    Args:
        arguments: without the program's name; by default those of the process.
        pool_class: makes the simulators.

    Returns:
        The exit status: 0, or 2 after one sentence on what is wrong.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    return run_command("inspect_modules", __doc__, _flags(), arguments, lambda values: _inspect(values, pool_class))


def _inspect(values: flags.FlagValues, pool_class: PoolFactory) -> None:
    if not values.workdir:
        raise ValueError("No run was named: give --workdir, a run folder or a policy file, or --policy=shipped.")
    find_device()
    sources = [source for source in (values.workdir, values.beside) if source]
    runs = [load_policy(source, values.step, pool_class) for source in sources]
    backend = rendering.find_backend()
    if len({run.spec.task_names for run in runs}) > 1:
        raise ValueError(f"{sources[0]} and {sources[1]} have different tasks: give two runs of one benchmark.")
    out = path_of(values.out) if values.out else runs[0].folder / "modules"
    out.mkdir(parents=True, exist_ok=True)  # first, because playing takes minutes
    try:
        played = [_play(run, pool_class, values) for run in runs]
    except ValueError:
        with contextlib.suppress(OSError):  # unless it holds something
            out.rmdir()
        raise
    for run, inspected in zip(runs, played, strict=True):
        print("\n".join([f"Attention of {title(run)}, within one episode:", *_movements(run, inspected)]), flush=True)
    with style.fonts():
        for name, draw in _figures(runs, played, values.encoder, backend):
            try:
                save(draw(), out / name)
            except encodings.NothingToDraw as reason:
                show(f"{name} is left out: {reason}.")
            else:
                show(f"{out / name}.png")


class Inspected(NamedTuple):
    """One recorded episode per seed and task, of a policy with experts."""

    played: films.Played
    attention: np.ndarray  # [T, S, N, K]
    experts: np.ndarray  # [T, S, N, K, F]


def _play(policy: Policy, pool_class: PoolFactory, values: flags.FlagValues) -> Inspected:
    played = films.play(policy, pool_class, values.goal_set, values.env_workers, values.encoder)
    attention, experts = played.recording.attention, played.recording.experts
    if attention is None or experts is None:
        raise ValueError(
            f"{policy.source} is a run of {title(policy)}, which has no experts to look at: give one of CMTA, "
            "CARE or TSAC on one of them."
        )
    return Inspected(played, attention, experts)


def _movements(policy: Policy, inspected: Inspected) -> list[str]:
    """Per task: the largest mean weight, and the standard deviation of a weight over the steps, mean over experts."""
    rows = [("task", "largest weight", "movement")]
    for index, task in enumerate(policy.spec.task_names):
        weights = inspected.attention[:, 0, index]  # [T, K]
        movement = np.sqrt(weights.var(axis=0).mean())
        rows.append((task, f"{weights.mean(axis=0).max():.3f}", f"{movement:.4f}"))
    return text_table(rows)


def _figures(
    runs: Sequence[Policy], played: Sequence[Inspected], encoder: str, backend: str
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Names of the figures of the first seed's policies, and what draws each (or raises NothingToDraw)."""
    titles, tasks = [title(run) for run in runs], runs[0].spec.task_names
    experts = [(name, one.experts[:, 0]) for name, one in zip(titles, played, strict=True)]
    attention = [(name, one.attention[:, 0]) for name, one in zip(titles, played, strict=True)]
    yield "figure_5_experts", lambda: figures.experts_in_the_plane(experts)
    yield "figure_7_attention", lambda: figures.attention_in_the_plane(attention, tasks, encoder)
    yield "similarity", lambda: figures.similarities(experts)
    for index, task in enumerate(tasks):
        yield f"attention_{task}", functools.partial(_attention_over_time, runs[0], played[0], index, encoder, backend)


def _attention_over_time(policy: Policy, inspected: Inspected, index: int, encoder: str, backend: str) -> Figure:
    """Attention over the episode of the task at `index`, beside frames of it."""
    steps = np.linspace(0, policy.spec.horizon, FRAMES).round().astype(int).tolist()
    shots = films.shots_of(policy, inspected.played, index, steps, rendering.View(backend))
    frames = [(shot.step, shot.picture) for shot in shots]
    heading = f"{policy.spec.task_names[index].removesuffix('-v3')}: attention of the {encoder}"
    return figures.attention_over_time(heading, inspected.attention[:, 0, index], frames)


if __name__ == "__main__":
    sys.exit(main())
