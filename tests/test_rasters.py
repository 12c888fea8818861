"""Rasters from outside: what they declare, grids that are the same, images of every type."""

import logging
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import rasterio
from emcflow.errors import InputError
from emcflow.io.images import read_image
from emcflow.io.point_rasters import PointRasters
from emcflow.io.raster import Grid, read_values, rows_of_blocks, write_rows
from emcflow.io.raster import write_raster as write_result
from emcflow.io.stack import (
    check_reference,
    check_stack,
    coherent_points,
    find_stack,
    read_coherence,
    read_date,
    read_phase,
)
from emcflow.products.selection import amplitude_dispersion, read_mask
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from stacks import DATES, UTM, write_raster
from workflow import read, run_whole

SHAPE = (6, 8)
SCENE = (0, 0, *SHAPE)
GONE = np.indices(SHAPE)[1] >= 5  # where there is no data


def declared(path, image, nodata=None, scale=1, offset=0, **profile):
    """Write a raster with a nodata value, also one that its type rounds, and a scale."""
    write_raster(path, image, **profile)
    with rasterio.open(path, "r+") as dataset:
        dataset.nodata, dataset.scales, dataset.offsets = nodata, [scale], [offset]
    return str(path)


def write_complex_integers(path, image, **profile):
    """Write 16-bit complex integers, which NumPy has no type for."""
    rows, cols = image.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=cols, count=1, dtype="complex_int16",
        **UTM | profile,
    ) as dataset:  # fmt: skip
        dataset.write(image.astype(np.complex64), 1)
    return str(path)


def phases(ndates=4):
    return np.random.default_rng(3).uniform(-3, 3, (ndates, *SHAPE))


# What a file declares


@pytest.mark.parametrize(
    ("kind", "nodata"),
    [
        ("float32", -3.4028234663852886e38),
        ("float32", -3.40282e38),
        ("float32", 1e20),
        ("float32", 0.1),
        ("float32", 0),
        ("float64", -9999),
        ("float32", np.nan),
        ("uint8", 255),
        ("uint8", 0),
        ("int16", -32768),
        ("int32", -2147483648),
        ("complex64", -9999),
        ("complex64", 0),
        ("complex64", 1e20),
        ("complex128", np.nan),
    ],
)
def test_nodata_of_every_type(kind, nodata, tmp_path):
    image = np.full(SHAPE, 7, kind)
    if image.dtype.kind == "c":
        image += 1j
        image[0, 0] = complex(0 if np.isnan(nodata) else nodata, 3)  # data: nodata is -9999 + 0j
        if abs(nodata) > 1e19:
            image[0, 0] = 5
    image[GONE] = nodata
    found = read_values(declared(tmp_path / "a.tif", image, nodata))
    np.testing.assert_array_equal(np.isnan(found), GONE)
    np.testing.assert_array_equal(found[~GONE], image[~GONE])


def test_nothing_declared_is_read_as_it_is(tmp_path):
    for kind in ("uint8", "int16", "float32", "float64", "complex64"):
        image = np.arange(48).reshape(SHAPE).astype(kind)
        found = read_values(write_raster(tmp_path / "a.tif", image), (1, 2, 4, 7))
        assert found.dtype == kind
        np.testing.assert_array_equal(found, image[1:4, 2:7])


def test_nodata_beyond_the_type_means_none(tmp_path):
    path = tmp_path / "a.vrt"
    write_raster(tmp_path / "a.tif", np.full(SHAPE, 7, np.uint8))
    path.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="6"><VRTRasterBand dataType="Byte" band="1">'
        "<NoDataValue>-9999</NoDataValue><SimpleSource>"
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource>'
        "</VRTRasterBand></VRTDataset>"
    )
    assert (read_values(path) == 7).all()


def alpha(path, image, nodata=None):
    rows, cols = image.shape
    profile = {"driver": "GTiff", "height": rows, "width": cols, "count": 2, "dtype": image.dtype}
    with rasterio.open(path, "w", nodata=nodata, **profile, **UTM) as dataset:
        dataset.write(image, 1)
        dataset.write(np.where(GONE, 0, 255).astype(image.dtype), 2)
        dataset.colorinterp = [ColorInterp.gray, ColorInterp.alpha]


def alpha_and_nodata(path, image):
    alpha(path, image, nodata=200)


def mask(path, image, internal=True):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        write_raster(path, image)
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(~GONE)


