"""Runs that are killed in the midst of their work and started again, until one comes to its end."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml
from workflow import command

TILES = {"points_per_tile": 700, "max_tiles": 4, "dilation": 0.1}
SMALL = {
    "output_dir": "results",
    "stack": {"layout": "simulate"},
    "link_model": {"dem_error_range_m": [-30, 30], "velocity_range_mm_yr": [-30, 30]},
    "simulation": {"rows": 60, "cols": 60, "dates": 5, "park_fraction": 0, "water_fraction": 0},
    "tiles": TILES,
    "outputs": {"time_series": True},
}
RULES = (
    *("simulate_stack", "check_stack", "network", "baselines", "design_matrix", "tiles"),
    *("tile_mesh", "link_model", "unwrap_tile", "tile_overlaps", "bulk_offsets"),
    *("blend_tile", "scene_links", "merge_interferograms", "recommended_mask", "link_quality"),
    *("loops", "quality", "date_phases", "time_series", "displacements", "report"),
)
PATIENCE_S = 600


@dataclass(frozen=True)
class Stop:
    """How a run was stopped and what it was at.

    Parameters
    ----------
    how : signal.Signals
        SIGKILL, or SIGINT as Ctrl-C sends it.
    whole_group : bool
        Whether the scripts got the signal as well, or Snakemake alone.
    rules : frozenset of str
        Whose scripts were at work.
    writing : bool
        Whether some file was half written.
    """

    how: signal.Signals
    whole_group: bool
    rules: frozenset[str]
    writing: bool


def start(folder: Path, config: dict, *arguments: str) -> subprocess.Popen:
    """Start the workflow as the head of a process group; what it prints goes to printed.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    with open(folder / "printed.txt", "w") as printed:
        return subprocess.Popen(
            command(*arguments),
            cwd=folder,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def scripts_of(run: subprocess.Popen) -> dict[psutil.Process, str]:
    """Return the scripts that a run has at work: the rule of each by its process."""
    found = {}
    try:
        family = psutil.Process(run.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return found
    for process in family:
        with suppress(psutil.Error):  # it has ended meanwhile
            name = re.search(r"/tmp\w+\.(\w+)\.py$", " ".join(process.cmdline()))
            if name:
                found[process] = name[1]
    return found


def still_there(processes: Iterable[psutil.Process]) -> bool:
    """Return whether any of the processes has not ended."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def half_written(results: Path) -> list[Path]:
    """Return the files that do not have their names yet."""
    return [
        Path(folder, name)
        for folder, folders, files in os.walk(results)  # a folder may go while it is walked
        for name in (*folders, *files)
        if name.startswith(".") and name.endswith(".part")
    ]


def caught_writing(results: Path, look_s: float = 0.02) -> bool:
    """Return whether a file is half written, which small ones are for a few milliseconds only."""
    end = time.monotonic() + look_s
    while not half_written(results):
        if time.monotonic() > end:
            return False
    return True


def stop(run: subprocess.Popen, results: Path, how=signal.SIGKILL, whole_group=True) -> Stop:
    """Stop a run and wait for its end; what it is at is looked at while it stands still."""
    os.killpg(run.pid, signal.SIGSTOP)
    state = Stop(how, whole_group, frozenset(scripts_of(run).values()), bool(half_written(results)))
    (os.killpg if whole_group else os.kill)(run.pid, how)
    os.killpg(run.pid, signal.SIGCONT)
    run.wait(timeout=PATIENCE_S)
    return state


def wait_until(run: subprocess.Popen, holds: Callable[[], bool]) -> bool:
    """Wait until something holds of a run; False where the run ends before."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if run.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run hangs"
        time.sleep(0.005)
    return True


def wait_for_moment(run: subprocess.Popen, results: Path, wanted: list[tuple[str, str]]):
    """Wait for one of the wanted moments (rule, "start" or "write") of a run and return it.

    "write" is the first half-written file seen after the rule's script has come, or, where that is
    over too soon to be seen, the script's end. None where the run ends without any.
    """
    moments, waited_for = [], {}

    def seen() -> bool:
        scripts = scripts_of(run)
        moments.extend((rule, "start") for rule in scripts.values() if (rule, "start") in wanted)
        waited_for.update(
            (process, rule) for process, rule in scripts.items() if (rule, "write") in wanted
        )
        writing = bool(waited_for) and caught_writing(results)
        moments.extend(
            (rule, "write")
            for process, rule in waited_for.items()
            if writing or process not in scripts
        )
        return bool(moments)

    return moments[0] if wait_until(run, seen) else None
