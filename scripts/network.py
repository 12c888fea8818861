"""The interferograms, and the planar network over which links are unwrapped in time."""

import numpy as np
from emcflow.io.files import write_text
from emcflow.io.interferograms import given_and_unwrapped
from emcflow.io.network_tables import write_network
from emcflow.network.networks import hop3_network
from emcflow.workflow.job import job

with job(snakemake) as log:
    params = snakemake.params
    named = np.array([name.split("_") for name in params.pairs])
    pairs = np.searchsorted(params.dates, named)
    if params.kind == "hop3":
        network, planar = hop3_network(params.dates), np.ones(len(pairs), dtype=bool)
    else:
        from emcflow.network.time_network import time_network  # slow to import

        network, planar = time_network(params.dates, pairs)
    write_network(snakemake.output.pairs, snakemake.output.triangles, network, pairs, planar)
    log.info(
        "%d interferograms and %d triangles of %d dates",
        len(pairs),
        len(network.triangles),
        len(params.dates),
    )
    if params.given:
        sentence = given_and_unwrapped(params.given, params.pairs)
        write_text(snakemake.output.given, f"{sentence}\n")
        log.info("%s", sentence)
    if not planar.all():
        log.warning(
            "%d of %d interferograms do not fit into a planar network: links are unwrapped in time "
            "over the other %d, and have in these the cycles that close every loop with those; "
            "planar = 0 in %s",
            (~planar).sum(),
            len(pairs),
            planar.sum(),
            snakemake.output.pairs,
        )
    if not len(network.triangles):
        log.warning("no loops of interferograms: each is unwrapped by itself")
