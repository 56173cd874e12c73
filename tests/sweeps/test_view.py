"""What a person sees of a sweep."""

import datetime
import io
import re

import rich.console

from experiments.benchmarks import train as suite
from experiments.command_line.parse import parse
from experiments.sweeps import hours, view
from experiments.sweeps.folders import SweepRun, progress_of, state_of

LINE = "{at:%Y-%m-%d %H:%M:%S},123 INFO cmta_jax.tracking.progress: step {step}/60 | return -9.5 | {rest}\n"
SPEED = "success 0.25 | 3.1 iterations/s | 6 environment steps/s | {left} left | learning 100%"


def begun(folder, *lines):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flags.flags").touch()
    (folder / "run.log").write_text("".join(lines))
    return folder


def line(step, left, minutes_ago):
    at = datetime.datetime.now() - datetime.timedelta(minutes=minutes_ago)
    return LINE.format(at=at, step=step, rest=SPEED.format(left=left))


def test_a_real_run_is_read_from_its_log(whole, tmp_path):
    """The run of the fixture is finished; one that is not has the time of its newest line, less what passed since."""
    progress = progress_of(whole)
    assert progress.step == "60/60" and re.fullmatch(r"\d\.\d\d", progress.success) and progress.seconds_left == 0
    log = (whole / "run.log").read_text().splitlines(keepends=True)
    newest = max(index for index, text in enumerate(log) if " step 40/60 |" in text)
    unfinished = progress_of(begun(tmp_path / "run", *log[: newest + 1]))
    assert unfinished.step == "40/60" and unfinished.seconds_left is not None


def test_time_left_is_what_the_run_said_less_the_time_since(tmp_path):
    folder = begun(tmp_path / "run", line(20, "9:00:00", 90), line(40, "1 d 2:00:00", 30))
    assert progress_of(folder)[:2] == ("40/60", "0.25")
    assert abs(progress_of(folder).seconds_left - 25.5 * 3600) < 5
    assert progress_of(begun(tmp_path / "late", line(20, "0:10:00", 30))).seconds_left == 0
    assert progress_of(begun(tmp_path / "unknown", line(20, "?", 1))).seconds_left is None
    assert progress_of(tmp_path / "none") == ("-", "-", None)


def test_states_of_folders(tmp_path):
    folder = tmp_path / "seeds_0"
    folder.mkdir()
    assert state_of(folder) == "waiting"
    begun(folder)
    assert state_of(folder) == "unfinished"
    (tmp_path / "seeds_0.log").write_text("error: no luck\n")
    assert state_of(folder) == "failed"


def drawn(rows, height):
    console = rich.console.Console(file=io.StringIO(), width=100)
    console.print(view.table(rows, height, 3661))
    return console.file.getvalue()


def test_the_table_shows_first_what_runs_and_says_what_it_leaves_out():
    states = ("finished", "waiting", "failed", "running")
    rows = [(f"run {number}", state, "-", "-", "-") for number, state in enumerate(states)]
    text = drawn(rows, 10)
    assert [text.index(name) for name in ("run 3", "run 2", "run 1", "run 0")] == sorted(
        text.index(f"run {number}") for number in range(4)
    )
    assert "1 running, 1 failed, 1 waiting, 1 finished; 1:01:01 since the start" in text
    text = drawn(rows, 3)
    assert "run 3" in text and "and 2 more" in text and "run 0" not in text


def test_a_terminal_gets_a_table_below_the_lines_and_a_pipe_the_lines_alone(tmp_path, capfd, monkeypatch):
    runs = [
        SweepRun(begun(tmp_path / "mt10_mixed" / "care" / f"seeds_{seed}", line(20, "1:00:00", 0)), ())
        for seed in (0, 1)
    ]
    with view.watch(runs) as (say, show):
        say("starting: [a]")
        show({})
    assert capfd.readouterr().out == "starting: [a]\n"
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    with view.watch(runs) as (say, show):
        say("starting: [a]")
        show({runs[1]: "queued"})
    out = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capfd.readouterr().out)
    assert "starting: [a]" in out and re.search(r"seeds_1 +│ queued +│ 20/60 │ +0.25 │", out)


def test_hours_are_the_time_of_an_iteration_times_the_steps_that_are_left(tmp_path, monkeypatch):
    """An hour has 3600 s: 7200 steps of 2 s are 4 hours; at step 20 of 60, 40 steps are left."""
    timed = []
    monkeypatch.setattr(hours, "iteration_seconds", lambda settings: timed.append(settings.training.seed) or 2.0)
    monkeypatch.setattr("os.sched_setaffinity", lambda process, cores: None)
    flags = ("--flagfile=mt10_mixed/care.flags", "--num_seeds=2")
    long = (*flags, "--steps_per_task=7200")
    new = [SweepRun(tmp_path / name, (*long, f"--seed={name}", f"--workdir={tmp_path / name}")) for name in "02"]
    old = SweepRun(begun(tmp_path / "old", line(20, "1:00:00", 0)), (*flags, "--steps_per_task=7220"))
    assert [*hours.predict([*new, old], [0])] == [(new[0], 4), (new[1], 4), (old, 4)]
    assert timed == [0, 0]  # the two seeds are one program


def test_an_iteration_is_timed_with_the_flags_of_the_run(monkeypatch):
    """How it is timed is tested with the benchmark."""
    seen = []
    monkeypatch.setattr(
        suite, "loop_figures", lambda *given, turns, seconds: seen.append(given) or {"iteration_ms": 1500.0}
    )
    flags = ("--copies_per_task=2", "--num_seeds=3", "--env_workers=1", "--updates_per_step=2", "--eval_episodes=2")
    assert hours.iteration_seconds(parse(["--method=mtmhsac", "--benchmark=reach-v3", *flags])) == 1.5
    ((_, pool, config),) = seen
    assert pool.num_lanes == 6 and (config.updates_per_step, config.warmup_steps) == (2, 1)
