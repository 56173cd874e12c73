"""Where the default of each flag of a run comes from; `--helpfull` prints it.

"Table" and "section" are those of Lan et al., NeurIPS 2023. "Released code" is niiceMing/CMTA at commit e5c1a00.
"Deviation" is a row of docs/deviations.md. "Our choice" is of this project.
"""

TSAC_OF_SEDITOR = (
    "edit_range",
    "clip",
    "distance",
    "initial_multiplier",
    "multiplier_learning_rate",
    "learn_multiplier",
)
TSAC_OURS = (
    "base", "correction", "correction_reward", "normalize", "budget", "max_multiplier", "shared_multiplier",
    "correction_target_entropy", "entropy_in_target", "sparse_trains_encoder",
)  # fmt: skip

SOURCES = {
    # what is run
    "method": "the paper's method",
    "benchmark": "Table 1",
    "env_workers": "our choice",
    "workdir": "our choice",
    "profile": "our choice",
    "resume": "our choice",
    "wandb": "our choice",
    # training
    "steps_per_task": "section 5.3",
    "warmup_steps": "Table 3, Deviation 5",
    "updates_per_step": "Table 3",
    "matmul_precision": "our choice",
    "copies_per_task": "Table 3",
    "replay_capacity": "Table 3, Deviation 3",
    "eval_every": "Table 3",
    "eval_episodes": "released code",
    "reward_scaling": "released code, Deviation 24",
    "reward_scale": "Table 3, Deviation 24",
    "max_critic_loss": "mtrl, which the released code builds on",
    "log_every": "our choice",
    "checkpoint_every": "our choice",
    "keep_checkpoints": "our choice",
    "seed": "our choice, Deviation 17",
    "num_seeds": "our choice; the paper has 8",
    # environment
    "goals": "Table 1",
    "horizon": "Table 3",
    "reward_version": "our choice, Deviation 1",
    "success_version": "our choice, Deviation 1",
    "simulator": "our choice",
    # soft actor-critic
    "batch_per_task": "Table 3, Deviation 2",
    "hidden_dim": "Table 3",
    "hidden_layers": "Table 3, Deviation 21",
    "num_critics": "released code",
    "critic_layer_norm": "released code, Deviation 25",
    "actor_learning_rate": "Table 3",
    "critic_learning_rate": "Table 3",
    "temperature_learning_rate": "released code",
    "max_gradient_norm": "released code",
    "discount": "Table 3",
    "target_rate": "released code",
    "encoder_target_rate": "released code",
    "initial_temperature": "released code",
    "target_entropy": "released code",
    "log_std_mode": "released code",
    "initial_log_std": "released code, Deviation 15",
    # methods
    "cmta.num_experts": "Table 7",
    "cmta.encoding_dim": "Tables 4 and 7",
    "cmta.contrastive_weight": "Table 7",
    "cmta.contrastive_temperature": "released code, Deviation 6",
    "cmta.actor_encoder": "Figure 2, Deviation 10",
    "cmta.task_encoder_depth": "Table 4, Deviation 12",
    "cmta.temporal": "Eq. 7",
    "cmta.detach_task": "released code, Deviation 11",
    "cmta.memory_learning_rate": "released code, Deviation 26",
    "care.num_experts": "Table 6",
    "care.encoding_dim": "Tables 4 and 6",
    "care.contrastive_weight": "Table 2, Deviation 16",
    "care.contrastive_temperature": "released code, Deviation 6",
    "care.actor_encoder": "our choice, Deviation 10",
    "care.task_encoder_depth": "Table 4, Deviation 12",
    "care.embeddings": "our choice, Deviation 20",
    "mtsac.task_id": "section 5.2, Deviation 22",
    "mtsac.task_encoder": "section 5.2",
    "mtsac.state_encoder": "released code, Deviations 22 and 23",
    "mtsac.encoding_dim": "Table 4, released code",
    "mtsac.task_encoder_depth": "Table 4, Deviation 12",
    "mtmhsac.encoding_dim": "released code",
    "soft_modularization.form": "Table 5, Deviation 18",
    "soft_modularization.layers": "Table 5",
    "soft_modularization.modules": "Table 5",
    "soft_modularization.module_dim": "Table 5",
    "soft_modularization.loss_weights": "Eq. 11, Deviation 19",
    "soft_modularization.encoding_dim": "Table 4, released code",
    "soft_modularization.task_encoder_depth": "Table 4, Deviation 12",
    "soft_modularization.base_dim": "Yang et al. 2020, their code",
    "soft_modularization.gate_dim": "Yang et al. 2020, their code",
}
SOURCES |= {f"tsac.{name}": "SEditor, arXiv 2201.12427" for name in TSAC_OF_SEDITOR}
SOURCES |= {f"tsac.{name}": "our reconstruction, docs/methods.md 6.3" for name in TSAC_OURS}
