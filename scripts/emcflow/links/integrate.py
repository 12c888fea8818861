"""Values of links to values of points: weighted least squares, robust against wrong peaks."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from threadpoolctl import threadpool_limits

from emcflow.arrays import real_array, whole_array
from emcflow.errors import InputError
from emcflow.graph.components import regions
from emcflow.graph.multigrid import Hierarchy, conjugate_gradients, hierarchy

log = logging.getLogger(__name__)
# Components up to this size are factorised, larger ones solved by multigrid: the two cost the same
# near 150,000 points.
DIRECT_POINTS = 100_000
# Standard deviations are taken as at least this part of their median, so that a few links of
# accidentally tiny residual do not outweigh all others.
LEAST_SIGMA = 0.2
# And at most this many times it: what is beyond has next to no say in either case.
LARGEST_SIGMA = 1e4
# A value held at the end of the search range is no estimate; it counts as one this much less sure.
EDGE_SIGMA_FACTOR = 10.0
# Residuals beyond this many robust standard deviations lose their weight (Geman-McClure).
OUTLIER_SCALE = 4.0
# Weights of links are at least this part of the largest. Where points hang together by strong links
# and with all others by weaker ones only, double precision loses how.
LEAST_WEIGHT = 1e-13
# Least robust standard deviation in units of sigma. Links share the noise of their points and fit
# one another far better than their sigmas say; what is within a few sigmas is no wrong peak.
LEAST_SCALE = 1.0
# By how much the limit of outliers, squared, narrows with each step of the graduated start.
NARROWING = 8.0
# The mean change of weights that ends the reweighting, and the most steps.
WEIGHT_CHANGE = 0.01
MAX_REWEIGHTINGS = 20
# Relative residual of the linear systems at the end, where values are then right to a hundredth of
# the sigma of a link; while weights still change, and for values of which the spread is wanted
# alone, whose standard deviation is then right to 1 to 2 %.
FINE_TOLERANCE, COARSE_TOLERANCE = 1e-6, 1e-3
MAX_ITERATIONS = 500
# Matrices of weights that still change which share one multigrid hierarchy: setting one up costs as
# much as five iterations, and the next matrices differ little.
MATRICES_PER_HIERARCHY = 5


@dataclass(frozen=True)
class PointFit:
    """Point values that fit the values of links, and the system of equations they come from.

    Attributes
    ----------
    values : float64 (nterms, npoints)
        The median of every connected component is 0.
    system : object
        The equations with their last weights.
    """

    values: np.ndarray
    system: _System

    def sums(self, link_values: np.ndarray) -> np.ndarray:
        """Weighted sums at the points of any other values of the links, for `solve`.

        Parameters
        ----------
        link_values : float (nlinks,)

        Returns
        -------
        float64 (npoints,)
            Linear in `link_values`.
        """
        return self.system.sums(link_values)

    def solve(self, sums: np.ndarray) -> np.ndarray:
        """Point values that fit other values of the links with the same weights.

        Parameters
        ----------
        sums : float (n, npoints)
            From `sums`.

        Returns
        -------
        float32 (n, npoints)
            To about a hundredth of their spread; the median of every connected component is 0.
        """
        sums = real_array(sums, "sums", np.float32)
        with threadpool_limits(1, "blas"):
            x = self.system.solve(sums, np.zeros_like(sums), COARSE_TOLERANCE)
        return zero_medians(x, self.system.component)


def integrate_links(
    edges: np.ndarray,
    values: np.ndarray,
    sigma: np.ndarray,
    npoints: int,
    at_range_end: np.ndarray | None = None,
) -> np.ndarray:
    """Point values whose differences fit the link values, robustly: the values of `fit_links`."""
    return fit_links(edges, values, sigma, npoints, at_range_end).values


def fit_links(
    edges: np.ndarray,
    values: np.ndarray,
    sigma: np.ndarray,
    npoints: int,
    at_range_end: np.ndarray | None = None,
) -> PointFit:
    """Fit point values to the values of links, robustly.

    Parameters
    ----------
    edges : int32 (nlinks, 2)
        Points a and b of each link.
    values : float (nterms, nlinks)
        Value at b minus value at a.
    sigma : float (nterms, nlinks)
        Standard deviations of `values`, 0 or more; infinite ones count as ten times the largest
        finite one. They count as no less than a fifth and no more than 10,000 times their median.
    npoints : int
        Number of points.
    at_range_end : bool (nlinks,), optional
        Links whose value is the end of a search range rather than an estimate. They count as ten
        times less sure: better than nothing where a point has no other link.

    Returns
    -------
    PointFit
        Values in the units of the links; the median of every connected component is 0. A point
        without links is a component of its own.

    Raises
    ------
    InputError
        If shapes disagree or values are not finite.

    Notes
    -----
    Minimises ``sum(w * ((x[b] - x[a] - value) / sigma)**2)`` by iteratively reweighted least
    squares with the weights of Geman and McClure, ``w = (1 + (r / c)**2)**-2`` (1987, Bull. Int.
    Stat. Inst. 52(4), 5-21), which vanish for wrong peaks instead of only bounding their pull. r is
    the root of the sum over the terms of ``(residual / sigma)**2``, since a wrong peak is wrong in
    all terms; c is `OUTLIER_SCALE` times 1.4826 times the median of r (Huber 1981, Robust
    Statistics, ch. 5.1).
    Such weights have local minima, which a graduated start avoids (graduated non-convexity: Blake
    and Zisserman 1987, Visual Reconstruction; Black and Rangarajan 1996, Int. J. Comput. Vis.
    19(1), 57-91): the first step is plain least squares, and c shrinks to its value from one that
    spares the worst residual. A wrong peak among right ones is then found out by their majority.

    A link's precision is common to its terms up to one factor per term, since the terms share dates
    and noise. All terms then share one matrix, solved by conjugate gradients preconditioned by
    algebraic multigrid (:mod:`emcflow.graph.multigrid`).
    """
    edges, values, sigma = _checked_links(edges, values, sigma, npoints)
    scaled, unit = _common_sigma(sigma, at_range_end, values)
    data = values / unit[:, None]
    component = regions(edges, npoints)
    with threadpool_limits(1, "blas"):  # a dot product shared by threads rounds differently
        x, system = _reweighted(edges, data, 1.0 / scaled**2, component)
    return PointFit(zero_medians(x, component) * unit[:, None], system)


def rough_values(
    edges: np.ndarray,
    values: np.ndarray,
    sigma: np.ndarray,
    npoints: int,
    at_range_end: np.ndarray | None = None,
) -> np.ndarray:
    """Point values by one plain least squares: `fit_links` without its care for wrong peaks.

    In a tenth of the time, and good enough to tell a roof from the ground.

    Parameters
    ----------
    edges, values, sigma, npoints, at_range_end
        See `fit_links`.

    Returns
    -------
    float64 (nterms, npoints)
        The median of every connected component is 0.
    """
    edges, values, sigma = _checked_links(edges, values, sigma, npoints)
    scaled, unit = _common_sigma(sigma, at_range_end, values)
    component = regions(edges, npoints)
    with threadpool_limits(1, "blas"):
        system = LinkGraph(edges, component).weighted(1.0 / scaled**2, last=True)
        start = np.zeros((len(values), npoints))
        x = system.fit(values / unit[:, None], start, COARSE_TOLERANCE)
    return zero_medians(x, component) * unit[:, None]


def point_mean(edges: np.ndarray, link_values: np.ndarray, npoints: int) -> np.ndarray:
    """Mean of the values of the links of every point.

    Parameters
    ----------
    edges : int32 (nlinks, 2)
    link_values : float or bool (nlinks,)
    npoints : int

    Returns
    -------
    float32 (npoints,)
        NaN for a point without links.
    """
    ends = whole_array(edges, "edges").ravel()
    link_values = real_array(link_values, "link_values", np.float64)
    total = np.bincount(ends, np.repeat(link_values, 2), minlength=npoints)
    count = np.bincount(ends, minlength=npoints)
    mean = np.full(npoints, np.nan, np.float32)
    np.divide(total, count, out=mean, where=count > 0, casting="same_kind")
    return mean


def _common_sigma(
    sigma: np.ndarray, at_range_end: np.ndarray | None, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Split sigma (nterms, nlinks) into one value per link and one unit per term.

    Whatever the sigmas are, the values per link are between `LEAST_SIGMA` and `LARGEST_SIGMA`, and
    link values in the units can be squared.
    """
    if not sigma.shape[1]:
        return np.zeros(0), np.ones(len(sigma))
    finite = np.isfinite(sigma)
    largest = np.max(sigma, axis=1, initial=0.0, where=finite)
    largest[largest == 0] = 1.0
    # a power of two, so that nothing is rounded
    scale = np.ldexp(1.0, np.frexp(largest)[1] - 1)
    sigma = np.where(finite, sigma, 0.0) / scale[:, None]
    sigma = np.where(finite, sigma, 10.0 * (largest / scale)[:, None])
    unit = np.median(sigma, axis=1)
    # more than half the links are exact: the others are less sure by as much as they differ
    least = np.min(sigma, axis=1, initial=np.inf, where=sigma > 0)
    unit = np.where(unit > 0, unit, np.where(np.isfinite(least), least, 1.0))
    sigma = np.minimum(sigma, 2 * LARGEST_SIGMA * unit[:, None]) / unit[:, None]
    relative = np.clip(np.sqrt(np.mean(sigma**2, axis=0)), LEAST_SIGMA, LARGEST_SIGMA)
    if at_range_end is not None:
        relative = np.where(at_range_end, EDGE_SIGMA_FACTOR * relative, relative)
    spread = np.abs(values).max(axis=1)
    spread[spread == 0] = 1.0
    eps = np.finfo(np.float64).eps
    with np.errstate(over="ignore"):  # brought back to what can be squared
        unit = unit * scale
    return relative, np.clip(unit, eps * spread, spread / eps)


