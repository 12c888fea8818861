"""Choose the interferograms of the stack's dates."""

import csv

from emcflow.geometry import days_since_first
from emcflow.network import hop3_network
from job import job

with job(snakemake) as log:
    network = hop3_network(snakemake.params.dates)
    dates, since_first = network.dates, days_since_first(network.dates).astype(int)
    with open(snakemake.output.pairs, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["reference", "secondary", "days"])
        for first, second in network.pairs:
            days_between = since_first[second] - since_first[first]
            table.writerow([dates[first], dates[second], days_between])
    with open(snakemake.output.triangles, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["date1", "date2", "date3"])
        table.writerows([dates[date] for date in triangle] for triangle in network.triangles)
    log.info(
        "%d interferograms and %d triangles of %d dates",
        len(network.pairs),
        len(network.triangles),
        len(dates),
    )
