"""What LiCSBAS and PyRate are handed: grids of degrees, signs, headers and tables, by hand."""

import numpy as np
import pytest
import rasterio
from emcflow.acquisition.geometry import SPEED_OF_LIGHT
from emcflow.errors import InputError
from emcflow.io.raster import Grid, rows_of, write_raster
from emcflow.products import licsbas, pyrate
from emcflow.products.degree_grid import degree_grid
from emcflow.products.positions import look_vector
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

KEY = "outputs.exports: licsbas"
DEGREES = Grid((3, 4), "EPSG:4326", (0.001, 0.0, 11.0, 0.0, -0.002, 60.0))
UTM = "EPSG:32633"


def test_a_grid_of_degrees_stays_as_it_is():
    target = degree_grid(DEGREES, KEY)
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert target.grid == DEGREES
    np.testing.assert_array_equal(target.take(image, np.nan), image)
    assert target.nearest_point(2, 1, rows_of(image > 0)) == (2, 1)
    assert target.nearest_point(0, 0, rows_of(image > 0)) == (0, 1)


@pytest.mark.parametrize(
    ("crs", "matrix"),
    [
        (UTM, (20.0, 0.0, 4e5, 0.0, -20.0, 6.9e6)),
        (UTM, (20.0, 0.0, 4e5, 0.0, 20.0, 6.9e6)),  # rows from south to north
        (UTM, (12.0, 16.0, 4e5, 16.0, -12.0, 6.9e6)),  # turned by 53 degrees
        ("EPSG:3413", (30.0, 0.0, 1e5, 0.0, -30.0, -2e6)),  # polar, north is not up
        ("EPSG:32601", (20.0, 0.0, 2.1e5, 0.0, -20.0, 7e5)),  # across longitude 180
        ("EPSG:4269", (0.001, 0.0, -120.0, 0.0, -0.001, 40.0)),  # degrees of another datum
        ("EPSG:4326", (0.001, 0.0, 11.0, 0.0, 0.001, 40.0)),
    ],
)
def test_pixels_of_another_map_take_the_value_that_they_lie_in(crs, matrix):
    scene = Grid((60, 80), crs, matrix)
    target = degree_grid(scene, KEY)
    rows, cols = target.grid.shape
    x, y = (
        target.take(image.astype(np.float64), np.nan)
        for image in Affine(*matrix) @ tuple(np.indices((60, 80))[::-1])
    )
    col, row = np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
    longitude, latitude = Affine(*target.grid.transform) @ (col, row)
    known = np.isfinite(x)
    own = np.array(transform("EPSG:4326", crs, longitude[known], latitude[known])[:2])
    # the corner of the pixel, and a place in it
    inside = np.linalg.inv(np.reshape(matrix, (2, 3))[:, :2]) @ (own - [x[known], y[known]])
    assert (inside > -1e-6).all() and (inside < 1 + 1e-6).all()
    every = np.arange(60 * 80).reshape(60, 80)
    kept = np.unique(target.take(every, -1))
    parts = [target.take_rows(rows_of(every), -1, row, row + 7) for row in range(0, rows, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), target.take(every, -1))
    assert len(kept) > 0.75 * every.size
    # of about the same size
    assert 0.5 < known.sum() / every.size < 2
    assert target.grid.transform[1] == target.grid.transform[3] == 0
    assert target.grid.transform[0] > 0 > target.grid.transform[4]
    assert CRS.from_user_input(target.grid.crs).to_epsg() == 4326


@pytest.mark.parametrize("crs", [None, "+proj=longlat +R=1737400", "EPSG:4978"])
def test_a_scene_without_longitudes_is_refused(crs):
    with pytest.raises(InputError, match="licsbas: the stack is in radar coord"):
        degree_grid(Grid((3, 4), crs, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)), KEY)


def test_a_scene_around_the_pole_is_refused():
    scene = Grid((100, 100), "EPSG:3413", (100.0, 0.0, -5e3, 0.0, -100.0, 5e3))
    with pytest.raises(InputError, match=r"licsbas: the scene spans \d+ degrees of longitude"):
        degree_grid(scene, KEY)


