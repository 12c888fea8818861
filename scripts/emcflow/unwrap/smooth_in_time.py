"""Cycles of links whose phase is smooth in time about a model, without any flow.

What a link's phase leaves of its model, atmosphere above all, changes slowly from date to date only
where the dates are many; but its mean over many dates is surer than each of them. So the phasors
about the model are smoothed over the dates, the smooth series is unwrapped along time, and every
date takes the cycle that is nearest to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from emcflow.acquisition.date_weights import Weights, link_weights
from emcflow.acquisition.geometry import days_since_first
from emcflow.graph.mcf import in_threads
from emcflow.graph.planar import PlanarGraph

LINKS_PER_CHUNK = 8192
# Dates further away, in widths, count for less than 4e-6 of the date itself.
REACH = 5.0


class Smoothed(NamedTuple):
    """What is found of the links.

    Attributes
    ----------
    cycles : int16 (ndates, nlinks)
        As from :func:`emcflow.unwrap.temporal.unwrap_in_time`.
    coherence : float32 (nlinks,)
        Of what is left about model and smooth series, 0 to 1.
    """

    cycles: np.ndarray
    coherence: np.ndarray


def smooth_cycles(
    phase: np.ndarray,
    graph: PlanarGraph,
    design: np.ndarray,
    params: np.ndarray,
    dates: Sequence[str],
    width: float,
    n_threads: int = 1,
    weights: Weights = None,
) -> Smoothed:
    """Cycles of every link about its model and a smooth series of what is left.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    params : float32 (nterms, nlinks)
        Terms of every link.
    dates : sequence of str
        YYYYMMDD, ascending.
    width : float
        Standard deviation of the Gaussian that smooths, in median intervals of the dates.
    n_threads : int
        No influence on the result.
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates, mean 1.

    Returns
    -------
    Smoothed
    """
    days = days_since_first(dates)
    apart = (days[:, None] - days) / (width * np.median(np.diff(days)))
    near = np.abs(apart) <= REACH
    window = np.exp(-0.5 * apart**2)
    reach = np.stack((near.argmax(axis=1), len(days) - near[:, ::-1].argmax(axis=1)), axis=1)
    alike = np.ones(len(days)) if weights is None else weights
    smoothed = Smoothed(
        np.empty((len(days), graph.nedges), np.int16), np.empty(graph.nedges, np.float32)
    )
    design = np.ascontiguousarray(design, np.float64)
    params = np.ascontiguousarray(params, np.float32)

    def fill_chunk(start: int) -> None:
        stop = min(start + LINKS_PER_CHUNK, graph.nedges)
        of_dates = np.ascontiguousarray(link_weights(alike, graph.edges[start:stop]).T)
        chunk = start, stop
        _smooth_links(phase, graph.edges, chunk, design, params, window, reach, of_dates, smoothed)

    in_threads(fill_chunk, range(0, graph.nedges, LINKS_PER_CHUNK), n_threads)
    return smoothed


@njit(cache=True, nogil=True)
def _smooth_links(
    phase: np.ndarray,
    links: np.ndarray,
    chunk: tuple[int, int],
    design: np.ndarray,
    params: np.ndarray,
    window: np.ndarray,
    reach: np.ndarray,
    of_dates: np.ndarray,
    smoothed: Smoothed,
) -> None:
    """Fill cycles and coherence of the links from the first to before the last of a chunk.

    The dates that a date is smoothed with are those of its row of `reach`. The weights of the dates
    have a row for each of these links, or one for all.
    """
    cycles, coherence = smoothed
    ndates, nterms = design.shape
    rest = np.empty(ndates)
    real, imag = np.empty(ndates), np.empty(ndates)
    # phasors of the smooth series
    x, y = np.empty(ndates), np.empty(ndates)
    for link in range(chunk[0], chunk[1]):
        a, b = links[link]
        own = of_dates[min(link - chunk[0], len(of_dates) - 1)]
        for d in range(ndates):
            rest[d] = np.float64(phase[d, b]) - phase[d, a]
        for t in range(nterms):
            for d in range(ndates):
                rest[d] -= design[d, t] * params[t, link]
        for d in range(ndates):
            real[d], imag[d] = cos_sin(rest[d])
        x[:], y[:] = 0, 0
        for e in range(ndates):
            weight_real, weight_imag, near = own[e] * real[e], own[e] * imag[e], window[e]
            for d in range(reach[e, 0], reach[e, 1]):
                x[d] += near[d] * weight_real
                y[d] += near[d] * weight_imag
        turned, first = 0.0, 0
        sum_real = sum_imag = 0.0
        for d in range(ndates):
            if d > 0:
                turned += turns_between(x[d - 1], y[d - 1], x[d], y[d])
            # of the phase less the smooth series
            turns = np.rint(rest[d] / (2 * np.pi)) - turned
            nearest = -int(turns + turns_between(real[d], imag[d], x[d], y[d]))
            if d == 0:
                first = nearest
            cycles[d, link] = nearest - first
            # the phasor of the date, turned back by that of the smooth series
            weight = own[d] / max(np.sqrt(x[d] ** 2 + y[d] ** 2), 1e-12)
            sum_real += weight * (real[d] * x[d] + imag[d] * y[d])
            sum_imag += weight * (imag[d] * x[d] - real[d] * y[d])
        coherence[link] = np.sqrt(sum_real**2 + sum_imag**2) / ndates


# Functions of the mathematical library are called once for each number. These two are a few
# products and selections, which the compiler turns into instructions for several dates at a time.


@njit(cache=True, nogil=True, inline="always")
def cos_sin(angle: float) -> tuple[float, float]:
    """Return cosine and sine of an angle [rad], right to 2e-10.

    Taylor's series for the angle from the nearest multiple of a right angle.
    """
    right_angles = np.rint(angle * (2 / np.pi))
    rest = angle - right_angles * (np.pi / 2)
    square = rest * rest
    sine = 1 / 362880 + square * (-1 / 39916800)
    sine = -1 / 5040 + square * sine
    sine = rest * (1 + square * (-1 / 6 + square * (1 / 120 + square * sine)))
    cosine = 1 / 40320 + square * (-1 / 3628800)
    cosine = 1 + square * (-1 / 2 + square * (1 / 24 + square * (-1 / 720 + square * cosine)))
    quarter = right_angles - 4 * np.floor(right_angles / 4)
    odd = (quarter == 1) or (quarter == 3)
    real, imag = (sine, cosine) if odd else (cosine, sine)
    real = -real if (quarter == 1) or (quarter == 2) else real
    imag = -imag if quarter >= 2 else imag
    return real, imag


@njit(cache=True, nogil=True, inline="always")
def turns_between(real: float, imag: float, other_real: float, other_imag: float) -> float:
    """Return the whole turns nearest to the angle of a phasor less that of another: -1, 0 or 1.

    Both angles are from -pi to pi. They are more than half a turn apart where they lie on either
    side of 0 and the shorter way from one to the other does not.
    """
    across = imag * other_real - real * other_imag
    if imag > 0 and other_imag < 0 and across < 0:
        return 1.0
    if imag < 0 and other_imag > 0 and across > 0:
        return -1.0
    return 0.0
