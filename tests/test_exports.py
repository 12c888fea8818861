"""Time series and exports of a run with either sign of motion; MintPy reads its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet
import pyogrio
import pytest
import rasterio
import rasterio.warp
from emcflow.acquisition.geometry import rad_per_m
from emcflow.errors import InputError
from emcflow.io.raster import Grid, read_grid, rows_of, write_cog, write_raster
from emcflow.io.scene_file import SceneFile, read_scene_file, write_scene_file
from emcflow.products.degree_grid import degree_grid
from emcflow.products.mintpy import (
    geometry_images,
    mintpy_bperp,
    mintpy_components,
    scene_attributes,
    series_images,
    velocity_images,
)
from emcflow.products.point_table import (
    DegreeRasters,
    by_degrees,
    point_batches,
    write_geopackage,
    write_geoparquet,
)
from emcflow.products.positions import corrected_positions
from rasterio.crs import CRS
from scipy.ndimage import distance_transform_edt
from test_memory import asked_and_taken
from test_stac import check_item
from workflow import jobs_of, outputs_of_the_page, read, run_whole

WAVELENGTH_M = 0.0555
MINTPY = Path(sys.prefix) / "mintpy-env" / "bin"
EXPORTS = [
    *("mintpy", "dolphin", "licsbas", "pyrate", "points_csv", "geoparquet", "geopackage"),
    *("cog", "qgis", "stac"),
]
HEADING_DEG = -13.0
CONFIG = {
    "output_dir": "results",
    "stack": {"layout": "simulate"},
    "link_model": {"dem_error_range_m": [-80, 80]},
    "platform": {"name": "Sen", "heading_deg": HEADING_DEG},
    "outputs": {
        "time_series": True,
        "velocity_positive": "away",
        "exports": EXPORTS,
        "fill_pixels": 3,
        "publish_to": "published",
    },
    "simulation": {"rows": 60, "cols": 80, "dates": 9, "seed": 4, "atmosphere_rad": 0.05},
}
TARGETS = [
    "results/timeseries/velocity_mm_yr.tif",
    "results/exports/dolphin",
    "results/exports/mintpy/ifgramStack.h5",
]
REST = [
    f"results/exports/{name}" for name in ("points.csv", "points.parquet", "points.gpkg", "cog")
]
REST += [
    "results/exports/licsbas",
    "results/exports/pyrate",
    "results/exports/stac_item.json",
    "results/exports/published.csv",
    "results/filled/filled.tif",
    "results/report.html",
    "results/velocity_mm_yr.qml",
]


def images_of(results):
    """Every raster and every dataset of MintPy of a run, by file and name, and tags of rasters."""
    images, tags = {}, {}
    for path in results.rglob("*.tif"):
        name = str(path.relative_to(results))
        images[name] = read(path)
        with rasterio.open(path) as dataset:
            tags[name] = dataset.tags() | {"unit": dataset.units[0]}
    for path in results.glob("exports/mintpy/*.h5"):
        with h5py.File(path) as file:
            images |= {f"{path.name}/{name}": dataset[...] for name, dataset in file.items()}
    return images, tags


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Results of one run with motion away positive, and of the next one with motion toward.

    The folder is that of both, so that in the end it holds the second with all exports.
    """
    folder = tmp_path_factory.mktemp("exports")
    run_whole(folder, CONFIG, "--benchmark-extended", "--", *TARGETS)
    away = images_of(folder / "results")
    outputs = CONFIG["outputs"] | {"velocity_positive": "toward"}
    printed = run_whole(
        folder, CONFIG | {"outputs": outputs}, "--benchmark-extended", "--", *TARGETS, *REST
    )
    return folder / "results", away, images_of(folder / "results"), jobs_of(printed)


MOTION = [
    "velocity_mm_yr.tif",
    "timeseries/velocity_mm_yr.tif",
    "timeseries/20190105_20191231.tif",
]


def test_a_changed_sign_reruns_what_has_one(runs):
    *_, jobs = runs
    others = {"export_points_csv", "export_geoparquet", "export_geopackage", "export_cog"}
    others |= {"export_licsbas", "export_pyrate", "export_qgis", "export_stac", "publish"}
    others |= {"find_baselines"}
    others |= {"fill_00", "fill_01", "fill_labels", "loops", "quality", "link_quality", "report"}
    assert jobs - others == {"time_series", "displacements_00", "export_mintpy", "export_dolphin"}


@pytest.mark.parametrize("name", MOTION)
def test_motion_has_the_sign_asked_for_and_says_so(name, runs):
    _, (away, tags_away), (toward, tags_toward), _ = runs
    np.testing.assert_array_equal(away[name], -toward[name])
    assert tags_away[name]["SIGN"].startswith("positive away from the sensor")
    assert tags_toward[name]["SIGN"].startswith("positive toward the sensor")
    # the bowl moves away from the sensor by up to 60 mm a year, 0 elsewhere
    truth = away["simulation/truth/velocity_mm_yr.tif"]
    known = np.isfinite(away[name])
    assert np.corrcoef(away[name][known], truth[known])[0, 1] > 0.9


def test_nothing_else_depends_on_the_sign(runs):
    """Phase, DEM errors, sigmas, and whatever other programs have a sign of their own for."""
    _, (away, _), (toward, tags), _ = runs
    assert tags["timeseries/radians/20190105_20191231.tif"]["SIGN"].startswith("positive away")
    same = set(away) - set(MOTION) - {name for name in away if name.startswith("timeseries/2019")}
    assert {"dem_error_m.tif", "timeseries/velocity_sigma_mm_yr.tif", "velocity.h5/velocity"} < same
    for name in same:
        np.testing.assert_array_equal(away[name], toward[name], err_msg=name)


def test_the_series_is_that_of_the_truth(runs):
    results, (away, tags), _, _ = runs
    row, col = map(int, (results / "timeseries" / "reference_point.txt").read_text().split(","))
    simulation = results / "simulation"
    velocity, height = (read(simulation / "truth" / f"{name}.tif") for name in
                        ("velocity_mm_yr", "dem_error_m"))  # fmt: skip
    with rasterio.open(simulation / "truth" / "timeseries_unw.tif") as dataset:
        dates, phase = dataset.descriptions, dataset.read()
    bperp = pd.read_csv(results / "network" / "baselines.csv")["bperp_m"].to_numpy()
    per_metre = rad_per_m(bperp, WAVELENGTH_M, 850e3, 39.0)
    labels = away["merge/components.tif"]
    assert labels[row, col] == 1
    relative = height - height[row, col]
    for date, own, factor in zip(dates[1:], phase[1:], per_metre[1:], strict=True):
        name = f"timeseries/{dates[0]}_{date}.tif"
        assert tags[name]["unit"] == "m"
        assert away[name][row, col] == pytest.approx(0, abs=1e-12)
        np.testing.assert_array_equal(np.isfinite(away[name]), (labels > 0) & (labels < 65535))
        truth = (own - own[row, col] - factor * relative) * WAVELENGTH_M / (4 * np.pi)
        error = (away[name] - truth)[np.isfinite(away[name])]
        # what is left is the error of the DEM error; a wrong cycle is 28 mm
        assert np.percentile(np.abs(error), 95) < 5e-3
        radians = away[f"timeseries/radians/{dates[0]}_{date}.tif"]
        np.testing.assert_allclose(away[name], radians * WAVELENGTH_M / (4 * np.pi), atol=1e-6)
    slope = away["timeseries/velocity_mm_yr.tif"]
    sigma = away["timeseries/velocity_sigma_mm_yr.tif"]
    off = (slope - (velocity - velocity[row, col])) / sigma
    assert 0.3 < np.nanmedian(np.abs(off)) < 2  # 0.67 were all noise independent of each other


