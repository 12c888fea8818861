"""What a run takes for granted around it: a clock, the database of PROJ, folders of caches.

And that no file of the user is where a result will be.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterable, MutableMapping
from pathlib import Path

from rasterio.crs import CRS
from rasterio.errors import CRSError

from emcflow.errors import InputError

# What clocks of file servers may be ahead of this one [s]; Snakemake goes on after so long.
CLOCK_TOLERANCE_S = 5.0
PROJ_VARIABLES = ("PROJ_DATA", "PROJ_LIB")
GDAL_CACHE_MB = "64"


def check_clock(paths: Iterable[str], now: float | None = None) -> None:
    """Refuse files that are dated in the future, which Snakemake takes for newer than any result.

    It would make the results again and again, and calls each of them older than its input.

    Parameters
    ----------
    paths : iterable of str
        Those that do not exist are left out.
    now : float, optional
        Time since the epoch [s], by default that of this machine.

    Raises
    ------
    InputError
        It names the one that is furthest ahead, and the command that gives all the time of now.
    """
    now = time.time() if now is None else now
    ahead = {path: _newest_time(path) - now for path in paths if os.path.exists(path)}
    ahead = {path: seconds for path, seconds in ahead.items() if seconds > CLOCK_TOLERANCE_S}
    if not ahead:
        return
    worst = max(ahead, key=ahead.__getitem__)
    others = f", and {len(ahead) - 1} more files are," if len(ahead) > 1 else ""
    folders = " ".join(shlex.quote(f"./{folder}") for folder in _folders(ahead))
    command = f"find {folders} -newermt now -exec touch -h {{}} + -exec touch {{}} +"
    raise InputError(
        f"{worst}: dated {_in_words(ahead[worst])} in the future{others} so results would be made "
        "anew for ever; expected times before that of this machine's clock "
        f"({time.strftime('%Y-%m-%d %H:%M', time.localtime(now))}): set the clock right if it is "
        f"wrong, else type {command}"
    )


def _newest_time(path: str) -> float:
    """Return the time stamp of a file, or of a link to it where that is newer, as Snakemake."""
    return max(os.stat(path).st_mtime, os.lstat(path).st_mtime)


def _folders(paths: Iterable[str]) -> list[str]:
    return sorted({str(Path(path).parent) for path in paths})


def _in_words(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def check_not_written(
    names: Iterable[str], results: str, is_written: Callable[[str], bool]
) -> None:
    """Refuse a file of the user that has the name of one that a rule writes.

    Parameters
    ----------
    names : iterable of str
    results : str
        Folder of the results.
    is_written : callable
        Tells whether a rule writes a file of this name.

    Raises
    ------
    InputError
    """
    folder = os.path.realpath(results)
    for name in names:
        within = os.path.relpath(os.path.realpath(name), folder)
        if within.startswith(".."):
            continue
        # a rule whose result is a folder removes all that is in it
        at = [f"{results}/{place}" for place in (Path(within), *Path(within).parents)]
        if any(map(is_written, at)):
            raise InputError(
                f"{name}: would be written over, {results}/{within} is the name of a result of "
                "this run; expected input files of other names: move it out of output_dir, or set "
                "output_dir to another folder"
            )


def check_proj(environment: MutableMapping[str, str] = os.environ) -> None:
    """Refuse to start where PROJ was sent to a folder without its database, or one of another age.

    Raises
    ------
    InputError
        It names the variable of the environment.
    """
    given = [name for name in PROJ_VARIABLES if environment.get(name)]
    if not given:
        return
    try:
        CRS.from_epsg(4326).to_wkt()
    except CRSError as error:
        name = given[0]
        raise InputError(
            f"{name}: {environment[name]!r} in the environment has no database of coordinate "
            f"reference systems that can be used here ({error}); expected it not to be set, since "
            f"the installation has its own: type unset {' '.join(given)}"
        ) from None


def place_caches(spare: str, environment: MutableMapping[str, str] = os.environ) -> None:
    """Send libraries to a folder of ours where they cannot write their own, as without a home.

    numba ends without a cache, and matplotlib complains.

    Parameters
    ----------
    spare : str
        Folder that the libraries may make.
    environment : mapping
        Of this process and of those that it starts.
    """
    home = Path(environment.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    if not any(map(_can_write, (Path(__file__).parent / "__pycache__", home / "numba"))):
        environment.setdefault("NUMBA_CACHE_DIR", f"{spare}/numba")
    settings = Path(environment.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    if not _can_write(settings / "matplotlib"):
        environment.setdefault("MPLCONFIGDIR", f"{spare}/matplotlib")


def bound_gdal_cache(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have GDAL keep few blocks of rasters, in this process and its children, unless the user says.

    Else it keeps a twentieth of the memory of the machine, whatever its jobs have asked for.
    """
    environment.setdefault("GDAL_CACHEMAX", GDAL_CACHE_MB)


def _can_write(folder: Path) -> bool:
    """Return whether a folder can be written to; it is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
