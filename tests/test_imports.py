"""Imports go downwards only: a module imports from its own package or from packages on lower levels."""

import ast
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
LEVELS = (  # bottom to top; packages on one level do not see each other
    ("cmta_jax.types", "cmta_jax.config", "cmta_jax.random_keys"),
    ("cmta_jax.environments", "cmta_jax.storage", "cmta_jax.task_embeddings"),
    (
        "cmta_jax.training", "cmta_jax.networks", "cmta_jax.losses", "cmta_jax.distributions", "cmta_jax.tracking",
        "cmta_jax.checkpoint", "cmta_jax.results",
    ),
    ("cmta_jax.sac",),
    ("cmta_jax.methods",),
    ("cmta_jax.runs",),
    ("cmta_jax",),  # the public API
    ("experiments",),
)  # fmt: skip
LEVEL = {package: level for level, packages in enumerate(LEVELS) for package in packages}
WITHOUT_JAX = (
    "cmta_jax",
    "cmta_jax.environments",
    "cmta_jax.config",
    "cmta_jax.tracking.listeners",
    "cmta_jax.tracking.csv_files",
    "cmta_jax.results",
)
JAX = ("jax", "flax", "optax", "chex")

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("cmta_jax", "experiments")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def owner(module, places):
    """The longest prefix of a module's name that is among `places`; None if none is."""
    found = [place for place in places if module == place or module.startswith(place + ".")]
    return max(found, key=len, default=None)


def imported_names(module):
    """Every name that a module imports, anywhere in its text."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(module):
    """The project's modules that a module imports."""
    names = {owner(name, MODULES) for name in imported_names(module)}
    return sorted(names - {None})


def test_imports_go_downwards_only():
    upwards = []
    for module in MODULES:
        package = owner(module, LEVEL)
        for imported in imports(module):
            other = owner(imported, LEVEL)
            if other != package and LEVEL[other] >= LEVEL[package]:
                upwards.append(f"{module} imports {imported}")
    assert not upwards, "\n".join(upwards)


def test_every_module_has_a_level():
    roots = [module for module in MODULES if owner(module, LEVEL) == "cmta_jax" and module != "cmta_jax"]
    assert not roots, f"name a level for {roots}"


def test_the_parts_that_simulators_need_do_not_import_jax():
    program = f"import sys\nfor name in {WITHOUT_JAX}: __import__(name)\nsys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_no_module_of_the_environments_imports_jax():
    environments = [module for module in MODULES if owner(module, ("cmta_jax.environments",))]
    found = [module for module in environments for name in imported_names(module) if owner(name, JAX)]
    assert not found


def test_no_test_module_imports_another():
    """What tests share lies in tests/support."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name} imports {name}" for name in names if name.startswith("test_")]
    assert not found, "\n".join(found)
