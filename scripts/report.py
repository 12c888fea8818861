"""The report of the run: a page to open first, and its pictures."""

from emcflow.report import RunFiles, write_report
from job import job

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
        links=given.links,
        parameters=dict(zip(params.parameter_names, given.parameters, strict=True)),
        baselines=given.get("baselines") or None,
        misfit=given.get("misfit") or None,
        truth=given.get("truth") or None,
    )
    numbers = write_report(
        files,
        params.config,
        params.sources,
        snakemake.output.html,
        snakemake.output.figures,
        snakemake.threads,
    )
    log.info("%s", ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in numbers.items()))
