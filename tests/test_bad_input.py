"""Bad input: every case ends with one line that says what is wrong and what to do about it.

What can be known from names, tables and the config ends the run before any job (`AT_START`), with
Snakemake called for real but in this process; what needs rasters opened ends it in the first job
(`IN_STACK`), before any work. A dozen of both go through a Snakemake process of their own.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
import yaml
from emcflow.acquisition.geometry import design_matrix
from emcflow.errors import InputError
from emcflow.io.baselines import read_baselines
from emcflow.io.hdf5 import create, put, read, read_graph
from emcflow.io.raster import Grid, read_band
from emcflow.io.stack import (
    check_grid,
    check_reference,
    check_stack,
    check_window,
    coherent_points,
    find_stack,
)
from emcflow.io.tiles_json import tiles_from_json
from emcflow.links.search_grid import check_search
from emcflow.products.selection import (
    amplitude_dispersion,
    check_agreement,
    check_dispersion,
    check_limit,
    coherence_of_dispersion,
    read_mask,
)
from emcflow.workflow import surroundings
from emcflow.workflow.config import SCHEMA_PATH, check_config
from emcflow.workflow.surroundings import bound_gdal_cache, check_clock, place_caches
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snakemake.cli import main
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from stacks import DATES, UTM, write_raster, write_stack
from workflow import ROOT, run

SHAPE = (6, 7)
FIRST = f"{DATES[0]}_{DATES[1]}.int.tif"
LAST = f"{DATES[0]}_{DATES[3]}.int.tif"
COHERENCE = "temporal_coherence.tif"
TABLE = "date,bperp_m\n20200101,0\n20200113,100\n20200206,50\n20200218,-70\n"
PAIRS = "reference,secondary,bperp_m\n"
CONFIG = {
    "output_dir": "results",
    "stack": {"directory": "stack"},
    "baselines": {"csv": "baselines.csv"},
    "geometry": {"wavelength_m": 0.056, "slant_range_m": 850e3, "incidence_angle_deg": 39},
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A small stack and its table that nothing is wrong with."""
    folder = tmp_path_factory.mktemp("template")
    points = np.argwhere(np.ones(SHAPE, bool))
    phase = np.random.default_rng(0).uniform(-1, 1, (4, len(points)))
    phase[0] = 0
    write_stack(folder / "stack", points, phase, SHAPE, DATES[:4])
    (folder / "baselines.csv").write_text(TABLE)
    return folder


