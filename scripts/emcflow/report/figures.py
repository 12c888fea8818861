"""Pictures of a run: maps, plots of the network and its pairs, small pictures of the phase.

All figures share one style and one width, so that a page can lay them side by side or, on a narrow
screen, one below the other and still be read. No global state of Matplotlib is touched.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from emcflow.io.raster import Grid, map_crs

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
METRES_PER_DEGREE = 111_320.0  # of latitude
MAX_LABELS = 60  # tiles with a number on the map
MAX_DOTS = 2000  # points with open loops that are drawn larger than they are
PHASE_LEVELS = 31  # colours of a small picture of phase: with "no data" they fit five bits


def _fringes() -> Colormap:
    """Return a cyclic map through cyan, magenta and yellow of about equal brightness."""
    phase = np.linspace(-np.pi, np.pi, 256, endpoint=False)[:, np.newaxis]
    colours = 0.6 + 0.34 * np.cos(phase + 2 * np.pi / 3 * np.array([0, 1, 2]))
    return ListedColormap(colours, "fringes")


WRAPPED = _fringes()
UNWRAPPED = mpl.colormaps["RdYlBu_r"]


@dataclass(frozen=True)
class SceneView:
    """How a scene is drawn: which way up, in which coordinates, with which shape of pixels.

    Attributes
    ----------
    extent : tuple of float
        Left, right, bottom and top in the units of the axes.
    aspect : float
        Length on paper of one unit of y in units of x.
    flip : tuple of bool
        Whether rows and columns are reversed so that north is up and east is right.
    labels : tuple of str
        Of the x and the y axis.
    metres : float or None
        Metres per unit of x; None where unknown.
    note : str
        Orientation and coordinates in words.
    """

    extent: tuple[float, float, float, float]
    aspect: float
    flip: tuple[bool, bool]
    labels: tuple[str, str]
    metres: float | None
    note: str

    @property
    def height_to_width(self) -> float:
        """Height of the scene over its width, on paper."""
        left, right, bottom, top = self.extent
        return abs(top - bottom) * self.aspect / abs(right - left)

    def orient(self, image: np.ndarray) -> np.ndarray:
        """Return an image (rows, cols) as it is drawn, its first row on top."""
        rows, cols = (slice(None, None, -1 if flipped else 1) for flipped in self.flip)
        return image[rows, cols]

    def corners(self, row, col, shape: tuple[int, int]) -> tuple:
        """Return x and y of pixel corners, given as numbers or arrays, of a scene of `shape`."""
        left, right, bottom, top = self.extent
        down, along = row / shape[0], col / shape[1]
        down = 1 - down if self.flip[0] else down
        along = 1 - along if self.flip[1] else along
        return left + along * (right - left), top + down * (bottom - top)


def scene_view(grid: Grid) -> SceneView:
    """Choose how the scene is drawn.

    With a coordinate reference system of maps and no rotation north is up, and pixels have their
    shape on the ground (of geographic coordinates: at the middle of the scene). Otherwise the axes
    are rows and columns, with square pixels.

    Parameters
    ----------
    grid : Grid

    Returns
    -------
    SceneView
    """
    a, b, left, d, e, top = grid.transform
    rows, cols = grid.shape
    crs = map_crs(grid.crs)
    if crs is None or b != 0 or d != 0:
        extent = (0.0, float(cols), float(rows), 0.0)
        note = "Rows and columns of the input, the first row on top."
        return SceneView(extent, 1.0, (False, False), ("column", "row"), None, note)
    xs, ys = sorted((left, left + a * cols)), sorted((top, top + e * rows))
    flip = (e > 0, a < 0)
    name = ":".join(crs.to_authority() or ()) or "the input's coordinates"
    if crs.is_geographic:
        squeeze = float(np.cos(np.radians(np.mean(ys))))
        labels = ("longitude [°]", "latitude [°]")
        metres, aspect, unit = METRES_PER_DEGREE * squeeze, 1 / squeeze, 1.0
    else:
        metres_per_unit = crs.linear_units_factor[1]
        unit = 1000 / metres_per_unit
        labels, metres, aspect = ("easting [km]", "northing [km]"), 1000.0, 1.0
    left, right, low, high = (float(value) / unit for value in (*xs, *ys))
    extent = (left, right, low, high)
    return SceneView(extent, aspect, flip, labels, metres, f"North is up ({name}).")


@mpl.rc_context(STYLE)
def png(figure: Figure) -> bytes:
    """Draw a figure and return it as the bytes of a PNG file."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, pil_kwargs={"compress_level": COMPRESSION})
    return buffer.getvalue()


