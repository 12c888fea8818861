"""The workflow on a real SLURM of one node: jobs that die come back, the bytes are those of here.

One run for all tests, as every job takes seconds to start: a tile's job is cancelled in it, and
the one that compares the tiles gets too little memory on its first attempt.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import slurm_node
import yaml
from workflow import ROOT, jobs_of, run_whole

REASON = slurm_node.why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=f"no SLURM here: {REASON}")

TILES = {"points_per_tile": 3000, "max_tiles": 4, "dilation": 0.1}
LINK_MODEL = {"dem_error_range_m": [-80, 80]}
SIMULATED = {
    "output_dir": "results",
    "stack": {"layout": "simulate"},
    "link_model": LINK_MODEL,
    "tiles": TILES,
    "simulation": {"rows": 120, "cols": 120, "dates": 8, "park_fraction": 0, "water_fraction": 0},
}
TOO_LITTLE_MB = 100
PATIENCE_S = 600


def as_a_user(simulation):
    """Config of a run on the stack that another run simulated."""
    return {
        "output_dir": "results",
        "stack": {"layout": "phase_linked", "directory": str(simulation / "stack")},
        "geometry": {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0},
        "baselines": {"csv": str(simulation / "baselines_ifg.csv")},
        "link_model": LINK_MODEL,
        "tiles": TILES,
    }


def submit(folder: Path, config: dict) -> subprocess.Popen:
    """Start the workflow with the profile for SLURM and what one says on the command line."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--workflow-profile", str(ROOT / "profiles" / "slurm")]
    command += ["--configfile", "config.yaml", "--slurm-no-account"]
    command += ["--default-resources", f"slurm_partition={slurm_node.PARTITION}"]
    command += ["--set-resources", f"tile_overlaps:mem_mb={TOO_LITTLE_MB} * attempt ** 4"]
    # Without accounts there is no sacct to ask, and jobs this short are soon over.
    command += ["--slurm-status-command", "squeue"]
    command += ["--slurm-init-seconds-before-status-checks", "5"]
    with open(folder / "printed.txt", "w") as printed:
        return subprocess.Popen(command, cwd=folder, stdout=printed, stderr=subprocess.STDOUT)


def cancel_one(rule: str, process: subprocess.Popen) -> str | None:
    """Cancel the first job that runs a rule and return its number, None if the run ends before."""
    while process.poll() is None:
        for job in slurm_node.jobs():
            if rule in job["Comment"] and job["JobState"] == "RUNNING":
                slurm_node.cancel(job["JobId"])
                return job["JobId"]
        time.sleep(0.2)
    return None


def stop(process: subprocess.Popen) -> None:
    """End a run that is still going, as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The run on this machine, which also simulates the stack of both."""
    folder = tmp_path_factory.mktemp("local")
    run_whole(folder, SIMULATED)
    return folder


@pytest.fixture(scope="module")
def cluster(local, tmp_path_factory):
    """The run on SLURM, which is over and gone when the tests start."""
    folder = tmp_path_factory.mktemp("cluster")
    with slurm_node.slurm_node() as node:
        process = submit(folder, as_a_user(local / "results" / "simulation"))
        try:
            cancelled = cancel_one("unwrap_tile", process)
            process.wait(timeout=PATIENCE_S)
        finally:
            stop(process)
        jobs = slurm_node.jobs()
    printed = (folder / "printed.txt").read_text()
    assert process.returncode == 0, printed
    return SimpleNamespace(folder=folder, node=node, jobs=jobs, cancelled=cancelled)


def of_rule(cluster, rule):
    """Return the jobs of a rule in the order in which they were submitted."""
    jobs = [job for job in cluster.jobs if rule in job["Comment"]]
    return sorted(jobs, key=lambda job: int(job["JobId"]))


def states(jobs):
    return [job["JobState"] for job in jobs]


def memory_mb(job):
    """Return what a job asked for; SLURM writes 1 GB as 1G, and anything between in MB."""
    amount = job["MinMemoryNode"]
    return int(amount[:-1]) * {"M": 1, "G": 1024}[amount[-1]]


def minutes(job):
    hours, minutes, seconds = map(int, job["TimeLimit"].split(":"))
    return hours * 60 + minutes + seconds / 60


def test_rasters_are_byte_for_byte_those_of_a_local_run(cluster, local):
    here, there = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.glob("results/**/*.tif")
            if "simulation" not in path.parts
        }
        for folder in (local, cluster.folder)
    )
    assert len(here) > 18 * 3
    assert here.keys() == there.keys()
    assert [str(name) for name in here if here[name] != there[name]] == []


def test_all_that_happens_to_a_tile_is_one_job(cluster):
    tiles = of_rule(cluster, "unwrap_tile")
    assert states(tiles).count("COMPLETED") == 4
    for rule in ("tile_mesh", "link_model"):
        assert of_rule(cluster, rule) == tiles


def test_small_rules_take_no_place_in_the_queue(cluster):
    for rule in (
        "check_stack",
        "network",
        "rule_baselines",
        "design_matrix",
        "rule_tiles",
        "bulk_off",
    ):
        assert of_rule(cluster, rule) == []


def test_a_cancelled_job_comes_back_with_twice_the_memory_and_time(cluster):
    tiles = of_rule(cluster, "unwrap_tile")
    first, again = tiles[0], tiles[-1]
    assert [job["JobId"] for job in tiles if job["JobState"] == "CANCELLED"] == [cluster.cancelled]
    assert len(tiles) == 5
    assert memory_mb(again) == pytest.approx(2 * memory_mb(first), rel=0.1)
    assert minutes(again) == 2 * minutes(first)


def test_a_job_killed_for_memory_comes_back_with_more(cluster):
    first, again = of_rule(cluster, "tile_overlaps")
    assert "exceeded memory limit" in Path(first["StdOut"]).read_text()
    assert states([first, again]) == ["FAILED", "COMPLETED"]
    assert memory_mb(first) == TOO_LITTLE_MB
    assert memory_mb(again) == TOO_LITTLE_MB * 2**4


def test_after_the_cluster_nothing_is_left_to_do_here(cluster, local):
    simulation = local / "results" / "simulation"
    printed = run_whole(cluster.folder, as_a_user(simulation), "--dry-run")
    assert jobs_of(printed) == set()


def test_the_node_leaves_nothing_behind(cluster):
    assert not slurm_node.SYSTEM_CONF.exists()
    assert not cluster.node.exists()
    running = [
        path.read_bytes().replace(b"\0", b" ").decode()
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    ]
    assert [line for line in running if str(cluster.node) in line or "slurmstepd" in line] == []
