"""The template of the page: its parts in HTML, with style and script, filled by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


@cache
def _template() -> Template:
    """Return the template beside this module, whose name the fingerprint of the code goes by."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("template.html.j2")


def fill(part: str, **values: Any) -> str:
    """Fill a part of the page.

    Parameters
    ----------
    part : str
        Name of a macro of ``template.html.j2``.
    **values
        Its arguments. Text is escaped unless it comes from this function.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    TypeError
        For an argument that the part does not have.
    """
    return getattr(_template().module, part)(**values)
