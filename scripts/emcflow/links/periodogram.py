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

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

from emcflow.acquisition.date_weights import mean_of_dates, root_weighted
from emcflow.arrays import phase_array, real_array, whole_array
from emcflow.errors import InputError
from emcflow.links.search_grid import LEAST_CHUNK, checked_design, checked_range

# Grid points below this part of the highest power cannot become the highest peak: half a step of
# a sixth of a cell in two terms costs at most 1 - sinc(1/6)**4 = 0.17 of the power.
CANDIDATE_POWER = 0.8
# More terms, on a `coarse_axis`, lose more, next to nothing is left half a gap away in all of them.
# So far from the grid in all terms hardly any link is: simulated links came out as right with this
# as with what is left in the worst corner, in half to an eighth of the time.
CANDIDATE_POWER_OF_MANY = 0.4
MAX_CANDIDATES = 4
MAX_STEPS = 40
# The last step, in radians over the span of a term: Newton's error is less than its square.
LAST_STEP = 2e-3
# A peak this close to the end of the range, in radians over the span of a term, is at the edge.
EDGE_TOLERANCE = 1e-5
# Values of the product of one chunk: 1 MiB of float32, a core's second-level cache.
CHUNK_VALUES = 1 << 18

# Dates are padded to a multiple of this, two or more vectors of float64.
LANES = 16
# Values of float32 in a vector; the grid is padded to a multiple of it.
VECTOR = 16
# Grid points looked at together when candidates are gathered.
BLOCK = 64

