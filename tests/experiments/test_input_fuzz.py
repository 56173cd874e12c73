"""Flagfiles, run folders and embedding files from strangers: nothing but one sentence (or an answer) comes out."""

import json

import numpy as np
import pytest
from fuzzing import AMOUNTS, edit, edits, fuzz, json_values, replace_somewhere, replacements
from hypothesis import strategies as st

from cmta_jax.storage.run_folder import FLAGS, RunFolder
from cmta_jax.task_embeddings import files
from experiments.command_line import flagfiles
from experiments.command_line.parse import parse

TASKS = ("reach-v3", "push-v3")
FLAGFILE = b"""# a run
--method=cmta
--seed=3
--cmta.num_experts=4
--flagfile=quickstart.flags
--nocmta.temporal
"""
names = st.sampled_from(["seed", "discount", "method", "benchmark", "flagfile", "resume", "cmta.temporal", ""])
values = st.text(max_size=12) | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["cmta", "mt10", "."])
lines = st.builds("--{}={}".format, names, values) | st.builds("--no{}".format, names) | st.text(max_size=20)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one_sentence(error: ValueError) -> None:
    assert type(error) is ValueError and str(error) and len(str(error).splitlines()) == 1, repr(error)


def check_flagfile(path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        flagfiles.expand([f"--flagfile={path}"])
        parse([f"--flagfile={path}"])
    except ValueError as error:
        one_sentence(error)


@AMOUNTS
def test_any_bytes_as_a_flagfile(place, examples):
    fuzz(examples, lambda content: check_flagfile(place / "any.flags", content), st.binary(max_size=200))


@AMOUNTS
def test_an_edited_flagfile(place, examples):
    fuzz(examples, lambda changes: check_flagfile(place / "edited.flags", edit(FLAGFILE, changes)), edits)


@AMOUNTS
def test_a_flagfile_of_odd_lines(place, examples):
    def check(said):
        check_flagfile(place / "lines.flags", "\n".join(said).encode("utf-8", "surrogatepass"))

    fuzz(examples, check, st.lists(lines, max_size=6))


@AMOUNTS
def test_a_run_folder_with_odd_flags(place, examples):
    def check(content):
        (place / FLAGS).write_bytes(content)
        try:
            RunFolder(place, {"method": "cmta", "seed": "3"}, resume=True).close()
        except ValueError as error:
            one_sentence(error)

    odd = st.lists(lines, max_size=6).map(lambda said: "\n".join(said).encode("utf-8", "surrogatepass"))
    fuzz(examples, check, st.binary(max_size=200) | odd | edits.map(lambda changes: edit(FLAGFILE, changes)))


def check_embeddings(path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        vectors = files.load(str(path), TASKS)
    except ValueError as error:
        one_sentence(error)
    else:
        assert vectors.dtype == np.float32 and len(vectors) == 2 and np.isfinite(vectors).all()


GOOD = {"reach-v3": [1.0, 2.5], "push-v2": [3, -4], "soccer": "not looked at"}


@AMOUNTS
def test_any_bytes_as_embeddings(place, examples):
    fuzz(examples, lambda content: check_embeddings(place / "any.json", content), st.binary(max_size=200))


@AMOUNTS
def test_edited_embeddings(place, examples):
    good = json.dumps(GOOD).encode()
    fuzz(examples, lambda changes: check_embeddings(place / "edited.json", edit(good, changes)), edits)


@AMOUNTS
def test_any_json_as_embeddings(place, examples):
    def check(change, other, vector):
        for page in (replace_somewhere(GOOD, *change), other, GOOD | {"reach-v3": vector}):
            check_embeddings(place / "page.json", json.dumps(page).encode())

    numbers = st.sampled_from([0.5, float("nan"), float("inf"), 10**400]) | st.floats()
    fuzz(examples, check, replacements, json_values, st.lists(numbers, min_size=2, max_size=2))
