"""The errors a user of emcflow is meant to see: scripts print them without a traceback."""

import re
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Input that cannot be used as it is.

    The message is one line that names the file or key, the value found, what was expected and
    what to do about it.
    """


class OutputError(Exception):
    """A file that cannot be written; the message is one line that says why and what to do."""


@contextmanager
def named_as_keys(section: str, *arguments: str) -> Iterator[None]:
    """Name the arguments of library functions in their errors as the keys of the config they are.

    Parameters
    ----------
    section : str
        Of the config, as ``link_model``.
    *arguments : str
        Those that are keys of the section under the same name.

    Raises
    ------
    InputError
        That of the body, with ``section.argument`` in place of ``argument``.
    """
    try:
        yield
    except InputError as error:
        names = "|".join(map(re.escape, arguments))
        text = re.sub(rf"(?<![\w.])({names})\b", rf"{section}.\1", str(error))
        raise InputError(text) from None
