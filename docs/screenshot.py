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

if __name__ == "__main__":
    report, picture = REPORT.resolve(), PICTURE.resolve()
    with tempfile.TemporaryDirectory() as folder:
        found, _ = in_browser(report, Path(folder), EXPLORER, WIDTH, PLACE)
        console = screenshot(report, Path(folder), picture, WIDTH, HEIGHT, PLACE)
    for line in console:
        print(line)
    rows = slice(round(found["top"]) - MARGIN, round(found["bottom"]) + MARGIN)
    matplotlib.image.imsave(picture, matplotlib.image.imread(picture)[rows, 64 : WIDTH - 64])
