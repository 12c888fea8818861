"""Gather the points and links of all tiles as those of one scene, the best links first."""

import numpy as np
from emcflow.io.hdf5 import TileFiles, create, length, put, read, read_overlaps
from emcflow.io.islands import read_islands
from emcflow.io.joined_scene import put_links, put_pixels
from emcflow.io.scene_file import read_scene_file
from emcflow.tiles.scene import placed_tiles, scene_of_tiles
from emcflow.tiles.scene_links import SceneLinks, own_links
from emcflow.unwrap.labels import count_links
from emcflow.workflow.job import job

with job(snakemake) as log:
    given = snakemake.input
    shape = read_scene_file(given.stack).grid.shape
    component, islands = read_overlaps(given.overlaps).component, read_islands(given.overlaps)
    files = TileFiles(given.mesh)
    blended = given.blended or [None] * len(files)
    with create(snakemake.output[0]) as file:
        scene = scene_of_tiles(files, shape, component)
        put_pixels(file, scene.pixels)
        put(file, "component", scene.component, "label")
        part = np.empty(scene.pixels.npoints if islands.levelled.any() else 0, np.int32)
        links, own = SceneLinks(sum(length(path, "edges") for path in given.mesh)), []
        sources = zip(given.mesh, given.unwrapped, blended, strict=True)
        placed = zip(sources, placed_tiles(files, scene.pixels), strict=True)
        for number, (source, (places, nodes)) in enumerate(placed):
            mesh, unwrapped, of_blending = source
            put(file, f"places/{number}", places, "index")
            counts = scene.component[places] == component[nodes]
            owned = read(of_blending, "owned")[0] if of_blending else counts
            if len(part):
                part[places[owned]] = islands.part[nodes[owned]]
            edges, confident = read(mesh, "edges", "confident")
            chosen = own_links(edges, confident, owned, counts)
            links.add(places[edges[chosen]], read(unwrapped, "link_quality")[0][chosen])
            own.append(chosen)
        del scene, placed, places, nodes, counts, owned, edges, confident, chosen
        if len(part):
            put(file, "part", part, "label")
        degree = np.zeros(file["component"].shape, np.int32)
        count_links(links.edges, degree)
        put(file, "degree", degree, "links")
        log.info("%d points, %d links of %d tiles", len(degree), len(links), len(own))
        del part, degree
        put_links(file, links, own)
