"""The peaks of the periodograms of links on a search grid, and the way to their tops (compiled).

All compiled functions that :mod:`emcflow.links.periodogram` and :mod:`emcflow.links.likely_peaks`
share are here with those that call them: numba keeps what it has compiled until the file of the
called function changes, and does not look at the files of those that this one calls in turn.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

MAX_CANDIDATES = 4
MAX_STEPS = 40
# The last step, in radians over the span of a term: Newton's error is less than its square.
LAST_STEP = 2e-3
# A peak this close to the end of the range, in radians over the span of a term, is at the edge.
EDGE_TOLERANCE = 1e-5
# Values of float32 in a vector; the grid is padded to a multiple of it.
VECTOR = 16
# Grid points looked at together when candidates are gathered.
BLOCK = 64

HALF_PI = 0.5 * math.pi
PI_LOW = 1.2246467991473532e-16  # pi minus its double
FAST = {"nnan", "nsz", "reassoc", "contract"}


class Search(NamedTuple):
    """A search grid of nterms terms around its centre, and the design over its dates.

    Attributes
    ----------
    shape, strides : int64 (nterms,)
        Grid points of each term; points of the whole grid between two of its neighbours.
    directions : int64 (n, nterms)
        Steps to all neighbours of a grid point, diagonals included.
    steps, span, centre : float64 (nterms,)
        Between grid points, and of the centre [unit of the term]; span of the column [rad/unit].
    low, high : float64 (nterms,)
        Ends of the range from the centre, in radians over the span of a term.
    basis : float64 (nrows, ndates)
        Factors of the phasors whose sums the power and its derivatives need; padded with zeros.
    normal, inverse_normal : float64 (nterms, nterms)
        Products of the de-meaned columns of unit span.
    variances : float64 (ndates,)
        One over the weights of the dates.
    candidate_power : float32
        Part of the highest power from which a grid point may become the highest peak.
    """

    shape: np.ndarray
    strides: np.ndarray
    directions: np.ndarray
    steps: np.ndarray
    span: np.ndarray
    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray
    basis: np.ndarray
    normal: np.ndarray
    inverse_normal: np.ndarray
    variances: np.ndarray
    candidate_power: np.float32


class Climb(NamedTuple):
    """Work arrays of a climb: where it is, which terms are free, and what it knows there."""

    u: np.ndarray
    free: np.ndarray
    turned_real: np.ndarray
    turned_imag: np.ndarray
    moments: np.ndarray
    gradient: np.ndarray
    matrix: np.ndarray
    step: np.ndarray


class Prior(NamedTuple):
    """Some priors of the points of a grid, and the noise of :mod:`emcflow.links.learned_prior`.

    Constants of that module are handed over: numba would keep those of a former state of it.

    Attributes
    ----------
    densities : float64 (npriors, size)
        Logarithms of the probabilities.
    order : int64 (npriors, size)
        Grid points from the most probable one on.
    ndates, noise : float
        Effective number of dates; `noise_dates` times the noise.
    noise_dates : float
        ``NOISE_DATES``.
    least, most : float
        Ends of the coherence, ``COHERENCES``.
    """

    densities: np.ndarray
    order: np.ndarray
    ndates: float
    noise: float
    noise_dates: float
    least: float
    most: float


class Peaks(NamedTuple):
    """What is found of a chunk of links, as in :class:`emcflow.links.periodogram.LinkModel`."""

    params: np.ndarray
    sigma: np.ndarray
    coherence: np.ndarray
    at_range_end: np.ndarray


@njit(inline="always")
def _cos_sin(x: float) -> tuple[float, float]:
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
def link_phasors(
    phase: np.ndarray,
    edges: np.ndarray,
    centre_phase: np.ndarray,
    real: np.ndarray,
    imag: np.ndarray,
    phasors: np.ndarray,
) -> None:
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
def _grid_power(
    product_real: np.ndarray, product_imag: np.ndarray, size: int, power: np.ndarray
) -> float:
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
def _place(g: int, size: int, half: int) -> int:
    """Place of a grid point in `power`; also the grid point of a place that is not padding."""
    return g if 2 * g < size else half + size - 1 - g


@njit(cache=True, nogil=True)
def _is_local_maximum(
    power: np.ndarray, g: int, index: np.ndarray, search: Search, size: int
) -> bool:
    """Whether no neighbour of a grid point is higher, diagonals included; first of equals wins."""
    half = len(power) // 2
    shape, strides, directions = search.shape, search.strides, search.directions
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
def _unravel(g: int, strides: np.ndarray, index: np.ndarray) -> None:
    for t in range(len(strides)):
        index[t] = g // strides[t]
        g -= index[t] * strides[t]


@njit(cache=True, nogil=True)
def _above(power: np.ndarray, threshold: float | np.floating, size: int, above: np.ndarray) -> int:
    """Grid points with at least this power, the highest of them first; returns how many."""
    half = len(power) // 2
    count, best, highest = 0, 0, np.float32(-1.0)
    for start in range(0, len(power), BLOCK):
        block = power[start : start + BLOCK]
        some = 0
        for k in range(len(block)):
            some += np.int32(block[k] >= threshold)  # type: ignore[assignment]
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
def _candidates(
    power: np.ndarray,
    threshold: float | np.floating,
    search: Search,
    size: int,
    above: np.ndarray,
    peak: np.ndarray,
    index: np.ndarray,
    found: np.ndarray,
) -> int:
    """Highest local maxima of one link's grid above a threshold, in falling order; their number."""
    half = len(power) // 2
    nabove = _above(power, threshold, size, above)
    found[0] = above[0]
    _unravel(above[0], search.strides, peak)
    count = 1
    for n in range(1, nabove):
        g = above[n]
        _unravel(g, search.strides, index)
        beside = True
        for t in range(len(index)):
            beside = beside and abs(index[t] - peak[t]) <= 1
        if beside or not _is_local_maximum(power, g, index, search, size):
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
def _start(
    power: np.ndarray, g: int, index: np.ndarray, search: Search, size: int, u: np.ndarray
) -> None:
    """Top of the parabola through a grid point and its neighbours, term by term.

    Fills `u` with the place relative to the grid's centre, in radians over the span of each term.
    """
    half = len(power) // 2
    shape, strides = search.shape, search.strides
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
        u[t] = (index[t] + shift - 0.5 * (shape[t] - 1)) * search.steps[t] * search.span[t]


