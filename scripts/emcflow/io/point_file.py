"""Values of all points of a scene, in a file without a name: more than memory may hold."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from emcflow.io.files import cannot_write


class PointFile:
    """Some values of every point of a scene, (nrows, npoints), on disk.

    It goes with the process, however that ends.

    Parameters
    ----------
    nrows, npoints : int
    folder : path, optional
        On a disk with room for it; by default the one for temporary files.
    dtype : dtype
    """

    def __init__(
        self,
        nrows: int,
        npoints: int,
        folder: str | Path | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.shape, self.dtype = (nrows, npoints), np.dtype(dtype)
        self._name = Path(folder or tempfile.gettempdir(), "values of the points")
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._file.truncate(self.dtype.itemsize * nrows * npoints)

    def write(self, some: slice, values: np.ndarray) -> None:
        """Write values of some points, (nrows, n), that follow one another.

        Raises
        ------
        OutputError
            Where the disk is full.
        """
        values = np.ascontiguousarray(values, self.dtype)
        for number, row in enumerate(values):
            left, place = row.data.cast("B"), self._place(number, some.start)
            while left:
                try:
                    done = os.pwrite(self._file.fileno(), left, place)
                except OSError as error:
                    raise cannot_write(self._name, error) from error
                left, place = left[done:], place + done

    def read(self, some: slice) -> np.ndarray:
        """Return the values of some points that follow one another, (nrows, n)."""
        return np.array([self.row(number, some) for number in range(self.shape[0])], self.dtype)

    def row(self, number: int, some: slice) -> np.ndarray:
        """Return one value of some points that follow one another, (n,)."""
        values = np.empty(some.stop - some.start, self.dtype)
        left, place = values.data.cast("B"), self._place(number, some.start)
        while left:
            done = os.preadv(self._file.fileno(), [left], place)
            left, place = left[done:], place + done
        return values

    def _place(self, row: int, point: int) -> int:
        return self.dtype.itemsize * (row * self.shape[1] + point)
