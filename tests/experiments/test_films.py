"""Recorded episodes and their films."""

import functools
import os
import subprocess

import imageio_ffmpeg
import jax
import numpy as np
import pytest
from comparing import close
from PIL import Image
from stepping import compile_models_once
from toy_runs import CMTA, MetaWorldSized, Toy, policy_file, untrained

from cmta_jax.environments import Pool, rendering, simulator
from experiments import evaluate
from experiments.policies import goal_sets, mp4, paper_protocol
from experiments.policies.captions import BARS, Caption, captioned
from experiments.policies.contact_sheet import HEAD, LABEL, MOST_ROWS, contact_sheet
from experiments.policies.recording import record
from experiments.reporting import style


@functools.cache
def recorded(*arguments):
    trained = untrained("--num_seeds=2", *arguments)
    pool = Toy(trained.settings.environment, trained.seeds)
    return trained, record(trained, pool, np.full((2, 2), 4))


def test_a_recording_is_the_episode_that_evaluation_plays(monkeypatch):
    trained, recording = recorded(*CMTA)
    pool = Toy(trained.settings.environment, trained.seeds)
    monkeypatch.setattr(goal_sets, "of_run", lambda *_: np.full((1, 2, 2, 1), 4))
    result = paper_protocol.play(trained, pool, 1, False)
    np.testing.assert_allclose(recording.reward.sum(axis=0), result.mean_return, rtol=1e-5)
    np.testing.assert_array_equal(recording.success.any(axis=0), result.successes)


def test_a_recording_tells_what_the_encoder_did():
    """Attention of the first step by hand: the memory is zero, the observation that of the reset."""
    trained, recording = recorded(*CMTA)
    assert recording.attention.shape == (10, 2, 2, 3) and recording.experts.shape == (10, 2, 2, 3, 8)
    np.testing.assert_allclose(recording.attention.sum(axis=-1), 1, rtol=1e-5)
    pool = Toy(trained.settings.environment, trained.seeds)
    observation = pool.reset(goal_sets=np.full(4, 4)).reshape(2, 2, 1, 6)
    params, networks = jax.tree.map(lambda leaf: leaf[1], trained.params), trained.method.networks
    tasks = networks.encode_tasks(params.task_encoder)
    _, story = networks.encode(params.encoder, tasks, observation[1], trained.method.begin(1))
    close(recording.attention[0, 1], story.attention[:, 0], rtol=1e-4)
    close(recording.experts[0, 1, 1, 2], story.experts[2, 1, 0], rtol=1e-4)
    assert np.abs(np.diff(recording.attention, axis=0)).max() > 1e-6


def test_the_critics_attention_may_be_asked_for():
    """It gets the memory that the actor wrote; with an actor's encoder of its own the attention is another."""
    trained = untrained(*CMTA, "--cmta.actor_encoder=frozen_random")
    pool = Toy(trained.settings.environment, trained.seeds)
    actor, critics = (record(trained, pool, np.full((1, 2), 4), encoder) for encoder in ("actor", "critics"))
    np.testing.assert_array_equal(critics.action, actor.action)
    np.testing.assert_array_equal(critics.experts, actor.experts)
    assert np.abs(critics.attention - actor.attention).max() > 1e-3
    observation = pool.reset(goal_sets=np.full(2, 4)).reshape(2, 1, 6)
    params, networks = jax.tree.map(lambda leaf: leaf[0], trained.params), trained.method.networks
    tasks = networks.encode_tasks(params.task_encoder)
    _, story = networks.encode(params.encoder, tasks, observation, trained.method.begin(1))
    close(critics.attention[0, 0], story.attention[:, 0], rtol=1e-4)


def test_tsac_tells_of_its_base_and_a_method_without_experts_of_nothing():
    over = recorded("--method=tsac", "--tsac.base=cmta", *CMTA)[1]
    assert over.attention.shape == (10, 2, 2, 3)
    assert recorded("--method=mtsac")[1].attention is None


