"""The pictures of a report as files, and as what its page embeds."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from emcflow.io.files import whole_file
from emcflow.report.data import RunData
from emcflow.report.figures.phases import phase_picture
from emcflow.report.figures.style import pngs
from emcflow.report.pictures import Picture, all_pictures

PIXELS_PER_INCH = 100  # of the page


@dataclass(frozen=True)
class Drawn:
    """A figure as a page embeds it.

    Attributes
    ----------
    source : str
        The PNG file as a data URI.
    alt, caption : str
        See `Picture`.
    width, height : int
        Pixels of the page.
    """

    source: str
    alt: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True)
class Album:
    """The pictures of a report.

    Attributes
    ----------
    figures : mapping of str to sequence of Drawn
        By the section that shows them, see :func:`emcflow.report.pictures.all_pictures`; those of
        ``maps`` are files alone.
    """

    figures: Mapping[str, Sequence[Drawn]]


def draw_album(run: RunData, folder: str | Path, n_processes: int = 1) -> Album:
    """Draw all pictures of a report, and write each to a PNG file.

    Parameters
    ----------
    run : RunData
    folder : path
        Made where it does not exist.
    n_processes : int
        Pictures drawn side by side.

    Returns
    -------
    Album

    Raises
    ------
    OutputError
        Where a file cannot be written.
    """
    folder = Path(folder)
    _draw_pairs(run, folder / "interferograms", n_processes)
    sections = all_pictures(run)
    pictures = [picture for section in sections.values() for picture in section]
    files = pngs([picture.figure for picture in pictures], n_processes)
    drawn = {
        picture.name: _drawn(picture, file, folder)
        for picture, file in zip(pictures, files, strict=True)
    }
    figures = {
        name: [drawn[picture.name] for picture in section] for name, section in sections.items()
    }
    return Album(figures)


def _drawn(picture: Picture, file: bytes, folder: Path) -> Drawn:
    """Keep the PNG file of a figure."""
    width, height = picture.figure.get_size_inches() * PIXELS_PER_INCH
    source = _keep(folder / f"{picture.name}.png", file)
    return Drawn(source, picture.alt, picture.caption, round(width), round(height))


def _draw_pairs(run: RunData, folder: Path, n_threads: int) -> None:
    """Draw the small pictures of the interferograms, which the page draws by itself."""

    def draw(number: int) -> None:
        phase = phase_picture(run.phases[number], run.scene.frame)
        name = run.network.pair_names[number]
        _keep(folder / f"{name}_wrapped.png", phase.wrapped)
        _keep(folder / f"{name}_unwrapped.png", phase.unwrapped)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(draw, run.phases))


def _keep(path: Path, picture: bytes) -> str:
    """Write a PNG file and return its data URI."""
    with whole_file(path) as file:
        file.write(picture)
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