def _reweighted(
    edges: np.ndarray, data: np.ndarray, precision: np.ndarray, component: np.ndarray
) -> tuple[np.ndarray, _System]:
    """Robust point values (nterms, npoints): least squares, reweighted ever more strictly.

    Also returns the last system of equations.
    """
    graph = LinkGraph(edges, component)
    a, b = edges[:, 0], edges[:, 1]
    x = np.zeros((len(data), len(component)))
    weights, widening = np.ones(len(edges)), 1.0
    for number in range(MAX_REWEIGHTINGS if len(edges) else 0):
        x = graph.weighted(precision * weights).fit(data, x, COARSE_TOLERANCE)
        square = precision * np.sum((data - x[:, b] + x[:, a]) ** 2, axis=0)
        scale = max(1.4826 * np.sqrt(np.median(square)), LEAST_SCALE)
        limit = (OUTLIER_SCALE * scale) ** 2
        # Wide enough at first for the worst residual to keep nearly half its weight.
        widening = max(1.0, 2 * square.max() / limit if number == 0 else widening / NARROWING)
        old, weights = weights, (1.0 + square / (widening * limit)) ** -2
        if widening == 1.0 and np.abs(weights - old).mean() < WEIGHT_CHANGE:
            break
    system = graph.weighted(precision * weights, last=True)
    return system.fit(data, x, FINE_TOLERANCE), system


