"""Docstrings, which are plain English, as the nodes of a page.

A part that is indented is a formula or a program; after a line such as "Args:" stands a list of
names, each with what it means; "Returns:" and its kind may begin a paragraph. What stands between
backquotes is code, with a link where it is a public name.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator

from docutils import nodes
from sphinx import addnodes

_LISTS = "Args Attributes Raises Warns Call.arguments Methods".replace(" ", "|")
_SECTION = re.compile(rf"^({_LISTS}|Returns|Yields|Examples?|References|Note):$")
_LABEL = re.compile(
    r"(?:(?<=^)|(?<=[.)] ))(Input shape|Output shape|Weights|Returns?|Raises|Source|States|Shapes?"
    r"|Example|Arguments):? (?=[^ ])"
)
_ENTRY = re.compile(r"^(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*)(?: \([^)]*\))?: ?(.*)")
_PROGRAM = re.compile(r"(?m)^(?:from \w|import \w|\w+ = \w+\.\w+\(|model\.|with )")
_INLINE = re.compile(r"``(.+?)``|`([^`\s][^`]*)`", re.DOTALL)

Link = Callable[[str], str | None]  # from a name in the text to the full name that it means


def as_nodes(text: str, link: Link) -> list[nodes.Node]:
    """A docstring as nodes."""
    return list(_blocks(inspect.cleandoc(text), link))


def summary(text: str) -> str:
    """The first sentence of a docstring."""
    first = inspect.cleandoc(text).split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[^.]\.) (?=[A-Z`])", first)[0]


def inline(text: str, link: Link) -> Iterator[nodes.Node]:
    """A paragraph's text, with code and links."""
    end = 0
    for found in _INLINE.finditer(text):
        if found.start() > end:
            yield nodes.Text(text[end : found.start()])
        yield code(found[1] or found[2], link)
        end = found.end()
    if end < len(text):
        yield nodes.Text(text[end:])


def code(text: str, link: Link) -> nodes.Node:
    """Code inside of a line, a link where it names something public."""
    literal = nodes.literal(text, text)
    target = link(text)
    if target is None:
        return literal
    literal["classes"] += ["xref", "py"]
    return addnodes.pending_xref(
        "", literal, refdomain="py", reftype="obj", reftarget=target, refexplicit=True
    )


def _blocks(text: str, link: Link) -> Iterator[nodes.Node]:
    lines = text.split("\n")
    k = 0
    while k < len(lines):
        line = lines[k]
        if not line.strip():
            k += 1
            continue
        end = k + 1
        section = _SECTION.match(line)
        if section:
            while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" ")):
                end += 1
            yield from _section(section[1], textwrap.dedent("\n".join(lines[k + 1 : end])), link)
        elif line.startswith(" "):
            while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" ")):
                end += 1
            yield block(textwrap.dedent("\n".join(lines[k:end])).strip("\n"))
        elif line.startswith(">>> "):
            while end < len(lines) and lines[end].strip():
                end += 1
            yield block("\n".join(lines[k:end]))
        elif line.startswith("- "):
            while end < len(lines) and lines[end].strip() and lines[end].startswith((" ", "- ")):
                end += 1
            points = nodes.bullet_list()
            for point in re.split(r"(?m)^- ", "\n".join(lines[k:end]))[1:]:
                points += nodes.list_item("", _paragraph(point, link))
            yield points
        else:
            while end < len(lines) and lines[end].strip():
                if lines[end].startswith((" ", ">>> ", "- ")) or _SECTION.match(lines[end]):
                    break
                end += 1
            yield from _paragraphs(" ".join(lines[k:end]), link)
        k = end


def block(text: str) -> nodes.literal_block:
    """A formula, or a program where it looks like one."""
    if ">>> " in text:
        return nodes.literal_block(text, text, language="pycon")
    if _PROGRAM.search(text):
        return nodes.literal_block(text, text, language="python")
    return nodes.literal_block(text, text, language="text", classes=["formula"])


def _section(title: str, body: str, link: Link) -> Iterator[nodes.Node]:
    entries = _entries(body)
    if title in ("Returns", "Yields", "Note"):
        first, *rest = _blocks(body, link) or [nodes.paragraph()]
        if isinstance(first, nodes.paragraph):
            first.insert(0, nodes.Text(" "))
            first.insert(0, nodes.strong("", title + ":"))
        yield from [first, *rest]
        return
    yield nodes.rubric(title, {"Args": "Arguments"}.get(title, title))
    if entries is None:
        yield from _blocks(body, link)
        return
    made = nodes.definition_list(classes=["arguments"])
    for names, text in entries:
        term = nodes.term()
        for i, name in enumerate(names.split(", ")):
            if i:
                term += nodes.Text(", ")
            term += nodes.literal(name, name)
        meaning = nodes.definition("", *_blocks(text, link))
        made += nodes.definition_list_item("", term, meaning)
    yield made


def _entries(body: str) -> list[tuple[str, str]] | None:
    """Names and what they mean; None if the body is not made of such."""
    entries: list[list[str]] = []
    for line in body.split("\n"):
        found = _ENTRY.match(line)
        if found:
            entries.append([found[1], found[2]])
        elif entries and (line.startswith(" ") or not line.strip()):
            entries[-1][1] += f"\n{line.strip()}" if line.strip() else "\n"
        elif line.strip():
            return None
    return [(name, text.strip()) for name, text in entries] or None


def _paragraphs(text: str, link: Link) -> Iterator[nodes.Node]:
    """A paragraph; what "Input shape:" and its kind begin is one of its own."""
    parts = _LABEL.split(text)
    if parts[0].strip():
        yield _paragraph(parts[0].strip(), link)
    for label, rest in zip(parts[1::2], parts[2::2], strict=True):
        made = _paragraph(rest.strip(), link)
        made.insert(0, nodes.Text(" "))
        made.insert(0, nodes.strong(label, f"{label}:"))
        made["classes"].append("labelled")
        yield made


def _paragraph(text: str, link: Link) -> nodes.paragraph:
    return nodes.paragraph("", "", *inline(text.replace("\n", " "), link))
