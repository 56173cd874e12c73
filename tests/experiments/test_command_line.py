import pytest

from cmta_jax import methods
from cmta_jax.methods import METHODS
from cmta_jax.runs import matching, settings
from experiments.command_line import flag_sources, flagfiles
from experiments.command_line.flagfiles import Argument
from experiments.command_line.help import help_text
from experiments.command_line.parse import parse as parse_all
from experiments.command_line.parse import values_of


def parse(*arguments):
    return parse_all(arguments)


def again(asked):
    """Settings read back from the flags that they resolve to."""
    flags = settings.as_flags(asked.values())
    return settings.settings_of(values_of([Argument(f"--{name}={flags[name]}") for name in flags]))


def failures_of(arguments):
    """Those of `arguments` that do not parse, or whose resolved flags give other settings."""
    found = []
    for argument in arguments:
        try:
            asked = parse(argument)
            if again(asked) != asked:
                found.append(f"{argument}: its resolved flags give other settings")
        except ValueError as error:
            found.append(f"{argument}: {error}")
    return found


@pytest.fixture
def counted_once(monkeypatch):
    """Many flagfiles ask how many parameters the same method has at the same settings."""
    counts, count = {}, matching.count_parameters

    def remembered(method, values, spec):
        asked = method, methods.configure(method, values), spec
        if asked not in counts:
            counts[asked] = count(method, values, spec)
        return counts[asked]

    monkeypatch.setattr(matching, "count_parameters", remembered)


@pytest.mark.usefixtures("counted_once")
def test_every_shipped_flagfile_parses_and_its_resolved_flags_say_the_same():
    names = flagfiles.shipped()
    assert len(names) > 50 and failures_of(f"--flagfile={name}" for name in names) == []


def test_every_method_has_flags_that_say_the_same_again():
    assert failures_of(f"--method={method}" for method in METHODS) == []
    assert all(asked.method is asked.methods[method] for method in METHODS for asked in [parse(f"--method={method}")])


def test_defaults_are_the_papers():
    asked = parse()
    training, method = asked.training, asked.method
    assert (asked.run.method, len(asked.environment.tasks), asked.environment.horizon) == ("cmta", 10, 150)
    assert (training.steps_per_task, training.warmup_steps, training.eval_every) == (2_400_000, 1500, 3000)
    assert (training.replay_capacity, training.eval_episodes, training.updates_per_step) == (5_000_000, 1, 1)
    assert (method.batch_per_task, method.hidden_dim, method.hidden_layers) == (128, 512, 3)
    assert (method.actor_learning_rate, method.critic_learning_rate, method.discount) == (3e-4, 3e-4, 0.99)
    assert (method.num_experts, method.contrastive_weight) == (6, 2500)


@pytest.mark.parametrize("benchmark", ["mt10", "mt50"])
@pytest.mark.parametrize("goals", ["fixed", "mixed"])
def test_the_four_flagfiles_are_the_papers_defaults_but_for_what_is_stable(benchmark, goals):
    rewards = ("--reward_scaling=none", "--reward_scale=0.1", "--cmta.contrastive_weight=25")  # deviations 24 and 29
    stable = ("--critic_layer_norm=true", "--cmta.memory_learning_rate=3e-5")  # deviations 25 and 26
    asked = parse(f"--benchmark={benchmark}", f"--goals={goals}", "--initial_log_std=0", *rewards, *stable)
    assert parse(f"--flagfile={benchmark}_{goals}.flags") == asked


@pytest.mark.parametrize(
    ("row", "settings"),
    [
        ("mt10_mixed/cmta.flags", ("none", 0.1, 25.0, True, "shared", 0.0, 3e-5)),
        ("mt10_mixed/cmta_released.flags", ("running_std", 1.0, 2500.0, False, "frozen_random", -9.0, 0.0)),
        ("mt10_mixed/cmta_literal.flags", ("none", 1.0, 2500.0, False, "shared", 0.0, 0.0)),
        ("quickstart.flags", ("mean", 0.1, 25.0, True, "shared", 0.0, 1e-4)),
        ("quickstart_released.flags", ("running_std", 1.0, 2500.0, False, "frozen_random", 0.0, 0.0)),
    ],
)
def test_the_named_rows_of_cmta_differ_in_what_is_stable(row, settings):
    training, method = parse(f"--flagfile={row}").training, parse(f"--flagfile={row}").method
    scale = (training.reward_scaling, training.reward_scale, method.contrastive_weight)
    rest = method.critic_layer_norm, method.actor_encoder, method.initial_log_std, method.memory_learning_rate
    assert (*scale, *rest) == settings


def test_v1_rewards_keep_the_released_scaling():
    asked = parse("--flagfile=mt10_mixed/cmta.flags", "--flagfile=v1_rewards.flags")
    assert asked.environment.reward_version == "v1"
    assert (asked.training.reward_scaling, asked.training.reward_scale) == ("running_std", 1.0)


def test_later_flags_win(tmp_path):
    (tmp_path / "mine.flags").write_text("--seed=1\n--hidden_dim=64\n")
    asked = parse("--seed=0", f"--flagfile={tmp_path}/mine.flags", "--hidden_dim=32")
    assert (asked.training.seed, asked.method.hidden_dim) == (1, 32)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [(["--steps_per_task=2.4e6"], 2_400_000), (["--steps_per_task", "2_000_000"], 2_000_000)],
)
def test_whole_numbers_may_be_written_in_three_ways(arguments, value):
    assert parse(*arguments).training.steps_per_task == value


