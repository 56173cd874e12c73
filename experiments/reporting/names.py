"""From a run's flags to the row of the paper's tables that it belongs to."""

from cmta_jax.storage.flags_file import Flags


def row_name(flags: Flags) -> str:
    """The name of the row; the paper's where the paper has it, else one that says what differs."""
    return _row_name(flags, flags.text("method") or "unknown method")


def _row_name(flags, method):
    return NAMES[method](flags) if method in NAMES else method


def _cmta(flags):
    experts = int(flags.number("cmta.num_experts", 6))
    name = "CMTA" if experts == 6 else f"CMTA with {experts} experts"
    if flags.number("cmta.contrastive_weight", 2500) == 0:
        name += " w/o CL"
    if not flags.enabled("cmta.temporal", True):
        name += " w/o TI"
    if flags.text("cmta.actor_encoder") == "frozen_random":
        name += " (frozen random actor encoder)"
    return name


def _care(flags):
    return "CARE + CL" if flags.number("care.contrastive_weight", 0) > 0 else "CARE"


def _mtsac(flags):
    name = "MT-SAC+TE" if flags.enabled("mtsac.task_encoder", False) else "MT-SAC"
    return f"{name} (one-hot)" if flags.text("mtsac.task_id") == "onehot" else name


def _soft_modularization(flags):
    form = flags.text("soft_modularization.form") or "paper"
    name = "SoftModu" if form == "paper" else f"SoftModu ({form} form)"
    return f"{name} (loss weights)" if flags.enabled("soft_modularization.loss_weights", False) else name


def _tsac(flags):
    return f"TSAC (our reconstruction) on {_row_name(flags, flags.text('tsac.base') or 'unknown base')}"


NAMES = {
    "cmta": _cmta,
    "care": _care,
    "mtsac": _mtsac,
    "mtmhsac": lambda flags: "MTMH-SAC",
    "soft_modularization": _soft_modularization,
    "single_task_sac": lambda flags: "Single-SAC",
    "tsac": _tsac,
}
