"""The whole workflow on the simulated city: right, seamless, resumable, the same on any cores."""

import json

import numpy as np
import pytest
from emcflow.io.files import read_csv
from workflow import ROOT, jobs_of, read, run, run_whole, shares_right

PARAMETERS = ["velocity_mm_yr", "dem_error_m"]
DEMO = {
    "output_dir": "results",
    "stack": {"layout": "simulate"},
    "link_model": {"dem_error_range_m": [-80, 80]},
    "simulation": {"seed": 1},
}


def four_tiles(simulated):
    """Config that unwraps the demo's stack, as a user's, in four tiles."""
    simulation = simulated / "results" / "simulation"
    return {
        "output_dir": "results",
        "stack": {"layout": "phase_linked", "directory": str(simulation / "stack")},
        "geometry": {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39},
        "baselines": {"csv": str(simulation / "baselines_slc.csv")},
        "link_model": {"dem_error_range_m": [-80, 80]},
        "tiles": {"points_per_tile": 8000, "max_tiles": 4},
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo, run to its end with one tile."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "printed.txt").write_text(run_whole(folder, DEMO))
    return folder


@pytest.fixture(scope="module")
def tiled(demo, tmp_path_factory):
    """The same stack in four tiles, on two cores."""
    folder = tmp_path_factory.mktemp("tiled")
    run_whole(folder, four_tiles(demo))
    return folder


@pytest.fixture(scope="module")
def tiled_one_core(demo, tmp_path_factory):
    """The same again on one core."""
    folder = tmp_path_factory.mktemp("one_core")
    run_whole(folder, four_tiles(demo), cores=1)
    return folder


def test_demo_config_is_the_tested_one():
    import yaml

    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    assert config["link_model"] == DEMO["link_model"]
    assert config["simulation"]["seed"] == DEMO["simulation"]["seed"]


@pytest.mark.parametrize("run_name", ["demo", "tiled"])
def test_nearly_every_point_is_right_in_every_interferogram(run_name, demo, request):
    results = request.getfixturevalue(run_name) / "results"
    simulation = demo / "results" / "simulation"
    shares = shares_right(
        results / "unwrapped",
        simulation / "truth" / "timeseries_unw.tif",
        simulation / "stack" / "temporal_coherence.tif",
    )
    assert len(shares) == 42
    worst = min(shares, key=shares.get)
    assert shares[worst] >= 0.999, worst


def test_a_run_ends_with_how_good_its_results_are_and_where(demo):
    printed = (demo / "printed.txt").read_text()
    summary = (demo / "results" / "report.txt").read_text()
    assert summary in printed
    assert "42 interferograms" in summary
    for name in ("report.html", "unwrapped/", "velocity_mm_yr.tif", "dem_error_m.tif"):
        assert f"results/{name}\n" in summary
        assert (demo / "results" / name).exists()
    assert "Tile 00: unwrap 42 interferograms" in printed
    assert "Select jobs" not in printed


def test_four_tiles_are_four(tiled):
    tiles = json.loads((tiled / "results" / "tiles" / "tiles.json").read_text())["tiles"]
    assert len(tiles) == 4


def test_unwrapped_phase_is_congruent_with_the_input(tiled, demo):
    stack = demo / "results" / "simulation" / "stack"
    wrapped = {"20190105": 0}
    for path in stack.glob("*.int.tif"):
        wrapped[path.name[9:17]] = np.angle(read(path).astype(np.complex128))
    paths = sorted((tiled / "results" / "unwrapped").glob("*.unw.tif"))
    assert len(paths) == 42
    for path in paths:
        unwrapped = read(path).astype(np.float64)
        first, second = path.name[:8], path.name[9:17]
        cycles = (unwrapped - (wrapped[second] - wrapped[first])) / (2 * np.pi)
        error = np.abs(cycles - np.rint(cycles)) * 2 * np.pi
        assert np.nanmax(error) < 1e-5


def of_true_series(results, name):
    """The map by least squares on the true phase of the dates, its atmosphere and noise in it."""
    table = read_csv(results / "network" / "design_matrix.csv", ("row", "reference", "secondary"))
    columns = [table[term][table["row"] == "date"] for term in PARAMETERS]
    design = np.column_stack([np.ones(len(columns[0])), *columns])
    series = read(results / "simulation" / "truth" / "timeseries_unw.tif")
    terms = np.linalg.pinv(design) @ series.reshape(len(series), -1)
    return terms[1 + PARAMETERS.index(name)].reshape(series.shape[1:])


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_as_right_as_the_true_phase_and_the_same_in_four_tiles(name, demo, tiled):
    one, four = (read(folder / "results" / f"{name}.tif") for folder in (demo, tiled))
    truth = read(demo / "results" / "simulation" / "truth" / f"{name}.tif")
    points = np.isfinite(one)
    best = np.std((of_true_series(demo / "results", name) - truth)[points])
    for found in (one, four):
        assert np.std((found - truth)[points]) < 1.05 * best
    assert np.sqrt(np.mean((four - one)[points] ** 2)) < 0.05 * best
    assert np.corrcoef(one[points], truth[points])[0, 1] > 0.95


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_seam_between_tiles(name, demo, tiled):
    """The error of the map steps no more across the border of a tile than between neighbours."""
    results = tiled / "results"
    truth = read(demo / "results" / "simulation" / "truth" / f"{name}.tif")
    error = read(results / f"{name}.tif") - truth
    tiles = json.loads((results / "tiles" / "tiles.json").read_text())["tiles"]
    for axis in (0, 1):
        step = np.abs(np.diff(error, axis=axis))
        lines = {tile["bounds"][axis + 2 * end] for tile in tiles for end in (0, 1)}
        lines -= {0, error.shape[axis]}
        across = np.concatenate([step.take(line - 1, axis=axis) for line in lines])
        assert np.nanmean(across) < 1.1 * np.nanmean(step)


def test_the_same_bytes_on_one_core_and_on_two(tiled, tiled_one_core):
    one, two = (
        {path.relative_to(folder): path.read_bytes() for path in folder.glob("results/**/*.tif")}
        for folder in (tiled_one_core, tiled)
    )
    # of the pairs, of the link model, of the quality, the components, the mask of the maps
    assert len(two) == 6 * 42 + 5 + 7 + 2
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_masks_keep_the_points_whose_cycles_are_likely_right(tiled):
    results = tiled / "results"
    probabilities = []
    for path in sorted(results.glob("unwrapped/*.unw.pwrong.tif")):
        decibels = read(path)
        points = np.isfinite(read(str(path).replace(".pwrong.tif", ".tif")))
        np.testing.assert_array_equal(decibels != 255, points)
        mask = read(results / "unwrapped" / "quality" / f"{path.name[:17]}_mask.tif")
        np.testing.assert_array_equal(mask, np.where(points, decibels >= 30, 255))
        probabilities.append(10 ** (-0.1 * decibels[points]))
    assert len(probabilities) == 42
    mask = read(results / "quality" / "recommended_mask.tif")
    np.testing.assert_array_equal(mask != 255, points)
    kept = np.mean(probabilities, axis=0) <= 1e-3
    assert np.mean(mask[points] == kept) > 0.9999 and kept.mean() > 0.98


def test_a_second_run_has_nothing_to_do(tiled, demo):
    printed = run_whole(tiled, four_tiles(demo))
    assert "Nothing to be done" in printed
    assert jobs_of(printed) == set()


def test_without_baselines_and_wavelength_everything_but_the_link_model_works(demo, tmp_path):
    config = four_tiles(demo)
    del config["baselines"], config["link_model"], config["geometry"]
    printed = run_whole(tmp_path, config)
    assert "link_model" not in jobs_of(printed)
    results = tmp_path / "results"
    assert len(list(results.glob("unwrapped/*.unw.tif"))) == 42
    assert (results / "report.html").exists()
    assert not (results / "velocity_mm_yr.tif").exists()


def test_bad_input_ends_with_one_line_before_any_job(demo, tmp_path):
    config = four_tiles(demo)
    config["tiles"]["point_per_tile"] = 3
    process = run(tmp_path, config)
    assert process.returncode != 0
    assert "tiles.point_per_tile" in process.stdout
    assert "points_per_tile" in process.stdout
    assert not (tmp_path / "results").exists()
