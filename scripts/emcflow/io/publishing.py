"""Where results are published: a folder, or a place in an object store of S3."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emcflow.errors import InputError, OutputError
from emcflow.io.files import whole_file
from emcflow.io.raster import cog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyarrow.fs import S3FileSystem

# In the object store, in both spellings: bucket, and what the names of the objects begin with.
IN_STORE = re.compile(r"(?:/vsis3/|s3://)([^/]+)/?(.*?)/?$")
MARK = "EMCFLOW_PUBLISHED"
# The tags of a cloud-optimised GeoTIFF are before its data, behind the tables of its blocks.
HEAD_BYTES = 2**18
ATTEMPTS = 6


class Place:
    """A folder, or bucket and prefix of an object store.

    A file is there whole or not at all: in a folder it gets its name when it is whole, and a store
    shows an object when all its parts have come.

    Parameters
    ----------
    target : str
        Path of a folder, ``/vsis3/bucket/prefix`` or ``s3://bucket/prefix``.

    Raises
    ------
    InputError
        See :func:`check_target`.
    """

    def __init__(self, target: str) -> None:
        check_target(target)
        found = IN_STORE.fullmatch(target)
        self.target = target
        self._root = "/".join(filter(None, found.groups())) if found else target
        self._store = _open_store(os.environ) if found else None

    def address_of(self, name: str) -> str | None:
        """Return the address of a file in a store; None in a folder, which may be moved."""
        return f"s3://{self._root}/{name}" if self._store else None

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Write a file.

        Raises
        ------
        OutputError
            Where it cannot be written.
        """
        path = f"{self._root}/{name}"
        if self._store is None:
            with whole_file(path) as file:
                file.write(data)
            return
        with (
            _store_errors(f"{self.target}: {name} cannot be written"),
            self._store.open_output_stream(path) as stream,
        ):
            # in one piece: a stream that is given up between two makes an object of the first
            stream.write(data)

    def head(self, name: str) -> bytes:
        """Return how a file begins; nothing where there is none."""
        path = f"{self._root}/{name}"
        try:
            if self._store is None:
                with open(path, "rb") as file:
                    return file.read(HEAD_BYTES)
            with (
                _store_errors(f"{self.target}: {name} cannot be read"),
                self._store.open_input_file(path) as stream,
            ):
                return stream.read(HEAD_BYTES)
        except FileNotFoundError:
            return b""


def check_target(target: str) -> None:
    """Refuse a place that nothing can be published to.

    Raises
    ------
    InputError
    """
    if not IN_STORE.fullmatch(target) and re.match(r"/vsi|\w+://", target):
        raise InputError(
            f"outputs.publish_to: {target}; expected a folder, or bucket and prefix of a store of "
            "S3 as /vsis3/bucket/prefix: give one of them, and copy the files on from there"
        )


def publish_raster(source: str | Path, name: str, place: Place, version: str) -> tuple[str, bool]:
    """Publish a raster as a cloud-optimised GeoTIFF, unless it is there.

    Parameters
    ----------
    source : path
        Raster that a rule wrote.
    name : str
        Of the file there.
    place : Place
    version : str
        Of the code that writes it: what another version wrote is written again.

    Returns
    -------
    checksum : str
        SHA-256 of `source`.
    was_there : bool
        Whether nothing had to be written.
    """
    with open(source, "rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    mark = hashlib.sha256(f"{checksum} {version}".encode()).hexdigest()
    if mark.encode() in place.head(name):
        return checksum, True
    with cog(source, {MARK: mark}) as data:
        place.write(name, data)
    return checksum, False


def _open_store(environment: Mapping[str, str]) -> S3FileSystem:
    """Open the store that the variables of GDAL name; credentials are found as AWS does."""
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem  # slow to import

    def says(name: str, default: str) -> bool:
        return environment.get(name, default).upper() in ("YES", "TRUE", "ON", "1")

    endpoint = environment.get("AWS_S3_ENDPOINT")
    return S3FileSystem(
        endpoint_override=endpoint,
        scheme="https" if says("AWS_HTTPS", "YES") else "http",
        region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        force_virtual_addressing=bool(endpoint) and says("AWS_VIRTUAL_HOSTING", "YES"),
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )


@contextmanager
def _store_errors(what: str) -> Iterator[None]:
    """Say in one line what a store refuses."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = re.sub(r" \(Request ID.*", "", " ".join(str(error).split()))
        raise OutputError(
            f"{what} ({reason}); expected a bucket that this user may write to: check "
            "outputs.publish_to, and address and credentials of the server in the environment, and "
            "start the same command again: what is published stays"
        ) from error
