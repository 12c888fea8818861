"""Pages in Chromium: a script looks at a page and uses it, and says what it has found."""

import json
import re
import shutil
import subprocess
import threading
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"),
    *("disable-background-networking", "disable-component-update", "hide-scrollbars"),
    *("allow-file-access-from-files", "enable-logging=stderr"),
)
# A frame has the width that is asked for, which a window of Chromium has not below 500 pixels.
FRAME = """
<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0"><pre id="found" hidden></pre>
<iframe src="PAGE" style="width: WIDTHpx; height: HEIGHTpx; border: 0"></iframe>
<script>
const frame = document.querySelector("iframe");
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function look(page, window) {
  const at = (id) => page.getElementById(id);
  const press = (target, key, more = {}) => target.dispatchEvent(
    new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
  const choose = (id, value) => {
    if (at(id).type === "checkbox") at(id).checked = value; else at(id).value = value;
    at(id).dispatchEvent(new window.Event("input", { bubbles: true }));
  };
  // Press and release the mouse at a part of the width and of the height of the map.
  const click = (across, down, more = {}) => {
    const box = at("map").getBoundingClientRect();
    const place = { clientX: box.left + across * box.width, clientY: box.top + down * box.height };
    for (const name of ["pointermove", "pointerdown", "pointerup"]) {
      const event = { bubbles: true, pointerId: 1, ...place, ...more };
      at("map").dispatchEvent(new window.PointerEvent(name, event));
    }
  };
  const texts = (row) => [...row.cells].map((each) => each.textContent);
  const cells = (id) => [...at(id).rows].map(texts);
  const found = {};
  SCRIPT
  return found;
}
frame.addEventListener("load", async () => {
  const page = frame.contentDocument;
  while (!page.documentElement.dataset.ready) await wait(20);
  let found;
  try {
    found = await look(page, frame.contentWindow);
  } catch (error) {
    found = { error: String(error.stack) };
  }
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>
"""


def in_browser(page: Path, folder: Path, script: str, width: int, place: str = ""):
    """Open a page in a frame of a width, run a script, return what it found and the console.

    The script, JavaScript, has `page`, `window`, `at(id)`, `press`, `choose`, `click` and `cells`,
    and puts what it finds into `found`. `place` comes after the address of the page.
    """
    html = folder / f"frame_{width}.html"
    text = FRAME.replace("PAGE", page.as_uri() + place.replace("&", "&amp;"))
    text = text.replace("WIDTH", str(width)).replace("HEIGHT", "900").replace("SCRIPT", script)
    html.write_text(text)
    printed = chromium(folder, html.as_uri(), width + 100, 1000, "dump-dom")
    found = re.search(r'<pre id="found"[^>]*>(.*?)</pre>', printed.stdout, re.S)
    return json.loads(unescaped(found.group(1))), console(printed)


def seconds_to_open(page: Path, folder: Path) -> float:
    """Return how long a page takes from its address to its first map, by the clock of the wall."""
    script = """
    console.log(`opened in ${performance.now()} ms`);
    """
    html = folder / "opened.html"
    text = FRAME.replace("PAGE", page.as_uri()).replace("SCRIPT", script)
    html.write_text(text.replace("WIDTH", "1280").replace("HEIGHT", "900"))
    command = [CHROMIUM, f"--user-data-dir={folder / 'profile'}", "--remote-debugging-port=0"]
    command += [f"--{option}" for option in OPTIONS]
    with subprocess.Popen([*command, html.as_uri()], stderr=subprocess.PIPE, text=True) as browser:
        ends = threading.Timer(60, browser.kill)
        ends.start()
        found = (re.search(r"opened in ([0-9.]+) ms", line) for line in browser.stderr)
        opened = next(filter(None, found), None)
        ends.cancel()
        browser.kill()
    return float(opened[1]) / 1000 if opened else float("inf")


def screenshot(
    page: Path,
    folder: Path,
    picture: Path,
    width: int,
    height: int,
    place: str = "",
    dark: bool = False,
):
    """Write a PNG picture of a page in a frame of a width, and return the console.

    `dark`: for a reader who prefers dark pages.
    """
    html = folder / f"shot_{width}.html"
    text = FRAME.replace("PAGE", page.as_uri() + place.replace("&", "&amp;"))
    html.write_text(
        text.replace("WIDTH", str(width)).replace("HEIGHT", str(height)).replace("SCRIPT", "")
    )
    scheme = f"blink-settings=preferredColorScheme={0 if dark else 1}"
    return console(chromium(folder, html.as_uri(), width, height, f"screenshot={picture}", scheme))


def chromium(folder: Path, address: str, width: int, height: int, *tasks: str):
    """Run Chromium on a page until nothing happens any more."""
    options = (*OPTIONS, "virtual-time-budget=20000", *tasks, f"window-size={width},{height}")
    command = [CHROMIUM, f"--user-data-dir={folder / 'profile'}"]
    command += [f"--{option}" for option in options]
    return subprocess.run(
        [*command, address], capture_output=True, text=True, timeout=180, check=True
    )


def console(printed) -> list[str]:
    """Return what the page wrote to the console."""
    return [line for line in printed.stderr.splitlines() if ":CONSOLE" in line]


def unescaped(text: str) -> str:
    """Return text of an element as it was before it became HTML."""
    for name, character in (("lt", "<"), ("gt", ">"), ("nbsp", " "), ("amp", "&")):
        text = text.replace(f"&{name};", character)
    return text
