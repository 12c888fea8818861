"""Unwrap a tile: every link in time around its model, then every interferogram in space."""

from pathlib import Path

from emcflow.errors import named_as_keys
from emcflow.io.hdf5 import (
    create,
    put,
    put_link_state,
    put_points,
    put_region_levels,
    read_points,
)
from emcflow.io.network_tables import read_interferograms, read_time_network
from emcflow.io.tile_phases import read_tile_phases
from emcflow.unwrap.cycle_words import note_of_residues, notes_of_choice
from emcflow.unwrap.tile import UnwrapSettings, cycles_of_links, levels_of_regions, unwrap_pairs
from emcflow.workflow.job import job, progress
from emcflow.workflow.taken_over import (
    check_made_alike,
    known_pairs,
    note_of_known,
    with_known_levels,
)

with job(snakemake) as log:
    given, params, threads = snakemake.input, snakemake.params, snakemake.threads
    previous = given.get("previous")
    if previous:
        record = Path(previous).parents[1] / "records" / f"{Path(snakemake.log[0]).stem}.json"
        fingerprint = snakemake.config["run"]["fingerprints"][snakemake.rule]
        check_made_alike(previous, record, snakemake.rule, fingerprint)
    tile = read_tile_phases(given.mesh, given.get("links"))
    pairs = read_interferograms(given.network, given.triangles)
    network, formed = read_time_network(given.network, given.triangles)
    settings = UnwrapSettings(*map(params.get, UnwrapSettings._fields))
    report = progress("hypotheses tried or ruled out")
    with named_as_keys("link_model", "hypothesis"):
        of_links = cycles_of_links(tile, network, formed, settings, threads, report)
    for note in notes_of_choice(of_links):
        log.info("%s", note)
    known = known_pairs(pairs, tile.phase, given.previous_mesh, previous) if previous else None
    report = progress("interferograms unwrapped in space")
    unwrapped = unwrap_pairs(tile, of_links, pairs, settings, threads, report, known)
    cycles, statistics, names = unwrapped.cycles, unwrapped.statistics, pairs.pair_names
    levels = levels_of_regions(tile, cycles, pairs)
    if previous:
        log.info("%s", note_of_known(names, previous, statistics))
        levels = with_known_levels(names, previous, levels)
    log.info("%s", note_of_residues(names, statistics))
    attributes = {"dates": network.dates, "pairs": names, "hypothesis": of_links.name}
    with create(snakemake.output[0], **attributes) as file:
        put_points(file, *read_points(given.mesh))
        put(file, "uw_cycles", cycles, "cycles to add to phase[d2] - phase[d1]")
        for name, values in statistics.items():
            put(file, f"statistics/{name}", values, "1")
        put_region_levels(file, levels)
        put_link_state(file, unwrapped.quality, unwrapped.changed)