@njit(cache=True, nogil=True, fastmath=FAST)
def _moments(
    real: np.ndarray,
    imag: np.ndarray,
    i: int,
    basis: np.ndarray,
    u: np.ndarray,
    turned_real: np.ndarray,
    turned_imag: np.ndarray,
    moments: np.ndarray,
) -> float:
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
def _solve_positive(matrix: np.ndarray, vector: np.ndarray, nterms: int) -> bool:
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
def _hold(matrix: np.ndarray, step: np.ndarray, free: np.ndarray) -> None:
    """Make the equations of terms that are not free say: no step."""
    nterms = len(step)
    for s in range(nterms):
        if not free[s]:
            step[s] = 0.0
            for t in range(nterms):
                matrix[max(s, t), min(s, t)] = 1.0 if s == t else 0.0


@njit(cache=True, nogil=True)
def _newton_step(
    moments: np.ndarray,
    power: float,
    free: np.ndarray,
    gradient: np.ndarray,
    matrix: np.ndarray,
    step: np.ndarray,
) -> bool:
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
def _bound_step(
    gradient: np.ndarray,
    power: float,
    free: np.ndarray,
    normal: np.ndarray,
    matrix: np.ndarray,
    step: np.ndarray,
) -> None:
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
def _hold_at_edges(u: np.ndarray, low: np.ndarray, high: np.ndarray, free: np.ndarray) -> bool:
    """Hold terms at or beyond an end of their range there; True if this moved one."""
    moved = False
    for t in range(len(u)):
        if free[t] and (u[t] <= low[t] + EDGE_TOLERANCE or u[t] >= high[t] - EDGE_TOLERANCE):
            moved = moved or u[t] < low[t] or u[t] > high[t]
            u[t] = min(max(u[t], low[t]), high[t])
            free[t] = False
    return moved


