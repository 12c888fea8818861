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
    pair_mb, date_mb, date_thread_mb : float
        A window of one interferogram, of one date, of one date in each thread, however large the
        scene [MB].
    point, date, pair, thread, term : float
        Bytes per point: in any case, for each date, for each interferogram, for each thread, for
        each term of the link model beside velocity and DEM error.
    pixel, pixel_date, pixel_thread, pixel_term : float
        Bytes per pixel of the tile's window or of the scene: in any case, for each date, for each
        thread, for each such term.
    strip, strip_thread : float
        Bytes per pixel of a row of blocks of the scene, of a job that works by such rows: in any
        case, for each thread.
    """

    fixed_mb: float
    pair_mb: float = 0
    date_mb: float = 0
    date_thread_mb: float = 0
    point: float = 0
    date: float = 0
    pair: float = 0
    thread: float = 0
    term: float = 0
    pixel: float = 0
    pixel_date: float = 0
    pixel_thread: float = 0
    pixel_term: float = 0
    strip: float = 0
    strip_thread: float = 0


# A Delaunay mesh has 3 links and 2 triangles per point; its arrays take 102 bytes per point.
PEAKS = {
    # truth and stack, both of all dates; the spectrum of a field
    "simulate_stack": Peak(fixed_mb=132, pixel=140, pixel_date=17),
    # points are the pixels of a block: phase of all interferograms, copied once, and of all dates,
    # which GDAL keeps until they are written
    "link_phases": Peak(fixed_mb=270, pair=9, date=13, thread=40),
    # an image of amplitudes, their mean and deviations, and where some image has no data
    "select_points": Peak(fixed_mb=106, pixel=15.2, strip=50),
    # of a row of blocks the coherence, and where there are points
    "check_stack": Peak(fixed_mb=130, pixel=1.5, strip=23),
    "tiles": Peak(fixed_mb=118, pixel=1.8, strip=23),
    # where there are points, and a raster at them, twice for its mean
    "mean_baselines": Peak(fixed_mb=178, point=19, pixel=1.1, strip=32),
    # angle and range at the points and what follows; of a row of blocks sums and products of them
    "scene_view": Peak(fixed_mb=103, point=26, pixel=1.1, strip=60),
    # phase of all dates; the triangulation, or one window per thread and where it is nodata
    "tile_mesh": Peak(fixed_mb=130, point=560, date=4, pixel=5, pixel_thread=11),
    # periodograms of some links; phase; links, their parameters and coherence by four models at the
    # most, of two terms and of three, and sigmas; the waves of the search are small
    "link_model": Peak(fixed_mb=335, point=370, date=5, term=24),
    # phases of one tile and links of it; series of some links
    "find_baselines": Peak(fixed_mb=330, point=40, date_mb=3, date=4),
    # phase, cycles of links by two hypotheses and their residues per date; cycles of points per
    # interferogram; models of links, mesh, dual, costs; the search of one interferogram per thread
    "unwrap_tile": Peak(fixed_mb=284, point=560, date=20, pair=2, thread=140),
    # points are those of a tile
    "tile_overlaps": Peak(fixed_mb=62, point=25, pair_mb=0.03),
    # points of the scene, their components and heights, and the order of these; pixels that are
    # points
    "reference_points": Peak(fixed_mb=130, point=54, pixel=1),
    # links of a tile and their values, a sparse matrix and its hierarchy of coarser ones
    "tile_heights": Peak(fixed_mb=138, point=930),
    # of a tile: links of the mesh; Laplace's equation on it in factors, where the tiles differ so
    # that it has to be solved, else a third of it; cycles of some interferograms before and after,
    # their mean and spread
    "blend_tile": Peak(fixed_mb=125, point=1400, pair=18),
    # links of the scene and the numbers that they are sorted by; pixels that are points
    "scene_links": Peak(fixed_mb=240, point=56, pixel=1),
    # values of the points of the scene in one interferogram; pixels are those of a strip
    "merge_interferograms": Peak(fixed_mb=270, point=50, pixel=18),
    # links, their values and weights, sparse matrices and their hierarchy of coarser ones; phase
    "integrate_parameters": Peak(fixed_mb=125, point=1500, date=4, term=100),
    # links of a tile and their values; pixels are those of a strip: layers, their sums and counts
    "link_quality": Peak(fixed_mb=125, point=220, pixel=65),
    # values of the points of the scene, one term of which is joined; pixels that are points
    "merge_parameters": Peak(fixed_mb=170, point=58, pixel=1, term=8),
    # the sum of the probabilities, where there are points; some rows of one interferogram
    "recommended_mask": Peak(fixed_mb=112, pixel=6.5),
    # pixels are those of a strip: layers, one interferogram, windows of a few of them per thread
    "loops": Peak(fixed_mb=104, pixel=16, pixel_thread=8),
    # some rows of the layers; points of a tile
    "quality": Peak(fixed_mb=109, point=30, pixel=12),
    # points are those of a block of the rasters, pixels those of a row of blocks: a block of all
    # interferograms and, in double precision, a part of it
    "date_phases": Peak(fixed_mb=125, pair_mb=0.68, date_mb=0.5, pair=4),
    # a block of all dates, their medians, a sample of the points, in each thread what is left of
    # some of them; bands of a few rasters
    "time_series": Peak(fixed_mb=165, date_thread_mb=0.9, point=100, date=8, term=24, pixel=16),
    # per thread a block of a date, a band of a raster, and GDAL's cache
    "displacements": Peak(fixed_mb=120, date_mb=0.1, thread=30, pixel=4, pixel_thread=16),
    # a row of blocks of velocities and labels; points around stations
    "gnss_tie": Peak(fixed_mb=103, strip=24),
    # the coherence, where there are points, the view at them
    "export_mintpy": Peak(fixed_mb=103, point=26, pixel=6.2, strip=25),
    # one raster, a million values at the most
    "export_qgis": Peak(fixed_mb=230),
    # imports; longitudes and latitudes of a window, where there are some
    "export_stac": Peak(fixed_mb=235),
    "export_dolphin": Peak(fixed_mb=105, strip=22),
    # places of the pixels, and an image; of a row of blocks the view in degrees
    "export_licsbas": Peak(fixed_mb=220, pixel=8.5, strip=108),
    "export_pyrate": Peak(fixed_mb=212, pixel=8.5, strip=40),
    # one window of all columns, as arrays, as a table and as it is written
    "export_points": Peak(fixed_mb=230, date_mb=6, pixel=1),
    # an image with its overviews, and GDAL's cache
    "export_cog": Peak(fixed_mb=200, pixel_thread=8),
    # the same, and the program of the store
    "publish": Peak(fixed_mb=275, pixel_thread=8),
    # pixels are those of a strip with its margin: the nearest point of each, phases of some dates;
    # GDAL's cache
    "fill": Peak(fixed_mb=190, pixel=110),
    "fill_labels": Peak(fixed_mb=190, pixel=8),
    # points of a tile and its links; of the scene the tiles at each pixel; rows of blocks of a
    # raster for each thread; pictures and figures are counted by their own
    "report": Peak(fixed_mb=180, point=80, pixel=2.2, strip=2, strip_thread=5),
}


def predicted_mb(
    job: str,
    points: int,
    pixels: int = 0,
    dates: int = 0,
    pairs: int = 0,
    threads: int = 1,
    extra_terms: int = 0,
    strip_pixels: int = 0,
) -> int:
    """Return the peak memory of a job in MB (1e6 bytes), rounded up.

    Parameters
    ----------
    job : str
        One of `PEAKS`.
    points, pixels : int
        Of the tile, or of all tiles and the scene.
    dates, pairs, threads, extra_terms : int
        `pairs` are the interferograms that the job holds, `extra_terms` those of the link model
        beside velocity and DEM error.
    strip_pixels : int
        Of a row of blocks of the scene.

    Returns
    -------
    int
    """
    peak = PEAKS[job]
    per_point = peak.point + peak.date * dates + peak.pair * pairs + peak.thread * threads
    per_point += peak.term * extra_terms
    per_pixel = peak.pixel + peak.pixel_date * dates + peak.pixel_thread * threads
    per_pixel += peak.pixel_term * extra_terms
    fixed_mb = peak.fixed_mb + peak.pair_mb * pairs
    fixed_mb += (peak.date_mb + peak.date_thread_mb * threads) * dates
    per_strip_pixel = peak.strip + peak.strip_thread * threads
    held = per_point * points + per_pixel * pixels + per_strip_pixel * strip_pixels
    return int(fixed_mb + held / 1e6) + 1
