"""The report of the run: a page to open first, and its pictures; a summary for the terminal."""

from pathlib import Path

import yaml
from emcflow.io.files import write_text
from emcflow.report.report import RunFiles, write_report
from emcflow.report.text import summary_text
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    files = RunFiles(
        stack=given.stack,
        tiles=given.tiles,
        network=given.network,
        triangles=given.triangles,
        coherence=given.coherence,
        interferograms=given.interferograms,
        meshes=given.mesh,
        unwrapped=given.unwrapped,
        overlaps=given.overlaps,
        pairs=given.pairs,
        loops=given.loops,
        open_loops=given.open_loops,
        benchmarks=params.benchmarks,
        jobs=params.jobs,
        links=given.links,
        parameters=dict(zip(params.parameter_names, given.parameters, strict=True)),
        baselines=given.get("baselines") or None,
        misfit=given.get("misfit") or None,
        found=given.found,
        truth=given.get("truth") or None,
    )
    headline, remarks = write_report(
        files,
        params.config,
        params.sources,
        snakemake.output.html,
        snakemake.output.figures,
        snakemake.threads,
    )
    log.info("the report makes %d remarks", len(remarks))
    interferograms = f"{Path(files.interferograms[0]).parent}/"
    results = {"report": snakemake.output.html, "interferograms": interferograms}
    text = summary_text(headline, remarks, results | files.parameters)
    write_text(snakemake.output.text, text)
    settings = Path(snakemake.output.settings)
    for old in settings.parent.glob("settings_*.yaml"):
        old.unlink()
    write_text(settings, yaml.safe_dump(params.config, sort_keys=False))
