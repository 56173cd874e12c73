"""From a run's flags to the row of the paper's tables that it belongs to."""

import math
from collections.abc import Callable

from cmta_jax.config import TrainingConfig
from cmta_jax.methods import care, cmta, mtsac, soft_modularization
from cmta_jax.storage.flags_file import Flags


def row_name(flags: Flags) -> str:
    """The name of the row: the paper's where the paper has it, else one that names the difference.

    A flag that the file does not have has the default of the method's `Config`.
    """
    method = flags.text("method") or "unknown method"
    name = NAMES[method](flags) if method in NAMES else method
    reference = (flags.text("match_parameters") or "").partition(":")[0]
    if reference in NAMES and reference != "tsac":
        name = f"{name} (size of {NAMES[reference](Flags({}))})"
    options = _options(flags)
    return f"{name} ({', '.join(options)})" if options else name


def _options(flags: Flags) -> list[str]:
    """What the run has of the options of every method (docs/methods.md, section 5) or what no shipped flagfile has."""
    width, layers = flags.number("critic_hidden_dim", 0), flags.number("critic_hidden_layers", 0)
    scaling = flags.text("reward_scaling")
    shrunk = scaling == "none" and flags.number("reward_scale", TrainingConfig.reward_scale) != 1.0
    released = flags.text("reward_version") == "v1" or flags.text("cmta.actor_encoder") == "frozen_random"
    drifting = scaling == "running_std" and not released  # where the released code's scaling is not meant
    named = {
        f"critics {width:g} wide": width not in (0, flags.number("hidden_dim", 0)),
        f"critics of {layers:g} layers": layers > 0,
        "categorical critics": flags.text("critic_loss") == "categorical",
        "mean of critics": flags.text("critic_reduction") == "mean",
        "weight decay": flags.number("weight_decay", 0) > 0,
        "resets": flags.number("reset_every", 0) > 0,
        "rewards over means": scaling == "mean",
        "rewards over returns": scaling == "max_return",
        "rewards over a running deviation": drifting,
        "bfloat16 activations": flags.text("activation_dtype") == "bfloat16",
        "critics without layer norm": (shrunk or drifting) and not flags.enabled("critic_layer_norm", True),
    }
    return [name for name, there in named.items() if there]


def _cmta(flags: Flags) -> str:
    default = cmta.Config
    experts = int(flags.number("cmta.num_experts", default.num_experts))
    name = "CMTA" if experts == default.num_experts else f"CMTA with {experts} experts"
    weight = flags.number("cmta.contrastive_weight", default.contrastive_weight)
    if weight == 0:
        name += " w/o CL"
    if not flags.enabled("cmta.temporal", default.temporal):
        name += " w/o TI"
    if (flags.text("cmta.actor_encoder") or default.actor_encoder) == "frozen_random":
        name += " (frozen random actor encoder)"
    if _is_literal(flags):
        return f"{name} (literal)"
    return name + _unusual_contrast(flags, "cmta", weight)


def _unusual_contrast(flags: Flags, method: str, weight: float) -> str:
    """Names what the contrastive loss has that is not the paper's for rewards of that scale (deviations 28 and 29)."""
    if weight == 0:
        return ""
    raw = flags.text("reward_scaling") in ("none", "mean")  # of the task with the largest rewards
    scale = flags.number("reward_scale", TrainingConfig.reward_scale) if raw else 1.0
    floor = flags.number(f"{method}.contrastive_floor", cmta.Config.contrastive_floor)
    is_usual = math.isclose(weight, cmta.Config.contrastive_weight * scale**2)
    unusual = [] if is_usual else [f"contrastive weight {weight:g}"]
    unusual += [] if floor == cmta.Config.contrastive_floor else [f"contrastive floor {floor:g}"]
    return f" ({', '.join(unusual)})" if unusual else ""


def _is_literal(flags: Flags) -> bool:
    """Whether rewards are raw and critics plain: the paper's words, which the shipped rows depart from."""
    raw = flags.text("reward_scaling") == "none" and flags.number("reward_scale", TrainingConfig.reward_scale) == 1.0
    return raw and not flags.enabled("critic_layer_norm", cmta.Config.critic_layer_norm)


def _care(flags: Flags) -> str:
    weight = flags.number("care.contrastive_weight", care.Config.contrastive_weight)
    return f"CARE + CL{_unusual_contrast(flags, 'care', weight)}" if weight > 0 else "CARE"


def _mtsac(flags: Flags) -> str:
    name = "MT-SAC+TE" if flags.enabled("mtsac.task_encoder", mtsac.Config.task_encoder) else "MT-SAC"
    task_id = flags.text("mtsac.task_id") or mtsac.Config.task_id
    return f"{name} (one-hot)" if task_id == "onehot" else name


def _soft_modularization(flags: Flags) -> str:
    default = soft_modularization.Config
    form = flags.text("soft_modularization.form") or default.form
    name = "SoftModu" if form == "paper" else f"SoftModu ({form} form)"
    weighted = flags.enabled("soft_modularization.loss_weights", default.loss_weights)
    return f"{name} (loss weights)" if weighted else name


def _tsac(flags: Flags) -> str:
    base = flags.text("tsac.base") or "unknown base"
    return f"TSAC (our reconstruction) on {NAMES[base](flags) if base in NAMES else base}"


NAMES: dict[str, Callable[[Flags], str]] = {
    "cmta": _cmta,
    "care": _care,
    "mtsac": _mtsac,
    "mtmhsac": lambda flags: "MTMH-SAC",
    "soft_modularization": _soft_modularization,
    "single_task_sac": lambda flags: "Single-SAC",
    "tsac": _tsac,
}