def mask_beside(path, image):
    mask(path, image, internal=False)
    assert Path(f"{path}.msk").exists()


@pytest.mark.parametrize("write", [alpha, alpha_and_nodata, mask, mask_beside])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_masks_and_alpha_bands(write, kind, tmp_path):
    image = np.full(SHAPE, 7, kind)
    write(tmp_path / "a.tif", image)
    found = read_values(tmp_path / "a.tif", (1, 2, 6, 8))
    np.testing.assert_array_equal(np.isnan(found), GONE[1:, 2:])
    assert (found[~GONE[1:, 2:]] == 7).all()


def test_scale_and_offset_leave_nodata_alone(tmp_path):
    image = np.full(SHAPE, 100, np.int16)
    image[GONE] = -1
    found = read_values(declared(tmp_path / "a.tif", image, -1, scale=0.1, offset=30))
    np.testing.assert_allclose(found, np.where(GONE, np.nan, 40), rtol=1e-6)
    image = np.full(SHAPE, 2 + 4j, np.complex64)
    found = read_values(declared(tmp_path / "b.tif", image, scale=0.5))
    np.testing.assert_array_equal(found, image / 2)


def test_complex_integers(tmp_path):
    image = np.rint(800 * np.exp(1j * phases(1)[0]))
    image[GONE] = -9999
    path = write_complex_integers(tmp_path / "a.tif", image, nodata=-9999)
    found = read_values(path)
    assert found.dtype == np.complex64
    np.testing.assert_array_equal(np.isnan(found), GONE)
    np.testing.assert_array_equal(found[~GONE], image[~GONE])
    pair = np.stack([image.real, image.imag], axis=-1).astype(np.int32) * 10000
    (tmp_path / "b").write_bytes(pair.tobytes())
    (tmp_path / "b.vrt").write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="6"><VRTRasterBand dataType="CInt32" band="1" '
        'subClass="VRTRawRasterBand"><SourceFilename relativeToVRT="1">b</SourceFilename>'
        "<ByteOrder>LSB</ByteOrder><PixelOffset>8</PixelOffset><LineOffset>64</LineOffset>"
        "<NoDataValue>-99990000</NoDataValue></VRTRasterBand></VRTDataset>"
    )
    found = read_image(str(tmp_path / "b.vrt"), SCENE)
    np.testing.assert_array_equal(np.isnan(found), GONE)
    np.testing.assert_allclose(found[~GONE], 1e4 * image[~GONE], rtol=1e-6)


def test_a_mask_lets_no_nodata_in(tmp_path):
    image = np.ones(SHAPE, np.uint8)
    image[GONE], image[0] = 255, 0
    expected = ~GONE
    expected[0] = False
    found = read_mask(declared(tmp_path / "mask.tif", image, 255), SCENE)
    np.testing.assert_array_equal(found, expected)


def test_rasters_of_the_view_in_scaled_integers(tmp_path):
    image = np.full(SHAPE, 3900, np.int16)
    image[GONE] = -32768
    path = declared(tmp_path / "inc.tif", image, -32768, scale=0.01)
    grid = Grid(SHAPE, UTM["crs"], tuple(UTM["transform"])[:6])
    found = PointRasters(np.ones(SHAPE, bool), grid, None).read(path, 2, 89, "angles in degrees")
    np.testing.assert_allclose(found.reshape(SHAPE), np.where(GONE, np.nan, 39))


def test_rows_of_blocks_are_the_whole_raster(tmp_path):
    """Three rows of blocks in a window of a raster, tiled and not; points of the last row alone."""
    shape, window = (1100, 6), (3, 2, 1103, 8)
    image = np.random.default_rng(1).uniform(1, 9, (1110, 9)).astype(np.float32)
    place = Affine(*UTM["transform"]) @ Affine.translation(2, 3)
    grid = Grid(shape, UTM["crs"], tuple(place)[:6])
    mask = image[3:1103, 2:8] > 8
    mask[-1, -1] = True
    part = image[3:1103, 2:8]
    for name, profile in (("lines", {}), ("one", {"blockysize": 1110})):
        path = str(write_raster(tmp_path / f"{name}.tif", image, **profile))
        rasters = PointRasters(mask, grid, window)
        np.testing.assert_array_equal(rasters.read(path, 0, 10, "x"), part[mask])
        found = np.concatenate([rasters.read_rows(path, rows, "x") for rows, _ in rasters.slices()])
        np.testing.assert_array_equal(found, part[mask])
        assert [at.stop for _, at in rasters.slices()][-1] == mask.sum()
        np.testing.assert_array_equal(np.concatenate(list(rows_of_blocks(path))), image)
        low = str(write_raster(tmp_path / f"low_{name}.tif", image / 9, **profile))
        np.testing.assert_array_equal(coherent_points(low, 0.9), image / 9 > 0.9)


