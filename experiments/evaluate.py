"""Plays trained policies by a named protocol, or films them.

    python -m experiments.evaluate --policy=shipped --video                     # the policy that comes with the package
    python -m experiments.evaluate --workdir=runs/my_run                        # every goal set, as in the paper
    python -m experiments.evaluate --workdir=runs/my_run --protocol=metaworld   # the official evaluation
    python -m experiments.evaluate --workdir=runs/my_run --video                # an episode per task as MP4

prints success per task with Wilson intervals over all seeds of the run and writes evaluation_<protocol>.csv beside it,
or into --out.
"""

from experiments.command_line import streams

if __name__ == "__main__":  # before anything that opens files is imported
    streams.repair()

import sys
from collections.abc import Sequence

from absl import flags

from cmta_jax.environments import Pool, rendering
from cmta_jax.environments.interface import PoolFactory
from cmta_jax.runs.loading import load_policy
from cmta_jax.runs.policy import Policy
from experiments.command_line.checks import find_device
from experiments.command_line.commands import path_of, policy_flags, run_command, show
from experiments.policies import outcome, paper_protocol
from experiments.policies.titles import describe

PROTOCOLS = ("paper", "metaworld")
DEFAULT_EPISODES = {"paper": 1, "metaworld": 50}


def _flags() -> flags.FlagValues:
    values = policy_flags()
    flags.DEFINE_string("protocol", "paper", "paper or metaworld", flag_values=values)
    flags.DEFINE_integer(
        "episodes", None, "paper: per goal set (1); metaworld: per task (50)", lower_bound=1, flag_values=values
    )
    flags.DEFINE_boolean("sample", False, "sample actions instead of taking the policy's mean", flag_values=values)
    flags.DEFINE_boolean("video", False, "film an episode per task instead", flag_values=values)
    cameras = [*rendering.CAMERAS]
    flags.DEFINE_enum("camera", rendering.CAMERA, cameras, "which camera films", flag_values=values)
    flags.DEFINE_string("out", "", "folder of the table or films; by default the run folder", flag_values=values)
    return values


def main(arguments: Sequence[str] | None = None, pool_class: PoolFactory = Pool) -> int:
    """Runs the command line and returns the exit status.

    Args:
        arguments: without the program's name; by default those of the process.
        pool_class: makes the simulators, as `Pool` does.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    return run_command("evaluate", __doc__, _flags(), arguments, lambda values: _evaluate(values, pool_class))


def _evaluate(values: flags.FlagValues, pool_class: PoolFactory) -> None:
    if not values.workdir:
        raise ValueError("No policy was named: give --workdir, a run folder or a policy file, or --policy=shipped.")
    if values.protocol not in PROTOCOLS:
        raise ValueError(f"Unknown protocol '{values.protocol}': choose paper or metaworld.")
    episodes = values.episodes or DEFAULT_EPISODES[values.protocol]
    if values.protocol == "paper" and episodes > 1 and not values.sample:
        raise ValueError(f"--episodes={episodes} would play the same episode {episodes} times: add --sample.")
    find_device()
    policy = load_policy(values.workdir, values.step, pool_class)
    show(f"{policy.source}: {describe(policy)}")
    if values.video:
        return _film(policy, values, pool_class)
    result = _play(policy, values, episodes, pool_class)
    show(outcome.table(result))  # first, because the folder may be read-only
    path = (path_of(values.out) if values.out else policy.folder) / f"evaluation_{result.protocol}.csv"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        outcome.write(result, path)
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}): give another folder with --out.") from error
    show(f"The numbers are in {path}.")


def _play(policy: Policy, values: flags.FlagValues, episodes: int, pool_class: PoolFactory) -> outcome.Outcome:
    if values.protocol == "metaworld":
        from experiments.policies import metaworld_protocol  # here, because it imports all of Meta-World

        return metaworld_protocol.play(policy, episodes, values.sample)
    copies = policy.settings.training.copies_per_task
    with pool_class(policy.settings.environment, policy.seeds, copies, values.env_workers) as pool:
        return paper_protocol.play(policy, pool, episodes, values.sample)


def _film(policy: Policy, values: flags.FlagValues, pool_class: PoolFactory) -> None:
    from experiments.policies import films  # here, because most evaluations need no pictures

    folder = path_of(values.out) if values.out else policy.folder / "videos"
    for path in films.make(policy, pool_class, values.goal_set, values.env_workers, folder, values.camera):
        show(str(path))


if __name__ == "__main__":
    sys.exit(main())
