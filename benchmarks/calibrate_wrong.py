"""Coefficients of the probability that a cycle is wrong, and whether they hold on other scenes.

python benchmarks/calibrate_wrong.py [--folder F] [--docs D] [--seeds N ...] [--severity N ...]
    [--kinds NAME ...]

Every simulated scene (emcflow.products.scenes) is unwrapped in one tile with the defaults; what is
known of its points (emcflow.unwrap.wrong_cycles) is kept beside the truth in FOLDER, and scenes
that are there are not unwrapped again. The coefficients are fitted to all scenes of the first seed
but those of kinds that are held out; those of points also without scenes where nothing in the data
tells. They are printed, to be copied into wrong_cycles.py, and what is there is compared with the
truth on the other seeds: DOCS/wrong_cycles.md and DOCS/images/wrong_cycles.svg.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from emcflow.acquisition.geometry import design_matrix
from emcflow.graph.components import regions
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.links.search_grid import choose_terms
from emcflow.network.networks import hop3_network
from emcflow.products.scenes import KINDS, SEVERITIES, simulate_scene
from emcflow.unwrap.labels import (
    broken_share,
    firm_regions,
    good_regions,
    ordered_links,
    pair_labels,
)
from emcflow.unwrap.learned_models import learned_models
from emcflow.unwrap.points import MAX_LINK_PIXELS, RANGES
from emcflow.unwrap.tile import TilePhases, cycles_of_links, unwrap_pairs
from emcflow.unwrap.wrong_cycles import evidence, probability_by, ways_to_cores

ROOT = Path(__file__).resolve().parent.parent
MIN_COHERENCE = 0.6
# Interferograms of each scene, evenly chosen.
PAIRS = 12
# Two sides of a rupture or of a wide river share no cycle that phases could tell, nor do slopes
# whose air differs by cycles.
UNKNOWABLE = {("rupture", 1), ("rupture", 2), ("rupture", 3), ("lakes", 3), ("mountain", 3)}
HELD_OUT = {"collapse", "bridges", "noisy_city", "gaps", "single_scatterers"}
LIMIT = 1e-3
BINS = 10.0 ** np.array([-9, -5, -4, -3.5, -3, -2.5, -2, -1.5, -1, -0.5, 0])
TABLES = re.compile(r"(<!-- tables -->\n).*?(<!-- end of tables -->)", re.DOTALL)


class Known(NamedTuple):
    """Evidence of the points of some interferograms, and whether their cycles are wrong."""

    of_point: np.ndarray
    of_region: np.ndarray
    other: np.ndarray
    wrong_point: np.ndarray
    wrong_region: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Points that are not in the cycle of the main region."""
        return self.wrong_point != self.wrong_region

    @property
    def probability(self) -> np.ndarray:
        """What the package says."""
        return probability_by(self.of_point, self.of_region, self.other)


def unwrapped_scene(kind: str, severity: int, seed: int) -> Known:
    """Unwrap a scene as the workflow does in one tile, and compare some pairs with the truth."""
    truth, geometry = simulate_scene(kind, severity, seed)
    chosen = truth.temporal_coherence > MIN_COHERENCE
    points = np.argwhere(chosen).astype(np.int32)
    phase = np.angle(truth.stack[:, chosen]).astype(np.float32)
    design = design_matrix(truth.dates, truth.bperp_m, **geometry)
    terms, _ = choose_terms(design, RANGES)
    graph, network = point_mesh(points), hop3_network(truth.dates)
    confident = links_within(points, graph.edges, MAX_LINK_PIXELS)
    some = [RANGES[term] for term in terms]
    learned = learned_models(phase, graph.edges, design[:, terms], some)
    tile = TilePhases(phase, points, graph, confident, learned.models)
    of_links = cycles_of_links(tile, network)
    in_space = unwrap_pairs(tile, of_links, network)
    ordered = ordered_links(in_space.quality[confident])
    edges, npoints = graph.edges[confident], len(points)
    component = regions(edges, npoints)
    true_phase = truth.phase[:, chosen].astype(np.float64)
    rows = []
    for pair in np.unique(np.linspace(0, network.npairs - 1, PAIRS).round().astype(int)):
        first, second = network.pairs[pair]
        changed = in_space.changed[network.pair_names[pair]]
        broken = np.isin(np.arange(graph.nedges), changed)[confident]
        joined = firm_regions(edges, ordered, broken, npoints)
        changed_share = broken_share(edges, broken, npoints)
        region = good_regions(joined)
        labels = pair_labels(region, changed_share)
        unwrapped = phase[second].astype(np.float64) - phase[first]
        unwrapped += 2 * np.pi * in_space.cycles[pair]
        share = in_space.statistics["residues"][pair] / max(graph.ntriangles, 1)
        ways = ways_to_cores(joined, region, labels, component)
        degree = np.bincount(edges.ravel(), minlength=npoints)
        found = evidence([edges], degree, ways, changed_share, unwrapped.copy(), share)
        off = (unwrapped - true_phase[second] + true_phase[first]) / (2 * np.pi)
        features = found.of_point(), found.of_region(), found.other
        rows.append(
            (*features, *compared(np.rint(off).astype(int), labels, found.other, component))
        )
    return Known(*map(np.concatenate, zip(*rows, strict=True)))


def compared(off, labels, other, component) -> tuple[np.ndarray, np.ndarray]:
    """Return which points are off their region's cycle, and which regions off the main one's."""

    def most_frequent(values):
        return np.bincount(values - values.min()).argmax() + values.min()

    main = np.empty(len(off), int)
    for each in range(component.max() + 1):
        here = component == each
        firm = here & ~other & (labels > 0)
        main[here] = most_frequent(off[firm if firm.any() else here])
    own = main.copy()
    for label in np.unique(labels[other]):
        here = other & (labels == label)
        own[here] = most_frequent(off[here])
    return off != own, own != main


