"""What the site needs beyond MkDocs: equations as MathML, links to files of the repository.

In the pages, fences named math and ``$`x`$`` are LaTeX, as GitHub takes them. They become MathML
when the site is built, which browsers draw without any script. A link to a file outside of docs/
leads to a page that shows the file.
"""

from __future__ import annotations

import posixpath
import re
from itertools import cycle
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
# Pages that are files elsewhere in the repository, one source for both.
PAGES = {"configuration.md": "config/README.md"}
LANGUAGES = {".smk": "python", ".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
BLOCK = re.compile(r"^```math\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
SNIPPET = re.compile(r"--\s*8\s*(<|&lt;)\s*--")
TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
PROSE = 30  # characters that a cell of it has, in the mean
INLINE = re.compile(r"\$`([^`]+)`\$")


def on_files(files: Files, config) -> Files:
    """Add the pages that are files elsewhere, and those that show a file somebody links to."""
    for name, source in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text()))
    linked = {
        path
        for page in files.documentation_pages()
        for match in LINK.finditer(page.content_string)
        if (path := repository_path(page.src_uri, match["target"]))
    }
    for path in sorted(linked):
        if page_of(path).startswith("source/"):
            files.append(File.generated(config, page_of(path), content=shown(path)))
    return files


def on_page_markdown(markdown: str, page, **_) -> str:
    """Turn equations into MathML, and links to files of the repository to their pages."""
    here = page.file.src_uri
    if here.startswith("source/"):
        return markdown

    def link(match: re.Match) -> str:
        path = repository_path(here, match["target"])
        if not path:
            return match[0]
        target = posixpath.relpath(page_of(path), posixpath.dirname(here) or ".")
        return f"[{match['text']}]({target}{match['anchor'] or ''})"

    markdown = LINK.sub(link, markdown)
    markdown = BLOCK.sub(lambda m: f'<div class="math">{mathml(m[1], "block")}</div>', markdown)
    return INLINE.sub(lambda m: mathml(m[1], "inline"), markdown)


def on_nav(nav, config, files: Files):
    """Refuse a page that the navigation has in no group, and a name in it that is no page."""
    named = re.findall(r"[\w/]+\.md", (Path(config["docs_dir"]) / ".nav.yml").read_text())
    missing = [name for name in named if files.get_file_from_path(name) is None]
    if missing:
        raise PluginError(f"docs/.nav.yml names what is no page: {', '.join(missing)}")
    grouped = {page.file.src_uri for page in nav.pages}
    left = [
        page.src_uri
        for page in files.documentation_pages()
        if page.src_uri not in grouped and not page.src_uri.startswith("source/")
    ]
    alone = [item.file.src_uri for item in nav.items if item.is_page]
    if left or alone != ["index.md"]:
        names = ", ".join([*left, *(name for name in alone if name != "index.md")])
        raise PluginError(f"pages in no group of docs/.nav.yml: {names}")
    return nav


def on_page_content(html: str, page, **_) -> str:
    """Refuse a page that shows the mark of a snippet; mark tables of prose for the style."""
    if SNIPPET.search(re.sub(r"<[^>]*>", "", html)) and not page.file.src_uri.startswith("source/"):
        raise PluginError(f"{page.file.src_uri} shows a snippet's mark, written in another way")
    return TABLE.sub(lambda match: with_heads(match[0]), html)


def with_heads(table: str) -> str:
    """Return a table of three columns or more, the last of them prose, with heads at its cells.

    On a narrow screen the style makes paragraphs of its rows.
    """
    heads = re.findall(r"<th[^>]*>(.*?)</th>", table)
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in table.split("</tr>")[1:-1]]
    prose = sum(len(re.sub("<[^>]*>", "", row[-1])) for row in rows if row)
    if len(heads) < 3 or prose < PROSE * len(rows):
        return table
    names = cycle([f'<td data-head="{head}">' if head else "<td>" for head in heads])
    return re.sub("<td>", lambda _: next(names), table.replace("<table>", "<table data-prose>"))


def mathml(latex: str, display: str) -> str:
    """Return LaTeX as MathML on one line."""
    converted = convert(latex, display=display).replace("\n", "")
    if "\\" in converted:
        raise PluginError(f"latex2mathml does not know all of this equation: {latex}")
    return converted


def repository_path(page: str, target: str) -> str | None:
    """Return the path in the repository of the file that a link of a page leads to."""
    folder = posixpath.dirname(PAGES.get(page, f"docs/{page}"))
    path = posixpath.normpath(posixpath.join(folder, target))
    return path if "://" not in target and (ROOT / path).is_file() else None


def page_of(path: str) -> str:
    """Return the page of the site that holds a file of the repository."""
    for name, source in PAGES.items():
        if path == source:
            return name
    return path.removeprefix("docs/") if path.startswith("docs/") else f"source/{path}.md"


def shown(path: str) -> str:
    """Return a page that shows a file, left out of the search."""
    language = LANGUAGES.get(Path(path).suffix, "text")
    head = f"---\nsearch: {{exclude: true}}\n---\n\n# {path}\n\n"
    return f"{head}````{language}\n{(ROOT / path).read_text().rstrip()}\n````\n"
