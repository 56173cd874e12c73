import ast
import pathlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

from gymnasium.envs import registration

from experiments.command_line import flagfiles

SUFFIXES = (".py", ".flags", ".json", ".html", ".safetensors")
ROOT = pathlib.Path(__file__).parent.parent


def test_an_installed_project_has_every_flagfile_and_table_and_the_shipped_policy(tmp_path):
    for name in ("cmta_jax", "experiments"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, "."], cwd=tmp_path, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    sources = [path for name in ("cmta_jax", "experiments") for path in (ROOT / name).rglob("*.*") if path.is_file()]
    wanted = {str(path.relative_to(ROOT)) for path in sources if path.suffix in SUFFIXES}
    assert packed >= wanted and f"experiments/flags/{flagfiles.shipped()[0]}" in packed
    assert "cmta_jax/runs/shipped_policy.safetensors" in packed
    assert not any(name.startswith("tests/") for name in packed)


IMPORTED_AS = {  # distribution -> module, where the names differ
    "absl-py": "absl", "imageio-ffmpeg": "imageio_ffmpeg", "orbax-checkpoint": "orbax", "pillow": "PIL",
    "scikit-learn": "sklearn", "sentence-transformers": "sentence_transformers",
    "stable-baselines3": "stable_baselines3",
}  # fmt: skip


def test_what_is_imported_is_declared_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = {re.match(r"[\w-]+", line)[0] for line in (*project["dependencies"], *optional)}
    imported = set()
    for path in [path for name in ("cmta_jax", "experiments") for path in (ROOT / name).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported |= {name.partition(".")[0] for name in names}
    imported -= {*sys.stdlib_module_names, "cmta_jax", "experiments"}
    assert imported == {IMPORTED_AS.get(name, name) for name in declared}


def test_a_gymnasium_that_loads_plug_ins_finds_the_environments(monkeypatch):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    monkeypatch.setattr(registration, "registry", {})
    pkgutil.resolve_name(project["entry-points"]["gymnasium.envs"]["__root__"])()
    assert {"Meta-World-Fast/MT10", "Meta-World-Fast/reach-v3"} <= registration.registry.keys()
