"""Times, bytes and files of a run of any size, fitted to measured runs.

Every time and every number of bytes is a sum of terms that grow as the algorithm says (points,
points times interferograms, pixels times dates, ...), with factors that are not negative, found by
least squares of relative errors (Lawson and Hanson 1974, Solving Least Squares Problems, ch. 23).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from emcflow.workflow.batches import BLENDED_AT_ONCE, batch_size, in_batches
from emcflow.workflow.memory import predicted_mb
from emcflow.workflow.plan import DATES_PER_BATCH, PAIRS_PER_BATCH
from scipy.optimize import nnls

STRIP_ROWS = 512  # outputs.strip_rows
PIXEL_BYTES = 8  # of an image of the stack
PICTURES = 60  # as in emcflow/report/reading.py


@dataclass(frozen=True)
class Size:
    """A run: pixels of the scene, points of all tiles, those of overlaps twice, and numbers."""

    pixels: float
    points: float
    dates: int
    pairs: int
    tiles: int

    @property
    def batches(self) -> int:
        """Jobs that merge interferograms."""
        most = batch_size(PAIRS_PER_BATCH, PIXEL_BYTES * self.pixels)
        return len(in_batches(range(self.pairs), most, even=True))

    @property
    def strips(self) -> int:
        """Jobs that work on a strip, of a scene about as wide as it is high."""
        return math.ceil(math.sqrt(self.pixels) / STRIP_ROWS)

    @property
    def date_batches(self) -> int:
        """Jobs that write displacements."""
        return math.ceil(self.dates / batch_size(DATES_PER_BATCH, PIXEL_BYTES * self.pixels))


def sized(record: dict) -> Size:
    """Return the size of a measured run."""
    return Size(*(record[name] for name in ("pixels", "points", "dates", "pairs", "tiles")))


# What the CPU seconds of all jobs of a rule grow with: T tiles, N points, X pixels, D dates,
# I interferograms, P of them with pictures in the report, B batches; S strips, V batches of dates.
TIMES = {
    "check_stack": ("1", "D", "X"),
    "network": ("1", "I"),
    "baselines": ("1", "D"),
    "tiles": ("1", "X"),
    "design_matrix": ("1", "I"),
    "tile_mesh": ("T", "N", "N*D", "X*D"),
    # the longer the series, the finer the steps of the velocity
    "link_model": ("T", "N", "N*D", "N*D*D"),
    "unwrap_tile": ("T", "N", "N*I"),
    "tile_overlaps": ("1", "N", "N*I"),
    "bulk_offsets": ("1", "T*I"),
    "blend_tile": ("T", "N", "N*I"),
    "reference_points": ("1", "N", "X"),
    "scene_links": ("1", "N"),
    "merge_interferograms": ("B", "N*I", "X*I"),
    "link_quality": ("1", "N", "X"),
    "loops": ("S", "X*I", "N*I"),
    "quality": ("1", "X", "N"),
    "date_phases": ("1", "X*I", "N*I", "N*D"),
    "time_series": ("1", "X", "N*D"),
    "displacements": ("1", "X*D", "N*D"),
    "report": ("1", "X", "X*P", "P", "T"),
}
# The bytes of each folder of results, and the number of its files (an exact sum).
FOLDERS = {
    "mesh": (("T", "N", "N*D"), "T"),
    "links": (("T", "N"), "T"),
    "unwrap": (("T", "N", "N*I"), "T"),
    "merge": (("1", "T*I", "N"), "6"),
    "blend": (("T", "T*I", "N", "N*I"), "T"),
    "unwrapped": (("X*I", "N*I"), "3*I"),
    "unwrapped/quality": (("X*I", "N*I"), "3*I"),
    "quality": (("X", "N"), "12"),
    ".": (("X", "N"), "8"),
    "dates": (("N", "N*D"), "S"),
    "loops": (("X",), "S"),
    "timeseries": (("X*D", "N*D"), "D+3"),
    "timeseries/radians": (("X*D", "N*D"), "D-1"),
    "timeseries/misfit": (("X*D", "N*D"), "D"),
    "logs": (("1", "T", "B"), "4*T+B+2*S+V+16"),
    "benchmarks": (("1", "T", "B"), "4*T+B+2*S+V+16"),
    "records": (("1", "T", "B"), "4*T+B+2*S+V+17"),
}
TILE_RULES = ("tile_mesh", "link_model", "unwrap_tile")
# A job per tile, and its neighbours: not before all tiles are unwrapped.
NEIGHBOUR_RULES = ("blend_tile",)
# These hold some rows of the scene at a time.
STRIP_RULES = ("loops", "quality", "date_phases", "time_series", "displacements")


def term(text: str, size: Size) -> float:
    """Return the value of a term for a run."""
    names = {"T": size.tiles, "N": size.points, "X": size.pixels, "D": size.dates}
    names |= {
        "S": size.strips,
        "V": size.date_batches,
        "I": size.pairs,
        "P": min(size.pairs, PICTURES),
        "B": size.batches,
    }
    return eval(text, {"__builtins__": {}}, names)


class Fit:
    """Factors of the terms of one quantity."""

    def __init__(self, terms: tuple[str, ...], sizes: list[Size], values: list[float]):
        self.terms = terms
        rows = np.array([[term(text, size) for text in terms] for size in sizes], dtype=float)
        rows /= np.asarray(values)[:, None]
        scale = rows.max(axis=0)
        self.factors = nnls(rows / scale, np.ones(len(values)))[0] / scale

    def __call__(self, size: Size) -> float:
        """Return the quantity for a run."""
        return float(self.factors @ [term(text, size) for text in self.terms])


class Model:
    """Seconds, bytes and files of runs, fitted to those that were measured."""

    def __init__(self, records: list[dict]):
        sizes = [sized(record) for record in records]
        self.seconds = {
            rule: Fit(terms, sizes, [record["scripts"][rule]["cpu_s"] for record in records])
            for rule, terms in TIMES.items()
        }
        self.bytes = {
            folder: Fit(terms, sizes, [record["files"][folder]["bytes"] for record in records])
            for folder, (terms, _) in FOLDERS.items()
        }

    def files(self, folder: str, size: Size) -> int:
        """Return the number of files of a folder."""
        return int(term(FOLDERS[folder][1], size))

    def bytes_read(self, rule: str, size: Size) -> float:
        """Return what all jobs of a rule read, as the scripts do it: whole arrays, or some rows."""
        product = {folder: fit(size) for folder, fit in self.bytes.items()}
        phases = size.points * size.dates * 4
        network = product["mesh"] - phases
        stack = size.pixels * size.dates * 8
        return {
            "check_stack": size.pixels * 4,
            "tiles": size.pixels * 4,
            "tile_mesh": stack,
            "link_model": product["mesh"],
            "unwrap_tile": product["mesh"] + product["links"],
            "tile_overlaps": network,
            "reference_points": network + product["links"],
            # of its neighbours a tile reads what it shares with them, about half as much again
            "blend_tile": 1.5 * (network + product["unwrap"]),
            "scene_links": network,
            # every batch reads the links, again and again from the cache of the machine; every
            # pair its two dates, its cycles and regions
            "merge_interferograms": size.batches * product["merge"]
            + size.pairs * (2 * phases / size.dates + 4 * size.points)
            + product["unwrap"]
            + product["blend"],
            "link_quality": network + product["links"],
            "loops": product["unwrapped"] / 2 + product["unwrapped/quality"] / 2,
            "quality": product["loops"],
            "date_phases": product["unwrapped"],
            "time_series": 3 * product["dates"],
            "displacements": product["dates"],
            "report": product["unwrapped"] * min(size.pairs, PICTURES) / size.pairs,
        }.get(rule, 0.0)

    def bytes_written(self, rule: str, size: Size) -> float:
        """Return what all jobs of a rule write."""
        folders = {
            "tile_mesh": ["mesh"],
            "link_model": ["links"],
            "unwrap_tile": ["unwrap"],
            "scene_links": ["merge"],
            "blend_tile": ["blend"],
            "merge_interferograms": ["unwrapped", "unwrapped/quality"],
            "loops": ["loops"],
            "date_phases": ["dates"],
            "displacements": ["timeseries", "timeseries/radians", "timeseries/misfit"],
        }.get(rule, [])
        return sum(self.bytes[folder](size) for folder in folders)


def memory_mb(rule: str, size: Size, threads: int = 1) -> int:
    """Return what one job of a rule asks for, as its rule in rules/ does."""
    if rule in (*TILE_RULES, *NEIGHBOUR_RULES):
        points, pixels = size.points / size.tiles, size.pixels / size.tiles
    elif rule == "tile_overlaps":
        points, pixels = size.points / size.tiles, 0
    elif rule == "merge_interferograms":
        points, pixels = size.points, STRIP_ROWS * math.sqrt(size.pixels)
    elif rule in STRIP_RULES:
        points = size.points / size.tiles if rule == "quality" else min(size.points, STRIP_ROWS**2)
        pixels = STRIP_ROWS * math.sqrt(size.pixels)
    else:
        points, pixels = size.points, size.pixels
    pairs, dates = size.pairs, size.dates
    if rule == "blend_tile":
        pairs = min(pairs, BLENDED_AT_ONCE)
    if rule == "merge_interferograms":
        pairs = dates = 0
    small = {"check_stack", "network", "baselines", "tiles", "design_matrix", "bulk_offsets"}
    if rule in small:
        return 500
    if rule == "report":
        points = size.points / size.tiles
    strip = int(STRIP_ROWS * math.sqrt(size.pixels))
    return predicted_mb(rule, int(points), int(pixels), dates, pairs, threads, 0, strip)
