"""A folder of another program's files, described as a config: each value with where it was found.

What no file says is a question in the config, never a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from emcflow.errors import InputError
from emcflow.io.files import write_csv, write_text
from emcflow.io.raster import write_raster
from emcflow.processors import (
    dolphin,
    gamma,
    gmtsar,
    hyp3,
    isce2,
    licsar,
    mintpy,
    nisar,
    opera,
    snap,
)
from emcflow.processors.found import Beside, Found, Question, Value

# What each reads, for the message where none finds anything.
READERS: dict[str, Callable[[Path], Found | None]] = {
    "dolphin's work directory": dolphin.read,
    "MintPy, MiaplPy or SARvey (inputs/*.h5)": mintpy.read,
    "OPERA CSLC (*.h5)": opera.read,
    "NISAR GSLC or GUNW (*.h5)": nisar.read,
    "ISCE2's topsStack or stripmapStack (merged/SLC)": isce2.read,
    "LiCSAR (*.geo.diff_pha.tif)": licsar.read,
    "HyP3 (*_wrapped_phase.tif)": hyp3.read,
    "GMTSAR (phasefilt.grd)": gmtsar.read,
    "SNAP (*.dim)": snap.read,
    "GAMMA (*.par)": gamma.read,
}
MADE_OF_OTHERS = tuple(READERS)[:2]
SECTIONS = ("stack", "geometry", "baselines", "link_model")
PLAIN = re.compile(r"/?[A-Za-z_][\w./-]*|\.\.?/[\w./-]*", re.ASCII)


def look(folder: Path) -> Found:
    """Find out what a folder holds.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Found

    Raises
    ------
    InputError
        For a folder that holds nothing that is known or files of several programs, and for files
        that are cut off, foreign or contradict each other.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: not a folder; expected the folder of a stack: correct the path (relative "
            f"to {Path.cwd()})"
        )
    found = find(folder)
    if not found:
        raise InputError(
            f"{folder}: nothing that is known in it; expected the folder of {', '.join(READERS)}: "
            "give that folder, or write the config by hand (config/README.md)"
        )
    if len(found) > 1:
        raise InputError(
            f"{folder}: files of {' and of '.join(one.program for one in found)}; expected those "
            "of one stack: give the folder of one"
        )
    found[0].ask_for_the_rest()
    return found[0]


def find(folder: Path) -> list[Found]:
    """Find out what a folder holds: nothing, a stack, or the stacks of several programs.

    Raises
    ------
    InputError
        For files that are cut off, foreign or contradict each other.
    """
    # what is made of other programs' stacks counts before those
    return _read(folder, MADE_OF_OTHERS) or _read(folder, READERS)


def _read(folder: Path, names: Iterable[str]) -> list[Found]:
    return [found for name in names if (found := READERS[name](folder))]


def describe(folder: Path, beside: Path) -> str:
    """Describe a folder as a config; write the files that the config needs beside it.

    Parameters
    ----------
    folder : Path
        Of the stack; paths in the config begin with it as it is given.
    beside : Path
        Folder of the config.

    Returns
    -------
    str
        The config, in YAML.

    Raises
    ------
    InputError
        See :func:`look`.
    OutputError
        Where a file beside the config cannot be written.
    """
    found = look(folder)
    name = folder.resolve().name or "stack"
    return config_of(found, folder, name, _write_beside(found, beside, name))


def config_of(found: Found, folder: str | Path, name: str, paths: dict[str, str]) -> str:
    """Return what was found as a config.

    Parameters
    ----------
    found : Found
    folder : path
        Where it was found.
    name : str
        Of the results.
    paths : dict of str to str
        Tables and rasters of `found` by their last names.

    Returns
    -------
    str
        In YAML.
    """
    if found.asks_for_the_link_model:
        found.say("link_model.enabled", False, "until the questions above are answered")
    lines = [
        f"# {folder}, read as {found.program}.",
        "# Behind each value: where it was found. Lines with # ? ask for what no file says.",
        f"output_dir: {_yaml(f'results/{name}')}",
    ]
    for section in SECTIONS:
        of_section = [line for line in found.lines if line.key.startswith(f"{section}.")]
        if not of_section:
            continue
        lines += ["", f"{section}:"]
        if all(isinstance(line, Question) for line in of_section):
            lines[-1] += " {}"
        for line in of_section:
            lines += _shown(line, paths)
    return "\n".join(lines) + "\n"


def _write_beside(found: Found, beside: Path, name: str) -> dict[str, str]:
    """Write what the config needs, and return the path of each file by its last name."""
    paths = {}
    for last, columns in found.tables.items():
        paths[last] = str(beside / f"{name}_{last}")
        write_csv(paths[last], columns)
    for last, new in found.rasters.items():
        paths[last] = str(beside / f"{name}_{last}")
        image = new.rows(0, new.grid.shape[0])
        write_raster(paths[last], image, new.grid, units=new.units, description=new.description)
    for last, text in found.texts.items():
        paths[last] = str(beside / f"{name}_{last}")
        write_text(paths[last], text)
    return paths


def _shown(line: Value | Question, paths: dict[str, str]) -> list[str]:
    """Return the lines of a config that show a value or a question."""
    section, key = line.key.split(".", 1)
    if isinstance(line, Question):
        return [f"  # ? {section}.{key}: {_one_line(line.text)}"]
    comment = f"  # {_one_line(line.where)}"
    value = [_path(one, paths) for one in line.value] if isinstance(line.value, list) else None
    if value is None:
        return [f"  {key}: {_yaml(_path(line.value, paths))}{comment}"]
    return [f"  {key}:{comment}", *(f"    - {_yaml(one)}" for one in value)]


def _path(value: Any, paths: dict[str, str]) -> Any:
    return paths[value.name] if isinstance(value, Beside) else value


def _one_line(text: str) -> str:
    """Return text that ends no line and holds nothing that YAML refuses."""
    return "".join(char if char.isprintable() else " " for char in text)


def _yaml(value: Any) -> str:
    """Return a scalar as YAML has it; text in quotes unless it is plain."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in YAML_WORDS:
        return value
    if isinstance(value, float):
        return f"{value:.10g}" if value != int(value) else f"{value:.1f}"
    return json.dumps(value, ensure_ascii=False)


# Plain words that YAML takes for something else.
YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".nan", ".inf"}
