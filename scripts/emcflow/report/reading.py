"""Reads what a report tells of a run: every file of the run once."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np
from rasterio.enums import Resampling

import emcflow
from emcflow.io.files import read_csv
from emcflow.io.hdf5 import open_product, read, read_link_weights, read_overlaps, read_points
from emcflow.io.network_tables import (
    CORNERS,
    read_date_baselines,
    read_found_baselines,
    read_interferograms,
)
from emcflow.io.raster import NO_LABEL_DATA, Grid, open_raster, read_band
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.io.tiles_json import tiles_from_json
from emcflow.links.noise_floor import NOISE_PROBABILITY, noise_coherence
from emcflow.network.networks import Network
from emcflow.products.accuracy import share_right
from emcflow.products.closure import Closure, largest_of_cells
from emcflow.report.data import (
    COHERENCE_BINS,
    Baselines,
    CoherenceCounts,
    Links,
    Parameter,
    RuleUse,
    RunData,
    Scene,
)

# Whose versions the results depend on.
PACKAGES = (
    *("snakemake", "numpy", "scipy", "numba", "ortools", "PythonCDT", "pyamg", "rasterio"),
    *("h5py", "pandas", "matplotlib", "Jinja2", "threadpoolctl"),
)
MAP_SIDE = 800  # pixels of the longer side of a map: as many as the figure can show
PICTURE_SIDE = 320  # and of a small picture of an interferogram
MAX_PICTURES = 60  # interferograms with pictures; together they stay below some 8 MB


@dataclass(frozen=True)
class RunFiles:
    """The files of a finished run that the report reads, named as the inputs of its rule.

    Attributes
    ----------
    stack, tiles, network, triangles : path
        ``stack.json``, ``tiles.json``, ``network.csv``, ``triangles.csv``.
    coherence : path
        Raster of temporal coherence.
    interferograms : sequence of path
        ``D1_D2.unw.tif`` of every pair.
    mesh, unwrapped : sequence of path
        ``mesh_tile_NN.h5`` and ``uw_tile_NN.h5``, one per tile.
    overlaps : path
        ``overlaps.h5``.
    pairs, loops, open_loops : path
        ``pairs.csv``, ``loops.csv``, ``open_loops.tif`` of the quality layers.
    benchmarks : path
        Folder of Snakemake's benchmark files; need not exist.
    jobs : sequence of str or None
        Names of the jobs that count; None for all that have left a benchmark.
    links : sequence of path
        ``links_tile_NN.h5``; empty without a link model.
    parameters : mapping of str to path
        Rasters of the link model and of the time series by their names, those of
        ``emcflow.report.pictures.PARAMETER_TEXTS``. Empty without both.
    remarks : sequence of path
        Text files of other rules, a remark a line.
    baselines, misfit : path or None
        ``baselines.csv`` and ``baseline_misfit.csv``; None without a link model.
    found : path or None
        ``found_baselines.csv``; None without a link model.
    truth : path or None
        True phase, one band per date; None where the stack is not simulated.
    """

    stack: str
    tiles: str
    network: str
    triangles: str
    coherence: str
    interferograms: Sequence[str]
    mesh: Sequence[str]
    unwrapped: Sequence[str]
    overlaps: str
    pairs: str
    loops: str
    open_loops: str
    benchmarks: str
    jobs: Sequence[str] | None = None
    links: Sequence[str] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    baselines: str | None = None
    misfit: str | None = None
    found: str | None = None
    truth: str | None = None


def read_run(
    files: RunFiles, config: Mapping, sources: Sequence[str], n_threads: int = 1
) -> RunData:
    """Read all that a report tells of a run.

    Parameters
    ----------
    files : RunFiles
    config : mapping
        The config of the run, with defaults.
    sources : sequence of path
        The input files, or names that GDAL alone understands.
    n_threads : int
        Rasters read side by side.

    Returns
    -------
    RunData

    Raises
    ------
    InputError
        If an intermediate file or a raster is broken.
    """
    scene, point_coherence = _read_points(files)
    step = map_step(scene.grid.shape)
    network = read_interferograms(files.network, files.triangles)
    by_name = {Path(path).name.partition(".")[0]: path for path in files.interferograms}
    rasters = [by_name[name] for name in network.pair_names]
    pairs = read_csv(files.pairs, ("pair", "reference", "secondary", "reasons"))
    if not files.baselines:
        pairs.pop("bperp_m", None)
    if files.truth:
        points = read_coherence(files.coherence) > config["stack"]["min_temporal_coherence"]
        pairs["share_right"] = _shares_right(files.truth, rasters, network, points)
    return RunData(
        config=config,
        scene=scene,
        network=network,
        pairs=pairs,
        closure=_read_closure(files, step),
        overlaps=read_overlaps(files.overlaps),
        point_coherence=point_coherence,
        phases=_read_phases(rasters, shown_pairs(pairs["residues"]), scene.grid, n_threads),
        masked_points=sum(_attributes(files.mesh, "masked_points")),
        unchanging_points=sum(_attributes(files.mesh, "unchanging_points")),
        hypotheses=tuple(_attributes(files.unwrapped, "hypothesis")),
        rules=rule_table(files.benchmarks, files.jobs),
        sources=tuple((path, _size_of(path)) for path in sources),
        versions=package_versions(),
        links=_read_links(files.links) if files.links else None,
        parameters={name: _read_parameter(path, step) for name, path in files.parameters.items()},
        baselines=_read_baselines(files) if files.baselines else None,
        found=read_found_baselines(files.found) if files.found else None,
    )


def map_step(shape: tuple[int, int], side: int = MAP_SIDE) -> int:
    """Return how many pixels of a scene make one of a picture, along each side."""
    return max(1, -(-max(shape) // side))


def _thin_shape(shape: tuple[int, int], step: int) -> tuple[int, int]:
    """Return rows and columns of a picture."""
    return -(-shape[0] // step), -(-shape[1] // step)


def _read_thin(path: str, step: int) -> tuple[np.ndarray, dict[str, str]]:
    """Read a raster with one pixel of every `step` along each side, and its tags."""
    with open_raster(path) as dataset:
        shape = _thin_shape(dataset.shape, step)
        return dataset.read(1, out_shape=shape, resampling=Resampling.nearest), dataset.tags()


# Points


def _lines(paths: Sequence[str]) -> list[str]:
    """Return the lines of some text files."""
    return [line for path in paths for line in Path(path).read_text("utf-8").splitlines()]


def _read_points(files: RunFiles) -> tuple[Scene, CoherenceCounts]:
    """Read the scene, and count the temporal coherence of the points of all tiles."""
    scene_file = read_scene_file(files.stack)
    grid = scene_file.grid
    _, tiles = tiles_from_json(Path(files.tiles).read_text())
    degree = np.zeros(grid.shape, dtype=np.uint8)
    counts = np.zeros(len(COHERENCE_BINS) - 1, dtype=np.int64)
    for path in files.unwrapped:
        points, bounds = read_points(path)
        degree[tuple(points.T)] += 1
        values = read_coherence(files.coherence, bounds)[tuple((points - bounds[:2]).T)]
        counts += np.histogram(values.clip(0, 1), COHERENCE_BINS)[0]
    step = map_step(grid.shape)
    scene = Scene(
        grid=grid,
        bounds=tuple(tile.bounds for tile in tiles),
        npoints=int(np.count_nonzero(degree)),
        shared_points=int(np.count_nonzero(degree > 1)),
        tiles_per_pixel=_middle_of_cells(degree, step),
        coherence=read_coherence(files.coherence, shape=_thin_shape(grid.shape, step)),
        remarks=(*scene_file.remarks, *_lines(files.remarks)),
    )
    return scene, CoherenceCounts(counts)


def _middle_of_cells(image: np.ndarray, step: int) -> np.ndarray:
    """Thin out an image: the value in the middle of each cell."""
    rows, cols = (
        ((np.arange(thin) + 0.5) * size / thin).astype(int)
        for thin, size in zip(_thin_shape(image.shape, step), image.shape, strict=True)
    )
    return image[np.ix_(rows, cols)]


def _attributes(paths: Sequence[str], name: str) -> list:
    """Read one attribute of the files of all tiles."""
    values = []
    for path in paths:
        with open_product(path) as file:
            values.append(file.attrs[name])
    return values


# Links


def _read_links(paths: Sequence[str]) -> Links:
    """Count the links of all tiles by their coherence, those at the edge of the search, noise."""
    counts, at_range_end, noise = np.zeros(len(COHERENCE_BINS) - 1, dtype=np.int64), 0, 0
    design, ranges = read(paths[0], "design", "search_range")
    floor = noise_coherence(NOISE_PROBABILITY, design, ranges, read_link_weights(paths[0]))
    for path in paths:
        coherence, edge = read(path, "link_coherence", "at_range_end")
        noise += int(np.count_nonzero(coherence <= floor))
        counts += np.histogram(coherence.clip(0, 1), COHERENCE_BINS)[0]
        at_range_end += int(np.count_nonzero(edge))
    total = max(int(counts.sum()), 1)
    return Links(counts, at_range_end / total, floor, noise / total, _searched(paths))


def _searched(paths: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the widest search range of each term in the tiles."""
    searched: dict[str, tuple[float, float]] = {}
    for path, terms in zip(paths, _attributes(paths, "terms"), strict=True):
        (ranges,) = read(path, "search_range")
        for term, (low, high) in zip(terms, ranges.tolist(), strict=True):
            known = searched.get(str(term), (low, high))
            searched[str(term)] = min(low, known[0]), max(high, known[1])
    return searched


