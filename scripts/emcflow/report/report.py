"""The report of a run: one HTML page that opens anywhere, and its pictures as PNG files."""

from __future__ import annotations

import base64
import json
import math
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from importlib import metadata
from pathlib import Path

import numpy as np
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rasterio.enums import Resampling

import emcflow
from emcflow.acquisition.geometry import SIGMAS
from emcflow.acquisition.model_terms import EXTRA_SIGMAS
from emcflow.io.files import Columns, read_csv, whole_file, write_text
from emcflow.io.hdf5 import open_product, read, read_link_weights, read_overlaps, read_points
from emcflow.io.network_tables import CORNERS, read_interferograms
from emcflow.io.raster import NO_LABEL_DATA, Grid, open_raster, read_band
from emcflow.io.stack import read_coherence
from emcflow.links.noise_floor import NOISE_PROBABILITY, noise_coherence
from emcflow.network.networks import Network
from emcflow.products.accuracy import share_right
from emcflow.products.closure import Closure, all_triangles, largest_of_cells
from emcflow.products.quality import SEAM_AGREEMENT
from emcflow.report import figures
from emcflow.report.found_baselines import found_remarks
from emcflow.tiles.cut import tiles_from_json
from emcflow.tiles.overlaps import Overlaps

TEMPLATE = Path(__file__).with_name("report.html.j2")
PACKAGES = (
    *("snakemake", "numpy", "scipy", "numba", "ortools", "PythonCDT", "pyamg", "rasterio"),
    *("h5py", "pandas", "matplotlib", "Jinja2", "threadpoolctl"),
)
SPACE = "\u00a0"  # keeps a number and its unit on one line
MAP_SIDE = 800  # pixels of the longer side of a map: as many as the figure can show
PICTURE_SIDE = 320  # and of a small picture of an interferogram
MAX_PICTURES = 60  # interferograms with pictures; together they stay below some 8 MB
COHERENCE_BINS = np.linspace(0, 1, 1001)  # fine enough to read a median from
SHOWN_BINS = 20  # of these make one bin of the histograms
AT_EDGE = 0.005  # share of links with a peak at the edge of the search that is worth a word
OPEN_LOOPS = 0.001  # share of the points of a triangle; more open ones are worth a word
MISFIT_M = 1e-3  # of baselines; less is rounding


@dataclass(frozen=True)
class RunFiles:
    """The files of a finished run that the report reads.

    Attributes
    ----------
    stack, tiles, network, triangles : path
        ``stack.json``, ``tiles.json``, ``network.csv``, ``triangles.csv``.
    coherence : path
        Raster of temporal coherence.
    interferograms : sequence of path
        ``D1_D2.unw.tif`` of every pair.
    meshes, unwrapped : sequence of path
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
        `PARAMETER_TEXTS`. Empty without both.
    baselines, misfit : path or None
        ``baselines.csv`` and ``baseline_misfit.csv``; None without a link model.
    truth : path or None
        True phase, one band per date; None where the stack is not simulated.
    found : sequence of path
        ``found_baselines.csv`` and ``found_baselines.json``; empty without a link model.
    """

    stack: str
    tiles: str
    network: str
    triangles: str
    coherence: str
    interferograms: Sequence[str]
    meshes: Sequence[str]
    unwrapped: Sequence[str]
    overlaps: str
    pairs: str
    loops: str
    open_loops: str
    benchmarks: str
    jobs: Sequence[str] | None = None
    links: Sequence[str] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    baselines: str | None = None
    misfit: str | None = None
    truth: str | None = None
    found: Sequence[str] = ()


