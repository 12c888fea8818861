"""The file of the points and links that the tiles make together: little of it is held at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np

from emcflow.graph.firm_parts import JoiningEdges
from emcflow.io.hdf5 import length, put, read, read_rows
from emcflow.tiles.scene import ScenePixels
from emcflow.tiles.scene_links import SceneLinks, ranks_of_tile

# Links that are read at a time.
AT_ONCE = 2**20


def put_pixels(file: h5py.File, pixels: ScenePixels) -> None:
    """Write which pixels are points, a bit each, and the number of the first point of each row."""
    put(file, "first", pixels.first, "index")
    packed = [np.packbits(row) for row in pixels.used]
    put(file, "mask", np.array(packed), "bits")


def put_links(file: h5py.File, links: SceneLinks, own: Sequence[np.ndarray]) -> None:
    """Write links in the order of the tiles and the best first, and where those of a tile are.

    Parameters
    ----------
    file : h5py.File
    links : SceneLinks
        To be put in order here.
    own : sequence of bool (nlinks,)
        Which links of each tile's mesh they are.
    """
    put(file, "edges", links.edges, "index")
    put(file, "class_sizes", links.class_sizes, "links")
    in_order = file.create_dataset("edges_in_order", (len(links), 2), np.int32)
    in_order.attrs["units"] = "index"
    links.sort()
    first = 0
    for edges in links.in_order():
        in_order[first : first + len(edges)] = edges
        first += len(edges)
    ranks, first = links.ranks(), 0
    for number, of_tile in enumerate(own):
        end = first + int(np.count_nonzero(of_tile))
        put(file, f"ranks/{number}", ranks_of_tile(of_tile, ranks[first:end]), "index")
        first = end


class LinksOfFile(Sequence[np.ndarray]):
    """Points of all links, int32 (n, 2), some at a time, each read when it is asked for."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._number = length(path, "edges")

    def __len__(self) -> int:
        return -(-self._number // AT_ONCE)

    def __getitem__(self, number: int) -> np.ndarray:  # type: ignore[override]
        if number >= len(self):
            raise IndexError(number)
        return read_rows(self._path, "edges", slice(number * AT_ONCE, (number + 1) * AT_ONCE))


class JoinedScene:
    """Points of the scene, row by row, and its links; holds a bit per pixel.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    npoints, nlinks : int
    links : LinksOfFile
        In the order of the tiles.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._mask, self._first, class_sizes = read(path, "mask", "first", "class_sizes")
        self._ends = np.concatenate(([0], np.cumsum(class_sizes))).tolist()
        self.npoints, self.nlinks = int(self._first[-1]), self._ends[-1]
        self.links = LinksOfFile(path)

    def values(self, name: str, part: slice = slice(None)) -> np.ndarray:
        """Read what there is for each point: component, part, or number of its links."""
        return read_rows(self._path, name, part)

    def of_tile(self, name: str, number: int) -> np.ndarray:
        """Read where points of a tile are in the scene (places), or its links (ranks)."""
        return read(self._path, f"{name}/{number}")[0]

    def points_of(self, row: int, end: int) -> slice:
        """Return which points are in some rows."""
        return slice(int(self._first[row]), int(self._first[end]))

    def inside(self, rows: slice, cols: int) -> np.ndarray:
        """Return which pixels of some rows are points, bool (nrows, cols)."""
        return np.unpackbits(self._mask[rows], axis=1, count=cols).astype(bool)

    def row_col(self, places: np.ndarray) -> np.ndarray:
        """Return rows and columns of points, int64 (n, 2)."""
        rows = np.searchsorted(self._first, places, side="right") - 1
        columns = [
            np.flatnonzero(np.unpackbits(self._mask[row]))[place - self._first[row]]
            for row, place in zip(rows, places, strict=True)
        ]
        return np.column_stack((rows, np.array(columns, np.int64)))

    def places(self, row_col: np.ndarray) -> np.ndarray:
        """Return the places of points by their rows and columns (n, 2), int64 (n,)."""
        found = [
            self._first[row] + np.count_nonzero(np.unpackbits(self._mask[row])[:col])
            for row, col in row_col
        ]
        return np.array(found, np.int64)

    def joining(self, broken: np.ndarray) -> Iterator[JoiningEdges]:
        """Read the links in the order in which they join points, some of a class at a time.

        Parameters
        ----------
        broken : bool (nlinks,)
            Links that an interferogram broke, in that order.
        """
        for by, (start, stop) in enumerate(pairwise(self._ends)):
            for first in range(start, stop, AT_ONCE):
                some = slice(first, min(first + AT_ONCE, stop))
                yield JoiningEdges(by, read_rows(self._path, "edges_in_order", some), broken[some])
