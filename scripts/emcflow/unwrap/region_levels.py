"""What is known of the cycles between regions of a tile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class RegionLevels(NamedTuple):
    """Cycles between regions of a tile that links across tell.

    Attributes
    ----------
    regions : int32 (n, 2)
        The two regions, the lower number first; each two once, in ascending order.
    nlinks : int32 (n,)
        Links across.
    cycles : int16 (n, npairs)
        To add to the second region.
    wrong : float32 (n, npairs)
        Probability that these are wrong.
    mean_wrong : float32 (n,)
        Its mean over the interferograms of the run that first had the tile.
    jump : float32 (n,)
        Probability that one side jumped between two dates.
    """

    regions: np.ndarray
    nlinks: np.ndarray
    cycles: np.ndarray
    wrong: np.ndarray
    mean_wrong: np.ndarray
    jump: np.ndarray
