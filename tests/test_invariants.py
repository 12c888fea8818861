"""What has to hold for any input: congruence, closure, and changes that change nothing else.

Costs are random where the exact cycles are compared, so that no two flows of least cost share it;
with equal costs only the cost of the flow is the same.
"""

import numpy as np
import pytest
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.graph.planar import breadth_first_tree, residues
from emcflow.links.integrate import integrate_links
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.network.networks import hop3_network
from emcflow.tiles.bulk_offsets import bulk_offsets
from emcflow.tiles.cut import density_tiles
from emcflow.tiles.overlaps import measure_overlaps
from emcflow.tiles.scene import TilePoints
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time
from hypothesis import given, settings
from hypothesis import strategies as st
from merged_scene import merge_cycles, scene_index

DATES = ["20200101", "20200113", "20200206", "20200218", "20200313", "20200325"]
CYCLE = 2 * np.pi
ANY = settings(max_examples=25, deadline=None, derandomize=True, database=None)
# Residues at 0.9 rad of noise on two thirds of the links or so; none at 0.1.
NOISE = st.sampled_from([0.1, 0.9, 2.0])
SEEDS = st.integers(0, 2**32 - 1)


def wrap(phase):
    return np.angle(np.exp(1j * phase)).astype(np.float32)


def scene(seed, noise, shape=(13, 11), ndates=6):
    """Return points (n, 2), their wrapped phase, and a cost for every link, no two sums alike."""
    rng = np.random.default_rng(seed)
    points = np.argwhere(rng.random(shape) < 0.8).astype(np.int32)
    phase = rng.normal(0, 0.1, (ndates, 2)) @ points.T + rng.normal(0, noise, (ndates, len(points)))
    costs = rng.integers(10**5, 10**6, 3 * len(points))
    return points, wrap(phase - phase[0]), costs


def unwrap(points, phase, costs, dates=DATES, time_costs=None, n_threads=1):
    """Return graph, cycles of links per date, and cycles of points per pair."""
    graph, network = point_mesh(points), hop3_network(dates)
    k = unwrap_in_time(phase, graph, network, costs=time_costs, n_threads=n_threads)
    c, statistics = unwrap_in_space(
        k,
        network,
        graph,
        breadth_first_tree(graph),
        costs[: graph.nedges],
        n_threads=n_threads,
    )
    return graph, network, k, c, statistics


def unwrapped(phase, network, c):
    first, second = network.pairs.T
    return phase[second].astype(float) - phase[first] + CYCLE * c


def up_to_a_constant(phase):
    return phase - phase[:, :1]


@ANY
@given(SEEDS, NOISE)
def test_gradients_in_time_are_congruent_and_close(seed, noise):
    """Pepe and Lanari (2006), section II: around every triangle of dates a link's cycles cancel."""
    points, phase, costs = scene(seed, noise)
    graph, network, k, c, _ = unwrap(points, phase, costs)
    first, second = network.pairs.T
    assert k.dtype == c.dtype == np.int16  # whole cycles: congruent with the input
    assert not residues(network.graph, (k[second].astype(int) - k[first]).T).any()
    # in space, around every triangle of points, for every pair
    steps = c[:, graph.edges[:, 1]].astype(int) - c[:, graph.edges[:, 0]]
    assert not residues(graph, steps)[:, :-1].any()


@ANY
@given(SEEDS, NOISE, st.integers(1, 5), st.floats(-3, 3), st.integers(-3, 3))
def test_a_constant_added_to_a_date_changes_nothing_but_that(seed, noise, date, value, cycles):
    """A constant on all points of a date, and whole cycles on single points of it."""
    points, phase, costs = scene(seed, noise)
    *_, network, _, before, _ = unwrap(points, phase, costs)
    moved = phase.astype(float)
    moved[date] += value
    jumps = np.random.default_rng(seed).integers(-2, 3, phase.shape[1])
    moved[date] += CYCLE * (cycles + jumps)
    moved = wrap(moved)
    *_, after, _ = unwrap(points, moved, costs)
    change = up_to_a_constant(unwrapped(moved, network, after))
    np.testing.assert_allclose(
        change, up_to_a_constant(unwrapped(phase, network, before)), atol=1e-4
    )