def test_the_jobs_stay_within_their_memory(runs):
    jobs = asked_and_taken(runs[0])
    names = {"date_phases_00", "time_series", "displacements_00", "export_mintpy"}
    names |= {"export_dolphin", "export_licsbas", "export_pyrate", "export_cog", "publish"}
    names |= {
        "export_points_csv",
        "export_geoparquet",
        "export_geopackage",
        "export_stac",
        "fill_00",
        "fill_labels",
    }
    assert {name: jobs[name] for name in names if jobs[name][1] > jobs[name][0]} == {}


def test_the_page_of_outputs_names_every_file(runs):
    unnamed, missing = outputs_of_the_page(runs[0])
    assert unnamed == set()
    assert not {name for name in missing if name.startswith(("timeseries/", "exports/", "filled/"))}


def test_no_raster_has_a_file_beside_it_that_gdal_takes_for_a_part_of_it(runs):
    results, *_ = runs
    paths = sorted(results.rglob("*.tif"))
    folders = {str(path.parent.relative_to(results)) for path in paths}
    assert {".", "unwrapped", "timeseries", "quality", "exports/cog", "filled"} < folders
    for path in paths:
        with rasterio.open(path) as dataset:
            assert dataset.files == [str(path)]
    assert (results / "report.txt").exists()


def values_at_claimed_references(results):
    """Values at the reference point that a raster or a file of MintPy claims, by file and layer.

    Of interferograms what is left of the phase of the input there, in whole cycles.
    """
    first = "20190105"
    wrapped = {
        path.name[9:17]: np.angle(read(path)).astype(float)
        for path in (results / "simulation" / "stack").glob("*.int.tif")
    } | {first: np.zeros((60, 80))}
    found = {}
    for path in results.rglob("*.tif"):
        name = str(path.relative_to(results))
        with rasterio.open(path) as dataset:
            tags, image = dataset.tags(), dataset.read(1)
        if "REFERENCE_ROW_COL" in tags and dataset.dtypes == ("float32",):
            at = tuple(map(int, tags["REFERENCE_ROW_COL"].split()))
            early, late = (wrapped[tags[f"{end}_DATE"]][at] for end in ("REFERENCE", "SECONDARY"))
            found[name] = image[at] if "_diff" in name else image[at] - (late - early)
        elif tags.get("REFERENCE") == "median":
            found[name] = np.nanmedian(image) if "SIGN" in tags else 0
        elif tags.get("REFERENCE", "").startswith("mean of rows"):
            row, end_row, col, end_col = map(int, re.findall(r"\d+", tags["REFERENCE"]))
            area = image[row : end_row + 1, col : end_col + 1]
            found[name] = np.nanmean(area, dtype=float) if "SIGN" in tags else 0
        elif tags.get("REFERENCE", "GNSS") != "GNSS":
            found[name] = image[tuple(map(int, re.findall(r"\d+", tags["REFERENCE"])))]
    for path in results.glob("exports/mintpy/*.h5"):
        with h5py.File(path) as file:
            if "REF_Y" not in file.attrs:
                continue
            row, col = int(file.attrs["REF_Y"]), int(file.attrs["REF_X"])
            for layer in {"timeseries", "velocity", "velocityStd", "dem", "demStd"} & {*file}:
                found[f"{path.name}/{layer}"] = np.abs(file[layer][..., row, col]).max()
            found[f"{path.name} names"] = 0
            if path.name == "ifgramStack.h5":
                for (early, late), image in zip(
                    file["date"][:].astype(str), file["unwrapPhase"], strict=True
                ):
                    phase = wrapped[late][row, col] - wrapped[early][row, col]
                    found[f"{path.name}/{early}_{late}"] = image[row, col] - phase
    return found


def test_what_a_file_says_of_its_reference_is_true(runs):
    results, *_ = runs
    found = values_at_claimed_references(results)
    assert {name for name in found if name.endswith("names")} == {
        f"{name}.h5 names" for name in ("ifgramStack", "timeseries", "velocity")
    }
    assert {"dem_error_m.tif", "exports/cog/dem_error_m.tif", "velocity.h5/velocity"} < {*found}
    assert {name: value for name, value in found.items() if abs(value) > 1e-5} == {}
    point = (results / "exports/dolphin/timeseries/reference_point.txt").read_text()
    row, col = map(int, point.split(","))
    for path in (results / "exports" / "dolphin" / "timeseries").glob("*.tif"):
        assert abs(read(path)[row, col]) < 1e-12
    table = pd.read_csv(results / "exports" / "points.csv")
    here = table[(table["row"] == row) & (table["col"] == col)].iloc[0]
    columns = [name for name in table if name.startswith("D2")]
    columns += ["series_velocity_mm_yr", "series_velocity_sigma_mm_yr"]
    assert abs(here[columns]).max() < 1e-9
    assert abs(table[["velocity_mm_yr", "dem_error_m"]].median()).max() < 1e-5


def test_the_reference_point_is_good_and_near_the_median_height(runs):
    results, (away, _), *_ = runs
    table = pd.read_csv(results / "merge" / "references.csv")
    row, col = table.loc[table["series"] == 1, ["row", "col"]].iloc[0]
    heights = away["dem_error_m.tif"]
    assert abs(heights[row, col]) < 5 < np.nanstd(heights)
    assert away["simulation/stack/temporal_coherence.tif"][row, col] > 0.9


@pytest.mark.parametrize("point", [None, "a roof"])
def test_maps_of_the_link_model_name_the_reference_that_they_have(point, runs, tmp_path):
    """Without a time series; with a point that the config names on the highest roof."""
    results, (away, _), *_ = runs
    folder = tmp_path / "run"
    shutil.copytree(results.parent, folder, symlinks=True)
    config = CONFIG | {"outputs": {"exports": ["mintpy"]}}
    if point:
        heights = away["dem_error_m.tif"]
        point = [int(place) for place in np.unravel_index(np.nanargmax(heights), heights.shape)]
        config["reference"] = {"point": point}
    run_whole(folder, config)
    found = values_at_claimed_references(folder / "results")
    names = {name.removesuffix(".h5 names") for name in found if name.endswith("names")}
    assert names == {"ifgramStack", *(["velocity", "demErr"] if point else [])}
    assert {name: value for name, value in found.items() if abs(value) > 1e-5} == {}
    with h5py.File(folder / "results/exports/mintpy/ifgramStack.h5") as file:
        own = [int(file.attrs["REF_Y"]), int(file.attrs["REF_X"])]
    references = pd.read_csv(folder / "results" / "merge" / "references.csv")
    assert references.loc[references["series"] == 1, ["row", "col"]].values.tolist() == [own]
    assert point is None or own == point
    kept = {
        str(path.relative_to(folder / "results"))
        for path in folder.rglob("exports/**/*.h5")
        if not path.is_symlink()
    }
    names = ("ifgramStack", "velocity", "demErr", "geometry")
    assert kept == {f"exports/mintpy/{name}.h5" for name in names}


