"""Every kind of stack: names and formats, points by dispersion and mask, pairs linked to dates."""

import csv
import zipfile
from itertools import combinations

import h5py
import numpy as np
import pytest
import rasterio
from emcflow.errors import InputError
from emcflow.io.filenames import dates_in_name, list_rasters, pair_in_name
from emcflow.io.images import phase_at_points
from emcflow.io.interferograms import (
    find_interferograms,
    given_and_unwrapped,
    read_pair_coherence,
)
from emcflow.io.raster import Grid, local_file
from emcflow.io.stack import check_stack, find_stack, read_phase
from emcflow.network.phase_linking import (
    coherence_weights,
    link_phases,
    squared_misfits,
    without_unchanging,
)
from emcflow.products.selection import amplitude_dispersion, coherence_of_dispersion
from emcflow.tiles.merge import congruent
from emcflow.workflow.inputs import baseline_rasters, find_inputs, sigma_rasters
from rasterio.control import GroundControlPoint
from rasterio.shutil import copy
from stacks import DATES, UTM, write_raster
from workflow import read, run_whole

SHAPE = (12, 14)
SECTION = {
    "layout": "slc", "directory": None, "files": None, "window": None, "points": "auto",
    "mask": None, "temporal_coherence": None, "min_temporal_coherence": 0.6,
    "amplitude_dispersion": None, "max_amplitude_dispersion": 0.25,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("stack/20200101.slc.tif", True),
        ("/abs/20200101.slc.tif", True),
        ("/vsicurl/https://host/20200101.tif", False),
        ("/vsis3/bucket/20200101.tif", False),
        ("s3://bucket/20200101.tif", False),
        ('HDF5:"a/20200101.h5"://data/VV', False),
        ('ZARR:"20200101.zarr":/slc', False),
        ("vrt://cube.tif?bands=3", False),
    ],
)
def test_names_that_only_gdal_understands(name, local):
    assert local_file(name) == local


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("20200113_20200101.int.tif", ("20200113", "20200101")),
        ("GUNW_20200101T010203_20200101T010231_20200113T010203_20200113T010231.tif", DATES[:2]),
        ("x_20200101_20200101_20200113_20200113_v2.h5", DATES[:2]),
        ("20200101_20200113/20200101T0102.tif", DATES[:2]),
        ("S1_20200101T235959_20200102T000020_20200113T235959.tif", ("20200101", "20200102")),
    ],
)
def test_a_pair_is_the_first_two_different_dates(name, pair):
    assert pair_in_name(name) == tuple(pair)


@pytest.mark.parametrize("name", ["20200101_20200101.tif", "20200101.tif", "20200101_20201301.tif"])
def test_names_without_two_different_dates_are_refused(name):
    with pytest.raises(InputError, match=r"expected (two dates|YYYYMMDD)"):
        pair_in_name(name)


@pytest.mark.parametrize(
    ("name", "dates"),
    [
        ("stack/20200101.slc.tif", ["20200101"]),
        ("merged/SLC/20200101/20200101.slc.full.vrt", ["20200101"]),
        ("merged/interferograms/20200101_20200113/filt_fine.int.vrt", ["20200101", "20200113"]),
        ('HDF5:"x/t042_088905_iw1_20200101.h5"://data/VV', ["20200101"]),
        ('ZARR:"x/20200101.zarr":/slc', ["20200101"]),
        ("S1A_IW_SLC__1SDV_20200101T050000_20200101T050030.tif", ["20200101"]),
        ("IMG_20200101053000.slc", ["20200101"]),
        ("20190101/20200113_20200101.diff", ["20200113", "20200101"]),
    ],
)
def test_dates_are_read_from_names(name, dates):
    assert list(dates_in_name(name, len(dates))) == dates


def test_patterns_and_paths_are_relative_to_the_folder(tmp_path):
    for date in DATES[:3]:
        (tmp_path / "a[1]" / date).mkdir(parents=True)
        (tmp_path / "a[1]" / date / f"{date}.slc.full.vrt").touch()
    remote = "/vsicurl/https://host/20200401.slc.tif"
    found = list_rasters("stack.files", tmp_path / "a[1]", ["*/*.slc.full.vrt", remote])
    assert found[-1] == remote
    assert [dates_in_name(path, 1)[0] for path in found] == [*DATES[:3], "20200401"]
    one = list_rasters("stack.files", tmp_path / "a[1]", f"{DATES[0]}/{DATES[0]}.slc.full.vrt")
    assert one == found[:1]