def known(folder: Path, kind: str, severity: int, seed: int) -> Known:
    """Return what is known of a scene, from the folder where it is there."""
    path = folder / f"{kind}_{severity}_{seed}.npz"
    if not path.exists():
        found = unwrapped_scene(kind, severity, seed)
        np.savez_compressed(path, **found._asdict())
        print(f"{kind} {severity}, seed {seed}: {100 * found.wrong.mean():.3f} % wrong", flush=True)
    with np.load(path) as file:
        return Known(**{name: file[name] for name in Known._fields})


def fitted(columns: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Logistic regression by Newton's method, with a little ridge."""
    found = np.zeros(columns.shape[1])
    found[0] = np.log(max(wrong.mean(), 1e-6))
    for _ in range(100):
        probability = 1 / (1 + np.exp(-np.clip(columns @ found, -30, 30)))
        weights = probability * (1 - probability)
        gradient = columns.T @ (wrong - probability) - 0.01 * found
        curvature = (columns * weights[:, None]).T @ columns + 0.01 * np.eye(len(found))
        step = np.linalg.solve(curvature, gradient)
        found += step * min(1, 3 / np.abs(step).max())
        if np.abs(step).max() < 1e-6:
            break
    return found


def fit(knowable: list[Known], scenes: list[Known]) -> None:
    """Print the coefficients that scenes ask for."""
    of_point = np.concatenate([each.of_point for each in knowable])
    wrong = np.concatenate([each.wrong_point for each in knowable])
    of_region = np.concatenate([each.of_region[each.other] for each in scenes])
    wrong_region = np.concatenate([each.wrong_region[each.other] for each in scenes])
    for name, values in (
        ("OF_POINT", fitted(of_point, wrong)),
        ("OF_REGION", fitted(of_region, wrong_region)),
    ):
        print(f"{name} = np.array({np.round(values, 3).tolist()})")


def row(name: str, each: Known) -> str:
    """Return a row of the table of scenes."""
    wrong, low = each.wrong, each.probability < LIMIT
    among = 100 * wrong[low].mean() if low.any() else 0.0
    called = 100 * np.count_nonzero(low & ~wrong) / max(np.count_nonzero(~wrong), 1)
    said = 100 * each.probability.mean()
    return f"| {name} | {100 * wrong.mean():.3f} | {said:.3f} | {called:.1f} | {among:.4f} |"


def together(scenes: list[Known]) -> Known:
    """Return all points of some scenes."""
    return Known(*(np.concatenate(parts) for parts in zip(*scenes, strict=True)))


def diagram(probability: np.ndarray, wrong: np.ndarray) -> list[tuple[float, float, float]]:
    """Return share of the points, mean probability and share wrong, for each of the `BINS`."""
    place = np.clip(np.searchsorted(BINS, probability) - 1, 0, len(BINS) - 2)
    count = np.bincount(place, minlength=len(BINS) - 1)
    said = np.bincount(place, probability, len(BINS) - 1) / np.maximum(count, 1)
    found = np.bincount(place, wrong, len(BINS) - 1) / np.maximum(count, 1)
    return list(zip(count / len(wrong), said, found, strict=True))


def draw(points: list[tuple[float, float, float]], path: Path) -> None:
    """Draw the reliability diagram."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "emcflow"
    from matplotlib import pyplot

    _, said, found = np.array([each for each in points if each[2] > 0]).T
    figure, axes = pyplot.subplots(figsize=(4.5, 4))
    axes.loglog([1e-6, 1], [1e-6, 1], color="0.6", linewidth=1)
    axes.loglog(said, found, "o-", color="#08519c")
    axes.set_xlabel("probability said")
    axes.set_ylabel("share of points wrong")
    axes.set_aspect("equal")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run what is asked for and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "calibrate")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--severity", type=int, nargs="+", default=SEVERITIES, choices=SEVERITIES)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    names = [(kind, severity) for kind in given.kinds for severity in given.severity]
    first, *others = given.seeds
    scenes = {name: known(given.folder, *name, first) for name in names}
    fitted_to = {name: each for name, each in scenes.items() if name[0] not in HELD_OUT}
    knowable = [each for name, each in fitted_to.items() if name not in UNKNOWABLE]
    fit(knowable, list(fitted_to.values()))
    lines = [
        "| scene | wrong [%] | said, in the mean [%] | of the right, called below 0.1 % [%] "
        "| of these points, wrong [%] |",
        "|---|---:|---:|---:|---:|",
    ]
    used = []
    for name in names:
        each = together([known(given.folder, *name, seed) for seed in others])
        mark = ", held out" if name[0] in HELD_OUT else ""
        mark += ", not knowable" if name in UNKNOWABLE else ""
        lines.append(row(f"`{name[0]}` {name[1]}{mark}", each))
        if name not in UNKNOWABLE:
            used.append(each)
    everything = together(used)
    lines.append(row("all that is knowable", everything))
    points = diagram(everything.probability, everything.wrong)
    lines += ["", "| share of the points [%] | said [%] | wrong [%] |", "|---:|---:|---:|"]
    lines += [f"| {100 * n:.2f} | {100 * said:.4f} | {100 * w:.4f} |" for n, said, w in points]
    page = given.docs / "wrong_cycles.md"
    text = TABLES.sub(lambda m: f"{m[1]}\n{chr(10).join(lines)}\n\n{m[2]}", page.read_text())
    page.write_text(text)
    draw(points, given.docs / "images" / "wrong_cycles.svg")


if __name__ == "__main__":
    main()