def test_maps_and_series_are_relative_to_an_area(runs, tmp_path):
    results, (away, _), *_ = runs
    folder = tmp_path / "run"
    shutil.copytree(results.parent, folder, symlinks=True)
    config = CONFIG | {"reference": {"area": [20, 30, 40, 60], "gnss_csv": "gnss.csv"}}
    # stations see the motion as it was, toward the sensor, and that maps lack 5 mm/yr and a ramp
    velocity = away["velocity_mm_yr.tif"]
    places = [(5, 5), (10, 70), (30, 20), (50, 15), (52, 74), (30, 60), (900, 10)]
    around = [np.s_[max(row - 3, 0) : row + 4, col - 3 : col + 4] for row, col in places]
    toward = [-np.nanmedian(velocity[part]) if velocity[part].size else 0 for part in around]
    rows = [
        (*at, day, f"{(v + 5 + 0.1 * at[0] - 0.2 * at[1]) * years:.4f}")
        for at, v in zip(places, toward, strict=True)
        for day, years in (("20190105", 0), ("20191231", 360 / 365.25), ("20200101", 99))
    ]
    table = "\n".join(",".join(map(str, row)) for row in rows)
    (folder / "gnss.csv").write_text(f"row,col,date,toward_mm\n{table}\n")
    config["outputs"] = {"time_series": True, "exports": ["mintpy"]}
    run_whole(folder, config, "--benchmark-extended")
    found = values_at_claimed_references(folder / "results")
    assert {name: value for name, value in found.items() if abs(value) > 1e-4} == {}
    last = "timeseries/20190105_20191231.tif"
    for name in ("velocity_mm_yr.tif", "dem_error_m.tif", "timeseries/velocity_mm_yr.tif", last):
        with rasterio.open(folder / "results" / name) as dataset:
            tags, image = dataset.tags(), dataset.read(1)
        assert tags["REFERENCE"] == "mean of rows 20 to 39, columns 30 to 59"
        # but for one number as before, and for weights: noise of dates is that of differences
        assert np.nanstd(image - away[name]) < 0.05 * np.nanstd(away[name])
    named = {name.removesuffix(".h5 names") for name in found if name.endswith("names")}
    assert named == {"ifgramStack"}
    tied = read(folder / "results/gnss/velocity_mm_yr.tif")
    row, col = np.indices(tied.shape)
    off = tied - (velocity - 5 - 0.1 * row + 0.2 * col)
    assert np.nanmax(np.abs(off)) < 3
    np.testing.assert_array_equal(np.isfinite(tied), np.isfinite(velocity))
    stations = pd.read_csv(folder / "results/gnss/stations.csv")
    assert stations["points"].tolist() == [25] * 6 + [0]
    assert stations["misfit_mm_yr"][:6].abs().max() < 2 and stations["misfit_mm_yr"].isna()[6]
    log = (folder / "results/logs/gnss_tie.log").read_text()
    assert "velocities of 7 stations fitted to displacements at 2 to 2 dates from 20190105" in log
    assert "tied to 6 of 7 GNSS stations" in (folder / "results/report.txt").read_text()
    asked, taken = asked_and_taken(folder / "results")["gnss_tie"]
    assert taken <= asked <= 1.5 * taken
    assert {name for name in outputs_of_the_page(folder / "results")[1] if "gnss/" in name} == set()
    references = pd.read_csv(folder / "results" / "merge" / "references.csv")
    row, col = references.loc[references["series"] == 1, ["row", "col"]].iloc[0]
    assert 20 <= row < 40 and 30 <= col < 60


# MintPy


def test_mintpy_files_hold_the_results_with_mintpy_signs(runs):
    results, _, (toward, _), _ = runs
    names = pd.read_csv(results / "network" / "network.csv", dtype=str)
    stack = toward["ifgramStack.h5/date"].astype(str)
    np.testing.assert_array_equal(stack, names[["reference", "secondary"]].to_numpy(dtype=str))
    for number, (first, second) in enumerate(stack):
        pair = f"unwrapped/{first}_{second}.unw"
        np.testing.assert_array_equal(
            toward["ifgramStack.h5/unwrapPhase"][number], toward[f"{pair}.tif"]
        )
        labels = toward[f"{pair}.conncomp.tif"]
        np.testing.assert_array_equal(
            toward["ifgramStack.h5/connectComponent"][number], np.where(labels == 65535, 0, labels)
        )
    assert toward["ifgramStack.h5/dropIfgram"].all()  # that is, kept
    for number, date in enumerate(toward["timeseries.h5/date"].astype(str)):
        if number:
            np.testing.assert_allclose(
                toward["timeseries.h5/timeseries"][number],
                toward[f"timeseries/20190105_{date}.tif"],
                atol=1e-8,
            )
    np.testing.assert_allclose(
        toward["velocity.h5/velocity"], toward["timeseries/velocity_mm_yr.tif"] / 1e3, rtol=1e-6
    )
    np.testing.assert_array_equal(toward["demErr.h5/dem"], toward["dem_error_m.tif"])
    np.testing.assert_array_equal(toward["demErr.h5/demStd"], toward["dem_error_sigma_m.tif"])


def test_mintpy_baselines_make_its_dem_errors_ours():
    """MintPy: metres toward the sensor = bperp / (range sin(incidence)) * DEM error."""
    bperp, height, slant_range, incidence = np.array([0, 120.0, -80.0]), 25.0, 850e3, 39.0
    phase = rad_per_m(bperp, WAVELENGTH_M, slant_range, incidence) * height
    toward = -WAVELENGTH_M / (4 * np.pi) * phase
    theirs = mintpy_bperp(bperp) / (slant_range * np.sin(np.radians(incidence))) * height
    np.testing.assert_allclose(theirs, toward, rtol=1e-6)


def test_mintpy_labels_fit_into_its_type():
    labels = np.array([0, 1, 32767, 32768, 65535], dtype=np.uint16)
    found = mintpy_components(labels)
    assert found.dtype == np.int16
    assert found.tolist() == [0, 1, 32767, 0, 0]


def test_mintpy_attributes_of_other_grids():
    shared = (("20200101", "20200113"), (3, 4), WAVELENGTH_M)
    radar = scene_attributes(Grid((5, 6), None, (1, 0, 0, 0, 1, 0)), *shared)
    assert "X_FIRST" not in radar
    assert (radar["LENGTH"], radar["WIDTH"], radar["REF_Y"], radar["REF_X"]) == ("5", "6", "3", "4")
    grid = Grid((5, 6), "EPSG:4326", (0.01, 0, 11.0, 0, -0.01, 60.0))
    degrees = scene_attributes(grid, *shared)
    assert degrees["X_UNIT"] == "degrees"
    assert float(degrees["REF_LON"]) == pytest.approx(11.045)
    assert float(degrees["REF_LAT"]) == pytest.approx(59.965)
    assert "UTM_ZONE" not in degrees
    nowhere = scene_attributes(grid, shared[0], None, WAVELENGTH_M)
    assert degrees.keys() - nowhere.keys() == {"REF_Y", "REF_X", "REF_LON", "REF_LAT"}
    south = scene_attributes(Grid((5, 6), "EPSG:32719", (10, 0, 5e5, 0, -10, 8e6)), *shared)
    assert south["UTM_ZONE"] == "19S"