def test_bars_are_as_high_as_the_weights():
    picture = np.zeros((384, 384, 3), np.uint8)
    frame = captioned(picture, Caption("reach-v3", 3, 150, 1.5, True, np.array([0.75, 0.25])))
    assert frame.shape == (480, 384, 3) and not frame[:384].any()
    blue = (frame == [int(style.BLUE[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1)
    heights = blue[:, [230, 330]].sum(axis=0)  # a column of pixels in either bar
    np.testing.assert_allclose(heights, [0.75 * BARS, 0.25 * BARS], atol=1)
    plain = captioned(picture, Caption("reach-v3", 3, 150, 1.5, False))
    assert not (plain == [int(style.BLUE[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1).any()


def test_a_contact_sheet_has_a_row_per_task_and_marks_what_is_solved():
    frames = [(np.full((384, 384, 3), 200, np.uint8), step, step > 0) for step in (0, 75, 150)]
    sheet = np.asarray(contact_sheet("title", [("reach-v3", frames), ("pick-place-wall-v3", frames)]))
    green = (sheet == [int(style.GREEN[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1)
    assert green[HEAD + 75, LABEL + 154] and green[HEAD + 154 + 75, LABEL + 154] and not green[HEAD + 75, LABEL]
    wide = contact_sheet("title", [(f"task-{index}", frames) for index in range(50)])
    assert wide.width > 2.9 * sheet.shape[1] and wide.height < HEAD + (MOST_ROWS + 1) * 154


def test_the_title_of_a_contact_sheet_is_not_cut_off():
    frames = [(np.full((384, 384, 3), 200, np.uint8), step, False) for step in range(6)]
    sheet = np.asarray(contact_sheet("a title of many words " * 5, [("reach-v3", frames)]))
    assert (sheet[:HEAD] < 128).any() and (sheet[:HEAD, -4:] == 255).all()


def test_an_mp4_holds_every_frame(tmp_path):
    with mp4.writer(tmp_path / "film.mp4", 30) as add:
        for level in range(0, 200, 20):
            add(np.full((32, 32, 3), level, np.uint8))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", tmp_path / "film.mp4", tmp_path / "%02d.png"]
    subprocess.run(command, check=True, capture_output=True)
    levels = [np.asarray(Image.open(path)).mean() for path in sorted(tmp_path.glob("*.png"))]
    np.testing.assert_allclose(levels, range(0, 200, 20), atol=6)
    assert not list(tmp_path.glob("*.part*"))


def test_a_film_that_cannot_be_written_is_one_sentence(tmp_path):
    path = tmp_path / "no" / "film.mp4"
    with pytest.raises(OSError, match="film.mp4 could not be written"), mp4.writer(path, 30) as add:
        add(np.zeros((32, 32, 3), np.uint8))


def test_where_nothing_can_draw_one_sentence_says_what_to_install(monkeypatch):
    def fails(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "Traceback\nImportError: no library")

    monkeypatch.setattr(rendering.subprocess, "run", fails)
    with pytest.raises(ValueError, match="egl and osmesa failed, the last with 'ImportError: no library'.*libosmesa6"):
        rendering.find_backend()


def test_the_first_back_end_that_works_is_taken_and_the_environment_may_name_it(monkeypatch):
    tried = []

    def second(command, **_):
        tried.append(command[-1])
        return subprocess.CompletedProcess(command, len(tried) < 2, "", "no")

    monkeypatch.setattr(rendering.subprocess, "run", second)
    assert rendering.find_backend() == "osmesa"
    assert rendering.candidates("osmesa", ("egl", "osmesa")) == ("osmesa",)
    assert rendering.candidates("disable", ("egl", "osmesa")) == ("egl", "osmesa")


@pytest.fixture(scope="module", autouse=True)
def models_compiled_once():
    with pytest.MonkeyPatch.context() as patch:
        compile_models_once(patch)
        yield


@pytest.fixture(scope="module")
def backend():
    try:
        return rendering.find_backend()
    except ValueError as error:
        pytest.skip(str(error))


def test_a_film_replays_the_rewards_of_the_pool(backend):
    """The pool's lane is the fast simulator in another process; the camera's is Meta-World's own."""
    trained = untrained("--benchmark=reach-v3", *CMTA, pool=MetaWorldSized)
    with Pool(trained.settings.environment, trained.seeds, 1, 1) as pool:
        recording, vectors = record(trained, pool, np.full((1, 1), 7)), pool.goal_vectors
    shots = [
        *rendering.film("reach-v3", vectors[0, 0], 7, recording.action[:, 0, 0], range(11), rendering.View(backend, 64))
    ]
    assert [shot.step for shot in shots] == [*range(11)]
    assert [np.float32(shot.reward) for shot in shots[1:]] == recording.reward[:, 0, 0].tolist()
    assert shots[0].picture.shape == (64, 64, 3) and shots[0].picture.std() > 10
    assert not np.array_equal(shots[0].picture, shots[10].picture)


def test_the_camera_stands_upright(backend):
    """Below is the table's wood, above the background."""
    vectors = np.tile([0.0, 0.6, 0.02, 0.0, 0.85, 0.25], (50, 1))
    (shot,) = rendering.film("reach-v3", vectors, 0, np.zeros((1, 4), np.float32), [0], rendering.View(backend, 96))
    top, bottom = shot.picture[:10, 48:].mean(axis=(0, 1)), shot.picture[-20:, 40:].mean(axis=(0, 1))
    assert np.ptp(top) < 15 and bottom[0] > bottom[2] + 25  # grey; brown


def test_meta_worlds_corner_cameras_hang_upside_down_and_the_others_do_not():
    lane = simulator.make("reach-v3", "stock", reward_version="v2", success_version="v2")
    lane.vectors = np.tile([0.0, 0.6, 0.02, 0.0, 0.85, 0.25], (50, 1))
    lane.reset(0)
    picture = np.arange(6).reshape(2, 3, 1)  # rows from the bottom
    for name in rendering.CAMERAS:
        number = lane.environment.model.camera(name).id
        turned = rendering.upright(picture, lane.environment.data.cam_xmat[number].reshape(3, 3))
        seen = [[2, 1, 0], [5, 4, 3]] if name.startswith("corner") else [[3, 4, 5], [0, 1, 2]]
        assert turned[..., 0].tolist() == seen, name


def test_every_camera_can_film(backend):
    """Upright too: Meta-World mounts some cameras upside down, so the picture is turned if the camera is."""
    vectors, action = np.tile([0.0, 0.6, 0.02, 0.0, 0.85, 0.25], (50, 1)), np.zeros((1, 4), np.float32)
    pictures = {
        name: next(rendering.film("reach-v3", vectors, 0, action, [0], rendering.View(backend, 64, name))).picture
        for name in rendering.CAMERAS
    }
    assert {picture.shape for picture in pictures.values()} == {(64, 64, 3)}
    assert [name for name, picture in pictures.items() if picture.std() <= 5] == []
    assert len({picture.tobytes() for picture in pictures.values()}) == len(rendering.CAMERAS)


def test_the_command_films_every_task(tmp_path, backend, capsys):
    path = policy_file(tmp_path / "policy.safetensors", "--benchmark=reach-v3", *CMTA, pool=MetaWorldSized)
    assert evaluate.main([f"--workdir={path}", "--video", "--goal_set=3", "--env_workers=1"], Pool) == 0
    said = capsys.readouterr().out.splitlines()
    paths = [tmp_path / "videos" / name for name in ("reach-v3.mp4", "contact_sheet.png")]
    assert said[1:] == [str(path) for path in paths] and all(os.path.getsize(path) > 2000 for path in paths)
    with Image.open(paths[1]) as sheet:
        assert sheet.height == HEAD + 154
