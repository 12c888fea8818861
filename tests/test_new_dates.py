"""A finished run gets new dates: what it has is taken over, the results are those of a full run."""

import json
import re
import shutil

import numpy as np
import pytest
import rasterio
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.mcf import FlowSolver
from emcflow.graph.planar import breadth_first_tree
from emcflow.io.hdf5 import create
from emcflow.unwrap.known_cycles import KnownCycles, flow_of, moved_cycles, settled_cycles
from emcflow.workflow.moved_dates import merged_anew, moved_dates, moved_remarks
from emcflow.workflow.taken_over import check_made_alike, compare_phase
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
    assert "take_over_00" in jobs_of(printed)
    for tile in range(4):
        log = (folder / "later" / "logs" / f"unwrap_tile_{tile:02d}.log").read_text()
        assert "6 of 12 interferograms are new" in log
    assert "30 rasters taken over" in (folder / "later" / "logs" / "take_over_00.log").read_text()
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


def test_slcs_do_not_move_and_are_refused_where_they_did(tmp_path):
    rng = np.random.default_rng(8)
    points = np.argwhere(rng.random(SHAPE) < 0.9)
    phase = rng.normal(0, 0.3, (len(DATES), len(points)))
    write_raster(tmp_path / "coherence.tif", np.full(SHAPE, 0.9, np.float32))
    for date, values in zip(DATES, phase, strict=True):
        image = np.ones(SHAPE, np.complex64)
        image[tuple(points.T)] = np.exp(-1j * values)
        write_raster(tmp_path / "slc" / f"{date}.slc.tif", image)
    stack = {"layout": "slc", "directory": "slc", "temporal_coherence": "coherence.tif"}
    config = CONFIG | {"stack": stack, "tiles": {}}
    (tmp_path / "baselines.csv").write_text(TABLE)
    old = stack | {"exclude": list(DATES[4:])}
    run_whole(tmp_path, config | {"output_dir": "first", "stack": old})
    later = config | {"output_dir": "later", "update": {"previous": "first"}}
    old, new = (f"unwrapped/{DATES[a]}_{DATES[b]}.unw.tif" for a, b in ((1, 3), (3, 4)))
    printed = run_whole(tmp_path, later, "--", f"later/{old}", f"later/{new}")
    assert {"take_over_00", "merge_interferograms_00"} <= jobs_of(printed)
    assert (tmp_path / "later" / old).read_bytes() == (tmp_path / "first" / old).read_bytes()
    assert not (tmp_path / "later" / "update").exists()
    shutil.copy(tmp_path / "slc" / f"{DATES[1]}.slc.tif", tmp_path / "slc" / f"{DATES[2]}.slc.tif")
    process = run(tmp_path, later | {"output_dir": "again"}, "--", f"again/{old}")
    assert process.returncode == 1 and "Traceback" not in process.stdout
    assert f"stack: the phase of {DATES[2]} is not that of first/mesh/" in process.stdout


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


def other_phases(stack):
    rng = np.random.default_rng(1)
    for date in DATES[1:]:
        with rasterio.open(stack / f"{DATES[0]}_{date}.int.tif", "r+") as dataset:
            image = dataset.read(1)
            dataset.write(image * np.exp(2j * np.pi * rng.random(SHAPE)).astype(np.complex64), 1)


def hole_at_a_new_date(stack):
    with rasterio.open(stack / f"{DATES[0]}_{DATES[5]}.int.tif", "r+") as dataset:
        image = dataset.read(1)
        image[:3] = 0
        dataset.write(image, 1)


def other_coherence(stack):
    path = stack.parent / "old" / "temporal_coherence.tif"
    write_raster(path, np.float32(0.9) * read(path))


