"""Stacks as processors write them: small samples of each layout, and the phase that is read."""

import json
import os

import h5py
import numpy as np
import pytest
import rasterio
from emcflow.errors import InputError
from emcflow.io.images import read_image
from emcflow.io.interferograms import find_interferograms
from emcflow.io.raster import open_raster, read_grid, read_values
from emcflow.io.sources import Source, files_of, parse_source
from emcflow.io.stack import check_files, find_dates, find_images
from emcflow.workflow.inputs import local_files
from rasterio import Affine
from stacks import DATES, UTM, write_raster

SHAPE = (6, 7)
PAIR = f"{DATES[0]}_{DATES[1]}"
COUNT = 3
CORNER = UTM["transform"]


@pytest.fixture
def images():
    rng = np.random.default_rng(4)
    shape = (COUNT, *SHAPE)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def assert_read(found, images, dates=DATES, tolerance=1e-6):
    """The images found have these dates, and the phase of these images."""
    assert [date for (date, *_), _ in found] == list(dates[: len(images)])
    for (_, name), image in zip(found, images, strict=True):
        values = read_image(name, (0, 0, *SHAPE))
        assert np.abs(np.angle(values * image.conj())).max() < tolerance


def assert_placed(name, crs="EPSG:32631", transform=CORNER):
    with open_raster(name) as dataset:
        assert dataset.crs.to_string() == crs
        np.testing.assert_allclose(tuple(dataset.transform)[:6], tuple(transform)[:6])


# Real and imaginary parts apart


def write_envi(path, image):
    with rasterio.open(
        path, "w", driver="ENVI", height=SHAPE[0], width=SHAPE[1], count=1, dtype=image.dtype, **UTM
    ) as dataset:
        dataset.write(image, 1)


@pytest.mark.parametrize("pattern", ["*.img", "i_*.img", "q_*.img"])
def test_snap(pattern, images, tmp_path):
    """BEAM-DIMAP folders: `i_` and `q_` bands as ENVI, dates such as 06Mar2018 (SNAP's writer)."""
    written = ("06Mar2018", "18Mar2018", "30Mar2018")
    for date, image in zip(written, images, strict=True):
        write_envi(tmp_path / f"i_IW1_VV_slv1_{date}.img", image.real)
        write_envi(tmp_path / f"q_IW1_VV_slv1_{date}.img", image.imag)
    found = find_images(tmp_path, "slc", pattern, None)
    assert_read(found, images, ("20180306", "20180318", "20180330"))
    assert_placed(found[0][1])
    assert local_files([found[0][1]]) == [
        str(tmp_path / f"{part}_IW1_VV_slv1_06Mar2018.img") for part in "iq"
    ]


def test_pairs_of_snap(images, tmp_path):
    for part, values in (("i", images[0].real), ("q", images[0].imag)):
        write_envi(tmp_path / f"{part}_ifg_IW1_VV_06Mar2018_18Mar2018.img", values)
    found = find_interferograms(tmp_path, "*.img")
    assert found.dates == ("20180306", "20180318") and len(found.files) == 1


def write_bands(path, bands, descriptions=()):
    with rasterio.open(
        path, "w", driver="GTiff", height=SHAPE[0], width=SHAPE[1], count=len(bands),
        dtype=bands[0].dtype, **UTM,
    ) as dataset:  # fmt: skip
        dataset.write(np.stack(bands))
        for number, text in enumerate(descriptions, start=1):
            dataset.set_band_description(number, text)
    return str(path)


@pytest.mark.parametrize(
    ("descriptions", "variable"),
    [(("i_VV", "q_VV"), None), (("real", "imaginary"), None), ((), ["1", "2"])],
)
def test_parts_in_two_bands(descriptions, variable, images, tmp_path):
    for date, image in zip(DATES, images, strict=False):
        write_bands(tmp_path / f"{date}.tif", [image.real, image.imag], descriptions)
    found = find_images(tmp_path, "slc", "*.tif", variable)
    assert_read(found, images)
    assert_placed(found[0][1])


def test_two_bands_without_names_are_asked_about(images, tmp_path):
    path = write_bands(tmp_path / "20200101.tif", [images[0].real, images[0].imag])
    with open_raster(path) as dataset:
        grid = read_grid(dataset)
    with pytest.raises(InputError, match=r"set stack.variable to \[1, 2\]"):
        check_files([path], grid, path)
    phase, coherence = np.angle(images[0]), np.full(SHAPE, 0.5, np.float32)
    path = write_bands(tmp_path / "20200113.tif", [phase, coherence])
    check_files([path], grid, path)  # phase, then coherence: as ever


