"""Threads, memory and minutes that the jobs ask for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from emcflow.io.raster import BLOCK, open_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.io.strips import strip_bounds
from emcflow.io.tiles_json import tiles_from_json
from emcflow.products.quantiles import DATES_AT_ONCE
from emcflow.report.thinning import (
    MAP_PIXELS,
    PAIR_PIXELS,
    map_step,
    picture_pixels,
    picture_step,
)
from emcflow.tiles.cut import Tile
from emcflow.workflow.batches import BLENDED_AT_ONCE
from emcflow.workflow.memory import predicted_mb
from emcflow.workflow.plan import Plan
from emcflow.workflow.snakemake_internals import not_there_yet
from emcflow.workflow.start import checked

# A job on a cluster has this many points to a thread, and two processes of Snakemake in it.
POINTS_PER_THREAD = 100_000
# On one machine a further thread is of use from so many points on.
POINTS_WORTH_A_THREAD = 20_000
MOST_THREADS = 8
SNAKEMAKE_MB = 400
# Maps that the report shows beside the pairs, and what it takes for a pixel of each as it writes
# its page: their values, as text, in a part of the page and in the whole.
MAPS_SHOWN = 20
MAP_BYTES = 9
PAIR_BYTES = 22
# What a pixel of a map takes while it is drawn, in a second process as well.
FIGURE_BYTES = 100
# What is kept of a point for the median of a date, in the mean of all points; and of a point that
# moves, as all may.
NEAR_MEDIAN_BYTES = 0.17
MOTION_BYTES = 4
# What a point takes whose phase is held against a truth.
TRUTH_BYTES = 50
# What the layers of the links take for a point of the tiles in a strip, and for every other one
# whose values wait to be sorted.
HELD_LAYERS_BYTES = 32
MEDIAN_BYTES = 20
# What is read of a point of a tile beside what is held of the scene: heights of the points of all
# tiles while those of one are worked out; links, and their values; phases, cycles and links; points
# and values of two tiles; another tile, and cycles of some interferograms where two overlap.
HEIGHT_BYTES, LINKS_BYTES, PHASES_BYTES, VALUES_BYTES, OVERLAP_BYTES = 16, 100, 90, 100, 80
# What the variance of a point at a date takes, with its inverse while their mean is found.
VARIANCE_BYTES = 12


class JobResources:
    """What jobs ask for, by the points of the tiles once there are some.

    Where there is no file of tiles yet, an exception tells Snakemake that what a job asks for is to
    be determined; asking the checkpoint would end a dry run.

    Parameters
    ----------
    plan : Plan
    on_cluster : bool
        Whether jobs run on other machines.
    """

    def __init__(self, plan: Plan, on_cluster: bool) -> None:
        self.plan = plan
        self.on_cluster = on_cluster

    def scene(self) -> tuple[tuple[int, int], list[Tile]]:
        """Return rows and columns of the scene, and the tiles."""
        path = Path(f"{self.plan.out}/tiles/tiles.json")
        if not path.exists():
            raise not_there_yet(path)
        return _tiles_as_of(path, path.stat().st_mtime_ns)

    def tiles(self) -> dict[str, Tile]:
        """Return the tiles by their names."""
        _, tiles = self.scene()
        return {f"{number:02d}": tile for number, tile in enumerate(tiles)}

    def points(self) -> int:
        """Return the number of points in all tiles together, those of overlaps counted twice."""
        return sum(tile.points for tile in self.scene()[1])

    def pixels(self) -> int:
        """Return the number of pixels of the scene."""
        (rows, cols), _ = self.scene()
        return rows * cols

    def input_shape(self) -> tuple[int, int]:
        """Return the size of the scene before anything has run: its window, or its first raster."""
        config = self.plan.config
        if self.plan.simulated:
            return config["simulation"]["rows"], config["simulation"]["cols"]
        if config["stack"]["window"]:
            row0, col0, row1, col1 = config["stack"]["window"]
            return row1 - row0, col1 - col0
        files = (self.plan.inputs.interferograms or self.plan.stack).files
        with checked(open_raster, next(filter(None, files))) as raster:
            return raster.height, raster.width

    def input_pixels(self) -> int:
        """Return the number of pixels of `input_shape`."""
        rows, cols = self.input_shape()
        return rows * cols

    def input_memory(self, attempt: int, job: str) -> int:
        """Return a memory bound in MB for a job of the scene before it is cut into tiles."""
        rows, cols = self.input_shape()
        strip = min(rows, BLOCK) * cols
        return self.megabytes(attempt, job, 0, rows * cols, strip_pixels=strip)

    def stack_memory(self, attempt: int, job: str) -> int:
        """Return a memory bound in MB for a job of the scene once the stack is checked."""
        path = Path(f"{self.plan.out}/stack/stack.json")
        if not path.exists():
            raise not_there_yet(path)
        (rows, cols), points = _points_as_of(path, path.stat().st_mtime_ns)
        strip = min(rows, BLOCK) * cols
        return self.megabytes(attempt, job, points, rows * cols, strip_pixels=strip)

    def strip_pixels(self, margin: int) -> int:
        """Return the pixels of a strip of the scene with a margin of rows above and below."""
        (rows, cols), _ = self.scene()
        return min(rows, BLOCK + 2 * margin) * cols

    def strips(self) -> list[str]:
        """Return the names of the strips of the scene."""
        (rows, _), _ = self.scene()
        return [f"{number:02d}" for number in range(len(strip_bounds(rows, self.strip_rows)))]

    @property
    def strip_rows(self) -> int:
        """Rows of a strip."""
        return self.plan.config["outputs"]["strip_rows"]

    def strip_memory(self, attempt: int, job: str, threads: int = 1) -> int:
        """Return a memory bound in MB for a job of a block of points and a row of blocks."""
        (rows, cols), _ = self.scene()
        points = min(self.points(), min(rows, BLOCK) * min(cols, BLOCK))
        return self.megabytes(attempt, job, points, self.strip_pixels(0), threads=threads)

    def series_memory(self, attempt: int, threads: int) -> int:
        """Return a memory bound in MB for the maps of the dates: a strip, and values of all points.

        Those near the medians of the dates are kept, and residual motions that count.
        """
        of_point = NEAR_MEDIAN_BYTES * min(len(self.plan.stack.dates), DATES_AT_ONCE) + MOTION_BYTES
        kept_mb = int(of_point * self.points() / 1e6)
        return self.strip_memory(attempt, "time_series", threads) + attempt * kept_mb

    def tile_threads(self, tile: Tile, ntiles: int, cores: int, beside: int = 0) -> int:
        """Return the threads for one tile: by its points on a cluster, else its share of the cores.

        Parameters
        ----------
        tile : Tile
        ntiles, cores : int
            Of the scene and of this machine; no matter on a cluster.
        beside : int
            Of its share, those left to other jobs of the tile.
        """
        if self.on_cluster:
            threads = tile.points // POINTS_PER_THREAD
        else:
            # a small tile leaves the other cores to the jobs beside it
            small = 1 + tile.points // POINTS_WORTH_A_THREAD
            threads = min(small, cores // ntiles - beside)
        return max(1, min(MOST_THREADS, threads))

    def tile_memory(self, tile: Tile, attempt: int, job: str, threads: int = 1) -> int:
        """Return a memory bound in MB for a job of one tile and all interferograms."""
        row0, col0, row1, col1 = tile.bounds
        pixels = (row1 - row0) * (col1 - col0)
        return self.megabytes(attempt, job, tile.points, pixels, threads=threads)

    def scene_memory(
        self,
        attempt: int,
        job: str,
        pairs: int | None = None,
        threads: int = 1,
        dates: int | None = None,
    ) -> int:
        """Return a memory bound in MB for a job of all tiles, some interferograms and dates."""
        size, strip = (self.points(), self.pixels()), self.strip_pixels(0)
        return self.megabytes(attempt, job, *size, pairs, threads, dates, strip)

    def numbers_beside(self, name: str) -> list[int]:
        """Return the number of a tile and of those that overlap it, itself first."""
        tiles = self.tiles()
        number = list(tiles).index(name)
        return [number, *_beside_as_of(tuple(tile.bounds for tile in tiles.values()))[number]]

    def tiles_beside(self, name: str) -> list[str]:
        """Return the names of `numbers_beside`."""
        names = list(self.tiles())
        return [names[number] for number in self.numbers_beside(name)]

    def blend_memory(self, name: str, attempt: int) -> int:
        """Return a memory bound in MB for a job that joins a tile to those around it."""
        points = max(self.tiles()[each].points for each in self.tiles_beside(name))
        merged = self.plan.pairs if self.plan.phases_may_move else self.plan.new_pairs
        pairs = min(len(merged), BLENDED_AT_ONCE)
        return self.megabytes(attempt, "blend_tile", points, 0, pairs)

    def overlaps_memory(self, attempt: int) -> int:
        """Return a memory bound in MB for the job that compares tiles, two at a time."""
        # HDF5 keeps up to half a MB of each open file
        own, tiles = self.largest_tile_memory(attempt, "tile_overlaps"), len(self.tiles())
        another = OVERLAP_BYTES * self.largest_tile() // 1_000_000 if tiles > 1 else 0
        return own + attempt * (another + tiles)

    def merge_memory(self, attempt: int) -> int:
        """Return a memory bound in MB for a job that merges a batch of interferograms."""
        # two bits of every pixel of the scene: whether it is a point, and coherent
        bits_mb = self.pixels() // 4_000_000
        strip = self.strip_pixels(0)
        own = self.megabytes(attempt, "merge_interferograms", self.points(), strip, 0, dates=0)
        return own + attempt * (bits_mb + PHASES_BYTES * self.largest_tile() // 1_000_000)

    def scene_links_memory(self, attempt: int) -> int:
        """Return a memory bound in MB for the job that gathers the links of the tiles."""
        own = self.scene_memory(attempt, "scene_links", 0, dates=0)
        return own + attempt * (LINKS_BYTES * self.largest_tile() // 1_000_000)

    def parameters_memory(self, attempt: int) -> int:
        """Return a memory bound in MB for the job that joins the parameters of the tiles."""
        own = self.scene_memory(attempt, "merge_parameters", 0, dates=0)
        return own + attempt * (VALUES_BYTES * self.largest_tile() // 1_000_000)

    def references_memory(self, attempt: int) -> int:
        """Return a memory bound in MB for the job that chooses reference points."""
        own = self.scene_memory(attempt, "reference_points", 0, dates=0)
        if not self.plan.link_model or self.plan.previous:
            return own
        # heights first, of one tile after the other
        heights = self.largest_tile_memory(attempt, "tile_heights")
        return max(own, heights + attempt * (HEIGHT_BYTES * self.points() // 1_000_000))

    def link_quality_memory(self, attempt: int) -> int:
        """Return a memory bound in MB for layers of the links: a strip, and the tiles in it."""
        (rows, _), tiles = self.scene()
        strips = strip_bounds(rows, BLOCK)
        held = max(
            sum(tile.points for tile in tiles if tile.bounds[0] < end and tile.bounds[2] > first)
            for first, end in strips
        )
        largest = max(tile.points for tile in tiles)
        own = self.megabytes(attempt, "link_quality", largest, self.strip_pixels(0))
        held_mb = (HELD_LAYERS_BYTES * held + MEDIAN_BYTES * self.points()) // 1_000_000
        return own + attempt * held_mb

    def link_phases_memory(self, attempt: int, threads: int) -> int:
        """Return a memory bound in MB for the job that links interferograms, block by block."""
        given = self.plan.inputs.interferograms
        files, coherences = (len(given.files), len(given.coherences)) if given else (0, 0)
        # beside a coherence there is the weight that follows from it
        pairs = files + 2 * coherences
        return self.megabytes(attempt, "link_phases", BLOCK**2, 0, pairs, threads)

    def megabytes(
        self,
        attempt: int,
        job: str,
        points: int,
        pixels: int,
        pairs: int | None = None,
        threads: int = 1,
        dates: int | None = None,
        strip_pixels: int = 0,
    ) -> int:
        """Return a memory bound in MB: what the job takes, and Snakemake with it on a cluster.

        Parameters
        ----------
        attempt : int
            From 1; each asks for that many times as much.
        job, points, pixels, threads, strip_pixels
            See :func:`emcflow.workflow.memory.predicted_mb`.
        pairs, dates : int, optional
            That the job holds, by default all.
        """
        plan = self.plan
        pairs = len(plan.pairs) if pairs is None else pairs
        dates = len(plan.stack.dates) if dates is None else dates
        extra = len(plan.extra_ranges)
        own = predicted_mb(job, points, pixels, dates, pairs, threads, extra, strip_pixels)
        if job in ("tile_mesh", "link_model", "unwrap_tile") and plan.sigma_rasters:
            # variances, and in links of some points at a time
            own += int(VARIANCE_BYTES * dates * points / 1e6) + 1
        if job == "link_model" and extra:
            # the grid of many terms may take all of it
            own += plan.config["link_model"]["memory_mb"]
        return attempt * (own + SNAKEMAKE_MB * self.on_cluster)

    def largest_tile_memory(self, attempt: int, job: str) -> int:
        """Return a memory bound in MB for a job that holds one tile after the other."""
        return self.megabytes(attempt, job, self.largest_tile(), 0)

    def largest_tile(self) -> int:
        """Return the number of points of the tile that has the most."""
        return max(tile.points for tile in self.scene()[1])

    def report_memory(self, attempt: int, threads: int) -> int:
        """Return a memory bound in MB for the report: a tile, rows of blocks, and its pictures."""
        most = max(tile.points for tile in self.tiles().values())
        own = self.megabytes(
            attempt,
            "report",
            most,
            self.pixels(),
            threads=threads,
            strip_pixels=self.strip_pixels(0),
        )
        truth_mb = TRUTH_BYTES * self.points() // 1_000_000 if self.plan.simulated else 0
        figure = picture_pixels(self.scene()[0], 1, map_step(self.scene()[0]))
        figures_mb = FIGURE_BYTES * figure // 1_000_000
        return own + attempt * (truth_mb + figures_mb + self.pictures_mb())

    def pictures_mb(self) -> int:
        """Return what the maps and pairs take that the report holds thinned out, in MB."""
        shape, _ = self.scene()
        held = 0
        for number, most, each in (
            (MAPS_SHOWN, MAP_PIXELS, MAP_BYTES),
            (len(self.plan.pairs), PAIR_PIXELS, PAIR_BYTES),
        ):
            step = picture_step(shape, number, most)
            held += each * picture_pixels(shape, number, step)
        return held // 1_000_000

    def loops_memory(self, attempt: int, threads: int) -> int:
        """Return a memory bound in MB for a job that counts the loops of a strip."""
        (rows, cols), _ = self.scene()
        pixels = min(rows, self.strip_rows) * cols
        own = self.megabytes(attempt, "loops", 0, pixels, threads=threads)
        return own + attempt * threads * self.loops_mb(pixels)

    def quality_memory(self, attempt: int) -> int:
        """Return a memory bound in MB for the quality layers: some rows, and a tile."""
        most = max(tile.points for tile in self.tiles().values())
        own = self.megabytes(attempt, "quality", most, self.strip_pixels(0))
        return own + attempt * self._counts_mb()

    def loops_mb(self, pixels: int) -> int:
        """Return what the interferograms of a window take that loops are counted in, in MB."""
        size, held, _ = _loop_window(self.plan.pairs, self.plan.stack.dates)
        return 4 * held * min(size, pixels) // 1_000_000 + self._counts_mb()

    def _counts_mb(self) -> int:
        """Return what the counts of all loops take, of a part and of the scene, in MB."""
        _, _, counts = _loop_window(self.plan.pairs, self.plan.stack.dates)
        return 2 * 8 * counts // 1_000_000


def minutes(attempt: int, per_million_points: float, points: int) -> int:
    """Return a generous bound of the run time in minutes for a job that grows with its points."""
    return attempt * int(10 + per_million_points * points / 1e6)


@cache
def _tiles_as_of(path: Path, written_ns: int) -> tuple[tuple[int, int], list[Tile]]:
    """Return what a file of tiles holds; every job of a tile asks, so it is read once."""
    return checked(tiles_from_json, path.read_text(), path)


@cache
def _points_as_of(path: Path, written_ns: int) -> tuple[tuple[int, int], int]:
    """Return rows and columns of a checked stack, and how many of its pixels are points."""
    scene = read_scene_file(path)
    return scene.grid.shape, scene.points


@cache
def _beside_as_of(bounds: tuple[tuple[int, int, int, int], ...]) -> list[list[int]]:
    """Return which tiles overlap each one, by their numbers; every job of a tile asks."""
    from emcflow.tiles.scene import touching

    beside: list[list[int]] = [[] for _ in bounds]
    for first, second in touching(bounds):
        beside[first].append(second)
        beside[second].append(first)
    return beside


@cache
def _loop_window(pairs: tuple[str, ...], dates: tuple[str, ...]) -> tuple[int, int, int]:
    """Return the pixels of a window that loops are counted in, the pairs held, and the counts."""
    import numpy as np

    from emcflow.products.closure import COUNTED, all_triangles, window_of

    _, sides = all_triangles(
        np.searchsorted(dates, [pair.split("_") for pair in pairs]), len(dates)
    )
    (rows, cols), held = window_of(sides)
    return rows * cols, held, len(sides) * COUNTED[0] * COUNTED[1]
