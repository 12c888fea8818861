"""Velocity and DEM error of every link: the peak of its periodogram times a learned prior.

The search of :mod:`emcflow.links.periodogram` with another choice among the peaks: instead of the
highest one the grid point of the highest likelihood times prior
(:mod:`emcflow.links.learned_prior`), and from there the top of its own peak.
"""

from collections.abc import Callable, Sequence

import numpy as np

from emcflow.links.learned_prior import COHERENCES, NOISE_DATES, LinkPrior
from emcflow.links.peaks import Peaks, Prior, find_likely_peaks
from emcflow.links.periodogram import (
    LinkModel,
    Scratch,
    SearchGrid,
    checked_links,
    chunk_sums,
    in_chunks,
)


def likely_peaks(
    phase: np.ndarray,
    edges: np.ndarray,
    grid: SearchGrid,
    prior: LinkPrior,
    densities: Sequence[np.ndarray],
    n_threads: int = 1,
    memory_mb: float = 512,
    progress: Callable | None = None,
) -> list[LinkModel]:
    """Find the peak of likelihood times prior of every link, for each of some priors.

    Parameters
    ----------
    phase, edges, n_threads, memory_mb, progress
        As for :func:`emcflow.links.periodogram.estimate_links`.
    grid : SearchGrid
    prior : LinkPrior
        Its noise.
    densities : sequence of float64 (n,)
        Logarithms of prior probabilities at all points of the grid, the last term fastest.

    Returns
    -------
    list of LinkModel
        One for each of the densities.

    Raises
    ------
    InputError
        As `estimate_links`.

    Notes
    -----
    From the grid point the likelihood alone is climbed. Where that leads farther than a grid step,
    to a peak that the prior has not chosen, the link keeps the grid point.
    """
    phase, edges = checked_links(phase, edges, grid.ndates, grid.weights)
    log_densities = np.ascontiguousarray(densities, dtype=np.float64)
    order = np.argsort(-log_densities, axis=1, kind="stable")
    nlinks, nterms = len(edges), len(grid.search.shape)
    found = (
        np.empty((len(log_densities), nterms, nlinks), np.float32),
        np.empty((len(log_densities), nterms, nlinks), np.float32),
        np.empty((len(log_densities), nlinks), np.float32),
        np.empty((len(log_densities), nlinks), np.bool_),
    )
    priors = Prior(
        log_densities,
        order,
        float(prior.ndates),
        float(NOISE_DATES * prior.noise),
        float(NOISE_DATES),
        *map(float, COHERENCES),
    )

    def search(start: int, stop: int, scratch: Scratch) -> None:
        product, real, imag = chunk_sums(phase, edges[start:stop], grid, scratch)
        peaks = Peaks(*(array[..., start:stop] for array in found))
        find_likely_peaks(
            product, real, imag, scratch.search, scratch.weights, scratch.power, priors, peaks
        )

    in_chunks(search, nlinks, grid, n_threads, memory_mb, progress)
    return [LinkModel(*(array[p] for array in found)) for p in range(len(log_densities))]
