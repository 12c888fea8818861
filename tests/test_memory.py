"""Memory that the rules ask for, against what their jobs take."""

import csv
import re
from itertools import pairwise

import numpy as np
import pytest
import rasterio
from emcflow.io.raster import BLOCK, Grid
from emcflow.io.raster import write_raster as write_result
from emcflow.io.scene_file import SceneFile, write_scene_file
from emcflow.workflow.memory import predicted_mb
from job_alone import run_alone
from rasterio.crs import CRS
from stacks import DATES, write_raster
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


# Jobs of the whole scene by themselves, on one that is large beside the programs they import.

SHAPE = (1536, 4096)
SCENE_DATES = DATES[:4]
PAIRS = [f"{first}_{second}" for first, second in pairwise(SCENE_DATES)]
VIEW = {"wavelength_m": 0.0555, "slant_range_m": "range.tif", "incidence_angle_deg": "angle.tif"}
LOOK = {"heading_deg": -13, "looks": "right", "incidence_angle_deg": "angle.tif", "window": None}
STATIONS = {
    **{"table": "gnss.csv", "names": ["A"], "place_names": ["row", "col"], "places": [[700, 900]]},
    **{"velocity_names": ["toward_mm_yr"], "velocities": [[3.0]], "sigma": [1.0], "remarks": []},
}
BPERP = {date: f"bperp_{date}.tif" for date in SCENE_DATES}
UNWRAPPED = [f"{pair}.unw.tif" for pair in PAIRS]
SLCS = [f"{date}.slc.tif" for date in SCENE_DATES]
AS_COHERENCE = {"coherence": "coherence.tif"}
EXPORTED = {"stack": "stack.json", "interferograms": UNWRAPPED, **AS_COHERENCE}
OF_VIEW = {"stack": "stack.json", "bperp": list(BPERP.values()), **AS_COHERENCE}
CHOICE = {"bperp": BPERP, "negate": False, "window": None, "min_coherence": 0.8}
# input, output and params of each job, by the names that its rule gives them
ALONE = {
    "check_stack": (
        AS_COHERENCE,
        {"scene": "out/stack.json"},
        {
            "stack": {
                "layout": "slc",
                "dates": SCENE_DATES,
                "files": SLCS,
                "coherence": "coherence.tif",
                "window": None,
            },
            **{"state": "", "names": SCENE_DATES, "min_coherence": 0.8},
            **{"by_agreement": True, "max_dispersion": 0.9},
        },
    ),
    "tiles": (
        AS_COHERENCE,
        {"tiles": "out/tiles.json"},
        {
            "min_coherence": 0.8,
            "tiles": {"points_per_tile": 80_000, "max_tiles": 49, "dilation": 0.05},
        },
    ),
    "select_points": (
        {"files": SLCS},
        {"coherence": "out/points.tif"},
        {
            "points": {
                **{"kind": "amplitude_dispersion", "raster": "", "mask": None},
                **{"window": None, "cropped": False},
            },
            **{"files": SLCS, "names": SCENE_DATES},
        },
    ),
    "mean_baselines": (OF_VIEW, {"baselines": "out/b.csv", "misfit": "out/misfit.csv"}, CHOICE),
    "scene_view": (
        OF_VIEW | {"baselines": "baselines.csv"},
        {"view": "out/view.json", "points": "out/view.tif"},
        CHOICE | {"geometry": VIEW, "ranges": [[-40, 40], [-50, 50]]},
    ),
    "gnss_tie": (
        {"stack": "stack.json", "velocity": UNWRAPPED[0], "components": "labels.tif"},
        {name: f"out/{name}" for name in ("velocity", "stations", "remarks")},
        {"stations": STATIONS, "flight": None, "velocity_positive": "away"},
    ),
    "export_mintpy": (
        EXPORTED
        | {
            **{"network": "network.csv", "conncomp": ["labels.tif"] * len(PAIRS)},
            **{"references": "references.csv", "phase": UNWRAPPED, "velocity": UNWRAPPED[0]},
        },
        {name: f"out/{name}.h5" for name in ("stack", "series", "velocity", "geometry")}
        | {"app": "out/app"},
        {
            **{"reference": None, "geometry": VIEW, "window": None, "velocity_positive": "away"},
            "platform": {"name": None, "heading_deg": None},
        },
    ),
    "export_dolphin": (
        {
            **{"stack": "stack.json", "interferograms": [], "conncomp": [], "pwrong": []},
            **{"displacement": UNWRAPPED, "velocity": UNWRAPPED[0]},
            "reference_point": "references.csv",
        },
        {"folder": "out/dolphin"},
        {"velocity_positive": "away"},
    ),
    "export_licsbas": (
        EXPORTED,
        {"folder": "out/licsbas"},
        {"wavelength_m": 0.0555, "look": LOOK},
    ),
    "export_pyrate": (
        EXPORTED | {"references": "references.csv"},
        {"folder": "out/pyrate"},
        {"wavelength_m": 0.0555},
    ),
}


@pytest.fixture(scope="module")
def large_scene(tmp_path_factory):
    """A scene of 6 million pixels, a fifth of them points, and how many points it has."""
    folder = tmp_path_factory.mktemp("large")
    grid = Grid(SHAPE, CRS.from_epsg(32633).to_wkt(), (20.0, 0.0, 4e5, 0.0, -20.0, 5e6))
    rng = np.random.default_rng(0)

    def write(name, image):
        write_result(folder / name, image, grid, units="1", description=name)

    coherence = rng.random(SHAPE, np.float32)
    points = coherence > 0.8
    row, col = np.argwhere(points)[0]
    across = np.broadcast_to(np.linspace(0, 1, SHAPE[1], dtype=np.float32), SHAPE)
    write("coherence.tif", coherence)
    write("labels.tif", np.where(points, 1, 65535).astype(np.uint16))
    write("angle.tif", 30 + 10 * across)
    write("range.tif", 8e5 + 1e5 * across)
    for pair in PAIRS:
        write(f"{pair}.unw.tif", np.where(points, coherence * 9, np.nan).astype(np.float32))
    for number, date in enumerate(SCENE_DATES):
        write(f"bperp_{date}.tif", number * (50 + across))
        write(f"{date}.slc.tif", (coherence + number) * np.complex64(1j))
    write_scene_file(
        folder / "stack.json",
        SceneFile("slc", SCENE_DATES, int(points.sum()), grid, "", "coherence.tif", 0, 0.8, ()),
    )
    ends = [pair.replace("_", ",") for pair in PAIRS]
    lines = {
        "network.csv": ["reference,secondary,planar", *(f"{pair},1" for pair in ends)],
        "baselines.csv": ["date,bperp_m", *(f"{date},{50 * n}" for n, date in enumerate(BPERP))],
        "references.csv": ["row,col,label,series", f"{row},{col},1,1"],
    }
    for name, text in lines.items():
        (folder / name).write_text("\n".join(text) + "\n")
    return folder, int(points.sum())


@pytest.mark.parametrize("job", ALONE)
def test_a_job_of_the_whole_scene_takes_what_it_asks_for(job, large_scene):
    """Both of rows of blocks and of the scene, at a size at which these are most of it."""
    folder, npoints = large_scene
    given, output, params = ALONE[job]
    taken = run_alone(job, folder, given, output, params | {"code": "", "state": ""})
    pixels, strip = SHAPE[0] * SHAPE[1], BLOCK * SHAPE[1]
    sizes = npoints, pixels, len(SCENE_DATES), len(PAIRS), 1, 0, strip
    asked = predicted_mb(job, *sizes)
    assert taken <= asked <= 1.5 * taken
