"""The config, checked; what it implies for every rule: dates, pairs, tiles, threads, memory."""

import os
import re
import sys
from functools import cache
from glob import escape, glob
from pathlib import Path

import numpy as np

sys.path.insert(0, f"{ROOT}/scripts")

from emcflow.io.baselines import table_state
from emcflow.products.closure import all_triangles, window_of
from emcflow.workflow.code_version import code_version as library_version
from emcflow.workflow.config import check_config
from emcflow.io.date_tables import read_weights
from emcflow.errors import InputError
from emcflow.acquisition.geometry import TERMS, design_matrix
from emcflow.workflow.inputs import (
    Inputs,
    baseline_rasters,
    find_inputs,
    local_files,
    view_rasters,
)
from emcflow.workflow.memory import predicted_mb
from emcflow.acquisition.model_terms import (
    EXTRA_SIGMAS,
    check_step_date,
    extra_columns,
    extra_ranges,
    range_key,
)
from emcflow.io.date_tables import read_temperatures
from emcflow.links.terms import choose_model_terms
from emcflow.network.networks import hop3_network
from emcflow.io.pair_table import read_pairs
from emcflow.network.pairs import MERGED_AT_ONCE, delaunay_pairs, in_batches
from emcflow.io.raster import BLOCK
from emcflow.io.fingerprints import files_state, fingerprint
from emcflow.links.search_grid import check_search
from emcflow.products.simulate import simulation_baselines, simulation_dates
from emcflow.io.stack import check_reference, phase_linked_stack
from emcflow.workflow.surroundings import check_clock, check_proj, place_caches
from emcflow.io.text_baselines import table_files
from emcflow.tiles.cut import tiles_from_json
from emcflow.workflow.update import check_kept, find_previous


def checked(function, *arguments):
    """Call a function of the library; bad input ends the run with its one line.

    An exception would have Snakemake print where in the workflow it came from, which is of no
    interest to the author of a config, and hides the line.
    """
    try:
        return function(*arguments)
    except InputError as error:
        sys.exit(f"\nemcflow cannot start:\n{error}")


def check_import():
    """Refuse a prefix of the paths where another workflow imports this one as a module.

    It would be put before the names of the user's own files too, and not before those in the config.
    """
    paths = workflow.modifier.path_modifier
    if paths.prefix or paths._prefix_replacements:
        raise InputError(
            "module: prefix and replace_prefix do not reach the paths in emcflow's config; expected "
            "none: set output_dir of the module's config to the folder that the results shall be in"
        )


checked(check_import)
checked(check_proj)
config.update(checked(check_config, config))
validate(config, "../config/config.schema.yaml")

OUT = config["output_dir"].rstrip("/")
SIMULATED = config["stack"]["layout"] == "simulate"
SIMULATION = f"{OUT}/simulation"
BASELINES_CSV = config["baselines"]["csv"] or (
    f"{SIMULATION}/baselines_ifg.csv" if SIMULATED else None
)
LINK_MODEL = config["link_model"]["enabled"]
EXTRA_RANGES = (
    extra_ranges(config["link_model"], config["geometry"]["wavelength_m"]) if LINK_MODEL else {}
)
TIME_SERIES = config["outputs"]["time_series"]
PREVIOUS = checked(find_previous, config)


def configured_inputs():
    """Return the input that the config names; a simulated one need not exist yet."""
    if SIMULATED:
        dates = simulation_dates(config["simulation"])
        stack = phase_linked_stack(f"{SIMULATION}/stack", None, dates)
        return Inputs(stack, config["stack"]["min_temporal_coherence"])
    inputs = find_inputs(config["stack"], OUT)
    return PREVIOUS.with_its_points(inputs) if PREVIOUS else inputs


INPUTS = checked(configured_inputs)
STACK, MIN_COHERENCE = INPUTS.stack, INPUTS.min_coherence
LINKED_COHERENCE = f"{OUT}/stack/linked/temporal_coherence.tif"
STACK_FILES = local_files(STACK.files)
BPERP_RASTERS = checked(baseline_rasters, config["baselines"]["rasters"], STACK.dates)
BASELINE_FILES = checked(table_files, BASELINES_CSV) if LINK_MODEL and BASELINES_CSV else []
VIEW_READ = LINK_MODEL or "mintpy" in config["outputs"]["exports"]
GEOMETRY_RASTERS = checked(view_rasters, config["geometry"]) if VIEW_READ else {}
VIEW_CHANGES = bool(GEOMETRY_RASTERS or BPERP_RASTERS)
STACK_PARAMS = dict(
    layout=STACK.layout,
    dates=list(STACK.dates),
    files=list(STACK.files),
    coherence=STACK.coherence,
    window=STACK.window,
)
# What comes from outside; the other files that rules read are made by rules.
OUTSIDE = [
    *(INPUTS.interferograms or STACK).files,
    *([INPUTS.points.raster, INPUTS.points.mask] if INPUTS.points else [STACK.coherence]),
    *GEOMETRY_RASTERS.values(),
    *BPERP_RASTERS.values(),
    *BASELINE_FILES,
]
# Of these, the stack and the coherence may be made of others first.
MADE_STACK = [STACK.coherence] if INPUTS.points else []
if INPUTS.interferograms:
    MADE_STACK += [*STACK.files, LINKED_COHERENCE]
