"""The picture of the explorer: a report as Chromium shows it, with two layers and a point open.

make demo && PYTHONPATH=scripts:tests python docs/screenshot.py      or        make docs-screenshot
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib.image
from browser import in_browser, screenshot

REPORT = Path("results/demo/report.html")
PICTURE = Path("docs/images/explorer.png")
# The first pair, wrapped beside unwrapped, and a point in the bowl.
PLACE = "#see&layer=wrapped&with=unwrapped&swipe=0.5&point=104,109"
WIDTH, HEIGHT, MARGIN = 1280, 1800, 16
EXPLORER = """
found.top = at("layer").getBoundingClientRect().top;
found.bottom = at("map").getBoundingClientRect().bottom;
"""


def draw_explorer(report: Path, picture: Path, place: str) -> list[str]:
    """Write a picture of the map and the point of a report; return the console."""
    with tempfile.TemporaryDirectory() as folder:
        found, _ = in_browser(report, Path(folder), EXPLORER, WIDTH, place)
        console = screenshot(report, Path(folder), picture, WIDTH, HEIGHT, place)
    rows = slice(round(found["top"]) - MARGIN, round(found["bottom"]) + MARGIN)
    matplotlib.image.imsave(picture, matplotlib.image.imread(picture)[rows, 64 : WIDTH - 64])
    return console


if __name__ == "__main__":
    for line in draw_explorer(REPORT.resolve(), PICTURE.resolve(), PLACE):
        print(line)
