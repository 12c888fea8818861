"""Merge the tiles of a batch of interferograms and write their rasters."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from emcflow.merge import merge_cycles, reference_cycles, reference_points, scene_index
from emcflow.network import hop3_network
from emcflow.raster import Grid, read_band, scatter, write_raster
from emcflow.store import read, read_overlaps, read_rows, read_tile_points
from job import job, progress

CYCLE = 2 * np.pi

with job(snakemake) as log:
    given, output = snakemake.input, snakemake.output
    with open(given.stack) as file:
        summary = json.load(file)
    network = hop3_network(summary["dates"])
    grid = Grid(tuple(summary["shape"]), summary["crs"], tuple(summary["transform"]))
    batch = slice(snakemake.params.first_pair, snakemake.params.first_pair + len(output.unwrapped))

    tiles = [read_tile_points(path) for path in given.mesh]
    overlaps = read_overlaps(given.overlaps)
    (offsets,) = read(given.offsets, "offsets")
    scene = scene_index(tiles, grid.shape, overlaps.component)
    cycles = [read_rows(path, "uw_cycles", batch) for path in given.unwrapped]
    merged = merge_cycles(scene, cycles, offsets[batch])
    coherence = read_band(given.coherence)[tuple(scene.points.T)]
    references = reference_points(scene, coherence, snakemake.params.reference_point)
    referenced, removed = reference_cycles(merged.cycles, scene.component, references)

    phase = np.empty((len(network.dates), len(scene.points)), dtype=np.float32)
    for tile, path in zip(scene.tiles, given.mesh, strict=True):
        phase[:, tile.position] = read(path, "phase")[0]
    tags = {"REFERENCE_ROW_COL": " ".join(map(str, scene.points[references[0]]))}
    report = progress("interferograms written")

    def write(number):
        first, second = network.pairs[batch][number]
        wrapped = phase[second].astype(np.float64) - phase[first]
        name = network.pair_names[batch][number]
        dates = tags | {"REFERENCE_DATE": name[:8], "SECONDARY_DATE": name[9:]}
        zero = removed[number][scene.component]
        layers = (
            (output.unwrapped, wrapped + CYCLE * referenced[number], "unwrapped phase"),
            (output.model, wrapped + CYCLE * (merged.mean[number] - zero), "mean of the tiles"),
            (output.diff, CYCLE * merged.spread[number], "largest difference of the tiles"),
        )
        for paths, values, text in layers:
            image = scatter(scene.points, values, grid.shape)
            write_raster(paths[number], image, grid, units="rad", description=text, tags=dates)

    with ThreadPoolExecutor(snakemake.threads) as pool:
        for done, _ in enumerate(pool.map(write, range(len(output.unwrapped))), start=1):
            report(done, len(output.unwrapped))
    log.info(
        "%d points, %d where tiles differ by a cycle or more in some interferogram",
        len(scene.points),
        (merged.spread > 0.5).any(axis=0).sum(),
    )
