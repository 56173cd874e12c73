"""Sizes that are the same for every Meta-World task. Each number stands here and nowhere else."""

OBSERVATION_DIM = 39
ACTION_DIM = 4
NUM_GOAL_SETS = 50  # per task, as in metaworld.MT10 and MT50
INFO_KEYS = (
    "success", "near_object", "grasp_success", "grasp_reward", "in_place_reward", "obj_to_target", "unscaled_reward",
)  # fmt: skip
GOAL_DIM = 6  # the longest of Meta-World's goal vectors; shorter ones end in zeros