# Formats: the same images through each of them


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(1)
    shape = (4, *SHAPE)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def as_envi(folder, date, image):
    with rasterio.open(
        folder / f"{date}.slc", "w", driver="ENVI", height=SHAPE[0], width=SHAPE[1], count=1,
        dtype="complex64", **UTM,
    ) as dataset:  # fmt: skip
        dataset.write(image, 1)
    return "*.slc"


def as_isce2(folder, date, image):
    """A flat file with the VRT that ISCE2 writes beside it, in a folder per date."""
    (folder / date).mkdir()
    image.tofile(folder / date / f"{date}.slc.full")
    rows, cols = SHAPE
    (folder / date / f"{date}.slc.full.vrt").write_text(
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">'
        f"<GeoTransform>500000, 10, 0, 100000, 0, -10</GeoTransform><SRS>{UTM['crs']}</SRS>"
        '<VRTRasterBand dataType="CFloat32" band="1" subClass="VRTRawRasterBand">'
        f'<SourceFilename relativeToVRT="1">{date}.slc.full</SourceFilename>'
        "<ByteOrder>LSB</ByteOrder><ImageOffset>0</ImageOffset><PixelOffset>8</PixelOffset>"
        f"<LineOffset>{8 * cols}</LineOffset></VRTRasterBand></VRTDataset>"
    )
    return "*/*.slc.full.vrt"


def as_zip(folder, date, image):
    path = write_raster(folder / f"{date}.tif", image)
    with zipfile.ZipFile(folder / "stack.zip", "a") as archive:
        archive.write(path, path.name)
    path.unlink()
    return f"/vsizip/{folder}/stack.zip/{date}.tif"


def as_hdf5(folder, date, image):
    with h5py.File(folder / f"{date}.h5", "w") as file:
        file.create_dataset("data/VV", data=image)
    return f'HDF5:"{folder}/{date}.h5"://data/VV'


def as_zarr(folder, date, image):
    source = write_raster(folder / "once.tif", image)
    copy(source, folder / f"{date}.zarr", driver="Zarr")
    source.unlink()
    return f'ZARR:"{folder}/{date}.zarr"'


@pytest.mark.parametrize("form", [as_envi, as_isce2, as_zip, as_hdf5, as_zarr])
def test_one_phase_through_every_format(form, images, tmp_path):
    profile = {"crs": None, "transform": None} if form is as_hdf5 else {}
    names = [form(tmp_path, date, image) for date, image in zip(DATES, images, strict=False)]
    write_raster(tmp_path / "temporal_coherence.tif", np.ones(SHAPE, np.float32), **profile)
    stack = find_stack(tmp_path, "slc", files=sorted(set(names)))
    assert stack.dates == DATES[:4]
    grid, mask = check_stack(stack, 0.6)
    assert grid.shape == SHAPE and mask.all()
    phase, valid = read_phase(stack, mask, (0, 0, *SHAPE))
    expected = np.angle(images[0] * images.conj()).reshape(4, -1)
    assert valid.all()
    np.testing.assert_allclose(np.exp(1j * phase), np.exp(1j * expected), atol=1e-6)


def test_a_window_is_read_from_its_place(images, tmp_path):
    for date, image in zip(DATES, images, strict=False):
        write_raster(tmp_path / f"{date}.slc.tif", image)
    inputs = find_inputs(
        SECTION | {"directory": str(tmp_path), "window": [3, 5, 9, 13]}, str(tmp_path / "out")
    )
    assert inputs.points.kind == "amplitude_dispersion" and inputs.points.raster == ""
    assert inputs.min_coherence == pytest.approx(np.exp(-(0.25**2) / 2))
    whole = Grid(SHAPE, UTM["crs"], tuple(UTM["transform"])[:6])
    grid = whole.cropped(inputs.stack.window)
    assert grid.transform == (10, 0, 5e5 + 50, 0, -10, 1e5 - 30)
    write_raster(
        tmp_path / "out" / "stack" / "points.tif",
        np.ones(grid.shape, np.float32),
        transform=rasterio.Affine(*grid.transform),
    )
    checked, mask = check_stack(inputs.stack, inputs.min_coherence)
    assert checked.differs_from(grid) == ""
    phase, _ = read_phase(inputs.stack, mask[2:], (2, 0, 6, 8))
    expected = np.angle(images[0] * images.conj())[:, 5:9, 5:13].reshape(4, -1)
    np.testing.assert_allclose(np.exp(1j * phase), np.exp(1j * expected), atol=1e-6)


