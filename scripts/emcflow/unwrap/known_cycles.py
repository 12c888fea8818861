"""Cycles of interferograms that an earlier run has found, at phases that have moved since.

Linked anew with more dates, a stack has another phase at every point: links have other noise, and
their bias drifts. Where the phase of an interferogram moved by less than half a cycle, its cycles
are those that leave the unwrapped phase nearest to what it was. The move of most points is the
datum: it goes off first, whatever it is. Where a move is so near half a cycle that this is in
doubt, the cycles follow from the links around, by the usual flow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emcflow.compiled import compiled
from emcflow.graph.components import SpanningTree
from emcflow.graph.planar import PlanarGraph, integrate_cycles, residues

if TYPE_CHECKING:  # importing it takes longer than comparing the phases of a tile
    from emcflow.graph.mcf import FlowSolver

CYCLE = 2 * np.pi
# A point that moved further than this against the others may as well have moved the other way.
DOUBTFUL_RAD = np.pi / 2
# Points that the move of most points is taken from.
DATUM_POINTS = 2_000


class KnownCycles(NamedTuple):
    """Cycles of the points of an interferogram that are known beforehand.

    Attributes
    ----------
    cycles : int16 (npoints,)
    doubtful : bool (npoints,)
        Where they are not to be relied on.
    """

    cycles: np.ndarray
    doubtful: np.ndarray


def moved_cycles(cycles: np.ndarray, before: np.ndarray, after: np.ndarray) -> KnownCycles:
    """Find the cycles that leave an unwrapped phase nearest to what it was.

    Parameters
    ----------
    cycles : int16 (npoints,)
        That went with the phase before.
    before, after : float32 (2, npoints)
        Wrapped phase of the two dates of the interferogram [rad].

    Returns
    -------
    KnownCycles
        Doubtful where the phase moved by more than `DOUBTFUL_RAD` against most points.
    """
    return KnownCycles(*_nearest(cycles, before, after, _datum(before, after), DOUBTFUL_RAD))


def jumping(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return at which points a phase moved so far against most that its cycle is in doubt.

    Parameters
    ----------
    before, after : float32 (2, npoints)
        See `moved_cycles`.

    Returns
    -------
    bool (npoints,)
    """
    return moved_cycles(np.zeros(before.shape[1], np.int16), before, after).doubtful


def _datum(before: np.ndarray, after: np.ndarray) -> float:
    """Return the move of most points [rad]: the median about the mean direction of some."""
    some = slice(None, None, max(1, before.shape[1] // DATUM_POINTS))
    move = np.diff(after[:, some].astype(np.float64) - before[:, some], axis=0)[0]
    if not move.size:
        return 0.0
    mean = np.angle(np.exp(1j * move).mean())
    rest = move - mean
    return float(mean + np.median(rest - CYCLE * np.rint(rest / CYCLE)))


@compiled
def _nearest(
    cycles: np.ndarray, before: np.ndarray, after: np.ndarray, datum: float, doubtful_rad: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cycles beside which the phase moved least from the datum, and where that is in doubt."""
    nearest, doubtful = np.empty_like(cycles), np.empty(cycles.size, np.bool_)
    for point in range(cycles.size):
        move = np.float64(after[1, point]) - after[0, point] - datum
        move -= np.float64(before[1, point]) - before[0, point]
        whole = np.rint(move / (2 * np.pi))
        nearest[point] = cycles[point] - np.int16(whole)
        doubtful[point] = abs(move - 2 * np.pi * whole) > doubtful_rad
    return nearest, doubtful


def settled_cycles(
    known: KnownCycles,
    gradient: np.ndarray,
    graph: PlanarGraph,
    tree: SpanningTree,
    solver: FlowSolver,
) -> np.ndarray:
    """Find the cycles of doubtful points from the links around, and keep the others.

    Links between two points that are sure have the difference of their cycles, others what their
    phases say; the flow at the least cost makes the two one field.

    Parameters
    ----------
    known : KnownCycles
    gradient : int32 (nlinks,)
        Cycles of the links of this interferogram, as unwrapped in time.
    graph : PlanarGraph
    tree : SpanningTree
        Of the points, over the links that carry phase.
    solver : FlowSolver
        With the costs of this interferogram.

    Returns
    -------
    int16 (npoints,)
    """
    if not known.doubtful.any():
        return known.cycles
    start, end = graph.edges.T
    doubtful = known.doubtful[start] | known.doubtful[end]
    guess = gradient + np.where(doubtful, 0, flow_of(known.cycles, gradient, graph, tree))
    guess += solver.solve(residues(graph, guess))
    found = integrate_cycles(tree, guess)
    found += _medians(tree.region, known.cycles - found)[tree.region]
    return np.where(known.doubtful, found, known.cycles)


def flow_of(
    cycles: np.ndarray, gradient: np.ndarray, graph: PlanarGraph, tree: SpanningTree
) -> np.ndarray:
    """Return what links have in an interferogram beyond what their phases say.

    Parameters
    ----------
    cycles : int16 (npoints,)
    gradient, graph, tree
        See `settled_cycles`.

    Returns
    -------
    int32 (nlinks,)
        0 between regions, whose cycles are each relative to a point of its own.
    """
    return _flow(graph.edges, tree.region, cycles, gradient)


@compiled
def _flow(
    edges: np.ndarray, region: np.ndarray, cycles: np.ndarray, gradient: np.ndarray
) -> np.ndarray:
    """Cycles along each link of a region, less its gradient."""
    flow = np.zeros_like(gradient)
    for edge in range(len(edges)):
        start, end = edges[edge]
        if region[start] == region[end]:
            flow[edge] = np.int32(cycles[end]) - cycles[start] - gradient[edge]
    return flow


def _medians(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the lower median of the values of each label, from 0 on; every label has some."""
    order = np.lexsort((values, labels))
    first = np.searchsorted(labels[order], np.arange(labels.max() + 1))
    count = np.bincount(labels)
    return values[order][first + (count - 1) // 2]
