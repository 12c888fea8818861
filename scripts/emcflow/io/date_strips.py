"""Phase of every date at the points of a scene, a file for each strip of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from emcflow.io.hdf5 import create, open_product, put
from emcflow.io.point_windows import PointWindow, PointWindows

# Points of a part of the table of misfits, which grows while it is written.
MISFIT_PART = 1024


class DateStripWriter:
    """Writes the file of a strip, window by window.

    Parameters
    ----------
    file : h5py.File
    ndates, npoints : int
        Of the strip.
    """

    def __init__(self, file: h5py.File, ndates: int, npoints: int) -> None:
        self._phase = file.create_dataset("phase", (ndates, npoints), np.float32)
        self._phase.attrs["units"] = "rad"
        self._date_misfit = file.create_dataset(
            "date_misfit",
            (ndates, 0),
            np.float32,
            maxshape=(ndates, None),
            chunks=(1, MISFIT_PART),
        )
        self._date_misfit.attrs["units"] = "rad"
        self._misfit = np.zeros(npoints, np.float32)
        self._file = file

    def write(
        self, some: slice, phase: np.ndarray, misfit: np.ndarray, date_misfit: np.ndarray
    ) -> None:
        """Write some points of the strip that follow those before.

        Parameters
        ----------
        some : slice
        phase : ndarray, shape (ndates, n)
        misfit : ndarray, shape (n,)
        date_misfit : ndarray, shape (ndates, nopen)
            Of the points whose misfit is not 0.
        """
        if some.stop > some.start:  # HDF5 writes nothing else
            self._phase[:, some] = phase
        self._misfit[some] = misfit
        before = self._date_misfit.shape[1]
        if date_misfit.shape[1]:
            self._date_misfit.resize(before + date_misfit.shape[1], axis=1)
            self._date_misfit[:, before:] = date_misfit

    def end(self) -> None:
        """Write what is known at the end."""
        put(self._file, "misfit", self._misfit, "rad")


@contextmanager
def create_date_strip(path: str | Path, ndates: int, npoints: int) -> Iterator[DateStripWriter]:
    """Open a new file of a strip, which gets its name when it is whole."""
    with create(path) as file:
        writer = DateStripWriter(file, ndates, npoints)
        yield writer
        writer.end()


class DateStrips:
    """Reads the files of all strips of a scene.

    Parameters
    ----------
    files : sequence of h5py.File
        One for each strip.
    points : PointWindows

    Attributes
    ----------
    shape : tuple of int
        Number of dates, and of points.
    """

    def __init__(self, files: Sequence[h5py.File], points: PointWindows) -> None:
        self._files, self.points = files, points
        self.shape = files[0]["phase"].shape[0], points.npoints
        self._first = [0] * len(files)
        for window in reversed(points.windows):
            self._first[window.strip] = window.places.start

    def _of_strip(self, name: str, window: PointWindow) -> tuple[h5py.Dataset, slice]:
        """Return an array of a window's strip, and where the window is in it."""
        first = self._first[window.strip]
        places = slice(window.places.start - first, window.places.stop - first)
        return self._files[window.strip][name], places

    def read(
        self, window: PointWindow, dates: slice = slice(None), some: slice = slice(None)
    ) -> np.ndarray:
        """Return the phase of some points of a window at some dates, float32 (ndates, n)."""
        phase, places = self._of_strip("phase", window)
        start, stop, _ = some.indices(window.npoints)
        return phase[dates, places.start + start : places.start + stop]

    def misfit(self, window: PointWindow) -> np.ndarray:
        """Return the misfit of the points of a window over all interferograms, float32 (n,)."""
        misfit, places = self._of_strip("misfit", window)
        return misfit[places]

    def date_misfit(self, window: PointWindow, date: int) -> np.ndarray:
        """Return the misfit of a date at the points of a window, float32 (n,)."""
        misfit = self.misfit(window)
        is_open = misfit > 0
        of_date = np.zeros_like(misfit)
        if is_open.any():
            before = self._open_before[window.places.start]
            own = slice(before, before + np.count_nonzero(is_open))
            of_date[is_open] = self._files[window.strip]["date_misfit"][date, own]
        return of_date

    @cached_property
    def _open_before(self) -> dict[int, int]:
        """Number of points with a misfit in its strip before each window, by its first place."""
        found, count, strip = {}, 0, -1
        for window in self.points.windows:
            count = count if window.strip == strip else 0
            strip = window.strip
            found[window.places.start] = count
            count += int(np.count_nonzero(self.misfit(window)))
        return found


@contextmanager
def open_date_strips(paths: Sequence[str | Path], points: PointWindows) -> Iterator[DateStrips]:
    """Open the files of all strips of a scene.

    Raises
    ------
    InputError
        Where one is missing or broken.
    """
    with ExitStack() as files:
        opened = [files.enter_context(open_product(path)) for path in paths]
        yield DateStrips(opened, points)