def test_baseline_rasters_are_found_by_their_dates(tmp_path):
    for date in DATES[:2]:
        (tmp_path / date).mkdir()
        (tmp_path / date / f"{date}.full.vrt").touch()
    names = f"{tmp_path}/*/*.full.vrt"
    found = baseline_rasters(names, DATES[:2])
    assert list(found) == list(DATES[:2]) and found[DATES[1]].endswith(f"{DATES[1]}.full.vrt")
    assert baseline_rasters(None, DATES) == {}
    with pytest.raises(InputError, match=f"none for 1 of 3 dates of the stack .{DATES[2]}"):
        baseline_rasters(names, DATES[:3])


# What the points are chosen by


def test_amplitude_dispersion_by_hand(tmp_path):
    """Amplitudes 1, 2, 3 around a background of 2, in images of brightness 1, 10 and 100."""
    background = 2.0
    files = []
    for number, amplitude in enumerate((1.0, 2.0, 3.0)):
        image = np.full((4, 5), background, np.complex64)
        image[1, 2], image[3, 3] = amplitude, 4 - amplitude  # the mean stays
        image[0, 0] = 0 if number == 1 else 2
        image *= 10.0**number * np.exp(1j * number)
        files.append(str(write_raster(tmp_path / f"{number}.tif", image)))
    found = amplitude_dispersion(files, (0, 0, 4, 5))
    # brightness is the mean over the pixels that have one: 19 in the second image, all of 2
    assert np.isnan(found[0, 0])
    assert found[1, 2] == pytest.approx(np.sqrt(2 / 3) / 2, abs=1e-5)
    assert found[3, 3] == pytest.approx(np.sqrt(2 / 3) / 2, abs=1e-5)
    np.testing.assert_allclose(np.delete(found, [0, 7, 18]), 0, atol=1e-6)
    np.testing.assert_allclose(amplitude_dispersion(files, (1, 2, 2, 3)), 0, atol=1e-6)


def test_amplitude_dispersion_by_rows_of_blocks(tmp_path):
    """Images of more rows than a block; a pixel of the second row of blocks never changes."""
    rng = np.random.default_rng(4)
    images = rng.uniform(1, 3, (3, 530, 4)).astype(np.complex64)
    images[:, 520, 1], images[1, 525, 2] = 1.5, 0
    files = [str(write_raster(tmp_path / f"{n}.tif", image)) for n, image in enumerate(images)]
    found = amplitude_dispersion(files, (0, 0, 530, 4))
    amplitude = np.abs(images).astype(np.float64)
    amplitude /= [[[image[image > 0].mean()]] for image in amplitude]
    expected = amplitude.std(axis=0) / amplitude.mean(axis=0)
    expected[[520, 525], [1, 2]] = np.nan
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_dispersion_stands_for_the_coherence_of_its_phase_noise():
    """A bright target in circular noise: D is the phase noise, exp(-D**2 / 2) its coherence."""
    rng = np.random.default_rng(3)
    signal = 8 + rng.normal(size=20000) + 1j * rng.normal(size=20000)
    dispersion = np.abs(signal).std() / np.abs(signal).mean()
    coherence = np.abs(np.exp(1j * np.angle(signal)).mean())
    assert dispersion == pytest.approx(np.angle(signal).std(), rel=0.02)
    assert coherence_of_dispersion(dispersion) == pytest.approx(coherence, abs=1e-3)


