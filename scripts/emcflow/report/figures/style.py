"""Colours, type and sizes that all figures of a report share, and how they become PNG files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import cmcrameri.cm  # noqa: F401  gives its colour maps names in Matplotlib
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

# Colour maps in which equal steps look equal, to the colour-blind too (Crameri et al. 2020, The
# misuse of colour in science communication, Nature Communications, 11, 5444).
MOTION, HEIGHT, DEVIATION, COHERENCE = "cmc.vik", "cmc.cork", "cmc.lajolla_r", "cividis"
SEQUENCE, CYCLIC = "cmc.roma_r", "cmc.romaO"
SUREST = 40.0  # of -10 log10 p of a wrong cycle, the end of the colours; more is not told apart
INK, MUTED, EMPTY = "#1f2937", "#6b7280", "#e9ebef"
ACCENT, SECOND = "#0f6f8c", "#c2540a"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "figure.titlesize": 10,
    "figure.titleweight": "bold",
    "axes.edgecolor": "#9ca3af",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": "#e5e7eb",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": 170,
}
ROUND = [1, 2, 5, 10]
PERCENT = FuncFormatter(lambda share, _: f"{100 * share:.6g} %")
WIDTH = 5.2  # inches of every figure, as are the lengths that follow
EDGE = 0.1  # from the edges to the title
TOP, BELOW = 0.42, 0.5  # margins that hold the title, and the labels of the x axis
LABEL = 0.38  # label beside an axis with all gaps, without the labels of the ticks
CHARACTER = 0.08  # width of a digit of those
LINE = 0.2  # their height with a gap
RIGHT = 0.36  # margin where there is no colour bar: half the label of a tick at the end
BAR_GAP, BAR = 0.1, 0.15  # colour bar: from the axes, and its width
BAR_HEIGHT = 0.9  # of the height of the axes
MAP_HEIGHT = (1.2, 6.0)  # the least, that the label of a colour bar wants, and the most
COMPRESSION = 3  # of PNG files: against 6, the default, three fifths of the time, a tenth larger


@mpl.rc_context(STYLE)
def png(figure: Figure) -> bytes:
    """Draw a figure and return it as the bytes of a PNG file."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, pil_kwargs={"compress_level": COMPRESSION})
    return buffer.getvalue()


def pngs(drawn: Sequence[Figure], n_processes: int) -> list[bytes]:
    """Draw figures side by side, each in a copy of this process.

    Threads would wait for each other, as all of Matplotlib holds the interpreter's lock. A process
    is copied safely only while no other thread of it runs.

    Parameters
    ----------
    drawn : sequence of Figure
    n_processes : int

    Returns
    -------
    list of bytes
        The PNG file of each.
    """
    if n_processes == 1:
        return [png(figure) for figure in drawn]
    with ProcessPoolExecutor(n_processes, get_context("fork"), _hold, (drawn,)) as pool:
        return list(pool.map(_png_of_held, range(len(drawn))))


_held: Sequence[Figure] = ()


def _hold(drawn: Sequence[Figure]) -> None:
    """Keep the figures in a copy of the process: what it is forked with need not be pickled."""
    global _held
    _held = drawn


def _png_of_held(number: int) -> bytes:
    """Draw one of the figures that this copy of the process was made with."""
    return png(_held[number])


def new_figure(height: float, title: str) -> tuple[Figure, Axes]:
    """Return a figure of the common width and a height in inches, and its axes.

    Where the axes are, :func:`arrange` says once all is drawn.
    """
    figure = Figure(figsize=(WIDTH, height), dpi=STYLE["savefig.dpi"])
    axes = figure.add_axes((0, BELOW / height, 1, 1 - (BELOW + TOP) / height))
    corner = figure.transFigure + ScaledTranslation(EDGE, -EDGE, figure.dpi_scale_trans)
    figure.suptitle(title, x=0, y=1, ha="left", va="top", transform=corner)
    return figure, axes


def arrange(figure: Figure, height_to_width: float | None = None) -> Figure:
    """Place the axes of a figure and, to their right, its colour bar.

    Margins follow from the number of characters of the labels: a layout of Matplotlib measures
    all texts, several times, and took two fifths of the time of a figure.

    Parameters
    ----------
    figure : Figure
    height_to_width : float, optional
        Shape of a map, whose figure is made as high as it needs.

    Returns
    -------
    Figure
        The same.
    """
    axes, *bars = figure.axes
    height = figure.get_figheight() - TOP - BELOW
    left = LABEL + _tick_width(axes.yaxis)
    right = BAR_GAP + BAR + LABEL + _tick_width(bars[0].yaxis) if bars else RIGHT
    width = WIDTH - left - right
    if height_to_width is not None:
        height = float(np.clip(width * height_to_width, *MAP_HEIGHT))
        spare = max(0.0, width - height / height_to_width)
        left, width = left + spare / 2, width - spare
        figure.set_size_inches(WIDTH, height + TOP + BELOW)
        choose_ticks(axes.xaxis, width, 5)
    total = figure.get_figheight()
    axes.set_position((left / WIDTH, BELOW / total, width / WIDTH, height / total))
    for bar in bars:
        x, y = left + width + BAR_GAP, BELOW + (1 - BAR_HEIGHT) / 2 * height
        bar.set_position((x / WIDTH, y / total, BAR / WIDTH, BAR_HEIGHT * height / total))
    return figure


def _tick_width(axis: Axis) -> float:
    """Return the width of the longest label of the ticks of an axis, in inches, roughly."""
    texts = axis.get_major_formatter().format_ticks(axis.get_majorticklocs().tolist())
    return CHARACTER * max(map(len, texts), default=0)


def choose_ticks(axis: Axis, length: float, most: int, space: float | None = None) -> None:
    """Give an axis as many ticks as have room for their labels.

    Parameters
    ----------
    axis : Axis
    length : float
        Of the axis [inches].
    most : int
        Largest number of ticks.
    space : float, optional
        Room that a label needs along the axis [inches]; by default its own width.
    """
    start, end = axis.get_view_interval()
    for number in range(most, 0, -1):
        axis.set_major_locator(MaxNLocator(number, steps=ROUND, min_n_ticks=1))
        step = np.diff(axis.get_majorticklocs()).min(initial=np.inf)
        if length * step / abs(end - start) >= (space or _tick_width(axis) + LINE / 2):
            break


def colour_bar(
    figure: Figure, shown: ScalarMappable, label: str, *, share: bool = False, **options: Any
) -> None:
    """Draw a colour bar, which :func:`arrange` places.

    Parameters
    ----------
    figure : Figure
    shown : ScalarMappable
        What the colours are of.
    label : str
    share : bool
        Whether the values are shares of one, to be written in per cent.
    **options
        Of Matplotlib's ``Figure.colorbar``.
    """
    bar = figure.colorbar(shown, cax=figure.add_axes((0, 0, 1, 1)), **options)
    bar.set_label(label)
    bar.outline.set_visible(False)  # type: ignore[operator]
    if "ticks" not in options:
        bar.ax.yaxis.set_major_locator(MaxNLocator(7, steps=ROUND))
    if share:
        bar.ax.yaxis.set_major_formatter(PERCENT)
