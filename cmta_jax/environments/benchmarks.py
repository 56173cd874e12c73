"""The tasks of each benchmark. Their order matters: one random stream draws the goal vectors of all tasks in order.

The names stand here, so that a typing error is reported before Meta-World is imported. A test compares them with
`metaworld.MT10` and `metaworld.MT50`.
"""

import difflib

MT10 = (
    "reach-v3", "push-v3", "pick-place-v3", "door-open-v3", "drawer-open-v3", "drawer-close-v3",
    "button-press-topdown-v3", "peg-insert-side-v3", "window-open-v3", "window-close-v3",
)  # fmt: skip

MT25 = (
    *MT10, "coffee-pull-v3", "pick-out-of-hole-v3", "disassemble-v3", "pick-place-wall-v3", "basketball-v3",
    "stick-pull-v3", "button-press-wall-v3", "faucet-open-v3", "door-lock-v3", "lever-pull-v3", "sweep-into-v3",
    "faucet-close-v3", "coffee-button-v3", "button-press-topdown-wall-v3", "dial-turn-v3",
)  # fmt: skip

MT50 = (
    "assembly-v3", "basketball-v3", "bin-picking-v3", "box-close-v3", "button-press-topdown-v3",
    "button-press-topdown-wall-v3", "button-press-v3", "button-press-wall-v3", "coffee-button-v3", "coffee-pull-v3",
    "coffee-push-v3", "dial-turn-v3", "disassemble-v3", "door-close-v3", "door-lock-v3", "door-open-v3",
    "door-unlock-v3", "hand-insert-v3", "drawer-close-v3", "drawer-open-v3", "faucet-open-v3", "faucet-close-v3",
    "hammer-v3", "handle-press-side-v3", "handle-press-v3", "handle-pull-side-v3", "handle-pull-v3", "lever-pull-v3",
    "pick-place-wall-v3", "pick-out-of-hole-v3", "pick-place-v3", "plate-slide-v3", "plate-slide-side-v3",
    "plate-slide-back-v3", "plate-slide-back-side-v3", "peg-insert-side-v3", "peg-unplug-side-v3", "soccer-v3",
    "stick-push-v3", "stick-pull-v3", "push-v3", "push-wall-v3", "push-back-v3", "reach-v3", "reach-wall-v3",
    "shelf-place-v3", "sweep-into-v3", "sweep-v3", "window-open-v3", "window-close-v3",
)  # fmt: skip

BENCHMARKS = {"mt10": MT10, "mt25": MT25, "mt50": MT50}


def resolve_tasks(benchmark: str) -> tuple[str, ...]:
    """Names of the tasks of `mt10`, `mt25`, `mt50` or a comma-separated list such as `reach-v3,window-close-v3`.

    Raises:
        ValueError: for an unknown or repeated name; the sentence gives the nearest known one.
    """
    if benchmark.lower() in BENCHMARKS:
        return BENCHMARKS[benchmark.lower()]
    names = tuple(name.strip() for name in benchmark.split(",") if name.strip())
    mixed = [name for name in names if name.lower() in BENCHMARKS]
    if mixed:
        raise ValueError(
            f"'{mixed[0]}' is a benchmark and cannot be mixed with tasks: give '{mixed[0]}' alone, or a list of tasks."
        )
    check_tasks(names, also_known=tuple(BENCHMARKS))
    return names


def check_tasks(names: tuple[str, ...], also_known: tuple[str, ...] = ()) -> None:
    """Raises ValueError unless `names` are distinct Meta-World tasks, at least one."""
    if not names:
        raise ValueError(
            "No task was named: give 'mt10', 'mt25', 'mt50' or a comma-separated list such as 'reach-v3,push-v3'."
        )
    for name in names:
        if name not in MT50:
            nearest = difflib.get_close_matches(name, MT50 + also_known, n=1, cutoff=0.0)[0]
            raise ValueError(f"Unknown task or benchmark '{name}': did you mean '{nearest}'?")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"Task '{repeated[0]}' is listed more than once: use copies for several lanes of one task.")
