"""How likely a cycle of a point is wrong in an interferogram: a logistic model of what labels know.

Two things can be wrong: the point, against the region that it lies in, and the region as a whole,
against the main one of its component. The coefficients are those that
benchmarks/calibrate_wrong.py found on simulated scenes, where the truth is known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emcflow.graph.firm_parts import PartTree, joined_to, parts_at
from emcflow.unwrap.labels import CLASSES, LARGE, LAST_GOOD_CLASS, broken_share

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


class Evidence(NamedTuple):
    """What is known of the cycles of the points of an interferogram.

    Attributes
    ----------
    of_point : float64 (npoints, 6)
        1; class of the weakest link on the strongest way to the core of the point's component;
        share of its links that the flow changed; logarithm of that share averaged around the
        point; logarithm of the share of triangles with residues in the interferogram; by how much
        the point differs from the mean of its neighbours [rad].
    of_region : float64 (npoints, 2)
        1; that class above those that make labels.
    other : bool (npoints,)
        Points with a label in another region than the main one of their component.
    """

    of_point: np.ndarray
    of_region: np.ndarray
    other: np.ndarray


def evidence(
    edges: np.ndarray,
    tree: PartTree,
    broken: np.ndarray,
    labels: np.ndarray,
    unwrapped: np.ndarray,
    residue_share: float,
    component: np.ndarray,
) -> Evidence:
    """Gather what is known of the cycles of an interferogram.

    Parameters
    ----------
    edges : int32 (nlinks, 2)
        Points of each link.
    tree : PartTree
        Of `labels.firm_regions`.
    broken : bool (nlinks,)
        Links that the flow changed.
    labels : uint16 (npoints,)
        Of `labels.pair_labels`.
    unwrapped : float (npoints,)
        Unwrapped phase [rad].
    residue_share : float
        Share of the triangles of the mesh with a residue in this interferogram.
    component : int32 (npoints,)
        Points that links join.

    Returns
    -------
    Evidence
    """
    npoints = len(labels)
    main, seeds = _cores(tree, component)
    way = joined_to(tree, seeds, CLASSES).astype(np.float64)
    share = broken_share(edges, broken, npoints)
    around = share
    for _ in range(ROUNDS):
        around = (around + _mean_of_neighbours(edges, around)) / 2
    leaning = np.abs(unwrapped - _mean_of_neighbours(edges, unwrapped))
    leaning = np.minimum(leaning, MOST_RAD)
    one, residues = np.ones(npoints), np.full(npoints, np.log(residue_share + LEAST_SHARE))
    of_point = (
        one,
        way,
        share,
        np.log(around + LEAST_SHARE),
        residues,
        leaning,
    )
    of_region = one, np.maximum(way - FIRST, 0)
    other = (labels > 0) & (parts_at(tree, LAST_GOOD_CLASS) != main[component])
    return Evidence(np.column_stack(of_point), np.column_stack(of_region), other)


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
    right = _logistic(-found.of_point @ OF_POINT)
    right[found.other] *= _logistic(-found.of_region[found.other] @ OF_REGION)
    return 1 - right


def as_decibels(probability: np.ndarray) -> np.ndarray:
    """Return probabilities as uint8, -10 log10 p, rounded: 0 for 1, 30 for 0.1 %, 254 at most."""
    return np.rint(-10 * np.log10(np.maximum(probability, LEAST_PROBABILITY))).astype(np.uint8)


def _logistic(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(value, -500, 500)))


def _mean_of_neighbours(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of the points that links join to each; its own value where there is none."""
    start, end = edges.T
    npoints = len(values)
    count = np.bincount(edges.ravel(), minlength=npoints)
    total = np.bincount(start, values[end], npoints) + np.bincount(end, values[start], npoints)
    return np.where(count > 0, total / np.maximum(count, 1), values)


def _cores(tree: PartTree, component: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Main part of each component, and a point of what the strongest links make of it.

    The core is the largest part of at least `LARGE` points that the strongest class makes which
    makes one.
    """
    part = parts_at(tree, LAST_GOOD_CLASS)
    main, _ = _largest(part, component)
    inside = np.flatnonzero(part == main[component])
    seeds, known = main.copy(), np.zeros(len(main), bool)
    for last in range(LAST_GOOD_CLASS):
        largest, size = _largest(parts_at(tree, last)[inside], component[inside])
        new = ~known & (size >= LARGE)
        seeds[new] = largest[new]
        known |= new
        if known.all():
            break
    return main, seeds[np.unique(component)]


def _largest(part: np.ndarray, component: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Name and size of the largest part of each component, the first of equals; 0 where none is."""
    size = np.bincount(part)
    names, place = np.unique(part, return_index=True)
    of_part = component[place]
    order = np.lexsort((names, -size[names], of_part))
    found, first = np.unique(of_part[order], return_index=True)
    largest, sizes = np.zeros((2, component.max() + 1), np.int64)
    largest[found] = names[order[first]]
    sizes[found] = size[largest[found]]
    return largest, sizes
