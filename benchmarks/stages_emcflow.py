"""Unwrap a stack in one process with emcflow's library and time each stage.

python stages_emcflow.py OUTPUT.json THREADS PREPARED.json

PREPARED.json holds the keyword arguments of `run_stages`; one tile, whatever the number of points.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import numpy as np
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.io.stack import coherent_points, find_stack, read_phase
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import choose_terms, search_axis
from emcflow.network.networks import PlanarNetwork, hop3_network
from emcflow.unwrap.costs import temporal_costs
from emcflow.unwrap.significant import significant_params
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time
from emcflow.unwrap.tile import TilePhases
from stage_clock import StageClock

MIN_COHERENCE, MAX_LINK_PIXELS = 0.6, 100  # the defaults of the config


class Stages:
    """Runs the stages, and notes the seconds and the memory of each."""

    def __init__(self) -> None:
        self.clock, self.memory_mb = StageClock(), {}

    def run(self, name, function, *arguments, **keywords):
        """Return what a function returns, whose time counts for a stage."""
        result = self.clock.run(name, function, *arguments, **keywords)
        self.memory_mb[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return result


def run_stages(stack: str, link_model: dict | None, threads: int) -> dict:
    """Read, mesh, estimate the link model where there is one, unwrap in time and in space.

    Parameters
    ----------
    stack : str
        Folder of a phase-linked stack.
    link_model : dict or None
        ``design`` (ndates, 2), ``velocity_range``, ``dem_error_range``; without it the links are
        unwrapped about zero.
    threads : int

    Returns
    -------
    dict
        Numbers of points, links, dates and pairs, and the stages' seconds and memory.
    """
    stages, stack = Stages(), find_stack(stack, "phase_linked")
    mask = coherent_points(stack.coherence, MIN_COHERENCE)
    bounds = (0, 0, *mask.shape)
    phase, _ = stages.run("read", read_phase, stack, mask, bounds, threads)
    points = np.argwhere(mask).astype(np.int32)
    network = hop3_network(stack.dates)

    def mesh() -> TilePhases:
        graph = point_mesh(points)
        confident = links_within(points, graph.edges, MAX_LINK_PIXELS)
        tile = TilePhases(phase, points, graph, confident)
        _ = tile.tree  # made when it is first asked for
        return tile

    tile = stages.run("mesh", mesh)
    unwrap(stages, tile, network, link_model, threads)
    return {
        "points": len(points),
        "links": tile.graph.nedges,
        "dates": len(network.dates),
        "pairs": len(network.pairs),
        "stages": stages.clock.stages,
        "peak_mb": stages.memory_mb,
    }


def unwrap(
    stages: Stages,
    tile: TilePhases,
    network: PlanarNetwork,
    link_model: dict | None,
    threads: int,
) -> None:
    """Run the stages after the mesh; arguments as for `run_stages`."""
    phase, graph = tile.phase, tile.graph
    design = params = coherence = None
    if link_model:
        design, model = stages.run("link model", _estimate, phase, graph.edges, link_model, threads)
        coherence = model.coherence
        ranges = [link_model["velocity_range"], link_model["dem_error_range"]]
        found = design, model.params, coherence, ranges
        params = stages.run("time", significant_params, phase, graph, *found, threads)
    in_time = temporal_costs("constant", network)
    cycles = stages.run(
        "time", unwrap_in_time, phase, graph, network, design, params, in_time, threads
    )
    costs = tile.costs(coherence, "coherence" if link_model else "constant")
    stages.run(
        "space", unwrap_in_space, cycles, network, graph, tile.tree, costs, n_threads=threads
    )


def _estimate(phase, edges, link_model, threads):
    design = np.array(link_model["design"])
    ranges = [link_model["velocity_range"], link_model["dem_error_range"]]
    terms, _ = choose_terms(design, ranges, ("velocity_mm_yr", "dem_error_m"))
    axes = [search_axis(design[:, term], *ranges[term]) for term in terms]
    return design[:, terms], estimate_links(phase, edges, design[:, terms], axes, n_threads=threads)


if __name__ == "__main__":
    output, threads, prepared = sys.argv[1:]
    keywords = json.loads(Path(prepared).read_text())
    Path(output).write_text(json.dumps(run_stages(**keywords, threads=int(threads))))