def pngs(drawn: Sequence[Figure], n_processes: int) -> list[bytes]:
    """Draw figures side by side, in copies of this process, which no thread may run in beside.

    Threads would wait for each other: all of matplotlib holds the interpreter's lock.

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
    return png(_held[number])


def _figure(height: float, title: str):
    """Return a new figure of the common width, and its axes, that `_arrange` is to place."""
    figure = Figure(figsize=(WIDTH, height), dpi=STYLE["savefig.dpi"])
    axes = figure.add_axes((0, BELOW / height, 1, 1 - (BELOW + TOP) / height))
    corner = figure.transFigure + ScaledTranslation(EDGE, -EDGE, figure.dpi_scale_trans)
    figure.suptitle(title, x=0, y=1, ha="left", va="top", transform=corner)
    return figure, axes


def _arrange(figure: Figure, view: SceneView | None = None) -> Figure:
    """Place axes and, at their right, a colour bar; a map is as high as the scene wants.

    Margins follow from the number of characters of the labels: a layout of Matplotlib measures
    all texts, several times, and took two fifths of the time of a figure.
    """
    axes, *bars = figure.axes
    height = figure.get_figheight() - TOP - BELOW
    left = LABEL + _tick_labels(axes.yaxis)
    right = BAR_GAP + BAR + LABEL + _tick_labels(bars[0].yaxis) if bars else RIGHT
    width = WIDTH - left - right
    if view is not None:
        height = float(np.clip(width * view.height_to_width, *MAP_HEIGHT))
        spare = max(0.0, width - height / view.height_to_width)
        left, width = left + spare / 2, width - spare
        figure.set_size_inches(WIDTH, height + TOP + BELOW)
        _choose_ticks(axes.xaxis, width, 5)
    total = figure.get_figheight()
    axes.set_position((left / WIDTH, BELOW / total, width / WIDTH, height / total))
    for bar in bars:
        x, y = left + width + BAR_GAP, BELOW + (1 - BAR_HEIGHT) / 2 * height
        bar.set_position((x / WIDTH, y / total, BAR / WIDTH, BAR_HEIGHT * height / total))
    return figure


def _tick_labels(axis) -> float:
    """Return about how many inches the longest label of an axis' ticks takes."""
    texts = axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
    return CHARACTER * max(map(len, texts), default=0)


def _choose_ticks(axis, length: float, most: int, space: float | None = None) -> None:
    """Give an axis of a length in inches the most ticks whose labels do not touch each other.

    Labels take the given space; without one, as along the x axis, their own width.
    """
    start, end = axis.get_view_interval()
    for number in range(most, 0, -1):
        axis.set_major_locator(MaxNLocator(number, steps=ROUND, min_n_ticks=1))
        step = np.diff(axis.get_majorticklocs()).min(initial=np.inf)
        if length * step / abs(end - start) >= (space or _tick_labels(axis) + LINE / 2):
            break


