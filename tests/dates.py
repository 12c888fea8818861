"""Points of a scene and the phase of their dates, as the rules of the time series have them."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
from emcflow.io.date_strips import create_date_strip, open_date_strips
from emcflow.io.point_windows import PointWindows


def points_of(labels, strip_rows=512):
    """Return the points of an image of labels, from 1 on; 0 for none."""
    labels = np.asarray(labels, np.uint16)
    return PointWindows(lambda at: labels[at[0] : at[2], at[1] : at[3]], labels.shape, strip_rows)


def at_points(points, image):
    """Return the values of an image (..., rows, cols) at the points, in their order."""
    parts = [
        image[..., w.bounds[0] : w.bounds[2], w.bounds[1] : w.bounds[3]][..., w.inside()]
        for w in points.windows
    ]
    return np.concatenate(parts, axis=-1)


def strip_files(folder, points, found, ndates):
    """Write a file for each strip of what `invert_windows` yields of all windows; return them."""
    paths = []
    for strip in sorted({window.strip for window in points.windows}):
        windows = points.of_strip(strip)
        first, npoints = windows[0].places.start, sum(w.npoints for w in windows)
        paths.append(Path(folder) / f"dates_strip_{strip:02d}.h5")
        with create_date_strip(paths[-1], ndates, npoints) as file:
            for some in found(windows):
                places = slice(some.places.start - first, some.places.stop - first)
                file.write(places, some.phase, some.misfit, some.date_misfit)
    return paths


@contextmanager
def held(folder, points, phase):
    """Yield the phase (ndates, npoints) of points, in their order, as read from files."""

    def found(windows):
        from emcflow.products.time_series import PointDates

        for window in windows:
            own = phase[:, window.places]
            yield PointDates(window.places, own, np.zeros(window.npoints), own[:, :0])

    paths = strip_files(folder, points, found, len(phase))
    with open_date_strips(paths, points) as file:
        yield file
