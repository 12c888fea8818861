"""The workflow called as dolphin calls spurt; dolphin itself goes on with what it returns."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from emcflow.dolphin import unwrap
from emcflow.errors import InputError
from stacks import DATES, write_raster
from workflow import ROOT, read

DOLPHIN = Path(sys.prefix) / "dolphin"
SHAPE = (60, 80)
WAVELENGTH_M = 0.0555
HOP3 = sorted(f"{a}_{b}" for i, a in enumerate(DATES) for b in DATES[i + 1 : i + 4])
POINTS_ONLY = {"outputs": {"fill_pixels": 0}}


def true_phase():
    """Phase of each date, wrapping several times over the scene, the first date at 0 [rad]."""
    row, col = np.mgrid[: SHAPE[0], : SHAPE[1]] / 40
    bowl = 14 * np.exp(-((row - 0.7) ** 2) - (col - 1) ** 2)
    return np.stack([i * bowl / 2 + i * (-1) ** i * (row + 2 * col) for i in range(len(DATES))])


def quality_images():
    """A coherence that is low in a river, and a similarity that is high in a part of it."""
    coherence, similarity = np.full(SHAPE, 0.9, np.float32), np.zeros(SHAPE, np.float32)
    coherence[:, 30:36] = 0.3
    coherence[:4, :4] = np.nan
    similarity[20:40, 30:36] = 0.8
    return coherence, similarity


def write_inputs(folder: Path, pairs, noise_rad=0.0):
    """Write interferograms D1 * conj(D2) of pairs of dates, coherence, similarity and mask."""
    rng, phase = np.random.default_rng(1), true_phase()
    names = []
    for first, second in pairs:
        angle = phase[DATES.index(second)] - phase[DATES.index(first)]
        angle = angle + rng.normal(0, noise_rad, SHAPE)
        image = np.exp(1j * angle).astype(np.complex64)
        names.append(write_raster(folder / f"{first}_{second}.int.tif", image, nodata=0))
    coherence, similarity = quality_images()
    mask = np.ones(SHAPE, np.uint8)
    mask[-5:] = 0
    write_raster(folder / "temporal_coherence.tif", coherence, nodata=np.nan)
    write_raster(folder / "similarity.tif", similarity)
    write_raster(folder / "mask.tif", mask)
    return names


def single_reference(folder: Path):
    return write_inputs(folder, [(DATES[0], date) for date in DATES[1:]])


def is_congruent(unwrapped, wrapped):
    cycles = (unwrapped - wrapped)[np.isfinite(unwrapped)] / (2 * np.pi)
    return cycles.size and np.abs(cycles - np.rint(cycles)).max() < 1e-5


@pytest.fixture(scope="module")
def one_reference(tmp_path_factory):
    """Inputs and results of a stack of one first date; mask and similarity given."""
    folder = tmp_path_factory.mktemp("dolphin")
    names, rest = single_reference(folder / "in"), folder / "in"
    arguments = names, folder / "out", rest / "temporal_coherence.tif", rest / "mask.tif"
    found = unwrap(*arguments, rest / "similarity.tif", settings=POINTS_ONLY)
    return folder, arguments, found


def test_one_first_date_gives_the_pairs_of_spurt_where_dolphin_looks(one_reference):
    folder, _, (unwrapped, components) = one_reference
    out = folder / "out"
    assert unwrapped == [out / f"{pair}.unw.tif" for pair in HOP3]
    assert components == [out / f"{pair}.unw.conncomp.tif" for pair in HOP3]
    assert sorted(out.glob("*[0-9].unw.tif")) == unwrapped
    assert sorted(out.glob("*.unw.conncomp.tif")) == components


def test_the_phase_is_that_of_the_interferograms_and_the_truth(one_reference):
    folder, _, (unwrapped, _) = one_reference
    phase = true_phase()
    stack = {date: read(folder / "in" / f"{DATES[0]}_{date}.int.tif") for date in DATES[1:]}
    stack[DATES[0]] = np.ones(SHAPE)
    for path in unwrapped:
        first, second = path.name.split(".")[0].split("_")
        found = read(path)
        assert found.dtype == np.float32
        assert is_congruent(found, np.angle(stack[second] * stack[first].conj()))
        error = found - (phase[DATES.index(second)] - phase[DATES.index(first)])
        assert np.ptp(error[np.isfinite(error)]) < 1e-3, path


def test_points_are_those_of_dolphin(one_reference):
    """Coherent or similar, and not masked; elsewhere 0, where there is no coherence no data."""
    _, _, (unwrapped, components) = one_reference
    coherence, similarity = quality_images()
    points = (coherence > 0.7) | (similarity > 0.5)
    points[-5:] = False
    for path in components:
        with rasterio.open(path) as dataset:
            assert (dataset.dtypes[0], dataset.nodata) == ("uint16", 65535)
            labels = dataset.read(1)
        np.testing.assert_array_equal(labels == 1, points)
        np.testing.assert_array_equal(labels == 65535, np.isnan(coherence))
    np.testing.assert_array_equal(np.isfinite(read(unwrapped[0])), points)


def test_a_second_call_goes_on_where_all_is_done(one_reference, caplog):
    folder, arguments, found = one_reference
    results = folder / "out" / "scratch" / "emcflow" / "results"
    made = {path: path.stat().st_mtime_ns for path in results.rglob("*.tif")}
    # dolphin writes units and overviews into what it gets
    with rasterio.open(found[0][0], "r+") as dataset:
        dataset.build_overviews([2])
    with caplog.at_level("INFO", logger="emcflow.dolphin"):
        again = unwrap(*arguments, folder / "in" / "similarity.tif", settings=POINTS_ONLY)
    assert again == found
    assert {path: path.stat().st_mtime_ns for path in results.rglob("*.tif")} == made
    assert "Nothing to be done" in caplog.text


def test_given_pairs_are_unwrapped_each_congruent_with_its_own_interferogram(tmp_path, monkeypatch):
    """Noise that does not close, one pair with its later date first, dates written otherwise."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{date},{20 * i * (-1) ** i}" for i, date in enumerate(DATES)]
    Path("baselines.csv").write_text("\n".join(["date,bperp_m", *rows]))
    pairs = [*pairwise(DATES), *zip(DATES, DATES[2:], strict=False)]
    pairs[3] = pairs[3][::-1]
    given = write_inputs(tmp_path, pairs, noise_rad=0.3)
    names = []
    for path in given:
        first, second = (f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in path.name[:17].split("_"))
        names.append(path.rename(path.with_name(f"{first}_{second}.int.tif")))
    # pixels between the points are filled where dolphin's options say so, as they do by default
    found, components = unwrap(
        *(names, tmp_path / "out", tmp_path / "temporal_coherence.tif"),
        scratchdir=tmp_path / "here",
        file_date_fmt="%Y-%m-%d",
        baselines="baselines.csv",
        geometry={
            "wavelength_m": np.float32(WAVELENGTH_M),
            "slant_range_m": 850e3,
            "incidence_angle_deg": 39,
        },
        python=os.path.relpath(sys.executable),
    )
    assert [path.name for path in found] == sorted(
        path.name.replace(".int.tif", ".unw.tif") for path in names
    )
    phase = true_phase()
    assert (read(components[0])[:, 30:36] == 0).all()
    for path in found:
        image, wrapped = read(path), np.angle(read(tmp_path / path.name.replace("unw", "int")))
        assert is_congruent(image, wrapped)
        assert np.isfinite(image[:, 30:36]).all()
        first, second = path.name.split(".")[0].replace("-", "").split("_")
        error = image - (phase[DATES.index(second)] - phase[DATES.index(first)])
        wrong = np.abs(error - np.nanmedian(error)) > np.pi
        assert wrong[np.isfinite(error)].mean() < 0.01, path
    results = tmp_path / "here" / "emcflow" / "results"
    assert {"report.html", "velocity_mm_yr.tif"} <= {path.name for path in results.iterdir()}


