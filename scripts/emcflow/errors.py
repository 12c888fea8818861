"""The errors a user of emcflow is meant to see: scripts print them without a traceback."""


class InputError(ValueError):
    """Input that cannot be used as it is.

    The message is one line that names the file or key, the value found, what was expected and
    what to do about it.
    """


class OutputError(Exception):
    """A file that cannot be written; the message is one line that says why and what to do."""
