"""Velocity and DEM error of every link: the highest peak of its periodogram over the dates.

A link's phase per date is a constant plus ``design @ params`` plus noise. Its temporal coherence as
a function of the parameters is a periodogram (Ferretti, Prati, Rocca 2001, IEEE TGRS 39(1), 8-20,
doi:10.1109/36.898661). It is searched on a grid (:mod:`emcflow.links.search_grid`) and then climbed
by Newton steps, so that the estimate does not depend on the grid.

The first date takes part like all others: its stored phase is zero because every other date carries
its noise, and the modulus of the sum leaves the constant free. So with weights it has one of its
own.

Weights of the dates act on the sums alone, not on the grid.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.acquisition.date_weights import (
    PointVariances,
    Weights,
    link_weights,
    mean_of_dates,
    root_weighted,
    typical_weights,
)
from emcflow.arrays import phase_array, real_array, whole_array
from emcflow.errors import InputError
from emcflow.links.peaks import VECTOR, Peaks, Search, find_highest_peaks, link_phasors
from emcflow.links.search_grid import LEAST_CHUNK, RangedAxis, checked_design, checked_range

# Grid points below this part of the highest power cannot become the highest peak: half a step of
# a sixth of a cell in two terms costs at most 1 - sinc(1/6)**4 = 0.17 of the power.
CANDIDATE_POWER = 0.8
# More terms, on a `coarse_axis`, lose more, next to nothing is left half a gap away in all of them.
# So far from the grid in all terms hardly any link is: simulated links came out as right with this
# as with what is left in the worst corner, in half to an eighth of the time.
CANDIDATE_POWER_OF_MANY = 0.4
# Values of the product of one chunk: 1 MiB of float32, a core's second-level cache.
CHUNK_VALUES = 1 << 18

# Dates are padded to a multiple of this, two or more vectors of float64.
LANES = 16


@dataclass(frozen=True)
class LinkModel:
    """Parameters of every link, in the units of the design.

    Attributes
    ----------
    params : float32 (nterms, nlinks)
        Value at point b minus value at point a of link (a, b).
    sigma : float32 (nterms, nlinks)
        Standard deviation of `params`; infinite where the dates leave no redundancy.
    coherence : float32 (nlinks,)
        Temporal coherence at the peak, 0 to 1.
    at_range_end : bool (nlinks,)
        The peak lies at or beyond the end of a search range; `params` then holds the end.
    """

    params: np.ndarray
    sigma: np.ndarray
    coherence: np.ndarray
    at_range_end: np.ndarray


def estimate_links(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    axes: Sequence[np.ndarray | RangedAxis],
    n_threads: int = 1,
    memory_mb: float = 512,
    progress: Callable | None = None,
    weights: Weights = None,
) -> LinkModel:
    """Estimate the parameters of every link as the highest peak of its periodogram.

    Parameters
    ----------
    phase : float32 or float64 (ndates, npoints)
        Wrapped phase per date [rad], relative to the first date.
    edges : int32 (nlinks, 2)
        Points a and b of each link; the link's phase is ``phase[:, b] - phase[:, a]``.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit]. Without terms, as two dates leave none, only the
        coherence of the link's own phase is found.
    axes : sequence of float64 (n,) or RangedAxis, one per term
        Evenly spaced search grids, as :func:`emcflow.links.search_grid.search_axis` makes them, or
        `coarse_axis`.
    n_threads : int
        Chunks of links that are worked on at the same time. The result does not depend on it.
    memory_mb : float
        Upper bound of the scratch memory of all threads [MiB]; fewer threads run if need be.
    progress : callable, optional
        Called as ``progress(links done, nlinks)`` from time to time.
    weights : float64 (ndates,) or PointVariances, optional
        In proportion to 1 / variance of the phase of each date, mean 1; or what they follow from,
        link by link.

    Returns
    -------
    LinkModel

    Raises
    ------
    InputError
        If shapes disagree, a phase or the design is not finite, a design column is constant, an
        axis is not evenly spaced or not in the middle of its range, weights are not above 0 or have
        another mean, or `memory_mb` is too small for one chunk.

    Notes
    -----
    Periodogram: Ferretti, Prati, Rocca 2001 (see the module). Its highest peak is the maximum
    likelihood estimate for weak noise (Rife, Boorstyn 1974, IEEE Trans. Inf. Theory 20(5), 591-598,
    doi:10.1109/TIT.1974.1055282, there for one frequency).

    `sigma` is the square root of the diagonal of ``s2 * inv(B.T @ B)`` with B the de-meaned design,
    the Cramer-Rao bound of a linear phase model with free constant (Kay 1993, Fundamentals of
    Statistical Signal Processing: Estimation Theory, ch. 3). The residual phases r give
    ``s2 = sum(sin(r)**2) / (nu - 2) / mean(cos(r))**2``, ``nu = ndates - 1 - nterms``: the
    asymptotic variance of a maximum of ``sum(cos(r))`` (Huber 1981, Robust Statistics, ch. 3.2),
    which for small r is the usual sum of squares. Dividing by nu - 2 instead of nu makes
    ``(estimate - truth) / sigma`` have unit variance, since the mean of 1 / chi-square is
    1 / (nu - 2); with nu of 1 or 2 that mean is infinite and nu is used. Noise of both points of
    the link is in r and therefore in sigma.

    With weights w every sum over the dates, of phasors, of ``sin(r)**2``, of ``cos(r)`` and of the
    design's products and means, has the factor w, and s2 is the variance at a date of weight 1
    (Kay 1993, ch. 4: noise of covariance ``s2 * inv(diag(w))``).
    """
    design = checked_design(design)
    phase, edges = checked_links(phase, edges, len(design), weights)
    if design.shape[1] == 0:
        return _model_without_terms(phase, edges, checked_weights(weights, len(design)))
    grid = SearchGrid(design, axes, weights)
    nlinks, nterms = len(edges), design.shape[1]
    model = LinkModel(
        np.empty((nterms, nlinks), np.float32),
        np.empty((nterms, nlinks), np.float32),
        np.empty(nlinks, np.float32),
        np.empty(nlinks, np.bool_),
    )

    def search(start: int, stop: int, scratch: Scratch) -> None:
        product, real, imag = chunk_sums(phase, edges[start:stop], grid, scratch)
        peaks = Peaks(
            model.params[:, start:stop],
            model.sigma[:, start:stop],
            model.coherence[start:stop],
            model.at_range_end[start:stop],
        )
        find_highest_peaks(
            product,
            real,
            imag,
            scratch.search,
            scratch.weights,
            scratch.power,
            scratch.above,
            peaks,
        )

    in_chunks(search, nlinks, grid, n_threads, memory_mb, progress)
    return model


def _model_without_terms(
    phase: np.ndarray, edges: np.ndarray, weights: Weights = None
) -> LinkModel:
    """Link model of no parameters: the coherence of the phase as it is."""
    nlinks = len(edges)
    total = np.zeros(nlinks, np.complex128)
    of_dates = np.ones((len(phase), 1)) if weights is None else link_weights(weights, edges)
    for row, weight in zip(phase, of_dates, strict=True):
        row = row.astype(np.float64)
        total += weight * np.exp(1j * (row[edges[:, 1]] - row[edges[:, 0]]))
    return LinkModel(
        np.empty((0, nlinks), np.float32),
        np.empty((0, nlinks), np.float32),
        (np.abs(total) / len(phase)).astype(np.float32),
        np.zeros(nlinks, np.bool_),
    )


class SearchGrid:
    """Search grid around its own centre, as cosines and sines of one half of it.

    The grid is symmetric about its centre: the sums with cosine and sine of a grid point give the
    periodogram there and at the opposite point, which halves the product.

    Parameters
    ----------
    design, axes, weights
        As for `estimate_links`; at least one term.
    """

    def __init__(
        self,
        design: np.ndarray,
        axes: Sequence[np.ndarray | RangedAxis],
        weights: Weights = None,
    ) -> None:
        design = checked_design(design)
        weights = checked_weights(weights, len(design))
        if (np.ptp(design, axis=0) == 0).any():
            raise InputError("design has a constant column: leave it out, see choose_terms")
        if len(axes) != design.shape[1]:
            raise InputError(f"{len(axes)} search axes for {design.shape[1]} terms: one per term")
        checked = [_checked_axis(axis, t) for t, axis in enumerate(axes)]
        ends = np.array([axis.values[[0, -1]] for axis in checked])
        low, high = np.array([(axis.low, axis.high) for axis in checked]).T
        shape = np.array([len(axis) for axis in checked], dtype=np.int64)
        steps = (ends[:, 1] - ends[:, 0]) / np.maximum(shape - 1, 1)
        self.size = int(shape.prod())
        half = (self.size + 1) // 2
        self.half = half + -half % VECTOR  # padded with grid points of no power
        directions = np.indices([3] * len(axes)).reshape(len(axes), -1).T - 1

        # De-meaned columns of unit span: the free constant drops out of the derivatives, and the
        # unknowns become radians over the span of a term, of equal size for all terms.
        span = np.ptp(design, axis=0)
        reach = 0.5 * (high - low) * span
        typical = typical_weights(weights)
        columns = (design - mean_of_dates(design, typical)) / span
        weighted = root_weighted(columns, typical)
        normal = weighted.T @ weighted
        power = CANDIDATE_POWER if len(axes) <= 2 else CANDIDATE_POWER_OF_MANY
        self.search = Search(
            shape=shape,
            strides=np.array([int(shape[t + 1 :].prod()) for t in range(len(axes))]),
            directions=directions[np.any(directions != 0, axis=1)],
            steps=steps,
            span=span,
            centre=0.5 * (low + high),
            low=-reach,
            high=reach,
            basis=_moment_basis(columns),
            normal=normal,
            inverse_normal=np.linalg.pinv(normal, hermitian=True),
            variances=np.ones(len(design)) if typical is None else 1 / typical,
            candidate_power=np.float32(power),
        )
        self.centre_phase = design @ self.search.centre
        offsets = np.indices(tuple(shape)).reshape(len(axes), -1)[:, :half]
        offsets = (offsets - 0.5 * (shape - 1)[:, None]) * (steps * span)[:, None]
        angles = columns @ offsets
        waves = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        waves = np.pad(waves, ((0, 0), (0, 0), (0, self.half - half)))
        self.waves = waves.reshape(len(design), 2 * self.half)
        self.chunk = int(np.clip(CHUNK_VALUES // (4 * self.half), LEAST_CHUNK, 4096))
        self.ndates = len(design)
        self.weights = weights


def _moment_basis(columns: np.ndarray) -> np.ndarray:
    """Rows 1, B_s and B_s B_t (s >= t), as the sums over dates need them.

    The dates are padded with zeros to a multiple of `LANES`, so that loops over them are made of
    whole vectors.
    """
    ndates, nterms = columns.shape
    rows = [np.ones(ndates), *columns.T]
    rows += [columns[:, s] * columns[:, t] for s in range(nterms) for t in range(s + 1)]
    return np.pad(np.array(rows), ((0, 0), (0, -ndates % LANES)))


class Scratch:
    """Arrays of one thread on a `SearchGrid`, used again for every chunk."""

    def __init__(self, grid: SearchGrid) -> None:
        self.search, self.weights = grid.search, np.empty((0, grid.ndates))
        if isinstance(grid.weights, PointVariances):
            changed = "normal", "inverse_normal", "variances"
            own = {name: getattr(grid.search, name).copy() for name in changed}
            self.search = grid.search._replace(**own)
        self.real = np.zeros((grid.chunk, grid.search.basis.shape[1]))
        self.imag = np.zeros((grid.chunk, grid.search.basis.shape[1]))
        self.phasors = np.empty((2 * grid.chunk, grid.ndates), np.float32)
        self.product = np.empty((2 * grid.chunk, 2 * grid.half), np.float32)
        self.power = np.empty(2 * grid.half, np.float32)
        self.above = np.empty(2 * grid.half, np.int64)

    @staticmethod
    def nbytes(grid: SearchGrid) -> int:
        """Bytes of one scratch."""
        per_link = 2 * 8 * grid.search.basis.shape[1] + 2 * 4 * grid.ndates + 2 * 4 * 2 * grid.half
        if isinstance(grid.weights, PointVariances):
            per_link += 3 * 8 * grid.ndates
        return grid.chunk * per_link + 2 * grid.half * (4 + 8)


def affordable_workers(grid: SearchGrid, n_threads: int, memory_mb: float) -> int:
    """Number of threads whose scratch fits into so much memory [MiB]; InputError if none does."""
    per_thread = Scratch.nbytes(grid) / 2**20
    if memory_mb < per_thread:
        raise InputError(
            f"memory_mb {memory_mb:g}: a search grid of {grid.size} points and {grid.ndates} dates "
            f"needs {per_thread:.1f} MiB per thread; give more memory or a larger search step"
        )
    return max(1, min(int(n_threads), int(memory_mb // per_thread)))


def in_chunks(
    search: Callable[[int, int, Scratch], None],
    nlinks: int,
    grid: SearchGrid,
    n_threads: int = 1,
    memory_mb: float = 512,
    progress: Callable | None = None,
) -> None:
    """Search links on a grid, a chunk at a time in every thread.

    Parameters
    ----------
    search : callable
        Called with the first link of a chunk, the one after its last, and arrays to work on.
    nlinks : int
    grid : SearchGrid
    n_threads, memory_mb, progress
        As for `estimate_links`.

    Raises
    ------
    InputError
        If `memory_mb` is too small for one chunk.
    """
    workers = affordable_workers(grid, n_threads, memory_mb)
    starts = range(0, nlinks, grid.chunk)
    local = threading.local()

    def run(start: int) -> int:
        if not hasattr(local, "scratch"):
            local.scratch = Scratch(grid)
        stop = min(start + grid.chunk, nlinks)
        search(start, stop, local.scratch)
        return stop

    # One BLAS thread: a product shared by several threads may round in another way.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        report_every = max(1, len(starts) // 100)
        for number, done in enumerate(pool.map(run, starts)):
            if progress is not None and (number % report_every == 0 or done == nlinks):
                progress(done, nlinks)


def chunk_sums(
    phase: np.ndarray, edges: np.ndarray, grid: SearchGrid, scratch: Scratch
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Phasors of some links and their sums with the waves of the grid.

    Parameters
    ----------
    phase : float32 or float64 (ndates, npoints)
    edges : int32 (nlinks, 2)
        At most `grid.chunk`.
    grid : SearchGrid
    scratch : Scratch
        Holds what is returned.

    Returns
    -------
    product, real, imag
        As :func:`emcflow.links.peaks.find_highest_peaks` takes them.
    """
    count = len(edges)
    real, imag = scratch.real[:count], scratch.imag[:count]
    phasors, product = scratch.phasors[: 2 * count], scratch.product[: 2 * count]
    link_phasors(phase, edges, grid.centre_phase, real, imag, phasors)
    if grid.weights is not None:
        weights = link_weights(grid.weights, edges).T
        real[:, : grid.ndates] *= weights
        imag[:, : grid.ndates] *= weights
        both = phasors.reshape(count, 2, grid.ndates)  # parts of a link
        both *= weights[:, None]
        if isinstance(grid.weights, PointVariances):
            scratch.weights = np.ascontiguousarray(weights)
    np.matmul(phasors, grid.waves, out=product)
    return product, real, imag


