"""Pages with the sources, and links to their lines.

A ``source:`` link, ``source:reference/dense.py#L34``, leads to the page that shows this file. The
engines and the API have such pages, and every other file that a page links to.
"""

from html import escape
from pathlib import Path

from docutils import nodes
from pygments.lexers import get_lexer_for_filename
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound
from sphinx.util.osutil import relative_uri

ROOT = Path(__file__).resolve().parents[2]
SCHEME = "source:"
_SHOWN = {"reference": ("*.py",), "fastcore": ("*.pyx", "*.pxd", "*.h"), "src": ("*.py",)}


def shown() -> list[str]:
    """The files that have a page even if nothing links to them."""
    return [
        path.relative_to(ROOT).as_posix()
        for folder, patterns in _SHOWN.items()
        for pattern in patterns
        for path in sorted((ROOT / folder).rglob(pattern))
    ]


def page_of(path: str) -> str:
    return f"sources/{path}"


def coloured(text: str, path: str) -> list[str]:
    """The lines of a source as HTML, with Pygments' classes."""
    try:
        lexer = get_lexer_for_filename(path, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return [escape(line, quote=False) for line in text.split("\n")]
    lines = [""]
    for kind, part in lexer.get_tokens(text):
        name = STANDARD_TYPES.get(kind, "")
        for i, piece in enumerate(part.split("\n")):
            if i:
                lines.append("")
            if piece:
                code = escape(piece, quote=False)
                lines[-1] += f'<span class="{name}">{code}</span>' if name else code
    return lines


def turn_links(app, doctree, docname):
    """Give ``source:`` links their addresses, as seen from the page."""
    here = app.builder.get_target_uri(docname)
    for node in doctree.findall(nodes.reference):
        uri = node.get("refuri", "")
        if uri.startswith(SCHEME):
            path, _, anchor = uri.removeprefix(SCHEME).partition("#")
            node["refuri"] = relative_uri(here, app.builder.get_target_uri(page_of(path)))
            node["refuri"] += f"#{anchor}" if anchor else ""
            node["internal"] = True


def linked(env) -> set[str]:
    """The files to which pages link."""
    found = set()
    for docname in env.found_docs:
        for node in env.get_doctree(docname).findall(nodes.reference):
            uri = node.get("refuri", "")
            if uri.startswith(SCHEME):
                found.add(uri.removeprefix(SCHEME).partition("#")[0])
    return found


def source_pages(app):
    for path in sorted({*shown(), *linked(app.env)}):
        text = (ROOT / path).read_text(encoding="utf-8")
        lines = coloured(text.rstrip("\n"), path)
        body = "\n".join(
            f'<span id="L{n}"><a href="#L{n}">{n}</a>{line}</span>'
            for n, line in enumerate(lines, 1)
        )
        context = {"title": path, "body": body, "parents": []}
        yield page_of(path), context, "source.html"


def setup(app):
    app.connect("doctree-resolved", turn_links)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
