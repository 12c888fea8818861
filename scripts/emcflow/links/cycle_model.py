"""What links are thought to be when their cycles are found, and the names of such models."""

from dataclasses import dataclass

import numpy as np

# No motion and no height, which is there without a model.
ZERO = "zero"
MIXTURE, NARROW, PEAKS = "mixture", "narrow", "peaks"
DATA, DATA_NARROW = "data", "data_narrow"
# The one that the phases of a tile bear out.
AUTO = "auto"


@dataclass(frozen=True)
class CycleModel:
    """What links are thought to be when their cycles are found.

    Attributes
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit]; no columns without a model.
    params : float32 (nterms, nlinks)
        Terms of every link.
    coherence : float32 (nlinks,)
        Of every link about them.
    preference : float
        See :class:`emcflow.unwrap.hypotheses.Evidence`.
    """

    design: np.ndarray
    params: np.ndarray
    coherence: np.ndarray
    preference: float = 0.0
