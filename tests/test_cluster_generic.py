"""A run on a queue with a submit command: what is asked for, a job that is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from killed import SMALL, wait_until
from workflow import ROOT, command

PLUGIN = Path(sys.prefix) / "generic"
QUEUE = ROOT / "tests" / "local_queue.sh"
pytestmark = pytest.mark.skipif(
    not PLUGIN.is_dir(), reason=f"no cluster-generic in {PLUGIN}: make test installs it"
)
PATIENCE_S = 600


def profile(folder):
    """Make that of SLURM one of the queue, as docs/cluster.md says it."""
    lines = (ROOT / "profiles" / "slurm" / "config.yaml").read_text().splitlines()
    options = yaml.safe_load("\n".join(line for line in lines if "slurm" not in line.lower()))
    asked = "{rule} {threads} {resources.mem_mb} {resources.runtime}"
    options |= {
        "executor": "cluster-generic",
        "cluster-generic-submit-cmd": f"{QUEUE} submit {asked}",
        "cluster-generic-status-cmd": f"{QUEUE} status",
        "cluster-generic-cancel-cmd": f"{QUEUE} cancel",
    }
    (folder / "profile").mkdir()
    (folder / "profile" / "config.yaml").write_text(yaml.safe_dump(options))
    return str(folder / "profile")


def tile_at_work(notes):
    """Return the number of a job that says that a tile is unwrapped in it, None before there is."""
    said = (out.stem for out in notes.glob("*.out") if "unwrap_tile" in out.read_text())
    return next(said, None)


@pytest.fixture(scope="module")
def submitted(tmp_path_factory):
    """The jobs of a run, of which one of a tile is killed."""
    folder = tmp_path_factory.mktemp("generic")
    notes = folder / "queue"
    notes.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(SMALL))
    arguments = ["--workflow-profile", profile(folder), "--jobs", "3"]
    environment = os.environ | {"LOCAL_QUEUE": str(notes), "PYTHONPATH": str(PLUGIN)}
    with open(folder / "printed.txt", "w") as printed:
        run = subprocess.Popen(
            command(*arguments), cwd=folder, env=environment, stdout=printed, stderr=printed
        )
    try:
        assert wait_until(run, lambda: tile_at_work(notes) is not None)
        killed = tile_at_work(notes)
        os.killpg(int((notes / f"{killed}.pid").read_text()), signal.SIGKILL)
        run.wait(timeout=PATIENCE_S)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 0, (folder / "printed.txt").read_text()
    rows = [line.split() for line in (notes / "submitted").read_text().splitlines()]
    jobs = [
        SimpleNamespace(
            number=number, rule=rule, cpus=int(cpus), mem_mb=int(mem_mb), minutes=int(minutes)
        )
        for number, rule, cpus, mem_mb, minutes, _ in rows
    ]
    return SimpleNamespace(folder=folder, jobs=jobs, killed=killed)


def test_all_that_happens_to_a_tile_is_one_job(submitted):
    tiles = len(list((submitted.folder / "results" / "unwrap").glob("*.h5")))
    groups = [job for job in submitted.jobs if job.rule == "GROUP"]
    assert tiles > 1 and len(groups) == tiles + 1
    rules = {job.rule for job in submitted.jobs}
    assert rules >= {"simulate_stack", "merge_interferograms_00", "time_series", "report"}
    assert not rules & {"check_stack", "network", "tiles", "bulk_offsets", "unwrap_tile"}


def test_a_killed_job_comes_back_with_twice_the_memory_and_time(submitted):
    groups = [job for job in submitted.jobs if job.rule == "GROUP"]
    first = next(job for job in groups if job.number == submitted.killed)
    # in any order: a tile may be submitted first that had not been before
    asked = [(job.mem_mb, job.minutes) for job in groups if job is not first]
    assert asked.count((2 * first.mem_mb, 2 * first.minutes)) == 1
    assert all(job.cpus >= 1 and job.mem_mb > 400 for job in submitted.jobs)
