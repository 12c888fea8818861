"""Turn the link model of a tile into velocity, DEM error and coherence of its points."""

import numpy as np
from emcflow.integrate import integrate_links, point_coherence
from emcflow.store import create, open_product, put, put_points, read, read_points
from job import job

with job(snakemake) as log:
    given = snakemake.input
    points, bounds = read_points(given.mesh)
    edges, confident, region = read(given.mesh, "edges", "confident", "region")
    links = read(given.links, "link_params", "link_params_sigma", "link_coherence", "at_edge")
    values, sigma, coherence, at_edge = (of_links[..., confident] for of_links in links)
    edges = edges[confident]
    with open_product(given.links) as file:
        terms, units = list(file.attrs["terms"]), list(file.attrs["units"])
    parameters = np.empty((0, len(points)))
    if terms:
        parameters = integrate_links(edges, values, sigma, len(points), at_edge)
    for term, unit, link, point in zip(terms, units, values, parameters, strict=True):
        misfit = np.abs(point[edges[:, 1]] - point[edges[:, 0]] - link)
        log.info("%s: links fit to %.3g %s (median)", term, np.median(misfit), unit)
    with create(snakemake.output[0], terms=terms, units=units) as file:
        put_points(file, points, bounds)
        put(file, "region", region, "label")
        put(file, "params", parameters, "see terms")
        put(file, "coherence", point_coherence(edges, coherence, len(points)), "1")
