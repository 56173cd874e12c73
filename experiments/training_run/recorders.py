"""What writes down a run: eval.csv and train.csv, TensorBoard, Weights & Biases if asked for, and the progress bar."""

import math

from cmta_jax.runs.settings import as_flags
from cmta_jax.storage.run_folder import RunFolder
from cmta_jax.tracking.csv_files import CsvWriter
from cmta_jax.tracking.listeners import Listener, Several
from cmta_jax.tracking.progress import Progress
from cmta_jax.tracking.run_costs import WithCosts
from cmta_jax.tracking.tensorboard import TensorBoardWriter
from cmta_jax.tracking.value_warning import ValueWarning
from cmta_jax.tracking.wandb import WandbWriter
from experiments.training_run.setup import Plan


def recorders(plan: Plan, folder: RunFolder, step: int, postponed: bool, progress: Progress) -> Several:
    """All listeners of a run.

    Args:
        step: environment steps per task done before; later rows of the tables are dropped.
        postponed: whether the evaluation of that step is still to come.
    """
    live: list[Listener] = [TensorBoardWriter(folder.file("tensorboard"), plan.seeds, plan.tasks, step)]
    if plan.settings.run.wandb:
        flags = as_flags(plan.settings.values())
        live.append(WandbWriter(folder.path, plan.seeds, plan.tasks, flags))
    tables = CsvWriter(folder.path, plan.seeds, plan.tasks, step, step - postponed)
    live_with_costs = WithCosts(Several(*live), len(plan.seeds), math.prod(plan.lanes))
    return Several(tables, live_with_costs, ValueWarning(plan.seeds, plan.tasks), progress)