def test_a_methods_own_flags_carry_its_name():
    assert parse("--nocmta.temporal").method.temporal is False
    assert parse("--cmta.temporal=false").method.temporal is False
    assert parse("--cmta.num_experts=4").method.num_experts == 4


def test_a_wrapper_takes_its_bases_flags_too():
    asked = parse("--method=tsac", "--tsac.base=cmta", "--cmta.num_experts=4", "--hidden_dim=32")
    assert list(asked.methods) == ["tsac", "cmta"]
    assert asked.methods["cmta"].num_experts == 4
    assert {config.hidden_dim for config in asked.methods.values()} == {32}
    assert again(asked) == asked


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--horizn=3", "Unknown flag --horizn: did you mean --horizon?"),
        ("--num_experts=3", "Unknown flag --num_experts: did you mean --cmta.num_experts?"),
        ("--cmta.num_expert=3", "Unknown flag --cmta.num_expert: did you mean --cmta.num_experts?"),
        ("--nocmta.temporl", "Unknown flag --nocmta.temporl: did you mean --nocmta.temporal?"),
        ("--method=cmat", "Unknown method 'cmat': did you mean 'cmta'?"),
        ("--method=", "Unknown method '': did you mean 'tsac'?"),
        ("--benchmark=mt11", "Unknown task or benchmark 'mt11': did you mean 'mt10'?"),
        ("--benchmark=reach-v2", "Unknown task or benchmark 'reach-v2': did you mean 'reach-v3'?"),
        ("--reward_version=v3", "Unknown reward_version 'v3': choose 'v2' or 'v1'."),
        ("--goals=random", "Unknown goals 'random': choose 'mixed' or 'fixed'."),
        ("--seed=x", "--seed=x is not possible: give a whole number."),
        ("--seed=1.5", "--seed=1.5 is not possible: give a whole number."),
        ("--seed=-1", "--seed=-1 is not possible: give a value of at least 0."),
        ("--seed", "--seed= is not possible: give a whole number."),
        ("--discount=much", "--discount=much is not possible: give a number."),
        ("--discount=nan", "--discount=nan is not possible: give a finite number."),
        ("--cmta.temporal=maybe", "--cmta.temporal=maybe is not possible: give true or false."),
        ("--hidden_dim=0", "--hidden_dim=0 is not possible: give a value of at least 1."),
        ("--env_workers=0", "--env_workers=0 is not possible: give a value of at least 1."),
        ("--batch_per_task=-3", "--batch_per_task=-3 is not possible: give a value of at least 1."),
        ("quickstart.flags", "Unexpected 'quickstart.flags': write flags as --name=value."),
        ("--care.num_experts=3", "--care.num_experts has no effect with --method=cmta: leave it out."),
        ("--resume", "--resume needs the folder to go on in: give --workdir."),
        ("--replay_capacity=1279",
         "--replay_capacity=1279 is smaller than a batch of 128 transitions for each of 10 tasks: give at least 1280."),
        ("--eval_every=1000",
         "--eval_every=1000 is not a multiple of --horizon=150, and an evaluation needs the end of an episode: "
         "give 900 or 1050."),
        ("--steps_per_task=1500",
         "--steps_per_task=1500 ends before learning begins: give more than --warmup_steps=1500."),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_with_the_value_and_the_remedy(argument, sentence):
    with pytest.raises(ValueError) as error:
        parse(argument)
    assert str(error.value) == sentence


def test_bad_input_in_a_flagfile_is_found_by_its_line(tmp_path):
    (tmp_path / "mine.flags").write_text("# a comment\n--horizn=3\n")
    with pytest.raises(ValueError, match=r"--horizn \(.*mine.flags, line 2\): did you mean --horizon"):
        parse(f"--flagfile={tmp_path}/mine.flags")


def test_a_flagfile_may_speak_to_other_methods(tmp_path):
    (tmp_path / "both.flags").write_text("--care.num_experts=3\n--cmta.num_experts=5\n")
    assert parse(f"--flagfile={tmp_path}/both.flags").method.num_experts == 5
    assert parse(f"--flagfile={tmp_path}/both.flags", "--method=care").method.num_experts == 3


def test_a_resumed_run_begins_with_the_flags_of_its_folder(tmp_path):
    (tmp_path / "flags.flags").write_text("# made with\n--hidden_dim=32\n--seed=3\n")
    asked = parse(f"--workdir={tmp_path}", "--resume", "--log_every=7")
    assert (asked.method.hidden_dim, asked.training.seed, asked.training.log_every) == (32, 3, 7)


def test_full_help_names_every_flag_with_its_default_and_where_that_comes_from():
    """A new flag needs a line in experiments/command_line/flag_sources.py."""
    text = help_text(full=True)
    assert "--cmta.num_experts: experts in the mixture (Table 8 has 2, 4, 6, 12, 20) (default: 6; Table 7)" in text
    assert set(flag_sources.SOURCES) == set(settings.all_flags())
    for name in settings.all_flags():
        assert f"  --{name}: " in text


def test_short_help_fits_on_one_screen_and_names_the_defaults():
    lines = help_text(full=False).splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 105
    flags = [line.split()[0] for line in lines if line.startswith("  --")]
    assert {"--method=cmta", "--seed=0", "--steps_per_task=2400000", "--resume", "--workdir"} <= {*flags}