@pytest.fixture
def folder(template, tmp_path, monkeypatch):
    """A copy of it to spoil, the working directory of the test."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def changed(key, value):
    """Return the config with one key set, or removed where the value is Ellipsis."""
    config = yaml.safe_load(yaml.safe_dump(CONFIG))
    *sections, last = key.split(".")
    inner = config
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[last] = value
    if value is ...:
        del inner[last]
    return config


def complete(line, says):
    """Assert that a message is one line, names what is wrong and says what to do."""
    assert "\n" not in line and line == line.strip()
    for text in says:
        assert text in line, (text, line)
    assert any(word in line for word in ("expected", "give ", "set ", "write ", "did you mean"))
    assert len(line) > 60


def start(config):
    """Start Snakemake in this process; return the line it ends with, before any job."""
    Path("config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(SystemExit) as ended:
        main(["-s", str(ROOT / "Snakefile"), "--configfile", "config.yaml", "--cores", "1"])
    assert isinstance(ended.value.code, str), "no message of ours"  # text makes the exit code 1
    assert not Path("results").exists()
    header, line = ended.value.code.strip().split("\n", 1)
    assert header == "emcflow cannot start:"
    return line


# The configuration: key, value, what the line says

KEYS = {
    "unknown key": ("tiles.point_per_tile", 9, ["tiles.point_per_tile", "points_per_tile?"]),
    "unknown section": ("unwarp", {}, ["unwarp", "did you mean unwrap?"]),
    "output_dir missing": ("output_dir", ..., ["output_dir: missing"]),
    "output_dir home": ("output_dir", "~/x", ["output_dir: ~/x", "without ~"]),
    "output_dir angles": ("output_dir", "a<b>&c", ["output_dir: a<b>&c", "< and >"]),
    "output_dir braces": ("output_dir", "x{a}", ["output_dir: x{a}", "{ and }"]),
    "output_dir empty": ("output_dir", "", ["output_dir: ''"]),
    "output_dir list": ("output_dir", ["a"], ['output_dir: ["a"]', "text"]),
    "layout": (
        "stack.layout",
        "isce",
        ["stack.layout: isce", "phase_linked, slc, interferograms, simulate"],
    ),
    "directory missing": ("stack.directory", ..., ["stack.directory: missing"]),
    "directory not there": ("stack.directory", "nowhere", ["stack.directory: nowhere", "folder"]),
    "directory a file": ("stack.directory", "baselines.csv", ["baselines.csv is not a folder"]),
    "directory empty": ("stack.directory", ".", ["stack.directory", "no *.int.tif"]),
    "layout of other files": ("stack.layout", "slc", ["no *.slc.tif in stack", "stack.layout"]),
    "files not there": ("stack.files", "*/*.slc.full", ["stack.files: no */*.slc.full in stack"]),
    "file not there": ("stack.files", ["a.tif"], ["stack.files: stack/a.tif does not exist"]),
    "files none": ("stack.files", [], ["stack.files: []", "list of 1 or more names"]),
    "window of two": ("stack.window", [0, 5], ["stack.window: [0, 5]", "list of 4 whole numbers"]),
    "window empty": ("stack.window", [4, 0, 4, 5], ["stack.window: [4, 0, 4, 5] is empty"]),
    "window negative": ("stack.window", [-1, 0, 4, 5], ["stack.window: -1", "not below 0"]),
    "points": ("stack.points", "psi", ["stack.points: psi", "auto, temporal_coherence"]),
    "points without mask": ("stack.points", "mask", ["stack.mask: missing", "stack.points mask"]),
    "points of no amplitude": (
        "stack.points",
        "amplitude_dispersion",
        ["stack.amplitude_dispersion: missing", "stack.layout phase_linked"],
    ),
    "mask not there": ("stack.mask", "water.tif", ["stack.mask: water.tif does not exist"]),
    "dispersion 0": ("stack.max_amplitude_dispersion", 0, ["dispersion: 0", "above 0"]),
    "coherence not there": ("stack.temporal_coherence", "tc.tif", ["tc.tif does not exist"]),
    "threshold in per cent": ("stack.min_temporal_coherence", 60, ["60", "below 1"]),
    "threshold text": ("stack.min_temporal_coherence", "high", ["high", "a number"]),
    "wavelength in mm": ("geometry.wavelength_m", 55.5, ["wavelength_m: 55.5", "metres"]),
    "angle not there": ("geometry.incidence_angle_deg", "i.tif", ["i.tif does not exist"]),
    "angle in quotes": ("geometry.incidence_angle_deg", "39", ["deg: YAML takes 39", "write 39"]),
    "range of angles": ("geometry.slant_range_m", True, ["slant_range_m: true"]),
    "rasters and table": ("baselines.rasters", "*.csv", ["baselines.rasters", "one of the two"]),
    "wavelength missing": ("geometry.wavelength_m", None, ["geometry.wavelength_m: missing"]),
    "range in km": ("geometry.slant_range_m", 850, ["slant_range_m: 850", "not kilometres"]),
    "angle": ("geometry.incidence_angle_deg", 95, ["incidence_angle_deg: 95", "below 90"]),
    "angle in radians": (
        "geometry.incidence_angle_deg",
        0.68,
        ["incidence_angle_deg: 0.68", "in degrees, above 2", "looks like radians, write 38.96"],
    ),
    "wavelength in cm": ("geometry.wavelength_m", 23.6, ["23.6", "centimetres", "write 0.236"]),
    "frequency": ("geometry.wavelength_m", 1.2575, ["1.2575", "looks like GHz, write 0.2384"]),
    "range of 1100 km": ("geometry.slant_range_m", 1100, ["looks like kilometres", "1.1e+06"]),
    "network": ("network.type", "star", ["network.type: star", "hop3, delaunay, csv"]),
    "network without table": ("network.type", "csv", ["network.csv: missing"]),
    "table of no use": ("network.csv", "baselines.csv", ["network.csv: baselines.csv", "hop3"]),
    "limit of no use": ("network.max_days", 60, ["network.max_days: 60", "delaunay"]),
    "limits too narrow": (
        "network",
        {"type": "delaunay", "max_days": 12},
        ["network.max_days = 12", "2 separate parts", "raise the limits"],
    ),
    "table without pairs": (
        "network",
        {"type": "csv", "csv": "baselines.csv"},
        ["baselines.csv: the header has the columns date, bperp_m", "reference, secondary"],
    ),
    "switch": ("link_model.enabled", "maybe", ["link_model.enabled: maybe", "true or false"]),
    "range reversed": ("link_model.velocity_range_mm_yr", [50, -50], ["[50, -50]", "minimum"]),
    "range without 0": ("link_model.dem_error_range_m", [10, 50], ["[10, 50]", "does not hold 0"]),
    "step too wide": ("link_model.dem_error_range_m", [-5, 5, 20], ["a step of 20", "below 10"]),
    "range of text": ("link_model.dem_error_range_m", [-5, "1e3"], ["1e3", "write 1000"]),
    "range not finite": ("link_model.dem_error_range_m", [-5, float("inf")], ["inf", "finite"]),
    "cycle without 0": (
        "link_model",
        {"annual": True, "annual_range_mm": [2, 8]},
        ["annual_range_mm: [2, 8]", "does not hold 0"],
    ),
    "step range too wide": (
        "link_model",
        {"step_date": "20200206", "step_range_mm": [-20, 20]},
        ["step_range_mm: [-20, 20]", "28 mm", "leave this key out for -14 to 14"],
    ),
    "no day of a step": (
        "link_model.step_date",
        "20200231",
        ["step_date: 20200231 is not a date", "YYYYMMDD"],
    ),
    "step before all dates": (
        "link_model.step_date",
        "20200101",
        ["step_date: 20200101", "from 20200101 to 20200218"],
    ),
    "step of no eight digits in a list": (
        "link_model.step_date",
        ["20200113", "2020-02-06"],
        ["step_date: 2020-02-06 found in the list", "eight digits YYYYMMDD, in quotes"],
    ),
    "no steps in a list": ("link_model.step_date", [], ["step_date: [] found", "1 or more"]),
    "steps not in order": (
        "link_model.step_date",
        ["20200206", "20200113"],
        ["step_date: 20200113 follows 20200206", "ascend, each once"],
    ),
    "step twice": (
        "link_model.step_date",
        ["20200206", "20200206"],
        ["step_date: 20200206 follows 20200206", "ascend, each once"],
    ),
    "one of the steps after all dates": (
        "link_model.step_date",
        ["20200206", "20200219"],
        ["step_date: 20200219 has", "both"],
    ),
    "step after all dates": ("link_model.step_date", "20200219", ["step_date: 20200219", "both"]),
    "term without model": (
        "link_model",
        {"annual": True, "enabled": False},
        ["link_model.annual: true", "link model, which is off", "set link_model.enabled to true"],
    ),
    "temperatures not there": ("link_model.temperature_csv", "t.csv", ["t.csv", "No such file"]),
    "table without temperatures": (
        "link_model.temperature_csv",
        "baselines.csv",
        ["baselines.csv: no column temperature_c in the header date, bperp_m", "name the columns"],
    ),
    "weights not there": ("link_model.weights_csv", "w.csv", ["w.csv", "No such file"]),
    "table without weights": (
        "link_model.weights_csv",
        "baselines.csv",
        ["baselines.csv: no weight in the header", "weight, coherence, noise_rad", "name the"],
    ),
    "weights without model": (
        "link_model",
        {"weights_csv": "baselines.csv", "enabled": False},
        ["weights_csv: baselines.csv", "link model, which is off", "link_model.enabled to true"],
    ),
    "noise of no raster": ("stack.sigma", "crlb_*.tif", ["stack.sigma: no crlb_*.tif", "expected"]),
    "memory": ("link_model.memory_mb", 1, ["link_model.memory_mb: 1", "not below 16"]),
    "points in quotes": ("tiles.points_per_tile", "1e6", ["write 1000000 without quotes"]),
    "points fraction": ("tiles.points_per_tile", 2.5, ["points_per_tile: 2.5", "whole number"]),
    "points huge": ("tiles.points_per_tile", 10**400, ["points_per_tile: inf", "finite"]),
    "no tiles": ("tiles.max_tiles", 0, ["tiles.max_tiles: 0", "not below 1"]),
    "dilation NaN": ("tiles.dilation", float("nan"), ["tiles.dilation: nan", "finite"]),
    "dilation none": ("tiles.dilation", 0, ["tiles.dilation: 0", "set it to 0.05"]),
    "link length 0": ("mesh.max_link_pixels", 0, ["mesh.max_link_pixels: 0", "not below 2"]),
    "link length text": ("mesh.max_link_pixels", "far", ["max_link_pixels: far", "null"]),
    "solver": ("unwrap.solver", "gurobi", ["unwrap.solver: gurobi", "ssp, ortools"]),
    "offsets": ("merge.bulk_offset", "l1", ["merge.bulk_offset: l1", "l2, integer"]),
    "overlap": ("merge.min_overlap_points", -3, ["min_overlap_points: -3", "not below 1"]),
    "reference negative": ("reference.point", [-1, 2], ["reference.point: -1", "not below 0"]),
    "reference of three": ("reference.point", [1, 2, 3], ["reference.point", "list of 2"]),
    "section a list": ("merge", [1], ["merge: [1]", "a section with the keys"]),
    "section a number": ("stack", 3, ["stack: 3", "a section with the keys"]),
    "no such hypothesis": ("link_model.hypothesis", "wide", ["hypothesis", "auto, zero, mixture"]),
    "grid of velocity": (
        "link_model.velocity_range_mm_yr",
        [-1e7, 1e7, 0.001],
        ["velocity_range_mm_yr", " values", "memory_mb = 512", "narrow"],
    ),
    "grid of height": (
        "link_model.dem_error_range_m",
        [-1e300, 1e300],
        ["dem_error_range_m", "MB", "memory_mb = 512"],
    ),
    "grid of fine steps": (
        "link_model.dem_error_range_m",
        [-50.0, 50.0, 0.0001],
        ["dem_error_range_m", "[-50.0, 50.0, 0.0001] takes 1000001 values", "larger"],
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_bad_key_ends_the_run_at_its_start(name, folder):
    key, value, says = KEYS[name]
    config = changed(key, value)
    if name == "cost without model":
        del config["baselines"]
    complete(start(config), says)


# Names of the stack's files and tables of baselines: what to do to the folder, what the line says


def table(text):
    """Return a spoiler that writes another table of baselines."""
    return lambda folder: (folder / "baselines.csv").write_text(text)


def copied(name, *new):
    """Return a spoiler that copies a file of the stack to further names."""

    def spoil(folder):
        for other in new:
            shutil.copy(folder / "stack" / name, folder / "stack" / other)

    return spoil


def without(*names):
    """Return a spoiler that removes files of the stack."""

    def spoil(folder):
        for name in names:
            (folder / "stack" / name).unlink()

    return spoil


def as_folder(folder):
    (folder / "baselines.csv").unlink()
    (folder / "baselines.csv").mkdir()


AT_START = {
    "two first dates": (
        copied(FIRST, f"{DATES[1]}_{DATES[2]}.int.tif"),
        ["stack: the stack has several first dates", f"{DATES[0]}, {DATES[1]}"],
    ),
    "date twice": (
        copied(FIRST, f"{DATES[0]}_{DATES[1]}T05.int.tif"),
        [f"{DATES[0]}_{DATES[1]}T05.int.tif", f"{DATES[1]} is already", "remove one"],
    ),
    "no date": (copied(FIRST, "mean_amplitude.int.tif"), ["mean_amplitude.int.tif", "YYYYMMDD"]),
    "no such day": (
        copied(FIRST, f"{DATES[0]}_20200231.int.tif"),
        ["'20200231' in the name is no date", "rename"],
    ),
    "three parts": (
        copied(FIRST, f"{DATES[0]}_{DATES[1]}_vv.int.tif"),
        [f"{DATES[0]}_{DATES[1]}_vv.int.tif", f"{DATES[1]} is already in the stack"],
    ),
    "before the first": (
        copied(FIRST, f"{DATES[0]}_20191201.int.tif"),
        ["20191201 is not after", DATES[0]],
    ),
    "braces": (copied(FIRST, f"{DATES[0]}_20200501{{a}}.int.tif"), ["20200501{a}", "braces"]),
    "coherence missing": (without(COHERENCE), [f"stack/{COHERENCE} does not exist"]),
    "table missing": (lambda folder: (folder / "baselines.csv").unlink(), ["baselines.csv", "No"]),
    "table a folder": (as_folder, ["baselines.csv: a folder without DATE1_DATE2.txt"]),
    "table empty": (table(""), ["baselines.csv: empty", "header"]),
    "table of a header": (table("date,bperp_m\n"), ["a header without lines"]),
    "other columns": (table("day,metres\n20200101,0\n"), ["day, metres", "date, bperp_m"]),
    "semicolons": (table(TABLE.replace(",", ";")), ["date;bperp_m", "separated by commas"]),
    "decimal commas": (table(TABLE.replace("100", "100,5")), ["line 3", "3 values for 2"]),
    "value blank": (table(TABLE.replace("100", "")), ["line 3", "bperp_m is blank"]),
    "value text": (table(TABLE.replace("100", "far")), ["line 3", "bperp_m is 'far'", "metres"]),
    "value NaN": (table(TABLE.replace("100", "nan")), ["line 3", "'nan'", "finite"]),
    "value infinite": (table(TABLE.replace("100", "1e999")), ["line 3", "'1e999'", "finite"]),
    "day": (table(TABLE.replace("20200113", "20201301")), ["line 3", "'20201301'"]),
    "date missing": (table(TABLE.replace("20200113", "20200114")), ["20200113", "add their lines"]),
    "date again": (table(TABLE + "20200113,90\n"), ["line 6", "disagrees with line 3"]),
    "column twice": (table(TABLE.replace("date,", "bperp_m,date,")), ["bperp_m more than once"]),
    "pair of one date": (table(PAIRS + "20200101,20200101,3\n"), ["line 2", "the same date"]),
    "pairs apart": (
        table(PAIRS + "20200101,20200113,3\n20200206,20200218,4\n"),
        ["2 parts", "20200206, 20200218", "add pairs"],
    ),
    "absolute values": (
        table(PAIRS + "20200101,20200113,99\n20200113,20200206,50\n20200101,20200206,49\n"
              "20200206,20200218,20\n"),
        ["does not close", "no value of the table is negative", "restore the signs"],
    ),
    "not UTF-8": (
        lambda folder: (folder / "baselines.csv").write_bytes(TABLE.encode("utf-16")),
        ["baselines.csv: not a text file in UTF-8", "save it as CSV"],
    ),
    "LiCSBAS of three columns": (
        table("20200101 20200113 99 12\n20200101 20200206 50\n"),
        ["line 2: 3 columns", "LiCSBAS"],
    ),
    "LiCSBAS not a number": (
        table("20200101 20200113 99 12\n20200101 20200206 x 36\n"),
        ["line 2", "'x'", "finite number of metres"],
    ),
    "a picture": (
        lambda folder: (folder / "baselines.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00"),
        ["baselines.csv: not a text file in UTF-8"],
    ),
}  # fmt: skip


TEMPERATURES = TABLE.replace("bperp_m", "temperature_c")
BAD_TEMPERATURES = {
    "date missing": (TEMPERATURES.replace("20200113", "20200114"), ["temperature for 20200113"]),
    "not a number": (TEMPERATURES.replace("50", "mild"), ["line 4", "'mild'"]),
    "not finite": (TEMPERATURES.replace("50", "nan"), ["line 4", "'nan'", "finite"]),
    "kelvin": (TEMPERATURES.replace("50", "283"), ["line 4", "283", "degrees Celsius"]),
    "date twice": (TEMPERATURES + "20200113,9\n", ["line 6", "9 here and 100 before", "one"]),
    "no date": (TEMPERATURES.replace("date,", "when,"), ["no column date", "when, temperature_c"]),
    "empty": ("", ["temperatures.csv: empty", "header"]),
}


WEIGHTS = "date,noise_rad\n20200101,0.3\n20200113,1.5\n20200206,0.2\n20200218,0.3\n"
COHERENCES = WEIGHTS.replace("noise_rad", "coherence")
BAD_WEIGHTS = {
    "date missing": (WEIGHTS.replace("20200113", "20200114"), ["standard deviation for 20200113"]),
    "two columns": (
        WEIGHTS.replace("noise_rad", "noise_rad,weight").replace("0.3\n", "0.3,1\n"),
        ["weight and noise_rad in the header", "one of weight, coherence, noise_rad", "remove"],
    ),
    "noise of zero": (WEIGHTS.replace("1.5", "0"), ["line 3", "noise_rad is 0", "above 0"]),
    "coherence above 1": (COHERENCES, ["line 3", "coherence is 1.5", "from 0 to 1"]),
    "not a number": (WEIGHTS.replace("1.5", "much"), ["line 3", "'much'"]),
    "date twice": (WEIGHTS + "20200113,9\n", ["line 6", "9 here and 1.5 before", "one"]),
    "worlds apart": (WEIGHTS.replace("1.5", "1e200"), ["0.2 to 1e+200", "1e+06", "leave dates"]),
    "empty": ("", ["weights.csv: empty", "header"]),
}


@pytest.mark.parametrize(
    ("what", "name"),
    [*(("temperature", name) for name in BAD_TEMPERATURES), *(("weights", n) for n in BAD_WEIGHTS)],
)
def test_bad_temperatures_and_weights_end_the_run_at_its_start(what, name, folder):
    cases, file = {
        "temperature": (BAD_TEMPERATURES, "temperatures.csv"),
        "weights": (BAD_WEIGHTS, "weights.csv"),
    }[what]
    text, says = cases[name]
    (folder / file).write_text(text)
    line = start(changed(f"link_model.{what}_csv", file))
    complete(line, [*says, file])


@pytest.mark.parametrize("name", AT_START)
def test_bad_names_and_tables_end_the_run_at_its_start(name, folder):
    spoil, says = AT_START[name]
    spoil(folder)
    complete(start(CONFIG), says)


def test_one_date(folder):
    for path in folder.glob("stack/*.int.tif"):
        path.unlink()
    shutil.copy(folder / "stack" / COHERENCE, folder / "stack" / "20200101.slc.tif")
    line = start(changed("stack.layout", "slc"))
    complete(line, ["stack: only one date (20200101)", "at least two"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("output_dir: [results\n", "Config file is not valid JSON or YAML"),
        ("- a\n- b\n", "Config file must be given as JSON or YAML with keys at top level"),
        ("output_dir: results\n\tstack: 3\n", "make sure to not mix whitespace and tab"),
    ],
)
def test_a_config_that_is_no_mapping_of_yaml(text, says, folder, capfd):
    """Snakemake reads the file, and says so itself."""
    (folder / "config.yaml").write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["-s", str(ROOT / "Snakefile"), "--configfile", "config.yaml", "--cores", "1"])
    assert ended.value.code == 1
    assert says in capfd.readouterr().err


# What only shows when rasters are opened: spoiler, what the line says, further config


def raster(name, image, **profile):
    """Return a spoiler that writes another raster in place of one of the stack."""
    return lambda folder: write_raster(folder / "stack" / name, image, **profile)


def cut(name, nbytes, **profile):
    """Return a spoiler that writes a raster anew and takes away its end."""

    def spoil(folder):
        path = folder / "stack" / name
        if profile:
            write_raster(path, np.exp(1j * np.arange(42.0)).reshape(SHAPE), **profile)
        path.write_bytes(path.read_bytes()[:-nbytes])

    return spoil


def content(name, data):
    """Return a spoiler that gives a file of the stack another content."""
    return lambda folder: (folder / "stack" / name).write_bytes(data)


def linked_to_nothing(folder):
    (folder / "stack" / LAST).unlink()
    (folder / "stack" / LAST).symlink_to("gone.tif")


def folder_for_file(folder):
    (folder / "stack" / LAST).unlink()
    (folder / "stack" / LAST).mkdir()


def spoilt_pixel(value):
    """Return a spoiler that sets the pixel 2, 3 of the last date."""

    def spoil(folder):
        with rasterio.open(folder / "stack" / LAST, "r+") as dataset:
            image = dataset.read(1)
            image[2, 3] = value
            dataset.write(image, 1)

    return spoil


COMPLEX = np.ones(SHAPE, np.complex64)
REAL = np.full(SHAPE, 0.9, np.float32)
SHIFTED = {"transform": UTM["transform"] @ rasterio.Affine.translation(1, 0)}
IN_STACK = {
    "shape": (raster(LAST, COMPLEX[:5]), [LAST, "shape (5, 7) instead of (6, 7)", "crop"]),
    "CRS": (raster(LAST, COMPLEX, crs="EPSG:4326"), [LAST, "CRS EPSG:4326 instead of", "32631"]),
    "CRS missing": (raster(LAST, COMPLEX, crs=None), [LAST, "CRS none instead of EPSG:32631"]),
    "transform": (raster(LAST, COMPLEX, **SHIFTED), [LAST, "transform (10.0, 0.0, 500010.0"]),
    "real": (raster(LAST, REAL * 9), [LAST, "to 8.1", "unwrapped phase"]),
    "bytes": (raster(LAST, REAL.astype(np.uint8)), [LAST, "type uint8", "complex"]),
    "coherence shape": (raster(COHERENCE, REAL[:5]), ["shape (6, 7) instead of (5, 7)", FIRST]),
    "truncated": (cut(LAST, 40), [LAST, "cannot be read", "truncated", "again"]),
    "truncated tiles": (
        cut(LAST, 20, tiled=True, compress="deflate", blockxsize=16, blockysize=16),
        [LAST, "cannot be read", "truncated"],
    ),
    "coherence truncated": (cut(COHERENCE, 60), [COHERENCE, "cannot be read", "truncated"]),
    "header alone": (lambda folder: cut(LAST, 700)(folder), [LAST]),
    "nothing in it": (content(LAST, b""), [LAST, "cannot be opened", "write the file again"]),
    "no raster": (content(LAST, b"<html>404</html>" * 9), [LAST, "not recognized"]),
    "link to nothing": (linked_to_nothing, [LAST, "does not exist", "check the path"]),
    "folder": (folder_for_file, [LAST, "cannot be opened"]),
    "coherence complex": (raster(COHERENCE, COMPLEX), [COHERENCE, "complex values", "real"]),
    "coherence NaN": (
        raster(COHERENCE, REAL * np.nan),
        [COHERENCE, "NaN or nodata everywhere", "0 to 1"],
    ),
    "coherence low": (raster(COHERENCE, REAL / 3), [COHERENCE, "0.6", "highest is 0.3", "lower"]),
    "coherence zero": (raster(COHERENCE, REAL * 0), [COHERENCE, "highest is 0)"]),
    "coherence per cent": (raster(COHERENCE, REAL * 100), [COHERENCE, "up to 90", "0 to 1"]),
    "coherence bytes": (
        raster(COHERENCE, (REAL * 250).astype(np.uint8)),
        [COHERENCE, "up to 225", "bytes by 255"],
    ),
    "coherence infinite": (raster(COHERENCE, REAL * np.float32(np.inf)), [COHERENCE, "up to inf"]),
    "reference outside": (lambda folder: None, ["reference.point: [9, 9]", "6 x 7"], [9, 9]),
    "reference incoherent": (
        raster(COHERENCE, np.where(np.indices(SHAPE)[0] == 2, 0.1, 0.9).astype(np.float32)),
        ["reference.point: [2, 3] is no point above", "0.6"],
        [2, 3],
    ),
    "reference zero": (spoilt_pixel(0), ["reference.point: [2, 3] is 0j in", LAST], [2, 3]),
    "reference NaN": (spoilt_pixel(np.nan), ["reference.point: [2, 3] is", LAST, "nan"], [2, 3]),
}


@pytest.mark.parametrize("name", IN_STACK)
def test_a_bad_stack_is_refused_when_it_is_opened(name, folder):
    spoil, says, *reference = IN_STACK[name]
    spoil(folder)
    with pytest.raises(InputError) as caught:
        stack = find_stack("stack", "phase_linked")
        check_stack(stack, 0.6)
        if reference:
            check_reference(stack, reference[0], 0.6)
    complete(str(caught.value), says)


# What points are chosen by, where it is not the coherence as it is

SCENE = (0, 0, *SHAPE)
POINTS = {
    "window": (
        lambda: check_window([0, 0, 6, 8], Grid(SHAPE, None, (1, 0, 0, 0, 1, 0)), FIRST),
        ["stack.window: [0, 0, 6, 8] reaches out of", "6 x 7"],
    ),
    "mask of another grid": (
        lambda: check_grid(
            write_raster(Path("mask.tif"), REAL[:5]), Grid(SHAPE, None, (1, 0, 0, 0, 1, 0)), FIRST
        ),
        ["mask.tif: shape (5, 7) instead of (6, 7)", "the grid of", FIRST],
    ),
    "mask of nothing": (
        lambda: read_mask(write_raster(Path("mask.tif"), REAL * 0), SCENE),
        ["stack.mask: mask.tif is 0 or NaN everywhere", "invert"],
    ),
    "dispersion high": (
        lambda: check_limit([coherence_of_dispersion(REAL)], "d.tif", 0.25),
        ["d.tif: no pixel", "max_amplitude_dispersion = 0.25", "lowest is 0.9"],
    ),
    "dispersion negative": (
        lambda: check_dispersion(-REAL, "d.tif"),
        ["d.tif: values down to -0.9", "0 or more"],
    ),
    "dispersion complex": (
        lambda: check_dispersion(COMPLEX, "d.tif"),
        ["d.tif: complex values", "real amplitude dispersion"],
    ),
    "single looks": (
        lambda: check_agreement([np.ones(SHAPE, np.float32)], "c.tif"),
        ["c.tif: all loops", "close exactly", "stack.points"],
    ),
    "image black": (
        lambda: amplitude_dispersion([write_raster(Path("slc.tif"), COMPLEX * 0)], SCENE),
        ["slc.tif: zero or not finite everywhere"],
    ),
}


@pytest.mark.parametrize("name", POINTS)
def test_what_no_points_can_be_chosen_by(name, folder):
    call, says = POINTS[name]
    with pytest.raises(InputError) as caught:
        call()
    complete(str(caught.value), says)


def test_what_is_spoilt_above_was_right_before(folder):
    stack = find_stack("stack", "phase_linked")
    grid, mask = check_stack(stack, 0.6)
    check_reference(stack, (2, 3), 0.6)
    assert grid.shape == SHAPE and mask.all()


# A dozen for real: exit code, one line, no job after the first


@pytest.mark.parametrize("name", ["unknown key", "directory not there", "grid of velocity"])
def test_a_bad_key_for_real(name, folder):
    key, value, says = KEYS[name]
    process = run(folder, changed(key, value))
    assert process.returncode == 1
    *_, header, line = process.stdout.rstrip().split("\n")
    assert header == "emcflow cannot start:"
    complete(line, says)
    assert "Traceback" not in process.stdout and not (folder / "results").exists()


@pytest.mark.parametrize("name", ["date missing", "no date", "table missing"])
def test_bad_names_and_tables_for_real(name, folder):
    spoil, says = AT_START[name]
    spoil(folder)
    process = run(folder, CONFIG)
    assert process.returncode == 1
    complete(process.stdout.rstrip().split("\n")[-1], says)
    assert "Traceback" not in process.stdout and not (folder / "results").exists()


@pytest.mark.parametrize("name", [name for name in IN_STACK if "reference" in name])
def test_a_bad_reference_ends_the_run_at_its_start(name, folder):
    spoil, says, reference = IN_STACK[name]
    spoil(folder)
    complete(start(changed("reference.point", reference)), says)


@pytest.mark.parametrize("area", [[0, 0, 9, 3], [2, 3, 3, 5]], ids=["outside", "incoherent"])
def test_a_reference_area_without_points_ends_the_run_at_its_start(area, folder):
    IN_STACK["reference incoherent"][0](folder)
    says = [f"reference.area: {area} holds no point above 0.6", "6 x 7 pixels", "choose another"]
    complete(start(changed("reference.area", area)), says)


@pytest.mark.parametrize("name", ["licsbas", "pyrate"])
def test_an_export_in_degrees_of_radar_coordinates_ends_the_run_at_its_start(name, folder):
    path = folder / "stack" / "temporal_coherence.tif"
    write_raster(path, read_band(path), crs=None)
    says = [f"outputs.exports: {name}: the stack is in radar coordinates", "leave this export out"]
    complete(start(changed("outputs.exports", ["cog", name])), says)


@pytest.mark.parametrize("name", ["shape", "real", "truncated", "no raster", "coherence per cent"])
def test_a_bad_stack_for_real(name, folder):
    spoil, says = IN_STACK[name]
    spoil(folder)
    process = run(folder, CONFIG, "--", "tiles")
    assert process.returncode == 1
    printed = process.stdout.split("\n")
    complete(printed[printed.index("emcflow stops in check_stack:") + 1], says)
    assert "Traceback" not in process.stdout
    log = (folder / "results" / "logs" / "check_stack.log").read_text()
    assert log.count("\n") == 1 and "check_stack: error: " in log
    assert {path.name for path in (folder / "results").iterdir()} <= {
        ".lock",
        "logs",
        "stack",
        "benchmarks",
    }


# Files between the rules


def product(folder, **arrays):
    path = folder / "mesh_tile_00.h5"
    with create(path) as file:
        for name, values in arrays.items():
            put(file, name, values, "1")
    return path


def test_a_truncated_product_names_itself_and_the_way_out(folder):
    path = product(folder, phase=np.zeros((3, 50)))
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(InputError) as caught:
        read(path, "phase")
    complete(str(caught.value) + " expected", [str(path), "rebuild it", "--forcerun"])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no HDF5", b"\x89HDF\r\n\x1a\n"])
def test_a_foreign_product(content, folder):
    path = folder / "mesh_tile_00.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a whole intermediate file"):
        read_graph(path)


def test_a_product_without_an_array(folder):
    with pytest.raises(InputError, match="phase"):
        read(product(folder, other=np.zeros(3)), "phase")


def test_only_plain_numbers_are_read_from_products(folder):
    """Objects, text and references could stand for anything; groups are no arrays."""
    path = folder / "strange.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("text", data=["a", "b"], dtype=h5py.string_dtype())
        file.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype(np.float64))
        file.create_dataset("reference", data=file.ref, dtype=h5py.ref_dtype)
        file.create_dataset("opaque", data=np.array([b"x"], "V1"))
        file.create_dataset("compound", data=np.zeros(2, [("a", "f4")]))
        file.create_group("group")
    for name in ("text", "ragged", "reference", "opaque", "compound", "group"):
        with pytest.raises(InputError, match=f"{name} is no array of numbers"):
            read(path, name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON at line 1"),
        ("[]", "no list 'tiles'"),
        ('{"shape": [0, 3], "tiles": []}', "shape is [0, 3]"),
        ('{"shape": [5, 3], "tiles": []}', "lists no tile"),
        ('{"shape": [5, 3], "tiles": [7]}', "tile 0: bounds is None"),
        ('{"shape": [5, 3], "tiles": [{"bounds": [0, 0, 9, 3]}]}', "bounds is [0, 0, 9, 3]"),
        ('{"shape": [5, 3], "tiles": [{"bounds": [0, 0, true, 3]}]}', "bounds is [0, 0, True, 3]"),
        ('{"shape": [5, 3], "tiles": [{"bounds": [0, 0, 5, 3], "points": "x"}]}', "points is 'x'"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_bad_tiles(text, says):
    with pytest.raises(InputError) as caught:
        tiles_from_json(text)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_config_that_holds_itself():
    config = {"output_dir": "x"}
    config["tiles"] = config
    with pytest.raises(InputError, match="holds itself"):
        check_config(config)


def test_a_config_of_few_lines_that_stands_for_billions_of_values():
    lines = ["output_dir: x", "tiles: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for level in range(1, 12):
        lines.append(f"merge{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    with pytest.raises(InputError, match="more than 10000 values"):
        check_config(yaml.safe_load("\n".join(lines)))


def test_a_scene_larger_than_memory_is_refused_before_it_is_read(folder):
    with rasterio.open(
        "stack/temporal_coherence.tif",
        "w",
        driver="GTiff",
        width=2_000_000,
        height=1_000_000,
        count=1,
        dtype="float32",
        tiled=True,
        blockxsize=4096,
        blockysize=4096,
        sparse_ok=True,
        bigtiff="yes",
        **UTM,
    ):
        pass
    with pytest.raises(InputError) as caught:
        coherent_points("stack/temporal_coherence.tif", 0.6)
    complete(str(caught.value), [COHERENCE, "1000000 x 2000000 pixels take 2000 GB", "crop"])


def test_a_config_file_of_an_odd_name(folder):
    name = "- my 'cönfig' $HOME; & #.yaml"
    (folder / name).write_text(yaml.safe_dump(CONFIG))
    with pytest.raises(SystemExit) as ended:
        main(["-s", str(ROOT / "Snakefile"), f"--configfile={name}", "--cores", "1", "--dry-run"])
    assert ended.value.code == 0


# The user's files and results


def test_a_stack_within_the_results_is_read_and_left_alone(folder):
    Path("stack").rename("results_stack")
    Path("results").mkdir()
    Path("results_stack").rename("results/stack")
    shutil.copy(f"results/stack/{COHERENCE}", "results/mask.tif")
    Path("results/stack/.mine.part").write_text("")
    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    config = changed("stack.directory", "results/stack")
    config["stack"]["mask"] = "results/mask.tif"
    process = run(folder, config, "--", "merge_interferograms_00")
    assert process.returncode == 0, process.stdout
    assert before == {path: path.read_bytes() for path in before}
    assert Path("results/stack/points.tif").exists()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("stack.mask", "results/stack/points.tif"),
        ("stack.temporal_coherence", "./results/../results/velocity_mm_yr.tif"),
        ("baselines.csv", "results/network/baselines.csv"),
        ("geometry.slant_range_m", "results/figures/range.tif"),
    ],
)
def test_a_file_of_the_user_is_not_written_over(key, name, folder):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path("results").mkdir(exist_ok=True)
    source = "baselines.csv" if name.endswith("csv") else f"stack/{COHERENCE}"
    shutil.copy(source, name)
    config = changed(key, name)
    Path("config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(SystemExit) as ended:
        main(["-s", str(ROOT / "Snakefile"), "--configfile", "config.yaml", "--cores", "1"])
    line = str(ended.value.code).strip().split("\n", 1)[1]
    complete(line, ["would be written over", Path(name).name, "set output_dir to another"])
    assert Path(name).read_bytes() == Path(source).read_bytes()


def test_files_of_another_clock(folder):
    """Refused at the start; the command that the line names mends it."""
    for path in Path("stack").iterdir():
        os.utime(path, (time.time() + 3 * 3600 + 60,) * 2)
    line = start(CONFIG)
    complete(line, ["stack/", "3 hours in the future, and 3 more", "else type find ./stack "])
    subprocess.run(line.partition("else type ")[2], shell=True, check=True)
    check_clock(map(str, Path("stack").iterdir()))
    check_clock(["stack"], os.stat("stack").st_mtime - 4)  # of a file server
    with pytest.raises(InputError, match="stack: dated 9 seconds"):
        check_clock(["stack", "nowhere"], os.stat("stack").st_mtime - 9)


def test_a_wrong_place_of_proj_ends_the_run_at_its_start(folder):
    process = run(folder, CONFIG, PROJ_DATA="/nowhere")
    assert process.returncode == 1
    assert "PROJ_DATA: '/nowhere'" in process.stdout and "unset PROJ_DATA" in process.stdout
    assert "Traceback" not in process.stdout


def test_gdal_keeps_few_blocks_unless_the_user_says():
    environment = {}
    bound_gdal_cache(environment)
    assert environment == {"GDAL_CACHEMAX": "64"}
    bound_gdal_cache(environment := {"GDAL_CACHEMAX": "500"})
    assert environment == {"GDAL_CACHEMAX": "500"}


def test_caches_go_elsewhere_without_a_home(tmp_path, monkeypatch):
    environment = {"XDG_CACHE_HOME": "/dev/null/a", "XDG_CONFIG_HOME": "/dev/null/b"}
    place_caches("spare", environment)
    assert environment["MPLCONFIGDIR"] == "spare/matplotlib"
    assert "NUMBA_CACHE_DIR" not in environment  # there is the package's own folder
    monkeypatch.setattr(surroundings, "__file__", "/dev/null/emcflow/workflow/surroundings.py")
    place_caches("spare", environment)
    assert environment["NUMBA_CACHE_DIR"] == "spare/numba"
    environment = {"XDG_CACHE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    place_caches("spare", environment)
    assert len(environment) == 2


# Readers of text, fed at random: bad input is InputError, and nothing else is raised

QUICK = settings(
    max_examples=150,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    database=None,
)
CELLS = st.one_of(
    st.sampled_from(
        ["date", "bperp_m", "reference", "secondary", "20200101", "20200113", "2020-02-06", "-3.5"]
    ),
    st.sampled_from(["", '"', "#", "nan", "1e999", "20201301", "a_20200218.tif", "\ufeff", "\x00"]),
    st.text(max_size=6),
    st.floats().map(str),
)
TABLES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=8).map(
        lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
    ),
    st.lists(
        st.lists(st.one_of(CELLS, st.sampled_from(["2020000.5", "S1_20200101"])), max_size=7),
        max_size=6,
    ).map(lambda rows: "\n".join(map(" ".join, rows)).encode("utf-8", "surrogatepass")),
    st.lists(st.tuples(CELLS, CELLS), max_size=6).map(
        lambda rows: ("date,bperp_m\n" + "".join(f"{a},{b}\n" for a, b in rows)).encode(
            "utf-8", "surrogatepass"
        )
    ),
    st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6).map(
        lambda rows: (PAIRS + "".join(f"{a},{b},{c}\n" for a, b, c in rows)).encode(
            "utf-8", "surrogatepass"
        )
    ),
)


@QUICK
@given(content=TABLES)
def test_any_table_is_read_or_refused_in_one_line(content, tmp_path):
    path = tmp_path / "fuzz.csv"
    path.write_bytes(content)
    try:
        found = read_baselines(path, ["20200101", "20200113"])
    except InputError as error:
        assert "\n" not in str(error) and "fuzz.csv" in str(error)
    else:
        assert np.isfinite(found.bperp_m).all() and found.bperp_m[0] == 0


NUMBERS = st.one_of(st.integers(-2, 9), st.integers(), st.floats(), st.booleans(), st.none())
VALUES = st.recursive(
    st.one_of(NUMBERS, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)
RECTANGLES = st.one_of(st.lists(NUMBERS, max_size=5), st.just([0, 0, 4, 4]), VALUES)
TILES = st.fixed_dictionaries(
    {},
    optional={
        "shape": st.one_of(st.just([4, 4]), RECTANGLES),
        "tiles": st.one_of(
            VALUES,
            st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={"bounds": RECTANGLES, "core": RECTANGLES, "points": VALUES},
                ),
                max_size=3,
            ),
        ),
    },
)


@QUICK
@given(text=st.one_of(st.text(max_size=60), TILES.map(json.dumps), VALUES.map(json.dumps)))
def test_any_tiles_are_read_or_refused_in_one_line(text):
    try:
        shape, tiles = tiles_from_json(text)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert all(
            0 <= r0 < r1 <= shape[0] and 0 <= c0 < c1 <= shape[1]
            for r0, c0, r1, c1 in (tile.bounds for tile in tiles)
        )


KEYS_OF_YAML = st.one_of(st.text(max_size=6), st.integers(), st.dates(), st.none(), st.floats())
YAML = st.one_of(VALUES, st.dates(), st.dictionaries(KEYS_OF_YAML, VALUES, max_size=2))


def section(part):
    """Strategy of a section of the config: its own keys with any value, and keys of no one."""
    keys = {
        key: st.one_of(section(inner) if "properties" in inner else YAML, YAML)
        for key, inner in part["properties"].items()
    }
    return st.tuples(
        st.fixed_dictionaries({}, optional=keys),
        st.dictionaries(KEYS_OF_YAML, VALUES, max_size=1),
    ).map(lambda both: both[0] | both[1])


@QUICK
@given(config=st.one_of(VALUES, section(yaml.safe_load(SCHEMA_PATH.read_text()))))
def test_any_config_is_taken_or_refused_line_by_line(config):
    try:
        checked = check_config(config)
    except InputError as error:
        assert all(len(line) > 20 for line in str(error).splitlines())
    else:
        assert check_config(checked) == checked


LINES = st.sampled_from(
    ["output_dir: x", "stack:", "  directory: s", "tiles: {max_tiles: 3}", "a: &b [1]", "c: *b",
     "{", "- 1", "? x", "\t", "!!python/object/apply:os.getcwd []", "merge: 2020-01-01", '{"a": 1}']
)  # fmt: skip


@QUICK
@given(
    text=st.one_of(
        st.text(max_size=80), st.lists(st.one_of(LINES, st.text(max_size=8))).map("\n".join)
    )
)
def test_any_text_of_a_config_file_is_read_or_refused(text, tmp_path):
    """Snakemake reads the file and says what is no YAML or JSON; what it reads is checked."""
    path = tmp_path / "fuzz.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        check_config(load_configfile(str(path)))
    except (WorkflowError, InputError) as error:
        assert str(error).strip()


@QUICK
@given(
    key=st.sampled_from(["velocity_range_mm_yr", "dem_error_range_m"]),
    values=st.lists(st.one_of(NUMBERS, st.sampled_from([1e300, -1e300, 1e-300])), max_size=4),
    memory=st.integers(16, 10**6),
)
def test_any_search_range_is_told_before_it_is_set_up(key, values, memory):
    """What the config lets pass is a grid that fits in memory, or is refused without making it."""
    model = {"velocity_range_mm_yr": [-100, 100], "dem_error_range_m": [-50, 50], key: values}
    try:
        model = check_config(CONFIG | {"link_model": model | {"memory_mb": memory}})["link_model"]
        ranges = [model["velocity_range_mm_yr"], model["dem_error_range_m"]]
        design = design_matrix(DATES, np.array([0, 9.0, -80, 200, 40, -3]), 0.056, 850e3, 39)
        check_search(design, ranges, memory)
    except InputError as error:
        assert len(str(error)) > 20


# What must work


def test_odd_names_no_georeference_and_points_without_data(tmp_path):
    """Spaces, quotes, unicode, a leading dash and links; NaN and zeros are left out and counted."""
    rng = np.random.default_rng(0)
    points = np.argwhere(np.ones((9, 8), bool))
    phase = np.vstack((np.zeros(72), rng.uniform(-1, 1, (2, 72))))
    real = tmp_path / 'it\'s "räw" [1] $HOME %d ; & #'
    write_stack(real, points, phase, (9, 8), DATES[:3], crs=None, transform=None)
    last = real / f"{DATES[0]}_{DATES[2]}.int.tif"
    with rasterio.open(last, "r+") as dataset:
        image = dataset.read(1)
        image[0, 0], image[4, 4], image[8, 7] = 0, np.nan, np.inf
        dataset.write(image, 1)
    last.rename(real / "moved")
    last.symlink_to("moved")
    (tmp_path / "-stack").symlink_to(real)
    table = tmp_path / "- my 'baselines' ü.csv"
    table.write_text(TABLE)
    config = changed("stack.directory", "-stack")
    config["output_dir"] = output = '-results "of" müne\'s [2] $HOME %d ; & #'
    config["baselines"]["csv"] = table.name
    process = run(tmp_path, config, "--", "merge_interferograms_00")
    assert process.returncode == 0, process.stdout
    assert "no coordinate reference system" in process.stdout
    assert "3 of 72 coherent points are left out: zero or not finite" in process.stdout
    written = sorted((tmp_path / output / "unwrapped").glob("*.unw.tif"))
    assert len(written) == 3
    with rasterio.open(written[0]) as dataset:
        assert dataset.crs is None
        assert np.isfinite(dataset.read(1)).sum() == 69
