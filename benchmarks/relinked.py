"""A new date of stacks that are linked anew with it, beside full runs: docs/new_dates.md.

python benchmarks/relinked.py [--folder F] [--cases SIDE,DATES,TILES ...]
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import rasterio
from bench import ROOT
from emcflow.io.files import read_csv
from emcflow.io.raster import open_raster, read_band
from emcflow.products.accuracy import share_right
from emcflow.products.random_fields import power_law
from scale_runs import run_config, simulation, snakemake

# Rows and columns of the city, dates of the finished run, tiles.
CASES = [(200, 15, 4), (60, 50, 1), (60, 150, 1), (60, 300, 1)]
# The same time for any number of dates, so that the search of the link model has the same steps.
CITY = {"span_days": 1830, "velocity_mm_yr": 20, "building_height_m": 20}
SEARCHED = {"velocity_range_mm_yr": [-40, 40], "dem_error_range_m": [-30, 30]}
NOISE_RAD = 0.2  # by which links differ from those before
DRIFT_RAD = 1.0  # standard deviation of the bias at the last date
PARTS = {
    "reading": ("tile_mesh",),
    "link model": ("link_model",),
    "unwrapping": ("unwrap_tile",),
    "merging": ("blend_tile", "merge_interferograms", "take_over"),
}


def link_anew(folder: Path, target: Path, seed: int = 3) -> None:
    """Write a stack again, with other noise of the links and a bias that drifts over the dates."""
    random = np.random.default_rng(seed)
    target.mkdir()
    shutil.copy2(folder / "temporal_coherence.tif", target)
    paths = sorted(folder.glob("*.int.tif"))
    for number, path in enumerate(paths, start=1):
        with open_raster(path) as dataset:
            image, profile = dataset.read(1), dataset.profile
        if number == 1:
            bias = DRIFT_RAD * power_law(image.shape, -2.0, random)
        move = NOISE_RAD * random.standard_normal(image.shape) + bias * number / len(paths)
        image *= np.exp(1j * move).astype(np.complex64)
        with rasterio.open(target / path.name, "w", **profile) as dataset:
            dataset.write(image, 1)


def stacks(folder: Path, case: tuple) -> None:
    """Simulate a city: the stack of the old dates, and one with a new date, linked anew."""
    city = simulation(case)
    city["simulation"] |= CITY
    snakemake(folder, city, "--until", "simulate_stack")
    whole = folder / "city" / "simulation" / "stack"
    shutil.copytree(whole, folder / "old")
    sorted((folder / "old").glob("*.int.tif"))[-1].unlink()
    link_anew(whole, folder / "relinked")


def timed(folder: Path, config: dict, name: str) -> dict:
    """Run the workflow; return CPU seconds of all and of its scripts, by parts."""
    clock = folder / f"{name}.jsonl"
    cpu_s = snakemake(folder, config | {"output_dir": name}, clock=clock)
    used: Counter[str] = Counter()
    for line in clock.read_text().splitlines():
        process = json.loads(line)
        script = re.fullmatch(r"tmp\w+\.(\w+)\.py", process["script"])
        for part, scripts in PARTS.items():
            if script and script[1] in scripts:
                used[part] += process["cpu_s"]
    return {"all": round(cpu_s), **{part: round(used[part], 1) for part in PARTS}}


def measured(folder: Path, side: int, ndates: int, tiles: int) -> dict:
    """Run a case: a finished run, one that takes over from it, and one that does not."""
    case = side, ndates + 1, tiles, 0.2
    shutil.rmtree(folder, ignore_errors=True)
    stacks(folder, case)
    config = run_config(case) | {"outputs": {"time_series": False}}
    config["link_model"] |= SEARCHED
    old, new = (config["stack"] | {"directory": name} for name in ("old", "relinked"))
    snakemake(folder, config | {"output_dir": "first", "stack": old})
    later = {"stack": new, "update": {"previous": "first"}}
    cpu_s = {
        "update": timed(folder, config | later, "later"),
        "full": timed(folder, config | {"stack": new}, "full"),
    }
    moved = read_csv(folder / "later" / "update" / "moved_dates.csv", ("date",))
    simulated = folder / "city" / "simulation"
    points = read_band(simulated / "stack" / "temporal_coherence.tif") > 0.6
    with open_raster(simulated / "truth" / "timeseries_unw.tif") as dataset:
        bands = zip(dataset.descriptions, dataset.read(), strict=True)
        truth = {date: band[points] for date, band in bands}
    equal: dict[str, list] = {"old": [], "new": []}
    right: dict[str, list] = {"update": [], "full": []}
    for path in sorted((folder / "full" / "unwrapped").glob("*.unw.tif")):
        first, second = path.name[:8], path.name[9:17]
        values = {
            "update": read_band(folder / "later" / "unwrapped" / path.name)[points],
            "full": read_band(path)[points],
        }
        kind = "old" if second in moved["date"] else "new"
        equal[kind].append(np.mean(values["update"] == values["full"]))
        for name in right:
            right[name].append(share_right(values[name], truth[second] - truth[first]))
    return {
        "points": int(points.sum()),
        "dates": ndates,
        "pairs": {kind: len(shares) for kind, shares in equal.items()},
        "jumped": int(moved["jumped"].sum()),
        "equal_percent": {kind: 100 * float(np.mean(shares)) for kind, shares in equal.items()},
        "right_percent": {name: 100 * float(np.mean(shares)) for name, shares in right.items()},
        "cpu_s": cpu_s,
    }


def main() -> None:
    """Run the cases, a line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "new_dates" / "relinked")
    parser.add_argument("--cases", nargs="+", default=[",".join(map(str, case)) for case in CASES])
    given = parser.parse_args()
    for case in given.cases:
        side, ndates, tiles = map(int, case.split(","))
        found = measured(given.folder.resolve() / f"{side}_{ndates}", side, ndates, tiles)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
