"""The settings of a vector environment, and metaworld's keyword arguments translated to them."""

import dataclasses
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode

from cmta_jax.config import at_least, check, one_of, setting
from cmta_jax.environments import benchmarks
from cmta_jax.environments.rendering import CAMERAS
from cmta_jax.environments.sizes import ACTION_DIM, OBSERVATION_DIM

MAX_EPISODE_STEPS = 500  # Meta-World ends every episode there
HAND_BOUNDS = np.array([[-0.525, 0.348, -0.0525, -1.0], [0.525, 1.025, 0.7, 1.0]])  # of hand and gripper
NOT_BUILT = {
    "reward_normalization_method": (None, "wrap the environment with gymnasium.wrappers.vector.NormalizeReward"),
    "normalize_observations": (False, "wrap the environment with gymnasium.wrappers.vector.NormalizeObservation"),
    "recurrent_info_in_obs": (False, "add the last action and reward in your own code"),
    "task_select": ("random", "leave it out; each reset draws a goal set at random"),
    "num_goals": (50, "leave it out; each task has 50 goal sets"),
    "camera_id": (None, "name the camera with camera_name"),
}  # keyword of metaworld -> (the only value possible, what to do instead)
SAME_NAMES = ("use_one_hot", "terminate_on_success", "render_mode", "camera_name", "width", "height")
MAX_SEED = 4_000_000_000  # the streams of goal vectors take 32 bits; lanes count on from the seed


def _pixels(name: str) -> Any:
    return setting(
        480, f"{name} of the pictures, in pixels", at_least(1), refusal=f"{name}={{value}} is not possible: {{remedy}}."
    )


@dataclasses.dataclass(frozen=True)
class VectorEnvConfig:
    """What `MetaWorldVectorEnv` simulates.

    `tasks` are names such as `reach-v3`. `goal_seeds` holds one seed for all tasks, whose goal vectors then come from
    one stream (MT10, MT25, MT50), or one seed per task (custom lists).

    Raises:
        ValueError: for a value out of its range, before any process starts.
    """

    tasks: tuple[str, ...]
    goal_seeds: tuple[int, ...]
    copies: int = setting(1, "environments of each task", at_least(1))
    autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP
    terminate_on_success: bool = setting(False, "an episode ends when its task is solved")
    use_one_hot: bool = setting(False, "observations end with the task as a one-hot vector")
    max_episode_steps: int = setting(
        MAX_EPISODE_STEPS,
        "steps per episode",
        at_least(1),
        refusal="max_episode_steps={value} is not possible: {remedy}.",
    )
    reward_version: str = setting(
        "v2",
        "v2: rewards from 0 to 10; v1: unbounded",
        one_of("v2", "v1"),
        refusal="reward_function_version='{value}' is not possible: {remedy}; metaworld computes 'v1' for other names.",
    )
    render_mode: str | None = setting(
        None,
        "rgb_array: `render` gives pictures",
        one_of("rgb_array"),
        refusal="render_mode='{value}' is not possible: {remedy}, or leave it out.",
    )
    camera_name: str | None = setting(
        None,
        "the camera of the pictures; None: Meta-World's free camera",
        one_of(*CAMERAS),
        refusal="camera_name='{value}' is not possible: {remedy}, or leave it out.",
    )
    width: int = _pixels("width")
    height: int = _pixels("height")

    def __post_init__(self):
        benchmarks.check_tasks(self.tasks)
        check(self)
        if len(self.goal_seeds) not in (1, len(self.tasks)) or min(self.goal_seeds) < 0:
            raise ValueError(f"goal_seeds {self.goal_seeds} must be one seed, or one per task, not negative.")

    @property
    def episode_steps(self) -> int:
        """Steps after which an episode is truncated."""
        return min(self.max_episode_steps, MAX_EPISODE_STEPS)

    @property
    def single_observation_space(self) -> Box:
        """Of one environment: 39 numbers float64; as in metaworld, float32 if the one-hot task follows them."""
        unbounded = np.full(OBSERVATION_DIM, np.inf)
        low, high = -unbounded, unbounded
        for start in (0, 18):  # the current observation and the one before
            low[start : start + 4], high[start : start + 4] = HAND_BOUNDS
        task = np.ones(len(self.tasks) if self.use_one_hot else 0)
        return Box(
            np.append(low, 0 * task), np.append(high, task), dtype=np.float32 if self.use_one_hot else np.float64
        )

    @property
    def single_action_space(self) -> Box:
        """Of one environment: the hand's move in three directions and the fingers' force."""
        return Box(-1.0, 1.0, (ACTION_DIM,), np.float32)

    @property
    def camera(self) -> dict[str, Any]:
        """Which pictures `render` gives."""
        return {"camera_name": self.camera_name, "width": self.width, "height": self.height}

    @property
    def lane_seeds(self) -> np.ndarray:
        """[L] int, the seed of the stream from which each environment draws its goal sets, in the order tasks, copies.

        As in metaworld, the first copy has the seed of its goal vectors.
        """
        seeds = np.resize(self.goal_seeds, len(self.tasks))
        return (seeds[:, None] + np.arange(self.copies)).reshape(-1)


