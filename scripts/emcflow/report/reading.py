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
from rasterio.windows import Window

import emcflow
from emcflow.io.files import read_csv
from emcflow.io.hdf5 import (
    open_product,
    read,
    read_link_weights,
    read_overlaps,
    read_points,
)
from emcflow.io.islands import read_islands
from emcflow.io.network_tables import (
    CORNERS,
    read_date_baselines,
    read_design,
    read_found_baselines,
    read_interferograms,
)
from emcflow.io.raster import NO_BYTE_DATA, NO_LABEL_DATA, open_raster, read_band, row_strips
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import coherent_points, read_coherence
from emcflow.io.tiles_json import tiles_from_json
from emcflow.links.noise_floor import NOISE_PROBABILITY, noise_coherence
from emcflow.network.networks import Network
from emcflow.products.accuracy import share_right
from emcflow.products.closure import Closure, largest_of_cells
from emcflow.products.time_series import network_inverse, pair_weights
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
from emcflow.report.samples import SeriesFiles, point_samples, read_reference
from emcflow.report.sampling import (
    MOST_POINTS,
    MOST_VALUES,
    Thinning,
    choose_points,
)
from emcflow.report.thinning import MAP_PIXELS, PAIR_PIXELS, map_step, picture_step, thin_shape
from emcflow.tiles.overlap_words import island_remarks