def test_nodata_of_parts(images, tmp_path):
    for part, values in (("i", images[0].real), ("q", images[0].imag)):
        values = values.copy()
        values[0, 0] = -9999
        write_raster(tmp_path / f"{part}_20200101.tif", values, nodata=-9999)
    ((_, name),) = find_images(tmp_path, "slc", "*.tif", None)
    values = read_image(name, (0, 0, *SHAPE))
    assert np.isnan(values[0, 0]) and np.isfinite(values.ravel()[1:]).all()


def test_parts_of_unlike_shapes(images, tmp_path):
    write_raster(tmp_path / "i_20200101.tif", images[0].real)
    write_raster(tmp_path / "q_20200101.tif", images[0].imag[1:])
    ((_, name),) = find_images(tmp_path, "slc", "*.tif", None)
    with pytest.raises(InputError, match="expected real and imaginary part of one image"):
        open_raster(name)


# GAMMA


def gamma_slc(folder, date, image, image_format="FCOMPLEX"):
    """Flat, big-endian; keys of the ISP parameter file (GAMMA's documentation of ISP)."""
    parts = np.stack([image.real, image.imag], axis=-1)
    if image_format == "SCOMPLEX":
        np.round(parts * 1000).astype(">i2").tofile(folder / f"{date}.slc")
    else:
        parts.astype(">f4").tofile(folder / f"{date}.slc")
    (folder / f"{date}.slc.par").write_text(
        "Gamma Interferometric SAR Processor (ISP) - Image Parameter File\n\n"
        f"title:     {date}\nsensor:    S1A IW IW1 VV\n"
        f"range_samples:                  {SHAPE[1]}\nazimuth_lines:                  {SHAPE[0]}\n"
        f"image_format:               {image_format}\nradar_frequency:  5.4050005e+09   Hz\n"
    )


@pytest.mark.parametrize(("kind", "tolerance"), [("FCOMPLEX", 1e-6), ("SCOMPLEX", 0.02)])
def test_slcs_of_gamma(kind, tolerance, images, tmp_path):
    for date, image in zip(DATES, images, strict=False):
        gamma_slc(tmp_path, date, image, kind)
    assert_read(find_images(tmp_path, "slc", "*.slc", None), images, tolerance=tolerance)


def test_interferograms_of_gamma_by_their_offset_files(images, tmp_path):
    parts = np.stack([images[0].real, images[0].imag], axis=-1)
    parts.astype(">f4").tofile(tmp_path / f"{PAIR}.diff")
    (tmp_path / f"{PAIR}.off").write_text(
        "Gamma Interferometric SAR Processor (ISP)\ninterferogram_width:            7\n"
        "interferogram_azimuth_lines:    6\ninterferogram_range_looks:      5\n"
    )
    assert_read(find_images(tmp_path, "interferograms", "*.diff", None), images[:1])


def test_geocoded_phase_of_gamma(images, tmp_path):
    """Keys as in PyRate's tests/test_data/small_test; the corner is the middle of a pixel."""
    np.angle(images[0]).astype(">f4").tofile(tmp_path / f"{PAIR}_utm.phase")
    (tmp_path / "20200101_utm_dem.par").write_text(
        "DEM_projection:     EQA\nwidth:                7\nnlines:               6\n"
        "corner_lat:   -34.1704  decimal degrees\ncorner_lon:   150.9100  decimal degrees\n"
        "post_lat:  -8.0e-04  decimal degrees\npost_lon:  8.0e-04  decimal degrees\n"
    )
    found = find_images(tmp_path, "interferograms", "*.phase", None)
    assert_read(found, images[:1])
    place = Affine(8e-4, 0, 150.91 - 4e-4, 0, -8e-4, -34.1704 + 4e-4)
    assert_placed(found[0][1], "EPSG:4326", place)


def test_a_truncated_binary(images, tmp_path):
    gamma_slc(tmp_path, DATES[0], images[0])
    path = tmp_path / f"{DATES[0]}.slc"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match=r"328 bytes, 6 x 7 pixels of .*par in CFloat32 are 336"):
        open_raster(path)
    (tmp_path / f"{DATES[0]}.slc.par").unlink()
    with pytest.raises(InputError, match="cannot be opened"):
        open_raster(path)