class Album:
    """Pictures of a report: each is a file in one folder and a data URI for the page.

    Parameters
    ----------
    folder : path
        Made where it does not exist.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.waiting: list[tuple[dict, figures.Figure]] = []

    def add(self, name: str, figure: figures.Figure, alt: str, caption: str) -> dict:
        """Return what the page needs to show a figure, but for its source: see `draw`."""
        width, height = figure.get_size_inches() * 100
        picture = {
            "name": name,
            "alt": alt,
            "caption": caption,
            "width": round(width),
            "height": round(height),
        }
        self.waiting.append((picture, figure))
        return picture

    def draw(self, n_processes: int) -> None:
        """Draw the figures that were added, side by side, and give each its source."""
        pictures, drawn = zip(*self.waiting, strict=True)
        for picture, made in zip(pictures, figures.pngs(drawn, n_processes), strict=True):
            picture["source"] = self.keep(picture["name"], made)
        self.waiting.clear()

    def keep(self, name: str, picture: bytes) -> str:
        """Write a PNG file and return its data URI."""
        with whole_file(self.folder / f"{name}.png") as file:
            file.write(picture)
        return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


@dataclass(frozen=True)
class Scene:
    """Grid, dates and points of a run.

    Attributes
    ----------
    grid : Grid
    network : Network
    interferograms : tuple of str
        Raster of each pair of the network, in its order.
    bounds : tuple
        Bounds of the tiles.
    degree : ndarray of uint8, shape grid.shape
        Number of tiles that hold a point; 0 where there is none.
    remarks : tuple of str
        What was found in the input.
    """

    grid: Grid
    network: Network
    interferograms: tuple[str, ...]
    bounds: tuple[tuple[int, int, int, int], ...]
    degree: np.ndarray
    remarks: tuple[str, ...] = ()

    @cached_property
    def view(self) -> figures.SceneView:
        """How maps of the scene are drawn."""
        return figures.scene_view(self.grid)

    @cached_property
    def triangles(self) -> np.ndarray:
        """Indices of the dates of each triangle of pairs, those of `Closure`: int32 (ntri, 3)."""
        return all_triangles(self.network.pairs, self.network.ndates)[0]

    @property
    def npoints(self) -> int:
        """Number of points."""
        return int(np.count_nonzero(self.degree))

    @property
    def step(self) -> int:
        """Pixels of the scene per pixel of a map, along each side."""
        return max(1, -(-max(self.grid.shape) // MAP_SIDE))


def read_scene(files: RunFiles) -> Scene:
    """Read what the whole report refers to."""
    summary = json.loads(Path(files.stack).read_text())
    grid = Grid(tuple(summary["shape"]), summary["crs"], tuple(summary["transform"]))
    network = read_interferograms(files.network, files.triangles)
    by_pair = {Path(path).name.partition(".")[0]: path for path in files.interferograms}
    _, tiles = tiles_from_json(Path(files.tiles).read_text())
    degree = np.zeros(grid.shape, dtype=np.uint8)
    for path in files.unwrapped:
        points, _ = read_points(path)
        degree[tuple(points.T)] += 1
    return Scene(
        grid,
        network,
        tuple(by_pair[name] for name in network.pair_names),
        tuple(tile.bounds for tile in tiles),
        degree,
        tuple(summary["remarks"]),
    )


def write_report(
    files: RunFiles,
    config: Mapping,
    sources: Sequence[str],
    html: str | Path,
    folder: str | Path,
    n_threads: int = 1,
) -> tuple[dict[str, list[dict]], list[str]]:
    """Write the report of a run.

    Parameters
    ----------
    files : RunFiles
    config : mapping
        The config of the run, with defaults; shown as it is.
    sources : sequence of path
        The input files, or names that GDAL alone understands, to be listed.
    html : path
        The page.
    folder : path
        For the pictures.
    n_threads : int
        Rasters read and figures drawn side by side.

    Returns
    -------
    headline : dict of str to list of dict
        The numbers of the headline in two groups, ``run`` and ``good``, each with ``name``,
        ``value``, ``label`` and ``note`` as written in the page.
    remarks : list of str
        What to know before the results are used.
    """
    scene, album = read_scene(files), Album(folder)
    overlaps = read_overlaps(files.overlaps)
    closure = _closure(files)
    table = pair_table(files, scene, config["stack"]["min_temporal_coherence"])
    links = _link_numbers(files)
    pictures = _phase_pictures(scene, table, album, n_threads)
    headline = _headline(scene, table, closure, overlaps, links)
    maps = _maps(files, scene, album)
    remarks = _remarks(files, scene, table, closure, overlaps, links)
    remarks += found_remarks(files.found)
    for name in sorted(set(files.parameters) - {picture["name"] for picture in maps}):
        remarks.append(f"{name} is empty: the dates do not constrain it.")
    page = {
        "title": Path(config["output_dir"]).name,
        "folder": config["output_dir"],
        "version": emcflow.__version__,
        "simulated": files.truth is not None,
        "scene": scene,
        "day": _day,
        "headline": headline,
        "remarks": remarks,
        "maps": maps,
        "pictures": pictures,
        "shape": _picture_shape(scene.view),
        "gradients": {
            name: figures.css_gradient(cmap)
            for name, cmap in (("wrapped", figures.WRAPPED), ("unwrapped", figures.UNWRAPPED))
        },
        "network": _network_figures(files, scene, table, album) if files.baselines else None,
        "tiles": _tile_figure(scene, album),
        "coherence": _coherence_figures(files, links, album),
        "pairs": _pair_figures(table, album),
        "pair_table": _pair_rows(table),
        "closure": _closure_section(scene, table, closure, album),
        "seams": _seam_section(scene, overlaps, table, album),
        "rules": rule_table(files.benchmarks, files.jobs),
        "config": yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False),
        "versions": _versions(),
        "sources": _list_files(sources),
    }
    album.draw(n_threads)
    _render(page, Path(html))
    return headline, remarks


def _render(page: Mapping, path: Path) -> None:
    """Fill the template and give the page its name only when it is whole."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    write_text(path, environment.get_template(TEMPLATE.name).render(page))