class LinkGraph:
    """Links between points, and which of the points are solved for in which way."""

    def __init__(self, edges: np.ndarray, component: np.ndarray) -> None:
        self.edges = edges
        self.npoints = len(component)
        sizes = np.bincount(component)
        self.large = [
            np.flatnonzero(component == label) for label in np.flatnonzero(sizes > DIRECT_POINTS)
        ]
        # Small components are factorised together; the first point of each is held at 0.
        first = np.unique(component, return_index=True)[1]
        free = sizes[component] <= DIRECT_POINTS
        free[first] = False
        self.free = np.flatnonzero(free)
        self.first = first
        self.component = component
        a, b = edges.T
        nodes = np.arange(self.npoints, dtype=edges.dtype)
        places = np.arange(2 * len(edges) + self.npoints, dtype=np.int32)
        ends = np.concatenate([a, b, nodes]), np.concatenate([b, a, nodes])
        self.pattern = sparse.coo_array((places, ends), (self.npoints, self.npoints)).tocsr()
        self.matrices = 0
        self.preconditioners: dict[int, Hierarchy] = {}

    def weighted(self, weights: np.ndarray, last: bool = False) -> _System:
        """Least squares with these weights of the links; the last ones are solved often."""
        stale = last or self.matrices % MATRICES_PER_HIERARCHY == 0
        self.matrices += 1
        weights = np.maximum(weights, LEAST_WEIGHT * np.max(weights, initial=0.0))
        return _System(self, weights, stale, last)

    def matrix(self, weights: np.ndarray) -> sparse.csr_array:
        """Weighted Laplacian of the graph, sparse (npoints, npoints)."""
        a, b = self.edges[:, 0], self.edges[:, 1]
        diagonal = np.bincount(a, weights, self.npoints) + np.bincount(b, weights, self.npoints)
        entries = np.concatenate([-weights, -weights, diagonal])
        pattern = self.pattern
        rows = entries[pattern.data], pattern.indices, pattern.indptr
        return sparse.csr_array(rows, pattern.shape)


