"""Full disks, read-only folders, two runs at a time: one clear line, and nothing broken by it."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from emcflow.errors import InputError, OutputError
from emcflow.io.files import remove_unfinished, whole_file, write_text
from emcflow.io.hdf5 import create, put
from emcflow.io.raster import Grid, write_raster, write_rows
from emcflow.workflow.cleanup import remove_incomplete
from emcflow.workflow.job import SNAKEMAKE_PID
from emcflow.workflow.lock import NAME, is_abandoned, take_folder
from emcflow.workflow.records import write_record
from killed import half_written, scripts_of, start, stop, wait_until
from stacks import DATES, write_stack
from workflow import ROOT, run

PAGE = 4096
SHAPE = (60, 60)


@contextmanager
def mounted(place: Path, *arguments: str):
    """Mount something for a while; skip the test where this user may not."""
    place.mkdir(exist_ok=True)
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk or a read-only folder")
    done = subprocess.run(["mount", *arguments, place], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def read_only(folder: Path, place: Path):
    """Show a folder a second time, read-only."""
    with mounted(place, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        yield place


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 600 kB."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=600k", "tmpfs") as place:
        yield place


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack of five dates that needs no simulation."""
    points = np.argwhere(np.ones(SHAPE, bool))
    slopes = np.random.default_rng(0).normal(0, 0.05, (5, 2))
    phase = (slopes - slopes[0]) @ points.T
    return write_stack(tmp_path_factory.mktemp("data") / "stack", points, phase, SHAPE, DATES[:5])


def on(stack, output_dir="results"):
    """Config of a run on the stack in four tiles, without link model."""
    return {
        "output_dir": str(output_dir),
        "stack": {"directory": str(stack)},
        "tiles": {"points_per_tile": 1000, "max_tiles": 4, "dilation": 0.1},
    }


# A disk that is full


def raster(path):
    image = np.random.default_rng(1).normal(size=(130, 130)).astype(np.float32)
    grid = Grid(image.shape, None, (1, 0, 0, 0, -2, 0))
    write_raster(path, image, grid, units="rad", description="noise", tags={"LONG": "x" * 9000})


def raster_by_rows(path):
    image = np.random.default_rng(1).normal(size=(600, 30)).astype(np.float32)
    grid = Grid(image.shape, None, (1, 0, 0, 0, -2, 0))
    text = {"units": "rad", "description": "noise", "tags": {"LONG": "x" * 9000}}
    write_rows(path, grid, image.dtype, lambda first, last: image[first:last], **text)


def product(path):
    with create(path, dates=DATES) as file:
        for number in range(30):
            put(file, f"group/{number}", np.arange(300.0), "1")


def text(path):
    write_text(path, "12345678\n" * 9000)


def read_raster(path):
    with rasterio.open(path) as dataset:
        assert dataset.units == ("rad",) and len(dataset.tags()["LONG"]) == 9000
        return np.isfinite(dataset.read(1)).all()


def read_product(path):
    with h5py.File(path) as file:
        return all((file[f"group/{n}"][...] == np.arange(300.0)).all() for n in range(30))


def read_text(path):
    return path.read_text() == "12345678\n" * 9000


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (raster, read_raster),
        (raster_by_rows, read_raster),
        (product, read_product),
        (text, read_text),
    ],
)
def test_a_file_on_a_full_disk_is_whole_or_not_there(write, read, small_disk):
    """With one page more of room at each time, from none to plenty."""
    path, ballast = small_disk / "file", small_disk / "ballast"
    outcomes = []
    for pages in range(30):
        ballast.write_bytes(bytes(600 * 1024 - pages * PAGE))
        try:
            write(path)
        except OutputError as error:
            assert str(error).startswith(f"{path}: the disk is full")
            assert "MB that are free; make room" in str(error) and "\n" not in str(error)
            outcomes.append(False)
        else:
            assert read(path)
            outcomes.append(True)
            path.unlink()
        assert os.listdir(small_disk) == ["ballast"]
    assert outcomes == sorted(outcomes) and len(set(outcomes)) == 2