# Whose versions the results depend on.
PACKAGES = (
    *("snakemake", "numpy", "scipy", "numba", "ortools", "PythonCDT", "pyamg", "rasterio"),
    *("h5py", "pandas", "matplotlib", "Jinja2", "threadpoolctl"),
)
NO_POINTS = np.empty((0, 2), np.int32)


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
    probabilities : sequence of path
        ``D1_D2.unw.pwrong.tif`` of every pair.
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
    layers : mapping of str to path
        Further rasters of one value per point, by their names.
    displacements : sequence of path
        Displacement at every date but the first; empty without a time series.
    references : path or None
        ``references.csv``; without it no point is shown one by one.
    design, dates : path or None
        ``design_matrix.csv`` and ``dates.csv``; None without a link model.
    """

    stack: str
    tiles: str
    network: str
    triangles: str
    coherence: str
    interferograms: Sequence[str]
    probabilities: Sequence[str]
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
    layers: Mapping[str, str] = field(default_factory=dict)
    displacements: Sequence[str] = ()
    references: str | None = None
    design: str | None = None
    dates: str | None = None


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
    reference = read_reference(files.references)
    scene, point_coherence, thinning = _read_points(files, reference)
    network = read_interferograms(files.network, files.triangles)
    by_name = {Path(path).name.partition(".")[0]: path for path in files.interferograms}
    rasters = [by_name[name] for name in network.pair_names]
    pairs = read_csv(files.pairs, ("pair", "reference", "secondary", "reasons"))
    if not files.baselines:
        pairs.pop("bperp_m", None)
    if files.truth:
        points = coherent_points(files.coherence, config["stack"]["min_temporal_coherence"])
        pairs["share_right"] = _shares_right(files.truth, rasters, network, points)
    step = map_step(scene.grid.shape)
    maps, at_points = _read_maps(files, thinning, n_threads)
    phases, at_pairs = _read_phases(rasters, thinning, n_threads)
    return RunData(
        config=config,
        scene=scene,
        network=network,
        pairs=pairs,
        closure=_read_closure(files, scene.grid.shape, step),
        overlaps=read_overlaps(files.overlaps),
        point_coherence=point_coherence,
        phases=phases,
        masked_points=sum(_attributes(files.mesh, "masked_points")),
        unchanging_points=sum(_attributes(files.mesh, "unchanging_points")),
        hypotheses=tuple(_attributes(files.unwrapped, "hypothesis")),
        rules=rule_table(files.benchmarks, files.jobs),
        sources=tuple((path, _size_of(path)) for path in sources),
        versions=package_versions(),
        links=_read_links(files.links) if files.links else None,
        parameters={name: maps[name] for name in files.parameters},
        baselines=_read_baselines(files) if files.baselines else None,
        found=read_found_baselines(files.found) if files.found else None,
        layers={name: maps[name] for name in files.layers},
        wrong=_read_wrong(files.probabilities, thinning, n_threads),
        terms=_read_terms(files, thinning, len(rasters)),
        residues_of_tiles=np.stack([read(p, "statistics/residues")[0] for p in files.unwrapped]),
        samples=reference
        and point_samples(
            thinning,
            reference,
            at_points,
            at_pairs,
            network_inverse(
                network.pairs, network.ndates, pair_weights(pairs["residues"], scene.npoints)
            ),
            config,
            SeriesFiles(files.design, files.dates, files.displacements),
            n_threads,
        ),
    )


# Points


def _lines(paths: Sequence[str]) -> list[str]:
    """Return the lines of some text files."""
    return [line for path in paths for line in Path(path).read_text("utf-8").splitlines()]


def _read_points(
    files: RunFiles, reference: tuple[int, int] | None
) -> tuple[Scene, CoherenceCounts, Thinning]:
    """Read the scene, count the coherence of the points of all tiles, choose points to show."""
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
    most = min(MOST_POINTS, MOST_VALUES // len(scene_file.dates)) if reference else 0
    chosen = choose_points(degree > 0, most, [reference]) if reference else NO_POINTS
    thinning, step = Thinning(grid.shape, chosen), map_step(grid.shape)
    scene = Scene(
        grid=grid,
        bounds=tuple(tile.bounds for tile in tiles),
        npoints=int(np.count_nonzero(degree)),
        shared_points=sum(int(np.count_nonzero(rows > 1)) for rows in degree),
        tiles_per_pixel=degree[np.ix_(*thinning.middles(step))],
        coherence=read_coherence(files.coherence, shape=thin_shape(grid.shape, step)),
        remarks=(*scene_file.remarks, *_of_islands(files.overlaps), *_lines(files.remarks)),
    )
    return scene, CoherenceCounts(counts), thinning


def _of_islands(path: str) -> list[str]:
    """Say what joins parts of the scene across, and what stays separate."""
    return island_remarks(read_islands(path))


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


def _read_maps(
    files: RunFiles, thinning: Thinning, n_threads: int
) -> tuple[dict[str, Parameter], dict[str, np.ndarray]]:
    """Read maps by their names, thinned out, and their values at the chosen points."""
    paths = {**files.parameters, **files.layers}
    step = picture_step(thinning.shape, len(paths), MAP_PIXELS)
    with ThreadPoolExecutor(n_threads) as pool:
        found = list(pool.map(lambda path: thinning.read(path, step), paths.values()))
    maps, values = {}, {}
    for (name, path), (image, at_points) in zip(paths.items(), found, strict=True):
        with open_raster(path) as dataset:
            maps[name] = Parameter(_as_float(image), dataset.tags())
        values[name] = _as_float(at_points)
    return maps, values


def _as_float(values: np.ndarray) -> np.ndarray:
    """Return values or labels as float32, NaN where there is none."""
    if values.dtype != np.uint16:
        return values.astype(np.float32)
    return np.where(values == NO_LABEL_DATA, np.nan, values).astype(np.float32)


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
            bands = [int(number) + 1 for number in pair]
            found, true = [], []
            for row, _, end, cols in row_strips(points.shape):
                inside = points[row:end]
                first, second = dataset.read(bands, window=Window(0, row, cols, end - row))
                true.append((second - first)[inside])
                found.append(read_band(path, (row, 0, end, cols))[inside])
            shares.append(share_right(np.concatenate(found), np.concatenate(true)))
    return np.array(shares)


def _read_closure(files: RunFiles, shape: tuple[int, int], step: int) -> Closure:
    """Return the loops that do not close, from ``loops.csv`` and ``open_loops.tif``."""
    loops = read_csv(files.loops, CORNERS)
    counts = loops["points"].astype(int), loops["open_points"].astype(int)
    cells = []
    for strip in row_strips(shape, step):
        image = read_band(files.open_loops, strip)
        image[image == NO_LABEL_DATA] = 0
        cells.append(largest_of_cells(image, step))
    return Closure(*counts, np.concatenate(cells))


def _read_phases(
    rasters: Sequence[str], thinning: Thinning, n_threads: int
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Read a small picture of every pair, and its phase at the chosen points."""
    step = picture_step(thinning.shape, len(rasters), PAIR_PIXELS)
    with ThreadPoolExecutor(n_threads) as pool:
        found = pool.map(lambda path: thinning.read(path, step), rasters)
        images, values = zip(*found, strict=True)
    return dict(enumerate(images)), np.stack(values)


def _read_terms(files: RunFiles, thinning: Thinning, npairs: int) -> dict[str, np.ndarray]:
    """Read the maps of the terms that phases are modelled by, thinned out as pairs are."""
    if not files.design:
        return {}
    step = picture_step(thinning.shape, npairs, PAIR_PIXELS)
    names = [name for name in read_design(files.design).columns if name in files.parameters]
    return {name: thinning.read(files.parameters[name], step)[0] for name in names}


def _read_wrong(
    rasters: Sequence[str], thinning: Thinning, n_threads: int
) -> dict[int, np.ndarray]:
    """Read small pictures of how likely a cycle is wrong, -10 log10 p, of each pair."""
    step = picture_step(thinning.shape, len(rasters), PAIR_PIXELS)

    def picture(path: str) -> np.ndarray:
        values = thinning.read(path, step)[0]
        return np.where(values == NO_BYTE_DATA, np.nan, values).astype(np.float32)

    with ThreadPoolExecutor(n_threads) as pool:
        return dict(enumerate(pool.map(picture, rasters)))


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
