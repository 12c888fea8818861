"""Peak memory of the jobs, predicted from points, pixels, dates, interferograms and threads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Peak:
    """What a job holds at once where it holds the most.

    Parameters
    ----------
    fixed_mb : float
        Python with what the job imports, and numba while it compiles [MB].
    point, date, pair, thread : float
        Bytes per point: in any case, for each date, for each interferogram, for each thread.
    pixel, pixel_date, pixel_thread : float
        Bytes per pixel of the tile's window or of the scene: in any case, for each date, for each
        thread.
    """

    fixed_mb: float
    point: float = 0
    date: float = 0
    pair: float = 0
    thread: float = 0
    pixel: float = 0
    pixel_date: float = 0
    pixel_thread: float = 0


# A Delaunay mesh has 3 links and 2 triangles per point; its arrays take 102 bytes per point.
PEAKS = {
    # truth and stack, both of all dates; the spectrum of a field
    "simulate_stack": Peak(fixed_mb=145, pixel=140, pixel_date=17),
    # phase of all dates; the triangulation, or one window per thread
    "tile_mesh": Peak(fixed_mb=235, point=560, date=4, pixel=5, pixel_thread=8),
    # phase; links, their parameters, sigmas and coherence; the waves of the search are small
    "link_model": Peak(fixed_mb=240, point=130, date=5),
    # phase, cycles of links and their residues per date; cycles of points per interferogram;
    # mesh, dual, costs; the search of one interferogram per thread
    "unwrap_tile": Peak(fixed_mb=230, point=450, date=14, pair=2, thread=140),
    # points, links and regions of all tiles; what overlaps differ by
    "tile_overlaps": Peak(fixed_mb=95, point=100, pair=0.7),
    # cycles before and after, their mean and spread; phase; the places of points; images
    "merge_interferograms": Peak(
        fixed_mb=130, point=300, date=4, pair=24, pixel=12, pixel_thread=8
    ),
    # links, their values and weights, sparse matrices and their hierarchy of coarser ones; phase
    "integrate_parameters": Peak(fixed_mb=125, point=1350, date=4),
    # values of all tiles, some contrasts of the dates, a few images
    "merge_parameters": Peak(fixed_mb=130, point=250, pixel=40),
    # a layer of each kind, one interferogram, windows of a few interferograms per thread
    "quality": Peak(fixed_mb=175, point=40, pixel=20, pixel_thread=8),
    # pictures; a few rasters at a time
    "report": Peak(fixed_mb=285, point=80, pixel=20),
}


def predicted_mb(
    job: str, points: int, pixels: int = 0, dates: int = 0, pairs: int = 0, threads: int = 1
) -> int:
    """Return the peak memory of a job in MB (1e6 bytes), rounded up.

    Parameters
    ----------
    job : str
        One of `PEAKS`.
    points, pixels : int
        Of the tile, or of all tiles and the scene.
    dates, pairs, threads : int
        `pairs` are the interferograms that the job holds.

    Returns
    -------
    int
    """
    peak = PEAKS[job]
    per_point = peak.point + peak.date * dates + peak.pair * pairs + peak.thread * threads
    per_pixel = peak.pixel + peak.pixel_date * dates + peak.pixel_thread * threads
    return int(peak.fixed_mb + (per_point * points + per_pixel * pixels) / 1e6) + 1
