"""Synthetic run folders for the tests of results and reports."""

import numpy as np

PROTOCOL = {
    "benchmark": "mt10",
    "goals": "mixed",
    "horizon": 150,
    "reward_version": "v2",
    "success_version": "v2",
    "eval_every": 3000,
    "eval_episodes": 1,
    "steps_per_task": 6000,
}


def write_run(folder, success, seeds=None, tasks=("reach-v3", "push-v3"), final=None, flags=(), method="cmta"):
    """Writes a run folder.

    Args:
        folder: is created.
        success: `[S, T, N]`, an evaluation every 3000 steps.
        seeds: S of them; 0, 1, ... if not given.
        tasks: N of them.
        final: `[S, N, G]`, success on each goal set, or None for a run without final.csv.
        flags: `{name: value}` over `PROTOCOL`; None leaves a flag out, "" writes a bare `--name`.
        method: value of --method.
    """
    folder.mkdir(parents=True)
    seeds = range(len(success)) if seeds is None else seeds
    values = PROTOCOL | {"method": method, "seed": seeds[0], "num_seeds": len(seeds), "workdir": folder} | dict(flags)
    lines = [f"--{name}={value}" if value != "" else f"--{name}" for name, value in values.items() if value is not None]
    (folder / "flags.flags").write_text("# resolved flags\n\n" + "\n".join(lines) + "\n")
    rows = [
        f"{3000 * (step + 1)},{seeds[seed]},{tasks[task]},{value},12.5"
        for (seed, step, task), value in sorted(np.ndenumerate(np.asarray(success)), key=lambda item: item[0][1])
    ]
    (folder / "eval.csv").write_text("\n".join(["step,seed,task,success,episode_return", *rows]) + "\n")
    if final is not None:
        rows = [f"{seeds[s]},{tasks[n]},{g},{value},1.0" for (s, n, g), value in np.ndenumerate(np.asarray(final))]
        (folder / "final.csv").write_text("\n".join(["seed,task,goal_set,success,episode_return", *rows]) + "\n")
    return folder