OUTSIDE = [name for name in OUTSIDE if name and name not in MADE_STACK]
SOURCES = [] if SIMULATED else local_files(OUTSIDE)
SOURCES += PREVIOUS.files if PREVIOUS else []


def state_of(names):
    """Return a fingerprint of those of some files that come from outside.

    Snakemake does not see that one was replaced by an older file.
    """
    return files_state(name for name in local_files(names) if name in SOURCES)


def date_baselines():
    """Return the baselines of the dates [m]; those of a simulated stack before there is a table."""
    if SIMULATED:
        return simulation_baselines(config["simulation"])
    from emcflow.io.baselines import read_baselines  # slow to import, and few jobs need it

    return read_baselines(BASELINES_CSV, STACK.dates, config["baselines"]["negate"]).bperp_m


def interferogram_names():
    """Return the pairs of dates that the config asks for, each as its two dates."""
    settings, dates = config["network"], STACK.dates
    if settings["type"] == "csv":
        pairs = read_pairs(settings["csv"], dates)
    elif settings["type"] == "delaunay":
        limits = settings["max_days"], settings["max_bperp_m"]
        pairs = delaunay_pairs(dates, date_baselines(), *limits)
    else:
        return hop3_network(dates).pair_names
    return [f"{dates[first]}_{dates[second]}" for first, second in pairs]


PAIRS = checked(interferogram_names)
if PREVIOUS:
    checked(check_kept, PREVIOUS, STACK.dates, PAIRS)
NEW_PAIRS = [pair for pair in PAIRS if not (PREVIOUS and pair in PREVIOUS.pairs)]


if "step_mm" in EXTRA_RANGES:
    checked(check_step_date, config["link_model"]["step_date"], STACK.dates)
TEMPERATURES_C = None
if "thermal_mm_per_c" in EXTRA_RANGES:
    TEMPERATURES_C = checked(
        read_temperatures, config["link_model"]["temperature_csv"], STACK.dates
    )
DATE_WEIGHTS = None
if config["link_model"]["weights_csv"]:
    DATE_WEIGHTS = checked(read_weights, config["link_model"]["weights_csv"], STACK.dates)


def check_link_model():
    """Check baselines and search ranges: cheap, and hours sooner than in the rules that use them.

    Not left to rules that others wait for: a new baseline would then rerun what does not use it.
    """
    if BPERP_RASTERS:
        return
    bperp_m = date_baselines()
    if GEOMETRY_RASTERS:
        return  # the grid of the search is known when they are read
    design = np.column_stack(
        [
            design_matrix(STACK.dates, bperp_m, **config["geometry"]),
            extra_columns(
                STACK.dates,
                config["geometry"]["wavelength_m"],
                list(EXTRA_RANGES),
                config["link_model"]["step_date"],
                TEMPERATURES_C,
            ),
        ]
    )
    keys = ["velocity_range_mm_yr", "dem_error_range_m"]
    ranges = [*[config["link_model"][key] for key in keys], *EXTRA_RANGES.values()]
    names = [*TERMS, *EXTRA_RANGES]
    terms, _ = choose_model_terms(design, [each[:2] for each in ranges], names, STACK.dates)
    check_search(
        design,
        ranges,
        config["link_model"]["memory_mb"],
        [f"link_model.{range_key(name)}" for name in names],
        terms,
        len(TERMS),
    )


BASELINES_STATE = checked(table_state, BASELINES_CSV) if BASELINE_FILES and not SIMULATED else None


def check_reference_point():
    """Check the reference as soon as there is a stack, not in a rule that others wait for."""
    point = config["reference"]["point"]
    files = local_files([*STACK.files, STACK.coherence])
    if point is not None and all(Path(file).exists() for file in files):
        check_reference(STACK, point, MIN_COHERENCE)


if not SIMULATED and workflow.is_main_process:
    if LINK_MODEL:
        checked(check_link_model)
    checked(check_reference_point)