HALF_PI = 0.5 * math.pi
PI_LOW = 1.2246467991473532e-16  # pi minus its double
FAST = {"nnan", "nsz", "reassoc", "contract"}


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
    at_edge : bool (nlinks,)
        The peak lies at or beyond the end of a search range; `params` then holds the end.
    """

    params: np.ndarray
    sigma: np.ndarray
    coherence: np.ndarray
    at_edge: np.ndarray


def estimate_links(
    phase,
    edges,
    design,
    axes,
    n_threads=1,
    memory_mb=512,
    progress=None,
    ranges=None,
    weights=None,
):
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
    axes : sequence of float64 (n,), one per term
        Evenly spaced search grids, as :func:`emcflow.links.search_grid.search_axis` makes them, or
        `coarse_axis`.
    n_threads : int
        Chunks of links that are worked on at the same time. The result does not depend on it.
    memory_mb : float
        Upper bound of the scratch memory of all threads [MiB]; fewer threads run if need be.
    progress : callable, optional
        Called as ``progress(links done, nlinks)`` from time to time.
    ranges : float64 (nterms, 2), optional
        Ends of the search ranges, where the axes do not reach them.
    weights : float64 (ndates,), optional
        In proportion to 1 / variance of the phase of each date, mean 1.

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
    phase, edges, design = _checked_links(phase, edges, design)
    weights = _checked_weights(weights, len(design))
    if design.shape[1] == 0:
        return _model_without_terms(phase, edges, weights)
    grid = _Grid(design, axes, ranges, weights)
    nlinks, nterms = len(edges), design.shape[1]
    model = LinkModel(
        np.empty((nterms, nlinks), np.float32),
        np.empty((nterms, nlinks), np.float32),
        np.empty(nlinks, np.float32),
        np.empty(nlinks, np.bool_),
    )
    workers = _affordable_workers(grid, n_threads, memory_mb)
    starts = range(0, nlinks, grid.chunk)
    local = threading.local()

    def run(start):
        if not hasattr(local, "scratch"):
            local.scratch = _Scratch(grid)
        _estimate_chunk(phase, edges[start : start + grid.chunk], start, grid, local.scratch, model)
        return min(start + grid.chunk, nlinks)

    # One BLAS thread: a product shared by several threads may round in another way.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        report_every = max(1, len(starts) // 100)
        for number, done in enumerate(pool.map(run, starts)):
            if progress is not None and (number % report_every == 0 or done == nlinks):
                progress(done, nlinks)
    return model


def _model_without_terms(phase, edges, weights=None):
    """Link model of no parameters: the coherence of the phase as it is."""
    nlinks = len(edges)
    total = np.zeros(nlinks, np.complex128)
    for row, weight in zip(phase, np.ones(len(phase)) if weights is None else weights, strict=True):
        row = row.astype(np.float64)
        total += weight * np.exp(1j * (row[edges[:, 1]] - row[edges[:, 0]]))
    return LinkModel(
        np.empty((0, nlinks), np.float32),
        np.empty((0, nlinks), np.float32),
        (np.abs(total) / len(phase)).astype(np.float32),
        np.zeros(nlinks, np.bool_),
    )


class _Grid:
    """Search grid around its own centre, as cosines and sines of one half of it.

    The grid is symmetric about its centre: the sums with cosine and sine of a grid point give the
    periodogram there and at the opposite point, which halves the product.
    """

    def __init__(self, design, axes, ranges=None, weights=None):
        axes = [np.asarray(axis, dtype=np.float64) for axis in axes]
        if len(axes) != design.shape[1]:
            raise InputError(f"{len(axes)} search axes for {design.shape[1]} terms: one per term")
        for t, axis in enumerate(axes):
            _checked_axis(axis, t, None if ranges is None else ranges[t])
        ends = np.array([axis[[0, -1]] for axis in axes])
        low, high = (ends if ranges is None else np.asarray(ranges, dtype=np.float64)).T
        self.centre = 0.5 * (low + high)
        self.shape = np.array([len(axis) for axis in axes], dtype=np.int64)
        self.steps = (ends[:, 1] - ends[:, 0]) / np.maximum(self.shape - 1, 1)
        self.size = int(self.shape.prod())
        half = (self.size + 1) // 2
        self.half = half + -half % VECTOR  # padded with grid points of no power
        self.strides = np.array([int(self.shape[t + 1 :].prod()) for t in range(len(axes))])
        directions = np.indices([3] * len(axes)).reshape(len(axes), -1).T - 1
        self.directions = directions[np.any(directions != 0, axis=1)]

        # De-meaned columns of unit span: the free constant drops out of the derivatives, and the
        # unknowns become radians over the span of a term, of equal size for all terms.
        self.span = np.ptp(design, axis=0)
        self.reach = 0.5 * (high - low) * self.span
        columns = (design - mean_of_dates(design, weights)) / self.span
        weighted = root_weighted(columns, weights)
        self.normal = weighted.T @ weighted
        self.inverse_normal = np.linalg.pinv(self.normal, hermitian=True)
        self.basis = _moment_basis(columns)
        self.centre_phase = design @ self.centre
        offsets = np.indices(self.shape).reshape(len(axes), -1)[:, :half]
        offsets = (offsets - 0.5 * (self.shape - 1)[:, None]) * (self.steps * self.span)[:, None]
        angles = columns @ offsets
        waves = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        waves = np.pad(waves, ((0, 0), (0, 0), (0, self.half - half)))
        self.waves = waves.reshape(len(design), 2 * self.half)
        self.chunk = int(np.clip(CHUNK_VALUES // (4 * self.half), LEAST_CHUNK, 4096))
        self.ndates = len(design)
        self.weights = weights
        self.variances = np.ones(len(design)) if weights is None else 1 / weights
        power = CANDIDATE_POWER if len(axes) <= 2 else CANDIDATE_POWER_OF_MANY
        self.candidate_power = np.float32(power)


def _moment_basis(columns):
    """Rows 1, B_s and B_s B_t (s >= t), as the sums over dates need them.

    The dates are padded with zeros to a multiple of `LANES`, so that loops over them are made of
    whole vectors.
    """
    ndates, nterms = columns.shape
    rows = [np.ones(ndates), *columns.T]
    rows += [columns[:, s] * columns[:, t] for s in range(nterms) for t in range(s + 1)]
    return np.pad(np.array(rows), ((0, 0), (0, -ndates % LANES)))


class _Scratch:
    """Arrays of one thread, used again for every chunk."""

    def __init__(self, grid):
        self.real = np.zeros((grid.chunk, grid.basis.shape[1]))
        self.imag = np.zeros((grid.chunk, grid.basis.shape[1]))
        self.phasors = np.empty((2 * grid.chunk, grid.ndates), np.float32)
        self.product = np.empty((2 * grid.chunk, 2 * grid.half), np.float32)
        self.power = np.empty(2 * grid.half, np.float32)
        self.above = np.empty(2 * grid.half, np.int64)

    @staticmethod
    def nbytes(grid):
        """Bytes of one scratch."""
        per_link = 2 * 8 * grid.basis.shape[1] + 2 * 4 * grid.ndates + 2 * 4 * 2 * grid.half
        return grid.chunk * per_link + 2 * grid.half * (4 + 8)


def _affordable_workers(grid, n_threads, memory_mb):
    per_thread = _Scratch.nbytes(grid) / 2**20
    if memory_mb < per_thread:
        raise InputError(
            f"memory_mb {memory_mb:g}: a search grid of {grid.size} points and {grid.ndates} dates "
            f"needs {per_thread:.1f} MiB per thread; give more memory or a larger search step"
        )
    return max(1, min(int(n_threads), int(memory_mb // per_thread)))


def _estimate_chunk(phase, edges, start, grid, scratch, model):
    count = len(edges)
    real, imag = scratch.real[:count], scratch.imag[:count]
    phasors, product = scratch.phasors[: 2 * count], scratch.product[: 2 * count]
    _link_phasors(phase, edges, grid.centre_phase, real, imag, phasors)
    if grid.weights is not None:
        for values in (real, imag, phasors):
            values[:, : grid.ndates] *= grid.weights
    np.matmul(phasors, grid.waves, out=product)
    stop = start + count
    _find_peaks(
        product, real, imag, grid.shape, grid.strides, grid.directions, grid.steps, grid.basis,
        grid.normal, grid.variances, grid.span, grid.centre, -grid.reach, grid.reach,
        grid.inverse_normal, grid.candidate_power, scratch.power, scratch.above,
        model.params[:, start:stop], model.sigma[:, start:stop],
        model.coherence[start:stop], model.at_edge[start:stop],
    )  # fmt: skip


@njit(inline="always")
def _cos_sin(x):
    """Cosine and sine by Taylor series within pi/2; no branch, so that loops over it vectorise."""
    turns = math.floor(x * (1.0 / math.pi) + 0.5)
    sign = 1.0 - 2.0 * (turns - 2.0 * math.floor(0.5 * turns))
    y = (x - turns * math.pi) - turns * PI_LOW
    z = y * y
    cosine = 1.0 - z * (1.0 / 380.0)
    cosine = 1.0 - z * (1.0 / 306.0) * cosine
    cosine = 1.0 - z * (1.0 / 240.0) * cosine
    cosine = 1.0 - z * (1.0 / 182.0) * cosine
    cosine = 1.0 - z * (1.0 / 132.0) * cosine
    cosine = 1.0 - z * (1.0 / 90.0) * cosine
    cosine = 1.0 - z * (1.0 / 56.0) * cosine
    cosine = 1.0 - z * (1.0 / 30.0) * cosine
    cosine = 1.0 - z * (1.0 / 12.0) * cosine
    cosine = 1.0 - z * (1.0 / 2.0) * cosine
    sine = 1.0 - z * (1.0 / 420.0)
    sine = 1.0 - z * (1.0 / 342.0) * sine
    sine = 1.0 - z * (1.0 / 272.0) * sine
    sine = 1.0 - z * (1.0 / 210.0) * sine
    sine = 1.0 - z * (1.0 / 156.0) * sine
    sine = 1.0 - z * (1.0 / 110.0) * sine
    sine = 1.0 - z * (1.0 / 72.0) * sine
    sine = 1.0 - z * (1.0 / 42.0) * sine
    sine = 1.0 - z * (1.0 / 20.0) * sine
    sine = 1.0 - z * (1.0 / 6.0) * sine
    return sign * cosine, sign * y * sine


@njit(cache=True, nogil=True, fastmath=FAST)
def _link_phasors(phase, edges, centre_phase, real, imag, phasors):
    """Unit phasors of the links, turned back by the phase of the grid's centre.

    Fills `real`, `imag` float64 (nlinks, ndates) and `phasors` float32 (2 nlinks, ndates), whose
    rows alternate between real and imaginary parts.
    """
    ndates = len(centre_phase)
    for i in range(len(edges)):
        a, b = edges[i, 0], edges[i, 1]
        for d in range(ndates):
            real[i, d] = np.float64(phase[d, b]) - np.float64(phase[d, a]) - centre_phase[d]
        for d in range(ndates):
            cosine, sine = _cos_sin(real[i, d])
            real[i, d], imag[i, d] = cosine, sine
            phasors[2 * i, d], phasors[2 * i + 1, d] = cosine, sine


@njit(cache=True, nogil=True, fastmath=FAST)
def _grid_power(product_real, product_imag, size, power):
    """Periodogram of one link at all grid points (float32), and its maximum.

    The first half of `power` is for the first half of the grid, the second for the points opposite
    to them, see `_place`: in this order both are written by whole vectors.
    """
    half = len(power) // 2
    forth, back = power[:half], power[half:]
    real_cos, real_sin = product_real[:half], product_real[half:]
    imag_cos, imag_sin = product_imag[:half], product_imag[half:]
    for g in range(half):
        even = real_cos[g] ** 2 + real_sin[g] ** 2 + imag_cos[g] ** 2 + imag_sin[g] ** 2
        odd = np.float32(2.0) * (real_cos[g] * imag_sin[g] - imag_cos[g] * real_sin[g])
        forth[g] = even + odd
        back[g] = even - odd
    if size % 2:
        back[size // 2] = np.float32(0.0)  # the centre is its own opposite
    # The maximum of each lane first: one of all at once would not be done by vectors.
    top = np.zeros(VECTOR, np.float32)
    for start in range(0, half, VECTOR):
        a, b = forth[start : start + VECTOR], back[start : start + VECTOR]
        for k in range(VECTOR):
            higher = a[k] if a[k] > b[k] else b[k]
            top[k] = higher if higher > top[k] else top[k]
    highest = top[0]
    for k in range(VECTOR):
        highest = top[k] if top[k] > highest else highest
    return highest


@njit(cache=True, nogil=True)
def _place(g, size, half):
    """Place of a grid point in `power`; also the grid point of a place that is not padding."""
    return g if 2 * g < size else half + size - 1 - g


@njit(cache=True, nogil=True)
def _is_local_maximum(power, g, index, shape, strides, directions, size):
    """Whether no neighbour of a grid point is higher, diagonals included; first of equals wins."""
    half = len(power) // 2
    own = power[_place(g, size, half)]
    for k in range(len(directions)):
        neighbour, inside = g, True
        for t in range(len(shape)):
            moved = index[t] + directions[k, t]
            inside = inside and moved >= 0 and moved < shape[t]
            neighbour += directions[k, t] * strides[t]
        if not inside:
            continue
        other = power[_place(neighbour, size, half)]
        if other > own or (other == own and neighbour < g):
            return False
    return True


@njit(cache=True, nogil=True)
def _unravel(g, strides, index):
    for t in range(len(strides)):
        index[t] = g // strides[t]
        g -= index[t] * strides[t]


@njit(cache=True, nogil=True)
def _above(power, threshold, size, above):
    """Grid points with at least this power, the highest of them first; returns how many."""
    half = len(power) // 2
    count, best, highest = 0, 0, np.float32(-1.0)
    for start in range(0, len(power), BLOCK):
        block = power[start : start + BLOCK]
        some = 0
        for k in range(len(block)):
            some += np.int32(block[k] >= threshold)
        if some == 0:
            continue
        for k in range(len(block)):
            if block[k] >= threshold:
                above[count] = _place(start + k, size, half)
                if block[k] > highest:
                    best, highest = count, block[k]
                count += 1
    above[0], above[best] = above[best], above[0]
    return count


@njit(cache=True, nogil=True)
def _candidates(power, threshold, shape, strides, directions, size, above, peak, index, found):
    """Highest local maxima of one link's grid above a threshold, in falling order; their number."""
    half = len(power) // 2
    nabove = _above(power, threshold, size, above)
    found[0] = above[0]
    _unravel(above[0], strides, peak)
    count = 1
    for n in range(1, nabove):
        g = above[n]
        _unravel(g, strides, index)
        beside = True
        for t in range(len(shape)):
            beside = beside and abs(index[t] - peak[t]) <= 1
        if beside or not _is_local_maximum(power, g, index, shape, strides, directions, size):
            continue
        own = power[_place(g, size, half)]
        place = count
        while place > 1 and power[_place(found[place - 1], size, half)] < own:
            place -= 1
        if place == len(found):
            continue
        count = min(count + 1, len(found))
        for k in range(count - 1, place, -1):
            found[k] = found[k - 1]
        found[place] = g
    return count