@ANY
@given(SEEDS, NOISE)
def test_whole_cycles_in_the_stored_phase_leave_the_unwrapped_phase(seed, noise):
    """Nothing depends on the interval that the phase was stored in."""
    points, phase, costs = scene(seed, noise)
    *_, network, _, before, _ = unwrap(points, phase, costs)
    stored = (phase + CYCLE * (np.arange(6) % 3)[:, None]).astype(np.float32)
    *_, after, _ = unwrap(points, stored, costs)
    np.testing.assert_allclose(
        up_to_a_constant(unwrapped(stored, network, after)),
        up_to_a_constant(unwrapped(phase, network, before)),
        atol=1e-4,
    )


def mirrored(dates):
    """Return as many dates whose steps are those of the given ones from the other end."""
    from datetime import datetime

    days = [datetime.strptime(date, "%Y%m%d") for date in dates]
    return [(days[0] + (days[-1] - day)).strftime("%Y%m%d") for day in days[::-1]]


@ANY
@given(SEEDS, st.sampled_from([0.1, 0.3]))
def test_dates_in_reverse_give_the_negative(seed, noise):
    """Pair (a, b) becomes (b, a): where time has no residues, its phase changes sign.

    Hop-3 is not symmetric in its triangles, but its pairs are; with residues in time the flows
    may differ where several are cheapest.
    """
    points, phase, costs = scene(seed, noise)
    *_, network, k, before, _ = unwrap(points, phase, costs)
    back = wrap(phase[::-1].astype(float) - phase[-1])
    *_, reverse, _, after, _ = unwrap(points, back, costs, mirrored(DATES))
    first, second = network.pairs.T
    row = {tuple(pair): i for i, pair in enumerate(reverse.pairs.tolist())}
    same = [row[5 - b, 5 - a] for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    forth = k[second].astype(int) - k[first]
    gradients = phase[:, point_mesh(points).edges]
    steps = (gradients[..., 1] - gradients[..., 0]).astype(float)
    nearest = -np.rint((steps[second] - steps[first]) / CYCLE)
    clean = not (forth != nearest).any()
    if clean:
        np.testing.assert_allclose(
            up_to_a_constant(unwrapped(back, reverse, after))[same],
            -up_to_a_constant(unwrapped(phase, network, before)),
            atol=1e-4,
        )
    assert clean or noise > 0.1


@ANY
@given(SEEDS, NOISE, st.booleans())
def test_an_image_flipped_gives_the_phase_flipped(seed, noise, sideways):
    """Exactly, where the triangulation is the mirror image and no two flows cost the same.

    Points on one circle leave a choice of triangles, so the mesh is that of points shaken off the
    grid; with the costs of links carried over, the flow of least cost is the same.
    """
    _, phase, costs = scene(seed, noise)
    n = phase.shape[1]
    rng = np.random.default_rng(seed)
    wide = np.unique(rng.integers(0, 10_000, (2 * n, 2)), axis=0)[:n]
    points = wide[np.lexsort(wide.T[::-1])].astype(np.int32)
    flipped = points.copy()
    flipped[:, int(sideways)] = 9_999 - flipped[:, int(sideways)]
    order = np.lexsort(flipped.T[::-1])
    mirror, original = point_mesh(flipped[order]), point_mesh(points)
    cost_of = dict(zip(map(tuple, np.sort(original.edges).tolist()), costs.tolist(), strict=False))
    ends = np.sort(order[mirror.edges]).tolist()
    assert {tuple(end) for end in ends} == cost_of.keys()
    carried = np.array([cost_of[tuple(end)] for end in ends])
    in_time = rng.integers(10**5, 10**6, 12)
    *_, network, _, before, left = unwrap(points, phase, costs, time_costs=in_time)
    *_, after, right = unwrap(flipped[order], phase[:, order], carried, time_costs=in_time)
    restored = np.empty_like(after)
    restored[:, order] = after
    np.testing.assert_array_equal(left["residues"], right["residues"])
    np.testing.assert_array_equal(left["cost"], right["cost"])
    np.testing.assert_allclose(
        up_to_a_constant(unwrapped(phase, network, restored)),
        up_to_a_constant(unwrapped(phase, network, before)),
        atol=1e-4,
    )


def test_with_equal_costs_a_flipped_image_costs_about_the_same():
    """With all costs alike a flipped image may choose other triangles, and other flows."""
    points, phase, _ = scene(3, 1.5, (20, 20))
    costs = np.ones(3 * len(points), np.int64)
    flipped = points.copy()
    flipped[:, 1] = 19 - flipped[:, 1]
    order = np.lexsort(flipped.T[::-1])
    statistics = unwrap(points, phase, costs)[-1]
    other = unwrap(flipped[order], phase[:, order], costs)[-1]
    # the triangles of four points on a circle differ, so residues move, but hardly their number
    assert statistics["residues"].sum() == pytest.approx(other["residues"].sum(), rel=0.1)
    assert statistics["cost"].sum() == pytest.approx(other["cost"].sum(), rel=0.1)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_the_same_bytes_with_any_number_of_threads(n_threads):
    points, phase, costs = scene(1, 1.0, (75, 75))
    *_, k, c, statistics = unwrap(points, phase, costs)
    *_, k_more, c_more, more = unwrap(points, phase, costs, n_threads=n_threads)
    assert k.tobytes() == k_more.tobytes() and c.tobytes() == c_more.tobytes()
    assert all(statistics[name].tobytes() == more[name].tobytes() for name in statistics)
    graph = point_mesh(points)
    assert graph.nedges > 8192  # more than one chunk of links
    design = np.column_stack((np.arange(6) / 3.0, [0, 2, -1, 3, 1, -2.0]))
    axes = [search_axis(design[:, term], -3, 3) for term in (0, 1)]
    one, many = (
        estimate_links(phase, graph.edges, design, axes, n_threads=n) for n in (1, n_threads)
    )
    for name in ("params", "sigma", "coherence", "at_range_end"):
        assert getattr(one, name).tobytes() == getattr(many, name).tobytes(), name
    again = [integrate_links(graph.edges, one.params, one.sigma, len(points)) for _ in range(2)]
    assert again[0].tobytes() == again[1].tobytes()


@ANY
@given(SEEDS, st.integers(2, 5))
def test_tiles_joined_are_congruent_with_the_input_and_their_offsets_no_matter(seed, ntiles):
    """Cycles added to a whole tile are taken out again by its bulk offset."""
    shape = (20, 24)
    points, phase, costs = scene(seed, 0.5, shape)
    mask = np.zeros(shape, bool)
    mask[tuple(points.T)] = True
    number = np.full(shape, -1)
    number[tuple(points.T)] = np.arange(len(points))
    places, cycles = [], []
    for tile in density_tiles(mask, -(-len(points) // ntiles), ntiles, 0.2):
        r0, c0, r1, c1 = tile.bounds
        own = np.argwhere(mask[r0:r1, c0:c1]).astype(np.int32) + tile.bounds[:2]
        graph, *_, found, _ = unwrap(own, phase[:, number[tuple(own.T)]], costs)
        confident = links_within(own, graph.edges)
        region = breadth_first_tree(graph, confident).region
        places.append(TilePoints(tile.bounds, own, graph.edges, region))
        cycles.append(found)
    rng = np.random.default_rng(seed)
    shifted = [c + rng.integers(-9, 10, (len(c), 1)).astype(np.int16) for c in cycles]
    merged = []
    for each in (cycles, shifted):
        overlaps = measure_overlaps(places, each, shape, 5)
        index = scene_index(places, shape, overlaps.component)
        merged.append(merge_cycles(index, each, bulk_offsets(overlaps, "integer").offsets).cycles)
    assert merged[0].dtype == np.int32
    np.testing.assert_array_equal(*(values - values[:, :1] for values in merged))
