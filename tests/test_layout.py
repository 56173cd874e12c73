"""The code stays easy to find and to read: what stands at the roots, sizes of files and functions, types."""

import ast
import pathlib
import statistics

ROOT = pathlib.Path(__file__).parents[1]
FILES = [path for package in ("cmta_jax", "experiments") for path in sorted((ROOT / package).rglob("*.py"))]
TREES = {path.relative_to(ROOT): ast.parse(path.read_text()) for path in FILES}
FUNCTIONS = [
    (path, node) for path, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
]


def arguments(function):
    """Its arguments, less `self` and `cls`."""
    listed = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return [argument for argument in listed if argument.arg not in ("self", "cls")]


def test_at_most_six_modules_stand_at_the_root_of_the_package():
    assert len([path for path in TREES if path.parent == pathlib.Path("cmta_jax")]) <= 6


def test_only_commands_stand_at_the_root_of_experiments():
    roots = [path for path in TREES if path.parent == pathlib.Path("experiments") and path.name != "__init__.py"]
    assert not [str(path) for path in roots if 'if __name__ == "__main__":' not in (ROOT / path).read_text()]


def test_files_are_short():
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in TREES}
    assert not [str(path) for path, number in lines.items() if number > 250]
    assert statistics.median(lines.values()) <= 100


def test_functions_are_short():
    long = [f"{path}: {node.name}" for path, node in FUNCTIONS if node.end_lineno - node.lineno + 1 > 45]
    assert not long


def test_public_functions_are_typed():
    public = [(path, node) for path, node in FUNCTIONS if node in TREES[path].body and not node.name.startswith("_")]
    untyped = [
        f"{path}: {node.name}"
        for path, node in public
        if node.returns is None or any(argument.annotation is None for argument in arguments(node))
    ]
    assert not untyped


def test_functions_take_at_most_six_arguments():
    mirrored = "gripper_caging_reward"  # Meta-World's own arguments
    crowded = [f"{path}: {node.name}" for path, node in FUNCTIONS if len(arguments(node)) > 6 and node.name != mirrored]
    assert not crowded
