"""How likely a cycle of a point is wrong in an interferogram: a logistic model of what labels know.

Two things can be wrong: the point, against the region that it lies in, and the region as a whole,
against the main one of its component. The coefficients are those that
benchmarks/calibrate_wrong.py found on simulated scenes, where the truth is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emcflow.compiled import compiled
from emcflow.graph.firm_parts import PartTree, joined_to, largest_parts, part_sizes, parts_at
from emcflow.unwrap.labels import CLASSES, LARGE, LAST_GOOD_CLASS

# Of the features of `Evidence`, found by: make calibrate
OF_POINT = np.array([0.052, 0.059, 4.353, 1.218, 0.792, 0.351])
OF_REGION = np.array([-4.692, 0.565])
LEAST_SHARE = 1e-3
# Rounds in which a point takes half the mean of its neighbours.
ROUNDS = 3
# What is subtracted from classes, so that the first one that makes no labels is 1.
FIRST = LAST_GOOD_CLASS
MOST_RAD = 6.0
LEAST_PROBABILITY = 10**-25.4  # 254 in a byte, of which 255 is left for no data
# Points whose features are held at once.
AT_ONCE = 2**18


class Evidence(NamedTuple):
    """What is known of the cycles of the points of an interferogram, as compact as it gets.

    Attributes
    ----------
    way : uint8 (npoints,)
        Class of the weakest link on the strongest way to the core of the point's component.
    share, around : float64 (npoints,)
        Share of the point's links that the flow changed, and the same averaged around the point.
    residue_share : float
        Share of the triangles with residues in the interferogram.
    leaning : float64 (npoints,)
        By how much the point differs from the mean of its neighbours [rad].
    other : bool (npoints,)
        Points with a label in another region than the main one of their component.
    """

    way: np.ndarray
    share: np.ndarray
    around: np.ndarray
    residue_share: float
    leaning: np.ndarray
    other: np.ndarray

    def of_point(self, part: slice = slice(None)) -> np.ndarray:
        """Return the features of points, float64 (n, 6).

        They are 1; class on the way; share; logarithms of the share around and of that of the
        triangles; leaning.
        """
        way = self.way[part].astype(np.float64)
        residues = np.full(len(way), np.log(self.residue_share + LEAST_SHARE))
        around = np.log(self.around[part] + LEAST_SHARE)
        one, leaning = np.ones(len(way)), self.leaning[part]
        return np.stack((one, way, self.share[part], around, residues, leaning)).T

    def of_region(self, part: slice = slice(None)) -> np.ndarray:
        """Return the features of the points' regions, float64 (n, 2).

        They are 1 and the class on the way above those that make labels.
        """
        way = self.way[part].astype(np.float64)
        return np.stack((np.ones(len(way)), np.maximum(way - FIRST, 0))).T


class Ways(NamedTuple):
    """How the points of an interferogram are joined to the cores of their components.

    Attributes
    ----------
    way, other
        See `Evidence`.
    """

    way: np.ndarray
    other: np.ndarray


def ways_to_cores(
    tree: PartTree, region: np.ndarray, labels: np.ndarray, component: np.ndarray
) -> Ways:
    """Find the weakest links between the points and the cores of their components.

    Parameters
    ----------
    tree : PartTree
        Of `labels.firm_regions`.
    region : int32 (npoints,)
        Of `labels.good_regions`.
    labels : uint16 (npoints,)
        Of `labels.pair_labels`.
    component : int32 (npoints,)
        Points that links join.

    Returns
    -------
    Ways
    """
    main, seeds = _cores(tree, region, component)
    other = (labels > 0) & (region != main[component])
    return Ways(joined_to(tree, seeds, CLASSES), other)


def evidence(
    edges: Sequence[np.ndarray],
    degree: np.ndarray,
    ways: Ways,
    share: np.ndarray,
    unwrapped: np.ndarray,
    residue_share: float,
) -> Evidence:
    """Gather what is known of the cycles of an interferogram.

    Parameters
    ----------
    edges : sequence of int32 (n, 2)
        Points of the links, some at a time; asked for several times, so they may be read then.
    degree : int32 (npoints,)
        Number of these links of each point.
    ways : Ways
    share : float64 (npoints,)
        Of `labels.broken_share`.
    unwrapped : float64 (npoints,)
        Unwrapped phase [rad]; written over.
    residue_share : float
        Share of the triangles of the mesh with a residue in this interferogram.

    Returns
    -------
    Evidence
    """
    leaning = np.subtract(unwrapped, _mean_of_neighbours(edges, degree, unwrapped), out=unwrapped)
    leaning = np.minimum(np.abs(leaning, out=leaning), MOST_RAD, out=leaning)
    around = share
    for _ in range(ROUNDS):
        mean = _mean_of_neighbours(edges, degree, around)
        around = np.divide(np.add(around, mean, out=mean), 2, out=mean)
    return Evidence(ways.way, share, around, residue_share, leaning, ways.other)


def probability_by(of_point: np.ndarray, of_region: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Probability of a wrong cycle by the features of points, see `wrong_probability`.

    Parameters
    ----------
    of_point : float64 (n, 6)
    of_region : float64 (n, 2)
    other : bool (n,)
        See `Evidence`.

    Returns
    -------
    float64 (n,)
    """
    right = _logistic(of_point @ -OF_POINT)
    right[other] *= _logistic(of_region[other] @ -OF_REGION)
    return 1 - right


