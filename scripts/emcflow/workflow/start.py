"""How a start ends that cannot succeed: with the one line for the author of the config."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from emcflow.errors import InputError

Result = TypeVar("Result")


def checked(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function of the library; bad input ends the run with its one line.

    An exception would have Snakemake print where in the workflow it came from, which is of no
    interest to the author of a config, and hides the line.
    """
    try:
        return function(*arguments)
    except InputError as error:
        sys.exit(f"\nemcflow cannot start:\n{error}")
