"""The config, checked; what it implies for every rule: dates, pairs, tiles, threads, memory."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from emcflow.code_version import code_version as library_version
from emcflow.config import check_config
from emcflow.errors import InputError
from emcflow.geometry import design_matrix
from emcflow.memory import predicted_mb
from emcflow.network import hop3_network
from emcflow.simulate import simulation_dates
from emcflow.stack import find_stack, phase_linked_stack
from emcflow.tiles import tiles_from_json


def checked(function, *arguments):
    """Call a function of the library; bad input ends the run with its one line.

    An exception would have Snakemake print where in the workflow it came from, which is of no
    interest to the author of a config, and hides the line.
    """
    try:
        return function(*arguments)
    except InputError as error:
        sys.exit(f"\nemcflow cannot start:\n{error}")


config.update(checked(check_config, config))
validate(config, "../config/config.schema.yaml")

OUT = config["output_dir"].rstrip("/")
SIMULATED = config["stack"]["layout"] == "simulate"
SIMULATION = f"{OUT}/simulation"
BASELINES_CSV = config["baselines"]["csv"] or (
    f"{SIMULATION}/baselines_ifg.csv" if SIMULATED else None
)
LINK_MODEL = config["link_model"]["enabled"] and BASELINES_CSV is not None


def configured_stack():
    """Return the stack that the config names; a simulated one need not exist yet."""
    if SIMULATED:
        dates = simulation_dates(config["simulation"])
        return phase_linked_stack(f"{SIMULATION}/stack", None, dates)
    return find_stack(
        config["stack"]["directory"],
        config["stack"]["layout"],
        config["stack"]["temporal_coherence"],
    )


STACK = checked(configured_stack)
STACK_FILES = [file for file in STACK.files if file]
NETWORK = checked(hop3_network, STACK.dates)
PAIRS = NETWORK.pair_names
STACK_PARAMS = dict(
    layout=STACK.layout,
    dates=list(STACK.dates),
    files=list(STACK.files),
    coherence=STACK.coherence,
)


def check_link_model():
    """Check baselines and search ranges: cheap, and hours sooner than in the rules that use them.

    Not left to rules that others wait for: a new baseline would then rerun what does not use it.
    """
    from emcflow.baselines import read_baselines
    from emcflow.links import check_search  # slow to import, and jobs on a cluster need it not

    dates, keys = STACK.dates, ("velocity_range_mm_yr", "dem_error_range_m")
    baselines = read_baselines(BASELINES_CSV, dates)
    design = design_matrix(dates, baselines.bperp_m, **config["geometry"])
    check_search(
        design,
        [config["link_model"][key] for key in keys],
        config["link_model"]["memory_mb"],
        [f"link_model.{key}" for key in keys],
    )


if LINK_MODEL and not SIMULATED and workflow.is_main_process:
    checked(check_link_model)

# Interferograms are merged in batches: enough work for a job, little enough for its memory.
PAIRS_PER_BATCH = 18
BATCHES = [PAIRS[i : i + PAIRS_PER_BATCH] for i in range(0, len(PAIRS), PAIRS_PER_BATCH)]
INTERFEROGRAMS = expand(f"{OUT}/unwrapped/{{pair}}.unw.tif", pair=PAIRS)
PARAMETER_NAMES = [
    "velocity_mm_yr",
    "dem_error_m",
    "velocity_sigma_mm_yr",
    "dem_error_sigma_m",
    "link_model_coherence",
]
PARAMETER_RASTERS = expand(f"{OUT}/{{name}}.tif", name=PARAMETER_NAMES)
LINK_QUALITY_NAMES = ["residual_phase_rad", "link_coherence_unbiased", "noise_links"]

# A job on a cluster has this many points to a thread, and two processes of Snakemake in it.
POINTS_PER_THREAD = 100_000
SNAKEMAKE_MB = 400


wildcard_constraints:
    tile=r"\d+",
    pair=r"\d{8}_\d{8}",


def code_version(script):
    """Return the fingerprint of a script and of the library modules that it imports."""
    return library_version(f"{workflow.basedir}/scripts/{script}.py")


def scene_shape_and_tiles():
    """Return rows and columns of the scene, and the tiles, once the checkpoint has run."""
    path = Path(checkpoints.tiles.get().output[0])
    return checked(tiles_from_json, path.read_text(), path)


def tile_list():
    """Return the tiles by their names."""
    _, tiles = scene_shape_and_tiles()
    return {f"{number:02d}": tile for number, tile in enumerate(tiles)}


def each_tile(pattern):
    """Return an input function: one file per tile, by the wildcard {tile}."""
    return lambda wildcards: expand(pattern, tile=tile_list())


def scene_points():
    """Return the number of points in all tiles together, those of overlaps counted twice."""
    return sum(tile.points for tile in tile_list().values())


def simulated_pixels():
    """Return the size of the simulated scene."""
    return config["simulation"]["rows"] * config["simulation"]["cols"]


def on_cluster():
    """Return whether jobs go to a cluster, or this is Snakemake inside one of those jobs."""
    return workflow.remote_exec or workflow.nodes is not None


def tile_threads(wildcards):
    """Return the threads for one tile: by its points on a cluster, else its share of the cores."""
    if on_cluster():
        threads = tile_list()[wildcards.tile].points // POINTS_PER_THREAD
    else:
        threads = workflow.cores // len(tile_list())
    return max(1, min(8, threads))


def tile_memory(wildcards, attempt, job, threads=1):
    """Return a memory bound in MB for a job of one tile and all interferograms."""
    tile = tile_list()[wildcards.tile]
    row0, col0, row1, col1 = tile.bounds
    pixels = (row1 - row0) * (col1 - col0)
    return megabytes(attempt, job, tile.points, pixels, threads=threads)


def scene_memory(attempt, job, pairs=len(PAIRS), threads=1):
    """Return a memory bound in MB for a job of all tiles and some interferograms."""
    (rows, cols), _ = scene_shape_and_tiles()
    return megabytes(attempt, job, scene_points(), rows * cols, pairs, threads)


def megabytes(attempt, job, points, pixels, pairs=len(PAIRS), threads=1):
    """Return a memory bound in MB: what the job takes, and Snakemake with it on a cluster."""
    own = predicted_mb(job, points, pixels, len(STACK.dates), pairs, threads)
    return attempt * (own + SNAKEMAKE_MB * on_cluster())


def tile_minutes(wildcards, attempt, per_million_points):
    """Return a generous bound of the run time in minutes for a job of one tile."""
    return minutes(attempt, per_million_points, tile_list()[wildcards.tile].points)


def minutes(attempt, per_million_points, points):
    """Return a generous bound of the run time in minutes for a job that grows with its points."""
    return attempt * int(10 + per_million_points * points / 1e6)