@njit(cache=True, nogil=True)
def _start(power, g, index, shape, strides, steps, span, size, u):
    """Top of the parabola through a grid point and its neighbours, term by term.

    Fills `u` with the place relative to the grid's centre, in radians over the span of each term.
    """
    half = len(power) // 2
    own = power[_place(g, size, half)]
    _unravel(g, strides, index)
    for t in range(len(shape)):
        shift = 0.0
        if 0 < index[t] < shape[t] - 1:
            before = power[_place(g - strides[t], size, half)]
            after = power[_place(g + strides[t], size, half)]
            bend = before + after - 2.0 * own
            if bend < 0.0:
                shift = min(max(0.5 * (before - after) / bend, -0.5), 0.5)
        u[t] = (index[t] + shift - 0.5 * (shape[t] - 1)) * steps[t] * span[t]


@njit(cache=True, nogil=True, fastmath=FAST)
def _moments(real, imag, i, basis, u, turned_real, turned_imag, moments):
    """Sums over the dates of the phasors of link i, turned back by ``B @ u``, times basis rows.

    Fills `turned_real`, `turned_imag` (dates) with the turned phasors and `moments` (rows, 2)
    with real and imaginary parts; returns the power.
    """
    nrows, ndates = basis.shape
    for d in range(ndates):
        turned_real[d] = basis[1, d] * u[0]
    for t in range(1, len(u)):
        for d in range(ndates):
            turned_real[d] += basis[1 + t, d] * u[t]
    for d in range(ndates):
        cosine, sine = _cos_sin(turned_real[d])
        turned_real[d] = real[i, d] * cosine + imag[i, d] * sine
        turned_imag[d] = imag[i, d] * cosine - real[i, d] * sine
    for row in range(nrows):
        sum_real, sum_imag = 0.0, 0.0
        for d in range(ndates):
            sum_real += basis[row, d] * turned_real[d]
            sum_imag += basis[row, d] * turned_imag[d]
        moments[row, 0], moments[row, 1] = sum_real, sum_imag
    return moments[0, 0] * moments[0, 0] + moments[0, 1] * moments[0, 1]


