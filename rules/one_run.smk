"""One run at a time in output_dir; after a killed one the next goes on without a word."""

import os

from emcflow.io.files import remove_unfinished
from emcflow.workflow.lock import is_abandoned, take_folder
from emcflow.workflow.records import remove_incomplete

# The scripts watch over the Snakemake that started them, see emcflow/workflow/job.py.
os.environ.update(EMCFLOW_SNAKEMAKE_PID=str(os.getpid()))


# Snakemake keeps its own lock where a run was killed, and asks for --unlock. Ours is the system's
# and tells whether anybody is still there.
if workflow.is_main_process and not workflow.output_settings.dryrun and is_abandoned(OUT):
    for lock in Path(".snakemake/locks").glob("*.lock"):
        if any(line.startswith(f"{OUT}/") for line in lock.read_text().splitlines()):
            lock.unlink()
    remove_incomplete(Path(f"{OUT}/records"), OUT, Path(".snakemake/incomplete"))


onstart:
    checked(take_folder, OUT, on_cluster())
    remove_unfinished(OUT)
