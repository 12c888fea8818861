"""What a report tells of a run, in arrays and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from emcflow.io.files import Columns
from emcflow.io.network_tables import FoundBaselines
from emcflow.io.raster import Grid
from emcflow.network.networks import Network
from emcflow.products.closure import Closure, all_triangles
from emcflow.report.figures.maps import MapFrame, map_frame
from emcflow.tiles.overlaps import Overlaps

COHERENCE_BINS = np.linspace(0, 1, 1001)  # fine enough to read a median from


@dataclass(frozen=True)
class Scene:
    """Grid, tiles and points of a run.

    Attributes
    ----------
    grid : Grid
    bounds : tuple of tuple of int
        First row, first column, last row, last column of each tile, half open.
    npoints, shared_points : int
        Number of points, and of those that several tiles hold.
    tiles_per_pixel : ndarray of uint8, shape (rows, cols)
        Tiles that hold a pixel, 0 where there is no point; thinned out to the pixels of the maps.
    coherence : ndarray of float, same shape
        Temporal coherence.
    remarks : tuple of str
        What was found in the input.
    """

    grid: Grid
    bounds: tuple[tuple[int, int, int, int], ...]
    npoints: int
    shared_points: int
    tiles_per_pixel: np.ndarray
    coherence: np.ndarray
    remarks: tuple[str, ...] = ()

    @cached_property
    def frame(self) -> MapFrame:
        """How maps of the scene are drawn."""
        return map_frame(self.grid)


@dataclass(frozen=True)
class CoherenceCounts:
    """How often each coherence is there.

    Attributes
    ----------
    counts : ndarray of int64, shape (len(COHERENCE_BINS) - 1,)
        Values in each bin of `COHERENCE_BINS`.
    """

    counts: np.ndarray

    @property
    def number(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @property
    def median(self) -> float:
        """Median of the values, NaN where there is none."""
        if not self.number:
            return float("nan")
        below = np.concatenate([[0], np.cumsum(self.counts)]) / self.number
        return float(np.interp(0.5, below, COHERENCE_BINS))


@dataclass(frozen=True)
class Links(CoherenceCounts):
    """The links of all tiles by their coherence about the link model.

    Attributes
    ----------
    edge_share : float
        Share of the links with their highest peak at the edge of the search.
    noise_coherence : float
        Pure noise exceeds it in a share `NOISE_PROBABILITY` of searches.
    noise_share : float
        Share of the links that do not.
    searched : dict of str to (float, float)
        Range of each term in which links were searched, the widest of all tiles.
    """

    edge_share: float
    noise_coherence: float
    noise_share: float
    searched: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Baselines:
    """Perpendicular baselines of the dates.

    Attributes
    ----------
    bperp_m : ndarray, shape (ndates,)
        Relative to the first date [m].
    misfit : dict of str to ndarray
        Columns reference, secondary and misfit_m of the baselines of pairs, if any were given.
    """

    bperp_m: np.ndarray
    misfit: Columns


@dataclass(frozen=True)
class Parameter:
    """One map of the link model or of the time series.

    Attributes
    ----------
    image : ndarray of float, shape (rows, cols)
        Thinned out to the pixels of the maps; NaN where there is nothing.
    tags : mapping of str to str
        Of the raster: SIGN, REFERENCE, CORRELATION.
    """

    image: np.ndarray
    tags: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether the dates do not constrain it."""
        return bool(np.isnan(self.image).all())


@dataclass(frozen=True)
class DateModel:
    """What the displacement of a point is held against.

    Attributes
    ----------
    phase : dict of str to ndarray of float64, shape (ndates,)
        Phase at each date per unit of a term, in the sign of the term's map [rad].
    of_series : tuple of str
        The terms that are in the displacements: all but those that were taken out.
    scale : float
        Displacement per phase, in the sign of the velocity [mm/rad]; 1 where it is not known.
    unit : str
        Of the displacements: mm, or rad where the wavelength is not known.
    sigma : ndarray of float64, shape (ndates,), or None
        Standard deviation of the displacement at a point with 1 rad of residual phase [mm].
    """

    phase: Columns
    of_series: tuple[str, ...]
    scale: float
    unit: str
    sigma: np.ndarray | None


