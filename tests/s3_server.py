"""A server of S3 on the loopback, moto's, that counts what it sends and can be made to fail.

A program of an environment of its own (envs/requirements-s3.txt): nothing of the tests is imported.

    python s3_server.py FOLDER

writes the address to FOLDER/address once it listens, and a line for each request to
FOLDER/requests.jsonl. Where there is a file FOLDER/faults, with two numbers, of the requests for
objects each so-manieth is answered by 503, and each so-manieth breaks off in the midst of its data.
"""

import itertools
import json
import sys
import threading
from pathlib import Path

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Watched:
    """The application, with a record of its answers and the faults that are asked for."""

    def __init__(self, folder: Path) -> None:
        self.app = DomainDispatcherApplication(create_backend_app)
        self.folder, self.lock = folder, threading.Lock()
        self.requests = itertools.count(1)

    def __call__(self, environ, start_response):
        said = {}

        def start(status, headers, exc_info=None):
            said["status"] = int(status.split()[0])
            said["start"] = (status, headers)
            return lambda data: None

        fault = self.fault(environ)
        if fault == "503":
            said["status"], body = 503, b"<Error><Code>SlowDown</Code></Error>"
            said["start"] = "503 Slow Down", [("Content-Length", str(len(body)))]
        else:
            body = b"".join(self.app(environ, start))
        sent = body[: len(body) // 2] if fault == "drop" else body
        self.note(environ, said["status"], len(sent), fault)
        start_response(*said["start"])
        yield sent
        if fault == "drop":
            environ["werkzeug.socket"].shutdown(2)

    def fault(self, environ) -> str:
        """Return what happens to a request for an object: 503, drop, or nothing."""
        path = self.folder / "faults"
        if environ["REQUEST_METHOD"] not in ("GET", "PUT") or not path.exists():
            return ""
        if len(environ["PATH_INFO"].strip("/").split("/")) < 2:
            return ""
        refused, dropped = map(int, path.read_text().split())
        number = next(self.requests)
        return "503" if number % refused == 1 % refused else "drop" if number % dropped == 2 else ""

    def note(self, environ, status: int, sent: int, fault: str) -> None:
        """Write down a request."""
        line = {
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "range": environ.get("HTTP_RANGE", ""),
            "status": status,
            "sent": sent,
            "fault": fault,
        }
        with self.lock, open(self.folder / "requests.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")


class Quiet(WSGIRequestHandler):
    """Connections that stay open, and nothing printed."""

    protocol_version = "HTTP/1.1"

    def log(self, *_):
        """Print nothing."""


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    server = make_server("127.0.0.1", 0, Watched(folder), threaded=True, request_handler=Quiet)
    address = folder / ".address"
    address.write_text(f"127.0.0.1:{server.server_port}")
    address.rename(folder / "address")
    server.serve_forever()