@njit(cache=True, nogil=True)
def _climb(real: np.ndarray, imag: np.ndarray, i: int, search: Search, climb: Climb) -> float:
    """Climb from `climb.u` to the top of its peak within the range; returns the power there.

    A term that leaves its range is held at the end, where `free` is False afterwards, and the
    others climb on. There is one call of each part, since each call is compiled anew.
    """
    basis, normal, low, high = search.basis, search.normal, search.low, search.high
    u, free, turned_real, turned_imag, moments, gradient, matrix, step = climb
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
def _residual_variance(climb: Climb, variances: np.ndarray) -> float:
    """Variance of the phase of one date, from the turned phasors where a climb ended [rad**2].

    The phasors hold the weights, and `variances` (dates) their inverse.
    """
    ndates = len(variances)
    redundancy = ndates - 1 - len(climb.u)
    turned_real, turned_imag = climb.turned_real, climb.turned_imag
    sum_real, sum_imag = climb.moments[0, 0], climb.moments[0, 1]
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
def _make_climb(search: Search) -> Climb:
    """Work arrays of `_climb`."""
    nterms, (nrows, ndates) = len(search.shape), search.basis.shape
    return Climb(
        np.empty(nterms),
        np.empty(nterms, np.bool_),
        np.empty(ndates),
        np.empty(ndates),
        np.empty((nrows, 2)),
        np.empty(nterms),
        np.empty((nterms, nterms)),
        np.empty(nterms),
    )


@njit(cache=True, nogil=True)
def _weigh(search: Search, weights: np.ndarray) -> None:
    """Make the normal equations and variances of a search those of a link of these weights."""
    basis, ndates = search.basis, len(weights)
    for s in range(len(search.shape)):
        for t in range(s + 1):
            both = own = other = 0.0
            for d in range(ndates):
                weighted = weights[d] * basis[1 + s, d]
                both += weighted * basis[1 + t, d]
                own += weighted
                other += weights[d] * basis[1 + t, d]
            # weights of mean 1 add up to the number of dates
            search.normal[s, t] = search.normal[t, s] = both - own * other / ndates
    search.inverse_normal[:] = np.linalg.inv(search.normal)
    for d in range(ndates):
        search.variances[d] = 1 / weights[d]


@njit(cache=True, nogil=True)
def find_highest_peaks(
    product: np.ndarray,
    real: np.ndarray,
    imag: np.ndarray,
    search: Search,
    weights: np.ndarray,
    power: np.ndarray,
    above: np.ndarray,
    peaks: Peaks,
) -> None:
    """Highest peak of every link of a chunk (compiled).

    Parameters
    ----------
    product : float32 (2 nlinks, 2 half)
        Sums over the dates, real and imaginary part, times cosines and sines of half of the grid.
    real, imag : float64 (nlinks, ndates)
        As `link_phasors` fills them, times the weights of the dates.
    search : Search
        Written over where links have weights of their own.
    weights : float64 (nlinks, ndates)
        Those of each link; no rows where `search` has those of all.
    power, above : float32 (2 half,), int64 (2 half,)
        Work arrays.
    peaks : Peaks
        Filled.
    """
    nterms, size, ndates = len(search.shape), search.shape.prod(), len(search.variances)
    found = np.empty(MAX_CANDIDATES, np.int64)
    peak, index = np.empty(nterms, np.int64), np.empty(nterms, np.int64)
    climb = _make_climb(search)
    best = np.empty(nterms)
    for i in range(real.shape[0]):
        if len(weights):
            _weigh(search, weights[i])
        highest = _grid_power(product[2 * i], product[2 * i + 1], size, power)
        threshold = highest * search.candidate_power
        count = _candidates(power, threshold, search, size, above, peak, index, found)
        best_power = -1.0
        variance = np.inf
        for k in range(count):
            _start(power, found[k], index, search, size, climb.u)
            climbed = _climb(real, imag, i, search, climb)
            if climbed > best_power:
                best_power = climbed
                peaks.at_range_end[i] = False
                for t in range(nterms):
                    best[t] = climb.u[t]
                    peaks.at_range_end[i] = peaks.at_range_end[i] or not climb.free[t]
                variance = _residual_variance(climb, search.variances)
        peaks.coherence[i] = min(1.0, math.sqrt(best_power) / ndates)
        for t in range(nterms):
            peaks.params[t, i] = search.centre[t] + best[t] / search.span[t]
            peaks.sigma[t, i] = math.sqrt(variance * search.inverse_normal[t, t]) / search.span[t]


