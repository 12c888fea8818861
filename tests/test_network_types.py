"""Every type of network through the whole workflow on a small stack with its truth."""

import csv
from itertools import combinations

import numpy as np
from emcflow.acquisition.geometry import design_matrix
from emcflow.network.pairs import delaunay_pairs
from emcflow.products.simulate import simulation_baselines, simulation_dates
from stacks import DATES, write_stack
from workflow import read, run_whole

SHAPE = (24, 30)
BPERP = np.array([0.0, 90, -60, 40, -110, 20])
GEOMETRY = {"wavelength_m": 0.056, "slant_range_m": 850e3, "incidence_angle_deg": 39}


def config(dates, kind, **network):
    return {
        "output_dir": "results",
        "stack": {"directory": "stack"},
        "baselines": {"csv": "baselines.csv"},
        "geometry": GEOMETRY,
        "network": {"type": kind, **network},
        "link_model": {"enabled": len(dates) > 3},
    }


def prepare(folder, ndates):
    """Write stack and table of baselines; return dates and true phase (ndates, rows, cols)."""
    dates = DATES[:ndates]
    points = np.argwhere(np.ones(SHAPE, bool))
    rng = np.random.default_rng(3)
    velocity, height = points @ [1.5, -0.8], np.where((points // 6).sum(axis=1) % 2, 12.0, 0)
    phase = design_matrix(dates, BPERP[:ndates], **GEOMETRY) @ [velocity, height]
    phase += 0.2 * rng.standard_normal(phase.shape)
    phase -= phase[0]
    write_stack(folder / "stack", points, phase, SHAPE, dates)
    rows = "".join(f"{date},{bperp}\n" for date, bperp in zip(dates, BPERP, strict=False))
    (folder / "baselines.csv").write_text(f"date,bperp_m\n{rows}")
    return dates, phase.reshape(ndates, *SHAPE)


def check_results(folder, dates, truth, pairs):
    """Assert that the pairs are there, and that each is the truth but for whole cycles of all."""
    paths = sorted((folder / "results" / "unwrapped").glob("*.unw.tif"))
    assert [path.name[:17] for path in paths] == [f"{dates[a]}_{dates[b]}" for a, b in pairs]
    for path, (first, second) in zip(paths, pairs, strict=True):
        cycles = (read(path) - (truth[second] - truth[first])) / (2 * np.pi)
        assert np.abs(cycles - np.rint(cycles.flat[0])).max() < 1e-4


def test_a_table_of_pairs_that_are_not_planar(tmp_path):
    """All pairs of six dates: 12 of the 15 fit into a plane, the others are right as well."""
    dates, truth = prepare(tmp_path, 6)
    pairs = list(combinations(range(6), 2))
    lines = "".join(f"{dates[b]},{dates[a]}\n" for a, b in pairs[::-1])
    (tmp_path / "mine.csv").write_text(f"reference,secondary\n{lines}")
    printed = run_whole(tmp_path, config(dates, "csv", csv="mine.csv"))
    assert "3 of 15 interferograms do not fit into a planar network" in printed
    check_results(tmp_path, dates, truth, pairs)
    with open(tmp_path / "results" / "network" / "network.csv", newline="") as file:
        assert sum(row["planar"] == "0" for row in csv.DictReader(file)) == 3
    assert (tmp_path / "results" / "report.html").exists()


def test_delaunay_without_its_long_pairs(tmp_path):
    """A loop that a pair taken away leaves behind closes still."""
    dates, truth = prepare(tmp_path, 6)
    whole, pairs = delaunay_pairs(dates, BPERP), delaunay_pairs(dates, BPERP, 60, 140)
    assert len(pairs) < len(whole)
    run_whole(tmp_path, config(dates, "delaunay", max_days=60, max_bperp_m=140))
    check_results(tmp_path, dates, truth, pairs.tolist())


def test_two_dates(tmp_path):
    """One pair, no triangle: plain unwrapping in space."""
    dates, truth = prepare(tmp_path, 2)
    run_whole(tmp_path, config(dates, "delaunay"), "--", "merge_interferograms_00")
    check_results(tmp_path, dates, truth, [(0, 1)])
    assert "each is unwrapped by itself" in (tmp_path / "results/logs/network.log").read_text()


def test_a_simulated_stack_has_its_network_before_it_exists(tmp_path):
    simulation = {"rows": 20, "cols": 20, "dates": 7}
    dates = simulation_dates(simulation)
    pairs = delaunay_pairs(dates, simulation_baselines(simulation))
    asked = {"output_dir": "results", "stack": {"layout": "simulate"}, "simulation": simulation}
    run_whole(tmp_path, asked | {"network": {"type": "delaunay"}}, "--", "network")
    with open(tmp_path / "results" / "network" / "network.csv", newline="") as file:
        listed = [(row["reference"], row["secondary"]) for row in csv.DictReader(file)]
    assert listed == [(dates[first], dates[second]) for first, second in pairs]
