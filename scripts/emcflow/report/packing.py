"""Arrays as text that a page holds and its script unpacks.

Bytes are compressed (zlib, RFC 1950) and written in base64. Images are whole numbers of levels at
the pixels that have a value; the differences from one to the next compress to about half.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

LARGEST_LEVEL = 32_000


def pack_bytes(values: np.ndarray) -> str:
    """Return the bytes of an array as text."""
    return base64.b64encode(zlib.compress(values.tobytes(), 6)).decode()


def pack_numbers(values: np.ndarray) -> str:
    """Return an array as text, as float32 of the least significant byte first."""
    return pack_bytes(np.ascontiguousarray(values, "<f4"))


class Packer:
    """Packs images; those with values at the same pixels share a mask.

    Attributes
    ----------
    masks : list of dict
        Rows, columns and ``data``: a bit per pixel, row by row, the highest bit of a byte first.
    """

    def __init__(self) -> None:
        self.masks: list[dict[str, Any]] = []
        self._known: dict[bytes, int] = {}

    def image(self, image: np.ndarray, scale: float) -> dict[str, Any]:
        """Pack an image.

        Parameters
        ----------
        image : ndarray of float, shape (rows, cols)
            NaN where there is no value.
        scale : float
            What a level is worth, above 0. Values are kept to half of it, up to `LARGEST_LEVEL`
            levels to both sides of 0.

        Returns
        -------
        dict
            ``mask`` (its number), ``scale`` and ``data``: differences of levels as uint16, 0, -1,
            1, -2, ... as 0, 1, 2, 3, ..., their low bytes before their high ones.
        """
        known = np.isfinite(image)
        limit = LARGEST_LEVEL
        levels = np.clip(np.rint(image[known] / scale), -limit, limit).astype(np.int16)
        steps = np.diff(levels, prepend=np.int16(0)).astype(np.int16)  # which may wrap around
        unsigned = ((steps << 1) ^ (steps >> 15)).astype("<i2")
        halves = np.ascontiguousarray(unsigned.view(np.uint8).reshape(-1, 2).T)
        return {"mask": self._mask(known), "scale": scale, "data": pack_bytes(halves)}

    def _mask(self, known: np.ndarray) -> int:
        """Return the number of a mask."""
        bits = np.packbits(known)
        key = bytes(str(known.shape), "ascii") + bits.tobytes()
        if key not in self._known:
            self._known[key] = len(self.masks)
            rows, cols = known.shape
            self.masks.append({"rows": rows, "cols": cols, "data": pack_bytes(bits)})
        return self._known[key]
