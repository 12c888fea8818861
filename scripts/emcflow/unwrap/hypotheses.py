"""Hypotheses for the cycles of links, and which of them the phases of a tile bear out.

The gradient of a link is known up to cycles, and so is the phase of every interferogram. Which
cycle is the nearest depends on what the link is thought to be: of no motion and no height, of the
likeliest velocity and DEM error of its kind, smooth over the dates or not. No one answer is the
best in every kind of scene. Each hypothesis gives cycles of all links, and costs by the coherence
of the links about it; unwrapped with the wrong one, interferograms of three dates disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from emcflow.acquisition.date_weights import Weights
from emcflow.errors import InputError
from emcflow.graph.components import SpanningTree
from emcflow.graph.planar import PlanarGraph, planar_graph
from emcflow.links.cycle_model import AUTO, DATA, DATA_NARROW, MIXTURE, NARROW, ZERO, CycleModel
from emcflow.network.networks import Network, PlanarNetwork
from emcflow.unwrap.costs import PairCosts
from emcflow.unwrap.significant import plain_coherence
from emcflow.unwrap.smooth_in_time import smooth_cycles
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time

# Widths by which links are taken to be smooth over the dates, in median intervals.
SMOOTH_WIDTHS = (8, 4)
SUFFIXES = (*(f"_{width}" for width in SMOOTH_WIDTHS), "")
# A term from the data has to leave fewer residues than the same model without it: one that takes
# the noise of a date for a shape leaves more.
SIMPLER = {DATA: MIXTURE, DATA_NARROW: NARROW}
# Triangles of the network that are unwrapped for the choice.
TRIANGLES = 6
# Shares of open points below this tell nothing.
LEAST_OPEN = 1e-3
LEAST_RESIDUES = 1e-4
RESIDUE_POWER = 0.25
# A hypothesis that could be better by less than this, at the best, is not tried.
LEAST_GAIN = 0.25


@dataclass(frozen=True)
class Hypothesis:
    """One way to take the cycles of the links of a tile.

    Attributes
    ----------
    name : str
    cycles : callable
        Returns cycles int16 (ndates, nlinks), as `unwrap_in_time` does, and the coherence float
        (nlinks,) of the links about what their cycles are nearest to.
    preference : float
        Of the model, beforehand; see `Evidence`.
    simpler : str, optional
        Name of an earlier hypothesis that has to leave more residues.
    nterms : int
        Terms of the model.
    """

    name: str
    cycles: Callable[[], tuple[np.ndarray, np.ndarray]]
    preference: float = 0.0
    simpler: str | None = None
    nterms: int = 0


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
    value : float
        The lower, the better.

    Notes
    -----
    The value is ``log(open + LEAST_OPEN) + RESIDUE_POWER * log(residues + LEAST_RESIDUES)`` less
    the preference. Interferograms are unwrapped one by one, so that loops stay open where one of
    them is wrong. Residues alone tell less: taking a building for flat ground leaves fewer of them.
    But two interferograms that are wrong alike close their loop; what the phases of the links say
    of their model by themselves is the preference, in units of the logarithm of a likelihood per
    link. Weights and constants are those that chose best on 126 simulated scenes of 21 kinds; the
    choice changes little with them.
    """

    name: str
    open_share: float
    residue_share: float
    value: float


def value_of(open_share: float, residue_share: float, preference: float) -> float:
    """Return the value of a hypothesis, see `Evidence`."""
    residues = RESIDUE_POWER * np.log(residue_share + LEAST_RESIDUES)
    return float(np.log(open_share + LEAST_OPEN) + residues - preference)


def link_hypotheses(
    phase: np.ndarray,
    graph: PlanarGraph,
    network: PlanarNetwork,
    models: Mapping[str, CycleModel],
    temporal_costs: np.ndarray,
    n_threads: int = 1,
    weights: Weights = None,
) -> list[Hypothesis]:
    """Hypotheses of the links of a tile: each model, smooth over the dates and as it is, and zero.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    network : PlanarNetwork
        Over which links are unwrapped in time.
    models : dict of str to CycleModel
    temporal_costs : int32 (npairs,)
        Cost of a cycle in each pair of the network.
    n_threads : int
        No influence on the result.
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates in the coherences, mean 1.

    Returns
    -------
    list of Hypothesis
        In the order in which they are tried: NAME_8, NAME_4 and NAME for each model, with the
        widths of `SMOOTH_WIDTHS`, then zero.
    """

    def in_time(model: CycleModel) -> tuple[np.ndarray, np.ndarray]:
        cycles = unwrap_in_time(
            phase, graph, network, model.design, model.params, temporal_costs, n_threads
        )
        return cycles, model.coherence

    def smooth(model: CycleModel, width: float) -> tuple[np.ndarray, np.ndarray]:
        return smooth_cycles(
            phase, graph, model.design, model.params, network.dates, width, n_threads, weights
        )

    nothing = np.empty((len(phase), 0)), np.empty((0, graph.nedges), np.float32)

    def zero() -> tuple[np.ndarray, np.ndarray]:
        plain = plain_coherence(phase, graph, weights, n_threads)
        return in_time(CycleModel(*nothing, plain))

    found = []
    for name, model in models.items():
        ways = [
            *(partial(smooth, model, width) for width in SMOOTH_WIDTHS),
            partial(in_time, model),
        ]
        for suffix, cycles in zip(SUFFIXES, ways, strict=True):
            rival = SIMPLER[name] + suffix if name in SIMPLER else None
            nterms = len(model.params)
            found.append(Hypothesis(name + suffix, cycles, model.preference, rival, nterms))
    return [*found, Hypothesis(ZERO, zero)]


