"""Write the results for LiCSBAS: the folder GEOC of LiCSAR, and the commands that go on from it."""

from pathlib import Path

from emcflow.io.files import write_text
from emcflow.io.network_tables import read_date_baselines
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import rows_of_coherence
from emcflow.products import licsbas
from emcflow.products.degree_grid import degree_grid
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, params, folder = snakemake.input, snakemake.params, Path(snakemake.output[0])
    geoc, scene = folder / "GEOC", read_scene_file(given.stack).grid
    target = degree_grid(scene, "outputs.exports: licsbas")
    coherence = rows_of_coherence(given.coherence, scene.shape[1])
    report = progress("interferograms written")
    licsbas.write_geoc(geoc, target, given.interferograms, coherence, report)
    if params.look:
        licsbas.write_look(geoc, target, scene, given.interferograms[0], **params.look)
    if given.get("baselines"):
        table = read_date_baselines(given.baselines)
        write_text(geoc / "baselines", licsbas.baseline_lines(table.dates, table.bperp_m))
    write_text(folder / licsbas.COMMANDS, licsbas.commands(params.wavelength_m))
    log.info("%d interferograms, %d x %d pixels", len(given.interferograms), *target.grid.shape)