def test_bands_by_rows_have_the_bytes_of_a_whole_image(tmp_path):
    image = np.random.default_rng(2).normal(size=(2, 1100, 700)).astype(np.float32)
    grid = Grid(image.shape[1:], UTM["crs"], tuple(UTM["transform"])[:6])
    words = {"units": "1", "description": ["first", "second"], "tags": {"A": "b"}}
    write_result(tmp_path / "whole.tif", image, grid, **words)
    rows = lambda first, end: image[:, first:end]  # noqa: E731
    write_rows(tmp_path / "rows.tif", grid, np.float32, rows, **words)
    assert (tmp_path / "whole.tif").read_bytes() == (tmp_path / "rows.tif").read_bytes()


# Temporal coherence


def test_coherence_of_bytes_is_scaled(tmp_path):
    image = np.full(SHAPE, 204, np.uint8)
    image[GONE] = 0
    path = declared(tmp_path / "c.tif", image, 0, scale=1 / 255)
    np.testing.assert_allclose(read_coherence(path), np.where(GONE, np.nan, 0.8), rtol=1e-6)
    np.testing.assert_array_equal(coherent_points(path, 0.6), ~GONE)


def test_coherence_that_resampling_brought_above_one(tmp_path, caplog):
    image = np.full(SHAPE, 0.8, np.float32)
    image[2, 3], image[2, 4], image[GONE] = 1.15, -0.1, np.nan
    path = str(write_raster(tmp_path / "c.tif", image))
    found = read_coherence(path)
    assert found[2, 3] == 1 and found[0, 0] == np.float32(0.8)
    with caplog.at_level(logging.WARNING, "emcflow"):
        coherent_points(path, 0.6, warn=True)
    assert "temporal coherence above 1 at 1 pixels, up to 1.15" in caplog.text
    image[2, 3] = 1.3
    write_raster(tmp_path / "c.tif", image)
    with pytest.raises(InputError, match=r"up to 1.3; expected values from 0 to 1: divide"):
        read_coherence(path)


# Grids

LARGE = Grid((3000, 3000), "EPSG:32631", (10, 0, 5e5, 0, -10, 1e6))


@pytest.mark.parametrize(
    ("transform", "apart"),
    [
        ((10, 0, 5e5 + 0.04, 0, -10, 1e6), ""),  # 0.004 pixels
        ((10.0001, 0, 5e5, 0, -10.0001, 1e6), ""),  # 0.03 pixels at the far corner
        ((10.009, 0, 5e5, 0, -10.009, 1e6), "corners up to 2.7 pixels apart"),
        ((10, 0.01, 5e5, 0, -10, 1e6), "corners up to 3 pixels apart"),
        ((10, 0, 5e5 + 1, 0, -10, 1e6), "corners up to 0.1 pixels apart"),
        ((10, 0, 5e5, 0, 10, 1e6), "corners up to 6e+03 pixels apart"),
    ],
)
def test_grids_are_compared_at_their_corners(transform, apart):
    difference = Grid(LARGE.shape, LARGE.crs, transform).differs_from(LARGE)
    assert difference == "" if not apart else difference.endswith(apart)
    assert bool(difference) == bool(apart)


UTM_31 = CRS.from_epsg(32631)
DEGREES = (1e-4, 0, 3.0, 0, -1e-4, 45.0)
METRES = (10, 0, 5e5, 0, -10, 5e6)
LOCAL = 'LOCAL_CS["radar coordinates",UNIT["metre",1]]'


