import pathlib
import shutil
import subprocess
import sys
import zipfile

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