def test_scatterers_of_an_archive_through_the_workflow(tmp_path):
    """Names that only GDAL understands are no files to Snakemake; points are those of low D."""
    rng = np.random.default_rng(5)
    bright = rng.random(SHAPE) < 0.5
    amplitude = np.where(bright, 12, 0)
    names = []
    for date in DATES:
        noise = rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)
        names.append(as_zip(tmp_path, date, (amplitude + noise).astype(np.complex64)))
    window = [1, 2, 11, 14]
    config = {"output_dir": "out", "stack": {"layout": "slc", "files": names, "window": window}}
    printed = run_whole(tmp_path, config, "--", "tiles")
    found = read(tmp_path / "out" / "stack" / "points.tif")
    expected = coherence_of_dispersion(amplitude_dispersion(names, tuple(window)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    chosen = found > coherence_of_dispersion(0.25)
    assert np.mean(chosen == bright[1:11, 2:14]) > 0.95
    assert f"tiles: {chosen.sum()} points, number of tiles: 1" in printed


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({}, "amplitude_dispersion"),
        ({"temporal_coherence": "c.tif"}, "temporal_coherence"),
        ({"points": "mask", "mask": "c.tif"}, "mask"),
        ({"amplitude_dispersion": "c.tif"}, "amplitude_dispersion"),
    ],
)
def test_what_a_stack_of_slcs_takes_its_points_from(keys, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("20200101.slc.tif", "20200113.slc.tif", "c.tif"):
        (tmp_path / name).touch()
    inputs = find_inputs(SECTION | {"directory": "."} | keys, "out")
    if kind == "temporal_coherence":
        assert inputs.points is None and inputs.stack.coherence == "c.tif"
    else:
        assert inputs.points.kind == kind and inputs.stack.coherence == "out/stack/points.tif"


# Interferograms


def network(ndates, ahead):
    pairs = [(i, j) for i, j in combinations(range(ndates), 2) if j - i <= ahead]
    return np.array([pair[::-1] if n % 3 == 0 else pair for n, pair in enumerate(pairs)])


def simulated_pairs(pairs, ndates, npixels, noise_rad, rng):
    truth = rng.uniform(-np.pi, np.pi, (ndates, npixels))
    truth -= truth[0]
    noise = noise_rad * rng.standard_normal((len(pairs), npixels))
    phase = truth[pairs[:, 1]] - truth[pairs[:, 0]] + noise
    return truth, np.angle(np.exp(1j * phase)).astype(np.float32)


def test_linked_phases_are_exact_where_loops_close():
    pairs = network(9, 2)
    truth, phase = simulated_pairs(pairs, 9, 300, 0.0, np.random.default_rng(0))
    linked, coherence = link_phases(phase, pairs, 9)
    np.testing.assert_allclose(np.exp(1j * linked), np.exp(1j * truth), atol=1e-5)
    np.testing.assert_allclose(coherence, 1, atol=1e-6)
    tree = np.array([[0, 3], [3, 1], [2, 3]])  # no loops, any direction
    truth, phase = simulated_pairs(tree, 4, 50, 0.0, np.random.default_rng(0))
    linked, _ = link_phases(phase, tree, 4)
    np.testing.assert_allclose(np.exp(1j * linked), np.exp(1j * truth), atol=1e-5)


def test_linked_phases_are_as_good_as_least_squares_of_known_cycles():
    """No estimator without bias is better (Gauss and Markov), and none here can know the cycles."""
    pairs, ndates, noise = network(20, 3), 20, 0.4
    truth, phase = simulated_pairs(pairs, ndates, 4000, noise, np.random.default_rng(2))
    linked, coherence = link_phases(phase, pairs, ndates, n_threads=2)
    one, _ = link_phases(phase, pairs, ndates)
    assert np.array_equal(linked, one)
    incidence = np.zeros((len(pairs), ndates))
    incidence[np.arange(len(pairs)), pairs[:, 0]] = -1
    incidence[np.arange(len(pairs)), pairs[:, 1]] = 1
    covariance = noise**2 * np.linalg.inv(incidence[:, 1:].T @ incidence[:, 1:])
    best = np.sqrt(np.trace(covariance) / (ndates - 1))
    error = np.angle(np.exp(1j * (linked - truth)))[1:]
    assert best <= error.std() * 1.02 and error.std() < 1.05 * best
    # the residuals have the variance that ndates - 1 unknowns leave, and so has the coherence
    left = noise**2 * (1 - (ndates - 1) / len(pairs))
    assert coherence.mean() == pytest.approx(np.exp(-left / 2), abs=5e-3)


BAD_PAIRS = {
    "20200101_20200101.int.tif": "twice the same date",
    "20200113_20200101.int.tif": "the pair 20200113_20200101 is already",
    "20200206_20200218.int.tif": "2 separate parts: 20200101, 20200113; 20200206, 20200218; exp",
    "mean.int.tif": "no two dates in the name",
}


@pytest.mark.parametrize("name", BAD_PAIRS)
def test_bad_pairs(name, tmp_path):
    for good in ("20200101_20200113.int.tif", name):
        (tmp_path / good).touch()
    with pytest.raises(InputError, match=BAD_PAIRS[name]):
        find_interferograms(tmp_path)


def test_rasters_of_noise_are_found_by_the_date_they_are_of(tmp_path):
    names = ["crlb_20200101_20200113.tif", "sigma_20200206.tif"]
    for name in names:
        (tmp_path / name).touch()
    stack = {"directory": str(tmp_path), "sigma": "*.tif"}
    first, *later = sigma_rasters(stack, ("20200101", "20200113", "20200206"))
    assert first == "" and [path.rpartition("/")[2] for path in later] == names
    assert sigma_rasters({"sigma": None}, ("20200101",)) == ()
    with pytest.raises(InputError, match=r"none for 1 of 4 dates of the stack \(20200218\)"):
        sigma_rasters(stack, ("20200101", "20200113", "20200206", "20200218"))


def test_pairs_without_loops_choose_no_points(tmp_path):
    for name in ("20200101_20200113.int.tif", "20200113_20200206.int.tif"):
        (tmp_path / name).touch()
    section = SECTION | {"layout": "interferograms", "directory": str(tmp_path)}
    with pytest.raises(InputError, match="no loops"):
        find_inputs(section, "out")
    for name in ("20200101_20200113.cc.tif", "20200113_20200206.cc.tif"):
        (tmp_path / name).touch()
    assert find_inputs(section | {"pair_coherence": "*.cc.tif"}, "out").interferograms.coherences
    (tmp_path / "mask.tif").touch()
    mask = str(tmp_path / "mask.tif")
    inputs = find_inputs(section | {"points": "mask", "mask": mask}, "out")
    assert inputs.interferograms.pairs == ((0, 1), (1, 2))
    assert inputs.stack.files[1:] == tuple(
        f"out/stack/linked/20200101_{date}.int.tif" for date in ("20200113", "20200206")
    )


def test_pixels_that_never_change_are_left_out_but_one():
    phase = np.array([[[1, 1, 2, 3]], [[1, 1, 2, 4]]], np.float32)
    everywhere = np.ones((1, 4), bool)
    valid, count = without_unchanging(phase, everywhere)
    assert (valid.tolist(), count) == ([[False, False, False, True]], 3)
    alone = np.array([[True, False, False, True]])
    valid, count = without_unchanging(phase, alone)
    assert (valid.tolist(), count) == (alone.tolist(), 0)
    assert without_unchanging(phase[:1], everywhere)[1] == 0


def test_weights_of_coherence_find_what_noisy_pairs_hide():
    """Variances known, loops that do not close: nearly as good as weighted least squares."""
    rng = np.random.default_rng(8)
    pairs, ndates, npixels = network(10, 4), 10, 3000
    coherence = rng.uniform(0.3, 0.9, (len(pairs), 1)) * np.ones((1, npixels))
    looks = 40
    noise = np.sqrt((1 - coherence**2) / (2 * looks * coherence**2))
    truth, _ = simulated_pairs(pairs, ndates, npixels, 0.0, rng)
    phase = truth[pairs[:, 1]] - truth[pairs[:, 0]] + noise * rng.standard_normal(noise.shape)
    phase = np.angle(np.exp(1j * phase)).astype(np.float32)
    weights = coherence_weights(coherence)
    assert weights.max() == 1 and weights.dtype == np.float32
    errors = []
    for given in (None, weights):
        linked, _ = link_phases(phase, pairs, ndates, weights=given)
        errors.append(np.angle(np.exp(1j * (linked - truth)))[1:].std())
    incidence = np.zeros((len(pairs), ndates))
    incidence[np.arange(len(pairs)), pairs[:, 0]] = -1
    incidence[np.arange(len(pairs)), pairs[:, 1]] = 1
    inner = incidence[:, 1:]
    covariance = np.linalg.inv(inner.T @ (inner / noise[:, :1] ** 2))
    best = np.sqrt(np.trace(covariance) / (ndates - 1))
    assert errors[1] < 1.05 * best and errors[0] > 1.2 * best
    one = np.ones_like(phase)
    for plain, weighted in zip(
        link_phases(phase, pairs, ndates), link_phases(phase, pairs, ndates, 1, one), strict=True
    ):
        assert np.array_equal(plain, weighted)


def test_misfits_by_hand():
    pairs = np.array([[0, 1], [1, 0], [0, 2]])
    pair_phase = np.array([[1.0, 3.0], [-1.5, -3.0], [-3.0, 0.0]], np.float32)
    phase = np.array([[0, 0], [1.0, -3.0], [3.0, 0.5]], np.float32)
    turn = 2 * np.pi
    expected = [(6 - turn) ** 2, 0.25 + (6 - turn) ** 2, (6 - turn) ** 2 + 0.25]
    np.testing.assert_allclose(squared_misfits(pair_phase, pairs, phase), expected, rtol=1e-5)


def test_the_nearest_congruent_phase_by_hand():
    found = congruent(np.array([10.0, -10.0, 0.2]), np.array([-3.0, 3.0, 0.1]))
    np.testing.assert_allclose(found, [-3 + 4 * np.pi, 3 - 4 * np.pi, 0.1])


def test_phase_at_points_is_that_of_the_whole_image(tmp_path):
    phase = np.random.default_rng(0).uniform(-np.pi, np.pi, (1100, 12)).astype(np.float32)
    path = str(write_raster(tmp_path / "20200101_20200113.tif", phase, nodata=-9))
    points = np.array([[0, 0], [511, 3], [512, 4], [1000, 5], [3, 1]])
    found = phase_at_points(path, points, phase.shape)
    np.testing.assert_allclose(found, phase[tuple(points.T)], atol=1e-6)
    found = phase_at_points(path, points, (1050, 6), (40, 2, 1090, 8))
    np.testing.assert_allclose(found, phase[40:, 2:][tuple(points.T)], atol=1e-6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 51], [255, 102]], np.uint8), [[0, 0.2], [1, 0.4]]),
        (np.array([[np.nan, 0.2], [1.1, 0.4]], np.float32), [[0, 0.2], [1, 0.4]]),
        (np.array([[0, 51], [255, 102]], np.float32), None),
        (np.array([[0, -0.5], [0.1, 0.2]], np.float32), None),
    ],
)
def test_coherences_of_pairs_are_bytes_or_fractions(values, expected, tmp_path):
    path = str(write_raster(tmp_path / "20200101_20200113.cc.tif", values))
    if expected is None:
        with pytest.raises(InputError, match="expected a coherence, 0 to 1, or bytes"):
            read_pair_coherence(path, (0, 0, 2, 2))
    else:
        np.testing.assert_allclose(read_pair_coherence(path, (0, 0, 2, 2)), expected, atol=1e-6)


