"""What public functions make of arrays of any type: the same as of plain ones, or one line."""

import numpy as np
import pytest
from emcflow.acquisition.geometry import design_matrix
from emcflow.arrays import phase_array, real_array, whole_array
from emcflow.errors import InputError
from emcflow.graph.delaunay import delaunay_triangles, link_length, links_within, point_mesh
from emcflow.graph.mcf import flow_cost, solve_flows
from emcflow.graph.planar import breadth_first_tree, integrate_cycles, residues
from emcflow.links.integrate import integrate_links, point_mean
from emcflow.links.noise_floor import noise_probability, unbiased_coherence
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import choose_terms, search_axis
from emcflow.network.networks import hop3_network
from emcflow.network.phase_linking import link_phases
from emcflow.products.accuracy import share_right
from emcflow.products.fill import to_nearest_cycle
from emcflow.products.time_series import fit_velocity, misfits, network_inverse, pair_weights
from emcflow.unwrap.costs import spatial_costs, temporal_costs
from emcflow.unwrap.points import unwrap_points
from emcflow.unwrap.significant import significant_params
from emcflow.unwrap.temporal import unwrap_in_time

DATES = ("20200101", "20200113", "20200206", "20200218", "20200313", "20200325", "20200418")
BPERP = np.array([0, 80, -60, 35, -110, 55, 140])
GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
DESIGN = design_matrix(DATES, BPERP, **GEOMETRY)
POINTS = np.argwhere(np.ones((9, 11)))
RNG = np.random.default_rng(4)
HEIGHT = 0.3 * POINTS[:, 0] + RNG.normal(0, 1, len(POINTS))
PHASE = np.angle(np.exp(1j * (DESIGN[:, 1:] * HEIGHT + RNG.normal(0, 0.2, (7, len(POINTS))))))
PHASE -= PHASE[0]
GRAPH, NETWORK = point_mesh(POINTS), hop3_network(DATES)
AXES = [search_axis(DESIGN[:, i], -40, 40) for i in (0, 1)]
LINKS = estimate_links(PHASE, GRAPH.edges, DESIGN, AXES)
CYCLES = unwrap_in_time(PHASE, GRAPH, NETWORK, DESIGN, LINKS.params)
LOOPS = residues(GRAPH, CYCLES[-1])
PAIR_PHASE = np.angle(np.exp(1j * (PHASE[NETWORK.pairs[:, 1]] - PHASE[NETWORK.pairs[:, 0]])))
COSTS = np.ones(GRAPH.nedges, np.int64)

# Of every function: how it is called with one argument, that argument, and what it is.
FUNCTIONS = {
    "unwrap_points phase": (
        lambda x: unwrap_points(x, POINTS, DATES, DESIGN).unwrapped, PHASE, "phase"
    ),
    "unwrap_points points": (
        lambda x: unwrap_points(PHASE, x, DATES, DESIGN).unwrapped, POINTS, "whole"
    ),
    "unwrap_points design": (
        lambda x: unwrap_points(PHASE, POINTS, DATES, x).unwrapped, DESIGN, "real"
    ),
    "unwrap_in_time": (lambda x: unwrap_in_time(x, GRAPH, NETWORK), PHASE, "phase"),
    "unwrap_in_time params": (
        lambda x: unwrap_in_time(PHASE, GRAPH, NETWORK, DESIGN, x), LINKS.params, "real"
    ),
    "significant_params": (
        lambda x: significant_params(
            x, GRAPH, DESIGN, LINKS.params, LINKS.coherence, [(-40, 40)] * 2
        ),
        PHASE,
        "phase",
    ),
    "spatial_costs": (
        lambda x: spatial_costs("coherence", GRAPH, POINTS, x), LINKS.coherence, "real"
    ),
    "estimate_links phase": (
        lambda x: estimate_links(x, GRAPH.edges, DESIGN, AXES).params, PHASE, "phase"
    ),
    "estimate_links edges": (
        lambda x: estimate_links(PHASE, x, DESIGN, AXES).params, GRAPH.edges, "whole"
    ),
    "integrate_links values": (
        lambda x: integrate_links(GRAPH.edges, x, LINKS.sigma, len(POINTS)), LINKS.params, "real"
    ),
    "integrate_links sigma": (
        lambda x: integrate_links(GRAPH.edges, LINKS.params, x, len(POINTS)), LINKS.sigma, "real"
    ),
    "integrate_links edges": (
        lambda x: integrate_links(x, LINKS.params, LINKS.sigma, len(POINTS)), GRAPH.edges, "whole"
    ),
    "point_mean": (
        lambda x: point_mean(GRAPH.edges, x, len(POINTS)), LINKS.coherence, "real"
    ),
    "link_phases": (
        lambda x: link_phases(x, NETWORK.pairs, len(DATES))[0], PAIR_PHASE, "phase"
    ),
    "point_mesh": (lambda x: point_mesh(x).edges, POINTS, "whole"),
    "delaunay_triangles": (delaunay_triangles, POINTS, "whole"),
    "link_length": (lambda x: link_length(x, GRAPH.edges), POINTS, "real"),
    "links_within": (lambda x: links_within(POINTS, x, 2.0), GRAPH.edges, "whole"),
    "residues": (lambda x: residues(GRAPH, x), CYCLES, "whole"),
    "integrate_cycles": (
        lambda x: integrate_cycles(breadth_first_tree(GRAPH), x), CYCLES, "whole"
    ),
    "solve_flows": (lambda x: solve_flows(GRAPH, x, COSTS), LOOPS, "whole"),
    "flow_cost": (lambda x: flow_cost(x, COSTS), CYCLES, "whole"),
    "design_matrix": (lambda x: design_matrix(DATES, x, **GEOMETRY), BPERP, "real"),
    "choose_terms": (lambda x: choose_terms(x, [(-40, 40)] * 2)[0], DESIGN, "real"),
    "unbiased_coherence": (lambda x: unbiased_coherence(x, 7, 2), LINKS.coherence, "real"),
    "noise_probability": (
        lambda x: noise_probability(x, DESIGN, [(-40, 40)] * 2), LINKS.coherence, "real"
    ),
    "fit_velocity": (lambda x: fit_velocity(x, np.arange(7.0))[0], PHASE, "real"),
    "misfits": (lambda x: misfits(x, PHASE, NETWORK.pairs)[0], PAIR_PHASE, "real"),
    "network_inverse": (
        lambda x: network_inverse(NETWORK.pairs, 7, x), np.ones(NETWORK.npairs), "real"
    ),
    "pair_weights": (lambda x: pair_weights(x, 99), np.arange(6), "real"),
    "to_nearest_cycle": (lambda x: to_nearest_cycle(x, PHASE[2] + 9), PHASE[2], "phase"),
    "share_right": (lambda x: share_right(x, PHASE[2]), PHASE[2], "real"),
}  # fmt: skip
ALL = pytest.mark.parametrize("call, array, kind", FUNCTIONS.values(), ids=FUNCTIONS)


