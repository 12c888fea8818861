"""Compare networks of interferograms on simulated cities: points right, by network and noise.

PYTHONPATH=scripts python benchmarks/networks.py [--side PIXELS] [--dates N] [--seeds N]

Prints the tables of docs/networks.md.
"""

from __future__ import annotations

import argparse

import numpy as np
from emcflow.acquisition.geometry import design_matrix
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.planar import breadth_first_tree, planar_graph
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.network.networks import Network
from emcflow.network.pairs import delaunay_pairs
from emcflow.network.time_network import time_network
from emcflow.products.accuracy import share_right
from emcflow.products.simulate import simulate_stack
from emcflow.unwrap.costs import spatial_costs, temporal_costs
from emcflow.unwrap.significant import significant_params
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time

GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
NOISE = {"low": 0.95, "medium": 0.85, "high": 0.75}  # mean coherence of what is built
RANGES = [(-100, 100), (-80, 80)]
MIN_COHERENCE = 0.6


def networks(dates, bperp_m):
    """Return the pairs of every network that is compared, by its name."""
    ndates = len(dates)
    ahead = np.array([(a, b) for a in range(ndates) for b in range(a + 1, ndates)])
    hops = ahead[:, 1] - ahead[:, 0]
    return {
        "hop3": ahead[hops <= 3],
        "delaunay": delaunay_pairs(dates, bperp_m),
        "delaunay, 120 days": delaunay_pairs(dates, bperp_m, max_days=120),
        "csv: next date": ahead[hops == 1],
        "csv: next and sixth": ahead[(hops == 1) | (hops == 6)],
        "csv: up to 5 ahead": ahead[hops <= 5],
        "csv: all with the first": ahead[ahead[:, 0] == 0],
    }


class City:
    """The points of a simulated city, its links with or without a model, and its truth."""

    def __init__(self, settings, with_model):
        city = simulate_stack(settings, **GEOMETRY)
        mask = city.temporal_coherence > MIN_COHERENCE
        points = np.argwhere(mask).astype(np.int32)
        self.dates, self.bperp_m = city.dates, city.bperp_m
        self.phase, self.truth = np.angle(city.stack[:, mask]), city.phase[:, mask]
        self.graph = point_mesh(points)
        self.design = self.params = coherence = None
        if with_model:
            self.design = design_matrix(city.dates, city.bperp_m, **GEOMETRY)
            axes = [search_axis(c, *r) for c, r in zip(self.design.T, RANGES, strict=True)]
            links = estimate_links(self.phase, self.graph.edges, self.design, axes)
            coherence = links.coherence
            self.params = significant_params(
                self.phase, self.graph, self.design, links.params, coherence, RANGES
            )
        kind = "coherence" if with_model else "constant"
        self.costs = spatial_costs(kind, self.graph, points, coherence)
        self.tree = breadth_first_tree(self.graph)

    def links_in_time(self, pairs):
        """Return the cycles of every link per date, and which pairs are in the planar network."""
        network, planar = time_network(self.dates, pairs)
        costs = temporal_costs("constant", network)
        named = {tuple(pair) for pair in pairs.tolist()}
        costs[[tuple(pair) not in named for pair in network.pairs.tolist()]] = 0
        k = unwrap_in_time(self.phase, self.graph, network, self.design, self.params, costs)
        return k, planar

    def unwrap(self, k, pairs):
        """Return the unwrapped phase of pairs [rad], float64 (npairs, npoints)."""
        network = Network(self.dates, planar_graph([], len(self.dates), pairs))
        cycles, _ = unwrap_in_space(k, network, self.graph, self.tree, self.costs)
        return self.wrapped(pairs) + 2 * np.pi * cycles

    def wrapped(self, pairs):
        """Return the difference of the stored phases of pairs [rad]."""
        return self.phase[pairs[:, 1]].astype(float) - self.phase[pairs[:, 0]]

    def shares(self, unwrapped, pairs):
        """Return the share of points right in each pair."""
        truth = self.truth[pairs[:, 1]] - self.truth[pairs[:, 0]]
        return np.array(
            [share_right(one, true) for one, true in zip(unwrapped, truth, strict=True)]
        )


def from_others(city, unwrapped, pairs, planar):
    """Return pairs outside the plane as congruent sums of the unwrapped pairs in it [rad].

    Least squares over the planar pairs gives a phase per date; the nearest congruent phase counts.
    """
    rows = np.arange(planar.sum())
    walks = np.zeros((len(rows), len(city.dates)))
    walks[rows, pairs[planar, 1]], walks[rows, pairs[planar, 0]] = 1, -1
    # Zero at one point in all pairs: the cycles that each pair has as a whole say nothing.
    whole = np.rint((unwrapped - city.wrapped(pairs))[:, :1] / (2 * np.pi))
    by_date = np.linalg.pinv(walks) @ (unwrapped - 2 * np.pi * whole)[planar]
    wrapped = city.wrapped(pairs[~planar])
    guess = by_date[pairs[~planar, 1]] - by_date[pairs[~planar, 0]]
    return wrapped + 2 * np.pi * np.rint((guess - wrapped) / (2 * np.pi))


def main():
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=100, help="rows and columns of the cities")
    parser.add_argument("--dates", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=2, help="cities of each kind")
    given = parser.parse_args()
    shares, outside, counts = {}, {}, {}
    for with_model in (True, False):
        for noise, coherence in NOISE.items():
            for seed in range(1, given.seeds + 1):
                settings = {"rows": given.side, "cols": given.side, "dates": given.dates}
                settings |= {"coherence": coherence, "seed": seed}
                city = City(settings, with_model)
                choices = networks(city.dates, city.bperp_m)
                same = choices["hop3"]
                for name, pairs in choices.items():
                    k, planar = city.links_in_time(pairs)
                    unwrapped = city.unwrap(k, pairs)
                    own = city.shares(unwrapped, pairs)
                    common = city.shares(city.unwrap(k, same), same)
                    key = name, with_model, noise
                    shares.setdefault(key, []).append((own.mean(), own.min(), common.mean()))
                    counts.setdefault(name, []).append((len(pairs), (~planar).sum()))
                    if not planar.all():
                        others = from_others(city, unwrapped, pairs, planar)
                        found = city.shares(others, pairs[~planar]).mean()
                        outside.setdefault(key, []).append((own[~planar].mean(), found))
    print(
        "| network | pairs | outside the plane | model | noise | right | worst pair | hop-3 pairs |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for (name, with_model, noise), values in shares.items():
        own, worst, common = 100 * np.mean(values, axis=0)
        pairs, left_out = np.mean(counts[name], axis=0)
        print(
            f"| {name} | {pairs:.0f} | {left_out:.0f} | {'yes' if with_model else 'no'} | {noise} "
            f"| {own:.2f} % | {worst:.2f} % | {common:.2f} % |"
        )
    print("\n| network | model | noise | unwrapped by itself | sum of planar pairs |")
    print("|---|---|---|---|---|")
    for (name, with_model, noise), values in outside.items():
        itself, found = 100 * np.mean(values, axis=0)
        print(
            f"| {name} | {'yes' if with_model else 'no'} | {noise} "
            f"| {itself:.2f} % | {found:.2f} % |"
        )


if __name__ == "__main__":
    main()