# Interferograms are merged in batches: enough work for a job. It holds fewer of them at once.
PAIRS_PER_BATCH = 28
BATCHES = in_batches(NEW_PAIRS, PAIRS_PER_BATCH, even=True)
HELD_AT_ONCE = [part for batch in BATCHES for part in in_batches(batch, MERGED_AT_ONCE)]
PAIRS_AT_ONCE = max(map(len, HELD_AT_ONCE), default=0)
DATES_AT_ONCE = max((len({*"_".join(part).split("_")}) for part in HELD_AT_ONCE), default=0)
INTERFEROGRAMS = expand(f"{OUT}/unwrapped/{{pair}}.unw.tif", pair=PAIRS)
REFERENCES = f"{OUT}/merge/references.csv"
COMPONENTS = expand(f"{OUT}/unwrapped/{{pair}}.unw.conncomp.tif", pair=PAIRS)
PARAMETER_NAMES = [
    "velocity_mm_yr",
    "dem_error_m",
    "velocity_sigma_mm_yr",
    "dem_error_sigma_m",
    *EXTRA_RANGES,
    *[EXTRA_SIGMAS[name] for name in EXTRA_RANGES],
    "link_model_coherence",
]
PARAMETER_RASTERS = expand(f"{OUT}/{{name}}.tif", name=PARAMETER_NAMES)
LINK_QUALITY_NAMES = ["residual_phase_rad", "link_coherence_unbiased", "noise_links"]

# A job on a cluster has this many points to a thread, and two processes of Snakemake in it.
POINTS_PER_THREAD = 100_000
# On one machine a further thread is of use from so many points on.
POINTS_WORTH_A_THREAD = 20_000
SNAKEMAKE_MB = 400


wildcard_constraints:
    tile=r"\d+",
    pair=r"\d{8}_\d{8}",


def previous(name):
    """Return a file of the run whose interferograms are taken over, nothing where there is none."""
    return f"{PREVIOUS.folder}/{name}" if PREVIOUS else []


def code_version(script):
    """Return the fingerprint of a script and of the library modules that it imports."""
    return library_version(f"{ROOT}/scripts/{script}.py")


def fingerprints():
    """Return a fingerprint of the params of every rule so far, by its name."""
    settings = {
        each.name: {name: value for name, value in each.params.items() if not callable(value)}
        for each in workflow.rules
    }
    return {name: fingerprint(values) for name, values in settings.items()}


def scene_shape_and_tiles():
    """Return rows and columns of the scene, and the tiles.

    Where there is no such file yet, its FileNotFoundError tells Snakemake that what a job asks for
    is to be determined; asking the checkpoint would end a dry run.
    """
    path = Path(f"{OUT}/tiles/tiles.json")
    return tiles_as_of(path, path.stat().st_mtime_ns)


@cache
def tiles_as_of(path, written_ns):
    """Return what a file of tiles holds; every job of a tile asks, so it is read once."""
    return checked(tiles_from_json, path.read_text(), path)


def tile_list():
    """Return the tiles by their names, once the checkpoint has run."""
    checkpoints.tiles.get()
    _, tiles = scene_shape_and_tiles()
    return {f"{number:02d}": tile for number, tile in enumerate(tiles)}


def each_tile(pattern):
    """Return an input function: one file per tile, by the wildcard {tile}."""
    return lambda wildcards: expand(pattern, tile=tile_list())


def scene_points():
    """Return the number of points in all tiles together, those of overlaps counted twice."""
    _, tiles = scene_shape_and_tiles()
    return sum(tile.points for tile in tiles)


def scene_pixels():
    """Return the number of pixels of the scene."""
    (rows, cols), _ = scene_shape_and_tiles()
    return rows * cols


def strip_pixels(margin):
    """Return the number of pixels of a strip of the scene with a margin of rows above and below."""
    (rows, cols), _ = scene_shape_and_tiles()
    return min(rows, BLOCK + 2 * margin) * cols


def input_pixels():
    """Return the size of the scene before anything has run, by its window or its first raster."""
    from emcflow.io.raster import open_raster

    if config["stack"]["window"]:
        row0, col0, row1, col1 = config["stack"]["window"]
        return (row1 - row0) * (col1 - col0)
    with checked(open_raster, next(filter(None, (INPUTS.interferograms or STACK).files))) as raster:
        return raster.height * raster.width


def simulated_pixels():
    """Return the size of the simulated scene."""
    return config["simulation"]["rows"] * config["simulation"]["cols"]


def on_cluster():
    """Return whether jobs go to a cluster, or this is Snakemake inside one of those jobs."""
    return workflow.remote_exec or workflow.nodes is not None


