"""Which flags of a run are kept, may change at a resume, and may differ between runs that are averaged: one table."""

from typing import NamedTuple


class Rule(NamedTuple):
    """What may happen to a flag. A flag without a rule is kept, and must stay as it is."""

    kept: bool = True  # written to flags.flags, so that the run can be repeated from it
    may_change: bool = False  # at a resume: the rows and updates so far stay valid
    may_differ: bool = True  # between runs that are averaged: the same thing is computed


RULES = {
    # where the run is and how it is watched
    "workdir": Rule(kept=False),
    "resume": Rule(kept=False),
    "profile": Rule(kept=False),
    "wandb": Rule(kept=False),
    # how long it is, what is logged and saved, how fast it is
    "steps_per_task": Rule(may_change=True),
    "eval_every": Rule(may_change=True, may_differ=False),
    "eval_episodes": Rule(may_change=True, may_differ=False),
    "log_every": Rule(may_change=True),
    "checkpoint_every": Rule(may_change=True),
    "keep_checkpoints": Rule(may_change=True),
    "max_critic_loss": Rule(may_change=True),  # it can end a run, and changes nothing else
    "env_workers": Rule(may_change=True),
    "simulator": Rule(may_change=True),
    # which seeds
    "seed": Rule(),
    "num_seeds": Rule(),
}
NOT_KEPT = tuple(name for name, rule in RULES.items() if not rule.kept)
MAY_CHANGE = tuple(name for name, rule in RULES.items() if rule.may_change)
MAY_DIFFER = frozenset(name for name, rule in RULES.items() if rule.may_differ)
ADDED = {  # flags that older runs do not name, and what those runs did
    "reward_scaling": "running_std", "reward_scale": "1.0", "critic_layer_norm": "false",
    "cmta.memory_learning_rate": "0.0", "cmta.memory_history": "0", "cmta.contrastive_floor": "-1.0",
    "care.contrastive_floor": "-1.0",
    "critic_hidden_dim": "0", "critic_hidden_layers": "0", "critic_loss": "squared", "num_bins": "101",
    "value_min": "-110.0", "value_max": "110.0", "value_spread": "0.75", "critic_reduction": "min",
    "weight_decay": "0.0", "reset_every": "0", "updates_after_reset": "1000", "activation_dtype": "float32",
}  # fmt: skip