def _scene(view: SceneView, title: str):
    """Return a figure and axes for a map."""
    figure, axes = _figure(WIDTH, title)
    axes.set_facecolor(EMPTY)
    axes.set_xlabel(view.labels[0])
    axes.set_ylabel(view.labels[1])
    for spine in axes.spines.values():
        spine.set_visible(True)
    left, right, bottom, top = view.extent
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect(view.aspect, anchor="S")  # the labels of x below the colour bar, not on it
    axes.ticklabel_format(useOffset=False, style="plain")
    height = 0.7 * WIDTH * view.height_to_width  # about, as the margins are not known yet
    _choose_ticks(axes.yaxis, height, 6, LINE)
    _scale_bar(axes, view)
    return figure, axes


def _scale_bar(axes, view: SceneView) -> None:
    """Draw a bar of a round length, about a quarter of the scene, where the ground is known."""
    if view.metres is None:
        return
    left, right, bottom, top = view.extent
    length = _round_down(0.3 * (right - left) * view.metres)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    x, y = left + 0.05 * (right - left), bottom + 0.06 * (top - bottom)
    halo = [patheffects.withStroke(linewidth=4, foreground="white")]
    end = x + length / view.metres
    style = {"color": INK, "lw": 2, "path_effects": halo, "solid_capstyle": "butt"}
    axes.plot([x, end], [y, y], zorder=4, **style)
    axes.annotate(
        text,
        ((x + end) / 2, y),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        zorder=4,
        path_effects=[patheffects.withStroke(linewidth=3, foreground="white")],
    )


def _round_down(value: float) -> float:
    """Return the largest of 1, 2 or 5 times a power of ten that is not above a value."""
    power = 10 ** np.floor(np.log10(value))
    return float(power * max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))


@mpl.rc_context(STYLE)
def value_map(
    image: np.ndarray,
    view: SceneView,
    title: str,
    units: str,
    *,
    cmap: str,
    limits: tuple[float, float],
) -> Figure:
    """Draw a map of values with its colour bar.

    Parameters
    ----------
    image : ndarray, shape (rows, cols)
        As the input lies; may be thinned out. NaN where there is nothing.
    view : SceneView
    title, units : str
        Heading of the figure and label of the colour bar.
    cmap : str
        Name of a Matplotlib colour map.
    limits : tuple of float
        Values of the ends of the colour bar; arrows show that values go beyond them.

    Returns
    -------
    Figure
    """
    figure, axes = _scene(view, title)
    shown = axes.imshow(
        view.orient(image),
        extent=view.extent,
        aspect=view.aspect,
        cmap=cmap,
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
    )
    below = np.nanmin(image, initial=limits[0]) < limits[0]
    above = np.nanmax(image, initial=limits[1]) > limits[1]
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    _colour_bar(figure, shown, units, extend=extend.get((below, above), "both"))
    return _arrange(figure, view)


def _colour_bar(figure, shown, label: str, *, share: bool = False, **options) -> None:
    """Draw a colour bar, in per cent for shares, that `_arrange` is to place."""
    bar = figure.colorbar(shown, cax=figure.add_axes((0, 0, 1, 1)), **options)
    bar.set_label(label)
    bar.outline.set_visible(False)
    if "ticks" not in options:
        bar.ax.yaxis.set_major_locator(MaxNLocator(7, steps=ROUND))
    if share:
        bar.ax.yaxis.set_major_formatter(PERCENT)


def symmetric_limits(image: np.ndarray) -> tuple[float, float]:
    """Return limits centred on zero that hold 99 % of the values of an image."""
    values = np.abs(image[np.isfinite(image)])
    largest = float(np.percentile(values, 99)) if values.size else 1.0
    return -(largest or 1.0), largest or 1.0


def sigma_limits(image: np.ndarray) -> tuple[float, float]:
    """Return limits from zero that hold 99 % of the values of an image."""
    return 0.0, symmetric_limits(image)[1]


def coherence_limits(image: np.ndarray) -> tuple[float, float]:
    """Return limits from 1 down to a round tenth below which there is only 1 % of the values."""
    values = image[np.isfinite(image)]
    lowest = float(np.percentile(values, 1)) if values.size else 0.0
    return float(np.clip(np.floor(10 * lowest) / 10, 0, 0.9)), 1.0