@njit(cache=True, nogil=True)
def _solve_positive(matrix, vector, nterms):
    """Solve in place by elimination in the lower triangle; False if not positive definite."""
    for i in range(nterms):
        pivot = matrix[i, i]
        if pivot <= 0.0:
            return False
        inverse = 1.0 / pivot
        for r in range(i + 1, nterms):
            factor = matrix[r, i] * inverse
            for c in range(i + 1, r + 1):
                matrix[r, c] -= factor * matrix[c, i]
            vector[r] -= factor * vector[i]
        vector[i] *= inverse
        for r in range(i + 1, nterms):
            matrix[r, i] *= inverse
    for i in range(nterms - 2, -1, -1):
        for r in range(i + 1, nterms):
            vector[i] -= matrix[r, i] * vector[r]
    return True


@njit(cache=True, nogil=True)
def _hold(matrix, step, free):
    """Make the equations of terms that are not free say: no step."""
    nterms = len(step)
    for s in range(nterms):
        if not free[s]:
            step[s] = 0.0
            for t in range(nterms):
                matrix[max(s, t), min(s, t)] = 1.0 if s == t else 0.0


@njit(cache=True, nogil=True)
def _newton_step(moments, power, free, gradient, matrix, step):
    """Newton step on the logarithm of the power, for the free terms.

    The main lobe is nearly a Gaussian, so its logarithm is nearly a parabola. Fills `gradient` of
    the logarithm and `step`; returns False where the logarithm is not concave.
    """
    nterms = len(step)
    r0, i0 = moments[0, 0], moments[0, 1]
    scale = 2.0 / power
    for s in range(nterms):
        gradient[s] = scale * (r0 * moments[1 + s, 1] - i0 * moments[1 + s, 0])
        step[s] = gradient[s]
    second = 1 + nterms
    for s in range(nterms):
        for t in range(s + 1):
            product = moments[1 + s, 0] * moments[1 + t, 0] + moments[1 + s, 1] * moments[1 + t, 1]
            curvature = r0 * moments[second, 0] + i0 * moments[second, 1]
            matrix[s, t] = scale * (curvature - product) + gradient[s] * gradient[t]
            second += 1
    _hold(matrix, step, free)
    return _solve_positive(matrix, step, nterms)


