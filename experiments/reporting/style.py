"""Colours, line styles and fonts of all figures, for print, for grey scales and for colour-blind readers."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib

# Okabe and Ito, "Color universal design" (2008); their yellow is left out, it vanishes on white paper.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
SOLID, DASHED, DOTTED = "-", (0, (5, 1.5)), (0, (1, 1.2))
DASH_DOT, DASH_DOT_DOT, LONG = (0, (5, 1.5, 1, 1.5)), (0, (5, 1.5, 1, 1.2, 1, 1.5)), (0, (9, 2))

KNOWN = {
    "CMTA": (VERMILION, SOLID),
    "CARE": (BLUE, DASHED),
    "MTMH-SAC": (PURPLE, DASH_DOT),
    "MT-SAC+TE": (GREEN, DASH_DOT_DOT),
    "MT-SAC": (SKY, DOTTED),
    "SoftModu": (ORANGE, LONG),
    "Single-SAC": (BLACK, DOTTED),
    "CMTA w/o TI": (BLACK, LONG),
    "CMTA w/o CL": (PURPLE, SOLID),
    "CARE + CL": (SKY, SOLID),
}

FONTS: Any = {
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.5,
    "pdf.fonttype": 42,  # TrueType: text stays text, and journals accept it
    "savefig.dpi": 300,
}


def fonts() -> contextlib.AbstractContextManager:
    """The context to draw and save figures in."""
    return matplotlib.rc_context(FONTS)


def in_order(names: Iterable[str]) -> list[str]:
    """The names once each: the paper's methods first, in the order of `KNOWN`, then the others by alphabet."""
    ranks = {name: rank for rank, name in enumerate(KNOWN)}
    return sorted(set(names), key=lambda name: (ranks.get(name, len(ranks)), name))


def line_styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Keyword arguments of `plot` for each name: the same in every figure for the paper's methods, no two alike."""
    lines = (SOLID, DASHED, DASH_DOT, LONG, DOTTED)
    spare = [(colour, line) for line in lines for colour in (GREEN, ORANGE, BLACK, BLUE, SKY, PURPLE, VERMILION)]
    free = iter([pair for pair in spare if pair not in KNOWN.values()])
    pairs = {name: KNOWN[name] if name in KNOWN else next(free) for name in names}
    return {
        name: {
            "color": colour,
            "linestyle": line,
            "linewidth": 1.8 if name == "CMTA" else 1.2,
            "zorder": 3 - 0.1 * index,
        }
        for index, (name, (colour, line)) in enumerate(pairs.items())
    }
