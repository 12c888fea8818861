"""Files of other machines, which GDAL reads through its virtual file systems of a network."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import TypeVar

import rasterio
from rasterio.errors import RasterioIOError

T = TypeVar("T")

SYSTEMS = ("/vsis3/", "/vsigs/", "/vsiaz/", "/vsiadls/", "/vsioss/", "/vsiswift/", "/vsicurl/")
REMOTE = re.compile("|".join(SYSTEMS) + r"|\b(?:https?|s3|gs|az|oss)://")
# GDAL asks again so often, waits so long before it does so first [s], then twice as long each time,
# where a server says that it is busy (429, 500, 502 to 504) or a connection fails. Its own default
# is not to ask again. Codes are left as they are: with ALL, each file that is not there is asked
# for again.
GDAL_RETRIES = {"GDAL_HTTP_MAX_RETRY": "5", "GDAL_HTTP_RETRY_DELAY": "1"}
# Waits of ours [s], for data that broke off: GDAL takes what has come for the end of the file, and
# keeps it until the file is closed as one that is not to be kept, which the first attempt does.
WAITS_S = (0.1, 0.5, 1.0, 2.0)


def is_remote(name: str | Path) -> bool:
    """Say whether a raster's name stands for a file of another machine."""
    return bool(REMOTE.search(str(name)))


def set_retries(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have GDAL ask busy servers again, in this process and its children, unless the user says."""
    for name, value in GDAL_RETRIES.items():
        environment.setdefault(name, value)


def read_again(name: str | Path, read: Callable[[], T], error: RasterioIOError) -> T:
    """Read once more what could not be read, some times where it is a remote file.

    Parameters
    ----------
    name : path
        As GDAL has it.
    read : callable
        Opens and reads the file.
    error : RasterioIOError
        That of the first attempt.

    Returns
    -------
    What `read` returns.

    Raises
    ------
    RasterioIOError
        That of the first attempt, which tells most, where no other succeeds.
    """
    for wait in WAITS_S if is_remote(name) else ():
        time.sleep(wait)
        try:
            with rasterio.Env(CPL_VSIL_CURL_NON_CACHED=":".join(SYSTEMS)):
                return read()
        except RasterioIOError:
            continue
    raise error
