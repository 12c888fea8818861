"""What links are thought to be when their cycles are found, and the names of such models."""

from dataclasses import dataclass

import numpy as np

MIXTURE, NARROW, PEAKS = "mixture", "narrow", "peaks"
DATA, DATA_NARROW = "data", "data_narrow"


@dataclass(frozen=True)
class CycleModel:
    """What links are thought to be when their cycles are found.

    Attributes
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
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