# Numbers


def pair_table(files: RunFiles, scene: Scene, min_coherence: float) -> Columns:
    """Return what is known about every pair: ``pairs.csv``, and where it exists the truth.

    Parameters
    ----------
    files : RunFiles
    scene : Scene
    min_coherence : float
        Only points with a temporal coherence above it are compared with the truth.

    Returns
    -------
    dict of str to ndarray, shape (npairs,)
        See :func:`emcflow.products.quality.pair_table`; column share_right is the share of right
        points.
    """
    table = read_csv(files.pairs, ("pair", "reference", "secondary", "reasons"))
    if not files.baselines:
        table.pop("bperp_m", None)
    if files.truth:
        table["share_right"] = np.array(_shares_right(files, scene, min_coherence))
    return table


def _closure(files: RunFiles) -> Closure:
    """Return the loops that do not close, from ``loops.csv`` and ``open_loops.tif``."""
    loops = read_csv(files.loops, CORNERS)
    image = read_band(files.open_loops)
    image[image == NO_LABEL_DATA] = 0
    return Closure(loops["points"].astype(int), loops["open_points"].astype(int), image)


def _shares_right(files: RunFiles, scene: Scene, min_coherence: float) -> list[float]:
    """Return the share of the points of each pair that are right, where the truth is known."""
    points = read_coherence(files.coherence) > min_coherence
    shares = []
    with open_raster(str(files.truth)) as dataset:
        for path, pair in zip(scene.interferograms, scene.network.pairs, strict=True):
            first, second = dataset.read([int(number) + 1 for number in pair])
            truth = np.where(points, second - first, np.nan)
            shares.append(share_right(read_band(path), truth))
    return shares


def _link_numbers(files: RunFiles) -> dict | None:
    """Count the coherence of links in fine bins, links at the edge of the search, and noise."""
    if not files.links:
        return None
    counts, at_edge, noise = np.zeros(len(COHERENCE_BINS) - 1, dtype=np.int64), 0, 0
    design, ranges = read(files.links[0], "design", "search_range")
    floor = noise_coherence(NOISE_PROBABILITY, design, ranges, read_link_weights(files.links[0]))
    for path in files.links:
        coherence, edge = read(path, "link_coherence", "at_edge")
        noise += int(np.count_nonzero(coherence <= floor))
        counts += np.histogram(coherence.clip(0, 1), COHERENCE_BINS)[0]
        at_edge += int(np.count_nonzero(edge))
    total = int(counts.sum())
    return {
        "counts": counts,
        "links": total,
        "median": _median(counts),
        "edge_share": at_edge / max(total, 1),
        "noise_share": noise / max(total, 1),
        "noise_coherence": floor,
    }


def _median(counts: np.ndarray) -> float:
    """Return the median of values that were counted in the bins of coherence."""
    if not counts.sum():
        return float("nan")
    below = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    return float(np.interp(0.5, below, COHERENCE_BINS))


