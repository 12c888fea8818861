"""Compare the search of the links' velocity and DEM error with an exhaustive one.

python benchmarks/links.py OUTPUT.json THREADS PREPARED.json

PREPARED.json holds the settings of the simulated city. The exhaustive search is that of spurt's
pull request 97 with its defaults: 40 velocities by 40 DEM errors, over all interferograms, one
product of matrices per chunk of links, and a parabola through the neighbours of the highest value.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import design_matrix
from emcflow.graph.delaunay import point_mesh
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.network.networks import hop3_network
from emcflow.products.simulate import simulate_stack
from stage_clock import StageClock
from threadpoolctl import threadpool_limits

GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
MIN_COHERENCE = 0.6
RANGES = (-100.0, 100.0), (-50.0, 50.0)
STEPS = 5.0, 2.5
CHUNK_MB = 512
REPEATS = 3


def exhaustive_search(phase, edges, design, pairs, axes):
    """Return velocity and DEM error (2, nlinks) where the periodogram over all pairs is highest."""
    design = design[pairs[:, 1]] - design[pairs[:, 0]]
    grid = np.stack([values.ravel() for values in np.meshgrid(*axes, indexing="ij")])
    waves = np.exp(-1j * (design @ grid)).astype(np.complex64).T.copy()
    found = np.empty((2, len(edges)), np.float32)
    shape = tuple(len(axis) for axis in axes)
    chunk = int(CHUNK_MB * 2**20 // (8 * waves.shape[0]))
    for start in range(0, len(edges), chunk):
        a, b = edges[start : start + chunk].T
        gradient = phase[:, b] - phase[:, a]
        gradient = gradient[pairs[:, 1]] - gradient[pairs[:, 0]]
        power = np.abs(waves @ np.exp(1j * gradient).astype(np.complex64))
        best = np.unravel_index(power.argmax(axis=0), shape)
        power = power.reshape(*shape, -1)
        for t, axis in enumerate(axes):
            found[t, start : start + chunk] = axis[best[t]] + _shift(power, best, t, axis)
    return found


def _shift(power, best, t, axis):
    """Way from the highest grid value to the top of the parabola through it and its neighbours."""
    inside = np.clip(best[t], 1, len(axis) - 2)
    link = np.arange(power.shape[-1])

    def value(step):
        at = list(best)
        at[t] = inside + step
        return power[(*at, link)]

    before, own, after = value(-1), value(0), value(1)
    bend = before + after - 2 * own
    concave = (bend < 0) & (inside == best[t])
    shift = 0.5 * (before - after) / np.where(concave, bend, 1)
    return np.where(concave, np.clip(shift, -0.5, 0.5), 0) * (axis[1] - axis[0])


def compare(settings: dict, threads: int) -> dict:
    """Run both searches on the links of a city in turn, and hold their results against the truth.

    Parameters
    ----------
    settings : dict
        Of the simulated city.
    threads : int

    Returns
    -------
    dict
        Numbers of links, dates and pairs; of each search the median of its seconds, its share of
        wrong peaks (off by more than half a resolution cell) and the RMSE of both terms over the
        links for which neither search is wrong.
    """
    city = simulate_stack(settings, **GEOMETRY)
    mask = city.temporal_coherence > MIN_COHERENCE
    phase = np.angle(city.stack[:, mask]).astype(np.float32)
    edges = point_mesh(np.argwhere(mask).astype(np.int32)).edges
    design = design_matrix(city.dates, city.bperp_m, **GEOMETRY)
    pairs = hop3_network(city.dates).pairs
    point_truth = np.stack([city.velocity_mm_yr[mask], city.dem_error_m[mask]])
    truth = point_truth[:, edges[:, 1]] - point_truth[:, edges[:, 0]]
    axes = [search_axis(column, *limits) for column, limits in zip(design.T, RANGES, strict=True)]
    # the end of the range is not part of the grid, as there
    coarse = [np.arange(*limits, step) for limits, step in zip(RANGES, STEPS, strict=True)]
    searches = {
        "exhaustive": lambda: exhaustive_search(phase, edges, design, pairs, coarse),
        "emcflow": lambda: estimate_links(phase, edges, design, axes, n_threads=threads).params,
    }
    estimate_links(phase, edges[:64], design, axes)  # compiles, or reads what was compiled
    clocks, found = [], {}
    with threadpool_limits(threads, "blas"):
        for _ in range(REPEATS):
            clocks.append(StageClock())
            for name, search in searches.items():
                found[name] = clocks[-1].run(name, search)
    cell = 2 * np.pi / np.ptp(design, axis=0)[:, None]
    error = {name: params - truth for name, params in found.items()}
    wrong = {name: (np.abs(off) > cell / 2).any(axis=0) for name, off in error.items()}
    right = ~(wrong["exhaustive"] | wrong["emcflow"])
    return {
        "links": len(edges),
        "dates": len(city.dates),
        "pairs": len(pairs),
        "searches": {
            name: {
                **{
                    key: float(np.median([clock.stages[name][key] for clock in clocks]))
                    for key in ("wall_s", "cpu_s")
                },
                "wrong": float(wrong[name].mean()),
                "rmse": np.sqrt((error[name][:, right] ** 2).mean(axis=1)).tolist(),
            }
            for name in searches
        },
    }


if __name__ == "__main__":
    output, threads, prepared = sys.argv[1:]
    settings = json.loads(Path(prepared).read_text())
    Path(output).write_text(json.dumps(compare(settings, int(threads))))
