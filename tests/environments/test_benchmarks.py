"""Names of tasks and what is said about wrong ones."""

import pytest

from cmta_jax.environments import MT10, MT50, EnvironmentConfig, resolve_tasks


def test_the_benchmarks_are_those_of_meta_world_in_its_order():
    from metaworld.env_dict import MT10_V3, MT50_V3

    assert MT10 == tuple(MT10_V3)
    assert MT50 == tuple(MT50_V3)


def test_a_benchmark_or_a_list_resolves_to_names():
    assert resolve_tasks("mt10") is MT10
    assert resolve_tasks("mt50") is MT50
    assert resolve_tasks("reach-v3, window-close-v3") == ("reach-v3", "window-close-v3")


@pytest.mark.parametrize(
    ("benchmark", "sentence"),
    [
        ("reach-v2", "Unknown task or benchmark 'reach-v2': did you mean 'reach-v3'?"),
        ("mt05", "did you mean 'mt50'?"),
        ("reach-v3,pusch-v3", "Unknown task or benchmark 'pusch-v3': did you mean 'push-v3'?"),
        ("reach-v3,reach-v3", "Task 'reach-v3' is listed more than once"),
        (",", "No task was named"),
    ],
)
def test_a_wrong_benchmark_is_refused_with_the_nearest_known_name(benchmark, sentence):
    with pytest.raises(ValueError, match=sentence.replace("?", r"\?")):
        resolve_tasks(benchmark)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"goals": "all"}, "Unknown goals 'all': choose 'mixed' or 'fixed'."),
        ({"reward_version": "v3"}, "Unknown reward_version 'v3': choose 'v2' or 'v1'."),
        ({"success_version": "v1"}, "Unknown success_version 'v1': choose 'v2' or 'reward'."),
        ({"simulator": "slow"}, "Unknown simulator 'slow': choose 'fast' or 'stock'."),
        ({"horizon": 0}, "horizon 0 is out of range"),
        ({"horizon": 501}, "horizon 501 is out of range"),
        ({"tasks": ("reach",)}, "did you mean 'reach-v3'"),
    ],
)
def test_a_wrong_setting_is_refused_before_a_process_starts(setting, sentence):
    with pytest.raises(ValueError, match=sentence):
        EnvironmentConfig(**{"tasks": ("reach-v3",), **setting})
