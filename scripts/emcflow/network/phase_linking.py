"""Phase linking: wrapped interferograms between any dates to one phase per date.

The phase of a pair is taken for the phase of its second date minus that of its first, plus noise
that differs from pair to pair, as multilooking and filtering leave it (loops of pairs then do not
close). The phases per date are those that agree best with all pairs of a pixel, each pair weighing
the same: phase linking, or phase triangulation (Guarnieri and Tebaldini 2008; with equal weights:
Cao, Lee and Jung 2015). What all pairs of a loop have in common, such as a fading signal, is not
noise in this sense and goes into the phases.

References
----------
Boehning, D., and B. Lindsay (1988), Monotonicity of quadratic-approximation algorithms, Ann. Inst.
Stat. Math., 40, 641-663.
Cao, N., H. Lee, and H. C. Jung (2015), Mathematical framework for phase-triangulation algorithms in
distributed-scatterer interferometry, IEEE Geosci. Remote Sens. Lett., 12(9), 1838-1842.
Ferretti, A., et al. (2011), A new algorithm for processing interferometric data-stacks: SqueeSAR,
IEEE Trans. Geosci. Remote Sens., 49(9), 3460-3470.
Guarnieri, A. M., and S. Tebaldini (2008), On the exploitation of target statistics for SAR
interferometry applications, IEEE Trans. Geosci. Remote Sens., 46(11), 3436-3443.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from emcflow.arrays import phase_array, whole_array
from emcflow.errors import InputError
from emcflow.graph.components import spanning_tree
from emcflow.graph.mcf import in_threads

PIXELS_PER_CHUNK = 4096
MAX_STEPS = 100
# The step that ends the climb [rad].
LAST_STEP = 1e-3
# Coherences beyond count as these: above, other noise has the upper hand; below, a mean over few
# looks is as high without any signal.
COHERENCES = (0.05, 0.95)
FAST = {"nnan", "nsz", "reassoc", "contract"}


def without_unchanging(pair_phase: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, int]:
    """Leave out pixels of one phase in all pairs, as nodata has that was written as a number.

    Parameters
    ----------
    pair_phase : float32 (npairs, rows, cols)
        Wrapped phase of each pair [rad].
    valid : bool (rows, cols)
        Pixels with a value in all pairs.

    Returns
    -------
    valid : bool (rows, cols)
        Without them. One alone stays: it is what all phases are relative to.
    count : int
        Pixels left out.
    """
    same = valid & np.logical_and.reduce(pair_phase == pair_phase[0]) & (len(pair_phase) > 1)
    same &= np.count_nonzero(same) > 1
    return valid & ~same, int(np.count_nonzero(same))


def coherence_weights(coherence: np.ndarray) -> np.ndarray:
    """Return the weight of every pair at every pixel from its coherence.

    In proportion to 1 / variance of the phase of many looks, ``c**2 / (1 - c**2)`` (Rodriguez and
    Martin 1992, IEE Proc. F 139(2), 147-159, eq. 23).

    Parameters
    ----------
    coherence : float (npairs, npixels)
        0 to 1; NaN counts as the least.

    Returns
    -------
    float32 (npairs, npixels)
        1 for the highest of each pixel.
    """
    square = np.clip(np.nan_to_num(coherence), *COHERENCES) ** 2
    weights = square / (1 - square)
    return (weights / weights.max(axis=0)).astype(np.float32)


def squared_misfits(pair_phase: np.ndarray, pairs: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Return the sum over the pixels of the squared misfit of each pair to phases of the dates.

    Parameters
    ----------
    pair_phase : float32 (npairs, npixels)
        [rad]
    pairs : int (npairs, 2)
    phase : float32 (ndates, npixels)
        [rad]

    Returns
    -------
    float64 (npairs,)
        [rad**2], of misfits between -pi and pi.
    """
    sums = np.empty(len(pairs))
    for number, (first, second) in enumerate(pairs):
        misfit = pair_phase[number].astype(np.float64) - (phase[second] - phase[first])
        misfit -= 2 * np.pi * np.rint(misfit / (2 * np.pi))
        sums[number] = misfit @ misfit
    return sums


class Trees(NamedTuple):
    """Spanning trees of the network, along which phases are first summed.

    Attributes
    ----------
    orders : int (ntrees, ndates)
        Dates from the root on, each after the one it hangs on.
    edges : int (ntrees, ndates)
        Pair by which the date at the same place hangs on.
    """

    orders: np.ndarray
    edges: np.ndarray


