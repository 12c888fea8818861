"""Plots of a run: its network, values of pairs over time, histograms, the agreement of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from emcflow.report.figures.style import (
    ACCENT,
    INK,
    MUTED,
    PERCENT,
    SECOND,
    STYLE,
    arrange,
    colour_bar,
    new_figure,
)


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
    figure, axes = new_figure(3.6, "Network over time and baseline")
    spots = np.column_stack([_as_dates(dates), bperp_m])
    top = float(np.max(values, initial=0))
    lines = LineCollection(spots[pairs], cmap="YlOrRd", array=values, linewidths=1.4, zorder=2)
    lines.set_clim(-0.35 * top, top or 1)  # the palest colours would not be seen on white
    axes.add_collection(lines)
    axes.scatter(
        spots[:, 0], spots[:, 1], s=26, color=INK, edgecolors="white", linewidths=0.8, zorder=3
    )
    axes.margins(0.05, 0.08)
    axes.set_ylabel("perpendicular baseline [m]")
    _time_axis(axes)
    bounds = np.linspace(0, top or 1, 65)
    colour_bar(figure, lines, label, share=True, boundaries=bounds)
    return arrange(figure)


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
    figure, axes = new_figure(2.9, title)
    starts, ends = _as_dates(first), _as_dates(last)
    lines = np.stack([np.column_stack([starts, values]), np.column_stack([ends, values])], axis=1)
    axes.add_collection(LineCollection([*lines], colors=ACCENT, linewidths=1.6, alpha=0.75))
    axes.plot((starts + ends) / 2, values, "o", ms=3.5, color=SECOND, zorder=3, clip_on=False)
    axes.set_ylabel(label)
    axes.margins(0.04, 0.08)
    if np.min(values, initial=0) >= 0 and not (share and np.min(values, initial=1) > 0.5):
        axes.set_ylim(bottom=0)
    if share:
        axes.yaxis.set_major_formatter(PERCENT)
        axes.set_ylim(top=min(axes.get_ylim()[1], 1.0))
    _time_axis(axes)
    return arrange(figure)


@mpl.rc_context(STYLE)
def found_plot(
    dates: Sequence[str],
    found: np.ndarray,
    sigma: np.ndarray,
    given: np.ndarray | None,
    label: str,
) -> Figure:
    """Draw baselines that were found in the phases, and those of a table beside them.

    Parameters
    ----------
    dates : sequence of str
        YYYYMMDD.
    found, sigma : ndarray, shape (ndates,)
        Bars are two standard deviations to both sides.
    given : ndarray, shape (ndates,), optional
        Of the table.
    label : str
        Of the y axis.

    Returns
    -------
    Figure
    """
    figure, axes = new_figure(2.9, "Baselines that the phases ask for")
    days = _as_dates(dates)
    if given is not None:
        axes.plot(days, given, "o", ms=7, mfc="none", mec=MUTED, label="table")
    axes.errorbar(days, found, 2 * sigma, fmt="o", ms=3.5, color=ACCENT, lw=1.2, label="phases")
    if given is not None:
        axes.legend(frameon=False, loc="best", ncols=2)
    axes.set_ylabel(label)
    axes.margins(0.04, 0.12)
    _time_axis(axes)
    return arrange(figure)


@mpl.rc_context(STYLE)
def histogram(
    counts: np.ndarray, edges: np.ndarray, median: float, title: str, label: str
) -> Figure:
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
    figure, axes = new_figure(2.9, title)
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
    axes.set_ylim(0, min(axes.get_ylim()[1], 1.0))
    axes.yaxis.set_major_formatter(PERCENT)
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    return arrange(figure)


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
    figure, axes = new_figure(float(np.clip(0.16 * len(names), 1.2, 5)) + 1.2, "Agreement of tiles")
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
    colour_bar(figure, shown, "points that agree", share=True)
    return arrange(figure)


def _as_dates(dates: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return dates, YYYYMMDD, as Matplotlib counts them."""
    return date2num([datetime.strptime(date, "%Y%m%d") for date in dates])


def _time_axis(axes: Axes) -> None:
    """Let the x axis show dates."""
    locator = AutoDateLocator(maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.grid(True)
    axes.set_axisbelow(True)
