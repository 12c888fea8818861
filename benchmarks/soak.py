"""Load: ten runs one after the other, a hundred tiles, three hundred dates; what they take.

python benchmarks/soak.py [--cores N] [--folder F]

Writes `soak.json` to FOLDER, which docs/reliability.md shows, and fails where memory is more than a
rule asks for, or memory or open files of the last of the ten runs are more than those of the first.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import yaml
from bench import ROOT, read_benchmarks

SEARCH = {"dem_error_range_m": [-30, 30], "velocity_range_mm_yr": [-30, 30]}
POLL_S = 0.2


def city(side: int, dates: int, tiles: int = 1, link_model: bool = True) -> dict:
    """Return the config of a simulated city of so many pixels a side, all of them built."""
    return {
        "stack": {"layout": "simulate"},
        "link_model": SEARCH | {"enabled": link_model},
        "simulation": {
            "rows": side,
            "cols": side,
            "dates": dates,
            "span_days": max(360, 12 * dates),
            "park_fraction": 0,
            "water_fraction": 0,
        },
        "tiles": {"points_per_tile": side**2 // tiles, "max_tiles": tiles, "dilation": 0.1},
    }


def ten_runs() -> list[dict]:
    """Return the configs of ten runs of random sizes, the last like the first."""
    draw = random.Random(1)
    cities = [city(draw.randrange(40, 160), draw.randrange(4, 13)) for _ in range(9)]
    return [*cities, cities[0]]


class Watch:
    """Follows a run in a thread: most open files of Snakemake and of any script, its memory."""

    def __init__(self, pid: int):
        self.process = psutil.Process(pid)
        self.files = self.script_files = self.memory = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow)
        self.thread.start()

    def _follow(self) -> None:
        while not self.ended.wait(POLL_S):
            try:
                self.files = max(self.files, self.process.num_fds())
                self.memory = max(self.memory, self.process.memory_info().rss)
                for script in self.process.children(recursive=True):
                    self.script_files = max(self.script_files, script.num_fds())
            except psutil.Error:  # one of them has ended meanwhile
                continue

    def stop(self) -> None:
        """Stop following."""
        self.ended.set()
        self.thread.join()


def run(folder: Path, name: str, config: dict, cores: int) -> dict:
    """Run the workflow to its end into a folder of results of its own; return what it took."""
    config = config | {"output_dir": name}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    shutil.rmtree(folder / name, ignore_errors=True)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", "config.yaml", "--cores", str(cores), "--benchmark-extended"]
    begin = time.monotonic()
    with open(folder / f"{name}.log", "w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        watch = Watch(process.pid)
        code = process.wait()
        watch.stop()
    if code:
        sys.exit(f"{name} failed, see {folder / name}.log")
    rules = read_benchmarks(folder / name)
    tiles = json.loads((folder / name / "tiles" / "tiles.json").read_text())["tiles"]
    interferograms = list((folder / name / "unwrapped").glob("*.unw.tif"))
    record = {
        "name": name,
        "side": config["simulation"]["rows"],
        "dates": config["simulation"]["dates"],
        "tiles": len(tiles),
        "interferograms": len(interferograms),
        "jobs": sum(rule["jobs"] for rule in rules.values()),
        "wall_s": time.monotonic() - begin,
        "cpu_s": sum(rule["cpu_s"] for rule in rules.values()),
        "open_files": watch.files,
        "open_files_of_scripts": watch.script_files,
        "snakemake_mb": watch.memory / 1e6,
        "peak_mb": {rule: used["peak_mb"] for rule, used in rules.items()},
        "asked_mb": {rule: u["predicted_mb"] for rule, u in rules.items() if "predicted_mb" in u},
    }
    print(
        f"{name}: {record['tiles']} tiles, {record['dates']} dates, {record['jobs']} jobs in "
        f"{record['wall_s']:.0f} s; {record['open_files']} open files, Snakemake "
        f"{record['snakemake_mb']:.0f} MB, largest script {max(record['peak_mb'].values()):.0f} MB",
        flush=True,
    )
    return record


def complaints(runs: list[dict]) -> list[str]:
    """Return what is wrong with the runs, the first of which are the ten."""
    found = []
    for taken in runs:
        for rule, asked in taken["asked_mb"].items():
            if taken["peak_mb"][rule] > asked:
                found.append(f"{taken['name']}: {rule} took more than the {asked} MB it asks for")
    first, last = runs[0], runs[9]
    for what, slack in (("open_files", 8), ("open_files_of_scripts", 8), ("snakemake_mb", 20)):
        if last[what] > first[what] + slack:
            found.append(f"{what} grew from {first[what]:.0f} to {last[what]:.0f} in ten runs")
    for rule, peak in first["peak_mb"].items():
        if last["peak_mb"][rule] > peak + 20:
            found.append(f"memory of {rule} grew from {peak} to {last['peak_mb'][rule]} MB")
    return found


def main() -> None:
    """Run everything, write down what it took, complain."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "soak")
    given = parser.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    configs = {f"run_{number:02d}": config for number, config in enumerate(ten_runs(), 1)}
    configs["tiles_100"] = city(180, 6, tiles=100, link_model=False)
    configs["dates_300"] = city(40, 300)
    # The first run on a machine compiles, which takes more memory than any later one.
    run(given.folder, "compiling", configs["run_01"], given.cores)
    runs = [run(given.folder, name, config, given.cores) for name, config in configs.items()]
    (given.folder / "soak.json").write_text(json.dumps({"cores": given.cores, "runs": runs}))
    found = complaints(runs)
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