# Containers


def write_cslc(folder, date, image):
    """OPERA's CSLC-S1: /data/VV on x_coordinates and y_coordinates (its product specification)."""
    name = folder / f"OPERA_L2_CSLC-S1_T042-088905-IW1_{date}T053000Z_20210101T000000Z_S1A_VV.h5"
    with h5py.File(name, "w") as file:
        data = file.create_group("data")
        data["x_coordinates"] = CORNER.c + CORNER.a * (np.arange(SHAPE[1]) + 0.5)
        data["y_coordinates"] = CORNER.f + CORNER.e * (np.arange(SHAPE[0]) + 0.5)
        data["projection"] = np.int32(32631)
        wkt = rasterio.crs.CRS.from_epsg(32631).to_wkt()
        data["projection"].attrs.update(
            {"crs_wkt": wkt, "spatial_ref": wkt, "grid_mapping_name": "transverse_mercator"}
        )
        data["VV"] = image
        data["VV"].attrs["grid_mapping"] = "projection"
        for axis, letter in enumerate("yx"):
            name = f"{letter}_coordinates"
            data[name].attrs.update(
                {"standard_name": f"projection_{letter}_coordinate", "units": "m"}
            )
            data[name].make_scale(name)
            data["VV"].dims[axis].attach_scale(data[name])


@pytest.mark.parametrize(
    ("files", "variable"),
    [("*.h5", "data/VV"), ("*.h5", "/data/V*"), ('NETCDF:"*.h5":/data/VV', None)],
)
def test_opera_cslcs(files, variable, images, tmp_path):
    for date, image in zip(DATES, images, strict=False):
        write_cslc(tmp_path, date, image)
    found = find_images(tmp_path, "slc", files, variable)
    assert_read(found, images)
    assert_placed(found[0][1])
    assert len(local_files([name for _, name in found])) == COUNT


def test_half_precision_of_nisar(images, tmp_path):
    """GSLC: compound of two float16 beside xCoordinates, yCoordinates, projection (JPL D-102269).

    GDAL's reader of netCDF refuses these numbers, its reader of HDF5 knows no coordinates.
    """
    grids = "science/LSAR/GSLC/grids/frequencyA"
    for date, image in zip(DATES, images, strict=False):
        half = np.empty(SHAPE, [("r", "f2"), ("i", "f2")])
        half["r"], half["i"] = image.real, image.imag
        name = f"NISAR_L2_PR_GSLC_001_030_A_019_2000_SHNA_A_{date}T060910_{date}T060926_D00340.h5"
        with h5py.File(tmp_path / name, "w") as file:
            group = file.create_group(grids)
            group["HH"] = half
            group["xCoordinates"] = CORNER.c + CORNER.a * (np.arange(SHAPE[1]) + 0.5)
            group["yCoordinates"] = CORNER.f + CORNER.e * (np.arange(SHAPE[0]) + 0.5)
            group["projection"] = np.uint32(32631)
    found = find_images(tmp_path, "slc", "*.h5", "HH")
    assert_read(found, images, tolerance=0.05)
    assert_placed(found[0][1])


def test_wrapped_interferograms_of_nisar(images, tmp_path):
    """GUNW: four times in the name, the wrapped layer among others (JPL D-102272)."""
    layer = "science/LSAR/GUNW/grids/frequencyA/wrappedInterferogram/HH/wrappedInterferogram"
    times = "20200101T000000_20200101T000010_20200113T000000_20200113T000010"
    with h5py.File(
        tmp_path / f"NISAR_L2_PR_GUNW_001_001_A_001_002_2000_SH_{times}.h5", "w"
    ) as file:
        file[layer] = images[0]
        file[layer.replace("/wrappedInterferogram/HH/w", "/unwrappedInterferogram/HH/w")] = 1.0
    found = find_images(tmp_path, "interferograms", "*.h5", "wrappedInterferogram")
    assert [pair for pair, _ in found] == [DATES[:2]]
    assert_read(found, images[:1])


