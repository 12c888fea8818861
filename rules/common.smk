"""What all rules share: the plan of the run, names of results, what jobs ask for."""

import os
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, f"{ROOT}/scripts")

from emcflow.io.fingerprints import fingerprint
from emcflow.io.remote import set_retries
from emcflow.workflow import snakemake_internals as internals
from emcflow.workflow.code_version import code_version as version_of_code
from emcflow.workflow.config import check_config
from emcflow.workflow.inputs import local_files
from emcflow.workflow.plan import PAIRS_PER_BATCH, check_plan, make_plan
from emcflow.workflow.resources import JobResources, minutes
from emcflow.workflow.results import Results
from emcflow.workflow.start import checked
from emcflow.workflow.surroundings import (
    bound_gdal_cache,
    check_clock,
    check_not_written,
    check_proj,
    place_caches,
)
from emcflow.workflow.update import pair_rasters

checked(internals.check_import, workflow)
checked(check_proj)
complete = checked(check_config, config)
config.clear()  # for its keys to have one order, whatever that of the file
config.update(complete)
validate(config, "../config/config.schema.yaml")

PLAN = checked(make_plan, dict(config))
OUT = PLAN.out
RESULTS = Results(PLAN)
JOBS = JobResources(PLAN, internals.on_cluster(workflow))
if internals.is_main_process(workflow):
    checked(check_plan, PLAN)
place_caches(os.path.abspath(f"{OUT}/.cache"))
set_retries()
bound_gdal_cache()


wildcard_constraints:
    tile=r"\d+",
    strip=r"\d+",
    pair=r"\d{8}_\d{8}",


def code_version(script):
    """Return the fingerprint of a script and of the library modules that it imports."""
    return version_of_code(f"{ROOT}/scripts/{script}.py")


def settings_file():
    """Return a name that is another with other settings, code or input files, whatever the rules.

    With others than those of the last report that file is missing, so a report is made, and finds
    out what is out of date, even where Snakemake's notes are lost.
    """
    scripts, rules = Path(ROOT).glob("scripts/*.py"), Path(ROOT).glob("rules/*.smk")
    texts = {path.name: path.read_text() for path in rules}
    return (
        f"{OUT}/records/settings_{fingerprint([PLAN.state, version_of_code(*scripts), texts])}.yaml"
    )


def settings_of_the_run():
    """Return what scripts compare with what they read: no settings, so no params of rules."""
    return dict(
        records=f"{OUT}/records",
        sources=PLAN.sources,
        fingerprints=internals.fingerprints(workflow),
    )


def check_outside():
    """Check files of the user: none where a rule writes, none dated in the future."""
    if not internals.is_main_process(workflow):
        return
    if not PLAN.simulated:
        is_written = partial(internals.is_written, workflow)
        checked(check_not_written, PLAN.users_files, OUT, is_written)
        # tables of baselines are read as params, their time says nothing
        checked(check_clock, [name for name in PLAN.sources if name not in PLAN.baseline_files])
    checked(check_clock, internals.results_there_are(workflow))


def tile_list():
    """Return the tiles by their names, once the checkpoint has run."""
    checkpoints.tiles.get()
    return JOBS.tiles()


def each_tile(pattern):
    """Return an input function: one file per tile, by the wildcard {tile}."""
    return lambda wildcards: expand(pattern, tile=tile_list())


def each_of_several_tiles(pattern):
    """Return an input function: one file per tile, none where there is only one tile."""
    return lambda wildcards: expand(pattern, tile=tile_list()) if len(tile_list()) > 1 else []


def merged_files():
    """Return what interferograms are merged from, by the names that PairMerger knows."""
    return dict(
        stack=f"{OUT}/stack/stack.json",
        coherence=PLAN.stack.coherence,
        network=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
        tiles=f"{OUT}/tiles/tiles.json",
        mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
        scene=f"{OUT}/merge/scene.h5",
        overlaps=f"{OUT}/merge/overlaps.h5",
        offsets=f"{OUT}/merge/bulk_offsets.h5",
        blended=each_of_several_tiles(f"{OUT}/blend/blend_tile_{{tile}}.h5"),
        references=RESULTS.references,
    )


def tile_and_beside(pattern):
    """Return an input function: the file of a tile, then those of the tiles that overlap it."""

    def files(wildcards):
        tile_list()
        return expand(pattern, tile=JOBS.tiles_beside(wildcards.tile))

    return files


def each_strip(pattern):
    """Return an input function: one file per strip of the scene, by the wildcard {strip}."""

    def files(wildcards):
        tile_list()
        return expand(pattern, strip=JOBS.strips())

    return files


def tile_threads(wildcards, beside=0):
    """Return the threads for a job of one tile, with so many left to others of it."""
    tiles = tile_list()
    cores = 0 if JOBS.on_cluster else workflow.cores
    return JOBS.tile_threads(tiles[wildcards.tile], len(tiles), cores, beside)


def tile_memory(wildcards, attempt, job, threads=1):
    """Return a memory bound in MB for a job of one tile and all interferograms."""
    return JOBS.tile_memory(tile_list()[wildcards.tile], attempt, job, threads)


def tile_minutes(wildcards, attempt, per_million_points):
    """Return a generous bound of the run time in minutes for a job of one tile."""
    return minutes(attempt, per_million_points, tile_list()[wildcards.tile].points)


def made_by_rules(kind):
    """Return the files of a kind (output, log) that the rules of the config make."""
    tiles, exports = JOBS.tiles(), {*RESULTS.exports} - {*config["outputs"]["exports"]}
    unwanted = {f"export_{name}" for name in exports}
    if len(tiles) == 1:
        unwanted.add("blend_tile")
    return internals.made_by_rules(
        workflow, kind, {"tile": tiles, "strip": JOBS.strips()}, unwanted
    )


def jobs_of_the_config():
    """Return the names of the jobs that the config asks for, those of their logs."""
    return [Path(path).stem for path in made_by_rules("log")]
