"""Lays the pages of the site out in one folder, from where they lie in the repository.

A guide, a tutorial and the README stay where GitHub shows them; here they are copied to the place
that they have on the site, with their links turned: to a page of the site, to a picture, or, where
a link leads to a source, to the page on which the site shows this source (``source:`` links, see
``sources.py``). A link that leads nowhere stops the build.
"""

import os
import re
from pathlib import Path, PurePosixPath

import figures
import speed

ROOT = Path(__file__).resolve().parents[2]

# What of the repository becomes a page, and its address on the site.
_PAGES = {
    "README.zh-CN.md": "zh.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "tutorials/README.md": "tutorials/index.md",
    "tutorials/README.zh-CN.md": "tutorials/index_zh.md",
}
_FOLDERS = {"docs": "", "tutorials/read": "tutorials"}
_PICTURES = {"docs": "", "docs/pictures": "pictures", "tutorials/read/img": "tutorials/img"}
_HOME = "index.md"  # where links to README.md lead

_LINK = re.compile(r"(\]\()([^()\s#]*)(#[^()\s]*)?(\))|(<img src=\")([^\"]+)()(\")")
_CODE = re.compile(r"^```.*?^```$|``.+?``|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_FIGURES = "<!-- the figures -->"
_MEASURED = "<!-- the measurements -->"
_OTHERS = "<!-- the other guides -->"
_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^<!-- (\S+): (.+) -->$", re.MULTILINE)


class LinkError(Exception):
    """A link of a page that leads nowhere."""


def pages() -> dict[str, str]:
    """All pages that are files of the repository, and where each stands on the site."""
    found = {path: place for path, place in _PAGES.items() if (ROOT / path).is_file()}
    for folder, place in _FOLDERS.items():
        for path in sorted((ROOT / folder).glob("*.md")):
            found[f"{folder}/{path.name}"] = str(PurePosixPath(place, path.name))
    return found


def pictures() -> dict[str, str]:
    """All pictures of these pages, and where each stands on the site."""
    return {
        f"{folder}/{path.name}": str(PurePosixPath(place, path.name))
        for folder, place in _PICTURES.items()
        for path in sorted((ROOT / folder).glob("*.[sp][vn]g"))
    }


def stage(folder: Path) -> set[str]:
    """Copy pages and pictures to `folder`, changing only files that differ.

    Returns:
        The paths there of all that was laid out.
    """
    known = pages()
    for path, place in known.items():
        write(folder / place, page(path, known).encode())
    for path, place in pictures().items():
        write(folder / place, (ROOT / path).read_bytes())
    return {*known.values(), *pictures().values()}


def page(path: str, known: dict[str, str]) -> str:
    """The text of a page, its sections from other files put in and its links turned."""
    text = relinked((ROOT / path).read_text(encoding="utf-8"), path, known[path], known)

    def included(found: re.Match) -> str:
        origin, title = found[1], found[2]
        return relinked(section(origin, title), origin, known[path], known)

    text = _SECTION.sub(included, text)
    if _OTHERS in text:
        text = text.replace(_OTHERS, _listed(other_guides(known), known))
    if _FIGURES in text:
        text = text.replace(_FIGURES, figures.table())
    if _MEASURED in text:
        text = text.replace(_MEASURED, speed.tables(ROOT / "benchmarks" / "measured.json"))
    if path == "tutorials/README.md":
        text += _hidden([p for p in known.values() if re.match(r"tutorials/\d\w+\.md", p)])
    if path == "tutorials/README.zh-CN.md":
        text += _hidden([p for p in known.values() if re.match(r"tutorials/\d.*\.zh-CN", p)])
    if path == "README.zh-CN.md":
        text += _hidden([known["tutorials/README.zh-CN.md"]])
    return text


def other_guides(known: dict[str, str]) -> list[str]:
    """The guides that no other page has in its table of contents."""
    guides = [path for path in known if path.startswith("docs/")]
    listed = {"index"}
    for path in guides:
        for found in _TOCTREE.finditer((ROOT / path).read_text(encoding="utf-8")):
            listed.update(line.strip() for line in found[1].splitlines())
    return [path for path in guides if known[path].removesuffix(".md") not in listed]


def _listed(paths: list[str], known: dict[str, str]) -> str:
    """Pages with the first sentence of each, and the table of contents."""
    lines = []
    for path in paths:
        text = (ROOT / path).read_text(encoding="utf-8")
        title, _, rest = text.removeprefix("# ").partition("\n")
        first = re.split(r"(?<=[.?:])\s", rest.strip().partition("\n\n")[0].replace("\n", " "))[0]
        first = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", first)
        lines += [f"- [{title}]({known[path]}): {first.rstrip(':.')}."]
    return "\n".join(lines) + _hidden([known[path] for path in paths])


def _hidden(pages: list[str]) -> str:
    """A table of contents that is not shown where it stands."""
    names = "\n".join("/" + page.removesuffix(".md") for page in pages)
    return f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def section(path: str, title: str) -> str:
    """What stands under a heading of the second order, without the heading."""
    text = (ROOT / path).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n## {title}\n")
    if not found:
        raise LinkError(f"{path} has no section {title!r}")
    return rest.partition("\n## ")[0].strip("\n")


def relinked(text: str, path: str, place: str, known: dict[str, str]) -> str:
    """`text`, a part of the file `path`, with its links as they are from `place` on the site."""

    def turned(found: re.Match) -> str:
        before, target, anchor, after = (part or "" for part in found.groups()[0:4])
        if found[5]:
            before, target, anchor, after = found.groups()[4:8]
        if not target or re.match(r"[a-z]+:|\{", target):
            return found[0]
        return before + _address(target, path, place, known) + anchor + after

    parts, last = [], 0
    for code in _CODE.finditer(text):
        parts += [_LINK.sub(turned, text[last : code.start()]), code[0]]
        last = code.end()
    return "".join([*parts, _LINK.sub(turned, text[last:])])


def _address(target: str, path: str, place: str, known: dict[str, str]) -> str:
    """Where a link of the file `path` leads, as seen from `place`."""
    meant = os.path.normpath(PurePosixPath(path).parent / target).replace(os.sep, "/")
    there = known.get(meant) or pictures().get(meant)
    if meant == "README.md":
        there = _HOME
    if there is None and re.match(r"(twins|api)/\w+\.md$", target):
        there = target  # made by the build; Sphinx checks it
    if there is not None:
        return os.path.relpath(there, PurePosixPath(place).parent).replace(os.sep, "/")
    if not (ROOT / meant).is_file():
        raise LinkError(f"{path} links to {target}, which does not exist")
    return f"source:{meant}"


def write(path: Path, content: bytes) -> None:
    """Write a file, if it differs: what is untouched is not built again."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
