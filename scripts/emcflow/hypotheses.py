"""Hypotheses for the cycles of links, and which of them the phases of a tile bear out.

The gradient of a link is known up to cycles, and so is the phase of every interferogram. Which
cycle is the nearest depends on what the link is thought to be: of no motion and no height, of the
likeliest velocity and DEM error of its kind, smooth over the dates or not. No one answer is the
best in every kind of scene. Each hypothesis gives cycles of all links, and costs by the coherence
of the links about it; unwrapped with the wrong one, interferograms of three dates disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from emcflow.errors import InputError
from emcflow.network import Network
from emcflow.planar import planar_graph
from emcflow.smooth_in_time import smooth_cycles
from emcflow.unwrap import plain_coherence, unwrap_in_space, unwrap_in_time

AUTO = "auto"
# Links of no motion and no height.
ZERO = "zero"
# Widths by which links are taken to be smooth over the dates, in median intervals.
SMOOTH_WIDTHS = (4, 8)
# Triangles of the network that are unwrapped for the choice.
TRIANGLES = 6
# Shares of open points below this tell nothing.
LEAST_OPEN = 3e-4
RESIDUE_POWER = 0.25


@dataclass(frozen=True)
class Hypothesis:
    """One way to take the cycles of the links of a tile.

    Attributes
    ----------
    name : str
    cycles : callable
        Returns cycles int16 (ndates, nlinks), as `unwrap_in_time` does, and the coherence float
        (nlinks,) of the links about what their cycles are nearest to.
    """

    name: str
    cycles: Callable[[], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Evidence:
    """What a few interferograms say of a hypothesis.

    Attributes
    ----------
    name : str
    open_share : float
        Share of points at which loops of three interferograms do not close.
    residue_share : float
        Share of triangles of the mesh at which the cycles of an interferogram do not cancel.
    """

    name: str
    open_share: float
    residue_share: float

    @property
    def value(self) -> float:
        """The lower, the better."""
        return np.log(self.open_share + LEAST_OPEN) + RESIDUE_POWER * np.log(
            self.residue_share + LEAST_OPEN
        )


def link_hypotheses(
    phase: np.ndarray,
    graph,
    network,
    design: np.ndarray | None,
    models: Mapping[str, tuple[np.ndarray, np.ndarray]],
    temporal_costs: np.ndarray,
    n_threads: int = 1,
    weights: np.ndarray | None = None,
) -> list[Hypothesis]:
    """Hypotheses of the links of a tile: zero, and each model as it is and smooth over the dates.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    network : PlanarNetwork
        Over which links are unwrapped in time.
    design : float64 (ndates, nterms) or None
        Phase per unit of each term [rad/unit].
    models : dict of str to (params, coherence)
        float32 (nterms, nlinks) and float32 (nlinks,), by name.
    temporal_costs : int32 (npairs,)
        Cost of a cycle in each pair of the network.
    n_threads : int
        No influence on the result.
    weights : float64 (ndates,), optional
        Of the dates in the coherences, mean 1.

    Returns
    -------
    list of Hypothesis
        Named zero, NAME, NAME_4 and NAME_8 for each model, with the widths of `SMOOTH_WIDTHS`.
    """

    def in_time(params, coherence):
        if coherence is None:
            coherence = plain_coherence(phase, graph, weights, n_threads)
        cycles = unwrap_in_time(phase, graph, network, design, params, temporal_costs, n_threads)
        return cycles, coherence

    def smooth(params, width):
        return smooth_cycles(phase, graph, design, params, network.dates, width, n_threads, weights)

    found = [Hypothesis(ZERO, lambda: in_time(None, None))]
    for name, (params, coherence) in models.items():
        found.append(Hypothesis(name, partial(in_time, params, coherence)))
        for width in SMOOTH_WIDTHS:
            found.append(Hypothesis(f"{name}_{width}", partial(smooth, params, width)))
    return found


def some_loops(network, most=TRIANGLES):
    """Evenly chosen triangles of a network, as a network of their own.

    Parameters
    ----------
    network : Network
    most : int

    Returns
    -------
    Network
        Without triangles where there are none; its pairs are then those of the network, evenly
        chosen.
    """
    triangles, pairs = network.triangles, network.pairs
    if len(triangles):
        some = np.linspace(0, len(triangles) - 1, min(most, len(triangles))).round().astype(int)
        return Network(network.dates, planar_graph(triangles[some], len(network.dates)))
    some = np.linspace(0, len(pairs) - 1, min(3 * most, len(pairs))).round().astype(int)
    return Network(network.dates, planar_graph(triangles, len(network.dates), pairs[some]))


def open_share(cycles, loops, region):
    """Share of points at which loops of three interferograms do not close.

    Parameters
    ----------
    cycles : int16 (npairs, npoints)
        Of the pairs of `loops`.
    loops : Network
    region : int32 (npoints,)
        Points whose phases can be compared. Each has a cycle of its own left.

    Returns
    -------
    float
        0 without triangles.
    """
    if not loops.graph.ntriangles:
        return 0.0
    closed = 0
    for edges, signs in zip(loops.graph.triangle_edges, loops.graph.triangle_signs, strict=True):
        left = (signs[:, None] * cycles[edges].astype(np.int64)).sum(axis=0)
        left -= left.min()
        span = left.max() + 1
        count = np.bincount(region * span + left, minlength=(region.max() + 1) * span)
        closed += count.reshape(-1, span).max(axis=1).sum()
    return 1 - closed / (loops.graph.ntriangles * cycles.shape[1])


def weigh(name, cycles, costs, loops, graph, adjacency, tree, solver="ssp", n_threads=1):
    """Unwrap the interferograms of some loops by a hypothesis, and see how well they agree.

    Parameters
    ----------
    name : str
    cycles : int16 (ndates, nlinks)
    costs : int32 (nlinks,)
    loops : Network
        From `some_loops`.
    graph, adjacency, tree, solver, n_threads
        As for :func:`emcflow.unwrap.unwrap_in_space`.

    Returns
    -------
    Evidence
    """
    found, statistics = unwrap_in_space(
        cycles, loops, graph, adjacency, tree, costs, solver, n_threads
    )
    residues = statistics["residues"].mean() / max(graph.ntriangles, 1)
    return Evidence(name, open_share(found, loops, tree.region), float(residues))


def chosen_cycles(
    hypotheses,
    wanted,
    costs_of,
    network,
    graph,
    adjacency,
    tree,
    solver="ssp",
    n_threads=1,
    progress=None,
):
    """Cycles of the hypothesis that the interferograms bear out, or of the one that is wanted.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
    wanted : str
        Name of one, or auto.
    costs_of : callable
        Returns the costs int32 (nlinks,) that go with a coherence of links.
    network : Network
        Over which links are unwrapped in time; some of its triangles are tried.
    graph, adjacency, tree, solver, n_threads
        As for :func:`emcflow.unwrap.unwrap_in_space`.
    progress : callable, optional
        Called with (hypotheses tried, hypotheses).

    Returns
    -------
    name : str
    cycles : int16 (ndates, nlinks)
    coherence : float (nlinks,)
        Of the links about it.
    tried : list of Evidence
        In the order of the hypotheses; none where one was wanted.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    names = [each.name for each in hypotheses]
    if wanted != AUTO and wanted not in names:
        raise InputError(
            f"link_model.hypothesis: {wanted} is not there for these terms of the link model; "
            f"expected one of {', '.join([AUTO, *names])}"
        )
    if wanted != AUTO or len(hypotheses) == 1:
        only = hypotheses[0 if wanted == AUTO else names.index(wanted)]
        return only.name, *only.cycles(), []
    loops, tried, best = some_loops(network), [], None
    for each in hypotheses:
        cycles, coherence = each.cycles()
        found = weigh(
            each.name, cycles, costs_of(coherence), loops, graph, adjacency, tree, solver, n_threads
        )
        if best is None or found.value < best[0]:
            best = found.value, each.name, cycles, coherence
        tried.append(found)
        if progress is not None:
            progress(len(tried), len(hypotheses))
    return *best[1:], tried