@dataclass(frozen=True)
class Samples:
    """Some points of the scene, one by one.

    Attributes
    ----------
    points : ndarray of int32, shape (n, 2)
        Row and column, row by row.
    values : dict of str to ndarray of float32, shape (n,)
        Of the rasters of one value per point, by their names.
    pairs : ndarray of float32, shape (npairs, n)
        Unwrapped phase [rad].
    series : ndarray of float32, shape (ndates, n)
        Displacement relative to the first date and the reference, see `DateModel`.
    reference : tuple of int
        Row and column of the point that series are relative to.
    model : DateModel
    from_rasters : bool
        Whether the series are those of the folder timeseries.
    """

    points: np.ndarray
    values: Columns
    pairs: np.ndarray
    series: np.ndarray
    reference: tuple[int, int]
    model: DateModel
    from_rasters: bool


@dataclass(frozen=True)
class RuleUse:
    """What the jobs of one rule took.

    Attributes
    ----------
    name : str
    jobs : int
    seconds, longest : float
        Time of all jobs together, and of the longest [s].
    memory : float
        Of the largest job [MB]; NaN where Snakemake could not measure it.
    """

    name: str
    jobs: int
    seconds: float
    longest: float
    memory: float


@dataclass(frozen=True)
class RunData:
    """What a report tells of a run.

    Attributes
    ----------
    config : mapping
        With defaults.
    scene : Scene
    network : Network
        Dates and interferograms.
    pairs : dict of str to ndarray, shape (npairs,)
        See :func:`emcflow.products.quality.pair_table`; where the truth is known, also share_right,
        the share of right points.
    closure : Closure
        Its image is thinned out to the pixels of the maps: the most open loops in each.
    overlaps : Overlaps
    point_coherence : CoherenceCounts
        Of the points of all tiles, those of overlaps more than once.
    phases : mapping of int to ndarray of float32, shape (rows, cols)
        Small pictures of unwrapped phase [rad] by the number of the pair; NaN where there is none.
    masked_points, unchanging_points : int
        Coherent points that were left out, those of overlaps more than once.
    hypotheses : tuple of str
        By which hypothesis each tile took the cycles of its links.
    rules : tuple of RuleUse
    sources : tuple of (str, int or None)
        Input files and their sizes [bytes]; None for what is no local file.
    versions : tuple of (str, str)
        Packages and their versions.
    links : Links or None
        None without a link model.
    parameters : mapping of str to Parameter
        Maps by their names.
    baselines : Baselines or None
        None without a link model, and where they were found without a scale.
    found : FoundBaselines or None
        What the phases say of them; None without a link model.
    layers : mapping of str to Parameter
        Further maps that are looked at with the others: of quality and components.
    wrong : mapping of int to ndarray of float32, shape (rows, cols)
        Small pictures of -10 log10 p by the number of the pair, p of a wrong cycle.
    terms : mapping of str to ndarray of float32, shape (rows, cols)
        Maps of the terms, thinned out as the pictures of the pairs.
    residues_of_tiles : ndarray of int, shape (ntiles, npairs)
        Residues of each tile in each pair; none where they are not known.
    samples : Samples or None
        None where no point is shown one by one.
    """

    config: Mapping
    scene: Scene
    network: Network
    pairs: Columns
    closure: Closure
    overlaps: Overlaps
    point_coherence: CoherenceCounts
    phases: Mapping[int, np.ndarray]
    masked_points: int
    unchanging_points: int
    hypotheses: tuple[str, ...]
    rules: tuple[RuleUse, ...]
    sources: tuple[tuple[str, int | None], ...]
    versions: tuple[tuple[str, str], ...]
    links: Links | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    baselines: Baselines | None = None
    found: FoundBaselines | None = None
    layers: Mapping[str, Parameter] = field(default_factory=dict)
    wrong: Mapping[int, np.ndarray] = field(default_factory=dict)
    terms: Mapping[str, np.ndarray] = field(default_factory=dict)
    residues_of_tiles: np.ndarray = field(default_factory=lambda: np.empty((0, 0), int))
    samples: Samples | None = None

    @cached_property
    def triangles(self) -> np.ndarray:
        """Indices of the dates of each triangle of pairs, those of `Closure`: int32 (ntri, 3)."""
        return all_triangles(self.network.pairs, self.network.ndates)[0]

    @property
    def open_share(self) -> np.ndarray:
        """Share of the points at which each triangle of pairs does not close: float64 (ntri,)."""
        return self.closure.open_points / np.maximum(self.closure.points, 1)