READ_WITH_MINTPY = """
import contextlib, io, json, sys
import numpy as np
with contextlib.redirect_stdout(io.StringIO()):
    from mintpy.objects import geometry, ifgramStack, timeseries
    from mintpy.utils import readfile, time_func
    folder, found = sys.argv[1], {}
    stack = ifgramStack(f"{folder}/ifgramStack.h5")
    stack.open()
    found["pairs"], found["reference"] = stack.date12List, [stack.refY, stack.refX]
    found["bperp"] = stack.get_perp_baseline_timeseries(dropIfgram=True).tolist()
    found["kept"] = int(stack.get_size(dropIfgram=True)[0])
    phase = stack.read(f"unwrapPhase-{stack.date12List[2]}")
    coherence, _ = readfile.read(stack.file, datasetName="coherence")
    found["mean_velocity"] = stack.temporal_average("unwrapPhase").tolist()
    found["components"] = stack.read("connectComponent").max().item()
    series = timeseries(f"{folder}/timeseries.h5")
    series.open()
    found["dates"], data = series.dateList, series.read()
    velocity, attributes = readfile.read(f"{folder}/velocity.h5", datasetName="velocity")
    model = time_func.get_design_matrix4time_func(found["dates"])
    at = np.isfinite(velocity)
    found["fitted"] = np.linalg.lstsq(model, data[:, at], rcond=None)[0][1].tolist()
    found["velocity"] = velocity[at].tolist()
    sigma, _ = readfile.read(f"{folder}/velocity.h5", datasetName="velocityStd")
    found["sigma"] = sigma[at].tolist()
    found["types"] = {name: readfile.read_attribute(f"{folder}/{name}.h5")["FILE_TYPE"]
                      for name in ("ifgramStack", "timeseries", "velocity", "demErr", "geometry")}
    dem, attributes_dem = readfile.read(f"{folder}/demErr.h5")
    dem_sigma, _ = readfile.read(f"{folder}/demErr.h5", datasetName="demStd")
    found["dem"], found["dem_sigma"] = dem[at].tolist(), dem_sigma[at].tolist()
    found["units"] = [attributes["UNIT"], attributes_dem["UNIT"]]
    view = geometry(f"{folder}/geometry.h5")
    view.open()
    found["view"] = [view.read(name)[at].mean().item() for name in view.datasetNames]
    found["geocoded"] = view.geocoded
print(json.dumps(found))
"""


@pytest.mark.skipif(not MINTPY.is_dir(), reason=f"no MintPy in {MINTPY}: make test installs it")
def test_mintpy_reads_its_files(runs):
    results, _, (toward, _), _ = runs
    process = subprocess.run(
        [MINTPY / "python", "-c", READ_WITH_MINTPY, results / "exports" / "mintpy"],
        capture_output=True,
        text=True,
        env=os.environ | {"MPLBACKEND": "agg"},
    )
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    stack = toward["ifgramStack.h5/date"].astype(str)
    assert found["pairs"] == ["_".join(pair) for pair in stack]
    assert found["kept"] == len(stack)
    assert found["reference"] == [
        int(number)
        for number in (results / "timeseries/reference_point.txt").read_text().split(",")
    ]
    bperp = pd.read_csv(results / "network" / "baselines.csv")["bperp_m"]
    np.testing.assert_allclose(found["bperp"], -bperp, atol=1e-3)
    assert found["components"] == 1
    # its velocity of our series is ours; its mean of our interferograms moves the same way
    np.testing.assert_allclose(found["fitted"], found["velocity"], atol=1e-6)
    at = np.isfinite(toward["timeseries/velocity_mm_yr.tif"])
    ours = toward["timeseries/velocity_mm_yr.tif"][at] / 1e3
    np.testing.assert_allclose(found["velocity"], ours, rtol=1e-6)
    truth = -toward["simulation/truth/velocity_mm_yr.tif"][at]
    assert np.corrcoef(np.array(found["mean_velocity"])[at], truth)[0, 1] > 0.5
    sigma = toward["timeseries/velocity_sigma_mm_yr.tif"][at] / 1e3
    np.testing.assert_allclose(found["sigma"], sigma, rtol=1e-6)
    assert found["types"] == {
        "ifgramStack": "ifgramStack",
        "timeseries": "timeseries",
        "velocity": "velocity",
        "demErr": "dem",
        "geometry": "geometry",
    }
    assert found["units"] == ["m/year", "m"]
    np.testing.assert_array_equal(found["dem"], toward["dem_error_m.tif"][at])
    np.testing.assert_array_equal(found["dem_sigma"], toward["dem_error_sigma_m.tif"][at])
    np.testing.assert_allclose(found["view"], [0, 39.0, 850e3])  # height, angle, range
    assert found["geocoded"]