@njit(cache=True, nogil=True)
def _bound_step(gradient, power, free, normal, matrix, step):
    """Step that cannot lower the power.

    ``cos(r - x) >= cos(r) + sin(r) x - x**2 / 2`` bounds the modulus from below by a parabola that
    touches it; the top of the parabola is never lower (Boehning, Lindsay 1988, Ann. Inst. Stat.
    Math. 40, 641-663, doi:10.1007/BF00049423).
    """
    nterms = len(step)
    for s in range(nterms):
        step[s] = 0.5 * math.sqrt(power) * gradient[s]
        for t in range(s + 1):
            matrix[s, t] = normal[s, t]
    _hold(matrix, step, free)
    _solve_positive(matrix, step, nterms)


@njit(cache=True, nogil=True)
def _hold_at_edges(u, low, high, free):
    """Hold terms at or beyond an end of their range there; True if this moved one."""
    moved = False
    for t in range(len(u)):
        if free[t] and (u[t] <= low[t] + EDGE_TOLERANCE or u[t] >= high[t] - EDGE_TOLERANCE):
            moved = moved or u[t] < low[t] or u[t] > high[t]
            u[t] = min(max(u[t], low[t]), high[t])
            free[t] = False
    return moved


@njit(cache=True, nogil=True)
def _climb(
    real, imag, i, basis, normal, low, high,
    free, u, turned_real, turned_imag, moments, gradient, matrix, step,
):  # fmt: skip
    """Climb from `u` to the top of its peak within the range; returns the power there.

    A term that leaves its range is held at the end, where `free` is False afterwards, and the
    others climb on. There is one call of each part, since each call is compiled anew.
    """
    nterms = len(u)
    for t in range(nterms):
        free[t] = True
    power = -1.0
    newton = False
    for _ in range(MAX_STEPS):
        higher = _moments(real, imag, i, basis, u, turned_real, turned_imag, moments)
        rejected = newton and higher < power
        if rejected:
            for t in range(nterms):
                u[t] -= step[t]
        else:
            power = higher
            if power <= 0.0:
                break
            newton = _newton_step(moments, power, free, gradient, matrix, step)
        if rejected or not newton:
            newton = False
            _bound_step(gradient, power, free, normal, matrix, step)
        longest = 0.0
        for t in range(nterms):
            longest = max(longest, abs(step[t]))
        # A quarter of a resolution cell is the most for one step: farther lies another peak.
        shorten = HALF_PI / max(longest, HALF_PI)
        for t in range(nterms):
            step[t] *= shorten
            u[t] += step[t]
        if longest <= LAST_STEP:
            newton = False
            if not _hold_at_edges(u, low, high, free):
                for t in range(nterms):  # what the last step gains, to second order
                    power += 0.5 * power * gradient[t] * step[t]
                return power
    _hold_at_edges(u, low, high, free)
    return power


