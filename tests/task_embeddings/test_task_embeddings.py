"""Task vectors: the shipped ones, and files that somebody else wrote."""

import json

import numpy as np
import pytest

from cmta_jax.environments import MT50
from cmta_jax.task_embeddings.files import LARGEST_FILE, load
from cmta_jax.task_embeddings.hashed import FEATURES, base_name, descriptions, hashed_embeddings
from experiments import embed_tasks


def written(folder, content):
    path = folder / "embeddings.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_every_task_of_mt50_has_one_description():
    assert sorted(descriptions()) == sorted(map(base_name, MT50))
    assert len(set(descriptions().values())) == 50
    assert all(sentence.count(".") == 1 and sentence.endswith(".") for sentence in descriptions().values())


def test_shipped_vectors_have_mean_square_one_and_tell_all_tasks_apart():
    vectors = load("", MT50)
    assert vectors.shape == (50, FEATURES) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.mean(np.square(vectors), axis=1), 1.0, rtol=1e-5)
    assert np.max(vectors @ vectors.T / FEATURES - 2 * np.eye(50)) < 0.9  # cosines between different tasks


def test_shipped_vectors_are_the_same_on_every_machine():
    assert [round(value, 4) for value in hashed_embeddings({"a": "ab", "b": "cd"})["a"][:4]] == [
        -0.585,
        0.585,
        -0.585,
        0.585,
    ]


def test_likeness_is_likeness_of_letters():
    task = dict(zip(map(base_name, MT50), load("", MT50), strict=True))
    assert task["reach"] @ task["reach-wall"] > 0.5 * FEATURES > task["reach"] @ task["soccer"]


def test_versions_at_the_end_of_a_name_are_ignored_and_the_order_is_the_tasks(tmp_path):
    path = written(tmp_path, {"push-v1": [1, 2.5], "reach-v2": [3, 4], "soccer": "not looked at"})
    np.testing.assert_array_equal(load(path, ("reach-v3", "push")), np.float32([[3, 4], [1, 2.5]]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"push-v3": [1.0]}, "has no entry for the task 'reach': add one"),
        ({"reach-v1": [1.0], "reach-v2": [1.0]}, "has the entries 'reach-v1' and 'reach-v2' for one task"),
        ({"reach": [1.0], "push": [1.0, 2.0]}, "'push-v3' has 2 numbers and 'reach-v3' has 1: every task needs"),
        ({"reach": [], "push": []}, "the entry for 'reach-v3' must be a list of 1 to 8192 numbers"),
        ({"reach": {"0": 1.0}}, "the entry for 'reach-v3' must be a list"),
        ({"reach": ["\x85"]}, "the entry for 'reach-v3' holds '\\x85': give numbers"),
        ({"reach": [True]}, "the entry for 'reach-v3' holds True: give numbers"),
        ({"reach": [10**400]}, "the entry for 'reach-v3' holds 1000"),
        ('{"reach": [NaN]}', "the entry for 'reach-v3' holds nan"),
        ('{"reach": [1e999]}', "the entry for 'reach-v3' holds inf"),
        ("[1, 2]", "holds no JSON object"),
        ("{", "is not a JSON file"),
        ("[" * 200_000, "is not a JSON file"),
        ('{"reach": [' + "9" * 5000 + "]}", "is not a JSON file"),
        (" " * (LARGEST_FILE + 1), "is not a JSON file of at most 64 MiB"),
    ],
)
def test_a_file_that_cannot_serve_is_refused_in_one_sentence(tmp_path, content, sentence):
    with pytest.raises(ValueError) as refusal:
        load(written(tmp_path, content), ("reach-v3", "push-v3"))
    assert sentence in str(refusal.value) and len(str(refusal.value)) < 300


def test_a_missing_file_is_named_with_the_remedy(tmp_path):
    with pytest.raises(ValueError, match=r"none.json cannot be read \(No such file.*experiments.embed_tasks"):
        load(str(tmp_path / "none.json"), ("reach",))


def test_embed_tasks_writes_a_file_that_care_reads(tmp_path, capsys):
    def lengths(model):
        return lambda sentences: np.float32([[len(sentence), len(model)] for sentence in sentences])

    path = str(tmp_path / "out.json")
    assert embed_tasks.main([f"--out={path}", "--model=abc"], lengths) == 0
    np.testing.assert_array_equal(load(path, ("soccer-v3",)), [[len(descriptions()["soccer"]), 3]])
    assert embed_tasks.main(["--oops"], lengths) == 2
    assert embed_tasks.main(["file.json"], lengths) == 2
    assert "Unexpected 'file.json'" in capsys.readouterr().err