def _read_parameter(path: str, step: int) -> Parameter:
    """Read a map of the link model or of the time series."""
    return Parameter(*_read_thin(path, step))


def _read_baselines(files: RunFiles) -> Baselines:
    """Read the baselines of the dates, and how well those of pairs fit them."""
    return Baselines(
        read_date_baselines(str(files.baselines)).bperp_m,
        read_csv(str(files.misfit), ("reference", "secondary")),
    )


# Interferograms


def _shares_right(
    truth: str, rasters: Sequence[str], network: Network, points: np.ndarray
) -> np.ndarray:
    """Return the share of some points that are right in each pair, where the truth is known."""
    shares = []
    with open_raster(str(truth)) as dataset:
        for path, pair in zip(rasters, network.pairs, strict=True):
            first, second = dataset.read([int(number) + 1 for number in pair])
            shares.append(share_right(read_band(path), np.where(points, second - first, np.nan)))
    return np.array(shares)


def _read_closure(files: RunFiles, step: int) -> Closure:
    """Return the loops that do not close, from ``loops.csv`` and ``open_loops.tif``."""
    loops = read_csv(files.loops, CORNERS)
    image = read_band(files.open_loops)
    image[image == NO_LABEL_DATA] = 0
    counts = loops["points"].astype(int), loops["open_points"].astype(int)
    return Closure(*counts, largest_of_cells(image, step))