@pytest.mark.parametrize(
    ("one", "other", "transform"),
    [
        ("+proj=utm +zone=31 +ellps=WGS84", "EPSG:32631", METRES),
        ("+proj=utm +zone=31 +ellps=WGS84 +towgs84=0,0,0", "EPSG:32631", METRES),
        ("+proj=utm +zone=31 +ellps=intl +towgs84=-87,-98,-121", "EPSG:23031", METRES),
        (UTM_31.to_wkt(version="WKT1_GDAL"), UTM_31.to_wkt(version="WKT2_2019"), METRES),
        (UTM_31.to_wkt(version="WKT1_ESRI"), "EPSG:32631", METRES),
        ("OGC:CRS84", "EPSG:4326", DEGREES),
        (LOCAL, LOCAL, (1, 0, 0, 0, 1, 0)),
        (None, None, METRES),
    ],
)
def test_coordinate_systems_that_mean_the_same(one, other, transform):
    grids = Grid((500, 500), one, transform), Grid((500, 500), other, transform)
    assert grids[0].differs_from(grids[1]) == "" == grids[1].differs_from(grids[0])


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("EPSG:32632", "EPSG:32631", "CRS EPSG:32632 instead of EPSG:32631"),
        (None, "EPSG:32631", "CRS none instead of EPSG:32631"),
        (UTM_31.to_wkt().replace("0.9996", "0.9997"), "EPSG:32631", "k 0.9997"),
        (LOCAL, "EPSG:32631", 'CRS LOCAL_CS["radar coordinates"'),
        ("EPSG:4978", "EPSG:4326", "CRS EPSG:4978 instead of EPSG:4326"),
    ],
)
def test_coordinate_systems_that_differ_are_told_apart(one, other, says):
    difference = Grid((500, 500), one, METRES).differs_from(Grid((500, 500), other, METRES))
    assert says in difference
    shown, _, instead = difference.removeprefix("CRS ").partition(" instead of ")
    assert shown != instead


# Images: complex of every type, real phase, and what is neither


def write_real(folder, images, layout, nodata=None, **profile):
    for date, image in zip(DATES, images, strict=False):
        if layout == "phase_linked" and date == DATES[0]:
            continue
        name = f"{date}.slc.tif" if layout == "slc" else f"{DATES[0]}_{date}.int.tif"
        declared(folder / name, image, nodata, **profile)
    write_raster(folder / "temporal_coherence.tif", np.full(SHAPE, 0.9, np.float32))
    return find_stack(folder, layout)


@pytest.mark.parametrize("layout", ["phase_linked", "slc"])
@pytest.mark.parametrize("nodata", [None, 0, -9999, np.nan])
def test_real_phase_is_read_as_phase(layout, nodata, tmp_path):
    truth = phases()
    images = truth.astype(np.float32)
    images[2, 1, 1] = 0  # a phase where the file says what nodata is, and else no data
    images[2, GONE] = 0 if nodata is None else nodata
    stack = write_real(tmp_path, images, layout, nodata)
    _, mask = check_stack(stack, 0.6)
    check_reference(stack, (2, 2), 0.6)
    phase, valid = read_phase(stack, mask, SCENE)
    expected = ~GONE
    expected[1, 1] = nodata not in (None, 0)
    np.testing.assert_array_equal(valid.reshape(SHAPE), expected)
    truth[2, 1, 1] = 0
    relative = truth if layout == "phase_linked" else truth[0] - truth
    wrapped = np.exp(1j * (phase.reshape(4, *SHAPE) - relative))[1:, expected]
    np.testing.assert_allclose(wrapped, 1, atol=1e-5)
    found = read_date(stack, 2, SCENE, *np.indices(SHAPE).reshape(2, -1)).reshape(SHAPE)
    np.testing.assert_array_equal(np.isfinite(found), expected)
    sign = -1 if layout == "slc" else 1
    np.testing.assert_allclose(found[expected], sign * truth[2, expected], atol=1e-5)


def test_the_nodata_that_netcdf_adds_declares_nothing(tmp_path):
    image = phases(1)[0].astype(np.float32)
    image[GONE] = 0
    path = declared(tmp_path / "a.tif", image, 9.969209968386869e36)
    np.testing.assert_array_equal(read_image(path, SCENE) == 0, GONE)


def test_phase_in_scaled_integers(tmp_path):
    truth = phases(1)[0]
    scale = np.pi / 32768
    image = np.rint(truth / scale).astype(np.int16)
    found = read_image(declared(tmp_path / "a.tif", image, scale=scale), SCENE)
    np.testing.assert_allclose(found, np.exp(1j * truth), atol=1e-4)


def real_as_complex(image):
    return image.astype(np.complex64)


