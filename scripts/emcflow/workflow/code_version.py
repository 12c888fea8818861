"""A fingerprint of the code a script reaches, so that a changed library reruns what it computes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

# Where this package is installed, or its clone has its scripts.
PACKAGES = Path(__file__).resolve().parents[2]
# A line of an import, names in parentheses on further ones as well.
IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import[ \t]+(\([^)]*\)|[^\n#]*)", re.M)
TYPES_ALONE = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+[^\n]*\n|\n)*", re.M)


def code_version(*scripts: str | Path) -> str:
    """Hash the compiled code of scripts and of their own modules, found by following the imports.

    Snakemake sees a change of a script but not of the modules it imports; with this hash among a
    rule's params it sees both. Comments, blank lines, docstrings and imports for types alone do not
    count. A file beside a
    module that has its name but another ending, as a template has, belongs to it.

    Parameters
    ----------
    *scripts : path
        Python files of different names; modules are looked for beside each, and where this
        one is.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, path in sorted(_reached(map(Path, scripts)).items()):
        digest.update(name.encode())
        digest.update(_compiled(path))
    return digest.hexdigest()[:12]


def _reached(scripts: Iterable[Path]) -> dict[str, Path]:
    """Return the files that scripts reach by imports, they too, by their names in packages."""
    found: dict[str, Path] = {}
    waiting = [(script.name, script, script.parent) for script in scripts]
    while waiting:
        name, path, root = waiting.pop()
        if name not in found:
            found[name] = path
            waiting.extend((*each, root) for each in _imports(path, root))
    return found


@cache
def _imports(path: Path, root: Path) -> list[tuple[str, Path]]:
    names = []
    for module, imported in IMPORT.findall(TYPES_ALONE.sub("", path.read_text())):
        each = re.findall(r"[\w.]+", imported)
        names += [module, *(f"{module}.{name}" for name in each)] if module else each
    files = (name.replace(".", "/") + ".py" for name in names)
    # beside the script first: those of this package are there as well, but in an installed one
    found = ((file, root / file, PACKAGES / file) for file in files)
    return [
        (file, beside if beside.is_file() else own)
        for file, beside, own in found
        if beside.is_file() or own.is_file()
    ]


@cache
def _compiled(path: Path) -> bytes:
    """Return the code of a module, and what is in files beside it that have its name."""
    # optimize=2 leaves docstrings out
    code = compile(path.read_text(), "", "exec", dont_inherit=True, optimize=2)
    beside = (each for each in sorted(path.parent.glob(f"{path.stem}.*")) if each != path)
    return b"".join([repr(_without_lines(code)).encode(), *(each.read_bytes() for each in beside)])


def _without_lines(value: Any) -> Any:
    """Return code as what it does, whatever lines it is on; a constant as it is."""
    if isinstance(value, CodeType):
        does = value.co_code, value.co_exceptiontable, value.co_flags
        takes = value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount
        names = value.co_name, value.co_names, value.co_varnames
        shares = value.co_cellvars, value.co_freevars
        return does, takes, names, shares, list(map(_without_lines, value.co_consts))
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value
