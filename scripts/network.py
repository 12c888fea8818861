"""Choose the interferograms of the stack's dates."""

from emcflow.files import write_text
from emcflow.geometry import days_since_first
from emcflow.network import hop3_network
from job import job

with job(snakemake) as log:
    network = hop3_network(snakemake.params.dates)
    dates, since_first = network.dates, days_since_first(network.dates).astype(int)
    pairs, triangles = ["reference,secondary,days"], ["date1,date2,date3"]
    for first, second in network.pairs:
        pairs.append(f"{dates[first]},{dates[second]},{since_first[second] - since_first[first]}")
    for triangle in network.triangles:
        triangles.append(",".join(dates[date] for date in triangle))
    for path, lines in ((snakemake.output.pairs, pairs), (snakemake.output.triangles, triangles)):
        write_text(path, "\n".join([*lines, ""]))
    log.info(
        "%d interferograms and %d triangles of %d dates",
        len(network.pairs),
        len(network.triangles),
        len(dates),
    )
