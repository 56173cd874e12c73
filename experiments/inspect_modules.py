"""What the modules learnt: experts and attention of a trained mixture (CMTA, CARE, or TSAC on one of them).

    python -m experiments.inspect_modules --workdir=runs/cmta
    python -m experiments.inspect_modules --workdir=runs/cmta --beside=runs/cmta_without_contrastive_loss

plays one episode per task with the first seed's policy and draws, as PNG and PDF, into <workdir>/modules/ the paper's
Figures 5 (t-SNE of the experts' encodings) and 7 (t-SNE of the attention weights), the similarity matrix of the
experts, and for each task the attention over an episode beside its frames. The attention is the critics', which is
the trained one; the actor's is the same but for --cmta.actor_encoder=frozen_random, where it is random.
"""

import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from absl import flags

from cmta_jax.environments import Pool, rendering
from experiments.command_line.commands import policy_flags, run_command
from experiments.inspection import figures
from experiments.policies import films
from experiments.policies.recording import Recording, record
from experiments.policies.trained import Trained, load, title
from experiments.reporting import style
from experiments.reporting.figures import save

FRAMES = 6


def _flags() -> flags.FlagValues:
    values = policy_flags()
    flags.DEFINE_string("beside", "", "a second run, drawn beside the first", flag_values=values)
    flags.DEFINE_enum("encoder", "critics", ["critics", "actor"], "whose attention is drawn", flag_values=values)
    flags.DEFINE_string("out", "", "folder of the figures; by default <workdir>/modules", flag_values=values)
    return values


def main(arguments: Sequence[str] | None = None, pool_class: Any = Pool) -> int:
    """Runs the command line and returns the exit status.

    Args:
        arguments: without the program's name; by default those of the process.
        pool_class: makes the simulators, as `Pool` does.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    return run_command("inspect_modules", __doc__, _flags(), arguments, lambda values: _inspect(values, pool_class))


def _inspect(values: flags.FlagValues, pool_class: Any) -> None:
    if not values.workdir:
        raise ValueError("No run was named: give --workdir, a run folder or a policy file.")
    sources = [source for source in (values.workdir, values.beside) if source]
    runs = [load(source, values.step, pool_class) for source in sources]
    backend = rendering.find_backend()
    if len({run.spec.task_names for run in runs}) > 1:
        raise ValueError(f"{sources[0]} and {sources[1]} have different tasks: give two runs of one benchmark.")
    played = [_play(run, pool_class, values) for run in runs]
    out = pathlib.Path(values.out) if values.out else runs[0].folder / "modules"
    out.mkdir(parents=True, exist_ok=True)
    with style.fonts():
        for name, figure in _figures(runs, played, values.encoder, backend):
            save(figure, out / name)
            print(f"{out / name}.png", flush=True)


def _play(trained: Trained, pool_class: Any, values: flags.FlagValues) -> tuple[Recording, np.ndarray, np.ndarray]:
    """A recorded episode per seed and task, the goal sets `[S, N]` it was on, and their vectors."""
    with pool_class(trained.settings.environment, trained.seeds, 1, values.env_workers) as pool:
        chosen = films.goal_sets_of(trained, pool, values.goal_set)
        recording = record(trained, pool, chosen, values.encoder)
        if recording.attention is None:
            raise ValueError(
                f"{trained.source} is a run of {title(trained)}, which has no experts to look at: give one of CMTA, "
                "CARE or TSAC on one of them."
            )
        return recording, chosen, pool.goal_vectors


def _figures(runs: Sequence[Trained], played: Sequence[tuple], encoder: str, backend: str) -> Iterator[tuple[str, Any]]:
    """Names and figures of the first seed's policies."""
    titles, tasks = [title(run) for run in runs], runs[0].spec.task_names
    experts = [(name, recording.experts[:, 0]) for name, (recording, *_) in zip(titles, played, strict=True)]
    attention = [(name, recording.attention[:, 0]) for name, (recording, *_) in zip(titles, played, strict=True)]
    yield "figure_5_experts", figures.experts_in_the_plane(experts)
    yield "figure_7_attention", figures.attention_in_the_plane(attention, tasks, encoder)
    yield "similarity", figures.similarities(experts)
    recording, goal_sets, vectors = played[0]
    steps = np.linspace(0, runs[0].spec.horizon, FRAMES).round().astype(int).tolist()
    for index, task in enumerate(tasks):
        shots = films.shots_of(runs[0], recording, vectors, goal_sets, index, backend, steps)
        frames = [(shot.step, shot.picture) for shot in shots]
        heading = f"{task.removesuffix('-v3')}: attention of the {encoder}"
        yield f"attention_{task}", figures.attention_over_time(heading, recording.attention[:, 0, index], frames)


if __name__ == "__main__":
    sys.exit(main())
