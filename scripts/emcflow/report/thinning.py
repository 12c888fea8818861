"""How far the pictures of a report are thinned out, for them to be few pixels together."""

from __future__ import annotations

MAP_SIDE = 800  # pixels of the longer side of a map: as many as the figure can show
PAIR_PIXELS = 8_000_000  # of the pictures of all interferograms together: some 6 MB of the page
MAP_PIXELS = 6_000_000  # and of all maps together


def thin_shape(shape: tuple[int, int], step: int) -> tuple[int, int]:
    """Return rows and columns of a picture of which a pixel stands for `step` along each side."""
    return -(-shape[0] // step), -(-shape[1] // step)


def map_step(shape: tuple[int, int], side: int = MAP_SIDE) -> int:
    """Return how many pixels of a scene make one of a picture, along each side."""
    return max(1, -(-max(shape) // side))


def picture_step(shape: tuple[int, int], number: int, pixels: int) -> int:
    """Return the step of some pictures so that they have at most so many pixels together."""
    step = map_step(shape)
    while picture_pixels(shape, number, step) > pixels:
        step += 1
    return step


def picture_pixels(shape: tuple[int, int], number: int, step: int) -> int:
    """Return how many pixels some pictures of a step have together."""
    rows, cols = thin_shape(shape, step)
    return number * rows * cols
