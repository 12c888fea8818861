"""The tables of the network that rules write: pairs, triangles, baselines, design matrix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emcflow.acquisition.geometry import days_since_first, pair_design
from emcflow.graph.planar import planar_graph
from emcflow.io.files import Columns, read_csv, write_csv, write_text
from emcflow.network.networks import Network, PlanarNetwork, planar_network

if TYPE_CHECKING:
    from emcflow.acquisition.baseline_scale import ScaledBaselines

# Text columns of the tables.
ENDS = ("reference", "secondary")
CORNERS = ("date1", "date2", "date3")


def write_network(
    pairs_csv: str | Path,
    triangles_csv: str | Path,
    network: PlanarNetwork,
    pairs: np.ndarray,
    planar: np.ndarray,
) -> None:
    """Write the tables.

    Parameters
    ----------
    pairs_csv : path
        Columns reference, secondary, days, planar (1 where the pair is in the planar network).
    triangles_csv : path
        Columns date1, date2, date3; sides that are no interferograms cost nothing.
    network : PlanarNetwork
        From :func:`emcflow.network.time_network.time_network`.
    pairs : ndarray of int, shape (npairs, 2)
        The interferograms, sorted.
    planar : ndarray of bool, shape (npairs,)
    """
    dates, since_first = np.array(network.dates), days_since_first(network.dates).astype(int)
    columns = {
        **dict(zip(ENDS, dates[pairs.T], strict=True)),
        "days": np.diff(since_first[pairs], axis=1)[:, 0],
        "planar": planar.astype(int),
    }
    write_csv(pairs_csv, columns)
    write_csv(triangles_csv, dict(zip(CORNERS, dates[network.triangles].T, strict=True)))


class PairTable(NamedTuple):
    """The interferograms of a run.

    Parameters
    ----------
    dates : tuple of str
        YYYYMMDD, ascending.
    pairs : ndarray of int, shape (npairs, 2)
        Indices of dates, sorted.
    planar : ndarray of bool, shape (npairs,)
        Which pairs are in the planar network.
    """

    dates: tuple[str, ...]
    pairs: np.ndarray
    planar: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the interferograms, ``D1_D2``."""
        return tuple(f"{self.dates[first]}_{self.dates[second]}" for first, second in self.pairs)


def read_pair_table(pairs_csv: str | Path) -> PairTable:
    """Read the interferograms that :func:`write_network` has written."""
    table = read_csv(pairs_csv, ENDS)
    dates, pairs = np.unique(np.column_stack([table[name] for name in ENDS]), return_inverse=True)
    return PairTable(tuple(dates.tolist()), pairs.reshape(-1, 2), table["planar"] == 1)


def read_interferograms(pairs_csv: str | Path, triangles_csv: str | Path) -> Network:
    """Read the interferograms, and those triangles whose three sides are interferograms."""
    (dates, pairs, _), triangles = _read(pairs_csv, triangles_csv)
    known = np.zeros((len(dates), len(dates)), dtype=bool)
    known[pairs[:, 0], pairs[:, 1]] = known[pairs[:, 1], pairs[:, 0]] = True
    sides = known[triangles, np.roll(triangles, -1, axis=1)]
    return Network(dates, planar_graph(triangles[sides.all(axis=1)], len(dates), pairs))


def read_time_network(
    pairs_csv: str | Path, triangles_csv: str | Path
) -> tuple[PlanarNetwork, np.ndarray]:
    """Read the planar network, and which of its pairs are interferograms.

    Returns
    -------
    network : PlanarNetwork
    formed : ndarray of bool, shape (network.npairs,)
        False for pairs that only cut loops into triangles: cycles cost nothing there.
    """
    (dates, pairs, planar), triangles = _read(pairs_csv, triangles_csv)
    network = planar_network(dates, pairs[planar], triangles)
    keys = pairs[planar] @ [len(dates), 1]
    return network, np.isin(network.pairs @ [len(dates), 1], keys)


def _read(pairs_csv: str | Path, triangles_csv: str | Path) -> tuple[PairTable, np.ndarray]:
    """Return the interferograms, and the triangles as indices of dates, int (ntriangles, 3)."""
    table, corners = read_pair_table(pairs_csv), read_csv(triangles_csv, CORNERS)
    ends = np.column_stack([corners[name] for name in CORNERS])
    return table, np.searchsorted(np.array(table.dates), ends)


class DateBaselines(NamedTuple):
    """Perpendicular baselines of a run.

    Parameters
    ----------
    dates : list of str
        YYYYMMDD, ascending.
    bperp_m : ndarray of float64, shape (ndates,)
        Of each date relative to the first [m].
    """

    dates: list[str]
    bperp_m: np.ndarray


def read_date_baselines(path: str | Path) -> DateBaselines:
    """Read the table of :meth:`emcflow.io.baselines.Baselines.table`."""
    table = read_csv(path, ("date",))
    return DateBaselines(table["date"].tolist(), table["bperp_m"])


