"""What the terminal shows: short lines while the jobs run, at the end what came of them."""

import gc
import logging
import threading
import time

from terminal import shorten

STARTED = time.time()

# On a cluster jobs say nothing here, and Snakemake's lines with their numbers are all there is.
if workflow.is_main_process and not on_cluster():
    shorten(logging.getLogger("snakemake.logging"))


def release_prompt():
    """Let the process end at once where no job runs any more.

    Snakemake has left a timer that it watches its limit of jobs per second with, a thread that is
    waited for; and looking for garbage once more takes as long.
    """
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
    gc.freeze()


onsuccess:
    release_prompt()
    summary = Path(f"{OUT}/summary.txt")
    if summary.exists() and summary.stat().st_mtime >= STARTED:
        print("", summary.read_text("utf-8"), sep="\n", file=sys.stderr)


onerror:
    release_prompt()
    print(
        f"\nemcflow has stopped: the reason is above, and in {OUT}/logs. The same command goes on "
        "where it was; what is complete stays.\n",
        file=sys.stderr,
    )
