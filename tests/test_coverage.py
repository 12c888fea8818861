"""Images without data, pixels that never change, images that are left out, containers."""

import re
from itertools import combinations

import h5py
import numpy as np
import pytest
import rasterio
from emcflow.errors import InputError
from emcflow.io.coverage import Coverage, coverage_remarks, unchanging
from emcflow.io.interferograms import find_interferograms
from emcflow.io.raster import open_raster
from emcflow.io.stack import check_stack, find_stack, read_phase, stack_coverage
from emcflow.products.selection import amplitude_dispersion
from emcflow.workflow.inputs import find_inputs
from rasterio.crs import CRS
from stacks import DATES, write_raster, write_stack
from workflow import run, run_whole

SHAPE = (20, 30)
SEA = np.indices(SHAPE)[1] >= 18
COHERENCE = np.full(SHAPE, 0.9, np.float32)


def phases(seed=0):
    """Wrapped phase of every date [rad], the first 0."""
    rng = np.random.default_rng(seed)
    smooth = np.indices(SHAPE).sum(axis=0) / 20
    phase = rng.uniform(-1, 1, (len(DATES), 1, 1)) * smooth + rng.normal(0, 0.2, (6, *SHAPE))
    return np.where(np.arange(6)[:, None, None] > 0, phase, 0)


def linked(folder, images, coherence=COHERENCE):
    """Write a phase-linked stack of complex images."""
    write_raster(folder / "temporal_coherence.tif", coherence)
    for date, image in zip(DATES[1:], images[1:], strict=True):
        write_raster(folder / f"{DATES[0]}_{date}.int.tif", image.astype(np.complex64))
    return folder


def slcs(folder, images):
    for date, image in zip(DATES, images, strict=True):
        write_raster(folder / f"{date}.slc.tif", image.astype(np.complex64))
    write_raster(folder / "temporal_coherence.tif", COHERENCE)
    return folder


def config(**stack):
    return {"output_dir": "results", "stack": {"directory": "stack", **stack}}


# Pixels that never change


def test_unchanging_by_hand():
    nan = np.nan
    phase = np.array(
        [[0, 0, 0, 0, 0, 0], [0, 1, 1, nan, 0, 2], [0, 1, 1, nan, 0, 2], [0, 1, 2, nan, nan, 2]]
    )
    assert unchanging(phase).tolist() == [True, True, False, False, False, True]
    # of two images alone only zeros tell anything
    assert unchanging(phase[:3]).tolist() == [True, False, False, False, True, False]
    assert unchanging(phase[:2]).tolist() == [True, False, False, False, True, False]
    # one alone is the pixel that all phases are relative to
    assert not unchanging(phase[:, :1]).any()


@pytest.mark.parametrize("value", [1, 0.6 - 0.8j, 250])
@pytest.mark.parametrize("layout", ["phase_linked", "slc"])
def test_a_constant_sea_holds_no_points(layout, value, tmp_path):
    images = np.exp((1j if layout == "phase_linked" else -1j) * phases())
    images[:, SEA] = value
    (linked if layout == "phase_linked" else slcs)(tmp_path, images)
    stack = find_stack(tmp_path, layout)
    _, mask = check_stack(stack, 0.6)
    _, valid = read_phase(stack, mask, (0, 0, *SHAPE))
    np.testing.assert_array_equal(valid.reshape(SHAPE), ~SEA)


def test_a_sea_of_amplitudes_without_phase_holds_no_points(tmp_path):
    images = np.exp(1j * phases())
    images[:, SEA] = np.random.default_rng(1).uniform(1, 2, (6, SEA.sum()))
    stack = find_stack(linked(tmp_path, images), "phase_linked")
    _, valid = read_phase(stack, COHERENCE > 0, (0, 0, *SHAPE))
    np.testing.assert_array_equal(valid.reshape(SHAPE), ~SEA)


def test_constant_amplitudes_are_no_scatterers(tmp_path):
    rng = np.random.default_rng(2)
    images = rng.uniform(0.9, 1.1, (6, *SHAPE)) * np.exp(1j * phases())
    images[:, SEA] = 1
    slcs(tmp_path, images)
    files = [str(tmp_path / f"{date}.slc.tif") for date in DATES]
    dispersion = amplitude_dispersion(files, (0, 0, *SHAPE))
    np.testing.assert_array_equal(np.isnan(dispersion), SEA)


def pairs(folder, phase, keep=lambda one, two: True):
    """Write all pairs of the dates as interferograms with noise of their own, the sea as 1."""
    rng = np.random.default_rng(3)
    for one, two in combinations(range(len(DATES)), 2):
        if keep(one, two):
            noise = 0.2 * rng.standard_normal(SHAPE)
            image = np.exp(1j * (phase[two] - phase[one] + noise))
            image[SEA] = 1
            path = folder / f"{DATES[one]}_{DATES[two]}.int.tif"
            write_raster(path, image.astype(np.complex64))
    return folder


