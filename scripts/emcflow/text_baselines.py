"""Perpendicular baselines as processors write them: ISCE2's text files, LiCSBAS' ``baselines``.

Told apart by content:

* ISCE2, one file per pair, whose two dates are in its name. topsStack has a line
  ``Bperp (average): 62.6`` per swath, stripmapStack ``PERP_BASELINE_TOP`` and
  ``PERP_BASELINE_BOTTOM``; the mean counts.
* LiCSBAS and LiCSAR, a line ``20170302 20170326 130.9 24.0`` per pair (reference, secondary,
  baseline, days), in older files with a number before and four columns after it.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from emcflow.errors import InputError
from emcflow.filenames import check_braces, dates_in_name

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
ISCE2 = re.compile(
    rf"^\s*(?:Bperp \(average\):|PERP_BASELINE_(?:TOP|BOTTOM)\b:?)\s*({NUMBER}|\S*)\s*$", re.M
)
LICSBAS = re.compile(r"(\d{8}\s+\d{8}|\d+\s+\d{8}\s+\d{8})\s")


def table_files(path: str) -> list[str]:
    """Return the files that a table of baselines is made of.

    Parameters
    ----------
    path : str
        A table, or a folder with a text file for every pair, in folders of their own or not.

    Returns
    -------
    list of str
        The table itself; of a folder the files ``*.txt`` that have two dates in their names.

    Raises
    ------
    InputError
        For a folder without such files.
    """
    if not Path(path).is_dir():
        return [path]
    found = [
        str(file)
        for file in sorted(Path(path).rglob("*.txt"))
        if len(re.findall(r"(?<!\d)\d{8}(?!\d)", file.name)) == 2
    ]
    if not found:
        raise InputError(
            f"{path}: a folder without DATE1_DATE2.txt; expected a table, or the "
            "folder of ISCE2's baselines: correct the path"
        )
    for file in found:
        check_braces(file)
    return found


def read_text_baselines(path: str | Path) -> list[tuple[tuple[str, str], float, int]] | None:
    """Read baselines of pairs from a folder or file of ISCE2, or a file of LiCSBAS.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of (dates, bperp_m, line), or None
        Reference and secondary, baseline [m], and the number of the line, or of the file in a
        folder. None for anything else, such as a table with a header.

    Raises
    ------
    InputError
        For a file of these that holds something else, too, or a baseline that is no number.
    """
    folder = Path(path).is_dir()
    rows = []
    for number, file in enumerate(table_files(str(path)), start=1):
        try:
            text = Path(file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            if folder:
                raise InputError(
                    f"{file}: cannot be read as text; expected a baseline of ISCE2: remove it, or "
                    "write it again"
                ) from None
            return None  # the reader of tables says what is wrong
        values = ISCE2.findall(text)
        if values or folder:
            if not values:
                raise InputError(
                    f"{file}: neither 'Bperp (average):' nor PERP_BASELINE_TOP in it; expected a "
                    "baseline of ISCE2: remove it, or compute the baselines again"
                )
            bperp = [_number(value, file) for value in values]
            rows.append((dates_in_name(file, 2), sum(bperp) / len(bperp), number))
        elif LICSBAS.match(text.lstrip()):
            return _licsbas_rows(text, file)
        else:
            return None
    return rows


def _licsbas_rows(text: str, file: str) -> list[tuple[tuple[str, str], float, int]]:
    rows = []
    for line, cells in enumerate((line.split() for line in text.splitlines()), start=1):
        if not cells:
            continue
        where = f"{file}, line {line}"
        first = {4: 0, 9: 1}.get(len(cells))
        if first is None:
            raise InputError(
                f"{where}: {len(cells)} columns; expected reference, secondary, baseline and days "
                "as in LiCSBAS' baselines: correct or remove the line"
            )
        pair = tuple(dates_in_name(f"{where}/{cell}", 1)[0] for cell in cells[first : first + 2])
        if pair[0] != pair[1]:  # the reference itself
            rows.append((pair, _number(cells[first + 2], where), line))
    return rows


def _number(text: str, where: str) -> float:
    value = float(text) if re.fullmatch(NUMBER, text) else math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{where}: the baseline is {text!r}; expected a finite number of metres: correct it"
        )
    return value