@njit(cache=True, nogil=True)
def _residual_variance(turned_real, turned_imag, sum_real, sum_imag, variances, nterms):
    """Variance of the phase of one date, from the turned phasors at the peak [rad**2].

    The phasors hold the weights, and `variances` (dates) their inverse.
    """
    ndates = len(variances)
    redundancy = ndates - 1 - nterms
    power = sum_real * sum_real + sum_imag * sum_imag
    if redundancy < 1 or power <= 0.0:
        return np.inf
    modulus = math.sqrt(power)
    cosine = modulus / ndates
    squares = 0.0
    for d in range(ndates):
        sine = (turned_imag[d] * sum_real - turned_real[d] * sum_imag) / modulus
        squares += variances[d] * sine * sine
    return squares / (redundancy - 2 if redundancy > 2 else redundancy) / (cosine * cosine)


@njit(cache=True, nogil=True)
def _find_peaks(
    product, real, imag, shape, strides, directions, steps, basis, normal, variances, span, centre,
    low, high, inverse_normal, candidate_power, power, above, params, sigma, coherence, at_edge,
):  # fmt: skip
    """Highest peak of every link of a chunk; fills the last four arrays."""
    nterms, size, ndates = len(shape), shape.prod(), len(variances)
    found = np.empty(MAX_CANDIDATES, np.int64)
    peak, index = np.empty(nterms, np.int64), np.empty(nterms, np.int64)
    turned_real, turned_imag = np.empty(basis.shape[1]), np.empty(basis.shape[1])
    moments = np.empty((len(basis), 2))
    gradient, matrix, step = np.empty(nterms), np.empty((nterms, nterms)), np.empty(nterms)
    u, best = np.empty(nterms), np.empty(nterms)
    free = np.empty(nterms, np.bool_)
    for i in range(real.shape[0]):
        highest = _grid_power(product[2 * i], product[2 * i + 1], size, power)
        threshold = highest * candidate_power
        count = _candidates(
            power, threshold, shape, strides, directions, size, above, peak, index, found
        )
        best_power = -1.0
        variance = np.inf
        for k in range(count):
            _start(power, found[k], index, shape, strides, steps, span, size, u)
            climbed = _climb(
                real, imag, i, basis, normal, low, high,
                free, u, turned_real, turned_imag, moments, gradient, matrix, step,
            )  # fmt: skip
            if climbed > best_power:
                best_power = climbed
                at_edge[i] = False
                for t in range(nterms):
                    best[t] = u[t]
                    at_edge[i] = at_edge[i] or not free[t]
                variance = _residual_variance(
                    turned_real, turned_imag, moments[0, 0], moments[0, 1], variances, nterms
                )
        coherence[i] = min(1.0, math.sqrt(best_power) / ndates)
        for t in range(nterms):
            params[t, i] = centre[t] + best[t] / span[t]
            sigma[t, i] = math.sqrt(variance * inverse_normal[t, t]) / span[t]