def same(one, other):
    return np.allclose(one, other, rtol=1e-5, atol=2e-5, equal_nan=True)


@ALL
def test_other_byte_orders_layouts_and_widths_are_the_same_values(call, array, kind):
    expected = call(array)
    swapped = array.astype(array.dtype.newbyteorder())
    assert same(call(swapped), expected)
    strided = np.repeat(array, 2, axis=-1)[..., ::2]
    assert same(call(strided), expected)
    fixed = np.array(array)
    fixed.flags.writeable = False
    assert same(call(fixed), expected)
    assert same(call(array.astype(np.float64)), expected)
    assert same(call(np.ma.masked_array(array)), expected)
    if array.ndim:
        assert same(call(array.tolist()), expected)


@ALL
def test_complex_numbers_are_taken_by_their_angle_or_refused(call, array, kind):
    if kind == "phase":
        assert same(
            np.cos(call(2.5 * np.exp(1j * array))), np.cos(call(np.angle(np.exp(1j * array))))
        )
    else:
        with pytest.raises(InputError, match="complex"):
            call(array + 0j)


@ALL
def test_masked_values_objects_and_text_are_refused_in_one_line(call, array, kind):
    masked = np.ma.masked_array(array, np.zeros(array.shape, bool))
    masked[(0,) * array.ndim] = np.ma.masked
    for bad in (masked, array.astype(object), array.astype(str)):
        with pytest.raises(InputError) as raised:
            call(bad)
        assert "expected" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "call, array, kind",
    [each for each in FUNCTIONS.values() if each[2] == "whole"],
    ids=[name for name, each in FUNCTIONS.items() if each[2] == "whole"],
)
def test_fractions_are_no_whole_numbers(call, array, kind):
    broken = array.astype(np.float64)
    broken.flat[-1] += 0.5
    with pytest.raises(InputError, match="whole numbers"):
        call(broken)
    broken.flat[-1] = np.nan
    with pytest.raises(InputError):
        call(broken)


def test_complex_input_unwraps_as_its_angle_does():
    whole = 300 * np.exp(1j * PHASE)
    assert np.allclose(
        unwrap_points(whole, POINTS, DATES, DESIGN).unwrapped,
        unwrap_points(np.angle(whole), POINTS, DATES, DESIGN).unwrapped,
        atol=1e-5,
    )


def test_complex_zeros_have_no_phase():
    assert np.isnan(phase_array([0j, complex(np.nan, 0)], "phase")).all()
    assert phase_array([2j], "phase") == pytest.approx(np.pi / 2)


def test_types_of_what_comes_back():
    assert real_array([1, 2], "x").dtype == np.float64
    assert real_array(np.zeros(2, ">f4"), "x").dtype == np.dtype("float64")
    assert real_array(np.zeros(2, np.float32), "x").dtype == np.float32
    assert whole_array(np.zeros(2, np.int16), "k").dtype == np.int16
    assert whole_array([1.0, 2.0], "k").dtype == np.int64
    with pytest.raises(InputError, match="from 0 to 70000"):
        whole_array([0, 70000], "k", np.int16)


def test_costs_in_time_know_their_kinds():
    assert temporal_costs("constant", NETWORK).tolist() == [1] * NETWORK.npairs
