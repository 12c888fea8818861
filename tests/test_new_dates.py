"""A finished run gets new dates: what it has is taken over, the results are those of a full run."""

import json
import re
import shutil

import numpy as np
import pytest
import rasterio
from emcflow.errors import InputError
from emcflow.workflow.taken_over import check_made_alike
from stacks import DATES, write_raster, write_stack
from workflow import jobs_of, outputs_of_the_page, planned, read, run, run_whole

SHAPE = (24, 26)
OLD = DATES[:4]
CONFIG = {
    "stack": {"directory": "stack"},
    "baselines": {"csv": "baselines.csv"},
    "geometry": {"wavelength_m": 0.056, "slant_range_m": 850e3, "incidence_angle_deg": 39},
    "tiles": {"points_per_tile": 150, "max_tiles": 4, "dilation": 0.2},
    "merge": {"min_overlap_points": 5},
    "outputs": {"time_series": True},
}
# The same in all runs, which would choose others by heights from fewer or more dates.
CONFIG["reference"] = {"point": [11, 12]}
FIRST = CONFIG | {"output_dir": "first", "stack": {"directory": "old"}}
LATER = CONFIG | {"output_dir": "later", "update": {"previous": "first"}}
TABLE = "date,bperp_m\n" + "".join(
    f"{date},{bperp}\n" for date, bperp in zip(DATES, (0, 100, 50, -70, 30, -20), strict=True)
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of four dates, of six that take over what the first has, and of six alone."""
    folder = tmp_path_factory.mktemp("new_dates")
    rng = np.random.default_rng(0)
    points = np.argwhere(rng.random(SHAPE) < 0.9)
    phase = np.cumsum(rng.normal(0, 0.5, (len(DATES), len(points))), axis=0)
    write_stack(folder / "stack", points, phase - phase[0], SHAPE)
    (folder / "old").mkdir()
    for name in ["temporal_coherence.tif", *(f"{DATES[0]}_{date}.int.tif" for date in OLD[1:])]:
        shutil.copy2(folder / "stack" / name, folder / "old" / name)
    (folder / "baselines.csv").write_text(TABLE)
    run_whole(folder, FIRST)
    before = {path: path.stat().st_mtime_ns for path in (folder / "first").rglob("*")}
    printed = run_whole(folder, LATER)
    assert {path: path.stat().st_mtime_ns for path in (folder / "first").rglob("*")} == before
    run_whole(folder, CONFIG | {"output_dir": "full"})
    return folder, printed


@pytest.fixture
def copied(runs, tmp_path):
    """A copy of the runs, to be spoilt."""
    return shutil.copytree(runs[0], tmp_path / "run", symlinks=True)


def rasters(folder):
    return {str(path.relative_to(folder)): path for path in folder.rglob("*.tif")}


def test_only_new_interferograms_are_unwrapped_and_merged(runs):
    folder, printed = runs
    assert "take_over" in jobs_of(printed)
    for tile in range(4):
        log = (folder / "later" / "logs" / f"unwrap_tile_{tile:02d}.log").read_text()
        assert "6 of 12 interferograms are new" in log
    assert "30 rasters taken over" in (folder / "later" / "logs" / "take_over.log").read_text()
    log = (folder / "later" / "logs" / "merge_interferograms_00.log").read_text()
    assert re.search(r"\b6 interferograms written", log)


def test_rasters_are_those_of_a_full_run(runs):
    folder, _ = runs
    later, full = rasters(folder / "later"), rasters(folder / "full")
    assert later.keys() == full.keys()
    assert any("unwrapped/quality" in name for name in full)
    old = {f"{a}_{b}" for a in OLD for b in OLD}
    for name in full:
        of_old = "unwrapped/" in name and name.rpartition("/")[2][:17] in old
        if of_old:  # byte for byte what the first run wrote
            assert later[name].read_bytes() == (folder / "first" / name).read_bytes(), name
        if of_old and name.endswith((".conncomp.tif", ".pwrong.tif", "_mask.tif")):
            continue  # by the quality of links at the old dates
        np.testing.assert_array_equal(read(later[name]), read(full[name]), name)


def test_new_interferograms_are_relative_to_the_point_of_the_finished_run(copied):
    """Also where a full run chooses another, by the heights from all dates."""
    # Blocks that the old dates see at heights of their own, the new ones at others.
    rng = np.random.default_rng(5)
    points = np.argwhere(np.ones(SHAPE))
    rad_per_m = 4 * np.pi / 0.056 / (850e3 * np.sin(np.radians(39)))
    bperp = np.array([0, 100, 50, -70, 30, -20])
    heights = 25 * rng.standard_normal((2, SHAPE[0] // 4 + 1, SHAPE[1] // 4 + 1))
    heights = heights.repeat(4, 1).repeat(4, 2)[:, : SHAPE[0], : SHAPE[1]].reshape(2, -1)
    seen = heights[[0, 0, 0, 0, 1, 1]] * np.where(np.arange(6) < 4, 1, 40)[:, None]
    phase = bperp[:, None] * rad_per_m * seen + rng.normal(0, 0.1, (6, len(points)))
    write_stack(copied / "stack", points, phase - phase[0], SHAPE)
    for path in (copied / "old").iterdir():
        shutil.copy2(copied / "stack" / path.name, path)
    own = {"reference": {"point": None}}
    run_whole(copied, FIRST | own)
    run_whole(copied, LATER | own, "--", f"later/unwrapped/{DATES[4]}_{DATES[5]}.unw.tif")
    run_whole(copied, CONFIG | own | {"output_dir": "full"}, "--", "full/merge/references.csv")
    first, later, full = (
        (copied / folder / "merge" / "references.csv").read_text()
        for folder in ("first", "later", "full")
    )
    assert first == later != full
    with rasterio.open(copied / f"later/unwrapped/{DATES[4]}_{DATES[5]}.unw.tif") as dataset:
        row, col = dataset.tags()["REFERENCE_ROW_COL"].split()
    assert f"{row},{col},1,1" in first.splitlines()


def test_nothing_is_left_to_do_and_every_file_is_on_the_page(runs):
    folder, _ = runs
    assert planned(folder, LATER) == set()
    unnamed, _ = outputs_of_the_page(folder / "later")
    assert unnamed == set()


def changed(**sections):
    return LATER | {name: LATER.get(name, {}) | keys for name, keys in sections.items()}


REFUSED = {
    "no run there": (changed(update={"previous": "nowhere"}), "not the output_dir of a finished"),
    "itself": (LATER | {"output_dir": "first"}, "first is output_dir itself"),
    "another solver": (changed(unwrap={"solver": "ortools"}), "with unwrap.solver: ssp, this run"),
    "other tiles": (changed(tiles={"dilation": 0.1}), "with tiles.dilation: 0.2, this run has 0.1"),
    "another window": (changed(stack={"window": [0, 0, 20, 20]}), "with stack.window: None"),
    "no new date": (changed(stack={"directory": "old"}), "has all 4 dates of the stack"),
    "other layout": (changed(stack={"layout": "interferograms"}), "no effect on a stack of layout"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_run_that_does_not_fit_is_refused_at_the_start(name, runs):
    config, line = REFUSED[name]
    process = run(runs[0], config, "--dry-run")
    assert process.returncode == 1 and "Traceback" not in process.stdout
    assert line in process.stdout


def test_a_run_that_was_not_finished_is_refused(copied):
    for path in (copied / "first" / "records").glob("settings_*.yaml"):
        path.unlink()
    assert "not the output_dir of a finished run" in run(copied, LATER, "--dry-run").stdout


def other_phase(stack):
    shutil.copy(stack / f"{DATES[0]}_{OLD[2]}.int.tif", stack / f"{DATES[0]}_{OLD[3]}.int.tif")


def hole_at_a_new_date(stack):
    with rasterio.open(stack / f"{DATES[0]}_{DATES[5]}.int.tif", "r+") as dataset:
        image = dataset.read(1)
        image[:3] = 0
        dataset.write(image, 1)


def other_coherence(stack):
    path = stack.parent / "old" / "temporal_coherence.tif"
    write_raster(path, np.float32(0.9) * read(path))


SPOILT = {
    other_phase: f"the phase of {OLD[3]} is not that of first/mesh/",
    hole_at_a_new_date: "are zero or not finite at a new date",
    other_coherence: "not what it was in the run of update.previous",
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_images_that_do_not_fit_stop_the_first_jobs(spoil, copied):
    spoil(copied / "stack")
    process = run(copied, LATER | {"output_dir": "again"})
    assert process.returncode == 1 and "Traceback" not in process.stdout
    assert SPOILT[spoil] in process.stdout


def test_tiles_of_other_code_or_settings_are_refused(runs):
    first = runs[0] / "first"
    record = first / "records" / "unwrap_tile_00.json"
    made_by = json.loads(record.read_text())["made_by"]["unwrap_tile"]
    check_made_alike("uw_tile_00.h5", record, "unwrap_tile", made_by)
    with pytest.raises(InputError, match="made with other settings or code"):
        check_made_alike("uw_tile_00.h5", record, "unwrap_tile", "0123456789ab")
    with pytest.raises(InputError, match="finish the run of update"):
        check_made_alike("uw_tile_00.h5", first / "nothing.json", "unwrap_tile", made_by)