@njit(cache=True, nogil=True)
def _log_likelihood(power: float | np.floating, ndates: int, prior: Prior) -> float:
    """As `LinkPrior.log_likelihood`, of the squared modulus of the sum over the dates."""
    coherence = math.sqrt(max(power, np.float32(0.0))) / ndates
    coherence = min(max(coherence, prior.least), prior.most)
    misfit = -2.0 * prior.ndates * math.log(coherence)
    return -0.5 * (prior.ndates - 1.0 + prior.noise_dates) * math.log(prior.noise + misfit)


@njit(cache=True, nogil=True)
def _likeliest(
    power: np.ndarray, highest: float | np.floating, prior: Prior, p: int, ndates: int, size: int
) -> int:
    """Grid point of the highest likelihood times prior number `p`.

    Points are looked at from the most probable one on: a later one can win only by a higher power
    than all before it, and none can once the highest power would not do.
    """
    half = len(power) // 2
    density, order = prior.densities[p], prior.order[p]
    most = _log_likelihood(highest, ndates, prior)
    best, best_score, seen = order[0], -np.inf, np.float32(-1.0)
    for k in range(len(order)):
        g = order[k]
        if density[g] + most <= best_score:
            break
        own = power[_place(g, size, half)]
        if own > seen:
            seen = own
            score = _log_likelihood(own, ndates, prior) + density[g]
            if score > best_score:
                best, best_score = g, score
    return best


@njit(cache=True, nogil=True)
def find_likely_peaks(
    product: np.ndarray,
    real: np.ndarray,
    imag: np.ndarray,
    search: Search,
    weights: np.ndarray,
    power: np.ndarray,
    prior: Prior,
    peaks: Peaks,
) -> None:
    """Peak of every link of a chunk under each of some priors (compiled).

    Parameters
    ----------
    product, real, imag, search, weights, power
        As for `find_highest_peaks`.
    prior : Prior
    peaks : Peaks
        Filled; its arrays have an axis more than there, the first, for the priors.
    """
    nterms, size, ndates = len(search.shape), search.shape.prod(), len(search.variances)
    steps, span = search.steps, search.span
    index, at = np.empty(nterms, np.int64), np.empty(nterms)
    climb = _make_climb(search)
    for i in range(real.shape[0]):
        if len(weights):
            _weigh(search, weights[i])
        highest = _grid_power(product[2 * i], product[2 * i + 1], size, power)
        before = -1
        for p in range(len(prior.densities)):
            g = _likeliest(power, highest, prior, p, ndates, size)
            if g == before:
                _copy_peak(peaks, p, i)
                continue
            before = g
            _unravel(g, search.strides, index)
            for t in range(nterms):
                at[t] = (index[t] - 0.5 * (search.shape[t] - 1)) * steps[t] * span[t]
            _start(power, g, index, search, size, climb.u)
            climbed = _climb(real, imag, i, search, climb)
            away = False
            for t in range(nterms):
                away = away or abs(climb.u[t] - at[t]) > steps[t] * span[t]
            if away:
                climbed = _moments(
                    real, imag, i, search.basis, at, climb.turned_real, climb.turned_imag,
                    climb.moments,
                )  # fmt: skip
            variance = _residual_variance(climb, search.variances)
            peaks.coherence[p, i] = min(1.0, math.sqrt(max(climbed, 0.0)) / ndates)
            peaks.at_range_end[p, i] = False
            for t in range(nterms):
                place = at[t] if away else climb.u[t]
                peaks.params[p, t, i] = search.centre[t] + place / span[t]
                peaks.sigma[p, t, i] = math.sqrt(variance * search.inverse_normal[t, t]) / span[t]
                peaks.at_range_end[p, i] = peaks.at_range_end[p, i] or not (away or climb.free[t])


@njit(cache=True, nogil=True)
def _copy_peak(peaks: Peaks, p: int, i: int) -> None:
    """Take over the peak of link i that the prior before has chosen."""
    peaks.params[p, :, i] = peaks.params[p - 1, :, i]
    peaks.sigma[p, :, i] = peaks.sigma[p - 1, :, i]
    peaks.coherence[p, i] = peaks.coherence[p - 1, i]
    peaks.at_range_end[p, i] = peaks.at_range_end[p - 1, i]
