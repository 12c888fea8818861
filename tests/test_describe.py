"""``python -m emcflow describe``: configs from samples of other programs' folders."""

import io
import re
from contextlib import chdir, redirect_stdout

import numpy as np
import pytest
import samples
import yaml
from emcflow.__main__ import main
from emcflow.io.baselines import read_baselines
from emcflow.io.raster import read_values
from emcflow.workflow.config import SCHEMA_PATH, check_config
from workflow import read, run_whole

# What each sample is, whether the sign of its baselines is known, and what it needs of the reader
# of images: keys that the schema has once that is there.
SAMPLES = {
    "dolphin": (samples.write_dolphin, True),
    "opera": (samples.write_opera, True),
    "topsstack": (samples.write_topsstack, True),
    "stripmap": (samples.write_stripmap, True),
    "miaplpy": (samples.write_miaplpy, True),
    "sarvey": (samples.write_sarvey, True),
    "licsar": (samples.write_licsar, False),
    "hyp3_burst": (samples.write_hyp3, True),
    "hyp3_scene": (lambda folder: samples.write_hyp3(folder, burst=False), False),
    "gmtsar": (samples.write_gmtsar, True),
    "snap": (samples.write_snap, True),
    "gamma": (samples.write_gamma, True),
    "gamma_pairs": (samples.write_gamma_pairs, True),
    "nisar_gslc": (samples.write_gslc, True),
    "nisar_gunw": (samples.write_gunw, True),
    "mintpy": (samples.write_mintpy, True),
}


@pytest.fixture(scope="module", params=SAMPLES)
def sample(request, tmp_path_factory):
    """Name, folder, truth, and text of the config of a described sample."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "data").mkdir()
    town = SAMPLES[request.param][0](folder / "data")
    printed = io.StringIO()
    with chdir(folder), redirect_stdout(printed):
        assert main(["describe", "data"]) == 0
    return request.param, folder, town, printed.getvalue()


def value(given):
    """Return a number of the view, or the median of its raster."""
    return given if isinstance(given, float | int) else float(np.nanmedian(read_values(given)))


# What no file of a sample says.
ASKED = {
    "stripmap": {"geometry.wavelength_m", "geometry.slant_range_m"},
    "licsar": {"baselines.negate"},
    "hyp3_scene": {"baselines.negate"},
}


def test_each_sample_is_described_with_its_own_values(sample, monkeypatch):
    name, folder, town, text = sample
    monkeypatch.chdir(folder)
    config = yaml.safe_load(text)
    truth = {
        "wavelength_m": town.wavelength_m,
        "slant_range_m": town.slant_range_m,
        "incidence_angle_deg": town.incidence_angle_deg,
    }
    asked = set(re.findall(r"# \? ([a-z_.]+):", text))
    assert asked == ASKED.get(name, set())
    for key, true in truth.items():
        if f"geometry.{key}" not in asked:
            assert value(config["geometry"][key]) == pytest.approx(true, rel=3e-4), key
    given = config["baselines"]
    bperp = read_baselines(given["csv"], town.dates, given.get("negate", False)).bperp_m
    assert bperp == pytest.approx([town.bperp_m[day] for day in town.dates], abs=0.3)
    assert config.get("link_model", {}).get("enabled", True) == (name != "stripmap")
    # behind each value it stands where it was found
    values = [line for line in text.splitlines() if re.match(r"  [a-z_]+:", line)]
    assert len(values) > 4 and all("  # " in line for line in values)
    if "variable" not in config["stack"] or READS_VARIABLES:
        check_config(config)


# Samples that only the reader of arrays, of parts apart and of flat files can read.
NEEDS_READER = {"miaplpy", "sarvey", "gmtsar", "snap", "gamma", "gamma_pairs"}
READS_VARIABLES = (
    "variable" in yaml.safe_load(SCHEMA_PATH.read_text())["properties"]["stack"]["properties"]
)


def slope(found, truth):
    """Return the slope of what was found against the truth, by least squares, and its scatter."""
    valid = np.isfinite(found)
    assert valid.sum() > 1000
    found, truth = found[valid] - found[valid].mean(), truth[valid] - truth[valid].mean()
    factor = found @ truth / (truth @ truth)
    return factor, (found - factor * truth).std()


def test_each_config_runs_and_finds_the_simulated_truth(sample):
    name, folder, town, text = sample
    if name in NEEDS_READER and not READS_VARIABLES:
        pytest.skip("needs the reader of arrays and of parts apart")
    config = yaml.safe_load(text)
    if name == "stripmap":  # its questions, answered
        config["geometry"] |= {
            "wavelength_m": town.wavelength_m, "slant_range_m": town.slant_range_m
        }  # fmt: skip
        config["link_model"]["enabled"] = True
    run_whole(folder, config)
    results = folder / config["output_dir"]
    for layer, truth in (
        ("velocity_mm_yr", town.velocity_mm_yr),
        ("dem_error_m", town.dem_error_m),
    ):
        factor, scatter = slope(read(results / f"{layer}.tif"), truth)
        assert factor == pytest.approx(1, abs=0.1), layer
        assert scatter < 0.2 * truth.std(), layer
