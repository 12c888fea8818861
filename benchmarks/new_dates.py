"""Two dates added to a finished run of the demo's city, and a full run: docs/new_dates.md.

python benchmarks/new_dates.py [--folder F] [--side PIXELS] [--dates N]
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from bench import ROOT
from emcflow.io.raster import open_raster, read_band
from emcflow.products.accuracy import share_right
from scale_runs import run_config, simulation, snakemake

NEW = 2


def main() -> None:
    """Simulate, run three times, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "new_dates")
    parser.add_argument("--side", type=int, default=200)
    parser.add_argument("--dates", type=int, default=16)
    given = parser.parse_args()
    folder, case = given.folder.resolve(), (given.side, given.dates, 4, 0.2)
    shutil.rmtree(folder, ignore_errors=True)
    snakemake(folder, simulation(case), "--until", "simulate_stack")
    city = folder / "city" / "simulation"
    shutil.copytree(city / "stack", folder / "old")
    dates = sorted(path.name[9:17] for path in (city / "stack").glob("*.int.tif"))
    for date in dates[-NEW:]:
        next((folder / "old").glob(f"*_{date}.int.tif")).unlink()
    config = run_config(case)
    old = config["stack"] | {"directory": "old"}
    runs = {
        "first": {"output_dir": "first", "stack": old},
        "later": {"output_dir": "later", "update": {"previous": "first"}},
        "full": {"output_dir": "full"},
    }
    cpu_s = {name: snakemake(folder, config | keys) for name, keys in runs.items()}
    points = read_band(city / "stack" / "temporal_coherence.tif") > 0.6
    with open_raster(city / "truth" / "timeseries_unw.tif") as dataset:
        bands = zip(dataset.descriptions, dataset.indexes, strict=True)
        truth = {date: dataset.read(band)[points] for date, band in bands}
    found: dict[str, list] = {"old": [], "new": [], "later right": [], "full right": []}
    for path in sorted((folder / "full" / "unwrapped").glob("*.unw.tif")):
        first, second = path.name[:8], path.name[9:17]
        full, later = (
            read_band(folder / name / "unwrapped" / path.name)[points] for name in ("full", "later")
        )
        found["new" if second in dates[-NEW:] else "old"].append(np.mean(full == later))
        for name, values in (("later right", later), ("full right", full)):
            found[name].append(share_right(values, truth[second] - truth[first]))
    parameters = ["velocity_mm_yr", "dem_error_m", "velocity_sigma_mm_yr", "dem_error_sigma_m"]
    same = all(
        (folder / "later" / f"{name}.tif").read_bytes()
        == (folder / "full" / f"{name}.tif").read_bytes()
        for name in parameters
    )
    shares = {name: 100 * float(np.mean(values)) for name, values in found.items()}
    print(json.dumps({"cpu_s": cpu_s, "parameters equal": same, "points": int(points.sum())}))
    print(json.dumps({"pairs": {n: len(v) for n, v in found.items()}, "shares": shares}))


if __name__ == "__main__":
    main()
