"""Files from strangers: whatever they hold, nothing but a CheckpointError (or an honest checkpoint) comes out."""

import gc
import json
import pathlib
import re

import checkpoint_example as example
import numpy as np
import pytest
from fuzzing import AMOUNTS, edit, edits, fuzz, replace_somewhere, replacements
from hypothesis import strategies as st

from cmta_jax.checkpoint import Checkpointer, CheckpointError, arrays, files, load_policy, manifest, save_policy


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def policy(work):
    save_policy(work / "policy", {"a": {"b": np.ones((2, 3), np.float32)}, "c": np.ones(4, bool)}, {"method": "cmta"})
    return (work / "policy").read_bytes()


def check_policy(path: pathlib.Path, content: bytes) -> None:
    path.write_bytes(content)
    for template in (None, {"a": {"b": np.ones((2, 3), np.float32)}, "c": np.ones(4, bool)}):
        try:
            load_policy(path, template)
        except CheckpointError as error:
            assert "\n" not in str(error)
    try:
        list(arrays.read(path))
    except CheckpointError:
        pass


@AMOUNTS
def test_any_bytes_as_a_policy(work, examples):
    fuzz(examples, lambda content: check_policy(work / "bytes", content), st.binary(max_size=300))


@AMOUNTS
def test_an_edited_policy(work, policy, examples):
    fuzz(examples, lambda changes: check_policy(work / "edited", edit(policy, changes)), edits)


@AMOUNTS
def test_a_policy_with_another_header(work, policy, examples):
    fuzz(examples, lambda change: check_policy(work / "headed", with_header(policy, change)), replacements)


def with_header(content: bytes, change) -> bytes:
    length = int.from_bytes(content[:8], "little")
    text = json.dumps(replace_somewhere(json.loads(content[8 : 8 + length]), *change)).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


@pytest.fixture(scope="module")
def run(work):
    with Checkpointer(work / "run") as checkpointer:
        checkpointer.save(example.at(40), wait=True)
    return work / "run"


def check_run(run: pathlib.Path) -> None:
    with Checkpointer(run, read_only=True) as checkpointer:
        assert isinstance(checkpointer.metadata(), dict | None)
        try:
            found = checkpointer.restore(*example.templates())
        except CheckpointError as error:
            assert "\n" not in str(error)
        else:
            assert found is None or found.replay.valid.shape == example.empty().valid.shape


def sign(run: pathlib.Path, body) -> None:
    """Gives the body of a manifest, whatever it is now, a page and a valid digest."""
    try:
        digest = manifest._digest(body)
    except ValueError:
        digest = ""
    page = {"format": manifest.FORMAT, "digest": digest, "body": body}
    (run / "step-000000040.json").write_text(json.dumps(page))


@AMOUNTS
def test_a_manifest_that_is_signed_but_wrong(run, examples):
    original = (run / "step-000000040.json").read_text()

    def check(change):
        sign(run, replace_somewhere(json.loads(original)["body"], *change))
        check_run(run)

    fuzz(examples, check, replacements)
    (run / "step-000000040.json").write_text(original)


def test_a_number_longer_than_a_file_name(run):
    original = (run / "step-000000040.json").read_text()
    sign(run, json.loads(original)["body"] | {"number": 10**300})
    check_run(run)
    (run / "step-000000040.json").write_text(original)


@AMOUNTS
def test_an_edited_manifest(run, examples):
    original = (run / "step-000000040.json").read_bytes()

    def check(changes):
        (run / "step-000000040.json").write_bytes(edit(original, changes))
        check_run(run)

    fuzz(examples, check, edits)
    (run / "step-000000040.json").write_bytes(original)


def check_forged(run: pathlib.Path, name: str, content: bytes) -> None:
    """Puts other content into a file and its digest into the manifest, as a stranger with this source can."""
    page = (run / "step-000000040.json").read_text()
    original = (run / name).read_bytes()
    (run / name).write_bytes(content)
    text = re.sub(rf'\["{re.escape(name)}", \d+, "\w+"\]', json.dumps(files.describe(run, name)), page)
    assert text != page or content == original
    sign(run, json.loads(text)["body"])
    check_run(run)
    (run / name).write_bytes(original)
    (run / "step-000000040.json").write_text(page)


@AMOUNTS
def test_forged_arrays(run, examples):
    contents = {name: (run / name).read_bytes() for name in ("rest-000001.safetensors", "replay-000001.safetensors")}
    names = st.sampled_from(sorted(contents))
    fuzz(examples, lambda name, changes: check_forged(run, name, edit(contents[name], changes)), names, edits)


@AMOUNTS
def test_forged_headers_of_arrays(run, examples):
    contents = {name: (run / name).read_bytes() for name in ("rest-000001.safetensors", "replay-000001.safetensors")}
    names = st.sampled_from(sorted(contents))

    def check(name, change):
        check_forged(run, name, with_header(contents[name], change))

    fuzz(examples, check, names, replacements)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@AMOUNTS
def test_forged_files_of_orbax(run, examples):
    """Orbax leaves futures behind when it fails, which complain to nobody when they are collected."""
    names = sorted(str(path.relative_to(run)) for path in (run / "state-000001").rglob("*") if path.is_file())
    contents = {name: (run / name).read_bytes() for name in names}

    def check(name, changes):
        check_forged(run, name, edit(contents[name], changes))

    fuzz(examples, check, st.sampled_from(names), edits)
    gc.collect()