def rule_table(folder: str | Path, jobs: Sequence[str] | None = None) -> list[dict]:
    """Return run time and memory per rule from Snakemake's benchmark files.

    Parameters
    ----------
    folder : path
        Holds ``RULE.tsv`` or ``RULE_NN.tsv``; empty or missing: no rows.
    jobs : sequence of str, optional
        Names of the files that count, without their ends: others are of earlier settings.

    Returns
    -------
    list of dict
        name, jobs, seconds (all jobs together), longest [s], memory [MB] of the largest job (NaN
        where Snakemake could not measure it), largest total time first.
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
    rows = []
    for name, taken_by in rules.items():
        seconds, memory = np.array(taken_by).T
        known = memory[np.isfinite(memory)]
        rows.append(
            {
                "name": name,
                "jobs": len(taken_by),
                "seconds": float(seconds.sum()),
                "longest": float(seconds.max()),
                "memory": float(known.max()) if known.size else float("nan"),
            }
        )
    return sorted(rows, key=lambda row: -row["seconds"])


def percent(share: float) -> str:
    """Write a share in per cent so that only all is 100 % and only nothing is 0 %."""
    if not math.isfinite(share):
        return "–"
    if share in (0, 1):
        return f"{100 * share:.0f}{SPACE}%"
    for decimals in (1, 2, 3):
        text = f"{100 * share:.{decimals}f}"
        if 0 < float(text) < 100:
            return f"{text}{SPACE}%"
    return f">{SPACE}99.999{SPACE}%" if share > 0.5 else f"<{SPACE}0.001{SPACE}%"


def _round_percent(share: float) -> str:
    return f"{100 * share:g}{SPACE}%"


def _date(digits: str) -> date:
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _day(digits: str) -> str:
    return _date(digits).isoformat()


def _count(number: int, singular: str) -> str:
    return f"{number:,} {_plural(number, singular)}"


def _plural(number: int, singular: str) -> str:
    return singular if number == 1 else f"{singular}s"


# Headline


def _headline(
    scene: Scene,
    table: Columns,
    closure: Closure,
    overlaps: Overlaps,
    links: dict | None,
) -> dict[str, list[dict]]:
    """Return the cards of what was run and of how good it is."""
    rows, cols = scene.grid.shape
    dates, npairs = scene.network.dates, scene.network.npairs
    run = [
        _card("dates", f"{len(dates)}", "dates", f"{_day(dates[0])} to {_day(dates[-1])}"),
        _card("pairs", f"{npairs:,}", _plural(npairs, "interferogram"), _span_of(table)),
        _card(
            "points",
            f"{scene.npoints:,}",
            "points",
            f"{percent(scene.npoints / (rows * cols))} of the pixels",
        ),
        _card("size", f"{rows:,} × {cols:,}", "pixels", _ground_size(scene)),
    ]
    good = []
    if "share_right" in table:
        worst = f"mean of the pairs, the worst {percent(table['share_right'].min())}"
        value = percent(table["share_right"].mean())
        good.append(_card("share_right", value, "of points right", worst))
    checked = np.count_nonzero(np.isfinite(table["open_share"]))
    triangles, pairs = _count(len(closure.points), "triangle"), _count(npairs, "pair")
    note = f"{triangles} of pairs, at every point; {checked:,} of {pairs} checked"
    good.append(_card("loops", percent(closure.share_closed), "of loops close", note))
    if len(overlaps.links):
        agreement = float(np.average(table["agreement"]))
        note = f"{_count(len(overlaps.links), 'overlap')} of tiles"
        good.append(_card("agreement", percent(agreement), "of overlap points agree", note))
    if links:
        note = f"median of {_count(links['links'], 'link')}"
        good.append(_card("link_coherence", f"{links['median']:.2f}", "link coherence", note))
    residues = f"{np.median(table['residues']):,.0f}"
    note = f"median pair: {percent(np.median(table['residue_share']))} of the mesh’s triangles"
    good.append(_card("residues", residues, "residues per pair", note))
    return {"run": run, "good": good}


def _card(name: str, value: str, label: str, note: str) -> dict:
    return {"name": name, "value": value, "label": label, "note": note}


def _span_of(table: Columns) -> str:
    low, high = table["days"].min(), table["days"].max()
    return f"over {low:.0f} days" if low == high else f"over {low:.0f} to {high:.0f} days"


def _ground_size(scene: Scene) -> str:
    """Return height and width of the scene on the ground, where known, and the tiles."""
    view, tiles = scene.view, _count(len(scene.bounds), "tile")
    if view.metres is None:
        return f"rows × columns, {tiles}"
    width = abs(view.extent[1] - view.extent[0]) * view.metres / 1000
    return f"{width * view.height_to_width:.3g} × {width:.3g} km, {tiles}"


def _remarks(
    files: RunFiles,
    scene: Scene,
    table: Columns,
    closure: Closure,
    overlaps: Overlaps,
    links: dict | None,
) -> list[str]:
    """Return what a person should know before the results are used."""
    remarks = []
    suspect = int(table["suspect"].sum())
    if suspect:
        remarks.append(
            f"{_count(suspect, 'interferogram')} of {scene.network.npairs} flagged as suspect in "
            "quality/pairs.csv: the table of interferograms says why."
        )
    ncomponents = overlaps.ncomponents
    if ncomponents > 1:
        points = np.bincount(overlaps.component, weights=overlaps.node_points)
        remarks.append(
            f"The points fall into {ncomponents} parts that are not joined (the largest holds "
            f"{percent(points[0] / points.sum())}): cycles between the parts are not known."
        )
    masked = _attribute_sum(files.meshes, "masked_points")
    if masked:
        remarks.append(
            f"{_count(masked, 'coherent point')} left out, zero or not finite at some date "
            "(those of overlaps counted twice)."
        )
    same = _attribute_sum(files.meshes, "unchanging_points")
    if same:
        remarks.append(
            f"{_count(same, 'coherent point')} left out, whose phase never changes, as that of "
            "nodata written as a number (those of overlaps counted twice)."
        )
    remarks += scene.remarks
    if links and links["edge_share"] > AT_EDGE:
        remarks.append(
            f"{percent(links['edge_share'])} of the links have their best velocity or DEM error at "
            "the edge of the search range: widen link_model.velocity_range_mm_yr or "
            "link_model.dem_error_range_m where this is not noise."
        )
    if "misfit_cycles" in table:
        misfit = int((table["misfit_cycles"] > 1e-6).sum())
        if misfit:
            remarks.append(
                f"In {_count(misfit, 'interferogram')} the tiles do not fit around a loop."
            )
        low = int((overlaps.agreement.min(axis=1) < SEAM_AGREEMENT).sum())
        if low:
            remarks.append(
                f"{_count(low, 'overlap')} of tiles where less than "
                f"{_round_percent(SEAM_AGREEMENT)} of the points agree in some interferogram."
            )
    share = closure.open_points / np.maximum(closure.points, 1)
    if share.max(initial=0) > OPEN_LOOPS:
        days = ", ".join(_day(scene.network.dates[i]) for i in _triangle(scene, share.argmax()))
        remarks.append(
            f"{int((share > OPEN_LOOPS).sum())} of {len(share)} triangles of interferograms do not "
            f"close at more than {_round_percent(OPEN_LOOPS)} of the points; the worst at "
            f"{percent(share.max())} ({days})."
        )
    return remarks


def _attribute_sum(paths: Sequence[str], name: str) -> int:
    total = 0
    for path in paths:
        with open_product(path) as file:
            total += int(file.attrs[name])
    return total


def _triangle(scene: Scene, number: int) -> list[int]:
    return scene.triangles[number].tolist()


# Pictures

PARAMETER_TEXTS = {
    "velocity_mm_yr": ("Velocity", "mm/yr", "RdBu_r"),
    "dem_error_m": ("DEM error", "m", "PuOr_r"),
    "annual_sin_mm": ("Annual cycle, sine", "mm", "RdBu_r"),
    "annual_cos_mm": ("Annual cycle, cosine", "mm", "RdBu_r"),
    "step_mm": ("Step", "mm", "RdBu_r"),
    "thermal_mm_per_c": ("Thermal dilation", "mm/°C", "RdBu_r"),
    "height_relative": ("Relative height", "rad", "PuOr_r"),
    "height_relative_sigma": ("Standard deviation of the relative height", "rad", "magma_r"),
    "velocity_sigma_mm_yr": ("Standard deviation of the velocity", "mm/yr", "magma_r"),
    "dem_error_sigma_m": ("Standard deviation of the DEM error", "m", "magma_r"),
    "annual_sin_sigma_mm": ("Standard deviation of the sine", "mm", "magma_r"),
    "annual_cos_sigma_mm": ("Standard deviation of the cosine", "mm", "magma_r"),
    "step_sigma_mm": ("Standard deviation of the step", "mm", "magma_r"),
    "thermal_sigma_mm_per_c": ("Standard deviation of the dilation", "mm/°C", "magma_r"),
    "link_model_coherence": ("Link-model coherence", "coherence", "cividis"),
    "series_velocity_mm_yr": ("Velocity of the time series", "mm/yr", "RdBu_r"),
    "series_velocity_sigma_mm_yr": ("Standard deviation of that velocity", "mm/yr", "magma_r"),
}


def _thin(path: str, step: int) -> np.ndarray:
    """Read a raster with one pixel of every `step` along each side."""
    with open_raster(path) as dataset:
        shape = tuple(-(-size // step) for size in dataset.shape)
        return dataset.read(1, out_shape=shape, resampling=Resampling.nearest)


def _maps(files: RunFiles, scene: Scene, album: Album) -> list[dict]:
    """Return maps of the link model, and of the temporal coherence of the points."""
    maps = [
        _parameter_map(name, path, scene, album)
        for name, path in files.parameters.items()
        if name in PARAMETER_TEXTS
    ]
    rows, cols = (-(-size // scene.step) for size in scene.grid.shape)
    coherence = read_coherence(files.coherence, shape=(rows, cols))
    image = np.where(_thin_degree(scene) > 0, coherence, np.nan)
    limits, title = figures.coherence_limits(image), "Temporal coherence"
    figure = figures.value_map(
        image, scene.view, title, title.lower(), cmap="cividis", limits=limits
    )
    alt = "Map of the temporal coherence of the points."
    caption = f"Temporal coherence of the points. {scene.view.note}"
    return [*filter(None, maps), album.add("temporal_coherence", figure, alt, caption)]


def _parameter_map(name: str, path: str, scene: Scene, album: Album) -> dict | None:
    """Return the map of one raster of the link model, its sign as its tags say; None if empty."""
    title, units, cmap = PARAMETER_TEXTS[name]
    image = _thin(path, scene.step)
    if np.isnan(image).all():
        return None
    with open_raster(path) as dataset:
        tags = dataset.tags()
    if "SIGN" in tags:
        limits = figures.symmetric_limits(image)
        heading = f"{title}, {tags['SIGN'].partition(',')[0]}"
        reference = tags["REFERENCE"]
        zero = "Zero is the median" if reference == "median" else f"Zero at {reference}"
        caption = f"{title} in {units}, {tags['SIGN']}. {zero}."
    elif name.removeprefix("series_") in {*SIGMAS.values(), *EXTRA_SIGMAS.values()}:
        limits, heading = figures.sigma_limits(image), title
        caption = f"{title} in {units}, of the difference from the reference."
        if "CORRELATION" in tags:
            caption += f" Errors of velocity and DEM error have correlation {tags['CORRELATION']}."
    else:
        limits, heading = figures.coherence_limits(image), title
        caption = "How well velocity and DEM error explain the phase of a point’s links: 1 is all."
    figure = figures.value_map(image, scene.view, heading, units, cmap=cmap, limits=limits)
    low, middle, high = np.percentile(image[np.isfinite(image)], (5, 50, 95))
    alt = (
        f"Map of {title} [{units}]: median {middle:.2f}, 90 % of the points between {low:.2f} "
        f"and {high:.2f}."
    )
    return album.add(name, figure, alt, f"{caption} {scene.view.note}")


def _thin_degree(scene: Scene) -> np.ndarray:
    """Return the number of tiles per point on the pixels of the maps."""
    shape = tuple(-(-size // scene.step) for size in scene.grid.shape)
    rows, cols = (
        ((np.arange(thin) + 0.5) * size / thin).astype(int)
        for thin, size in zip(shape, scene.grid.shape, strict=True)
    )
    return scene.degree[np.ix_(rows, cols)]


def _phase_pictures(scene: Scene, table: Columns, album: Album, n_threads: int) -> list[dict]:
    """Return wrapped and unwrapped pictures of all interferograms, or of those to be looked at."""
    step = max(1, -(-max(scene.grid.shape) // PICTURE_SIDE))

    def picture(number: int) -> dict:
        name = scene.network.pair_names[number]
        phase = figures.phase_picture(_thin(scene.interferograms[number], step), scene.view)
        return {
            "name": name,
            "number": number + 1,
            "title": f"{_day(name[:8])} to {_day(name[9:])}",
            "facts": _facts({column: values[number] for column, values in table.items()}),
            "low": f"{phase.limits[0]:.1f}",
            "high": f"{phase.limits[1]:.1f}",
            "wrapped": album.keep(f"interferograms/{name}_wrapped", phase.wrapped),
            "unwrapped": album.keep(f"interferograms/{name}_unwrapped", phase.unwrapped),
        }

    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(picture, shown_pairs(table["residues"])))


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


def _facts(pair: Mapping) -> str:
    """Return the numbers of one pair in a line."""
    facts = [_count(int(pair["days"]), "day")]
    if "bperp_m" in pair:
        facts.append(f"baseline {pair['bperp_m']:.0f} m".replace("-", "−"))
    facts.append(_count(int(pair["residues"]), "residue"))
    if "share_right" in pair:
        facts.append(f"{percent(pair['share_right'])} right")
    return f"{SPACE}· ".join(fact.replace(" ", SPACE) for fact in facts)


def _picture_shape(view: figures.SceneView) -> str:
    """Return width over height of the pictures."""
    return f"{1 / view.height_to_width:.5g}"


def _network_figures(files: RunFiles, scene: Scene, table: Columns, album: Album) -> dict:
    """Return the network over time and baseline, and the misfits of the table of baselines."""
    network = scene.network
    bperp = read_csv(str(files.baselines), ("date",))["bperp_m"]
    label = "triangles with a residue"
    share = table["residue_share"]
    figure = figures.network_plot(network.dates, bperp, network.pairs, share, label)
    alt = (
        f"Plot of {network.ndates} dates over time and perpendicular baseline, from "
        f"{bperp.min():.0f} to {bperp.max():.0f} m, joined by {network.npairs} interferograms."
    )
    caption = (
        "Dates (dots) and interferograms (lines), coloured by their share of triangles with a "
        "residue before unwrapping in space. Baselines are relative to the first date."
    )
    drawn, text = [album.add("network", figure, alt, caption)], ""
    misfit = read_csv(str(files.misfit), ("reference", "secondary"))
    values = misfit["misfit_m"]
    worst = np.abs(values).max(initial=0)
    if worst > MISFIT_M:
        first, last, title = misfit["reference"], misfit["secondary"], "Misfit of the baselines"
        figure = figures.span_plot(first, last, values, title, "misfit [m]")
        alt = f"Plot of the misfit of {len(values)} baselines, at most {worst:.3f} m."
        caption = (
            "Baseline of each row of the table minus that of its two dates after least squares; "
            f"the largest is {worst:.3f} m. A line goes from the first to the second date."
        )
        drawn.append(album.add("baseline_misfit", figure, alt, caption))
    elif len(values):
        text = (
            f"{_count(len(values), 'baseline')} per pair, all within {1e3 * MISFIT_M:g} mm of the "
            "difference of their dates."
        )
    return {"figures": drawn, "text": text}


def _tile_figure(scene: Scene, album: Album) -> dict:
    degree = _thin_degree(scene)
    figure = figures.tile_map(degree, scene.bounds, scene.grid.shape, scene.view)
    shared = np.count_nonzero(scene.degree > 1) / max(scene.npoints, 1)
    tiles = _count(len(scene.bounds), "tile")
    caption = f"{_count(scene.npoints, 'point')} in {tiles}"
    if len(scene.bounds) > 1:
        caption += f"; {percent(shared)} of them lie in several, and join these"
    alt = f"Map of the points and the outlines of {tiles}."
    return album.add("tiles", figure, alt, f"{caption}. {scene.view.note}")


def _coherence_figures(files: RunFiles, links: dict | None, album: Album) -> list[dict]:
    """Return histograms of the coherence of links and of points."""
    shown = []
    if links and links["links"]:
        text = f"Coherence of the link model on {_count(links['links'], 'link')}"
        caption = (
            f"{text}: how well a velocity and a DEM error explain the phase of a link. Pure noise "
            f"exceeds {links['noise_coherence']:.2f} in {_round_percent(NOISE_PROBABILITY)} of "
            f"searches; {percent(links['noise_share'])} of the links do not."
        )
        shown.append(
            _histogram("link_coherence", links["counts"], "Link coherence", caption, album)
        )
    points = _coherence_counts(files)
    caption = "Temporal coherence of the points, or what stands for it."
    shown.append(_histogram("point_coherence", points, "Temporal coherence", caption, album))
    return shown


def _coherence_counts(files: RunFiles) -> np.ndarray:
    """Count the temporal coherence of the points of all tiles, those of overlaps more than once."""
    counts = np.zeros(len(COHERENCE_BINS) - 1, dtype=np.int64)
    for path in files.unwrapped:
        points, bounds = read_points(path)
        values = read_coherence(files.coherence, bounds)[tuple((points - bounds[:2]).T)]
        counts += np.histogram(values.clip(0, 1), COHERENCE_BINS)[0]
    return counts


def _histogram(name: str, counts: np.ndarray, title: str, caption: str, album: Album) -> dict:
    median = _median(counts)
    coarse = counts.reshape(-1, SHOWN_BINS).sum(axis=1)
    edges = COHERENCE_BINS[::SHOWN_BINS]
    figure = figures.histogram(coarse, edges, median, title, title.lower())
    return album.add(name, figure, f"Histogram of {title.lower()}, median {median:.2f}.", caption)


def _pair_figures(table: Columns, album: Album) -> list[dict]:
    """Return plots of residues, flows and, where known, right points of every pair."""
    plots = [
        ("residues", "residues", "Residues", "triangles with a residue", False),
        ("flows", "flow_links", "Flows", "links changed", False),
    ]
    if "share_right" in table:
        plots.append(("share_right", "share_right", "Points right", "points right", True))
    captions = {
        "residues": "Triangles of the mesh whose gradients do not cancel before unwrapping.",
        "flows": "Links whose gradient was changed by whole cycles to cancel the residues.",
        "share_right": "Points of the simulated stack that are right, against its true phase.",
    }
    shown = []
    for name, column, title, label, share in plots:
        values = table[column]
        figure = figures.span_plot(
            table["reference"], table["secondary"], values, title, label, share=share
        )
        low, high = (percent(v) if share else f"{v:,.0f}" for v in (values.min(), values.max()))
        alt = f"Plot of {title.lower()} of {len(values)} interferograms, from {low} to {high}."
        caption = f"{captions[name]} A line goes from the first to the second date of a pair."
        shown.append(album.add(name, figure, alt, caption))
    return shown


def _pair_rows(table: Columns) -> dict:
    """Return the table of pairs as head and rows of text."""
    columns: list[tuple[str, str, Callable]] = [
        ("Days", "days", "{:,.0f}".format),
        ("Baseline [m]", "bperp_m", "{:.1f}".format),
        ("Residues", "residues", "{:,.0f}".format),
        ("of triangles", "residue_share", percent),
        ("Links changed", "flow_links", "{:,.0f}".format),
        ("Cycles added", "flow_sum", "{:,.0f}".format),
        ("Points right", "share_right", percent),
        ("Overlaps agree", "agreement", percent),
        ("Misfit of tiles [cycles]", "misfit_cycles", "{:.2f}".format),
        ("Open loops", "open_share", percent),
        ("Suspect", "reasons", str),
    ]
    present = [column for column in columns if column[1] in table]
    rows = [
        (
            name,
            f"{_day(name[:8])} to {_day(name[9:])}",
            [text(table[key][number]) for _, key, text in present],
        )
        for number, name in enumerate(table["pair"])
    ]
    return {"head": [title for title, _, _ in present], "rows": rows}


def _closure_section(scene: Scene, table: Columns, closure: Closure, album: Album) -> dict | None:
    """Return the loops that do not close: per triangle, and where they are."""
    if not len(closure.points):
        return None
    share = closure.open_points / np.maximum(closure.points, 1)
    dates = np.array(scene.network.dates)
    text = (
        f"{percent(closure.share_closed)} of the loops of all points close: "
        f"{int(closure.open_points.sum()):,} of {int(closure.points.sum()):,} do not."
    )
    unchecked = int(np.isnan(table["open_share"]).sum())
    if unchecked:
        pairs = f"{_count(unchecked, 'interferogram')} of {len(table['pair'])}"
        text += f" No loop checks {pairs}, in no triangle with two others."
    drawn: list[dict] = []
    section = {"text": text, "figures": drawn}
    if not closure.open_points.any():
        return section
    figure = figures.span_plot(
        dates[scene.triangles[:, 0]],
        dates[scene.triangles[:, 2]],
        share,
        "Loops that do not close",
        "points of the triangle",
        share=True,
    )
    alt = (
        f"Plot of the share of open points of {len(share)} triangles, up to {percent(share.max())}."
    )
    caption = (
        "Share of the points where the three interferograms of a triangle do not add up to zero. "
        "A line goes from its first to its last date."
    )
    drawn.append(album.add("closure", figure, alt, caption))
    points = _thin_degree(scene) > 0
    open_loops = largest_of_cells(closure.open_loops, scene.step)
    figure = figures.loop_map(open_loops, points, scene.view, len(share))
    alt = f"Map of the number of loops that do not close, up to {closure.open_loops.max()}."
    caption = f"Loops that do not close at a point, of {len(share)}. {scene.view.note}"
    drawn.append(album.add("open_loops", figure, alt, caption))
    return section


def _seam_section(scene: Scene, overlaps: Overlaps, table: Columns, album: Album) -> dict | None:
    """Return how well the tiles fit together; None for a single tile."""
    if not len(overlaps.links):
        return None
    names = ["–".join(_node_name(overlaps.nodes, node) for node in link) for link in overlaps.links]
    figure = figures.seam_plot(overlaps.agreement, names)
    mean, low = overlaps.agreement.mean(axis=1), overlaps.agreement.min(axis=1)
    alt = (
        f"Picture of the share of points that agree in {len(names)} overlaps and "
        f"{scene.network.npairs} interferograms, at least {percent(float(low.min()))}."
    )
    caption = "Share of the common points of two tiles that agree on the cycles between them."
    worst = [int((row < SEAM_AGREEMENT).sum()) for row in overlaps.agreement]
    rows = zip(names, overlaps.points.tolist(), mean.tolist(), low.tolist(), worst, strict=True)
    return {
        "figure": album.add("seams", figure, alt, caption),
        "misfit": int((table["misfit_cycles"] > 1e-6).sum()),
        "below": _round_percent(SEAM_AGREEMENT),
        "rows": [
            (name, f"{points:,}", percent(mean), percent(low), str(count))
            for name, points, mean, low, count in rows
        ],
    }


def _node_name(nodes: np.ndarray, node: int) -> str:
    """Return a tile's number, with its region where that is not the first."""
    tile, region = nodes[node]
    return f"{tile:02d}/{region}" if region else f"{tile:02d}"


# What it was made of


def _versions() -> list[tuple[str, str]]:
    """Return name and version of what the results depend on."""
    versions = [("emcflow", emcflow.__version__), ("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            versions.append((name, "not installed here"))
    return versions


def _list_files(paths: Sequence[str]) -> list[tuple[str, str]]:
    """Return the input files and their sizes; those that are not local have none."""
    listed = []
    for path in paths:
        size = Path(path).stat().st_size if Path(path).is_file() else None
        listed.append((path, "–" if size is None else f"{size / 1e6:,.2f} MB"))
    return listed
