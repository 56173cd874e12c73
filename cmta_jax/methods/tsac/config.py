"""TSAC's settings."""

import dataclasses

from cmta_jax import sac
from cmta_jax.config import above, at_least, between, one_of, setting
from cmta_jax.methods.tsac.rewards import FORMS
from cmta_jax.networks.correction import SHARING


@dataclasses.dataclass(frozen=True)
class Config(sac.Config):
    """TSAC, our reconstruction: the paper's text was not at hand, defaults are those of docs/methods.md, 6.3."""

    base: str = setting("mtmhsac", "the method that TSAC (our reconstruction) wraps")
    edit_range: float = setting(
        2.0, "kappa: executed = clip(proposed + kappa * correction); 0 = the base", at_least(0.0)
    )
    clip: str = setting("hard", "how edited actions are kept in [-1, 1]", one_of("hard", "soft"))
    correction: str = setting(
        "auto",
        "what tasks share in the correction policy: all of it (conditioned), all but the heads (multi_head), nothing "
        "(disjoint); auto = conditioned, but multi_head where the base's representation does not name the task",
        one_of("auto", *SHARING),
    )
    correction_reward: str = setting(
        "every",
        "what the correction policy is to reach: success at every step, the first success, a cost of 1 per step "
        "without success, or the dense reward (ablation)",
        one_of(*FORMS),
    )
    distance: str = setting(
        "hinge", "price of a correction: loss of dense value, or mean squared change", one_of("hinge", "mse")
    )
    normalize: bool = setting(True, "values of success over their range, dense ones over their running size; off = raw")
    budget: float = setting(0.5, "fraction of an episode's steps that is to succeed", between(0.0, 1.0))
    learn_multiplier: bool = setting(True, "move the multiplier after each episode; off = initial_multiplier for ever")
    initial_multiplier: float = setting(1.0, "weight of success against distance at the start", at_least(0.0))
    max_multiplier: float = setting(10.0, "cap of the multiplier", above(0.0))
    multiplier_learning_rate: float = setting(0.01, "Adam's rate for the multiplier, per episode", at_least(0.0))
    shared_multiplier: bool = setting(False, "one multiplier for all tasks, moved by their mean success")
    correction_target_entropy: float = setting(
        -1.0, "of the correction policy, in nats per action dimension; -1.69 = the base's, in executed actions"
    )
    entropy_in_target: bool = setting(True, "dense critics count the proposing policy's entropy (off: SEditor)")
    sparse_trains_encoder: bool = setting(True, "the critics of success train the base's encoder too")