@pytest.mark.skipif(not MINTPY.is_dir(), reason=f"no MintPy in {MINTPY}: make test installs it")
def test_mintpys_whole_app_runs_on_its_files(runs, tmp_path):
    """From modify_network to its normal end; its series is ours with the DEM errors left in."""
    results, *_ = runs
    exported = results / "exports" / "mintpy"
    folder = shutil.copytree(exported / "app", tmp_path / "app")  # files instead of links

    def app(*arguments):
        process = subprocess.run(
            [MINTPY / "smallbaselineApp.py", "emcflow.txt", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            env=os.environ
            | {"MPLBACKEND": "agg", "PATH": f"{MINTPY}{os.pathsep}{os.environ['PATH']}"},
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    for step in ("modify_network", "reference_point"):
        app("--dostep", step)
    # not quick_overview, which stops where all loops close
    assert "Normal end of smallbaselineApp processing!" in app("--start", "correct_unwrap_error")
    with h5py.File(folder / "timeseries.h5") as file, h5py.File(exported / "demErr.h5") as errors:
        theirs, dem = file["timeseries"][...], errors["dem"][...]
        row, col = (int(file.attrs[name]) for name in ("REF_Y", "REF_X"))
    with h5py.File(exported / "timeseries.h5") as file:
        ours, bperp = file["timeseries"][...], file["bperp"][...]
    with h5py.File(exported / "ifgramStack.h5") as file:
        sure = (file["connectComponent"][...] > 0).all(axis=0)  # whose loops close as well
    tall = (dem - dem[row, col]) / (850e3 * np.sin(np.radians(39.0)))
    at = np.isfinite(ours).all(axis=0)
    assert np.count_nonzero(sure & at) > 0.99 * np.count_nonzero(at)
    at &= sure
    expected = ours + bperp[:, np.newaxis, np.newaxis] * tall
    np.testing.assert_allclose(theirs[:, at], expected[:, at], atol=2e-6)


# Others


def test_dolphin_finds_its_names_signs_and_units(runs):
    results, _, (toward, tags), _ = runs
    folder = results / "exports" / "dolphin"
    names = {path.name for path in (results / "unwrapped").glob("*.tif")}
    assert {path.name for path in (folder / "unwrapped").iterdir()} == names
    assert all(path.resolve().is_file() for path in (folder / "unwrapped").iterdir())
    dates = {path.name for path in (results / "timeseries").glob("2*.tif")}
    found = {path.name for path in (folder / "timeseries").iterdir()}
    assert found == dates | {"velocity.tif", "reference_point.txt"}
    for name in dates:
        moved = f"exports/dolphin/timeseries/{name}"
        np.testing.assert_array_equal(toward[moved], toward[f"timeseries/{name}"])
        assert tags[moved]["unit"] == tags[moved]["UNITS"] == "meters"
    velocity = "exports/dolphin/timeseries/velocity.tif"
    assert tags[velocity]["unit"] == "meters / year"
    assert tags[velocity]["SIGN"].startswith("positive toward")
    np.testing.assert_allclose(
        toward[velocity], toward["timeseries/velocity_mm_yr.tif"] / 1e3, rtol=1e-6
    )


def in_degrees(results, image):
    """Return an image of the scene as LiCSBAS and PyRate have it."""
    target = degree_grid(read_scene_file(results / "stack" / "stack.json").grid, "test")
    return target.take(image, np.nan)


def series_of(pairs, dates, wavelength_m, sign):
    """Return displacements [mm] from unwrapped phases by their pairs, whose loops close."""
    series = {dates[0]: 0.0}
    while len(series) < len(dates):
        for (first, second), phase in pairs.items():
            step = sign * wavelength_m / (4 * np.pi) * 1e3 * phase
            if first in series:
                series.setdefault(second, series[first] + step)
            elif second in series:
                series[first] = series[second] - step
    return np.stack([series[date] + 0 * phase for date in dates])


def test_licsbas_and_pyrate_get_the_interferograms_in_degrees(runs):
    results, _, (toward, _), _ = runs
    exports = results / "exports"
    names = [name for name in toward if re.fullmatch(r"unwrapped/\d{8}_\d{8}\.unw\.tif", name)]
    folders = {path.name for path in (exports / "licsbas/GEOC").iterdir() if path.is_dir()}
    assert folders == {name[10:27] for name in names}
    coherence = in_degrees(results, toward["simulation/stack/temporal_coherence.tif"])
    for name in names:
        pair, expected = name[10:27], in_degrees(results, toward[name])
        assert np.isfinite(expected).sum() > 0.9 * np.isfinite(toward[name]).sum()
        licsbas = f"exports/licsbas/GEOC/{pair}/{pair}.geo"
        pyrate = f"exports/pyrate/pairs/{pair.replace('_', '-')}"
        for image in (toward[f"{licsbas}.unw.tif"], toward[f"{pyrate}_unw.tif"]):
            np.testing.assert_array_equal(image, expected)
        at = np.isfinite(expected)
        for image in (toward[f"{licsbas}.cc.tif"], toward[f"{pyrate}_coh.tif"]):
            np.testing.assert_array_equal(image[at], coherence[at])
    with rasterio.open(exports / "licsbas/GEOC/coherence.tif") as dataset:
        assert dataset.crs.to_epsg() == 4326
        west, south, east, north = dataset.bounds
    table = pd.read_csv(exports / "points.csv")
    assert table["longitude"].between(west, east).all()
    assert table["latitude"].between(south, north).all()
    up = toward["exports/licsbas/GEOC/scene.geo.U.tif"]
    np.testing.assert_allclose(up[np.isfinite(up)], np.cos(np.radians(39)), rtol=1e-6)
    lines = (exports / "licsbas/GEOC/baselines").read_text().split("\n")[:-1]
    bperp = pd.read_csv(results / "network" / "baselines.csv")["bperp_m"]
    np.testing.assert_allclose([float(line.split()[2]) for line in lines], bperp[1:], atol=1e-3)
    # PyRate's reference is the pixel that ours became
    row, col = map(int, (results / "timeseries/reference_point.txt").read_text().split(","))
    settings = (exports / "pyrate/emcflow.conf").read_text()
    x, y = (float(re.search(rf"^{key}: (.*)$", settings, re.M)[1]) for key in ("refx", "refy"))
    here = table[(table["row"] == row) & (table["col"] == col)].iloc[0]
    step = 10 / 111_000  # a pixel
    assert abs(x - here["longitude"]) < step and abs(y - here["latitude"]) < step


def tried(folder, *command):
    """Run a command of another program in a folder."""
    environment = os.environ | {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    process = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=environment, check=False
    )
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]


@pytest.mark.skipif(not shutil.which("LiCSBAS13_sb_inv.py"), reason="no LiCSBAS on the search path")
def test_licsbas_makes_the_series_of_the_interferograms(runs, tmp_path):
    """Steps 02 to 13 of LiCSBAS, by the commands of the export."""
    results, _, (toward, _), _ = runs
    folder = shutil.copytree(results / "exports" / "licsbas", tmp_path / "licsbas")
    tried(folder, "bash", "-e", "steps.sh")
    with h5py.File(folder / "TS_GEOCml1" / "cum.h5") as file:
        dates = file["imdates"][...].astype(str).tolist()
        theirs, rates = file["cum"][...], file["vel"][...]
        col, row = (int(part.split(":")[0]) for part in file["refarea"][()].decode().split("/"))
    pairs = {
        tuple(path.name[:17].split("_")): read(path) for path in folder.glob("GEOC/2*/*.unw.tif")
    }
    ours = series_of(pairs, dates, WAVELENGTH_M, -1)
    at = np.isfinite(theirs).all(axis=0)
    assert at.sum() > 0.95 * np.isfinite(ours).all(axis=0).sum()
    theirs = theirs - theirs[:, row, col][:, np.newaxis, np.newaxis]
    ours -= ours[:, row, col][:, np.newaxis, np.newaxis]
    assert np.percentile(np.abs(theirs - ours)[:, at], 99) < 1e-3  # but where loops do not close
    velocity = in_degrees(results, toward["timeseries/velocity_mm_yr.tif"])
    assert np.corrcoef(rates[at], velocity[at])[0, 1] > 0.9  # DEM errors are left in theirs


@pytest.mark.skipif(not shutil.which("pyrate"), reason="no PyRate on the search path")
def test_pyrate_makes_the_series_of_the_interferograms(runs, tmp_path):
    """PyRate's whole workflow, by the config of the export."""
    results, _, (toward, _), _ = runs
    folder = shutil.copytree(results / "exports" / "pyrate", tmp_path / "pyrate")
    tried(folder, "pyrate", "workflow", "-f", "emcflow.conf")
    pairs = {
        tuple(path.name[:17].split("-")): read(path) for path in folder.glob("pairs/*_unw.tif")
    }
    dates = sorted({date for pair in pairs for date in pair})
    ours = series_of(pairs, dates, WAVELENGTH_M, 1)
    theirs = np.stack([
        read(folder / f"out/timeseries_dir/tscuml_{date[:4]}-{date[4:6]}-{date[6:]}.tif")
        for date in dates[1:]
    ])  # fmt: skip
    at = np.isfinite(theirs).all(axis=0)
    known = np.isfinite(ours).all(axis=0)
    (place,) = np.argwhere(known & ~at)  # the reference, which PyRate takes for no data
    ours -= ours[:, place[0], place[1]][:, np.newaxis, np.newaxis]
    assert np.percentile(np.abs(theirs - ours[1:])[:, at], 99) < 1e-3
    rates = read(folder / "out/velocity_dir/linear_rate.tif")
    velocity = in_degrees(results, toward["timeseries/velocity_mm_yr.tif"])
    assert np.corrcoef(rates[at], velocity[at])[0, 1] < -0.9  # theirs is positive away


def test_tables_have_a_row_per_point(runs):
    results, _, (toward, _), _ = runs
    table = pd.read_csv(results / "exports" / "points.csv")
    parquet = pyarrow.parquet.read_table(results / "exports" / "points.parquet")
    at = (table["row"], table["col"])
    pair = next(image for name, image in toward.items() if name.endswith(".unw.tif"))
    assert len(table) == len(parquet) == np.isfinite(pair).sum()
    assert np.isfinite(pair[at]).all()
    with rasterio.open(results / "velocity_mm_yr.tif") as dataset:
        x, y = dataset.xy(*at)
        crs = dataset.crs
    np.testing.assert_allclose(table[["x", "y"]], np.column_stack([x, y]))
    lon, lat = rasterio.warp.transform(crs, "EPSG:4326", x, y)
    np.testing.assert_allclose(table[["longitude", "latitude"]], np.column_stack([lon, lat]))
    rasters = {
        "velocity_mm_yr": toward["velocity_mm_yr.tif"],
        "dem_error_m": toward["dem_error_m.tif"],
        "link_model_coherence": toward["link_model_coherence.tif"],
        "temporal_coherence": toward["simulation/stack/temporal_coherence.tif"],
        "series_velocity_mm_yr": toward["timeseries/velocity_mm_yr.tif"],
        "series_velocity_sigma_mm_yr": toward["timeseries/velocity_sigma_mm_yr.tif"],
        "misfit_rad": toward["timeseries/misfit_rad.tif"],
        "D20191231": 1e3 * toward["timeseries/20190105_20191231.tif"],
    }
    for name, image in rasters.items():
        np.testing.assert_allclose(table[name], image[at], rtol=1e-6, err_msg=name)
        np.testing.assert_array_equal(parquet[name].to_numpy(), table[name].astype(np.float32))
    assert (table["component"] == 1).all()
    assert sum(name.startswith("D2019") for name in table) == 9
    assert not table["D20190105"].any()
    # it flies nearly north and looks to the right: a tall target is farther east than its pixel
    towers = table["dem_error_m"] > 20
    east = (table["longitude_corrected"] - table["longitude"]) * 111_320  # [m], at the equator
    across = east / np.cos(np.radians(HEADING_DEG))
    expected = table["dem_error_m"] / np.tan(np.radians(39.0))
    assert towers.sum() > 50
    np.testing.assert_allclose(across, expected, atol=0.02, rtol=2e-3)
    package = pyogrio.raw.read_arrow(results / "exports" / "points.gpkg")
    meta, features = package[0], package[1]
    assert CRS.from_user_input(meta["crs"]).to_epsg() == 32631
    assert meta["geometry_type"] == "Point"
    for name in table:
        numbers = features[name].to_numpy()
        assert numbers.dtype.kind in "iuf", name
        np.testing.assert_array_equal(numbers, parquet[name].to_numpy(), err_msg=name)


def test_geoparquet_says_where_its_points_are(runs):
    results, *_ = runs
    table = pyarrow.parquet.read_table(results / "exports" / "points.parquet")
    geo = json.loads(table.schema.metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    assert geo["version"] == "1.1.0"
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point"])
    assert CRS.from_user_input(json.dumps(column["crs"])).to_epsg() == 32631
    points = np.frombuffer(b"".join(table["geometry"].to_pylist()), dtype=np.uint8).reshape(-1, 21)
    assert (points[:, :5] == [1, 1, 0, 0, 0]).all()  # little endian, a point
    xy = np.ascontiguousarray(points[:, 5:]).view("<f8")
    np.testing.assert_array_equal(xy, np.column_stack([table["x"], table["y"]]))


def test_cogs_are_the_rasters_again(runs):
    results, _, (toward, tags), _ = runs
    folder = results / "exports" / "cog"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.tif")}
    assert found == {
        *(str(path.relative_to(results)) for path in results.glob("*.tif")),
        *(f"timeseries/{path.name}" for path in (results / "timeseries").glob("*.tif")),
        *(f"unwrapped/{path.name}" for path in (results / "unwrapped").glob("*.tif")),
    }
    for name in found:
        np.testing.assert_array_equal(toward[f"exports/cog/{name}"], toward[name])
        assert tags[f"exports/cog/{name}"].items() >= tags[name].items()


def test_the_stac_item_describes_every_raster(runs):
    results, _, (toward, tags), _ = runs
    item = json.loads((results / "exports" / "stac_item.json").read_text())
    check_item(item)
    assert item["id"] == "results_20190105_20191231"
    cogs = {
        str(path.relative_to(results / "exports/cog")) for path in results.rglob("cog/**/*.tif")
    }
    assert {f"{name}.tif" for name in item["assets"]} == cogs
    bperp = pd.read_csv(results / "network" / "baselines.csv").set_index("date")["bperp_m"]
    for name, asset in item["assets"].items():
        assert (results / "exports" / asset["href"]).resolve() == results / f"{name}.tif"
        (band,) = asset["bands"]
        assert band["data_type"] == toward[f"{name}.tif"].dtype.name
        assert band["unit"] == tags[f"{name}.tif"]["UNITS"]
        assert asset.get("description") == tags[f"{name}.tif"].get("SIGN")
        if "REFERENCE_DATE" in tags[f"{name}.tif"]:
            first, second = (
                tags[f"{name}.tif"][f"{end}_DATE"] for end in ("REFERENCE", "SECONDARY")
            )
            assert asset["insar:reference_datetime"].replace("-", "").startswith(f"{first}T")
            expected = bperp[int(second)] - bperp[int(first)]
            assert asset["insar:perpendicular_baseline"] == pytest.approx(expected, abs=1e-3)
    assert item["assets"]["timeseries/20190105_20191231"]["insar:temporal_baseline"] == 360
    kinds = {name: asset["roles"] for name, asset in item["assets"].items()}
    assert kinds["timeseries/20190105_20191231"] == ["data", "los_displacement"]
    assert kinds["velocity_mm_yr"] == ["data"]
    pair = next(name for name in kinds if name.endswith(".unw"))
    assert kinds[pair] == ["data", "unwrapped_phase"]
    assert kinds[f"{pair}.conncomp"] == kinds[f"{pair}.pwrong"] == ["metadata"]
    table = pd.read_csv(results / "exports" / "points.csv")
    west, south, east, north = item["bbox"]
    assert table["longitude"].between(west, east).all()
    assert table["latitude"].between(south, north).all()
    assert item["properties"]["platform"] == "sen"
    assert item["properties"]["proj:code"] == "EPSG:32631"


LOAD_IN_QGIS = """
import json, os, sys
from qgis.core import QgsApplication, QgsRasterLayer, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
found = {}
for path in sys.argv[1:]:
    if path.endswith(".tif"):
        layer = QgsRasterLayer(path)
        renderer = layer.renderer()
        found[path] = [layer.isValid(), renderer.type(), layer.crs().authid()]
        if renderer.type() == "singlebandpseudocolor":
            found[path] += [renderer.classificationMin(), renderer.classificationMax()]
        else:
            found[path] += [[each.value for each in renderer.classes()]]
    else:
        layer = QgsVectorLayer(path)
        numbers = {each.name() for each in layer.fields() if each.isNumeric()}
        found[path] = [layer.isValid(), layer.featureCount(), layer.crs().authid(), sorted(numbers)]
print(json.dumps(found), flush=True)
os._exit(0)  # taken down in order, this QGIS falls over
"""
QGIS_PYTHON = Path("/usr/bin/python3")  # the system's, which QGIS is built for


def test_styles_have_the_colours_and_ends_of_the_report(runs):
    results, _, (toward, _), _ = runs
    style = ElementTree.parse(results / "velocity_mm_yr.qml")
    renderer = style.find("pipe/rasterrenderer")
    image = toward["velocity_mm_yr.tif"]
    largest = np.percentile(np.abs(image[np.isfinite(image)]), 99)
    ends = [float(renderer.get(f"classification{end}")) for end in ("Min", "Max")]
    np.testing.assert_allclose(ends, [-largest, largest], rtol=1e-6)
    items = style.findall(".//item")
    assert [items[0].get("color"), items[-1].get("color")] == ["#001261", "#590008"]  # blue to red
    np.testing.assert_allclose(float(items[16].get("value")), 0, atol=1e-6)
    rasters = {path.with_suffix("") for path in results.glob("unwrapped/*[0-9].unw*.tif")}
    rasters |= {path.with_suffix("") for path in results.glob("*.tif")}
    assert rasters <= {path.with_suffix("") for path in results.rglob("*.qml")}
    shown = {path.with_suffix("") for path in results.glob("quality/*.qml")}
    assert {path.name for path in shown} == {
        *("open_loops", "flow_crossings", "seam_difference_rad", "noise_links"),
        *("link_coherence_unbiased", "residual_phase_rad", "residual_motion_mm"),
    }
    style = ElementTree.parse(results / "quality" / "flow_crossings.qml")
    counts = style.find(".//colorrampshader")
    flows = toward["quality/flow_crossings.tif"]
    assert float(counts.get("minimumValue")) == 0
    assert float(counts.get("maximumValue")) == max(flows[flows < 65535].max(), 1)
    assert (results / "merge" / "components.qml").exists()
    labels = ElementTree.parse(next(results.glob("unwrapped/*.conncomp.qml")))
    assert {entry.get("value") for entry in labels.findall(".//paletteEntry")} == {"0", "1"}


def has_qgis():
    command = [QGIS_PYTHON, "-c", "import qgis.core"]
    return QGIS_PYTHON.exists() and not subprocess.run(command, capture_output=True).returncode


@pytest.mark.skipif(not has_qgis(), reason="no QGIS here: apt-get install python3-qgis")
def test_qgis_opens_rasters_and_points(runs):
    results, _, (toward, _), _ = runs
    rasters = [results / "velocity_mm_yr.tif", *results.glob("unwrapped/*[0-9].unw.tif")]
    components = next(results.glob("unwrapped/*.conncomp.tif"))
    points = results / "exports" / "points.gpkg"
    process = subprocess.run(
        [QGIS_PYTHON, "-c", LOAD_IN_QGIS, *rasters, components, points],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(results), "QT_QPA_PLATFORM": "offscreen"},
    )
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout.splitlines()[-1])
    for path in rasters:
        valid, kind, crs, low, high = found[str(path)]
        assert (valid, kind, crs) == (True, "singlebandpseudocolor", "EPSG:32631")
        assert low < high
    assert found[str(components)] == [True, "paletted", "EPSG:32631", [0, 1]]
    valid, count, crs, numbers = found[str(points)]
    assert (valid, crs) == (True, "EPSG:32631")
    pair = next(image for name, image in toward.items() if name.endswith(".unw.tif"))
    assert count == np.isfinite(pair).sum()
    assert {"velocity_mm_yr", "D20190105", "D20191231", "longitude_corrected"} <= set(numbers)


