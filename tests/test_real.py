"""The whole workflow on real Sentinel-1 stacks with a reference.

The stacks are not part of this repository; EMCFLOW_DATA names the folder that holds them.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from emcflow.io.hdf5 import read as read_product
from workflow import read, run_whole, shares_right

DATA = os.environ.get("EMCFLOW_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="EMCFLOW_DATA names no folder of real stacks")


def unwrap(folder, name, **tiles):
    """Run the workflow on one of the stacks and return its results and its reference."""
    data = Path(DATA) / name
    geometry = json.loads((data / "geometry.json").read_text())
    keys = ("wavelength_m", "slant_range_m", "incidence_angle_deg")
    config = {
        "output_dir": "results",
        "stack": {"layout": "phase_linked", "directory": str(data / "stack")},
        "geometry": {key: geometry[key] for key in keys},
        "baselines": {"csv": str(data / "baselines_ifg.csv")},
        "link_model": {"dem_error_range_m": [-80, 80]},
        "tiles": tiles,
    }
    run_whole(folder, config)
    return folder / "results", data / "reference", data / "stack" / "temporal_coherence.tif"


def mean_share(results, reference, coherence):
    shares = shares_right(results / "unwrapped", reference / "timeseries_unw.tif", coherence)
    assert len(shares) == 33
    return np.mean(list(shares.values()))


def test_mexico_city(tmp_path):
    assert mean_share(*unwrap(tmp_path, "cropA_mexico")) >= 0.9999


def costs_of_flows(results):
    """Cost of the flow of every interferogram, and the residues it removes."""
    return read_product(
        results / "unwrap" / "uw_tile_00.h5", "statistics/cost", "statistics/residues"
    )


def test_mexico_city_with_added_heights(tmp_path):
    results, reference, coherence = unwrap(tmp_path, "cropA_mexico_hard")
    assert mean_share(results, reference, coherence) >= 0.998
    height = read(results / "dem_error_m.tif")
    truth = read(reference / "truth_dem_error_m.tif")
    both = np.isfinite(height) & np.isfinite(truth)
    assert both.sum() > 5000
    assert np.corrcoef(height[both], truth[both])[0, 1] >= 0.95
    error = (height - truth)[both]
    # Noise of 0.46 rad per date over baselines of 550 m; the real stack adds errors of its own DEM.
    assert np.std(error - np.median(error)) <= 5.0
    costs, residues = costs_of_flows(results)
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    config["unwrap"] = {"solver": "ortools"}
    run_whole(tmp_path, config, "--until", "unwrap_tile")
    reference_costs, reference_residues = costs_of_flows(results)
    np.testing.assert_array_equal(residues, reference_residues)
    np.testing.assert_array_equal(costs, reference_costs)
    assert residues.max() > 100


def test_mexico_city_with_added_heights_in_four_tiles(tmp_path):
    results, reference, coherence = unwrap(
        tmp_path, "cropA_mexico_hard", points_per_tile=1400, max_tiles=4
    )
    assert len(json.loads((results / "tiles" / "tiles.json").read_text())["tiles"]) == 4
    assert mean_share(results, reference, coherence) >= 0.997
