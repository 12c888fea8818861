"""What the terminal shows: short lines while the jobs run, at the end what came of them."""

import gc
import logging
import time

from emcflow.errors import OutputError
from emcflow.workflow.cleanup import remove_unclaimed
from emcflow.workflow.terminal import shorten

STARTED = time.time()

# On a cluster jobs say nothing here, and Snakemake's lines with their numbers are all there is.
if internals.is_main_process(workflow) and not JOBS.on_cluster:
    shorten(logging.getLogger(internals.LOGGER))


def release_prompt():
    """Let the process end at once where no job runs any more.

    Snakemake has left a thread that is waited for; and looking for garbage once more takes as long.
    """
    internals.cancel_timers()
    gc.freeze()


def remove_earlier_results():
    """Remove what other settings left in output_dir, after a run of all that the config asks for.

    A run of some targets, or up to some rule, has not made everything anew, and removes nothing.
    """
    whole = internals.is_whole_run(workflow) and internals.is_main_process(workflow)
    if not (whole and Path(rules.report.output.settings).exists()):
        return
    used = local_files(filter(None, [*PLAN.named_files, *PLAN.stack_files, PLAN.stack.coherence]))
    try:
        removed, changed = remove_unclaimed(
            Path(f"{OUT}/records"), made_by_rules("output"), jobs_of_the_config(), used
        )
    except (OSError, OutputError) as error:
        print(f"{OUT}: cannot remove what earlier settings made ({error})", file=sys.stderr)
        return
    for files, text in (
        (removed, "removed that earlier settings made and those of now do not"),
        (changed, "left that earlier settings made, since somebody has changed it"),
    ):
        if files:
            more = ", ..." if len(files) > 1 else ""
            print(f"{OUT}: files {text}: {len(files)} ({files[0]}{more})", file=sys.stderr)


onsuccess:
    release_prompt()
    remove_earlier_results()
    text = Path(rules.report.output.text)
    if text.exists() and text.stat().st_mtime >= STARTED:
        print("", text.read_text("utf-8"), sep="\n", file=sys.stderr)


onerror:
    release_prompt()
    print(
        f"\nemcflow has stopped: the reason is above, and in {OUT}/logs. The same command goes on "
        "where it was; what is complete stays.\n",
        file=sys.stderr,
    )