@pytest.mark.parametrize(("kind", "mean"), [(np.float32, 1.5), (np.uint16, 1.0)])
def test_a_cog_has_overviews_and_statistics(kind, mean, tmp_path):
    """Of real values the mean, of labels the most frequent; no data stays no data."""
    image = np.ones((1100, 1300), kind)
    image[1::2, 1::2] = 3
    image[:64, :64] = np.nan if kind == np.float32 else 65535
    grid = Grid(image.shape, "EPSG:32631", (10.0, 0.0, 5e5, 0.0, -10.0, 1e5))
    write_raster(tmp_path / "in.tif", image, grid, units="1", description="x", tags={"SIGN": "up"})
    write_cog(tmp_path / "in.tif", tmp_path / "folder" / "out.tif")
    with rasterio.open(tmp_path / "folder" / "out.tif") as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.overviews(1) == [2, 4]
        assert float(dataset.tags(1)["STATISTICS_MAXIMUM"]) == 3
        assert dataset.tags()["SIGN"] == "up"
        np.testing.assert_array_equal(dataset.read(1), image)
        small = dataset.read(1, out_shape=(550, 650))
    assert (small[40:, 40:] == mean).all()
    assert (np.isnan(small[:30, :30]) if kind == np.float32 else small[:30, :30] == 65535).all()