def _checked_axis(axis, t, limits):
    if axis.ndim != 1 or len(axis) < (2 if limits is None else 1):
        raise InputError(f"search axis {t}: expected at least two values, make it with search_axis")
    if len(axis) > 1:
        step = (axis[-1] - axis[0]) / (len(axis) - 1)
        even = np.linspace(axis[0], axis[-1], len(axis))
        if not step > 0 or np.abs(axis - even).max() > 1e-6 * step:
            raise InputError(f"search axis {t}: expected rising, evenly spaced values")
    if limits is not None:
        low, high = checked_range(*limits)
        off = abs(axis[0] - low - (high - axis[-1]))
        if axis[0] < low or axis[-1] > high or off > 1e-6 * (high - low):
            raise InputError(
                f"search axis {t}: {axis[0]:g} to {axis[-1]:g} is not in the middle of {low:g} to "
                f"{high:g}: make it with search_axis or coarse_axis"
            )


def _checked_links(phase, edges, design):
    # One layout and type of each array: every other one would be compiled for anew.
    phase = phase_array(phase, "phase")
    edges = whole_array(edges, "edges", np.int32)
    design = checked_design(design)
    if phase.ndim != 2 or len(phase) != len(design):
        raise InputError(f"phase of shape {phase.shape} for {len(design)} dates of the design")
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise InputError(f"edges of shape {edges.shape}: expected (nlinks, 2)")
    if len(edges) and not (edges.min() >= 0 and edges.max() < phase.shape[1]):
        raise InputError(f"edges name points outside 0 to {phase.shape[1] - 1}")
    if not np.isfinite(phase).all():
        raise InputError("phase has values that are not finite: leave such points out")
    if (np.ptp(design, axis=0) == 0).any():
        raise InputError("design has a constant column: leave it out, see choose_terms")
    return phase, edges, design


def _checked_weights(weights, ndates):
    if weights is None:
        return None
    weights = real_array(weights, "weights", np.float64)
    if weights.shape != (ndates,) or not (weights > 0).all() or abs(weights.mean() - 1) > 1e-6:
        raise InputError(
            f"weights of shape {weights.shape} and mean {weights.mean():g}: expected {ndates} "
            "numbers above 0 of mean 1, one per date"
        )
    return weights
