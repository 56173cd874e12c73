"""Frames to an MP4 file that browsers play (H.264), by the ffmpeg that comes with imageio-ffmpeg."""

import contextlib
import os
import pathlib
import subprocess
from collections.abc import Callable, Iterator

import imageio_ffmpeg
import numpy as np


@contextlib.contextmanager
def writer(path: pathlib.Path, frames_per_second: int) -> Iterator[Callable[[np.ndarray], None]]:
    """A function that adds a frame `[H, W, 3]` uint8, H and W even; the file is there when the context is left.

    imageio's own writer forks with code to run in the child, which JAX's threads could lock up.

    Raises:
        OSError: ffmpeg failed; with its last words.
    """
    begun, temporary = [], path.with_name(f"{path.stem}.part{path.suffix}")

    def add(frame: np.ndarray) -> None:
        if not begun:
            begun.append(_ffmpeg(temporary, frame.shape, frames_per_second))
        with contextlib.suppress(BrokenPipeError):  # ffmpeg says why when it is asked at the end
            begun[0].stdin.write(np.ascontiguousarray(frame).tobytes())

    try:
        yield add
        for process in begun:
            _, said = process.communicate()
            if process.returncode:
                words = said.decode(errors="replace").strip().splitlines() or ["no reason given"]
                raise OSError(f"{path} could not be written ({words[-1]}).")
            os.replace(temporary, path)
    finally:
        for process in begun:
            process.kill()
            process.communicate()
        temporary.unlink(missing_ok=True)


def _ffmpeg(path: pathlib.Path, shape: tuple[int, ...], frames_per_second: int) -> subprocess.Popen:
    height, width, _ = shape
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", str(frames_per_second), "-i", "-", "-an"]
    command += ["-vcodec", "libx264", "-pix_fmt", "yuv420p", "-crf", "23", "-movflags", "+faststart", str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