def test_a_pair_without_its_coherence_is_refused(tmp_path):
    for name in ("20200101_20200113.int.tif", "20200113_20200206.int.tif"):
        (tmp_path / name).touch()
    (tmp_path / "20200113_20200101.cc.tif").touch()
    with pytest.raises(InputError, match=r"none for 1 of 2 interferograms \(20200113_20200206\)"):
        find_interferograms(tmp_path, coherence="*.cc.tif")


def test_what_was_given_and_what_is_unwrapped():
    given = ["20200113_20200101", "20200101_20200206", "20200113_20200206"]
    unwrapped = ["20200101_20200113", "20200113_20200206", "20200206_20200218"]
    assert given_and_unwrapped(given, unwrapped) == (
        "3 interferograms were given; 1 of them are not among those unwrapped (20200101_20200206); "
        "1 unwrapped ones were not given (20200206_20200218)."
    )
    assert given_and_unwrapped(given[:1], unwrapped[:1]) == (
        "1 interferograms were given; the same pairs are unwrapped."
    )


SCENE = (36, 44)


# The corners of that scene, in radar coordinates.
GCPS = [
    GroundControlPoint(row, col, 11 + 1e-3 * col, 60 - 1e-3 * row)
    for row in (0, SCENE[0])
    for col in (0, SCENE[1])
]


