"""A fingerprint of the code a script reaches, so that a changed library reruns what it computes."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def code_version(script: str | Path) -> str:
    """Hash the syntax trees of a script's own modules, found by following its imports.

    Snakemake sees a change of a script but not of the modules it imports; with this hash among a
    rule's params it sees both. Comments, blank lines and docstrings do not count. A file beside a
    module that has its name but another ending, as a template has, belongs to it.

    Parameters
    ----------
    script : path
        A Python file; modules are looked for beside it.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    script = Path(script)
    digest = hashlib.sha256()
    for path in sorted(_reached(script, script.parent)):
        digest.update(path.relative_to(script.parent).as_posix().encode())
        digest.update(_syntax(path).encode())
        for companion in sorted(path.parent.glob(f"{path.stem}.*")):
            if companion != path:
                digest.update(companion.read_bytes())
    return digest.hexdigest()[:12]


def _reached(start: Path, root: Path) -> set[Path]:
    found, waiting = set(), [start]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports(path, root))
    return found


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the tree and all statements in it, without their expressions, which are far more."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("body", "orelse", "handlers", "finalbody", "cases"):
            waiting.extend(getattr(node, field, []))


@cache
def _imports(path: Path, root: Path) -> list[Path]:
    names = []
    for node in _statements(_tree(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    files = (root / (name.replace(".", "/") + ".py") for name in names)
    return [file for file in files if file.is_file()]


@cache
def _syntax(path: Path) -> str:
    tree = _tree(path)  # no import is lost with the docstrings
    for node in _statements(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body.pop(0)
    return ast.dump(tree, annotate_fields=False)
