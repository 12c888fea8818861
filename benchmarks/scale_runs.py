"""Run the workflow on simulated cities in several tiles, and write down what every job took.

python benchmarks/scale_runs.py [--folder F] [--large]

The measurements of docs/scale.md: CPU seconds and memory of each script, bytes and files of each
folder of results, and how long Snakemake takes to plan a thousand tiles. Runs that are in
FOLDER/runs.jsonl are not repeated. With --large a city of 20 million points and 30 dates is run
instead, which takes 25 GB of disk and more than an hour of CPU; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import yaml
from bench import GEOMETRY, HERE, ROOT, read_benchmarks, workflow_config

# rows and columns, dates, tiles, share of parks: from dense cities to a few per cent of the pixels
FITTED = [
    (300, 20, 4, 0.2),
    (300, 80, 4, 0.2),
    (600, 20, 4, 0.2),
    (500, 20, 4, 0.8),
]
HELD_OUT = (450, 50, 6, 0.5)
LARGE = (5346, 30, None, 0.2)  # tiles as by default
PLANNED_TILES = (100, 300, 1000)


def simulation(case: tuple) -> dict:
    """Return the config that simulates a city."""
    side, dates, _, parks = case
    return {
        "output_dir": "city",
        "stack": {"layout": "simulate"},
        "geometry": GEOMETRY,
        "simulation": {
            "rows": side,
            "cols": side,
            "dates": dates,
            "span_days": max(360, 12 * dates),
            "park_fraction": parks,
        },
    }


def run_config(case: tuple) -> dict:
    """Return the config of a run on the city, as if it were anybody's stack."""
    side, _, tiles, parks = case
    config = workflow_config(Path("city/simulation"), True) | {"outputs": {"time_series": True}}
    if tiles:
        built = side**2 * (0.92 - parks)  # of the rest a river and a corner without data
        config["tiles"] = {"points_per_tile": int(built / tiles), "max_tiles": tiles}
    return config


def snakemake(folder: Path, config: dict, *arguments: str, clock: Path | None = None) -> float:
    """Run the workflow, on two cores, and return its CPU seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", "config.yaml", "--cores", "2", *arguments]
    env = os.environ.copy()
    if clock:
        env |= {"PYTHONPATH": str(HERE / "job_clock"), "EMCFLOW_JOB_CLOCK": str(clock)}
    begin = cpu_seconds()
    with open(folder / "run.log", "w") as log:
        code = subprocess.run(command, cwd=folder, stdout=log, stderr=log, env=env).returncode
    if code:
        sys.exit(f"{folder} failed, see {folder / 'run.log'}")
    return cpu_seconds() - begin


def cpu_seconds() -> float:
    """Return user and system seconds of all processes that have run so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(folder: Path, case: tuple) -> dict:
    """Run a city to its end, or go on; return its size and what its jobs took."""
    clock = folder.with_suffix(".jsonl")
    if not (folder / "city" / "simulation" / "baselines_slc.csv").exists():
        clock.unlink(missing_ok=True)
        snakemake(folder, simulation(case), "--until", "simulate_stack")
    snakemake(folder, run_config(case), "--benchmark-extended", clock=clock)
    scripts: dict = defaultdict(lambda: {"jobs": 0, "cpu_s": 0.0, "wall_s": 0.0, "peak_mb": 0.0})
    for line in clock.read_text().splitlines():
        process = json.loads(line)
        name = re.fullmatch(r"tmp\w+\.(\w+)\.py", process["script"])
        if not name:
            continue  # Snakemake itself, which has waited for the others and counts them as its own
        used = scripts[name[1]]
        used["jobs"] += 1
        used["cpu_s"] += process["cpu_s"]
        used["wall_s"] += process["wall_s"]
        used["peak_mb"] = max(used["peak_mb"], process["peak_mb"])
    results = folder / "results"
    for rule, used in read_benchmarks(results).items():
        if rule in scripts and "predicted_mb" in used:
            scripts[rule]["asked_mb"] = used["predicted_mb"]
    cut = json.loads((results / "tiles" / "tiles.json").read_text())["tiles"]
    stack = json.loads((results / "stack" / "stack.json").read_text())
    return {
        "case": case,
        "pixels": case[0] ** 2,
        "scene_points": stack["points"],
        "points": sum(tile["points"] for tile in cut),
        "dates": case[1],
        "pairs": len(list((results / "unwrapped").glob("*.unw.tif"))),
        "tiles": len(cut),
        "cpu_s": sum(used["cpu_s"] for used in scripts.values()),
        "scripts": scripts,
        "files": {
            name: {"files": len(sizes), "bytes": sum(sizes)}
            for name, sizes in file_sizes(results).items()
        },
    }


def file_sizes(results: Path) -> dict[str, list[int]]:
    """Return the sizes of the files of each folder of results, and of each folder in it."""
    found = defaultdict(list)
    for path in results.rglob("*"):
        if path.is_file():
            found[str(path.parent.relative_to(results))].append(path.stat().st_size)
    return found


def side_by_side(number: int, side: int = 1000, overlap: int = 50) -> list[dict]:
    """Return tiles in rows and columns, as many of each, that reach into those beside them."""
    rows = math.isqrt(number - 1) + 1
    found = []
    for row, col in itertools.islice(itertools.product(range(rows), repeat=2), number):
        core = [row * side, col * side, (row + 1) * side, (col + 1) * side]
        start = [max(each - overlap, 0) for each in core[:2]]
        end = [min(each + overlap, rows * side) for each in core[2:]]
        found.append({"bounds": [*start, *end], "core": core, "points": side**2 // 2})
    return found


def planning(folder: Path) -> list[dict]:
    """Return how long a dry run takes once the scene is cut into so many tiles, none made yet."""
    case = (100, 20, 1, 0.2)
    config = run_config(case)
    shutil.rmtree(folder, ignore_errors=True)
    snakemake(folder, simulation(case), "--until", "simulate_stack")
    tiles = folder / "results" / "tiles" / "tiles.json"
    snakemake(folder, config, "--until", "tiles")
    scene = folder / "results" / "stack" / "stack.json"
    found = []
    for number in PLANNED_TILES:
        made = side_by_side(number)
        shape = 2 * [max(tile["core"][3] for tile in made)]
        for path, new in ((scene, {}), (tiles, {"tiles": made})):
            times = path.stat()
            path.write_text(json.dumps(json.loads(path.read_text()) | {"shape": shape} | new))
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # nothing is out of date
        cpu_s = snakemake(folder, config, "--dry-run", "--quiet", "rules")
        found.append({"tiles": number, "cpu_s": cpu_s})
    return found


def main() -> None:
    """Run what is not yet measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "scale")
    parser.add_argument("--large", action="store_true", help="20 million points, 30 dates")
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if given.large:
        (folder / "large.json").write_text(json.dumps(measured(folder / "large", LARGE)))
        return
    records = folder / "runs.jsonl"
    known = records.read_text().splitlines() if records.exists() else []
    done = {tuple(json.loads(line)["case"]) for line in known}
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    if not done:
        measured(work, (60, 5, 1, 0.2))  # leaves everything compiled for those that count
        shutil.rmtree(work)
    for case in [*FITTED, HELD_OUT]:
        if case in done:
            continue
        record = measured(work, case)
        with open(records, "a") as file:
            file.write(json.dumps(record) + "\n")
        print(f"{case}: {record['points']} points, {record['cpu_s']:.0f} s of CPU", flush=True)
        shutil.rmtree(work)
    if not (folder / "planning.json").exists():
        (folder / "planning.json").write_text(json.dumps(planning(folder / "plan")))


if __name__ == "__main__":
    main()
