"""Write the results for PyRate: GeoTIFFs, headers of ROI_PAC, lists of files and a config."""

from pathlib import Path

import numpy as np
from emcflow.io.files import write_text
from emcflow.io.raster import rows_of_band
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import rows_of_coherence
from emcflow.products import pyrate
from emcflow.products.degree_grid import degree_grid
from emcflow.products.reference import read_references
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, folder = snakemake.input, Path(snakemake.output[0])
    scene, wavelength_m = read_scene_file(given.stack).grid, snakemake.params.wavelength_m
    target = degree_grid(scene, "outputs.exports: pyrate")
    coherence = rows_of_coherence(given.coherence, scene.shape[1])
    report = progress("interferograms written")
    pyrate.write_files(folder, target, given.interferograms, coherence, wavelength_m, report)
    _, reference = read_references(given.references)
    phase = rows_of_band(given.interferograms[0], scene.shape[1])
    place = target.nearest_point(*reference, lambda *rows: np.isfinite(phase(*rows)))
    write_text(folder / pyrate.CONFIG, pyrate.settings(target.grid, place))
    log.info("%d interferograms, %d x %d pixels", len(given.interferograms), *target.grid.shape)
