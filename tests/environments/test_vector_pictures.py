"""`render` of the vector environment and of the single one."""

import os
import signal

import gymnasium as gym
import numpy as np
import pytest

from cmta_jax.environments import rendering

pytestmark = pytest.mark.filterwarnings("ignore")  # of metaworld, and of contexts that are freed at the end

TASKS = ["reach-v3", "drawer-close-v3"]
SIZE = {"render_mode": "rgb_array", "width": 64, "height": 48, "camera_name": "corner2"}
ACTION = np.array([0.5, -0.5, 0.3, 1.0], np.float32)


@pytest.fixture(scope="module", autouse=True)
def _graphics():
    try:
        rendering.find_backend()
    except ValueError as error:
        pytest.skip(str(error))


def make_vec(tasks, **keywords):
    return gym.make_vec("cmta_jax:Meta-World-Fast/custom-mt-envs", envs_list=tasks, seed=3, **keywords)


@pytest.mark.parametrize("task", TASKS)  # a reset moves the goal of the first, and the drawer of the second
def test_pictures_equal_metaworlds_and_leave_the_episode_as_it_was(task, monkeypatch):
    """Metaworld's vector environment is no example: its environments share a graphics context by mistake."""
    monkeypatch.setenv("MUJOCO_GL", rendering.find_backend())
    stock = gym.make("metaworld:Meta-World/MT1", env_name=task, seed=3, **SIZE)
    envs = make_vec([task], **SIZE)
    assert envs.unwrapped._team.workers[0].pid  # the caller may have a graphics context of its own
    for environment in (envs, stock):
        environment.reset()
    for _ in range(2):
        (picture,), expected = envs.render(), stock.render()
        assert picture.shape == (48, 64, 3) and expected.std() > 10
        np.testing.assert_array_equal(picture, expected)
        np.testing.assert_array_equal(envs.step(ACTION[None])[0][0], stock.step(ACTION)[0])
    envs.close()


@pytest.mark.nightly
def test_several_environments_of_one_worker_are_drawn_like_single_ones():
    envs = make_vec(TASKS, workers=1, **SIZE)
    singles = [gym.make(f"cmta_jax:Meta-World-Fast/{task}", seed=3 + lane, **SIZE) for lane, task in enumerate(TASKS)]
    envs.reset()
    for single in singles:
        single.reset()
    for _ in range(2):
        pictures = envs.render()
        np.testing.assert_array_equal(pictures, [single.render() for single in singles])
        assert (pictures[0] != pictures[1]).any()
        envs.step(np.stack([ACTION] * 2))
        for single in singles:
            single.step(ACTION)
    os.kill(envs.unwrapped._team.workers[0].pid, signal.SIGKILL)
    assert all(picture.std() > 10 for picture in envs.render())  # of new episodes, which the next step reports
    _, _, _, truncated, infos = envs.step(np.stack([ACTION] * 2))
    assert truncated.all() and infos["worker_restarted"].all()
    envs.close()
    for single in singles:
        single.close()


def test_render_is_refused_with_a_sentence():
    envs = make_vec(TASKS[:1])
    with pytest.raises(ValueError, match="render needs render_mode='rgb_array' when the environment is made"):
        envs.render()
    envs.close()
    for keywords, sentence in (
        ({"render_mode": "human"}, "render_mode='human' is not possible: choose one of rgb_array, or leave it out"),
        ({"camera_name": "north"}, "camera_name='north' is not possible: choose one of corner4"),
        ({"camera_id": 1}, "camera_id=1 is not available in Meta-World-Fast: name the camera with camera_name"),
        ({"width": 0}, "width=0 is not possible: give a value of at least 1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            make_vec(TASKS, **keywords)