def test_licsbas_gets_phase_coherence_and_tables(tmp_path):
    phase = np.array([[1, np.nan, -7, 20]] * 3, np.float32)
    first = tmp_path / "20200101_20200113.unw.tif"
    write_raster(first, phase, DEGREES, units="rad", description="x")
    coherence = np.full((3, 4), 0.8, np.float32)
    geoc, done = tmp_path / "GEOC", []
    target = degree_grid(DEGREES, KEY)
    licsbas.write_geoc(
        geoc, target, [str(first)], rows_of(coherence), lambda *each: done.append(each)
    )
    assert done == [(1, 1)]
    pair = geoc / "20200101_20200113"
    with rasterio.open(pair / f"{pair.name}.geo.unw.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), phase)
        assert (dataset.crs.to_epsg(), tuple(dataset.transform)[:6]) == (4326, DEGREES.transform)
        assert dataset.dtypes == ("float32",)
    with rasterio.open(pair / f"{pair.name}.geo.cc.tif") as dataset:  # times 255 for LiCSBAS
        np.testing.assert_array_equal(dataset.read(1), np.where(phase > -99, np.float32(0.8), 0))
    lines = licsbas.baseline_lines(("20200101", "20200113", "20200206"), np.array([5.0, -2, 30.5]))
    assert lines == "20200101 20200113 -7.0000 12.0\n20200101 20200206 25.5000 36.0\n"
    assert f"--freq {SPEED_OF_LIGHT / 0.0311:.0f}\n" in licsbas.commands(0.0311)


def test_the_look_vector_by_hand():
    """Flying north, looking right at 30 degrees: the sensor is in the west, above."""
    vector = look_vector(np.array([30.0, np.nan]), 0.0, "right")
    np.testing.assert_allclose([axis[0] for axis in vector], [-0.5, 0, 0.75**0.5], atol=1e-15)
    assert all(np.isnan(axis[1]) for axis in vector)
    left = look_vector(30.0, 90.0, "left")  # flying east, looking north
    np.testing.assert_allclose(left, [0, -0.5, 0.75**0.5], atol=1e-15)


def test_pyrate_gets_headers_lists_and_the_reference(tmp_path):
    names = ["20200101_20200113", "20200113_20200206"]
    paths = [str(tmp_path / f"{name}.unw.tif") for name in names]
    phase = np.array([[1, np.nan, -7, 20]] * 3, np.float32)
    for path in paths:
        write_raster(path, phase, DEGREES, units="rad", description="x")
    folder = tmp_path / "pyrate"
    coherence = np.full((3, 4), 0.8, np.float32)
    target = degree_grid(DEGREES, KEY)
    pyrate.write_files(folder, target, paths, rows_of(coherence), 0.0311, lambda *_: None)
    pair = "pairs/20200101-20200113"
    assert (folder / "unw_list.txt").read_text().splitlines()[0] == f"{pair}_unw.tif"
    assert (folder / "rsc_list.txt").read_text().splitlines()[0] == f"{pair}.rsc"
    assert (folder / "coh_list.txt").read_text().splitlines()[0] == f"{pair}_coh.tif"
    with rasterio.open(folder / f"{pair}_unw.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), phase)
    with rasterio.open(folder / f"{pair}_coh.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), coherence)
    header = dict(line.split() for line in (folder / f"{pair}.rsc").read_text().splitlines())
    assert header.items() >= {
        "WIDTH": "4", "FILE_LENGTH": "3", "X_FIRST": "11.0", "Y_FIRST": "60.0",
        "X_STEP": "0.001", "Y_STEP": "-0.002", "WAVELENGTH": "0.0311", "DATE12": "200101-200113",
    }.items()  # fmt: skip
    assert "DATUM" in (folder / "no_heights_dem.tif.rsc").read_text()
    # a DEM is told from an interferogram by this
    assert "DATUM" not in header
    lines = pyrate.settings(DEGREES, (2, 1)).splitlines()
    settings = dict(line.split(": ") for line in lines if not line.startswith("#"))
    # PyRate rounds to the nearest corner of a pixel
    col = round((float(settings["refx"]) - 11.0) / 0.001)
    row = round((60.0 - float(settings["refy"])) / 0.002)
    assert (row, col) == (2, 1)