SPOILT = {
    other_phases: "% of the phases jumped, from date to date, against those of first/mesh/",
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


# Stacks that are linked anew


def wrap(phase):
    return np.angle(np.exp(1j * phase)).astype(np.float32)


JUMPING = (50, 300, 400)


@pytest.fixture(scope="module")
def relinked(tmp_path_factory):
    """The same three runs where all phases move: noise, a drift, a datum, and three points jump."""
    folder = tmp_path_factory.mktemp("relinked")
    rng = np.random.default_rng(2)
    points = np.argwhere(rng.random(SHAPE) < 0.9)
    ramps = np.cumsum(rng.normal(0, 0.3, (len(DATES), 2)), axis=0)
    phase = ramps @ points.T + rng.normal(0, 0.2, (len(DATES), len(points)))
    phase -= phase[0]
    write_stack(folder / "old", points, phase[: len(OLD)], SHAPE, OLD)
    move = rng.normal(0, 0.2, phase.shape)
    move += np.outer(np.arange(len(DATES)) / 5, rng.normal(0, 0.3, len(points)))
    move[1] += 2.9
    move[2, list(JUMPING)] += 2.5
    move[0] = 0
    write_stack(folder / "stack", points, phase + move, SHAPE)
    (folder / "baselines.csv").write_text(TABLE)
    run_whole(folder, FIRST)
    run_whole(folder, LATER)
    run_whole(folder, CONFIG | {"output_dir": "full"})
    return folder


def test_all_rasters_of_a_stack_that_is_linked_anew_are_those_of_a_full_run(relinked):
    later, full = rasters(relinked / "later"), rasters(relinked / "full")
    assert later.keys() == full.keys()
    for name in full:
        np.testing.assert_array_equal(read(later[name]), read(full[name]), name)
    pair = f"unwrapped/{OLD[1]}_{OLD[2]}.unw.tif"
    assert not np.array_equal(read(relinked / "first" / pair), read(later[pair]), equal_nan=True)


def test_what_moved_and_what_jumped_is_told(relinked):
    later = relinked / "later"
    assert planned(relinked, LATER) == set()
    unnamed, _ = outputs_of_the_page(later)
    assert unnamed == set()
    header, *rows = (later / "update" / "moved_dates.csv").read_text().splitlines()
    assert header == "date,moved,points,jumped"
    rows = [row.split(",") for row in rows]
    assert [(date, int(moved)) for date, moved, *_ in rows] == [
        (date, int(date != OLD[0])) for date in OLD
    ]
    jumped = [int(count) for *_, count in rows]
    assert jumped[:2] == [0, 0] and jumped[2] >= len(JUMPING) and jumped[3] >= len(JUMPING)
    assert "3 of the 4 dates of first have other phases" in (later / "report.txt").read_text()
    logs = [(later / "logs" / f"unwrap_tile_{tile:02d}.log").read_text() for tile in range(4)]
    assert any("are in doubt and unwrapped again" in log for log in logs)
    log = (later / "logs" / "take_over_00.log").read_text()
    assert "6 interferograms merged anew" in log and "0 rasters taken over" in log


@pytest.mark.parametrize("datum", [0, 2.9, -3.1])
def test_cycles_at_moved_phases_leave_the_unwrapped_phase_nearest_to_what_it_was(datum):
    rng = np.random.default_rng(3)
    first, second = rng.normal(0, 9, (2, 5000))
    old = np.stack([wrap(first), wrap(second)])
    cycles = np.rint((second - first - old[1] + old[0]) / (2 * np.pi)).astype(np.int16)
    move = rng.uniform(-1.5, 1.5, 5000)
    jumping = np.arange(0, 5000, 100)
    move[jumping] = rng.choice([-1, 1], jumping.size) * rng.uniform(1.7, 3, jumping.size)
    new = np.stack([wrap(first), wrap(second + move + datum)])
    known = moved_cycles(cycles, old, new)
    np.testing.assert_array_equal(np.flatnonzero(known.doubtful), jumping)
    unwrapped = new[1].astype(float) - new[0] + 2 * np.pi * known.cycles
    lacking = (unwrapped - (second - first) - move - datum) / (2 * np.pi)
    assert np.abs(lacking - np.rint(lacking[1])).max() < 1e-5


def test_phases_that_did_not_move_keep_their_cycles():
    rng = np.random.default_rng(4)
    phase, cycles = wrap(rng.normal(0, 9, (2, 900))), rng.integers(-9, 9, 900, np.int16)
    known = moved_cycles(cycles, phase, phase.copy())
    np.testing.assert_array_equal(known.cycles, cycles)
    assert not known.doubtful.any()


def test_doubtful_points_follow_from_the_links_around():
    rng = np.random.default_rng(5)
    points = np.argwhere(rng.random((30, 40)) < 0.7)
    points = points[(points[:, 1] < 18) | (points[:, 1] > 30)]  # two regions
    graph = point_mesh(points)
    west = points[:, 1] < 18
    tree = breadth_first_tree(graph, west[graph.edges[:, 0]] == west[graph.edges[:, 1]])
    truth = (points @ [0.2, 0.3]).astype(np.int16) + np.where(west, 7, -4).astype(np.int16)
    start, end = graph.edges.T
    gradient = (truth[end] - truth[start]).astype(np.int32)
    doubtful = (np.hypot(*(points - (12, 8)).T) < 4) | (rng.random(len(points)) < 0.05)
    wrong = rng.choice(np.array([-1, 0, 1], np.int16), len(points))
    known = KnownCycles(truth + wrong * doubtful, doubtful)
    solver = FlowSolver(graph, np.ones(graph.nedges, np.int32))
    found = settled_cycles(known, gradient, graph, tree, solver)
    np.testing.assert_array_equal(found, truth)
    assert not flow_of(found, gradient, graph, tree).any()
    # a region that is all in doubt keeps its level
    known = KnownCycles(truth + (wrong * ~west), doubtful | ~west)
    np.testing.assert_array_equal(settled_cycles(known, gradient, graph, tree, solver), truth)


def mesh_of(path, phase, dates, **attributes):
    with create(path, dates=dates, **attributes) as file:
        file["phase"], file["points"] = phase, np.zeros((phase.shape[1], 2), np.int32)
    return str(path)


def test_phases_are_compared_with_those_of_the_finished_run(tmp_path):
    rng = np.random.default_rng(6)
    old = wrap(np.vstack([np.zeros(400), rng.normal(0, 9, (3, 400))]))
    new = np.vstack([old[:3], wrap(old[3:] + rng.normal(0, 0.2, 400)), wrap(old[1:2])])
    new[3, :5] += 2.5
    mesh, valid = mesh_of(tmp_path / "old.h5", old, OLD), np.ones(400, bool)
    with pytest.raises(InputError, match=f"the phase of {OLD[3]} is not that of .*old.h5"):
        compare_phase(new, valid, DATES[:5], mesh, may_move=False)
    told = compare_phase(new, valid, DATES[:5], mesh, may_move=True)
    assert told["moved"].tolist() == [False, False, False, True]
    assert told["jumped"].tolist() == [0, 0, 0, 5]
    same = {"moved": np.zeros(4, bool), "jumped": np.zeros(4, int), "old_dates": OLD}
    meshes = [
        mesh_of(tmp_path / f"{name}.h5", new, DATES[:5], **attributes)
        for name, attributes in {"moved": told, "same": same}.items()
    ]
    columns = moved_dates(meshes)
    assert list(columns["moved"]) == [0, 0, 0, 1] and list(columns["jumped"]) == [0, 0, 0, 5]
    (remark,) = moved_remarks(columns, "first")
    assert "1 of the 4 dates of first" in remark and f"of 800: 5 at {OLD[3]}" in remark
    assert moved_remarks(moved_dates(meshes[1:]), "first") == []
    unrelated = wrap(rng.uniform(-np.pi, np.pi, (5, 400)))
    with pytest.raises(InputError, match=r"^stack: 4\d % of the phases jumped.*at most 25 %"):
        compare_phase(unrelated, valid, DATES[:5], mesh, may_move=True)


def test_only_interferograms_of_moved_dates_are_merged_anew(tmp_path):
    table = tmp_path / "moved_dates.csv"
    table.write_text("date,moved,points,jumped\n20200101,0,9,0\n20200113,0,9,0\n20200206,1,9,2\n")
    pairs = ["20200101_20200113", "20200101_20200206", "20200113_20200301"]
    assert merged_anew(pairs, pairs[2:], table) == pairs[1:]
    assert merged_anew(pairs, pairs[2:], None) == pairs[2:]