BAD = {
    "no dates": (
        {"ifg_filenames": ["first.int.tif"]},
        "first.int.tif: no two dates in the name; expected dates written as %Y%m%d",
    ),
    "no interferograms": ({"ifg_filenames": []}, "ifg_filenames: 0 interferograms of 0 pairs"),
    "a date in words": ({"file_date_fmt": "%d%b%Y"}, "file_date_fmt: '%d%b%Y' has %b; expected"),
    "another shape": (
        {"mask_filename": "small.tif"},
        "small.tif: shape (5, 6) instead of (60, 80); expected the grid of",
    ),
    "a section that is taken": (
        {"settings": {"stack": {}}},
        "settings: stack, which follows from the other arguments; expected",
    ),
    "an interpreter that is none": ({"python": "no_python"}, "python: no_python is no program"),
    "an interpreter without the workflow": (
        {"python": sys._base_executable},
        "python: no Snakemake in the environment of",
    ),
    "the workflow's own": (
        {"settings": {"tiles": {"tiles": 3}}},
        "tiles.tiles: unknown key",
    ),
    "a threshold that is too high": (
        {"options": SimpleNamespace(temporal_coherence_threshold=0.95)},
        "temporal_coherence.tif: ",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_raster(tmp_path / "small.tif", np.ones((5, 6), np.uint8))
    change, says = BAD[case]
    arguments = {
        "ifg_filenames": single_reference(tmp_path),
        "output_path": "out",
        "temporal_coherence_filename": "temporal_coherence.tif",
    }
    with pytest.raises(InputError) as error:
        unwrap(**arguments | change)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_options_without_a_meaning_are_logged(tmp_path, caplog):
    options = SimpleNamespace(solver_settings=SimpleNamespace(t_worker_count=4, t_cost_scale=100))
    with (
        caplog.at_level("INFO", logger="emcflow.dolphin"),
        pytest.raises(InputError, match="settings: network"),
    ):
        unwrap(
            *(["20200101_20200113.int.tif"], tmp_path, "x.tif"),
            options=options,
            num_retries=1,
            settings={"network": {}},
        )
    assert caplog.messages == [
        "no effect on emcflow, and ignored: solver_settings.t_worker_count, num_retries"
    ]


# dolphin itself

RUN_DOLPHIN = """
import functools, inspect, json, sys
from pathlib import Path
import dolphin.unwrap._unwrap as theirs
from dolphin import timeseries, unwrap
from dolphin.workflows.config import UnwrapOptions
import emcflow.dolphin

folder, reference = Path(sys.argv[1]), json.loads(sys.argv[2])
arguments = [list(inspect.signature(function).parameters)
             for function in (theirs.unwrap_spurt, emcflow.dolphin.unwrap)]
theirs.unwrap_spurt = functools.partial(
    emcflow.dolphin.unwrap,
    geometry={"wavelength_m": 0.0555},
    settings={"outputs": {"time_series": True, "velocity_positive": "toward",
                          "exports": ["dolphin"], "fill_pixels": 0},
              "reference": {"point": reference}},
    cores=2,
)
names = sorted(folder.glob("in/*.int.tif"))
unwrapped, components = unwrap.run(
    names, names, folder / "unwrapped",
    unwrap_options=UnwrapOptions(unwrap_method="spurt"),
    temporal_coherence_filename=folder / "in/temporal_coherence.tif",
    similarity_filename=folder / "in/similarity.tif",
    mask_filename=folder / "in/mask.tif",
    scratchdir=folder / "unwrapped/scratch",
)
export = folder / "unwrapped/scratch/emcflow/results/exports/dolphin"
for method in ("L1", "L2"):
    for name, paths in (("", (unwrapped, components)), ("export", (
        sorted(export.glob("unwrapped/*[0-9].unw.tif")),
        sorted(export.glob("unwrapped/*.unw.conncomp.tif")),
    ))):
        timeseries.run(
            *paths, folder / f"{method}{name}", method=method, reference_point=reference,
            wavelength=0.0555,
        )
print(json.dumps({"arguments": arguments, "unwrapped": list(map(str, unwrapped)),
                  "components": list(map(str, components))}))
"""


@pytest.mark.skipif(not DOLPHIN.is_dir(), reason=f"no dolphin in {DOLPHIN}: see `make test`")
def test_dolphin_goes_on_with_the_results(tmp_path):
    """Its series of what it got, and of the export, are those of the workflow."""
    single_reference(tmp_path / "in")
    process = subprocess.run(
        [sys.executable, "-c", RUN_DOLPHIN, str(tmp_path), "[10, 12]"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{DOLPHIN}:{ROOT / 'scripts'}", "JAX_PLATFORMS": "cpu"},
    )
    assert process.returncode == 0, process.stderr[-5000:]
    found = json.loads(process.stdout.splitlines()[-1])
    theirs, ours = found["arguments"]
    assert ours[: len(theirs)] == theirs
    assert [Path(path).name for path in found["unwrapped"]] == [f"{p}.unw.tif" for p in HOP3]
    assert len(found["components"]) == len(HOP3)
    results = tmp_path / "unwrapped" / "scratch" / "emcflow" / "results"
    series = {path.name: read(path) for path in results.glob("timeseries/2*.tif")}
    assert len(series) == len(DATES) - 1
    for method in ("L1", "L2", "L1export", "L2export"):
        for name, image in series.items():
            points = np.isfinite(image)
            own = read(tmp_path / method / name)
            np.testing.assert_allclose(own[points], image[points], atol=1e-6, err_msg=method)
