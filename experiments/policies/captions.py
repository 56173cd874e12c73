"""What is written on the frames of a film."""

import pathlib

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from experiments.reporting import style

STRIP = 96  # pixels below the picture
INK, PAPER, FAINT = "#222222", "#FFFFFF", "#D8D8D8"
BARS = 56  # pixels: height of a weight of one


def font(size: int, weight: str = "") -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib; `weight` may be `-Bold`."""
    folder = pathlib.Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"DejaVuSans{weight}.ttf"), size)


def captioned(
    picture: np.ndarray, task: str, step: int, horizon: int, reward: float, solved: bool, attention: np.ndarray | None
) -> np.ndarray:
    """The picture `[size, size, 3]` with a strip below it, `[size + STRIP, size, 3]`.

    Args:
        solved: some step up to this one was a success.
        attention: weights over the experts `[K]`, drawn as bars; None where there are none.
    """
    size = len(picture)
    frame = Image.new("RGB", (size, size + STRIP), PAPER)
    frame.paste(Image.fromarray(np.ascontiguousarray(picture)), (0, 0))
    draw = ImageDraw.Draw(frame)
    draw.text((10, size + 8), task, INK, font(15, "-Bold"))
    draw.text((10, size + 34), f"step {step} of {horizon}", INK, font(13))
    draw.text((10, size + 52), f"reward {reward:.2f}", INK, font(13))
    if solved:
        draw.text((10, size + 72), "solved", style.GREEN, font(14, "-Bold"))
    if attention is not None:
        _bars(draw, attention, size // 2, size - 10, size + 14 + BARS)
    return np.asarray(frame)


def _bars(draw: ImageDraw.ImageDraw, weights: np.ndarray, left: int, right: int, bottom: int) -> None:
    """Bars of the experts' weights, numbered; a bar of full height is a weight of one."""
    slot = (right - left) / len(weights)
    small = font(10)
    for expert, weight in enumerate(weights):
        begin, end = left + expert * slot + 1, left + (expert + 1) * slot - 1
        draw.rectangle((begin, bottom - BARS, end, bottom), outline=FAINT)
        draw.rectangle((begin, bottom - BARS * float(weight), end, bottom), fill=style.BLUE)
        draw.text(((begin + end) / 2, bottom + 2), str(expert + 1), INK, small, anchor="ma")
    draw.text((right, bottom - BARS - 12), "attention over experts", INK, small, anchor="ra")
