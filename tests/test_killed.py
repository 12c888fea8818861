"""Runs that are killed go on where they were, and the rasters come out byte for byte the same."""

import shutil
import signal

import pytest
from killed import RULES, SMALL, half_written, scripts_of, start, still_there, stop, wait_for_moment
from workflow import run_whole

# Every rule while it writes, and those that take longest while they start.
STARTS = (
    *("simulate_stack", "tiles", "tile_mesh", "link_model", "unwrap_tile", "tile_overlaps"),
    *("merge_interferograms", "date_phases", "time_series", "displacements", "report"),
)
MOMENTS = [(rule, "start") for rule in STARTS] + [(rule, "write") for rule in RULES]
# What the runs are stopped with in turn: most are killed whole, some without their scripts.
KILLS = [(signal.SIGKILL, True), (signal.SIGKILL, True), (signal.SIGKILL, False)]
INTERRUPTS = {("tile_mesh", "start"): True, ("unwrap_tile", "start"): False}


def rasters(folder):
    """Return the bytes of all rasters of a run."""
    results = folder / "results"
    assert (results / "report.html").exists()
    return {path.relative_to(results): path.read_bytes() for path in results.rglob("*.tif")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    run_whole(folder, SMALL)
    return folder


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """One run that is stopped at all of the moments and started again after each."""
    folder = tmp_path_factory.mktemp("stopped")
    wanted, stops, scripts, anew = list(MOMENTS), [], set(), 3
    while True:
        run = start(folder, SMALL)
        moment = wait_for_moment(run, folder / "results", wanted)
        if moment is None:
            assert run.returncode == 0, (folder / "printed.txt").read_text()
            anew -= 1
            if len(wanted) <= 2 or not anew:
                return folder, stops, scripts
            # on a busy machine scripts come and go between two looks
            shutil.rmtree(folder / "results")
            continue
        wanted.remove(moment)
        how, whole = KILLS[len(stops) % len(KILLS)]
        if moment in INTERRUPTS:
            how, whole = signal.SIGINT, INTERRUPTS[moment]
        scripts |= scripts_of(run).keys()
        stops.append(stop(run, folder / "results", how, whole))
        if how == signal.SIGINT:
            assert not still_there(scripts), "Ctrl-C left a script running"
            assert half_written(folder / "results") == []


def test_the_rasters_of_a_run_killed_again_and_again_are_those_of_an_undisturbed_one(
    stopped, undisturbed
):
    folder, _, _ = stopped
    one, other = rasters(undisturbed), rasters(folder)
    assert len(one) > 40
    assert one.keys() == other.keys()
    assert [str(name) for name in one if one[name] != other[name]] == []


def test_the_kills_fell_into_every_part_of_the_run(stopped):
    _, stops, _ = stopped
    killed = [stop for stop in stops if stop.how == signal.SIGKILL]
    assert len(killed) >= 27  # of 29: a script may come and go between two looks
    assert len({rule for stop in killed for rule in stop.rules}) >= 10
    assert any(stop.writing for stop in killed)
    assert {stop.whole_group for stop in killed} == {True, False}


def test_killed_runs_leave_nothing_behind(stopped):
    folder, _, scripts = stopped
    assert half_written(folder / "results") == []
    assert not still_there(scripts)
