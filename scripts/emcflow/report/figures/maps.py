"""Maps of a scene: values, points and tiles, loops that do not close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from emcflow.io.raster import Grid, map_crs
from emcflow.report.figures.style import (
    EMPTY,
    INK,
    LINE,
    SECOND,
    STYLE,
    WIDTH,
    arrange,
    choose_ticks,
    colour_bar,
    new_figure,
)

METRES_PER_DEGREE = 111_320.0  # of latitude
MAX_LABELS = 60  # tiles with a number on the map
MAX_DOTS = 2000  # points with open loops that are drawn larger than they are


@dataclass(frozen=True)
class MapFrame:
    """How maps of a scene are drawn: which way up, in which coordinates, with which pixels.

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

    def corners(self, row: Any, col: Any, shape: tuple[int, int]) -> tuple[Any, Any]:
        """Return x and y of corners of pixels.

        Parameters
        ----------
        row, col : float or ndarray
            The corner is the first of a whole number of rows and columns.
        shape : tuple of int
            Rows and columns of the image; any resolution of the scene.
        """
        left, right, bottom, top = self.extent
        down, along = row / shape[0], col / shape[1]
        down = 1 - down if self.flip[0] else down
        along = 1 - along if self.flip[1] else along
        return left + along * (right - left), top + down * (bottom - top)


def map_frame(grid: Grid) -> MapFrame:
    """Choose how maps of a scene are drawn.

    In a coordinate reference system of maps, and without rotation, north is up and pixels have the
    shape that they have on the ground; in geographic coordinates, that in the middle of the scene.
    Otherwise the axes are rows and columns, with square pixels.

    Parameters
    ----------
    grid : Grid

    Returns
    -------
    MapFrame
    """
    a, b, left, d, e, top = grid.transform
    rows, cols = grid.shape
    crs = map_crs(grid.crs)
    if crs is None or b != 0 or d != 0:
        extent = (0.0, float(cols), float(rows), 0.0)
        note = "Rows and columns of the input, the first row on top."
        return MapFrame(extent, 1.0, (False, False), ("column", "row"), None, note)
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
    return MapFrame(extent, aspect, flip, labels, metres, f"North is up ({name}).")


@mpl.rc_context(STYLE)
def value_map(
    image: np.ndarray,
    frame: MapFrame,
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
    frame : MapFrame
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
    figure, axes = _empty_map(frame, title)
    shown = axes.imshow(
        frame.orient(image),
        extent=frame.extent,
        aspect=frame.aspect,
        cmap=cmap,
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
    )
    below = np.nanmin(image, initial=limits[0]) < limits[0]
    above = np.nanmax(image, initial=limits[1]) > limits[1]
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    colour_bar(figure, shown, units, extend=extend.get((below, above), "both"))
    return arrange(figure, frame.height_to_width)


@mpl.rc_context(STYLE)
def tile_map(
    degree: np.ndarray,
    bounds: Sequence[tuple[int, int, int, int]],
    shape: tuple[int, int],
    frame: MapFrame,
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
    frame : MapFrame

    Returns
    -------
    Figure
    """
    most = max(1, int(degree.max(initial=1)))
    figure, axes = _empty_map(frame, "Points and tiles")
    colours = ListedColormap(mpl.colormaps["YlGnBu"](np.linspace(0.35, 0.95, most)))
    shown = axes.imshow(
        frame.orient(np.where(degree > 0, degree, np.nan)),
        extent=frame.extent,
        aspect=frame.aspect,
        cmap=colours,
        vmin=0.5,
        vmax=most + 0.5,
        interpolation="nearest",
    )
    halo = patheffects.withStroke(linewidth=2.5, foreground="white")
    for number, (row0, col0, row1, col1) in enumerate(bounds):
        x0, y0 = frame.corners(row0, col0, shape)
        x1, y1 = frame.corners(row1, col1, shape)
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
        colour_bar(figure, shown, "tiles that hold the point", ticks=range(1, most + 1))
    return arrange(figure, frame.height_to_width)


@mpl.rc_context(STYLE)
def loop_map(open_loops: np.ndarray, points: np.ndarray, frame: MapFrame, nloops: int) -> Figure:
    """Draw how many loops do not close at each point; where these are few, as dots.

    Parameters
    ----------
    open_loops : ndarray of int, shape (rows, cols)
        Number of open loops; may be thinned out.
    points : ndarray of bool, same shape
        Where there are points.
    frame : MapFrame
    nloops : int
        Number of loops.

    Returns
    -------
    Figure
    """
    figure, axes = _empty_map(frame, "Loops that do not close, per point")
    cmap = mpl.colormaps["YlOrRd"].with_extremes(under="#c9d3dc")
    most = max(1, int(open_loops.max(initial=1)))
    scale: dict[str, Any] = {"cmap": cmap, "vmin": 0.5, "vmax": most + 0.5}
    image = np.where(points | (open_loops > 0), open_loops, np.nan)
    shown = axes.imshow(
        frame.orient(image),
        extent=frame.extent,
        aspect=frame.aspect,
        interpolation="nearest",
        **scale,
    )
    rows, cols = np.nonzero(open_loops)
    if len(rows) <= MAX_DOTS:
        x, y = frame.corners(rows + 0.5, cols + 0.5, open_loops.shape)
        values = open_loops[rows, cols]
        axes.scatter(x, y, c=values, s=16, edgecolors=INK, linewidths=0.5, zorder=3, **scale)
    ticks = MaxNLocator(6, integer=True)
    colour_bar(figure, shown, f"open loops, of {nloops}", ticks=ticks)
    return arrange(figure, frame.height_to_width)


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


def _empty_map(frame: MapFrame, title: str) -> tuple[Figure, Axes]:
    """Return figure and axes of a map without its values."""
    figure, axes = new_figure(WIDTH, title)
    axes.set_facecolor(EMPTY)
    axes.set_xlabel(frame.labels[0])
    axes.set_ylabel(frame.labels[1])
    for spine in axes.spines.values():
        spine.set_visible(True)
    left, right, bottom, top = frame.extent
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect(frame.aspect, anchor="S")  # the labels of x below the colour bar, not on it
    axes.ticklabel_format(useOffset=False, style="plain")
    height = 0.7 * WIDTH * frame.height_to_width  # about, as the margins are not known yet
    choose_ticks(axes.yaxis, height, 6, LINE)
    _scale_bar(axes, frame)
    return figure, axes


def _scale_bar(axes: Axes, frame: MapFrame) -> None:
    """Draw a bar of a round length, about a quarter of the scene, where the ground is known."""
    if frame.metres is None:
        return
    left, right, bottom, top = frame.extent
    length = _round_down(0.3 * (right - left) * frame.metres)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    x, y = left + 0.05 * (right - left), bottom + 0.06 * (top - bottom)
    halo = [patheffects.withStroke(linewidth=4, foreground="white")]
    end = x + length / frame.metres
    style: dict[str, Any] = {"color": INK, "lw": 2, "path_effects": halo, "solid_capstyle": "butt"}
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