def _checked_axis(given: np.ndarray | RangedAxis, t: int) -> RangedAxis:
    """Search axis t with its range, refused when unfit."""
    ranged = given if isinstance(given, RangedAxis) else None
    values = np.asarray(given if ranged is None else ranged.values, dtype=np.float64)
    if values.ndim != 1 or len(values) < (2 if ranged is None else 1):
        raise InputError(f"search axis {t}: expected at least two values, make it with search_axis")
    if len(values) > 1:
        step = (values[-1] - values[0]) / (len(values) - 1)
        even = np.linspace(values[0], values[-1], len(values))
        if not step > 0 or np.abs(values - even).max() > 1e-6 * step:
            raise InputError(f"search axis {t}: expected rising, evenly spaced values")
    if ranged is None:
        return RangedAxis(values, float(values[0]), float(values[-1]))
    low, high = checked_range(ranged.low, ranged.high)
    off = abs(values[0] - low - (high - values[-1]))
    if values[0] < low or values[-1] > high or off > 1e-6 * (high - low):
        raise InputError(
            f"search axis {t}: {values[0]:g} to {values[-1]:g} is not in the middle of {low:g} to "
            f"{high:g}: make it with search_axis or coarse_axis"
        )
    return RangedAxis(values, low, high)


def checked_links(
    phase: np.ndarray, edges: np.ndarray, ndates: int, weights: Weights = None
) -> tuple[np.ndarray, np.ndarray]:
    """Arrays of `estimate_links` in the one layout they are compiled for, refused when unfit."""
    # One layout and type of each array: every other one would be compiled for anew.
    phase = phase_array(phase, "phase")
    edges = whole_array(edges, "edges", np.int32)
    if phase.ndim != 2 or len(phase) != ndates:
        raise InputError(f"phase of shape {phase.shape} for {ndates} dates of the design")
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise InputError(f"edges of shape {edges.shape}: expected (nlinks, 2)")
    if len(edges) and not (edges.min() >= 0 and edges.max() < phase.shape[1]):
        raise InputError(f"edges name points outside 0 to {phase.shape[1] - 1}")
    if not np.isfinite(phase).all():
        raise InputError("phase has values that are not finite: leave such points out")
    if isinstance(weights, PointVariances) and weights.values.shape != phase.shape:
        raise InputError(
            f"variances of shape {weights.values.shape}: expected one per date and point, "
            f"{phase.shape}"
        )
    return phase, edges


def checked_weights(weights: Weights, ndates: int) -> Weights:
    """Weights as float64, None where there are none, refused when unfit."""
    if weights is None:
        return None
    if isinstance(weights, PointVariances):
        if len(weights.values) != ndates:
            raise InputError(f"variances of {len(weights.values)} dates: expected {ndates}")
        return weights
    weights = real_array(weights, "weights", np.float64)
    if weights.shape != (ndates,) or not (weights > 0).all() or abs(weights.mean() - 1) > 1e-6:
        raise InputError(
            f"weights of shape {weights.shape} and mean {weights.mean():g}: expected {ndates} "
            "numbers above 0 of mean 1, one per date"
        )
    return weights
