"""In the place of a run, in a moment: quick_job.py <deaths> <flags>

`self,parent,nobody`: the first start kills itself; the second the process that started it, such as a Ray worker, and
waits until it is asked to end; the third only waits. `sweep` is the process whose id is in SWEEP. What starts after
these goes on to the end. `<workdir>.starts` has the flags of each start.
"""

import os
import pathlib
import signal
import sys

from cmta_jax.storage.lock import FolderLock

PATIENCE = 60  # seconds until somebody asks it to end


def saved_and_ended(number, frame):
    signal.signal(number, signal.SIG_IGN)  # it may be asked more than once
    print("stopped and saved", flush=True)
    sys.exit(128 + number)


signal.signal(signal.SIGTERM, saved_and_ended)
deaths, *flags = sys.argv[1:]
(workdir,) = (pathlib.Path(flag.partition("=")[2]) for flag in flags if flag.startswith("--workdir="))
lock = FolderLock(workdir)
(workdir / "flags.flags").touch()
print("gone on with" if "--resume" in flags else "begun", flush=True)
with open(f"{workdir}.starts", "a+") as file:
    file.write(" ".join(flags) + "\n")
    file.seek(0)
    start = len(file.readlines())
victim = [*deaths.split(","), *["-"] * start][start - 1]
pids = {"self": os.getpid(), "parent": os.getppid(), "sweep": int(os.environ.get("SWEEP", 0))}
if victim in pids:
    os.kill(pids[victim], signal.SIGKILL)
if victim != "-":
    signal.alarm(PATIENCE)
    signal.pause()
(workdir / "final.csv").write_text("seed,task,goal_set,success,episode_return\n")