def test_a_run_on_a_full_disk_stops_with_one_line_and_goes_on_when_there_is_room(
    stack, small_disk, tmp_path
):
    results, ballast = small_disk / "results", small_disk / "ballast"
    ballast.write_bytes(bytes(450_000))
    last = str(results / "unwrap" / "uw_tile_00.h5")
    process = run(tmp_path, on(stack, results), "--", last)
    assert process.returncode == 1
    lines = process.stdout.splitlines()
    (said,) = {line for line in lines if "the disk is full" in line}
    assert "h5: the disk is full: more is needed than the 0." in said and "make room" in said
    assert "Traceback" not in process.stdout
    for path in results.rglob("*.h5"):
        h5py.File(path).close()
    assert half_written(results) == []
    ballast.unlink()
    process = run(tmp_path, on(stack, results), "--", last)
    assert process.returncode == 0, process.stdout
    assert Path(last).exists()


# Folders that cannot be written to


@pytest.fixture
def installed(tmp_path):
    """A read-only copy of the code without any compiled functions."""
    hidden = shutil.ignore_patterns("__pycache__")
    for name in ("rules", "scripts", "config", "profiles", "envs"):
        shutil.copytree(ROOT / name, tmp_path / "code" / name, ignore=hidden)
    shutil.copy(ROOT / "Snakefile", tmp_path / "code")
    with read_only(tmp_path / "code", tmp_path / "installed") as root:
        yield root


def test_a_read_only_installation_and_a_read_only_stack(installed, stack, small_disk, tmp_path):
    """Compiled functions are kept in the user's cache, and nothing is written beside the stack."""
    last, cache = "results/unwrap/uw_tile_00.h5", tmp_path / "cache"
    (small_disk / "ballast").write_bytes(bytes(600 * 1024))
    with read_only(stack, tmp_path / "in") as data:
        full = run(tmp_path, on(data), "--", last, root=installed, NUMBA_CACHE_DIR=str(small_disk))
        process = run(tmp_path, on(data), "--", last, root=installed, XDG_CACHE_HOME=str(cache))
    assert full.returncode == 1
    assert "the disk is full where compiled functions are kept" in full.stdout
    assert "Traceback" not in full.stdout
    assert process.returncode == 0, process.stdout
    assert (tmp_path / last).exists()
    assert list(cache.rglob("*.nbi"))
    assert not list(installed.rglob("__pycache__"))


def test_a_folder_of_results_that_is_read_only(stack, tmp_path):
    (tmp_path / "there").mkdir()
    with read_only(tmp_path / "there", tmp_path / "results"):
        process = run(tmp_path, on(stack), "--", "network")
    assert process.returncode == 1
    last = process.stdout.rstrip().split("\n")[-1]
    assert "output_dir: results" in last and "Read-only file system" in last
    assert "Traceback" not in process.stdout


def test_a_file_in_a_read_only_folder_is_told_in_one_line(tmp_path):
    (tmp_path / "there").mkdir()
    with (
        read_only(tmp_path / "there", tmp_path / "results") as results,
        pytest.raises(OutputError, match=r"a\.txt: cannot be written \(Read-only file system\)"),
    ):
        write_text(results / "a.txt", "")


# Two runs in one folder, and what a killed one leaves


def test_two_runs_in_one_folder(stack, tmp_path):
    """The first stands still while a second is started in the same and in another folder."""
    results = tmp_path / "results"
    first = start(tmp_path / "one", on(stack, results), "--", "check_stack")
    try:
        assert wait_until(first, lambda: scripts_of(first))
        os.killpg(first.pid, signal.SIGSTOP)
        here = run(tmp_path / "one", on(stack, results), "--", "check_stack")
        there = run(tmp_path / "two", on(stack, results), "--", "check_stack")
    finally:
        stop(first, results)
    assert here.returncode == there.returncode == 1
    assert "Directory cannot be locked" in here.stdout
    last = there.stdout.rstrip().split("\n")[-1]
    assert f"output_dir: {results}: another run (process {first.pid} on" in last
    assert f"started in {tmp_path / 'one'}) is writing there; wait until it has ended" in last
    assert "Traceback" not in there.stdout
    again = run(tmp_path / "one", on(stack, results), "--", "check_stack")
    assert again.returncode == 0, again.stdout