def translate(benchmark: str, keywords: dict[str, Any]) -> VectorEnvConfig:
    """Settings from the keyword arguments of `gym.make_vec("Meta-World/...")`.

    Args:
        benchmark: MT1 (with `env_name`), MT10, MT25, MT50 or custom-mt-envs (with `envs_list`).
        keywords: as for metaworld; `vector_strategy` is ignored.

    Raises:
        ValueError: a value is out of range, or stands for something that is not built.
        TypeError: a keyword is unknown.
    """
    keywords = dict(keywords)
    keywords.pop("vector_strategy", None)
    for name, (only, remedy) in NOT_BUILT.items():
        value = keywords.pop(name, only)
        if value != only:
            raise ValueError(f"{name}={value!r} is not available in Meta-World-Fast: {remedy}.")
    tasks = _tasks(benchmark, keywords)
    seed, num_envs = _seed(keywords.pop("seed", None)), keywords.pop("num_envs", None)
    # custom lists: metaworld gives each task a stream of its own
    seeds = tuple(seed + i for i in range(len(tasks))) if benchmark == "custom-mt-envs" else (seed,)
    mode = _mode(keywords.pop("autoreset_mode", AutoresetMode.SAME_STEP))
    renamed = {"reward_version": keywords.pop("reward_function_version", "v2")}
    renamed["max_episode_steps"] = keywords.pop("max_episode_steps", None) or MAX_EPISODE_STEPS
    unknown = sorted(keywords.keys() - set(SAME_NAMES))
    if unknown:
        raise TypeError(f"Meta-World-Fast has no keyword '{unknown[0]}': its others are {', '.join(SAME_NAMES)}.")
    return VectorEnvConfig(tasks, seeds, _copies(num_envs, len(tasks)), mode, **renamed, **keywords)


def _tasks(benchmark: str, keywords: dict[str, Any]) -> tuple[str, ...]:
    """Names of the tasks; takes `env_name` or `envs_list` out of `keywords`."""
    if benchmark == "MT1":
        named = keywords.pop("env_name", None)
        if not isinstance(named, str):
            raise ValueError(f"env_name={named!r} is not possible: name one task, as in env_name='reach-v3'.")
        return (named,)
    if benchmark == "custom-mt-envs":
        listed = keywords.pop("envs_list", None)
        if not isinstance(listed, list | tuple):
            raise ValueError(f"envs_list={listed!r} is not possible: give a list, as in envs_list=['reach-v3'].")
        return tuple(listed)
    known = {"MT10": benchmarks.MT10, "MT25": benchmarks.MT25, "MT50": benchmarks.MT50}
    if benchmark not in known:
        raise ValueError(f"There is no benchmark '{benchmark}': choose one of MT1, {', '.join(known)}, custom-mt-envs.")
    return known[benchmark]


def _seed(seed: int | None) -> int:
    """`seed`, or a random one for None."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    if not isinstance(seed, int | np.integer) or not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed={seed!r} is not possible: give a whole number from 0 to {MAX_SEED}, or None.")
    return int(seed)


def _mode(mode: AutoresetMode | str) -> AutoresetMode:
    try:
        return AutoresetMode(mode)
    except ValueError:
        names = ", ".join(f"AutoresetMode.{known.name}" for known in AutoresetMode)
        raise ValueError(f"autoreset_mode={mode!r} is not possible: choose one of {names}.") from None


def _copies(num_envs: int | None, num_tasks: int) -> int:
    """Copies of each task; `gym.make_vec` passes `num_envs=1` where none is given."""
    if num_envs in (None, 1):
        return 1
    if not isinstance(num_envs, int) or num_envs < 1 or num_envs % num_tasks:
        raise ValueError(f"num_envs={num_envs!r} is not possible: give a multiple of the {num_tasks} tasks.")
    return num_envs // num_tasks
