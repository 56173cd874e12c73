"""A plain method with as many parameters as another (cmta_jax/runs/matching.py)."""

import jax
import pytest
from method_examples import start

from cmta_jax import methods
from cmta_jax.environments.sizes import ACTION_DIM, OBSERVATION_DIM
from cmta_jax.runs import matching
from cmta_jax.runs.matching import count_parameters
from cmta_jax.runs.settings import as_flags, from_flags, settings_of
from cmta_jax.types import Spec

SPEC = Spec(("reach-v3", "push-v3"), OBSERVATION_DIM, ACTION_DIM)
TASKS = {"benchmark": "reach-v3,push-v3", "hidden_dim": 64}


@pytest.mark.parametrize("method", ["mtmhsac", "single_task_sac"])
def test_the_width_that_is_found_gives_as_many_parameters(method):
    found = settings_of({**TASKS, "method": method, "match_parameters": "cmta"}).values()
    own = sum(leaf.size for leaf in jax.tree.leaves(start(methods.build(method, found, SPEC)).params))
    wanted = count_parameters("cmta", TASKS, SPEC)
    assert found["hidden_dim"] != 64 and abs(own - wanted) <= 0.01 * wanted


def test_the_flags_that_a_run_keeps_mean_the_same_run():
    first = settings_of({**TASKS, "method": "mtmhsac", "match_parameters": "cmta"})
    assert first.run.match_parameters == "cmta:64"
    assert settings_of(from_flags(as_flags(first.values()))) == first


@pytest.mark.parametrize(
    ("method", "reference", "sentence"),
    [
        ("mtmhsac", "cmat", "Unknown method 'cmat': did you mean 'cmta'?"),
        (
            "mtmhsac",
            "cmta:wide",
            "--match_parameters=cmta:wide is not possible: give a method, or a method and a width",
        ),
        ("mtmhsac", "cmta:0", "--match_parameters=cmta:0 is not possible"),
        ("soft_modularization", "mtmhsac", "--match_parameters=mtmhsac is not possible for soft_modularization"),
    ],
)
def test_what_cannot_be_matched_is_one_sentence(method, reference, sentence, monkeypatch):
    monkeypatch.setattr(matching, "WIDEST", 16)  # the size of soft modularization is the same at any width
    with pytest.raises(ValueError, match=sentence.replace("?", "[?]")):
        settings_of({**TASKS, "method": method, "match_parameters": reference})
