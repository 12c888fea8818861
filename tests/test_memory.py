"""Memory that the rules ask for, against what their jobs take."""

import csv
import re

import numpy as np
import pytest
import rasterio
from stacks import write_raster
from workflow import run_whole

JOBS = {
    "simulate_stack",
    "tile_mesh_00",
    "link_model_00",
    "unwrap_tile_00",
    "tile_overlaps",
    "scene_links",
    "merge_interferograms_00",
    "link_quality",
    "date_phases_00",
    "time_series",
    "loops_00",
    "quality",
    "report",
}


JOBS_OF_SIGMA = {"tile_mesh_00", "link_model_00", "unwrap_tile_00"}
GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39}
BASELINES = "results/simulation/baselines_ifg.csv"


def write_sigmas(folder, side, dates):
    """Write standard deviations for all dates of a simulated stack but the first."""
    stack = folder.parent / "results" / "simulation" / "stack"
    names = sorted(path.stem for path in stack.glob("2*.tif"))
    rng = np.random.default_rng(0)
    for name in names:
        noise = rng.uniform(0.2, 0.8, (side, side)).astype(np.float32)
        with rasterio.open(stack / f"{name}.tif") as like:
            profile = {"crs": like.crs, "transform": like.transform}
        write_raster(folder / f"{name[9:17]}.tif", noise, **profile)
    assert len(names) == dates - 1


def asked_and_taken(results):
    """MB asked for and MB taken at the most by each job that asks for memory."""
    jobs = {}
    for path in (results / "benchmarks").glob("*.tsv"):
        with open(path, newline="") as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        asked = re.search(r"'mem_mb': (\d+)", row["resources"])
        # the benchmark samples the memory and may miss the peak of the script, which the job's log
        # tells; it knows of what the script has started
        log = (results / "logs" / f"{path.stem}.log").read_text()
        taken = re.search(r"peak memory (\d+) MB", log)
        if asked:
            jobs[path.stem] = int(asked[1]), max(int(taken[1]), float(row["max_pss"]))
    return jobs


@pytest.mark.parametrize(
    ("side", "dates", "tiles"), [(465, 12, 1), (210, 24, 2)], ids=["one tile", "two tiles"]
)
def test_jobs_take_what_their_rules_ask_for_and_no_less_than_two_thirds(
    side, dates, tiles, tmp_path
):
    config = {
        "output_dir": "results",
        "stack": {"layout": "simulate"},
        "link_model": {"dem_error_range_m": [-80, 80]},
        "simulation": {"rows": side, "cols": side, "dates": dates},
        "tiles": {"points_per_tile": side**2 // tiles // 2, "max_tiles": tiles},
    }
    run_whole(tmp_path, config, "--benchmark-extended")
    jobs = asked_and_taken(tmp_path / "results")
    assert jobs.keys() >= JOBS
    assert len([name for name in jobs if name.startswith("unwrap_tile")]) == tiles
    assert len([name for name in jobs if name.startswith("blend_tile")]) == (
        tiles if tiles > 1 else 0
    )
    write_sigmas(tmp_path / "sigma", side, dates)
    of_sigma = {"layout": "phase_linked", "directory": "results/simulation/stack"}
    config["stack"] = of_sigma | {"sigma": "../../../sigma/*.tif"}
    config |= {"output_dir": "noisy", "baselines": {"csv": BASELINES}, "geometry": GEOMETRY}
    del config["simulation"]
    run_whole(tmp_path, config, "--benchmark-extended")
    noisy = asked_and_taken(tmp_path / "noisy")
    jobs |= {f"{name} with sigma": noisy[name] for name in JOBS_OF_SIGMA}
    wrong = {
        name: (asked, taken)
        for name, (asked, taken) in jobs.items()
        if not taken <= asked <= 1.5 * taken
    }
    assert wrong == {}
