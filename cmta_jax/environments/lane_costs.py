"""What a step of each task costs, in microseconds of one core with the fast simulator and random actions.

Used only to spread lanes over workers evenly; measured once, by `python -m experiments.benchmark --suite=simulator`.
"""

STEP_COST: dict[str, float] = {}

MEAN_STEP_COST = 80.0