def test_the_report_says_how_many_pixels_never_change(tmp_path):
    pairs(tmp_path / "stack", phases())
    printed = run_whole(tmp_path, config(layout="interferograms"))
    line = f"{SEA.sum()} pixels never change"
    assert line in printed
    assert line in (tmp_path / "results" / "report.html").read_text()
    with rasterio.open(tmp_path / "results/stack/linked/temporal_coherence.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1) == 0, SEA)


# Which image is bad


def test_counts_by_hand():
    coverage = Coverage(5)
    for usable in ([1, 1, 1, 1, 0], [1, 0, 0, 1, 0], [1, 1, 0, 1, 1]):
        coverage.add(np.array(usable, bool))
    counts = coverage.counts
    assert counts.known.tolist() == [4, 2, 4]
    assert counts.costs.tolist() == [0, 1, 0]
    assert coverage.everywhere.tolist() == [True, False, False, True, False]
    in_parts = Coverage(5)
    for usable in ([1, 1, 1, 1, 0], [1, 0, 0, 1, 0], [1, 1, 0, 1, 1]):
        in_parts.add(np.array(usable[:2], bool))
        in_parts.add(np.array(usable[2:], bool), 2)
    assert [each.tolist() for each in in_parts.counts[1:]] == [[4, 2, 4], [0, 1, 0]]
    assert counts.with_part(counts).known.tolist() == [8, 4, 8]
    (remark,) = coverage_remarks(counts, ["a", "b", "c"], ["1.tif", "2.tif", "3.tif"])
    assert "2.tif has data at 40%" in remark and "alone costs 20%" in remark and "'b'" in remark


def test_large_scenes_are_sampled(tmp_path):
    shape = (512 * 4, 512 * 5)
    for date in DATES[1:3]:
        write_raster(tmp_path / f"{DATES[0]}_{date}.int.tif", np.ones(shape, np.complex64))
    write_raster(tmp_path / "temporal_coherence.tif", np.ones(shape, np.float32))
    stack = find_stack(tmp_path, "phase_linked")
    counts, sampled = stack_coverage(stack, np.ones(shape, bool))
    assert sampled and counts.npixels == 8 * 512**2
    assert counts.known.tolist() == [counts.npixels] * 2


def refused(folder, config, *says):
    process = run(folder, config)
    assert process.returncode != 0
    lines = process.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("emcflow "))
    for text in says:
        assert text in lines[at + 1], lines[at + 1]


@pytest.mark.parametrize("empty", [0, np.nan])
def test_a_date_without_data_is_named_with_the_key_that_leaves_it_out(empty, tmp_path):
    images = np.exp(1j * phases())
    images[3] = empty
    linked(tmp_path / "stack", images)
    name = f"stack/{DATES[0]}_{DATES[3]}.int.tif"
    refused(tmp_path, config(), name, f"stack.exclude: ['{DATES[3]}']", "all 600 pixels")
    printed = run_whole(tmp_path, config(exclude=[DATES[3]]))
    assert "5 dates" in printed and "600 points" in printed


def test_a_date_that_covers_little_is_named(tmp_path):
    images = np.exp(1j * phases())
    images[2, :, 6:] = 0
    linked(tmp_path / "stack", images)
    printed = run_whole(tmp_path, config())
    says = f"stack/{DATES[0]}_{DATES[2]}.int.tif has data at 20% of the pixels"
    assert says in printed and "alone costs 80% of them" in printed
    assert "alone costs 80% of them" in (tmp_path / "results" / "report.html").read_text()


def test_an_interferogram_of_zeros_is_named(tmp_path):
    folder = pairs(tmp_path / "stack", phases())
    name = f"{DATES[1]}_{DATES[4]}"
    write_raster(folder / f"{name}.int.tif", np.zeros(SHAPE, np.complex64))
    section = config(layout="interferograms")
    refused(tmp_path, section, f"stack/{name}.int.tif", f"stack.exclude: ['{name}']")
    section["stack"]["exclude"] = [name]
    assert "14 interferograms linked" in run_whole(tmp_path, section)


# Images that are left out

SECTION = {
    "layout": "phase_linked", "directory": None, "files": None, "window": None, "points": "auto",
    "mask": None, "temporal_coherence": None, "min_temporal_coherence": 0.6,
    "amplitude_dispersion": None, "max_amplitude_dispersion": 0.25,
}  # fmt: skip


