"""The one table of flags: every name in it exists, and flags that decide a success rate never differ."""

from cmta_jax.results.protocol import PROTOCOL
from cmta_jax.runs.settings import config_classes, flag_fields
from cmta_jax.storage.flag_rules import MAY_DIFFER, RULES


def test_every_rule_is_of_a_flag_that_exists():
    flags = {name for config_class, method in config_classes() for name in flag_fields(config_class, method)}
    assert RULES.keys() <= flags


def test_what_a_success_rate_means_never_differs_between_averaged_runs():
    assert not MAY_DIFFER & {*PROTOCOL}


def test_a_limit_that_was_raised_for_a_resume_does_not_bar_the_run_from_a_report():
    assert RULES["max_critic_loss"].may_change and "max_critic_loss" in MAY_DIFFER