def test_positions_by_hand():
    """At the equator, 45 degrees: a tower of 100 m stands 100 m away across the track."""
    per_east, per_north = np.degrees([1 / 6378137.0, 1 / 6335439.327])
    cases = (
        (0.0, "right", 100 * per_east, 0.0),
        (0.0, "left", -100 * per_east, 0.0),
        (90.0, "right", 0.0, -100 * per_north),
        (180.0, "right", -100 * per_east, 0.0),
    )
    for heading, looks, east, north in cases:
        place = corrected_positions(
            np.zeros(1), np.zeros(1), np.full(1, 100.0), 45.0, heading, looks
        )
        np.testing.assert_allclose(np.ravel(place), [east, north], atol=1e-12)
    # lower than the DEM is nearer; steeper is farther; degrees of longitude shrink to the pole
    place = corrected_positions(np.zeros(2), np.full(2, 60.0), np.array([-10.0, np.nan]), 30.0, 0.0)
    radius = 6378137.0 / np.sqrt(1 - 6.69437999014e-3 * 0.75)
    expected = np.degrees(-10 * np.sqrt(3) / (radius * 0.5))
    np.testing.assert_allclose(place[0], [expected, np.nan], rtol=1e-9)


LOCAL = 'LOCAL_CS["radar coordinates",UNIT["metre",1]]'


@pytest.mark.parametrize(
    ("crs", "transform", "names", "place"),
    [
        (LOCAL, (1.0, 0, 0, 0, 1.0, 0), ("row", "col"), None),
        ("EPSG:4978", (10.0, 0, 4e6, 0, -10.0, 3e5), ("row", "col"), None),
        (  # the Moon: no way to WGS 84
            "+proj=longlat +R=1737400",
            (0.5, 0, 10.0, 0, -0.5, -20.0),
            ("row", "col", "x", "y"),
            None,
        ),
        (
            "EPSG:4326",
            (0.5, 0, 179.0, 0, -0.5, -20.0),
            ("row", "col", "x", "y", "longitude", "latitude"),
            ([179.25, 179.75, 180.25], [-20.25] * 3),
        ),
        (  # the disk of the Earth ends at x = 5.4e6
            "+proj=geos +h=35785831 +lon_0=0 +sweep=y",
            (6e6, 0, -3e6, 0, -1e6, 5e5),
            ("row", "col", "x", "y", "longitude", "latitude"),
            ([0, np.nan, np.nan], [0, np.nan, np.nan]),
        ),
    ],
)
def test_tables_have_the_coordinates_that_there_are(crs, transform, names, place, tmp_path):
    grid = Grid((1, 3), crs, tuple(map(float, transform)))
    points = tmp_path / "points.tif"
    write_raster(points, np.ones((1, 3), np.float32), grid, units="1", description="x")
    table = next(point_batches(grid, points, {}, {}))
    assert tuple(table.column_names) == names
    if place:
        np.testing.assert_allclose(table["longitude"].to_numpy() % 360, np.array(place[0]) % 360)
        np.testing.assert_allclose(table["latitude"], place[1])
    write_geoparquet(tmp_path / "p.parquet", iter([table]), crs)
    written = pyarrow.parquet.read_schema(tmp_path / "p.parquet")
    column = json.loads(written.metadata[b"geo"])["columns"]["geometry"]
    assert (column["crs"] is None) == ("x" not in names)
    assert write_geopackage(tmp_path / "p.gpkg", iter([table, table]), crs) == 6
    assert pyogrio.read_info(tmp_path / "p.gpkg")["features"] == 6
    assert {path.name for path in tmp_path.iterdir()} == {"points.tif", "p.parquet", "p.gpkg"}
    attributes = scene_attributes(grid, ["20200101"], (0, 0), WAVELENGTH_M)
    assert ("X_FIRST" in attributes) == ("x" in names)


