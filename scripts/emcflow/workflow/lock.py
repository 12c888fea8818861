"""One run at a time in a folder of results, wherever the runs are started."""

from __future__ import annotations

import atexit
import errno
import fcntl
import json
import os
import socket
import time
from pathlib import Path

from emcflow.errors import InputError

NAME = ".lock"
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # some network file systems have none


def take_folder(folder: str | Path, on_cluster: bool = False) -> None:
    """Take a folder of results for this process until it ends, however it ends.

    The system holds the lock (``flock``), not a file: what a killed process held is free. The file
    says who has it; its owner empties it at an end in order.

    Parameters
    ----------
    folder : path
        Made where it does not exist.
    on_cluster : bool
        Whether its jobs go on elsewhere when this process is killed.

    Raises
    ------
    InputError
        Where another run has it, or nothing can be written there.
    """
    path = Path(folder) / NAME
    owner = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "on_cluster": on_cluster,
        "since": time.strftime("%Y-%m-%d %H:%M"),
        "directory": os.getcwd(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # closed by the system, at our end
        if not _locked(file):
            raise InputError(
                f"output_dir: {folder}: another run{_who(path)} is writing there; wait until it "
                "has ended or stop it, or set output_dir to another folder"
            )
        os.ftruncate(file, 0)
        os.write(file, json.dumps(owner).encode())
    except OSError as error:
        raise InputError(
            f"output_dir: {folder}: nothing can be written there ({error.strerror}); make it "
            "writable, or set output_dir to another folder"
        ) from error
    atexit.register(os.ftruncate, file, 0)


def is_abandoned(folder: str | Path) -> bool:
    """Return whether for certain no run holds a folder that a run of this version once held.

    A killed run on another host may go on, since not every file system tells hosts of each other's
    locks; and so may the jobs of one on a cluster.
    """
    path = Path(folder) / NAME
    try:
        with open(path, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            owner = _owner(path)
    except OSError:
        return False
    return not owner or (owner.get("host") == socket.gethostname() and not owner.get("on_cluster"))


def _locked(file: int) -> bool:
    """Lock an open file and return whether nobody else has; no locks at all will have to do."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _owner(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except ValueError:  # empty, or about to be written
        return {}


def _who(path: Path) -> str:
    owner = _owner(path)
    if not owner:
        return ""
    return " (process {process} on {host} since {since}, started in {directory})".format(**owner)