class _System:
    """Weighted least squares on a graph, for any data of its links."""

    def __init__(self, graph: LinkGraph, weights: np.ndarray, stale: bool, last: bool) -> None:
        self.graph, self.weights = graph, weights
        matrix = graph.matrix(weights)
        self.factor = None
        if len(graph.free):
            self.factor = splu(
                matrix[graph.free][:, graph.free].tocsc(),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        self.large = []
        for number, points in enumerate(graph.large):
            part = matrix if len(points) == graph.npoints else matrix[points][:, points]
            if stale:
                graph.preconditioners[number] = hierarchy(part, last)
            self.large.append((points, part, graph.preconditioners[number]))

    @property
    def component(self) -> np.ndarray:
        """Connected component of every point."""
        return self.graph.component

    def sums(self, row: np.ndarray) -> np.ndarray:
        """Right-hand side (npoints,) for the values of the links (nlinks,)."""
        a, b = self.graph.edges[:, 0], self.graph.edges[:, 1]
        weighted = self.weights * row
        npoints = self.graph.npoints
        return np.bincount(b, weighted, npoints) - np.bincount(a, weighted, npoints)

    def fit(self, data: np.ndarray, x: np.ndarray, tolerance: float) -> np.ndarray:
        """Point values (nterms, npoints) near x that fit data (nterms, nlinks)."""
        return self.solve(np.stack([self.sums(row) for row in data]), x, tolerance)

    def solve(self, right: np.ndarray, x: np.ndarray, tolerance: float) -> np.ndarray:
        """Point values (nterms, npoints) near x for right-hand sides (nterms, npoints)."""
        graph = self.graph
        x = x - x[:, graph.first][:, graph.component]
        if self.factor is not None:
            x[:, graph.free] = self.factor.solve(right[:, graph.free].T.astype(np.float64)).T
        for points, matrix, preconditioner in self.large:
            own, columns = (np.ascontiguousarray(of[:, points].T) for of in (x, right))
            if not conjugate_gradients(
                matrix, columns, own, preconditioner, tolerance, MAX_ITERATIONS
            ):
                log.warning(
                    "integration over %d points stopped after %d iterations, before it had settled",
                    len(points),
                    MAX_ITERATIONS,
                )
            x[:, points] = own.T
        return x


def zero_medians(x: np.ndarray, component: np.ndarray) -> np.ndarray:
    """Subtract the median of every component from each row of x."""
    order = np.argsort(component, kind="stable")
    sizes = np.bincount(component)
    x = x.copy()
    if len(sizes) == 1:
        return x - np.median(x, axis=1, keepdims=True)
    ends = np.cumsum(sizes)
    for start, stop in zip(ends - sizes, ends, strict=True):
        points = order[start:stop]
        x[:, points] -= np.median(x[:, points], axis=1, keepdims=True)
    return x


def _checked_links(
    edges: np.ndarray, values: np.ndarray, sigma: np.ndarray, npoints: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    edges = whole_array(edges, "edges", np.int32).reshape(-1, 2)
    values = np.atleast_2d(real_array(values, "values", np.float64))
    sigma = np.atleast_2d(real_array(sigma, "sigma", np.float64))
    if values.shape != sigma.shape or values.shape[1] != len(edges):
        raise InputError(
            f"link values {values.shape} and sigma {sigma.shape} for {len(edges)} links: expected "
            "(nterms, nlinks) for both"
        )
    if len(edges) and not (edges.min() >= 0 and edges.max() < npoints):
        raise InputError(f"edges name points outside 0 to {npoints - 1}")
    if not np.isfinite(values).all() or not (sigma >= 0).all():
        raise InputError(
            "link values are not finite, or a sigma is negative or no number; expected finite "
            "values and sigmas of 0 or more: leave such links out"
        )
    return edges, values, sigma