TAKE = (
    "import sys; from emcflow.workflow.lock import take_folder; "
    "take_folder(sys.argv[1]); print(1); "
)


def taken_by_another(folder, then):
    """Take a folder in a process of its own that then does something."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", TAKE + then, str(folder)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stdin=subprocess.PIPE)


def test_a_folder_belongs_to_one_run_and_is_free_when_that_is_gone(tmp_path):
    assert not is_abandoned(tmp_path)  # nothing is known of it
    other = taken_by_another(tmp_path, "sys.stdout.flush(); sys.stdin.read()")
    assert other.stdout.readline() == b"1\n"
    assert not is_abandoned(tmp_path)
    with pytest.raises(InputError, match=rf"another run \(process {other.pid} on .* since 20"):
        take_folder(tmp_path)
    other.kill()
    other.wait()
    assert f'"process": {other.pid}' in (tmp_path / NAME).read_text()
    assert is_abandoned(tmp_path)
    third = taken_by_another(tmp_path, "")
    assert third.wait() == 0
    assert (tmp_path / NAME).read_text() == ""
    assert is_abandoned(tmp_path)


@pytest.mark.parametrize(
    ("host", "on_cluster", "abandoned"),
    [("", False, True), ("another-", False, False), ("", True, False)],
)
def test_a_killed_run_on_another_host_or_a_cluster_may_go_on(host, on_cluster, abandoned, tmp_path):
    owner = {"host": host + socket.gethostname(), "on_cluster": on_cluster}
    (tmp_path / NAME).write_text(json.dumps(owner))
    assert is_abandoned(tmp_path) is abandoned


END_WITH = "from emcflow.workflow.job import end_with_snakemake"


def test_a_script_ends_with_the_snakemake_that_started_it():
    snakemake = subprocess.Popen(["sleep", "600"])
    script = subprocess.Popen(
        [sys.executable, "-c", f"{END_WITH}; end_with_snakemake(); import time; time.sleep(600)"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts"), SNAKEMAKE_PID: str(snakemake.pid)},
    )
    with pytest.raises(subprocess.TimeoutExpired):
        script.wait(timeout=3)
    snakemake.kill()
    snakemake.wait()
    assert script.wait(timeout=60) == 1


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "file"
    with whole_file(path) as one, whole_file(path) as two:
        one.write(b"1" * 9999)
        two.write(b"2" * 9999)
        assert not path.exists() and len(half_written(tmp_path)) == 2
    assert path.read_bytes() == b"1" * 9999  # the last to end
    assert half_written(tmp_path) == []


def test_what_killed_writers_left_is_removed(tmp_path):
    (tmp_path / "unwrapped").mkdir()
    write_text(tmp_path / "unwrapped" / "whole.part", "")
    (tmp_path / "unwrapped" / ".a.tif.12ab34cd.part").write_text("")
    assert remove_unfinished(tmp_path) == 1
    assert os.listdir(tmp_path / "unwrapped") == ["whole.part"]


# What a killed run was making


def test_what_a_killed_run_was_making_goes_unless_it_is_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    long = "results/" + 30 * "long_name/" + "half.h5"
    for path in ("results/whole.h5", "results/half.h5", long, "elsewhere.h5"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"data")
    Path("results/figures").mkdir()
    write_record(Path("results/records"), "a_job", ["results/whole.h5"], {})
    notes = Path(".snakemake/incomplete")
    for path in ("results/whole.h5", "results/half.h5", "results/figures", long, "elsewhere.h5"):
        name = base64.urlsafe_b64encode(path.encode()).decode()
        parts = [name[i : i + 254] for i in range(0, len(name), 254)]
        note = notes.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    remove_incomplete(Path("results/records"), "results", notes)
    left = {str(path) for path in Path().rglob("*.h5")}
    assert left == {"results/whole.h5", "elsewhere.h5"}
    assert not Path("results/figures").exists()
    assert len([path for path in notes.rglob("*") if path.is_file()]) == 1
