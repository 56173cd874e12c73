"""What is written on the frames of a film."""

import pathlib
from typing import NamedTuple

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


class Caption(NamedTuple):
    """What is written below a picture."""

    task: str
    step: int
    horizon: int
    reward: float
    solved: bool  # some step up to this one was a success
    attention: np.ndarray | None = None  # weights over the experts [K], drawn as bars


def captioned(picture: np.ndarray, caption: Caption) -> np.ndarray:
    """The picture `[size, size, 3]` with its caption in a strip below it, `[size + STRIP, size, 3]`."""
    size = len(picture)
    frame = Image.new("RGB", (size, size + STRIP), PAPER)
    frame.paste(Image.fromarray(np.ascontiguousarray(picture)), (0, 0))
    draw = ImageDraw.Draw(frame)
    draw.text((10, size + 8), caption.task, INK, font(15, "-Bold"))
    draw.text((10, size + 34), f"step {caption.step} of {caption.horizon}", INK, font(13))
    draw.text((10, size + 52), f"reward {caption.reward:.2f}", INK, font(13))
    if caption.solved:
        draw.text((10, size + 72), "solved", style.GREEN, font(14, "-Bold"))
    if caption.attention is not None:
        _bars(draw, caption.attention, size // 2, size - 10, size + 14 + BARS)
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