def write_cube(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


def test_a_stack_of_sarvey(images, tmp_path):
    """slcStack.h5: `slc` of dates, rows, columns, beside `date` and `bperp` (miaplpy.objects)."""
    dates = np.array(DATES[:COUNT], "S8")
    write_cube(tmp_path / "slcStack.h5", slc=images, date=dates, bperp=np.zeros(COUNT))
    found = find_images(tmp_path, "slc", "slcStack.h5", "slc")
    assert_read(found, images)
    assert local_files([name for _, name in found]) == [str(tmp_path / "slcStack.h5")]


def test_a_phase_series_of_miaplpy(images, tmp_path):
    """phase_series.h5: real phase, 0 at the reference date, which is phase and not its absence."""
    phase = np.angle(images * images[0].conj()).astype(np.float32)
    dates = np.array(DATES[:COUNT], "S8")
    write_cube(tmp_path / "phase_series.h5", phase=phase, date=dates)
    found = find_images(tmp_path, "slc", "phase_series.h5", "phase")
    assert_read(found, np.exp(1j * phase))
    assert (np.abs(read_image(found[0][1], (0, 0, *SHAPE))) == 1).all()


def test_a_cube_of_pairs(images, tmp_path):
    pairs = np.array([DATES[:2], DATES[1:3], (DATES[0], DATES[2])], "S8")
    path = write_cube(tmp_path / "ifgramStack.h5", wrapPhase=np.angle(images), date=pairs)
    found = find_interferograms(tmp_path, path.name, variable="wrapPhase")
    assert found.names == [f"{a.decode()}_{b.decode()}" for a, b in pairs]
    with pytest.raises(InputError, match=r"2 date\(s\) for each layer; expected 1 in the layout"):
        find_images(tmp_path, "slc", path.name, "wrapPhase")


def write_zarr(path, arrays):
    """Write version 2 of the specification, uncompressed; dimensions named as xarray names them."""
    for name, (values, dimensions, attributes) in arrays.items():
        folder = path / name
        folder.mkdir(parents=True)
        about = {
            "zarr_format": 2, "shape": values.shape, "chunks": values.shape, "order": "C",
            "dtype": values.dtype.str, "compressor": None, "fill_value": 0, "filters": None,
        }  # fmt: skip
        (folder / ".zarray").write_text(json.dumps(about))
        beside = {"_ARRAY_DIMENSIONS": dimensions, **attributes}
        (folder / ".zattrs").write_text(json.dumps(beside))
        values.tofile(folder / ".".join("0" * values.ndim))
    (path / ".zgroup").write_text('{"zarr_format": 2}')


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_zarr_of_parts_and_times(place, images, tmp_path):
    """As sarxarray writes it: azimuth, range, time in any order, days in CF's units."""
    dimensions = ["azimuth", "range"]
    dimensions.insert(place, "time")
    arrays = {
        name: (np.ascontiguousarray(np.moveaxis(part, 0, place)), dimensions, {})
        for name, part in (("real", images.real), ("imag", images.imag))
    }
    days = np.array([0, 12, 36], np.int64)
    arrays["time"] = (days, ["time"], {"units": "days since 2020-01-01 00:00:00"})
    write_zarr(tmp_path / "stack.zarr", arrays)
    assert_read(find_images(tmp_path, "slc", "stack.zarr", ["real", "imag"]), images)


def test_containers_that_cannot_be(images, tmp_path):
    path = write_cube(tmp_path / "slcStack.h5", slc=images, other=images[0], third=images)
    for variable, text in (
        ("slc", "no dates beside it; expected a date for each of its layers"),
        ("VV", "no array VV (it holds other, slc, third)"),
        ("*", "3 arrays fit * (they are other, slc, third)"),
    ):
        with pytest.raises(InputError) as caught:
            find_dates(tmp_path, "slc", "slcStack.h5", variable=variable)
        assert text in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"expected files alone beside stack\.variable"):
        find_images(tmp_path, "slc", f'HDF5:"{path}"://slc', "slc")
    for size in (9, 300, os.path.getsize(path) - 100):
        cut = tmp_path / f"{size}.h5"
        cut.write_bytes(path.read_bytes()[:size])
        with pytest.raises(InputError) as caught:
            open_raster(Source((str(cut),), ("slc",), 1).name)
        assert "\n" not in str(caught.value)


def test_names_of_images():
    for source in (
        Source(("a/20200101.h5",), ("data/VV",)),
        Source(("s.zarr",), ("real", "imag"), 12),
        Source(("i_a.img", "q_a.img")),
    ):
        assert parse_source(source.name) == source
        assert files_of(source.name) == list(source.files)
    assert parse_source('HDF5:"a.h5"://data/VV') is None


