import logging

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.graph import mcf
from emcflow.graph.mcf import flow_cost, solve_flows
from emcflow.graph.planar import planar_graph, residues
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial import Delaunay

COST_KINDS = ("constant", "varying", "many zeros", "per direction")


def delaunay(rng, npoints):
    """Triangles of random points, all in the same sense."""
    points = rng.random((npoints, 2))
    triangles = Delaunay(points).simplices
    along, across = (points[triangles[:, i]] - points[triangles[:, 0]] for i in (1, 2))
    clockwise = along[:, 0] * across[:, 1] < along[:, 1] * across[:, 0]
    triangles[clockwise] = triangles[clockwise][:, [0, 2, 1]]
    return triangles


def closed(triangles, apex):
    """The same triangles and, beyond their outline, triangles to one more point: a sphere."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    walked = {tuple(edge) for edge in edges.tolist()}
    outline = [(b, a, apex) for a, b in walked if (b, a) not in walked]
    return np.concatenate([triangles, outline])


def random_graph(rng):
    """One to three meshes side by side; those closed to a sphere are a dual component each."""
    parts, npoints = [], 0
    for _ in range(rng.integers(1, 4)):
        n = int(rng.integers(3, 40))
        triangles = delaunay(rng, n)
        if rng.random() < 0.5:
            triangles = closed(triangles, n)
            n += 1
        parts.append(triangles + npoints)
        npoints += n
    return planar_graph(np.concatenate(parts), npoints)


def random_costs(rng, kind, nedges):
    if kind == "constant":
        return np.full(nedges, 3, np.int32)
    if kind == "varying":
        return rng.integers(1, 200, nedges)
    if kind == "many zeros":
        return rng.integers(0, 3, nedges)
    return rng.integers(0, 50, (2, nedges))


def random_cycles(rng, graph):
    """Cycles with few to about a quarter of the triangles as residues, some of them multiple."""
    return np.where(
        rng.random(graph.nedges) < rng.choice([0.01, 0.03, 0.1]),
        rng.integers(-3, 4, graph.nedges),
        0,
    )


@pytest.mark.parametrize("kind", COST_KINDS)
@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(seed=st.integers(0, 2**32 - 1))
def test_both_solvers_reach_the_same_cost_and_leave_no_residue(kind, seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    k = random_cycles(rng, graph)
    costs = random_costs(rng, kind, graph.nedges)
    loops = residues(graph, k)
    ours = solve_flows(graph, loops, costs)
    reference = solve_flows(graph, loops, costs, solver="ortools")
    assert not residues(graph, k + ours).any()
    assert not residues(graph, k + reference).any()
    assert flow_cost(ours, costs) == flow_cost(reference, costs)


@pytest.mark.parametrize("kind", COST_KINDS)
def test_cost_is_that_of_the_linear_program(kind):
    rng = np.random.default_rng(7)
    for _ in range(40):
        graph = random_graph(rng)
        k = random_cycles(rng, graph) + (rng.random(graph.nedges) < 0.1)
        costs = random_costs(rng, kind, graph.nedges)
        loops = residues(graph, k)
        flow = solve_flows(graph, loops, costs)
        # residues(k + plus - minus) = 0 for every triangle, plus and minus >= 0.
        effect = residues(graph, np.eye(graph.nedges, dtype=np.int32)).T
        both = np.broadcast_to(costs, (2, graph.nedges)).ravel()
        best = linprog(both, A_eq=np.hstack([effect, -effect]), b_eq=-loops)
        assert flow_cost(flow, costs) == round(best.fun)


SQUARE = planar_graph([(0, 1, 2), (0, 2, 3)], 4)  # edges 01, 02, 03, 12, 23


def test_adjacent_residues_cancel_through_their_common_edge():
    flow = solve_flows(SQUARE, np.array([-1, 1, 0]), np.full(5, 10))
    # Edge 02 is walked forwards by the second triangle: it loses a cycle where that has one more.
    np.testing.assert_array_equal(flow, [0, -1, 0, 0, 0])


def test_flow_takes_the_detour_over_the_ground_when_it_is_cheaper():
    costs = np.array([1, 10, 10, 10, 2])
    flow = solve_flows(SQUARE, np.array([-1, 1, 0]), costs)
    np.testing.assert_array_equal(flow, [1, 0, 0, 0, -1])
    assert flow_cost(flow, costs) == 3


def test_costs_of_both_directions_are_told_apart():
    costs = np.full((2, 5), 10)
    costs[1, 1] = 50  # a negative flow through edge 02
    there = solve_flows(SQUARE, np.array([1, -1, 0]), costs)
    back = solve_flows(SQUARE, np.array([-1, 1, 0]), costs)
    np.testing.assert_array_equal(there, [0, 1, 0, 0, 0])
    assert flow_cost(there, costs) == 10
    assert back[1] == 0
    assert flow_cost(back, costs) == 20


def test_flow_cost_counts_each_direction():
    costs = np.array([[1, 2, 3], [10, 20, 30]])
    assert flow_cost(np.array([2, -1, 0]), costs) == 22
    np.testing.assert_array_equal(flow_cost(np.array([[2, -1, 0], [0, 0, -2]]), costs), [22, 60])
    assert flow_cost(np.array([2, -1, 0]), costs[0]) == 4


def grid_mesh(n):
    """Mesh of an n x n grid of points."""
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    lower = np.stack([corner, corner + n, corner + n + 1], axis=1)
    upper = np.stack([corner, corner + n + 1, corner + 1], axis=1)
    return planar_graph(np.concatenate([lower, upper]), n * n)


def wrapped_cycles(graph, phase):
    gradient = phase[graph.edges[:, 1]] - phase[graph.edges[:, 0]]
    return -np.rint(gradient / (2 * np.pi)).astype(np.int32)


def noisy_residues(graph, n):
    """Residues of wrapped phase, from smooth to pure noise, (5, ntri + 1)."""
    rng = np.random.default_rng(3)
    sigma = np.array([0.3, 0.9, 1.3, 2.0, 9.0])[:, None]
    phase = np.angle(np.exp(1j * sigma * rng.standard_normal((5, n * n))))
    return residues(graph, np.array([wrapped_cycles(graph, row) for row in phase]))


def test_solvers_agree_on_noisy_phase_and_threads_change_nothing():
    graph = grid_mesh(70)
    loops = noisy_residues(graph, 70)
    shares = (loops[:, :-1] != 0).mean(axis=1)
    assert shares[0] < 0.01 < 0.1 < shares[2] < 0.2 < shares[4]
    costs = np.random.default_rng(4).integers(20, 200, graph.nedges)
    ours = solve_flows(graph, loops, costs)
    reference = solve_flows(graph, loops, costs, solver="ortools", n_threads=2)
    np.testing.assert_array_equal(flow_cost(ours, costs), flow_cost(reference, costs))
    np.testing.assert_array_equal(ours, solve_flows(graph, loops, costs, n_threads=3))
    np.testing.assert_array_equal(ours[2], solve_flows(graph, loops[2], costs))


def test_excess_of_one_sign_on_one_half_goes_a_long_way():
    graph = grid_mesh(24)
    loops = np.zeros(graph.ntriangles + 1, np.int32)
    middle = graph.triangles.mean(axis=1) % 24
    loops[:-1] = np.where(middle < 8, 2, np.where(middle > 15, -1, 0))
    loops[-1] = -loops.sum()
    costs = np.random.default_rng(5).integers(0, 9, (2, graph.nedges))
    ours = solve_flows(graph, loops, costs)
    reference = solve_flows(graph, loops, costs, solver="ortools")
    assert flow_cost(ours, costs) == flow_cost(reference, costs)


def test_too_much_work_falls_back_to_ortools_and_says_so(monkeypatch, caplog):
    graph = grid_mesh(30)
    loops = noisy_residues(graph, 30)
    costs = np.ones(graph.nedges, np.int32)
    ours = solve_flows(graph, loops, costs)
    monkeypatch.setattr(mcf, "MIN_SCANS", 1000)
    monkeypatch.setattr(mcf, "MAX_SCANS_PER_ARC", 0)
    with caplog.at_level(logging.WARNING):
        fallback = solve_flows(graph, loops, costs)
    assert "too many steps" in caplog.text
    assert "OR-Tools" in caplog.text
    np.testing.assert_array_equal(flow_cost(fallback, costs), flow_cost(ours, costs))


def test_potentials_bound_the_work_on_pure_noise(monkeypatch, caplog):
    graph = grid_mesh(70)
    loops = noisy_residues(graph, 70)[4]
    costs = np.random.default_rng(4).integers(20, 200, graph.nedges)
    monkeypatch.setattr(mcf, "MIN_SCANS", 0)
    monkeypatch.setattr(mcf, "MAX_SCANS_PER_ARC", 20)
    with caplog.at_level(logging.WARNING):
        solve_flows(graph, loops, costs)
    assert not caplog.records


def test_paths_too_dear_for_32_bits_fall_back_to_ortools(caplog):
    graph = grid_mesh(10)
    loops = np.zeros(graph.ntriangles + 1, np.int32)
    loops[0], loops[graph.ntriangles - 1] = 1, -1
    costs = np.full(graph.nedges, 2**29)
    with caplog.at_level(logging.WARNING):
        flow = solve_flows(graph, loops, costs)
    assert "32 bits" in caplog.text
    assert flow_cost(flow, costs) == 2 * 2**29


@pytest.mark.parametrize("solver", mcf.SOLVERS)
def test_residues_that_do_not_cancel_are_refused(solver):
    spheres = planar_graph(
        np.concatenate([closed(np.array([(0, 1, 2)]), 3), closed(np.array([(4, 5, 6)]), 7)]), 8
    )
    costs = np.ones(spheres.nedges, np.int32)
    with pytest.raises(InputError, match="add up to 1, expected 0"):
        solve_flows(spheres, np.array([1, 0, 0, 0, -1, 0, 0, 0, 0]), costs, solver)
    with pytest.raises(InputError, match=r"4 connected triangles \(the first is 4\) add up to 2"):
        solve_flows(spheres, np.array([0, 0, 0, 0, 1, 1, 0, 0, 0]), costs, solver)


@pytest.mark.parametrize("solver", mcf.SOLVERS)
def test_graph_without_triangles_carries_no_flow(solver):
    chain = planar_graph(np.zeros((0, 3)), 3, [(0, 1), (1, 2)])
    flow = solve_flows(chain, np.zeros(1, int), np.ones(2, int), solver)
    np.testing.assert_array_equal(flow, [0, 0])


def test_wrong_arguments_are_named():
    zero = np.zeros(3, int)
    for costs, message in [
        (np.ones(4, int), r"costs have shape \(4,\), expected \(5,\)"),
        (np.full(5, -1), "costs are from -1 to -1"),
        (np.full(5, 2**40), "costs are from"),
        (np.ones(5), "costs are float64, expected integers"),
    ]:
        with pytest.raises(InputError, match=message):
            solve_flows(SQUARE, zero, costs)
    with pytest.raises(InputError, match=r"residues have shape \(2,\), expected \(3,\)"):
        solve_flows(SQUARE, zero[:2], np.ones(5, int))
    with pytest.raises(InputError, match="'simplex', expected one of ssp, ortools"):
        solve_flows(SQUARE, zero, np.ones(5, int), solver="simplex")


def test_progress_counts_and_errors_pass_in_threads():
    seen = []
    mcf.in_threads(lambda item: None, range(3), 2, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(ZeroDivisionError):
        mcf.in_threads(lambda item: 1 // item, [1, 0, 1], 2)