def tile_threads(wildcards, beside=0):
    """Return the threads for one tile: by its points on a cluster, else its share of the cores.

    So many of its share are left to other jobs of the tile that run `beside`.
    """
    if on_cluster():
        threads = tile_list()[wildcards.tile].points // POINTS_PER_THREAD
    else:
        # a small tile leaves the other cores to the jobs beside it
        small = 1 + tile_list()[wildcards.tile].points // POINTS_WORTH_A_THREAD
        threads = min(small, workflow.cores // len(tile_list()) - beside)
    return max(1, min(8, threads))


def tile_memory(wildcards, attempt, job, threads=1):
    """Return a memory bound in MB for a job of one tile and all interferograms."""
    tile = tile_list()[wildcards.tile]
    row0, col0, row1, col1 = tile.bounds
    pixels = (row1 - row0) * (col1 - col0)
    return megabytes(attempt, job, tile.points, pixels, threads=threads)


def scene_memory(attempt, job, pairs=len(PAIRS), threads=1, dates=len(STACK.dates)):
    """Return a memory bound in MB for a job of all tiles, some interferograms and dates."""
    (rows, cols), _ = scene_shape_and_tiles()
    return megabytes(attempt, job, scene_points(), rows * cols, pairs, threads, dates)


def megabytes(attempt, job, points, pixels, pairs=len(PAIRS), threads=1, dates=len(STACK.dates)):
    """Return a memory bound in MB: what the job takes, and Snakemake with it on a cluster."""
    own = predicted_mb(job, points, pixels, dates, pairs, threads, len(EXTRA_RANGES))
    if job == "link_model" and EXTRA_RANGES:
        own += config["link_model"]["memory_mb"]  # the grid of many terms may take all of it
    return attempt * (own + SNAKEMAKE_MB * on_cluster())


def tile_minutes(wildcards, attempt, per_million_points):
    """Return a generous bound of the run time in minutes for a job of one tile."""
    return minutes(attempt, per_million_points, tile_list()[wildcards.tile].points)


def minutes(attempt, per_million_points, points):
    """Return a generous bound of the run time in minutes for a job that grows with its points."""
    return attempt * int(10 + per_million_points * points / 1e6)


def heights_mb():
    """Return what the heights of the points take, from the links of one tile at a time, in MB."""
    most = max(tile.points for tile in scene_shape_and_tiles()[1])
    return predicted_mb("tile_heights", most) if LINK_MODEL and not PREVIOUS else 0


@cache
def loops_mb():
    """Return what the interferograms of a window take that loops are counted in, in MB."""
    ends = [pair.split("_") for pair in PAIRS]
    _, sides = all_triangles(np.searchsorted(STACK.dates, ends), len(STACK.dates))
    (rows, cols), held = window_of(sides)
    return 4 * held * min(rows * cols, scene_pixels()) // 1_000_000


def rules_of_the_config():
    """Return the rules whose results the config asks for; exports can be asked for by name too."""
    exports = {f"export_{name}" for name in EXPORT_FILES}
    wanted = {f"export_{name}" for name in config["outputs"]["exports"]}
    return [each for each in workflow.rules if each.name not in exports - wanted]


def made_by_rules(kind):
    """Return the files of a kind (output, log) that the rules of the config make, of all tiles."""
    _, tiles = scene_shape_and_tiles()
    names = [f"{number:02d}" for number in range(len(tiles))]
    patterns = [str(path) for each in rules_of_the_config() for path in getattr(each, kind)]
    tile = re.compile(r"\{tile\b[^}]*\}")  # Snakemake has put the constraint in
    return [*dict.fromkeys(tile.sub(name, each) for each in patterns for name in names)]


def jobs_of_the_config():
    """Return the names of the jobs that the config asks for, those of their logs."""
    return [Path(path).stem for path in made_by_rules("log")]


def check_not_written(names):
    """Refuse a file of the user that has the name of one that a rule writes."""
    results = os.path.realpath(OUT)
    for name in names:
        within = os.path.relpath(os.path.realpath(name), results)
        if within.startswith(".."):
            continue
        # a rule whose result is a folder removes all that is in it
        at = [f"{OUT}/{place}" for place in (Path(within), *Path(within).parents)]
        if any(each.is_producer(place) for each in workflow.rules for place in at):
            raise InputError(
                f"{name}: would be written over, {OUT}/{within} is the name of a result of this "
                "run; expected input files of other names: move it out of output_dir, or set "
                "output_dir to another folder"
            )


def results_there_are():
    """Return the files that rules have made so far."""
    patterns = {escape(str(path)) for each in workflow.rules for path in each.output}
    return [name for each in patterns for name in glob(re.sub(r"\[?\{\w+\}\]?", "*", each))]
