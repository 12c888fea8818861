"""What a cycle costs on a link, in time and in space."""

from __future__ import annotations

import numpy as np

from emcflow.acquisition.date_weights import PointVariances
from emcflow.acquisition.geometry import days_since_first
from emcflow.arrays import real_array
from emcflow.errors import InputError
from emcflow.graph.planar import PlanarGraph
from emcflow.network.networks import PlanarNetwork

COST_SCALE = 100
COHERENCE_SCALE = 20
LARGEST_SNR = 50.0


def spatial_costs(
    kind: str, graph: PlanarGraph, points: np.ndarray, coherence: np.ndarray | None = None
) -> np.ndarray:
    """Cost of adding a cycle to each link of the mesh.

    Parameters
    ----------
    kind : {'constant', 'distance', 'centroid', 'coherence'}
        ``constant``: every link the same. ``distance``: falls with the length of the link.
        ``centroid``: falls with the distance between the centroids of the two triangles beside
        the link (on the outline: twice the distance from the centroid to the middle of the link).
        ``coherence``: grows with the coherence g of the link about its model, as g^2 / (1 - g^2).
    graph : PlanarGraph
    points : int (npoints, 2)
        Row and column of each point.
    coherence : float32 (nlinks,), optional
        Of the links about their model, 0 to 1; for kind 'coherence'.

    Returns
    -------
    int32 (nlinks,)
        At least 1.

    Raises
    ------
    InputError
        If the kind is unknown, or coherence is missing or has another shape.

    Notes
    -----
    Why g^2 / (1 - g^2): for Gaussian noise of variance s^2, a gradient that is x off its model is
    less likely by a factor exp(((x + 2 pi)^2 - x^2) / (2 s^2)) with one more cycle; the mean over x
    of its logarithm is 2 pi^2 / s^2. Phase of coherence g has a variance in proportion to
    (1 - g^2) / g^2 (Rodriguez & Martin 1992, IEE Proceedings F 139(2), 147-159, the Cramer-Rao
    bound), so that is what a cycle costs. Costs are capped where noise is too small to matter. On
    simulated cities and a real stack, points of temporal coherence above 0.4, this left fewer
    wrong than costs linear in g and about as many as the log-odds of errors beyond half a cycle;
    with points down to 0.3 linear costs were sometimes better.
    """
    points = real_array(points, "points", np.float64)
    if kind == "constant":
        return np.ones(graph.nedges, np.int32)
    if kind == "distance":
        return _inverse_costs(_edge_length(graph, points))
    if kind == "centroid":
        return _inverse_costs(_centroid_distance(graph, points))
    if kind == "coherence":
        return _coherence_costs(coherence, graph.nedges)
    raise InputError(
        f"kind of costs in space is {kind!r}, expected constant, distance, centroid or coherence"
    )


def temporal_costs(kind: str, network: PlanarNetwork) -> np.ndarray:
    """Cost of adding a cycle to a link in each pair of dates.

    Parameters
    ----------
    kind : {'constant', 'distance', 'centroid'}
        ``constant``: every pair the same. ``distance``: falls with the time between the dates.
        ``centroid``: falls with the time between the mean dates of the two triangles beside the
        pair (as in `spatial_costs`, on one axis).
    network : PlanarNetwork

    Returns
    -------
    int32 (npairs,)
        At least 1.

    Raises
    ------
    InputError
        If the kind is unknown.
    """
    graph = network.graph
    time = days_since_first(network.dates)[:, None]
    time /= np.diff(time, axis=0).mean()
    if kind == "constant":
        return np.ones(graph.nedges, np.int32)
    if kind == "distance":
        return _inverse_costs(_edge_length(graph, time))
    if kind == "centroid":
        return _inverse_costs(_centroid_distance(graph, time))
    raise InputError(f"kind of costs in time is {kind!r}, expected constant, distance or centroid")


def _inverse_costs(distance: np.ndarray) -> np.ndarray:
    """Integer costs 1 + COST_SCALE / distance; distances below 0.1 count as 0.1."""
    return np.rint(1 + COST_SCALE / np.maximum(distance, 0.1)).astype(np.int32)


