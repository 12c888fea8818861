"""``python -m emcflow describe FOLDER > mine.yaml``: a config from a folder of another program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from emcflow.errors import InputError, OutputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="emcflow")
    commands = parser.add_subparsers(dest="command", required=True)
    describe = commands.add_parser(
        "describe",
        help="look at a folder of another program and print a config for it",
        description="Look at a folder of another program and print a config for it, each value "
        "with where it was found, each unknown one with a question.",
    )
    describe.add_argument("folder", type=Path, help="folder of the stack")
    describe.add_argument(
        "--beside",
        type=Path,
        default=Path(),
        help="where the config will be; tables and rasters that it needs are written there "
        "(default: the working directory)",
    )
    chosen = parser.parse_args(arguments)
    from emcflow.processors import describe as room  # rasterio takes a while to import

    try:
        sys.stdout.write(room.describe(chosen.folder, chosen.beside))
    except (InputError, OutputError) as error:
        print(f"emcflow: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
