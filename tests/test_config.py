import dataclasses

import pytest

from cmta_jax.config import TrainingConfig, above, at_least, between, check, one_of, setting


@dataclasses.dataclass(frozen=True)
class Kitchen:
    pans: int = setting(3, "how many", between(1, 9))
    heat: float = setting(0.5, "share of the full heat", above(0.0))
    fuel: str = setting("gas", "what burns", one_of("gas", "wood"))
    guests: int | None = setting(None, "how many, if known", at_least(1))
    plain: int = -5


def test_defaults_and_limits_themselves_pass():
    for changes in {}, {"pans": 1}, {"pans": 9}, {"heat": 1e-9}, {"fuel": "wood"}, {"guests": 1}:
        check(Kitchen(**changes))
    check(TrainingConfig())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pans": 0}, "--pans=0 is not possible: give a value of at least 1."),
        ({"pans": 10}, "--pans=10 is not possible: give a value of at most 9."),
        ({"heat": 0.0}, "--heat=0.0 is not possible: give a value larger than 0.0."),
        ({"heat": float("nan")}, "--heat=nan is not possible: give a finite number."),
        ({"fuel": "oil"}, "--fuel=oil is not possible: choose one of gas, wood."),
        ({"guests": 0}, "--guests=0 is not possible: give a value of at least 1."),
    ],
)
def test_a_value_out_of_range_is_named_with_its_flag_and_the_remedy(changes, sentence):
    with pytest.raises(ValueError) as error:
        check(Kitchen(**changes))
    assert str(error.value) == sentence


def test_the_flag_may_have_another_name_than_the_field():
    with pytest.raises(ValueError, match="--our.pans=0"):
        check(Kitchen(pans=0), lambda name: f"our.{name}")
