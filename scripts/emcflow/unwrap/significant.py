"""Which parameters of links the phase supports, and the coherence of links without any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from emcflow.acquisition.date_weights import Weights, effective_dates, link_weights
from emcflow.arrays import phase_array, real_array
from emcflow.graph.mcf import in_threads
from emcflow.graph.planar import PlanarGraph
from emcflow.unwrap.temporal import LINKS_PER_CHUNK


def significant_params(
    phase: np.ndarray,
    graph: PlanarGraph,
    design: np.ndarray,
    params: np.ndarray,
    coherence: np.ndarray,
    ranges: Sequence[Sequence[float]] | np.ndarray,
    n_threads: int = 1,
    weights: Weights = None,
) -> np.ndarray:
    """Parameters of the link model where the phase supports them, zero elsewhere.

    The highest peak of a periodogram is there on pure noise, too. Wrapping a noisy gradient around
    a peak that is not the true one costs more points than leaving a small true value out, so a
    link keeps its parameters only if they beat the hypothesis that all are zero.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    design : float (ndates, nterms)
        Phase per unit of each term [rad/unit].
    params : float32 (nterms, nlinks)
        Highest peak of every link.
    coherence : float32 (nlinks,)
        Coherence of every link about it.
    ranges : sequence of (low, high), one per term
        Where the peak was searched.
    n_threads : int
        No influence on the result.
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates in that coherence, mean 1.

    Returns
    -------
    float32 (nterms, nlinks)

    Notes
    -----
    A coherence g stands for Gaussian phase noise of variance -2 ln g; the largest likelihood over n
    dates is then, but for a constant, -n/2 ln(-2 ln g). The gain over zero parameters must exceed
    ln(cells) + nterms/2 ln(n): the number of resolution cells 2 pi / (max - min of the design's
    column) in which the search could have found a peak, and the penalty of the Bayesian information
    criterion for the place in the cell (Schwarz 1978, Annals of Statistics 6(2), 461-464). With
    weights both coherences are weighted, and n is the effective number of dates: one of next to no
    weight tells nothing.
    """
    return significant_model(phase, graph, design, params, coherence, ranges, n_threads, weights)[0]


def significant_model(
    phase: np.ndarray,
    graph: PlanarGraph,
    design: np.ndarray,
    params: np.ndarray,
    coherence: np.ndarray,
    ranges: Sequence[Sequence[float]] | np.ndarray,
    n_threads: int = 1,
    weights: Weights = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters of the link model where the phase supports them, and the coherence about them.

    Parameters
    ----------
    phase, graph, design, params, coherence, ranges, n_threads, weights
        As for `significant_params`.

    Returns
    -------
    params : float32 (nterms, nlinks)
        Zero where they are not supported.
    coherence : float32 (nlinks,)
        That of the link as it is where they are zero.
    """
    phase = phase_array(phase, "phase", np.float32)
    params = real_array(params, "params", np.float32)
    coherence = real_array(coherence, "coherence", np.float64)
    cells = np.array([high - low for low, high in ranges]) * np.ptp(design, axis=0) / (2 * np.pi)
    ndates = effective_dates(len(phase), weights)
    needed = np.log(np.maximum(cells, 1)).sum() + 0.5 * len(params) * np.log(ndates)
    plain = plain_coherence(phase, graph, weights, n_threads)
    spread_plain, spread = (-np.log(np.clip(g, 1e-6, 1 - 1e-6)) for g in (plain, coherence))
    gain = 0.5 * ndates * np.log(spread_plain / spread)
    kept = np.where(gain > needed, params, np.float32(0))
    return kept, np.where(kept.any(axis=0), coherence, plain).astype(np.float32)


def plain_coherence(
    phase: np.ndarray, graph: PlanarGraph, weights: Weights = None, n_threads: int = 1
) -> np.ndarray:
    """Coherence of every link without any model.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates, mean 1.
    n_threads : int
        No influence on the result.

    Returns
    -------
    float64 (nlinks,)
        0 to 1.
    """
    alike = np.ones(len(phase)) if weights is None else weights
    plain = np.empty(graph.nedges)

    def fill_chunk(start: int) -> None:
        stop = min(start + LINKS_PER_CHUNK, plain.size)
        of_dates = np.ascontiguousarray(link_weights(alike, graph.edges[start:stop]).T)
        _link_coherence(phase, graph.edges, of_dates, start, stop, plain)

    in_threads(fill_chunk, range(0, plain.size, LINKS_PER_CHUNK), n_threads)
    return plain


@njit(cache=True, nogil=True)
def _link_coherence(
    phase: np.ndarray,
    links: np.ndarray,
    weights: np.ndarray,
    start: int,
    stop: int,
    out: np.ndarray,
) -> None:
    """Fill start:stop of `out` with the coherence of links without any model."""
    ndates = phase.shape[0]
    for link in range(start, stop):
        own = weights[min(link - start, len(weights) - 1)]
        real = imag = 0.0
        for date in range(ndates):
            gradient = phase[date, links[link, 1]] - phase[date, links[link, 0]]
            real += own[date] * np.cos(gradient)
            imag += own[date] * np.sin(gradient)
        out[link] = np.sqrt(real**2 + imag**2) / ndates
