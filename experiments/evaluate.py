"""Plays trained policies by a named protocol, or films them.

    python -m experiments.evaluate --workdir=runs/my_run                        # every goal set, as in the paper
    python -m experiments.evaluate --workdir=runs/my_run --protocol=metaworld   # the official evaluation
    python -m experiments.evaluate --workdir=runs/my_run --video                # an episode per task as MP4

prints success per task with Wilson intervals over all seeds of the run and writes evaluation_<protocol>.csv beside it.
"""

import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from cmta_jax.environments import Pool
from experiments.command_line.commands import policy_flags, run_command
from experiments.policies import outcome, paper_protocol
from experiments.policies.trained import Trained, describe, load

PROTOCOLS = ("paper", "metaworld")
DEFAULT_EPISODES = {"paper": 1, "metaworld": 50}


def _flags() -> flags.FlagValues:
    values = policy_flags()
    flags.DEFINE_string("protocol", "paper", "paper or metaworld", flag_values=values)
    flags.DEFINE_integer(
        "episodes", None, "paper: per goal set (1); metaworld: per task (50)", lower_bound=1, flag_values=values
    )
    flags.DEFINE_boolean("sample", False, "sample actions rather than take the policy's mean", flag_values=values)
    flags.DEFINE_boolean("video", False, "film an episode per task instead", flag_values=values)
    return values


def main(arguments: Sequence[str] | None = None, pool_class: Any = Pool) -> int:
    """Runs the command line and returns the exit status.

    Args:
        arguments: without the program's name; by default those of the process.
        pool_class: makes the simulators, as `Pool` does.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    return run_command("evaluate", __doc__, _flags(), arguments, lambda values: _evaluate(values, pool_class))


def _evaluate(values: flags.FlagValues, pool_class: Any) -> None:
    if not values.workdir:
        raise ValueError("No policy was named: give --workdir, a run folder or a policy file.")
    if values.protocol not in PROTOCOLS:
        raise ValueError(f"Unknown protocol '{values.protocol}': choose paper or metaworld.")
    episodes = values.episodes or DEFAULT_EPISODES[values.protocol]
    if values.protocol == "paper" and episodes > 1 and not values.sample:
        raise ValueError(f"--episodes={episodes} would play the same episode {episodes} times: add --sample.")
    trained = load(values.workdir, values.step, pool_class)
    print(f"{trained.source}: {describe(trained)}")
    if values.video:
        return _film(trained, values, pool_class)
    result = _play(trained, values, episodes, pool_class)
    path = trained.folder / f"evaluation_{result.protocol}.csv"
    outcome.write(result, path)
    print(outcome.table(result))
    print(f"The numbers are in {path}.")


def _play(trained: Trained, values: flags.FlagValues, episodes: int, pool_class: Any) -> outcome.Outcome:
    if values.protocol == "metaworld":
        from experiments.policies import metaworld_protocol  # here, because it imports all of Meta-World

        return metaworld_protocol.play(trained, episodes, values.sample)
    copies = trained.settings.training.copies_per_task
    with pool_class(trained.settings.environment, trained.seeds, copies, values.env_workers) as pool:
        return paper_protocol.play(trained, pool, episodes, values.sample)


def _film(trained: Trained, values: flags.FlagValues, pool_class: Any) -> None:
    from experiments.policies import films  # here, because most evaluations need no pictures

    for path in films.make(trained, pool_class, values.goal_set, values.env_workers):
        print(path, flush=True)


if __name__ == "__main__":
    sys.exit(main())
