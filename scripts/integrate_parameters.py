"""Turn the link model of a tile into velocity, DEM error and residual phase of its points."""

import numpy as np
from emcflow.acquisition.model_terms import term_unit
from emcflow.io.hdf5 import create, put, put_points, read, read_points
from emcflow.io.link_models import read_link_terms
from emcflow.links.integrate import fit_links
from emcflow.links.uncertainty import date_contrasts, parameter_covariance, residual_contrasts
from emcflow.workflow.job import job

with job(snakemake) as log:
    given = snakemake.input
    points, bounds = read_points(given.mesh)
    phase, edges, confident, region = read(given.mesh, "phase", "edges", "confident", "region")
    terms, design, weights = read_link_terms(given.links)
    units = [term_unit(term) for term in terms]
    links = read(given.links, "link_params", "link_params_sigma", "at_range_end")
    values, sigma, at_range_end = (of_links[..., confident] for of_links in links)
    edges = edges[confident]
    parameters = residuals = np.empty((0, len(points)))
    if terms:
        fit = fit_links(edges, values, sigma, len(points), at_range_end)
        parameters = fit.values
        contrasts = date_contrasts(design, weights)
        residuals = residual_contrasts(phase, edges, design, fit, contrasts, weights)
    for term, unit, link, point in zip(terms, units, values, parameters, strict=True):
        misfit = np.abs(point[edges[:, 1]] - point[edges[:, 0]] - link)
        log.info("%s: links fit to %.3g %s (median)", term, np.median(misfit), unit)
    with create(snakemake.output[0], terms=terms, units=units) as file:
        put_points(file, points, bounds)
        put(file, "region", region, "label")
        put(file, "params", parameters, "see terms")
        covariance = parameter_covariance(design, weights)
        put(file, "covariance", covariance, "units of the terms per rad")
        put(file, "residuals", residuals, "rad")