def write_pairs(folder, noise_rad, rng, **place):
    """Write real-valued interferograms, some of the later date first, and coherences in bytes."""
    rows, cols = np.indices(SCENE)
    bowl = 1.2 * np.exp(-((rows - 18) ** 2 + (cols - 22) ** 2) / 120)
    truth = np.array([0, 3, 7, 8, 12, 15])[:, None, None] * bowl
    good = cols >= 4
    pairs = network(6, 2)
    for first, second in pairs:
        phase = truth[second] - truth[first] + noise_rad * rng.standard_normal(SCENE)
        phase = np.where(good, phase, rng.uniform(-np.pi, np.pi, SCENE) if noise_rad > 0.1 else 0.5)
        name = f"{DATES[first]}_{DATES[second]}"
        wrapped = np.angle(np.exp(1j * phase)).astype(np.float32)
        write_raster(folder / f"{name}.diff_pha.tif", wrapped, nodata=-9, **place)
        coherence = np.where(good, 200, 40).astype(np.uint8)
        write_raster(folder / f"{name}.cc.tif", coherence, **place)
    return pairs, truth, good


def test_given_interferograms_are_congruent_with_their_own_phase(tmp_path):
    radar = {"crs": "EPSG:4326", "gcps": GCPS, "transform": None}
    pairs, truth, good = write_pairs(tmp_path / "given", 0.3, np.random.default_rng(0), **radar)
    stack = {
        "layout": "interferograms", "directory": "given", "files": "*.diff_pha.tif",
        "pair_coherence": "*.cc.tif", "min_temporal_coherence": 0.7,
    }  # fmt: skip
    config = {"output_dir": "out", "stack": stack, "network": {"type": "given"}}
    config |= {"geometry": {"wavelength_m": 0.0555}, "link_model": {"enabled": False}}
    run_whole(tmp_path, config | {"outputs": {"time_series": True, "exports": ["points_csv"]}})
    misfit = {}
    for first, second in pairs:
        name = f"{DATES[min(first, second)]}_{DATES[max(first, second)]}"
        given = read(tmp_path / "given" / f"{DATES[first]}_{DATES[second]}.diff_pha.tif")
        given = given if first < second else -given
        unwrapped = read(tmp_path / "out" / "unwrapped" / f"{name}.unw.tif").astype(float)
        known = np.isfinite(unwrapped)
        assert known[good].mean() > 0.95
        left = (unwrapped - given)[known] / (2 * np.pi)
        assert np.abs(left - np.rint(left)).max() * 2 * np.pi < 1e-5
        error = (unwrapped - truth[max(first, second)] + truth[min(first, second)])[known & good]
        assert np.abs(error - np.median(error)).max() < np.pi
        misfit[f"{DATES[first]},{DATES[second]}"] = known
    series = tmp_path / "out" / "timeseries" / "radians"
    error = read(series / f"{DATES[0]}_{DATES[5]}.tif") - truth[5] + truth[0]
    incidence = np.eye(6)[[b for _, b in pairs]] - np.eye(6)[[a for a, _ in pairs]]
    expected = 0.3 * np.sqrt(np.linalg.inv(incidence[:, 1:].T @ incidence[:, 1:])[4, 4])
    assert np.nanstd(error[good]) < 1.1 * expected
    with rasterio.open(tmp_path / "out" / "timeseries" / "velocity_mm_yr.tif") as dataset:
        found, crs = dataset.gcps
        assert [(p.row, p.col, p.x) for p in found] == [(p.row, p.col, p.x) for p in GCPS]
        assert crs.to_epsg() == 4326
    with open(tmp_path / "out" / "exports" / "points.csv") as file:
        row = next(csv.DictReader(file))
    assert float(row["longitude"]) == pytest.approx(11 + 1e-3 * (float(row["col"]) + 0.5))
    assert float(row["latitude"]) == pytest.approx(60 - 1e-3 * (float(row["row"]) + 0.5))
    lines = (tmp_path / "out" / "stack" / "linked" / "pairs.csv").read_text().splitlines()
    assert lines[0] == "reference,secondary,misfit_rad,coherence"
    assert {",".join(line.split(",")[:2]) for line in lines[1:]} == set(misfit)
    text = (tmp_path / "out" / "report.txt").read_text()
    assert f"{len(pairs)} interferograms were given; the same pairs are unwrapped" in text


def test_filtered_interferograms_leave_the_points_to_their_coherence(tmp_path):
    _, _, good = write_pairs(tmp_path / "given", 0.01, np.random.default_rng(0))
    stack = {
        "layout": "interferograms", "directory": "given", "files": "*.diff_pha.tif",
        "pair_coherence": "*.cc.tif",
    }  # fmt: skip
    printed = run_whole(tmp_path, {"output_dir": "out", "stack": stack}, "--", "check_stack")
    found = read(tmp_path / "out" / "stack" / "linked" / "temporal_coherence.tif")
    np.testing.assert_allclose(found[good], 200 / 255, atol=1e-6)
    remarks = (tmp_path / "out" / "stack" / "stack.json").read_text()
    assert "the mean coherence of the pairs is taken in its place" in remarks
    assert f"{good.sum()} points" in printed
