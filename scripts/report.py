"""The report of the run: a page to open first, and its pictures; a summary for the terminal."""

from pathlib import Path

import yaml
from emcflow.io.files import write_text
from emcflow.report.reading import RunFiles
from emcflow.report.summary import summary_text
from emcflow.report.write import write_report
from emcflow.workflow.job import job

with job(snakemake) as log:
    made, params = snakemake.output, snakemake.params
    # those that this run does not have are empty
    given = {name: paths for name, paths in snakemake.input.items() if paths}
    parameters = dict(zip(params.parameter_names, given.get("parameters", ()), strict=True))
    layers = dict(zip(params.layer_names, given["layers"], strict=True))
    given |= {"parameters": parameters, "layers": layers}
    given |= {"benchmarks": params.benchmarks, "jobs": params.jobs}
    headline, remarks = write_report(
        RunFiles(**given),
        params.config,
        params.sources,
        made.html,
        made.figures,
        snakemake.threads,
    )
    log.info("the report makes %d remarks", len(remarks))
    interferograms = f"{Path(given['interferograms'][0]).parent}/"
    results = {"report": made.html, "interferograms": interferograms, **parameters}
    write_text(made.text, summary_text(headline, remarks, results))
    settings = Path(made.settings)
    for old in settings.parent.glob("settings_*.yaml"):
        old.unlink()
    write_text(settings, yaml.safe_dump(params.config, sort_keys=False))
