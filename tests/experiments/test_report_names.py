"""From a run's flags to a row of the paper's tables."""

import pytest

from cmta_jax.storage.flags_file import Flags
from experiments.reporting import names


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CMTA", {"method": "cmta", "cmta.num_experts": "6", "cmta.contrastive_weight": "2500.0"}),
        (
            "CMTA",
            {"method": "cmta", "cmta.contrastive_weight": "25.0", "reward_scaling": "none", "reward_scale": "0.1"},
        ),
        (
            "CMTA (contrastive weight 2500)",
            {"method": "cmta", "cmta.contrastive_weight": "2500", "reward_scaling": "none", "reward_scale": "0.1"},
        ),
        ("CARE + CL (contrastive weight 25)", {"method": "care", "care.contrastive_weight": "25"}),
        ("CMTA (contrastive floor 0)", {"method": "cmta", "cmta.contrastive_floor": "0.0"}),
        ("CMTA (contrastive floor 0.5)", {"method": "cmta", "cmta.contrastive_floor": "0.5"}),
        (
            "CARE + CL (contrastive weight 9, contrastive floor 0)",
            {"method": "care", "care.contrastive_weight": "9", "care.contrastive_floor": "0"},
        ),
        ("CMTA w/o CL", {"method": "cmta", "cmta.contrastive_weight": "0.0"}),
        ("CMTA w/o TI", {"method": "cmta", "cmta.temporal": "false"}),
        ("CMTA w/o TI", {"method": "cmta", "nocmta.temporal": "true"}),
        ("CMTA with 12 experts", {"method": "cmta", "cmta.num_experts": "12"}),
        ("CMTA (frozen random actor encoder)", {"method": "cmta", "cmta.actor_encoder": "frozen_random"}),
        ("CARE", {"method": "care", "care.contrastive_weight": "0.0"}),
        ("CARE + CL", {"method": "care", "care.contrastive_weight": "2500"}),
        ("MT-SAC", {"method": "mtsac", "mtsac.task_encoder": "false", "mtsac.task_id": "none"}),
        ("MT-SAC (one-hot)", {"method": "mtsac", "mtsac.task_id": "onehot"}),
        ("MT-SAC+TE", {"method": "mtsac", "mtsac.task_encoder": "true"}),
        ("MTMH-SAC", {"method": "mtmhsac"}),
        ("SoftModu", {"method": "soft_modularization", "soft_modularization.form": "paper"}),
        (
            "SoftModu (original form) (loss weights)",
            {
                "method": "soft_modularization",
                "soft_modularization.form": "original",
                "soft_modularization.loss_weights": "true",
            },
        ),
        ("Single-SAC", {"method": "single_task_sac"}),
        ("TSAC (our reconstruction) on CMTA", {"method": "tsac", "tsac.base": "cmta"}),
        ("a_ninth_method", {"method": "a_ninth_method"}),
        ("CMTA (critics 128 wide)", {"method": "cmta", "hidden_dim": "64", "critic_hidden_dim": "128"}),
        ("CMTA", {"method": "cmta", "hidden_dim": "64", "critic_hidden_dim": "64"}),
        ("CARE (critics of 4 layers)", {"method": "care", "critic_hidden_layers": "4"}),
        (
            "MTMH-SAC (size of CMTA) (categorical critics, weight decay)",
            {
                "method": "mtmhsac",
                "match_parameters": "cmta",
                "critic_loss": "categorical",
                "weight_decay": "0.01",
                "critic_reduction": "min",
            },
        ),
        (
            "TSAC (our reconstruction) on MTMH-SAC (size of CMTA) (weight decay)",
            {"method": "tsac", "tsac.base": "mtmhsac", "match_parameters": "cmta", "weight_decay": "0.01"},
        ),
        ("CMTA (mean of critics, resets)", {"method": "cmta", "critic_reduction": "mean", "reset_every": "8000"}),
        ("CMTA (rewards over means)", {"method": "cmta", "reward_scaling": "mean", "critic_layer_norm": "true"}),
        (
            "CMTA (rewards over means)",
            {
                "method": "cmta",
                "cmta.contrastive_weight": "25.0",
                "reward_scaling": "mean",
                "reward_scale": "0.1",
                "critic_layer_norm": "true",
            },
        ),
        ("CMTA (bfloat16 activations)", {"method": "cmta", "activation_dtype": "bfloat16"}),
        ("CMTA (rewards over returns)", {"method": "cmta", "reward_scaling": "max_return"}),
        (
            "CMTA (rewards over a running deviation)",
            {"method": "cmta", "reward_scaling": "running_std", "critic_layer_norm": "true", "reward_version": "v2"},
        ),
        (
            "CMTA",
            {"method": "cmta", "reward_scaling": "running_std", "critic_layer_norm": "true", "reward_version": "v1"},
        ),
        (
            "CMTA (rewards over a running deviation, critics without layer norm)",
            {"method": "cmta", "reward_scaling": "running_std", "critic_layer_norm": "false", "reward_version": "v2"},
        ),
        (
            "CMTA (frozen random actor encoder)",
            {"method": "cmta", "cmta.actor_encoder": "frozen_random", "reward_scaling": "running_std"},
        ),
        (
            "MTMH-SAC (critics without layer norm)",
            {"method": "mtmhsac", "reward_scaling": "none", "reward_scale": "0.1", "critic_layer_norm": "false"},
        ),
    ],
)
def test_flags_name_the_row(name, values):
    assert names.row_name(Flags(values)) == name