def test_excluded_dates_and_pairs(tmp_path):
    write_stack(tmp_path / "linked", [[0, 0]], np.zeros((6, 1)), (3, 3))
    section = SECTION | {"directory": tmp_path / "linked", "exclude": [DATES[2], DATES[5]]}
    assert find_inputs(section, "results").stack.dates == (*DATES[:2], *DATES[3:5])
    pairs(tmp_path / "pairs", phases())
    found = find_interferograms(tmp_path / "pairs", None, [DATES[5], f"{DATES[1]}_{DATES[0]}"])
    assert found.dates == DATES[:5] and len(found.files) == 9
    # as YAML reads a pair without quotes
    section = SECTION | {"directory": tmp_path / "pairs", "layout": "interferograms"}
    section["exclude"] = [f"{DATES[0]}{DATES[1]}"]
    assert len(find_inputs(section, "results").interferograms.files) == 14


@pytest.mark.parametrize(
    ("layout", "exclude", "says"),
    [
        ("phase_linked", [DATES[0]], "is the first date"),
        ("phase_linked", ["20300101"], "20300101 is not among"),
        ("phase_linked", list(DATES[1:]), "only one date"),
        ("interferograms", ["20200101_20300101"], "is not among"),
        ("interferograms", list(DATES), "only no date"),
    ],
)
def test_what_cannot_be_left_out(layout, exclude, says, tmp_path):
    write_stack(tmp_path, [[0, 0]], np.zeros((6, 1)), (3, 3))
    section = SECTION | {"directory": tmp_path, "exclude": exclude, "layout": layout}
    with pytest.raises(InputError, match=says):
        find_inputs(section, "results")


# Containers


def geocoded(path, *names):
    """Write HDF5 with coordinates, laid out as OPERA's CSLC."""
    with h5py.File(path, "w") as file:
        file.attrs["Conventions"] = "CF-1.8"
        data = file.create_group("data")
        axes = {}
        for name, values in (("y", 1e5 - 10 * np.arange(20)), ("x", 5e5 + 10 * np.arange(30))):
            axes[name] = data.create_dataset(f"{name}_coordinates", data=values)
            axes[name].attrs["standard_name"] = f"projection_{name}_coordinate"
            axes[name].attrs["units"] = "meter"
            axes[name].make_scale(f"{name}_coordinates")
        grid = data.create_dataset("projection", data=np.int32(32631))
        grid.attrs["spatial_ref"] = CRS.from_epsg(32631).to_wkt()
        grid.attrs["grid_mapping_name"] = "universal_transverse_mercator"
        for name in names:
            kind = np.complex64 if name.startswith("V") else np.float32
            values = data.create_dataset(name, data=np.ones(SHAPE, kind))
            values.attrs["grid_mapping"] = "projection"
            values.dims[0].attach_scale(axes["y"])
            values.dims[1].attach_scale(axes["x"])


@pytest.mark.parametrize("names", [("VV",), ("amplitude", "VH", "VV")])
def test_containers_of_hdf5_say_what_to_write(names, tmp_path):
    path = tmp_path / f"t042_{DATES[0]}.h5"
    geocoded(path, *names)
    with pytest.raises(InputError) as error:
        open_raster(path)
    line = str(error.value)
    assert "\n" not in line and line.startswith(str(path))
    name = f'NETCDF:"{path}":/data/VV'
    assert f"{name} (complex64)" in line
    with open_raster(name) as dataset:
        assert dataset.crs == "EPSG:32631" and dataset.dtypes[0] == "complex64"
    if "amplitude" in names:
        assert line.index("/data/VV") < line.index("/data/amplitude")


def test_containers_of_zarr_say_what_to_write(tmp_path):
    path = tmp_path / f"{DATES[0]}.zarr"
    for number, name in enumerate(("slc", "mask")):
        kind = np.complex64 if name == "slc" else np.uint8
        options = {"ARRAY_NAME": name} | ({"APPEND_SUBDATASET": "YES"} if number else {})
        with rasterio.open(
            path, "w", driver="Zarr", height=4, width=5, count=1, dtype=kind, **options
        ) as dataset:
            dataset.write(np.ones((4, 5), kind), 1)
    with pytest.raises(InputError, match="a container of 2 rasters") as error:
        open_raster(path)
    name = re.search(r"(\S+):/slc \(complex64\)", str(error.value))[0].removesuffix(" (complex64)")
    with open_raster(name) as dataset:
        assert dataset.dtypes[0] == "complex64"


def test_a_pattern_of_containers_ends_at_the_start(tmp_path):
    (tmp_path / "stack").mkdir()
    for date in DATES:
        geocoded(tmp_path / "stack" / f"t042_{date}.h5", "VV")
    write_raster(tmp_path / "mask.tif", np.ones(SHAPE, np.uint8))
    section = config(layout="slc", files="*.h5", points="mask", mask="mask.tif")
    refused(tmp_path, section, "a container", 'NETCDF:"stack/t042_20200101.h5":/data/VV')