@mpl.rc_context(STYLE)
def tile_map(
    degree: np.ndarray,
    bounds: Sequence[tuple[int, int, int, int]],
    shape: tuple[int, int],
    view: SceneView,
) -> Figure:
    """Draw the points by the number of tiles that hold them, and the outlines of the tiles.

    Parameters
    ----------
    degree : ndarray of int, shape (rows, cols)
        Tiles per pixel, 0 where there is no point; may be thinned out.
    bounds : sequence of tuple of int
        First row, first column, last row, last column of each tile, half open.
    shape : tuple of int
        Rows and columns of the scene.
    view : SceneView

    Returns
    -------
    Figure
    """
    most = max(1, int(degree.max(initial=1)))
    figure, axes = _scene(view, "Points and tiles")
    colours = ListedColormap(mpl.colormaps["YlGnBu"](np.linspace(0.35, 0.95, most)))
    shown = axes.imshow(
        view.orient(np.where(degree > 0, degree, np.nan)),
        extent=view.extent,
        aspect=view.aspect,
        cmap=colours,
        vmin=0.5,
        vmax=most + 0.5,
        interpolation="nearest",
    )
    halo = patheffects.withStroke(linewidth=2.5, foreground="white")
    for number, (row0, col0, row1, col1) in enumerate(bounds):
        x0, y0 = view.corners(row0, col0, shape)
        x1, y1 = view.corners(row1, col1, shape)
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=SECOND, lw=1.2))
        if 1 < len(bounds) <= MAX_LABELS:
            axes.text(
                (x0 + x1) / 2,
                (y0 + y1) / 2,
                f"{number:02d}",
                ha="center",
                va="center",
                weight="bold",
                path_effects=[halo],
            )
    if most > 1:
        _colour_bar(figure, shown, "tiles that hold the point", ticks=range(1, most + 1))
    return _arrange(figure, view)


@mpl.rc_context(STYLE)
def loop_map(open_loops: np.ndarray, points: np.ndarray, view: SceneView, nloops: int) -> Figure:
    """Draw how many loops do not close at each point; a few such points are drawn as dots.

    Parameters
    ----------
    open_loops : ndarray of int, shape (rows, cols)
        Number of open loops; may be thinned out.
    points : ndarray of bool, same shape
        Where there are points.
    view : SceneView
    nloops : int
        Number of loops.

    Returns
    -------
    Figure
    """
    figure, axes = _scene(view, "Loops that do not close, per point")
    cmap = mpl.colormaps["YlOrRd"].with_extremes(under="#c9d3dc")
    most = max(1, int(open_loops.max(initial=1)))
    scale = {"cmap": cmap, "vmin": 0.5, "vmax": most + 0.5}
    image = np.where(points | (open_loops > 0), open_loops, np.nan)
    shown = axes.imshow(
        view.orient(image),
        extent=view.extent,
        aspect=view.aspect,
        interpolation="nearest",
        **scale,
    )
    rows, cols = np.nonzero(open_loops)
    if len(rows) <= MAX_DOTS:
        x, y = view.corners(rows + 0.5, cols + 0.5, open_loops.shape)
        values = open_loops[rows, cols]
        axes.scatter(x, y, c=values, s=16, edgecolors=INK, linewidths=0.5, zorder=3, **scale)
    ticks = MaxNLocator(6, integer=True)
    _colour_bar(figure, shown, f"open loops, of {nloops}", ticks=ticks)
    return _arrange(figure, view)


def _as_dates(dates: Sequence[str] | np.ndarray) -> np.ndarray:
    return date2num([datetime.strptime(date, "%Y%m%d") for date in dates])


