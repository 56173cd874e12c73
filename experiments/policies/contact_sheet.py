"""One picture of a benchmark: a row of frames per task."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from experiments.policies.captions import INK, PAPER, font
from experiments.reporting import style

SIDE, GAP, LABEL, HEAD = 150, 4, 178, 40  # pixels: a frame, between frames, the task's name, the title
MOST_ROWS = 17  # in a column of tasks


def contact_sheet(title: str, rows: Sequence[tuple[str, Sequence[tuple[np.ndarray, int, bool]]]]) -> Image.Image:
    """The sheet.

    Args:
        title: one line.
        rows: of each task its name and its frames: (picture `[size, size, 3]`, step, solved by then). A frame of a
            solved task has a green border.
    """
    columns = -(-len(rows) // MOST_ROWS)
    height = -(-len(rows) // columns)
    width = LABEL + max(len(frames) for _, frames in rows) * (SIDE + GAP)
    sheet = Image.new("RGB", (columns * width + GAP, HEAD + height * (SIDE + GAP)), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP + 4, HEAD // 2), title, INK, _fitting(title, sheet.width - 2 * (GAP + 4)), anchor="lm")
    for index, (task, frames) in enumerate(rows):
        left, top = (index // height) * width, HEAD + (index % height) * (SIDE + GAP)
        draw.text((left + LABEL - 8, top + SIDE // 2), _folded(task), INK, font(15), anchor="rm", align="right")
        for place, (picture, step, solved) in enumerate(frames):
            _frame(sheet, draw, (left + LABEL + place * (SIDE + GAP), top), picture, step, solved)
    return sheet


def _frame(sheet, draw, corner, picture, step, solved):
    small = Image.fromarray(np.ascontiguousarray(picture)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    sheet.paste(small, corner)
    draw.text((corner[0] + 6, corner[1] + 4), str(step), "#FFFFFF", font(12, "-Bold"), stroke_width=2, stroke_fill=INK)
    if solved:
        draw.rectangle((*corner, corner[0] + SIDE - 1, corner[1] + SIDE - 1), outline=style.GREEN, width=4)


def _fitting(title: str, width: int):
    """The largest font in which the title is no wider, down to what can just be read."""
    sizes = (font(size, "-Bold") for size in range(17, 8, -1))
    return next((size for size in sizes if size.getlength(title) <= width), font(9, "-Bold"))


def _folded(task: str) -> str:
    """A long name over two lines."""
    words = task.removesuffix("-v3").split("-")
    if len(task) < 18:
        return "-".join(words)
    half = -(-len(words) // 2)
    return "-".join(words[:half]) + "-\n" + "-".join(words[half:])
