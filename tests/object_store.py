"""An object store for tests: moto's server in a process and an environment of its own."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PYTHON = Path(sys.prefix) / "s3-env" / "bin" / "python"
SERVER = Path(__file__).with_name("s3_server.py")
PATIENCE_S = 60


class Store:
    """A server that runs.

    Parameters
    ----------
    folder : path
        Of its notes.
    address : str
        Host and port.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address
        # as one sets them for GDAL
        self.environment = {
            "AWS_S3_ENDPOINT": address,
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def put(self, name: str, data: bytes = b"") -> None:
        """Write an object, bucket/key; or make a bucket."""
        headers = {"Content-Type": "application/octet-stream"}
        url = f"http://{self.address}/{name}"
        request = urllib.request.Request(url, data=data, method="PUT", headers=headers)
        urllib.request.urlopen(request).close()

    def get(self, name: str) -> bytes:
        """Return an object, or the list of a bucket."""
        with urllib.request.urlopen(f"http://{self.address}/{name}") as answer:
            return answer.read()

    def requests(self) -> list[dict]:
        """Return what the server was asked for so far, and what it sent."""
        log = self.folder / "requests.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @contextmanager
    def faults(self, refused: int, dropped: int) -> Iterator[None]:
        """Answer each so-manieth request for an object by 503, and break off each so-manieth."""
        path = self.folder / "faults"
        path.write_text(f"{refused} {dropped}")
        try:
            yield
        finally:
            path.unlink()


@contextmanager
def object_store(folder: Path) -> Iterator[Store]:
    """Run the server."""
    with open(folder / "printed.txt", "w") as printed:
        server = subprocess.Popen([PYTHON, SERVER, folder], stdout=printed, stderr=printed)
    try:
        end = time.monotonic() + PATIENCE_S
        while not (folder / "address").exists():
            assert server.poll() is None, (folder / "printed.txt").read_text()
            assert time.monotonic() < end, "the server of S3 does not start"
            time.sleep(0.05)
        yield Store(folder, (folder / "address").read_text())
    finally:
        server.terminate()
        server.wait()
