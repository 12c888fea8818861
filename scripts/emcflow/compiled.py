"""Functions compiled by numba, which is imported only when the first of them is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any

_LOCK = Lock()


def compiled(function: Callable) -> Callable:
    """Compile a function at its first call, with a cache on disk, free of the interpreter's lock.

    Importing numba takes longer than many a job; modules whose arrays are wanted more often than
    their compiled functions use this in place of ``numba.njit``. Other compiled functions cannot
    call it.

    Parameters
    ----------
    function : callable
        What numba can compile; called with positional arguments.

    Returns
    -------
    callable
    """
    dispatcher = None

    @wraps(function)
    def call(*arguments: Any) -> Any:
        nonlocal dispatcher
        if dispatcher is None:
            with _LOCK:
                from numba import njit

                dispatcher = dispatcher or njit(cache=True, nogil=True)(function)
        return dispatcher(*arguments)

    return call
