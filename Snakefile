import sys
from importlib.util import find_spec

from snakemake.utils import min_version, validate

min_version("9.0")

if not find_spec("numpy") or not find_spec("rasterio"):
    sys.exit(
        f"\nemcflow cannot start:\nthe Python of this Snakemake ({sys.executable}) has not the packages "
        "of emcflow; expected its environment: source .venv/bin/activate (made by make demo), or conda "
        "activate emcflow (made from envs/environment.yaml)"
    )

# Where this file is, whoever imports it: `workflow.basedir` is the folder of the importing Snakefile.
ROOT = workflow.current_basedir.get_path_or_uri(secret_free=False)

# The demo's config is a default only where no other is given: nothing of it leaks into a user's.
if not workflow.overwrite_configfiles:

    configfile: f"{ROOT}/config/config.yaml"


include: "rules/common.smk"
include: "rules/one_run.smk"
include: "rules/stack.smk"
include: "rules/points.smk"
include: "rules/network.smk"
include: "rules/view.smk"
include: "rules/tiles.smk"
include: "rules/links.smk"
include: "rules/unwrap.smk"
include: "rules/merge.smk"
include: "rules/update.smk"
include: "rules/parameters.smk"
include: "rules/time_series.smk"
include: "rules/gnss.smk"
include: "rules/exports.smk"
include: "rules/fill.smk"
include: "rules/quality.smk"
include: "rules/report.smk"
include: "rules/terminal.smk"


# Of all rules, so after the last of them, in whatever order they are.
config["run"] = settings_of_the_run()
check_outside()


# Seconds each, and at most one raster read: not worth a place in the queue of a cluster.
localrules:
    check_stack,
    network,
    tiles,
    bulk_offsets,


rule all:
    default_target: True
    input:
        *RESULTS.wanted,
        rules.report.output.html,
        rules.report.output.settings,
    message:
        f"All results are in {OUT}: open {OUT}/report.html"
