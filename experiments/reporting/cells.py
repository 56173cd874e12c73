"""Names of a benchmark in headings and files, and its protocol in words."""

import re
import zlib

from cmta_jax.results.protocol import Cell
from cmta_jax.storage.flags_file import Flags


def title(cell: Cell) -> str:
    """`MT10-Mixed` for a benchmark of Meta-World; the first tasks for a list of tasks."""
    if "," not in cell.benchmark and not cell.benchmark.endswith("-v3"):
        return f"{cell.benchmark.upper()}-{cell.goals.capitalize()}"
    names = [task.strip().removesuffix("-v3") for task in cell.benchmark.split(",")]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more} ({cell.goals})"


def file_name(cell: Cell) -> str:
    """The cell in lower case and underscores; a long list of tasks is cut and ends in a checksum."""
    name = re.sub(r"[^a-z0-9]+", "_", " ".join(cell).lower()).strip("_")
    return name if len(name) <= 60 else f"{name[:50]}_{zlib.crc32(name.encode()):08x}"


def protocol_sentence(flags: Flags) -> str:
    """One sentence on what a success rate of this run means."""
    text = {
        name: flags.text(name) or "unknown" for name in ("horizon", "reward_version", "eval_every", "eval_episodes")
    }
    version = flags.text("success_version") or "v2"
    return (
        f"Episodes of {text['horizon']} steps, rewards {text['reward_version']}, success ({version} definition) at any "
        f"step of the episode; evaluated every {text['eval_every']} steps per task, "
        f"{text['eval_episodes']} episode(s) per task, deterministic policy."
    )
