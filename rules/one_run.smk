"""One run at a time in output_dir; after a killed one the next goes on without a word."""

from emcflow.io.files import remove_unfinished
from emcflow.workflow.cleanup import remove_incomplete
from emcflow.workflow.lock import is_abandoned, take_folder

# The scripts watch over the Snakemake that started them, see emcflow/workflow/job.py.
os.environ.update(EMCFLOW_SNAKEMAKE_PID=str(os.getpid()))


# Snakemake keeps its own lock where a run was killed, and asks for --unlock. Ours is the system's
# and tells whether anybody is still there.
if internals.is_main_process(workflow) and not internals.is_dry_run(workflow) and is_abandoned(OUT):
    internals.remove_locks(OUT)
    remove_incomplete(Path(f"{OUT}/records"), OUT)


onstart:
    checked(take_folder, OUT, JOBS.on_cluster)
    remove_unfinished(OUT)
