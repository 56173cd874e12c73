"""Copies what is small and lasting of finished runs into results/, with checksums.

    PYTHONPATH=. python tests/support/publish.py results/few runs/few/cmta runs/few/care ...

Of each run: flags, evaluations, the final policy's episodes, every third row of the learner's metrics, the log without
paths of the machine, and the policy of its first seed. `SHA256SUMS` lists all files of the folder.
"""

import hashlib
import pathlib
import re
import shutil
import sys

from cmta_jax.checkpoint import policy as policy_files

KEPT = ("flags.flags", "eval.csv", "final.csv")
THINNED = 3  # one logged step in so many, of every seed


def publish(run: pathlib.Path, out: pathlib.Path) -> None:
    """Copies one run to `out`, which is made."""
    out.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(run / name, out / name)
    log = (run / "run.log").read_text(encoding="utf-8")
    (out / "run.log").write_text(re.sub(r"[^\s=]*/" + re.escape(run.name) + r"\b", run.name, log), encoding="utf-8")
    (out / "train.csv").write_text(thinned((run / "train.csv").read_text(encoding="utf-8")), encoding="utf-8")
    params, metadata = policy_files.load_policy(run / "policy.safetensors")
    first = {**metadata, "seeds": metadata["seeds"][:1], "flags": {**metadata["flags"], "num_seeds": "1"}}
    policy_files.save_policy(out / "policy.safetensors", keep_first(params), first)


def keep_first(params):
    """The parameters of the first seed, with the seeds' axis."""
    return {name: keep_first(part) if isinstance(part, dict) else part[:1] for name, part in params.items()}


def thinned(text: str) -> str:
    """Every third step of train.csv, all seeds, and the last step."""
    head, *rows = text.splitlines()
    steps = list(dict.fromkeys(row.split(",", 1)[0] for row in rows))
    kept = {*steps[THINNED - 1 :: THINNED], steps[-1]}
    return "\n".join([head, *(row for row in rows if row.split(",", 1)[0] in kept)]) + "\n"


def write_checksums(out: pathlib.Path) -> None:
    """`SHA256SUMS` of all files below `out`, as `sha256sum --check` reads them."""
    files = sorted(path for path in out.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out).as_posix()}" for path in files]
    (out / "SHA256SUMS").write_text("\n".join(lines) + "\n")


def main(out: str, *runs: str) -> None:
    """Publishes the runs, each in a folder of its name."""
    for run in map(pathlib.Path, runs):
        publish(run, pathlib.Path(out) / run.name)
    write_checksums(pathlib.Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
