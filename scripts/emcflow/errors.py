"""The one error a user of emcflow is meant to see."""


class InputError(ValueError):
    """Input that cannot be used as it is.

    The message is one line that names the file or key, the value found, what was expected and
    what to do about it. Scripts print it without a traceback.
    """