# Dates


def test_days_of_gmtsar_count_from_0(images, tmp_path):
    """intf_all/YYYYDDD_YYYYDDD/phasefilt.grd, netCDF of real phase (GMTSAR's manual)."""
    folder = tmp_path / "2018065_2018077"
    folder.mkdir()
    with h5py.File(folder / "phasefilt.grd", "w") as file:
        file["lat"], file["lon"] = np.arange(6) + 0.5, np.arange(7) + 0.5
        file["z"] = np.angle(images[0])
        for axis, name in enumerate(("lat", "lon")):
            file[name].make_scale(name)
            file["z"].dims[axis].attach_scale(file[name])
    found = find_interferograms(tmp_path, "*/phasefilt.grd")
    assert found.dates == ("20180307", "20180319")
    assert np.abs(read_values(found.files[0])).max() <= np.pi


def test_several_passes_of_a_day_are_listed(tmp_path):
    names = ["20200101T0500.tif", "20200101T1700.tif", "20200113T0500.tif", "20200113T1700.tif"]
    for name in [*names, "20200206.tif"]:
        (tmp_path / name).touch()
    with pytest.raises(InputError) as caught:
        find_dates(tmp_path, "slc", "*.tif")
    for name in names:
        assert name in str(caught.value)
    assert "there are several of 2 " in str(caught.value)


def test_several_passes_of_a_pair_are_listed(tmp_path):
    """Of interferograms, of their coherences, of a phase-linked stack, and of layers of a cube."""
    names = [f"{PAIR}T05.tif", f"{PAIR}T17.tif", f"{DATES[1]}_{DATES[0]}.tif"]
    for name in [*names, f"{DATES[0]}_{DATES[2]}.tif"]:
        (tmp_path / name).touch()
    for find in (
        lambda: find_interferograms(tmp_path, "*.tif"),
        lambda: find_interferograms(tmp_path, f"*_{DATES[2]}.tif", coherence="*.tif"),
    ):
        with pytest.raises(InputError, match=r"the pair \d+_\d+ is already in") as caught:
            find()
        for name in names:
            assert name in str(caught.value)
    with pytest.raises(InputError, match=rf"\({DATES[1]}: {PAIR}T05.tif, {PAIR}T17.tif\)"):
        find_dates(tmp_path, "phase_linked", "*T??.tif")


def test_several_layers_of_a_day_are_listed(images, tmp_path):
    times = np.array(["20200101T05", "20200101T17", "20200113T05"], "S11")
    write_cube(tmp_path / "slcStack.h5", slc=images, date=times)
    with pytest.raises(InputError, match=r"the date 20200101 is .*slc#0, slcStack.h5:slc#1") as one:
        find_dates(tmp_path, "slc", "slcStack.h5", variable="slc")
    assert "\n" not in str(one.value)


# Damage


@pytest.mark.parametrize("seed", range(4))
def test_damaged_containers_are_read_or_refused_in_one_line(seed, images, tmp_path):
    """Cut off, or with other bytes in the middle, where HDF5 has its tables or its data."""
    rng = np.random.default_rng(seed)
    dates = np.array(DATES[:COUNT], "S8")
    path = write_cube(tmp_path / "whole.h5", slc=images, date=dates)
    with h5py.File(path, "a") as file:
        file.create_dataset("data/VV", data=images[0], chunks=SHAPE, compression="gzip")
        file["data/x"], file["data/y"] = np.arange(SHAPE[1]), np.arange(SHAPE[0])
    whole = path.read_bytes()
    refused = 0
    for number in range(40):
        place = int(rng.integers(len(whole)))
        other = rng.bytes(8) if number % 3 else b""
        damaged = tmp_path / f"20200101_{number}.h5"
        damaged.write_bytes(whole[:place] + other + (whole[place + 8 :] if other else b""))
        for work in (
            lambda name=damaged: open_raster(name).close(),
            lambda name=damaged: read_values(Source((str(name),), ("VV",)).name),
            lambda name=damaged: read_values(Source((str(name),), ("slc",), 1).name),
            lambda name=damaged: find_dates(tmp_path, "slc", name.name, variable="slc"),
            lambda name=damaged: find_images(tmp_path, "slc", name.name, "*"),
        ):
            try:
                work()
            except InputError as error:
                refused += 1
                assert "\n" not in str(error) and "expected" in str(error), error
    assert refused > 40