def _edge_length(graph: PlanarGraph, positions: np.ndarray) -> np.ndarray:
    step = positions[graph.edges[:, 1]] - positions[graph.edges[:, 0]]
    return np.sqrt((step**2).sum(axis=1))


def _centroid_distance(graph: PlanarGraph, positions: np.ndarray) -> np.ndarray:
    """Distance between the centroids beside each edge; 1 where the ground is on both sides."""
    centroids = positions[graph.triangles].mean(axis=1)
    middle = positions[graph.edges].mean(axis=1)
    left, right = graph.left, graph.right
    inner = (left != graph.ground) & (right != graph.ground)
    outer = (left == graph.ground) != (right == graph.ground)
    beside = np.minimum(left, right)
    step = np.ones_like(middle)
    step[inner] = centroids[left[inner]] - centroids[right[inner]]
    step[outer] = 2 * (centroids[beside[outer]] - middle[outer])
    return np.sqrt((step**2).sum(axis=1))


def _coherence_costs(coherence: np.ndarray | None, nlinks: int) -> np.ndarray:
    """Costs 1 + COHERENCE_SCALE * g^2 / (1 - g^2) for coherence g."""
    coherence = real_array(() if coherence is None else coherence, "coherence", np.float64)
    if coherence.shape != (nlinks,):
        raise InputError(
            f"coherence has shape {coherence.shape}, expected ({nlinks},), one per link: costs of "
            "kind 'coherence' need the link model; choose another kind without it"
        )
    return _costs_of_ratio(_signal_to_noise(coherence))


def _signal_to_noise(coherence: np.ndarray) -> np.ndarray:
    """Return g^2 / (1 - g^2), bounded."""
    power = np.clip(coherence, 0.0, 1.0) ** 2
    return power / np.maximum(1 - power, 1 / (1 + LARGEST_SNR))


def _costs_of_ratio(ratio: np.ndarray) -> np.ndarray:
    return np.rint(1 + COHERENCE_SCALE * np.minimum(ratio, 1 + LARGEST_SNR)).astype(np.int32)


class PairCosts:
    """Costs of kind 'coherence' for each interferogram, where variances of points and dates differ.

    The coherence of a link stands for the variance s^2 of its phase at a date of weight 1; at a
    date of weight w it is s^2 / w, and that of an interferogram the sum of its two dates, which
    takes the place of 2 s^2 in the costs of :func:`spatial_costs`.

    Parameters
    ----------
    coherence : float (nlinks,)
        Of the links about their model, with these weights, 0 to 1.
    edges : int (nlinks, 2)
        Points of each link.
    variances : PointVariances
    joins : bool (nlinks,)
        Others may be cut for nothing.

    Attributes
    ----------
    of_links : int32 (nlinks,)
        Of an interferogram of two dates of weight 1.
    """

    def __init__(
        self,
        coherence: np.ndarray,
        edges: np.ndarray,
        variances: PointVariances,
        joins: np.ndarray,
    ):
        self._ratio = _signal_to_noise(real_array(coherence, "coherence", np.float64))
        self._edges, self._variances, self._joins = edges, variances.values, joins
        # mean over the dates of the inverse variances of a link: that of weight 1
        self._usual = np.zeros(len(edges))
        for date in range(len(self._variances)):
            self._usual += 1 / self._of_links(date)
        self._usual /= len(self._variances)
        self.of_links = _costs_of_ratio(self._ratio) * joins

    def of_dates(self, first: int, second: int) -> np.ndarray:
        """Return the costs of the interferogram of two dates, int32 (nlinks,)."""
        relative = 0.5 * self._usual * (self._of_links(first) + self._of_links(second))
        return _costs_of_ratio(self._ratio / relative) * self._joins

    def _of_links(self, date: int) -> np.ndarray:
        own = self._variances[date].astype(np.float64)
        return own[self._edges[:, 0]] + own[self._edges[:, 1]]