def test_radar_coordinates_have_degrees_by_rasters_or_control_points(tmp_path):
    rows, cols = np.indices((40, 50))
    longitude, latitude = 11 + 1e-3 * cols - 2e-4 * rows, 60 - 1e-3 * rows
    corners = [(row, col) for row in (0, 40) for col in (0, 25, 50)]
    gcps = tuple(
        # of pixels' corners, so half a pixel before their centres
        (row, col, 11 + 1e-3 * (col - 0.5) - 2e-4 * (row - 0.5), 60 - 1e-3 * (row - 0.5), 0.0)
        for row, col in corners
    )
    radar = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    with_gcps = Grid((40, 50), None, radar, gcps, CRS.from_epsg(4326).to_wkt())
    points = tmp_path / "points.tif"
    write_raster(points, np.ones((40, 50), np.float32), with_gcps, units="1", description="x")
    with rasterio.open(points) as dataset:
        found = read_grid(dataset)
    assert found == with_gcps
    for name, image in (("lon", longitude), ("lat", latitude)):
        whole = np.pad(image, ((3, 0), (2, 0)), constant_values=400)
        grid = Grid(whole.shape, None, radar)
        write_raster(
            tmp_path / f"{name}.tif", whole.astype(np.float32), grid, units="1", description="x"
        )
    rasters = tmp_path / "lon.tif", tmp_path / "lat.tif"
    without = Grid((40, 50), None, radar)
    degrees = DegreeRasters(*rasters, (3, 2, 43, 52))
    for grid, given, within in ((with_gcps, None, 1e-7), (without, degrees, 1e-5)):
        assert by_degrees(grid, given)
        table = next(point_batches(grid, points, {}, {}, degrees=given))
        assert table.column_names == ["row", "col", "longitude", "latitude"]
        np.testing.assert_allclose(table["longitude"], longitude.ravel(), atol=within)
        np.testing.assert_allclose(table["latitude"], latitude.ravel(), atol=within)
        write_geoparquet(tmp_path / "p.parquet", iter([table]), None, degrees=True)
        geo = json.loads(pyarrow.parquet.read_schema(tmp_path / "p.parquet").metadata[b"geo"])
        assert geo["columns"]["geometry"]["crs"]["id"]["code"] == 4326
        write_geopackage(tmp_path / "p.gpkg", iter([table]), None, degrees=True)
        info = pyogrio.read_info(tmp_path / "p.gpkg", force_total_bounds=True)
        assert info["crs"] == "EPSG:4326"
        assert info["total_bounds"][0] == pytest.approx(longitude.min(), abs=1e-5)
    assert not by_degrees(without, None)
    assert not by_degrees(Grid((40, 50), "EPSG:4326", radar), degrees)
    with pytest.raises(InputError, match="values from 400 to 400; expected degrees"):
        DegreeRasters(*rasters, None).read((0, 0, 2, 2), np.ones((2, 2), bool))


def test_control_points_go_with_the_window_and_the_scene_file(tmp_path):
    gcps = (
        (0.0, 0.0, 11.0, 60.0, 5.0),
        (40.0, 50.0, 11.5, 59.5, 0.0),
        (0.0, 50.0, 11.5, 60.0, 0.0),
    )
    grid = Grid((40, 50), None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), gcps, "EPSG:4326")
    part = grid.cropped((10, 20, 30, 40))
    assert part.gcps[0] == (-10.0, -20.0, 11.0, 60.0, 5.0) and part.shape == (20, 20)
    scene = SceneFile("slc", ("20200101",), 1, part, "s", "c.tif", 0, 0.6, ())
    write_scene_file(tmp_path / "stack.json", scene)
    assert read_scene_file(tmp_path / "stack.json") == scene
    plain = replace(scene, grid=Grid((40, 50), None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)))
    write_scene_file(tmp_path / "plain.json", plain)
    assert "gcp" not in (tmp_path / "plain.json").read_text()
    assert read_scene_file(tmp_path / "plain.json") == plain


# Filled between the points


def test_filled_interferograms_are_the_points_and_congruent_pixels_around_them(runs):
    results, _, (toward, tags), _ = runs
    names = [name for name in toward if name.startswith("filled/2")]
    assert len(names) == 21
    stack = {
        path.name[9:17]: np.angle(read(path)).astype(float)
        for path in (results / "simulation" / "stack").glob("*.int.tif")
    }
    first_date = "20190105"
    stack[first_date] = 0.0
    labels = toward["filled/filled.tif"]
    assert labels.dtype == np.uint8
    data = toward[f"simulation/stack/{first_date}_20191231.int.tif"] != 0
    for name in names:
        filled, own = toward[name], toward[name.replace("filled", "unwrapped")]
        points = np.isfinite(own)
        np.testing.assert_array_equal(filled[points], own[points])
        near = distance_transform_edt(~points) <= 3
        np.testing.assert_array_equal(np.isfinite(filled), points | (near & data))
        first, second = name[7:15], name[16:24]
        cycles = (filled - (stack[second] - stack[first])) / (2 * np.pi)
        at = np.isfinite(filled)
        assert np.abs(cycles - np.rint(cycles))[at].max() < 1e-5 / (2 * np.pi)
        np.testing.assert_array_equal(labels, np.where(points, 1, np.where(at, 2, 0)))
        assert tags[name]["unit"] == tags[name]["UNITS"] == "rad"
        reference = tags[name.replace("filled", "unwrapped")]["REFERENCE_ROW_COL"]
        assert tags[name]["REFERENCE_ROW_COL"] == reference
    assert (labels == 2).sum() > 200


def test_mintpy_images_by_hand():
    """A wave of 4 pi metres: 1 rad is 1 m away from the satellite."""
    phase = np.array([[1, np.nan]], np.float32)
    phases = [rows_of(phase), rows_of(3 * phase)]
    first, second, third = (image(0, 1) for image in series_images(phases, 4 * np.pi))
    np.testing.assert_array_equal(first, [[0, np.nan]])
    np.testing.assert_allclose([second, third], [-phase, -3 * phase], rtol=1e-6)
    given = rows_of(np.float32([[2000]])), rows_of(np.float32([[500]]))
    away = velocity_images(*given, "away")
    assert (away["velocity"](0, 1), away["velocityStd"](0, 1)) == (-2, 0.5)
    assert list(velocity_images(phases[0], None, "toward")) == ["velocity"]
    points = np.array([[False, True], [True, False]])
    images = geometry_images(points, 39.0, np.array([np.nan, 8e5]))
    assert images["incidenceAngle"](0, 1).tolist() == [[0, 39]]
    assert images["slantRangeDistance"](0, 1).tolist() == [[0, 0]]
    assert images["slantRangeDistance"](1, 2).tolist() == [[8e5, 0]]