def wrong_probability(found: Evidence) -> np.ndarray:
    """Probability that the cycle of a point is not that of the main region of its component.

    Parameters
    ----------
    found : Evidence

    Returns
    -------
    float64 (npoints,)
        0 to 1.
    """
    return np.concatenate([_probability(found, part) for part in _parts(len(found.way))])


def wrong_decibels(found: Evidence, part: np.ndarray, wrong_of_parts: np.ndarray) -> np.ndarray:
    """Return how likely cycles are wrong as `as_decibels` has it, for some points at a time.

    Parameters
    ----------
    found : Evidence
    part : int32 (npoints,)
        Part of the scene that each point belongs to.
    wrong_of_parts : float32 (nparts,)
        Probability that the cycles between a part and the others are wrong: then those of all of
        its points are, whatever `wrong_probability` says.

    Returns
    -------
    uint8 (npoints,)
    """
    decibels = np.empty(len(found.way), np.uint8)
    for some in _parts(len(decibels)):
        wrong = _probability(found, some)
        wrong += (1 - wrong) * wrong_of_parts[part[some]]
        decibels[some] = as_decibels(wrong)
    return decibels


def _parts(npoints: int) -> list[slice]:
    """Return slices of `AT_ONCE` points, at least one."""
    return [slice(at, at + AT_ONCE) for at in range(0, max(npoints, 1), AT_ONCE)]


def _probability(found: Evidence, part: slice) -> np.ndarray:
    return probability_by(found.of_point(part), found.of_region(part), found.other[part])


def as_decibels(probability: np.ndarray) -> np.ndarray:
    """Return probabilities as uint8, -10 log10 p, rounded: 0 for 1, 30 for 0.1 %, 254 at most."""
    return np.rint(-10 * np.log10(np.maximum(probability, LEAST_PROBABILITY))).astype(np.uint8)


def _logistic(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(value, -500, 500)))


def _mean_of_neighbours(
    edges: Sequence[np.ndarray], degree: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Mean of the points that links join to each; its own value where there is none."""
    values = np.asarray(values, np.float64)
    sums = np.zeros(len(values))
    for some in edges:
        _add_neighbours(some, values, sums)
    _divide(sums, degree, values)
    return sums


@compiled
def _add_neighbours(edges: np.ndarray, values: np.ndarray, sums: np.ndarray) -> None:
    for edge in range(len(edges)):
        start, end = edges[edge, 0], edges[edge, 1]
        sums[start] += values[end]
        sums[end] += values[start]


@compiled
def _divide(sums: np.ndarray, degree: np.ndarray, values: np.ndarray) -> None:
    for point in range(len(values)):
        sums[point] = sums[point] / degree[point] if degree[point] else values[point]


def _cores(
    tree: PartTree, region: np.ndarray, component: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Main part of each component, and a point of what the strongest links make of it.

    The core is the largest part of at least `LARGE` points that the strongest class makes which
    makes one.
    """
    every, ncomponents = np.ones(len(component), bool), int(component.max()) + 1
    sizes, _ = part_sizes(region, every)
    main, size = largest_parts(region, sizes, component, ncomponents)
    del sizes
    inside = region == main[component]
    # stronger links make no more of what is small
    seeds, known = main.copy(), size < LARGE
    for last in range(LAST_GOOD_CLASS):
        part = parts_at(tree, last)
        sizes, _ = part_sizes(part, inside)
        largest, size = largest_parts(part, sizes, component, ncomponents)
        new = ~known & (size >= LARGE)
        seeds[new] = largest[new]
        known |= new
        if known.all():
            break
    present = np.zeros(ncomponents, bool)
    present[component] = True
    return main, seeds[present]