BAD_IMAGES = {
    "unwrapped": (lambda image: 3 * image, "looks like unwrapped phase; expected complex"),
    "0 to 2 pi": (lambda image: image % (2 * np.pi), "wrapped phase in radians from -pi to pi"),
    "nodata not declared": (lambda image: np.where(GONE, -9999, image), "real values from -9999"),
    "integers": (lambda image: np.rint(image).astype(np.int16), "values of type int16; expected"),
    "real as complex": (real_as_complex, "the imaginary part is 0 everywhere"),
    "positive as complex": (lambda image: real_as_complex(abs(image)), "imaginary part is 0"),
    "gaps as complex": (
        lambda image: real_as_complex(np.where(GONE, np.nan, image)),
        "imaginary part is 0",
    ),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_one_image_that_is_no_wrapped_phase(name, tmp_path):
    """It is refused at the start where the last block shows it, and in any case when it is read."""
    spoil, says = BAD_IMAGES[name]
    stack = write_real(tmp_path, np.exp(1j * phases()).astype(np.complex64), "phase_linked")
    image = spoil(phases()[2].astype(np.float32))
    image = image.astype(np.float32) if image.dtype == np.float64 else image
    write_raster(Path(stack.files[2]), image)
    mask = np.ones(SHAPE, bool)
    for call in (lambda: check_stack(stack, 0.6), lambda: read_phase(stack, mask, SCENE)):
        with pytest.raises(InputError) as caught:
            call()
        message = str(caught.value)
        assert message.startswith(stack.files[2]) and says in message and "\n" not in message


def test_images_that_are_real_with_good_reason(tmp_path):
    """Nothing, the constant first date of a simulation, amplitudes of linked SLCs, faint pixels."""
    amplitude = 1 + np.random.default_rng(0).random(SHAPE)
    faint = np.zeros(SHAPE)
    faint[0, :3] = 1, -1, 2
    for image, slc in ((amplitude * 0, False), (amplitude * np.nan, False), (faint, False),
                       (np.ones(SHAPE), False), (amplitude, True)):  # fmt: skip
        path = write_raster(tmp_path / "a.tif", image.astype(np.complex64))
        np.testing.assert_array_equal(
            read_image(str(path), SCENE, amplitudes=slc), image.astype(np.complex64)
        )


def test_real_phase_has_no_amplitudes(tmp_path):
    stack = write_real(tmp_path, phases().astype(np.float32), "slc")
    with pytest.raises(InputError, match="real values, without amplitudes; expected complex SLCs"):
        amplitude_dispersion(stack.files, SCENE)


def test_slcs_of_complex_integers_with_nodata(tmp_path):
    truth = phases()
    stack = write_real(tmp_path, truth.astype(np.float32), "slc")
    for date, path in enumerate(stack.files):
        image = np.where(GONE & (date == 1), -9999, 800 * np.exp(1j * truth[date]))
        write_complex_integers(path, np.rint(image.real) + 1j * np.rint(image.imag), nodata=-9999)
    _, mask = check_stack(stack, 0.6)
    phase, valid = read_phase(stack, mask, SCENE)
    np.testing.assert_array_equal(valid.reshape(SHAPE), ~GONE)
    wrapped = np.exp(1j * (phase.reshape(4, *SHAPE) - (truth[0] - truth)))
    np.testing.assert_allclose(wrapped[:, ~GONE], 1, atol=3e-3)


def test_real_interferograms_with_a_zero_sea_through_the_workflow(tmp_path):
    """Phase in radians, 0 for nodata over the sea: as LiCSAR and HyP3 write it."""
    rng = np.random.default_rng(1)
    shape, sea = (24, 24), 9
    velocity = np.add.outer(*[np.linspace(-1, 1, 24)] * 2)
    for one, two in combinations(range(len(DATES)), 2):
        phase = (two - one) * velocity + 0.2 * rng.standard_normal(shape)
        phase = np.angle(np.exp(1j * phase)).astype(np.float32)
        phase[:, -sea:] = 0
        name = f"stack/{DATES[one]}_{DATES[two]}.diff_pha.tif"
        write_raster(tmp_path / name, phase, nodata=0, transform=Affine(10, 0, 0, 0, -10, 0))
    config = {
        "output_dir": "out",
        "stack": {"layout": "interferograms", "directory": "stack", "files": "*.diff_pha.tif"},
    }
    run_whole(tmp_path, config, "--", "merge_interferograms_00")
    found = read(tmp_path / "out" / "unwrapped" / f"{DATES[0]}_{DATES[3]}.unw.tif")
    land = np.arange(24) < 24 - sea
    np.testing.assert_array_equal(np.isfinite(found), np.broadcast_to(land, shape))
    error = (found - 3 * velocity)[:, land]
    assert np.abs(error - np.median(error)).max() < np.pi
