"""Files of the user: none where a rule writes, none dated in the future; and libraries' caches."""

import os
import re
from glob import escape, glob

from emcflow.errors import InputError

USERS_TABLES = [
    config["network"]["csv"],
    config["link_model"]["temperature_csv"],
    config["link_model"]["weights_csv"],
]
USERS_STACK = [
    config["stack"][key] for key in ("mask", "temporal_coherence", "amplitude_dispersion")
]


def check_not_written(names):
    """Refuse a file of the user that has the name of one that a rule writes."""
    results = os.path.realpath(OUT)
    for name in names:
        within = os.path.relpath(os.path.realpath(name), results)
        if within.startswith(".."):
            continue
        # a rule whose result is a folder removes all that is in it
        at = [f"{OUT}/{place}" for place in (Path(within), *Path(within).parents)]
        if any(rule.is_producer(place) for rule in workflow.rules for place in at):
            raise InputError(
                f"{name}: would be written over, {OUT}/{within} is the name of a result of this "
                "run; expected input files of other names: move it out of output_dir, or set "
                "output_dir to another folder"
            )


def results_there_are():
    """Return the files that rules have made so far."""
    patterns = {escape(str(path)) for rule in workflow.rules for path in rule.output}
    return [name for each in patterns for name in glob(re.sub(r"\[?\{\w+\}\]?", "*", each))]


if workflow.is_main_process:
    if not SIMULATED:
        checked(check_not_written, local_files([*SOURCES, *USERS_TABLES, *USERS_STACK]))
        # tables of baselines are read as params, their time says nothing
        checked(check_clock, [name for name in SOURCES if name not in BASELINE_FILES])
    checked(check_clock, results_there_are())
place_caches(os.path.abspath(f"{OUT}/.cache"))