class FoundBaselines(NamedTuple):
    """What the phases say of the baselines of a run.

    Parameters
    ----------
    dates : list of str
        YYYYMMDD, ascending.
    relative, relative_sigma : ndarray of float64, shape (ndates,)
        Zero at the first date, of span 1, and its standard deviation; of unknown sign. NaN or 0
        where none were found.
    found_m, sigma_m : ndarray of float64, shape (ndates,)
        The same in metres, NaN where there is no scale.
    table_m : ndarray of float64, shape (ndates,)
        Baselines of the user's table [m], NaN without one.
    """

    dates: list[str]
    relative: np.ndarray
    relative_sigma: np.ndarray
    found_m: np.ndarray
    sigma_m: np.ndarray
    table_m: np.ndarray

    @classmethod
    def of(
        cls,
        dates: list[str],
        found: tuple[np.ndarray, np.ndarray] | None,
        scaled: ScaledBaselines,
        table_m: np.ndarray | None,
    ) -> FoundBaselines:
        """Put together what was found.

        Parameters
        ----------
        dates : list of str
        found : tuple of float64 (ndates,) or None
            Column and standard deviation, None where the phases ask for none.
        scaled : ScaledBaselines
        table_m : float64 (ndates,) or None
            Baselines of the user's table [m].
        """
        unknown = np.full(len(dates), np.nan)
        column, sigma = found or (np.zeros(len(dates)), unknown)
        table_m = unknown if table_m is None else table_m
        return cls(dates, column, sigma, scaled.found_m, scaled.sigma_m, table_m)


# What links are searched by where the phases ask for no heights [rad].
NO_HEIGHTS = (-1.0, 1.0)
FOUND_COLUMNS = ("found_relative", "sigma_relative", "found_m", "sigma_m", "table_m")


def write_found_baselines(path: str | Path, found: FoundBaselines) -> None:
    """Write what the phases say of the baselines."""
    columns: dict[str, Sequence] = {"date": found.dates}
    for name, values in zip(FOUND_COLUMNS, found[1:], strict=True):
        columns[name] = list(values)
    write_csv(path, columns, digits=6)


def read_found_baselines(path: str | Path) -> FoundBaselines:
    """Read the table of :func:`write_found_baselines`."""
    table = read_csv(path, ("date",))
    return FoundBaselines(table["date"].tolist(), *(table[name] for name in FOUND_COLUMNS))


def write_found_facts(path: str | Path, gain: float, limits: tuple[float, float] | None) -> None:
    """Write what links are to know of the heights that the phases ask for.

    Parameters
    ----------
    path : path
    gain : float
        See :class:`emcflow.unwrap.found_height.FoundHeight`; 0 where nothing was found.
    limits : (float, float) or None
        Range of the heights [rad], None where they are not to be seen.
    """
    facts = {
        "gain": gain,
        "found": limits is not None,
        "height_range_rad": list(limits or NO_HEIGHTS),
    }
    write_text(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def read_height_range(path: str | Path) -> list[float]:
    """Read how far heights are searched [rad], from the file of :func:`write_found_facts`."""
    found: list[float] = json.loads(Path(path).read_text())["height_range_rad"]
    return found


def write_design(
    path: str | Path,
    dates: Sequence[str],
    pairs: np.ndarray,
    terms: Sequence[str],
    design: np.ndarray,
) -> None:
    """Write the design matrix of the dates, and that of the pairs, which follows from it.

    Parameters
    ----------
    path : path
        CSV with the columns row (date or pair), reference, secondary and one for each term.
    dates : sequence of str
        YYYYMMDD.
    pairs : ndarray of int, shape (npairs, 2)
        Indices of dates.
    terms : sequence of str
    design : ndarray of float64, shape (ndates, nterms)
        Phase [rad] per unit of each term.
    """
    of_dates = [np.zeros(len(dates), dtype=int), np.arange(len(dates))]
    reference, secondary = np.array(dates)[np.column_stack([of_dates, pairs.T])]
    columns = {
        "row": ["date"] * len(dates) + ["pair"] * len(pairs),
        "reference": reference,
        "secondary": secondary,
    }
    values = np.vstack([design, pair_design(design, pairs)])
    write_csv(path, columns | dict(zip(terms, values.T, strict=True)))


class Design(NamedTuple):
    """The design matrix of a run.

    Parameters
    ----------
    dates : list of str
        YYYYMMDD, ascending.
    columns : dict of str to ndarray of float64, shape (ndates,)
        Phase [rad] of each date per unit of a term, by the name of the term.
    """

    dates: list[str]
    columns: Columns

    def of_dates(self, terms: Sequence[str]) -> np.ndarray:
        """Return the columns of some terms, float64 (ndates, nterms)."""
        return np.column_stack([self.columns[name] for name in terms])


def read_design(path: str | Path) -> Design:
    """Read the design matrix of the dates that :func:`write_design` has written."""
    labels = ("row", *ENDS)
    table = read_csv(path, labels)
    of_dates = table["row"] == "date"
    columns = {name: table[name][of_dates] for name in table if name not in labels}
    return Design(table["secondary"][of_dates].tolist(), columns)