def _read_phases(
    rasters: Sequence[str], shown: Sequence[int], grid: Grid, n_threads: int
) -> dict[int, np.ndarray]:
    """Read small pictures of the pairs that are to be shown."""
    step = map_step(grid.shape, PICTURE_SIDE)
    with ThreadPoolExecutor(n_threads) as pool:
        images = pool.map(lambda number: _read_thin(rasters[number], step)[0], shown)
        return dict(zip(shown, images, strict=True))


def shown_pairs(residues: np.ndarray, most: int = MAX_PICTURES) -> list[int]:
    """Choose the pairs that get pictures: all, or those with the most residues and others evenly.

    Parameters
    ----------
    residues : ndarray of int, shape (npairs,)
    most : int
        Largest number of pairs.

    Returns
    -------
    list of int
        Ascending.
    """
    npairs = len(residues)
    if npairs <= most:
        return list(range(npairs))
    worst = np.argsort(-residues, kind="stable")[: most // 4]
    others = np.setdiff1d(np.arange(npairs), worst)
    evenly = np.linspace(0, len(others) - 1, most - len(worst)).round().astype(int)
    return sorted([*worst.tolist(), *others[evenly].tolist()])


# What it was made of


def rule_table(folder: str | Path, jobs: Sequence[str] | None = None) -> tuple[RuleUse, ...]:
    """Read run time and memory per rule from Snakemake's benchmark files.

    Parameters
    ----------
    folder : path
        Holds ``RULE.tsv`` or ``RULE_NN.tsv``; empty or missing: no rows.
    jobs : sequence of str, optional
        Names of the files that count, without their ends: others are of earlier settings.

    Returns
    -------
    tuple of RuleUse
        Largest total time first.
    """
    rules: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(Path(folder).glob("*.tsv")):
        if jobs is not None and path.stem not in jobs:
            continue
        header, row = (line.split("\t") for line in path.read_text().splitlines())
        taken = dict(zip(header, row, strict=True))
        memory = float(taken["max_rss"]) if taken["max_rss"][0].isdigit() else float("nan")
        name = re.sub(r"_\d+$", "", path.stem)
        rules.setdefault(name, []).append((float(taken["s"]), memory))
    rules.pop("report", None)  # that of an earlier report: this one still runs
    uses = []
    for name, taken_by in rules.items():
        seconds, memory = np.array(taken_by).T
        known = memory[np.isfinite(memory)]
        largest = float(known.max()) if known.size else float("nan")
        uses.append(
            RuleUse(name, len(taken_by), float(seconds.sum()), float(seconds.max()), largest)
        )
    return tuple(sorted(uses, key=lambda use: -use.seconds))


def package_versions() -> tuple[tuple[str, str], ...]:
    """Return name and version of what the results depend on."""
    versions = [("emcflow", emcflow.__version__), ("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            versions.append((name, "not installed here"))
    return tuple(versions)


def _size_of(path: str) -> int | None:
    """Return the size of a file; None where it is no local one."""
    return Path(path).stat().st_size if Path(path).is_file() else None
