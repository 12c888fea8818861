"""Choose the interferograms of the stack's dates."""

import numpy as np
import pandas as pd
from emcflow.network import days, hop3_network
from job import job

with job(snakemake) as log:
    network = hop3_network(snakemake.params.dates)
    dates = np.array(network.dates)
    since_first = days(network.dates)
    first, second = network.pairs.T
    pd.DataFrame(
        {
            "reference": dates[first],
            "secondary": dates[second],
            "days": (since_first[second] - since_first[first]).astype(int),
        }
    ).to_csv(snakemake.output.pairs, index=False)
    pd.DataFrame(dates[network.triangles], columns=["date1", "date2", "date3"]).to_csv(
        snakemake.output.triangles, index=False
    )
    log.info(
        "%d interferograms and %d triangles of %d dates",
        len(network.pairs),
        len(network.triangles),
        len(dates),
    )
