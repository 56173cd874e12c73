"""A file imports only from floors below its own; the two halves of floor 1 do not see each other."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
FLOORS = {
    "experiments": 5,
    "cmta_jax.training": 4,
    "cmta_jax.evaluation": 4,
    "cmta_jax.methods": 3,
    "cmta_jax.sac": 2,
    "cmta_jax.assembly": 2,  # pieces that several methods are put together from
    "cmta_jax.contrastive_mixture": 2,
    "cmta_jax.tsac": 2,
    "cmta_jax.types": 0,
    "cmta_jax": 1,
}
NUMERIC = ("cmta_jax.losses", "cmta_jax.distributions", "cmta_jax.networks")  # the half of floor 1 that computes
HELPING = (
    "cmta_jax.replay", "cmta_jax.environments", "cmta_jax.checkpoint", "cmta_jax.metrics", "cmta_jax.tensorboard",
    "cmta_jax.progress", "cmta_jax.run_folder", "cmta_jax.append_file", "cmta_jax.durable", "cmta_jax.results",
)  # fmt: skip
WITHOUT_JAX = ("cmta_jax", "cmta_jax.environments", "cmta_jax.config", "cmta_jax.metrics", "cmta_jax.results")

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("cmta_jax", "experiments")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def owner(module, places):
    """The longest prefix of a module's name that is among `places`; None if none is."""
    found = [place for place in places if module == place or module.startswith(place + ".")]
    return max(found, key=len, default=None)


def imports(module):
    """Names of the project's modules that a module imports, anywhere in its text."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if owner(alias.name, ("cmta_jax", "experiments")))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else node.module for name in names if owner(name, MODULES))


def floor(module):
    return FLOORS[owner(module, FLOORS)]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_from_no_floor_above_its_own(module):
    for imported in imports(module):
        assert floor(imported) <= floor(module), f"{module} imports {imported}"


@pytest.mark.parametrize("module", [module for module in MODULES if owner(module, NUMERIC + HELPING)])
def test_the_two_halves_of_floor_1_do_not_see_each_other(module):
    others = HELPING if owner(module, NUMERIC) else NUMERIC
    for imported in imports(module):
        assert not owner(imported, others), f"{module} imports {imported}"


@pytest.mark.parametrize("module", [module for module in MODULES if owner(module, ("cmta_jax.methods",))])
def test_a_method_imports_no_loop_and_the_loop_no_method(module):
    assert not any(module in imports(loop) for loop in ("cmta_jax.training", "cmta_jax.evaluation"))


def test_the_parts_that_simulators_need_do_not_import_jax():
    program = f"import sys\nfor name in {WITHOUT_JAX}: __import__(name)\nsys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("module", [module for module in MODULES if owner(module, ("cmta_jax.environments",))])
def test_no_module_of_the_environments_imports_jax(module):
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert not any(owner(name, ("jax", "flax", "optax", "chex")) for name in names), module