def some_loops(network: Network, most: int = TRIANGLES) -> Network:
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


def open_share(cycles: np.ndarray, loops: Network, region: np.ndarray) -> float:
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


def wanted_hypotheses(hypotheses: Sequence[Hypothesis], wanted: str) -> list[Hypothesis]:
    """Return all hypotheses, or the one that is asked for by its name.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
    wanted : str
        Name of one, or auto: all.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    names = [each.name for each in hypotheses]
    if wanted == AUTO:
        return list(hypotheses)
    if wanted not in names:
        raise InputError(
            f"hypothesis: {wanted} is not there for these terms of the link model; expected one of "
            f"{', '.join([AUTO, *names])}"
        )
    return [hypotheses[names.index(wanted)]]


def weigh(
    hypothesis: Hypothesis,
    cycles: np.ndarray,
    costs: np.ndarray | PairCosts,
    loops: Network,
    graph: PlanarGraph,
    tree: SpanningTree,
    solver: str = "ssp",
    n_threads: int = 1,
) -> Evidence:
    """Unwrap the interferograms of some loops by a hypothesis, and see how well they agree.

    Parameters
    ----------
    hypothesis : Hypothesis
    cycles : int16 (ndates, nlinks)
        Of it.
    costs : int32 (nlinks,) or PairCosts
    loops : Network
        From `some_loops`.
    graph, tree, solver, n_threads
        As for :func:`emcflow.unwrap.spatial.unwrap_in_space`.

    Returns
    -------
    Evidence
    """
    found, statistics = unwrap_in_space(cycles, loops, graph, tree, costs, solver, n_threads)
    residues = float(statistics["residues"].mean() / max(graph.ntriangles, 1))
    share = float(open_share(found, loops, tree.region))
    value = value_of(share, residues, hypothesis.preference)
    return Evidence(hypothesis.name, share, residues, value)


def chosen_cycles(
    hypotheses: Sequence[Hypothesis],
    costs_of: Callable[[np.ndarray], np.ndarray | PairCosts],
    network: PlanarNetwork,
    graph: PlanarGraph,
    tree: SpanningTree,
    solver: str = "ssp",
    n_threads: int = 1,
    progress: Callable | None = None,
) -> tuple[str, np.ndarray, np.ndarray, list[Evidence]]:
    """Cycles of the hypothesis that the interferograms bear out.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
    costs_of : callable
        Returns the costs int32 (nlinks,), or PairCosts, that go with a coherence of links.
    network : Network
        Over which links are unwrapped in time; some of its triangles are tried.
    graph, tree, solver, n_threads
        As for :func:`emcflow.unwrap.spatial.unwrap_in_space`.
    progress : callable, optional
        Called with (hypotheses tried or ruled out, hypotheses).

    Returns
    -------
    name : str
    cycles : int16 (ndates, nlinks)
    coherence : float (nlinks,)
        Of the links about it.
    tried : list of Evidence
        In the order of the hypotheses; none where there is one hypothesis.

    Notes
    -----
    Most tiles of coherent scenes leave no loop open and next to no residues by the first
    hypothesis. Those that could hardly be better without any are not tried then.
    """
    if len(hypotheses) == 1:
        return hypotheses[0].name, *hypotheses[0].cycles(), []
    loops = some_loops(network)
    tried: dict[str | None, Evidence] = {}
    least, best = np.inf, None
    for number, each in enumerate(hypotheses, start=1):
        if least - value_of(0, 0, each.preference) >= LEAST_GAIN:
            cycles, coherence = each.cycles()
            costs = costs_of(coherence)
            found = weigh(each, cycles, costs, loops, graph, tree, solver, n_threads)
            tried[each.name] = found
            simpler = tried.get(each.simpler)
            refused = simpler is not None and not found.residue_share < simpler.residue_share
            if best is None or (not refused and found.value < least):
                least, best = found.value, (each.name, cycles, coherence)
        if progress is not None:
            progress(number, len(hypotheses))
    if best is None:
        raise ValueError("no hypothesis is given")
    return *best, list(tried.values())
