"""What the files of the stack say of view and baselines, and where the config differs from it."""

from emcflow.errors import InputError
from emcflow.io.files import write_lines, write_text
from emcflow.io.network_tables import read_date_baselines
from emcflow.processors.compare import find_metadata, metadata_remarks
from emcflow.processors.describe import config_of
from emcflow.workflow.job import job

with job(snakemake) as log:
    params, table = snakemake.params, snakemake.input.get("baselines")
    bperp_m = {}
    if table:
        baselines = read_date_baselines(table)
        bperp_m = dict(zip(baselines.dates, baselines.bperp_m, strict=True))
    remarks, described = [], "# No metadata known here beside the files of the stack.\n"
    try:
        found = find_metadata(params.files)
        if found:
            found.ask_for_the_rest()
            names = [*found.tables, *found.rasters, *found.texts]
            described = config_of(
                found, params.folder or "The stack", "stack", {name: name for name in names}
            )
            remarks = metadata_remarks(found, params.geometry, bperp_m, params.cropped)
            log.info("the config is compared with the metadata of %s", found.program)
        else:
            log.info("no metadata known here beside the files of the stack")
    except (InputError, OSError) as error:  # nothing that the run needs
        log.info("metadata beside the files of the stack are not compared: %s", error)
    for remark in remarks:
        log.warning("%s", remark)
    write_lines(snakemake.output.metadata, remarks)
    write_text(snakemake.output.described, described)
