"""What the jobs of a Sentinel-1 frame ask for, by the rules themselves, without any data."""

import json
import os
from datetime import date, timedelta
from itertools import product

import numpy as np
import rasterio
from emcflow.io.raster import Grid
from emcflow.io.scene_file import SceneFile, write_scene_file
from emcflow.io.tiles_json import tiles_to_json
from emcflow.tiles.cut import Tile
from stacks import UTM
from workflow import ROOT, run

# 250 km x 180 km at 10 m, a fifth of the pixels points, in tiles of 600,000 and their overlaps.
SHAPE, SHARE, TILES, DILATION = (18_000, 25_000), 0.2, (10, 15), 0.05
DATES = [f"{date(2017, 1, 1) + timedelta(6 * number):%Y%m%d}" for number in range(300)]
PAIRS = [
    (i, j) for i, j in product(range(300), repeat=2) if i < j <= i + 3
]  # the 894 of network.type: hop3
# Evaluated by Snakemake once it has read the rules, with all threads that a rule takes.
ASK = """
tile_list = JOBS.tiles
asked = {}
for each in workflow.rules:
    cores, memory = each.resources["_cores"], each.resources.get("mem_mb")
    threads = 8 if cores.is_evaluable() else cores.value
    named = type("Named", (), {"tile": "17", "strip": "05"})
    value = memory and memory.evaluate(named, attempt=1, threads=threads).value
    if value:
        asked[each.name] = value
with open("asked.json", "w") as file:
    __import__("json").dump(asked, file)
os._exit(0)
"""
GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": "real.tif"}
OUTPUTS = {
    "time_series": True,
    "fill_pixels": 10,
    "publish_to": "published",
    "exports": ["mintpy", "dolphin", "licsbas", "pyrate", "geoparquet", "cog", "qgis", "stac"],
}
COMMON = {
    "output_dir": "results",
    "geometry": GEOMETRY,
    "platform": {"heading_deg": -13},
    "baselines": {"rasters": "dates/*.tif"},
    "reference": {"gnss_csv": "gnss.csv"},
    "outputs": OUTPUTS,
}
# One of amplitudes, one of interferograms with coherences.
CONFIGS = (
    COMMON
    | {
        "stack": {"layout": "slc", "directory": "slc", "points": "amplitude_dispersion"},
        "parameters": {"source": "links"},
    },
    COMMON
    | {
        "stack": {
            "layout": "interferograms",
            "directory": "pairs",
            "pair_coherence": "../coherence/*.tif",
        }
    },
)


def memory_of_frame(folder):
    """Return the MB that one job of each rule asks for at the most, numbers of batches left out."""
    _write_frame(folder)
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in ("rules", "scripts", "config", "envs", "profiles"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / "Snakefile").write_text((ROOT / "Snakefile").read_text() + ASK)
    most = {}
    for config in CONFIGS:
        process = run(folder, config, "--dry-run", root=checkout)
        assert (folder / "asked.json").exists(), process.stdout
        asked = json.loads((folder / "asked.json").read_text())
        (folder / "asked.json").unlink()
        for name, megabytes in asked.items():
            name = name.rstrip("0123456789").rstrip("_")
            most[name] = max(most.get(name, 0), megabytes)
    return most


def _write_frame(folder):
    """Write empty rasters of a frame, each under many names, and what says of its size."""
    place = {"driver": "GTiff", "height": SHAPE[0], "width": SHAPE[1], "count": 1, "tiled": True}
    for kind, dtype in (("real", "float32"), ("complex", "complex64")):
        path = folder / f"{kind}.tif"
        with rasterio.open(path, "w", dtype=dtype, sparse_ok=True, bigtiff="yes", **place, **UTM):
            pass
    pairs = [f"{DATES[i]}_{DATES[j]}" for i, j in PAIRS]
    for kind, inside, end, names in (
        ("complex", "slc", ".slc.tif", DATES),
        ("complex", "pairs", ".int.tif", pairs),
        ("real", "coherence", ".tif", pairs),
        ("real", "dates", ".tif", DATES),
    ):
        (folder / inside).mkdir()
        for name in names:
            os.link(folder / f"{kind}.tif", folder / inside / f"{name}{end}")
    (folder / "gnss.csv").write_text("row,col,toward_mm_yr\n9000,9000,3\n")
    points = int(SHARE * SHAPE[0] * SHAPE[1])
    grid = Grid(SHAPE, None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    scene = SceneFile("slc", tuple(DATES), points, grid, "", "c.tif", 0, 0.6, ())
    write_scene_file(folder / "results" / "stack" / "stack.json", scene)
    (folder / "results" / "tiles").mkdir()
    (folder / "results" / "tiles" / "tiles.json").write_text(tiles_to_json(SHAPE, _tiles()))


def _tiles():
    """Return equal tiles, widened on each side within the scene."""
    edges = [
        np.linspace(0, size, count + 1).astype(int).tolist()
        for size, count in zip(SHAPE, TILES, strict=True)
    ]
    tiles = []
    for i, j in product(*map(range, TILES)):
        core = edges[0][i], edges[1][j], edges[0][i + 1], edges[1][j + 1]
        wider = [int(DILATION * (core[axis + 2] - core[axis])) for axis in (0, 1)]
        low = [max(0, core[axis] - wider[axis]) for axis in (0, 1)]
        high = [min(SHAPE[axis], core[axis + 2] + wider[axis]) for axis in (0, 1)]
        points = int(SHARE * (high[0] - low[0]) * (high[1] - low[1]))
        tiles.append(Tile((*low, *high), core, points))
    return tiles