def _time_axis(axes) -> None:
    locator = AutoDateLocator(maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.grid(True)
    axes.set_axisbelow(True)


@mpl.rc_context(STYLE)
def network_plot(
    dates: Sequence[str],
    bperp_m: np.ndarray,
    pairs: np.ndarray,
    values: np.ndarray,
    label: str,
) -> Figure:
    """Draw dates over time and perpendicular baseline, joined by the pairs.

    Parameters
    ----------
    dates : sequence of str
        YYYYMMDD.
    bperp_m : ndarray, shape (ndates,)
        Perpendicular baseline relative to the first date [m].
    pairs : ndarray of int, shape (npairs, 2)
        Indices of the dates of each pair.
    values : ndarray, shape (npairs,)
        Share, 0 to 1, that colours the pairs.
    label : str
        What the share is.

    Returns
    -------
    Figure
    """
    figure, axes = _figure(3.6, "Network over time and baseline")
    spots = np.column_stack([_as_dates(dates), bperp_m])
    top = float(np.max(values, initial=0))
    lines = LineCollection(spots[pairs], cmap="YlOrRd", array=values, linewidths=1.4, zorder=2)
    lines.set_clim(-0.35 * top, top or 1)  # the palest colours would not be seen on white
    axes.add_collection(lines)
    axes.scatter(*spots.T, s=26, color=INK, edgecolors="white", linewidths=0.8, zorder=3)
    axes.margins(0.05, 0.08)
    axes.set_ylabel("perpendicular baseline [m]")
    _time_axis(axes)
    bounds = np.linspace(0, top or 1, 65)
    _colour_bar(figure, lines, label, share=True, boundaries=bounds)
    return _arrange(figure)


@mpl.rc_context(STYLE)
def span_plot(
    first: Sequence[str] | np.ndarray,
    last: Sequence[str] | np.ndarray,
    values: np.ndarray,
    title: str,
    label: str,
    *,
    share: bool = False,
) -> Figure:
    """Draw one line per pair or triangle, from its first to its last date, as high as its value.

    Parameters
    ----------
    first, last : sequence of str
        Dates, YYYYMMDD.
    values : ndarray, shape (n,)
        Height of each line.
    title, label : str
        Heading of the figure and label of the y axis.
    share : bool
        Whether the values are shares of one, to be written in per cent.

    Returns
    -------
    Figure
    """
    figure, axes = _figure(2.9, title)
    starts, ends = _as_dates(first), _as_dates(last)
    lines = np.stack([np.column_stack([starts, values]), np.column_stack([ends, values])], axis=1)
    axes.add_collection(LineCollection([*lines], colors=ACCENT, linewidths=1.6, alpha=0.75))
    axes.plot((starts + ends) / 2, values, "o", ms=3.5, color=SECOND, zorder=3)
    axes.set_ylabel(label)
    axes.margins(0.04, 0.08)
    if np.min(values, initial=0) >= 0 and not (share and np.min(values, initial=1) > 0.5):
        axes.set_ylim(bottom=0)
    if share:
        axes.yaxis.set_major_formatter(PERCENT)
    _time_axis(axes)
    return _arrange(figure)


@mpl.rc_context(STYLE)
def histogram(counts: np.ndarray, edges: np.ndarray, median: float, title: str, label: str):
    """Draw a histogram and its median.

    Parameters
    ----------
    counts : ndarray, shape (n,)
        Values in each bin; drawn as shares of all.
    edges : ndarray, shape (n + 1,)
        Limits of the bins.
    median : float
    title, label : str
        Heading of the figure and label of the x axis.

    Returns
    -------
    Figure
    """
    figure, axes = _figure(2.9, title)
    share = counts / max(counts.sum(), 1)
    axes.stairs(share, edges, fill=True, color=ACCENT, alpha=0.85)
    axes.axvline(median, color=SECOND, lw=1.5)
    right = median < (edges[0] + edges[-1]) / 2
    axes.annotate(
        f"median {median:.2f}",
        (median, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5 if right else -5, -4),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top",
        color=SECOND,
        path_effects=[patheffects.withStroke(linewidth=3, foreground="white")],
    )
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(label)
    axes.set_ylabel("share")
    axes.yaxis.set_major_formatter(PERCENT)
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    return _arrange(figure)


@mpl.rc_context(STYLE)
def seam_plot(agreement: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw how many of the common points of each overlap agree, for each interferogram.

    Parameters
    ----------
    agreement : ndarray, shape (nlinks, npairs)
        Share of the common points with the most frequent offset, 0 to 1.
    names : sequence of str
        Of the overlaps.

    Returns
    -------
    Figure
    """
    figure, axes = _figure(float(np.clip(0.16 * len(names), 1.2, 5)) + 1.2, "Agreement of tiles")
    shown = axes.imshow(
        agreement,
        extent=(0.5, agreement.shape[1] + 0.5, len(names) - 0.5, -0.5),
        aspect="auto",
        cmap="viridis",
        vmin=min(0.95, float(agreement.min())),
        vmax=1,
        interpolation="nearest",
    )
    axes.set_xlabel("interferogram, in the order of the table")
    axes.set_ylabel("overlap of tiles")
    every = -(-len(names) // 24)
    axes.set_yticks(range(0, len(names), every), names[::every], fontsize=8)
    _colour_bar(figure, shown, "points that agree", share=True)
    return _arrange(figure)


@dataclass(frozen=True)
class PhasePicture:
    """One interferogram, wrapped and unwrapped, as two small PNG pictures of the same size.

    Attributes
    ----------
    wrapped, unwrapped : bytes
        PNG files; transparent where there is no point.
    limits : tuple of float
        Unwrapped phase [rad] at the two ends of its colours.
    """

    wrapped: bytes
    unwrapped: bytes
    limits: tuple[float, float]


def phase_picture(unwrapped: np.ndarray, view: SceneView) -> PhasePicture:
    """Picture an unwrapped interferogram, and what it was before.

    Unwrapping adds whole cycles, so the wrapped phase is the unwrapped one modulo 2 pi.

    Parameters
    ----------
    unwrapped : ndarray, shape (rows, cols)
        Phase [rad], thinned out to the size wanted; NaN where there is no point.
    view : SceneView

    Returns
    -------
    PhasePicture
    """
    image = view.orient(unwrapped.astype(np.float64))
    values = image[np.isfinite(image)]
    low, high = np.percentile(values, (1, 99)) if values.size else (0.0, 0.0)
    turns = image / (2 * np.pi) + 0.5
    stretched = (image - low) / max(high - low, 1e-9)
    return PhasePicture(
        _palette_png(turns - np.floor(turns), WRAPPED),
        _palette_png(stretched, UNWRAPPED),
        (float(low), float(high)),
    )


def _palette_png(image: np.ndarray, cmap: Colormap) -> bytes:
    """Return values from 0 to 1 as a PNG of few colours, the first of them transparent."""
    known = np.isfinite(image)
    level = np.clip(np.where(known, image, 0) * PHASE_LEVELS, 0, PHASE_LEVELS - 1)
    indices = np.where(known, level + 1, 0).astype(np.uint8)
    colours = cmap((np.arange(PHASE_LEVELS) + 0.5) / PHASE_LEVELS, bytes=True)[:, :3]
    rows, cols = indices.shape
    lines = np.pad(indices, ((0, 0), (1, 0))).tobytes()  # a row begins with its filter: 0, none
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", cols, rows, 8, 3, 0, 0, 0)),  # 8 bits, palette
        (b"PLTE", bytes(3) + colours.tobytes()),
        (b"tRNS", bytes(1)),
        (b"IDAT", zlib.compress(lines, 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Return a part of a PNG file: its length, kind, data and check sum."""
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def css_gradient(cmap: Colormap) -> str:
    """Return a colour map as a CSS gradient from left to right."""
    stops = ", ".join(mpl.colors.to_hex(cmap(value)) for value in np.linspace(0, 1, 13))
    return f"linear-gradient(to right, {stops})"
