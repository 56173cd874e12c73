"""What a step of each task costs relative to the mean task, with the fast simulator and random actions.

Only used to spread lanes over workers evenly. Measured by `python -m experiments.benchmark --suite=simulator`.
"""

MEAN_STEP_COST = 1.0

STEP_COST = {
    "assembly-v3": 1.39, "basketball-v3": 0.96, "bin-picking-v3": 1.1, "box-close-v3": 1.45,
    "button-press-topdown-v3": 0.71, "button-press-topdown-wall-v3": 0.73, "button-press-v3": 0.74,
    "button-press-wall-v3": 0.74, "coffee-button-v3": 0.93, "coffee-pull-v3": 1.28, "coffee-push-v3": 1.24,
    "dial-turn-v3": 0.78, "disassemble-v3": 1.41, "door-close-v3": 0.78, "door-lock-v3": 1.03, "door-open-v3": 0.89,
    "door-unlock-v3": 1.05, "hand-insert-v3": 1.1, "drawer-close-v3": 0.86, "drawer-open-v3": 0.77,
    "faucet-open-v3": 0.74, "faucet-close-v3": 0.74, "hammer-v3": 1.31, "handle-press-side-v3": 0.69,
    "handle-press-v3": 1.08, "handle-pull-side-v3": 0.94, "handle-pull-v3": 0.86, "lever-pull-v3": 0.82,
    "pick-place-wall-v3": 1.23, "pick-out-of-hole-v3": 0.96, "pick-place-v3": 1.13, "plate-slide-v3": 0.74,
    "plate-slide-side-v3": 0.73, "plate-slide-back-v3": 0.76, "plate-slide-back-side-v3": 0.77,
    "peg-insert-side-v3": 1.1, "peg-unplug-side-v3": 1.34, "soccer-v3": 1.14, "stick-push-v3": 1.46,
    "stick-pull-v3": 1.48, "push-v3": 1.11, "push-wall-v3": 1.19, "push-back-v3": 1.1, "reach-v3": 0.79,
    "reach-wall-v3": 0.81, "shelf-place-v3": 1.18, "sweep-into-v3": 1.11, "sweep-v3": 1.1, "window-open-v3": 0.83,
    "window-close-v3": 0.79,
}  # fmt: skip
