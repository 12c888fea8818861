"""Simulate a small city: its stack, its baselines in both kinds of table, and the truth."""

import numpy as np
from emcflow.io.files import write_csv
from emcflow.io.raster import Grid, write_raster
from emcflow.products.simulate import baseline_tables, simulate_stack
from emcflow.workflow.job import job

# The city stands on pixels of 10 m in the open sea, where it cannot be mistaken for a real one.
CRS = "EPSG:32631"
TRANSFORM = (10.0, 0.0, 500_000.0, 0.0, -10.0, 100_000.0)

with job(snakemake) as log:
    output = snakemake.output
    city = simulate_stack(snakemake.params.simulation, **snakemake.params.geometry)
    grid = Grid(city.temporal_coherence.shape, CRS, TRANSFORM)
    for date, path in zip(city.dates[1:], output.files, strict=True):
        phase = city.stack[city.dates.index(date)]
        write_raster(path, phase, grid, units="1", description=f"{city.dates[0]}_{date}")
    write_raster(
        output.coherence,
        city.temporal_coherence,
        grid,
        units="1",
        description="temporal coherence",
    )
    for name, units in (("velocity_mm_yr", "mm/yr"), ("dem_error_m", "m")):
        truth = np.where(city.temporal_coherence > 0, getattr(city, name), np.nan)
        path = output[name.removesuffix("_mm_yr").removesuffix("_m")]
        write_raster(path, truth.astype(np.float32), grid, units=units, description=f"true {name}")
    write_raster(output.timeseries, city.phase, grid, units="rad", description=list(city.dates))
    per_date, per_pair = baseline_tables(city.dates, city.bperp_m)
    write_csv(output.baselines_slc, per_date)
    write_csv(output.baselines_ifg, per_pair)
    log.info("%d dates of %d x %d pixels", len(city.dates), *grid.shape)
