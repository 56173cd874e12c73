"""Whatever a command cannot do is one sentence, and the traceback of a run that failed is in its run.log."""

import shutil
import subprocess
import sys

import jax
import pytest
from toy_runs import SMALL, Toy, main

from cmta_jax.task_embeddings import files as task_embeddings
from experiments import embed_tasks, evaluate, inspect_modules, run
from experiments.command_line import commands
from experiments.command_line.parse import parse

NO_HOME = "~nobody_of_this_name/x"


def test_a_home_folder_that_does_not_exist_is_one_sentence(capsys):
    assert run.main([*SMALL, f"--workdir={NO_HOME}"], Toy) == 2
    assert evaluate.main([f"--workdir={NO_HOME}"], Toy) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: --workdir={NO_HOME} has no such home folder: give another.",
        f"evaluate: {NO_HOME} cannot be found (there is no such home folder): give another path.",
    ]


def test_a_resume_of_a_missing_run_says_so_before_anything_else(tmp_path, capsys):
    """Ten steps are too few for the warm-up, but that matters only once the folder is right."""
    assert run.main([f"--workdir={tmp_path}/typo", "--resume", "--steps_per_task=10"], Toy) == 2
    assert capsys.readouterr().err.startswith(f"error: --resume finds no run in {tmp_path}/typo: leave it out")


def test_environments_that_cannot_be_built_are_one_sentence_with_the_traceback_in_the_log(tmp_path, capsys):
    class Unbuildable(Toy):
        def __init__(self, *_):
            trace = "Traceback (most recent call last):\n  File 'worker.py', line 3\nImportError: no libGL\n"
            raise RuntimeError(f"The environments of reach-v3 could not be built: their worker failed with\n{trace}")

    assert main(tmp_path, pool=Unbuildable) == 1
    reason = "The environments of reach-v3 could not be built: their worker failed with ImportError: no libGL"
    assert capsys.readouterr().err == f"error: {reason}\n"
    written = (tmp_path / "run.log").read_text()
    assert "The run failed." in written and "File 'worker.py', line 3" in written


@pytest.mark.parametrize("error", [AssertionError(), RuntimeError("Unable to initialize backend 'cuda'")])
def test_a_device_that_is_not_there_is_one_sentence(tmp_path, capsys, monkeypatch, error):
    def devices(*_):
        raise error

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "devices", devices)
    assert main(tmp_path / "none") == 2
    assert evaluate.main([f"--workdir={tmp_path}"], Toy) == 2
    assert inspect_modules.main([f"--workdir={tmp_path}"], Toy) == 2
    remedy = "JAX finds no device with JAX_PLATFORMS=cuda: unset it, or install jax for that device, as in "
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2] for line in said] == [f"{remedy}pip install 'jax[cuda12]'."] * 3


def test_a_run_whose_start_failed_can_be_started_again(tmp_path):
    class Unbuildable(Toy):
        def __init__(self, *_):
            raise RuntimeError("no simulators")

    assert main(tmp_path / "run", pool=Unbuildable) == 1
    assert main(tmp_path / "run", "--steps_per_task=20") == 0


def test_a_complete_run_stays_complete_if_its_summary_cannot_be_made(tmp_path, caplog):
    def lose(step):
        if step == 15:
            (tmp_path / "flags.flags").unlink()

    class Careless(Toy):
        interrupt = staticmethod(lose)

    assert main(tmp_path, "--steps_per_task=20", pool=Careless) == 0
    assert (tmp_path / "final.csv").exists() and "The run is complete, but its summary is not: " in caplog.text


def test_a_resume_without_a_checkpoint_says_that_it_begins_anew(tmp_path, caplog):
    assert main(tmp_path, "--steps_per_task=20") == 0
    assert "begins anew" not in caplog.text
    shutil.rmtree(tmp_path / "checkpoints")
    assert main(tmp_path, "--steps_per_task=20", "--resume") == 0
    assert "holds no checkpoint: the run begins anew, and its tables too." in caplog.text


def test_a_tilde_is_a_home_folder_for_every_command(tmp_path, monkeypatch, capsys):
    """Shells leave it in --out=~/x."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert commands.path_of("~/x") == tmp_path / "x"
    assert embed_tasks.main(["--out=~/vectors.json"], lambda _: lambda texts: [[1.0]] * len(texts)) == 0
    assert len(task_embeddings.load("~/vectors.json", ("reach-v3",))) == 1
    capsys.readouterr()
    assert embed_tasks.main([f"--out={NO_HOME}"]) == 2
    said = f"embed_tasks: {NO_HOME} cannot be used (there is no such home folder): give another path.\n"
    assert capsys.readouterr().err == said


def test_a_mistake_in_the_code_keeps_its_traceback(tmp_path):
    class Mistaken(Toy):
        def receive(self):
            raise KeyError("mistake")

    with pytest.raises(KeyError):
        main(tmp_path, pool=Mistaken)


def test_a_reader_that_leaves_the_help_early_is_no_error():
    program = "from experiments.command_line.commands import show; show('x' * 10**6)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 0


def test_help_into_a_full_disk_is_no_traceback():
    program = "from experiments.command_line.commands import show; show('x')"
    with open("/dev/full", "w") as full:
        assert subprocess.run([sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE).stderr == b""


def test_a_run_without_memory_ends_in_one_sentence(tmp_path, capsys):
    class Hungry(Toy):
        def receive(self):
            raise MemoryError

    assert main(tmp_path, pool=Hungry) == 1
    assert capsys.readouterr().err == "error: Memory ran out (no more of it for this process): free some of it.\n"


def test_windows_is_refused_in_one_sentence():
    """Before anything that Windows lacks is imported: every command begins with the package."""
    program = "import sys; before = {*sys.modules}; sys.platform = 'win32'\ntry: import experiments.sweep\n"
    program += "finally: assert {*sys.modules} - before <= {'experiments'}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr == "cmta_jax runs on Linux: on Windows, use the Windows Subsystem for Linux (WSL 2).\n"


def test_the_library_names_windows_too():
    program = "import sys; sys.modules['fcntl'] = None; import cmta_jax.storage.lock"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stderr.splitlines()[-1].startswith("ImportError: cmta_jax runs on Linux: on Windows, use")


def test_the_sentence_of_an_error_is_one_line():
    assert commands.sentence(ValueError("two\nlines")) == "two lines"
    assert commands.sentence(RuntimeError()) == "RuntimeError"
    refused = FileNotFoundError(2, "No such file or directory", "here")
    assert commands.sentence(refused) == "here cannot be used (No such file or directory): give another path."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--benchmark=mt10,reach-v3"],
         "'mt10' is a benchmark and cannot be mixed with tasks: give 'mt10' alone, or a list of tasks."),
        (["--eval_episodes=1", "--copies_per_task=4"],
         "--eval_episodes=1 is not a multiple of --copies_per_task=4, and every copy plays the same number of "
         "episodes: give 4."),
        (["--eval_episodes=6", "--copies_per_task=4"],
         "--eval_episodes=6 is not a multiple of --copies_per_task=4, and every copy plays the same number of "
         "episodes: give 4 or 8."),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_together_are_refused(arguments, sentence):
    with pytest.raises(ValueError) as error:
        parse([*SMALL, *arguments])
    assert str(error.value) == sentence


def test_a_run_of_an_older_version_with_such_settings_can_be_resumed(tmp_path):
    (tmp_path / "flags.flags").write_text("--eval_episodes=1\n--copies_per_task=4\n")
    assert parse([f"--workdir={tmp_path}", "--resume"]).training.eval_episodes == 1
