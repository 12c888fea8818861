"""What to know of the maps of the unwrapped phase: a table of the dates, and remarks in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emcflow.products.point_maps import SceneTerms

# Share of the points with residual motion that is worth a remark.
MOVING_SHARE = 0.01
# Share of the points with loops of interferograms that do not close that is worth a remark.
OPEN_SHARE = 1e-3
# With fewer spare dates sigmas are rough.
FEW_CONTRASTS = 4
DATES_NAMED = 5


def date_table(dates: Sequence[str], terms: SceneTerms, mm_per_rad: float) -> dict[str, Sequence]:
    """Return the columns of a table of the dates.

    Parameters
    ----------
    dates : sequence of str
    terms : SceneTerms
    mm_per_rad : float
        Motion along the line of sight that adds 1 rad [mm], above 0.

    Returns
    -------
    dict of str to sequence
        ``date``; ``noise_rad``, standard deviation of what neighbouring points do not share;
        ``total_rad``, the same with atmosphere, relative to the reference; ``weight`` in the fit,
        of mean 1; ``displacement_sigma_mm``, standard deviation of the displacement since the first
        date at a typical point; ``sigma_mm_per_rad``, what it is at a point with 1 rad of
        ``residual_phase_rad``: the variance of a date is that over its weight, and a displacement
        has the noise of two dates.
    """
    variance, weights = terms.noise.variance, terms.weights
    since_first = np.ones(len(dates))
    since_first[0] = 0
    of_point = since_first * np.sqrt(1 / weights + 1 / weights[0])
    return {
        "date": dates,
        "noise_rad": np.sqrt(terms.noise.own),
        "total_rad": np.sqrt(variance),
        "weight": weights,
        "displacement_sigma_mm": mm_per_rad * since_first * np.sqrt(variance + variance[0]),
        "sigma_mm_per_rad": mm_per_rad * of_point,
    }


def map_remarks(
    dates: Sequence[str],
    terms: SceneTerms,
    open_share: float,
    mm_per_rad: float,
) -> list[str]:
    """Return what to know before the maps and their standard deviations are used.

    Parameters
    ----------
    dates : sequence of str
        YYYYMMDD
    terms : SceneTerms
    open_share : float
        Share of the points at which loops of interferograms do not close.
    mm_per_rad : float

    Returns
    -------
    list of str
        One line each.
    """
    remarks = []
    bad = terms.noise.bad
    if bad.size:
        named = ", ".join(
            f"{dates[date]} ({np.sqrt(terms.noise.variance[date]):.2g} rad, weight "
            f"{terms.weights[date]:.2f})"
            for date in bad[:DATES_NAMED]
        )
        more = f" and {bad.size - DATES_NAMED} more" if bad.size > DATES_NAMED else ""
        remarks.append(
            f"{bad.size} of {len(dates)} dates noisier than twice the others: {named}{more}. Their "
            "weight in the maps is in quality/dates.csv; stack.exclude leaves dates out "
            "(docs/quality.md, Standard deviations)."
        )
    if terms.ncontrasts < FEW_CONTRASTS:
        remarks.append(
            f"{terms.ncontrasts} of {len(dates)} dates to spare: the standard deviations are those "
            "of the whole scene rather than of each point, and rough; it takes more dates "
            "(docs/quality.md, Standard deviations)."
        )
    share = len(terms.moving) / terms.values.shape[1]
    if share > MOVING_SHARE:
        # the hundredth of all points that move most
        most = mm_per_rad * np.percentile(terms.moving, 100 * (1 - 0.01 / share))
        remarks.append(
            f"{100 * share:.2g} % of the points move in a way that no term describes, the worst "
            f"hundredth by {most:.2g} mm and more (quality/residual_motion_mm.tif): their velocity "
            "is a mean of unsteady motion, and its standard deviation is rough. "
            "link_model.annual or link_model.step_date may describe it (docs/model_terms.md)."
        )
    if open_share > OPEN_SHARE:
        remarks.append(
            f"At {100 * open_share:.2g} % of the points interferograms disagree by whole cycles "
            "(quality/open_loops.tif): velocity and DEM error may be wrong there by many standard "
            "deviations, which hold where the cycles are right. quality/recommended_mask.tif "
            "leaves such points out (docs/wrong_cycles.md)."
        )
    return remarks
