"""Writes the report of a run: one HTML page that opens anywhere, and its pictures as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from emcflow.io.files import write_text
from emcflow.report.album import draw_album
from emcflow.report.reading import RunFiles, read_run
from emcflow.report.sections import whole_page
from emcflow.report.words import Card, headline, remarks

# Each is drawn in a process of its own, in memory that `resources.FIGURE_BYTES` counts.
FIGURES_AT_ONCE = 2


def write_report(
    files: RunFiles,
    config: Mapping,
    sources: Sequence[str],
    html: str | Path,
    folder: str | Path,
    n_threads: int = 1,
) -> tuple[dict[str, list[Card]], list[str]]:
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
        Rasters read side by side; figures are drawn by no more than `FIGURES_AT_ONCE`.

    Returns
    -------
    headline : dict of str to list of Card
        The numbers of the headline in two groups, ``run`` and ``good``, as written in the page.
    remarks : list of str
        What to know before the results are used.

    Raises
    ------
    InputError
        If an intermediate file or a raster is broken.
    OutputError
        Where a file cannot be written.
    """
    run = read_run(files, config, sources, n_threads)
    album = draw_album(run, folder, min(n_threads, FIGURES_AT_ONCE))
    write_text(html, whole_page(run, album))
    return headline(run), remarks(run)