def link_phases(
    pair_phase: np.ndarray,
    pairs: np.ndarray,
    ndates: int,
    n_threads: int = 1,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the phases per date that agree best with those of the pairs, pixel by pixel.

    Parameters
    ----------
    pair_phase : float32 (npairs, npixels)
        Wrapped phase of each pair [rad].
    pairs : int (npairs, 2)
        First and second date of each pair, from 0; they connect all dates.
    ndates : int
    n_threads : int
        No influence on the result.
    weights : float32 (npairs, npixels), optional
        0 to 1, the highest of each pixel 1; all 1 where not given.

    Returns
    -------
    phase : float32 (ndates, npixels)
        Wrapped phase of each date relative to the first [rad].
    coherence : float32 (npixels,)
        Agreement with the pairs, 0 to 1, the measure of Ferretti et al. (2011) over the pairs
        there are: weighted mean of the cosines of pair minus difference of dates. 1 where loops
        close.

    Notes
    -----
    Maximises ``sum(cos(r))``, ``r = pair - (phase[second] - phase[first])``. From
    ``cos(r - x) >= cos(r) + sin(r) x - x**2 / 2`` follows a step that never makes the sum smaller
    (Boehning and Lindsay 1988): the least-squares solution for ``sin(r)`` over the network, one
    product with a matrix that all pixels share. Weights ``w`` up to 1 make it the solution for
    ``w sin(r)``, which is as safe, since ``w x**2 <= x**2``, in more and shorter steps. The sum can
    have several maxima; the climb starts from sums along the trees of shortest paths from the
    first, the middle and the last date, and the highest end counts.
    """
    pairs = whole_array(pairs, "pairs", np.int64)
    pair_phase = phase_array(pair_phase, "pair_phase", np.float32)
    if pair_phase.ndim != 2 or pairs.shape != (len(pair_phase), 2):
        raise InputError(
            f"pair_phase has shape {pair_phase.shape} for pairs of shape {pairs.shape}; expected "
            "(npairs, npixels) and (npairs, 2): give one row per pair"
        )
    if not np.isfinite(pair_phase).all():
        raise InputError("pair_phase is not finite everywhere: leave such pixels out")
    if weights is None:
        weights = np.ones((0, 0), np.float32)
    elif weights.shape != pair_phase.shape:
        raise InputError(
            f"weights have shape {weights.shape} for phases of shape {pair_phase.shape}; expected "
            "one for each: give (npairs, npixels)"
        )
    incidence = np.zeros((len(pairs), ndates))
    incidence[np.arange(len(pairs)), pairs[:, 0]] = -1
    incidence[np.arange(len(pairs)), pairs[:, 1]] = 1
    inverse = np.zeros((ndates, ndates))
    inverse[1:, 1:] = np.linalg.inv(incidence[:, 1:].T @ incidence[:, 1:])
    starts = {0, ndates // 2, ndates - 1} if len(pairs) >= ndates else {0}
    spanning = [spanning_tree(pairs, ndates, first=root) for root in sorted(starts)]
    trees = Trees(
        np.stack([tree.order for tree in spanning]),
        np.stack([tree.edge[tree.order] for tree in spanning]),
    )
    npixels = pair_phase.shape[1]
    phase = np.empty((ndates, npixels), np.float32)
    coherence = np.empty(npixels, np.float32)

    def run(start: int) -> None:
        stop = min(start + PIXELS_PER_CHUNK, npixels)
        _link_pixels(pair_phase, weights, (start, stop), pairs, trees, inverse, phase, coherence)

    in_threads(run, range(0, npixels, PIXELS_PER_CHUNK), n_threads)
    return phase, coherence


@njit(cache=True, nogil=True, fastmath=FAST)
def _link_pixels(
    pair_phase: np.ndarray,
    weights: np.ndarray,
    chunk: tuple[int, int],
    pairs: np.ndarray,
    trees: Trees,
    inverse: np.ndarray,
    phase: np.ndarray,
    coherence: np.ndarray,
) -> None:
    """Fill the pixels of a chunk, from the first to before the last."""
    orders, edges = trees
    npairs, ndates = len(pairs), len(inverse)
    weighted = len(weights) > 0
    theta, best, pull = np.empty(ndates), np.empty(ndates), np.empty(ndates)
    for pixel in range(chunk[0], chunk[1]):
        highest = -2.0 * npairs
        total = 0.0
        for p in range(npairs):
            total += weights[p, pixel] if weighted else 1.0
        for tree in range(len(orders)):
            theta[orders[tree, 0]] = 0.0
            for n in range(1, ndates):
                date, pair = orders[tree, n], edges[tree, n]
                first, second = pairs[pair]
                if second == date:
                    theta[date] = theta[first] + pair_phase[pair, pixel]
                else:
                    theta[date] = theta[second] - pair_phase[pair, pixel]
            agreement = 0.0
            for _ in range(MAX_STEPS):
                agreement = 0.0
                pull[:] = 0.0
                for p in range(npairs):
                    first, second = pairs[p]
                    r = pair_phase[p, pixel] - (theta[second] - theta[first])
                    weight = weights[p, pixel] if weighted else 1.0
                    agreement += weight * math.cos(r)
                    sine = weight * math.sin(r)
                    pull[second] += sine
                    pull[first] -= sine
                longest = 0.0
                for d in range(1, ndates):
                    step = 0.0
                    for e in range(1, ndates):
                        step += inverse[d, e] * pull[e]
                    theta[d] += step
                    longest = max(longest, abs(step))
                if longest <= LAST_STEP:
                    break
            if agreement > highest + 1e-9 * total:
                highest = agreement
                best[:] = theta
        for d in range(ndates):
            turns = (best[d] - best[0]) / (2 * math.pi)
            phase[d, pixel] = 2 * math.pi * (turns - math.floor(turns + 0.5))
        coherence[pixel] = min(max(highest / total, 0.0), 1.0)
