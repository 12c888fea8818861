"""Write displacement, phase and misfit of a batch of dates."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emcflow.io.date_strips import open_date_strips
from emcflow.io.point_windows import PointWindows
from emcflow.io.scene_file import read_scene_file
from emcflow.products.motion_maps import MotionMaps
from emcflow.products.series_inputs import motion_phase, series_reference
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    scene, folder = read_scene_file(given.stack), Path(output.misfit[0]).parent
    reference = series_reference(params.reference, given.references)
    points = PointWindows.of_raster(given.components, scene.grid.shape, params.strip_rows)
    batch, report = params.batch, progress("dates written")
    paths = {name: [path] for name, path in zip(batch, output.misfit, strict=True)}
    later = [name for name in batch if name != scene.dates[0]]
    for name, *since_first in zip(later, output.displacement, output.phase, strict=True):
        paths[name] += since_first
    with open_date_strips(given.dates, points) as phase:
        motion = motion_phase(phase, given, params, reference, given.get("dem_error"), folder)
        maps = MotionMaps(
            scene.grid, scene.dates, motion, params.wavelength_m, params.velocity_positive
        )
        with ThreadPoolExecutor(snakemake.threads) as pool:
            written = pool.map(lambda name: maps.write_date(name, *paths[name]), batch)
            for done, _ in enumerate(written, start=1):
                report(done, len(batch))
