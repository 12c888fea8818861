"""Phase of all dates at all points, in a file without a name: more than memory may hold."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from emcflow.io.files import cannot_write

FLOAT = np.dtype(np.float32)


class DateFile:
    """Phase of every date at the points of a scene, float32 (ndates, npoints), on disk.

    It goes with the process, however that ends.

    Parameters
    ----------
    ndates, npoints : int
    folder : path, optional
        On a disk with room for it; by default the one for temporary files.
    """

    def __init__(self, ndates: int, npoints: int, folder: str | Path | None = None) -> None:
        self.shape = ndates, npoints
        self._name = Path(folder or tempfile.gettempdir(), "phase of the dates")
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._file.truncate(FLOAT.itemsize * ndates * npoints)

    def write(self, some: slice, phase: np.ndarray) -> None:
        """Write the phase of some points, (ndates, n), that follow one another.

        Raises
        ------
        OutputError
            Where the disk is full.
        """
        values = np.ascontiguousarray(phase, FLOAT)
        for date, row in enumerate(values):
            left, place = row.data.cast("B"), self._place(date, some.start)
            while left:
                try:
                    done = os.pwrite(self._file.fileno(), left, place)
                except OSError as error:
                    raise cannot_write(self._name, error) from error
                left, place = left[done:], place + done

    def read(self, some: slice) -> np.ndarray:
        """Return the phase of some points that follow one another, float32 (ndates, n)."""
        return np.array([self._row(date, some.start, some.stop) for date in range(self.shape[0])])

    def at(self, places: np.ndarray) -> np.ndarray:
        """Return the phase of some points, wherever they are, float32 (ndates, n)."""
        return np.array([self.date(number)[places] for number in range(self.shape[0])])

    def date(self, number: int) -> np.ndarray:
        """Return the phase of all points at a date, float32 (npoints,)."""
        return self._row(number, 0, self.shape[1])

    def _place(self, date: int, point: int) -> int:
        return FLOAT.itemsize * (date * self.shape[1] + point)

    def _row(self, date: int, start: int, stop: int) -> np.ndarray:
        values = np.empty(stop - start, FLOAT)
        left, place = values.data.cast("B"), self._place(date, start)
        while left:
            done = os.preadv(self._file.fileno(), [left], place)
            left, place = left[done:], place + done
        return values
