"""Which parts of a run's state a checkpoint stores beside the replay, and where the parameters are in them."""

from typing import Any

from cmta_jax.training.one_seed import TrainState

PARAMETERS = "0/params"  # path of the policies' parameters in `saved_state`: those of the learner, its first part


def saved_state(state: TrainState) -> tuple[Any, Any]:
    """What a checkpoint stores beside the replay: the learner and the rollout. Works for shapes, too."""
    return state.learner, state.rollout


def restored_state(saved: tuple[Any, Any], replay: Any) -> TrainState:
    """The inverse of `saved_state`."""
    learner, rollout = saved
    return TrainState(learner, replay, rollout)
