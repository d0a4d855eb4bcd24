"""Twins side by side: the directive ``twins`` and the pages made of it, one for each family.

    ```{twins} lstm_forward
    ```

cuts a function out of both engines: its equation and shapes on top, as the reference's docstring
has them, then the reference to the left and the fast engine to the right, with the kernels that do
its arithmetic. What corresponds is what ``diptych.show`` finds: such lines stand in one row and
have the same number. On a narrow screen the two stand one under the other.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import NamedTuple

from docutils import nodes
from sources import ROOT, coloured, page_of
from sphinx.util.docutils import SphinxDirective

from diptych.teach import sources as engine_sources
from diptych.teach.showing import TwinSources, beside_each_other, twin_sources

HUES = 6  # of the marks; see twins.css
FOLDED = 8  # lines without a counterpart are folded from here on,
AROUND = 2  # but for so many next to lines that have one
_UNFOLD = "show all lines"
_SIDES = {"reference": "reference · NumPy", "fast": "fast · Cython"}
_PACKAGE = {"reference": "reference", "fast": "fastcore"}
_ITEM = re.compile(r"(?:\w+(?: \w+)?(?:, \w+)*|dy = [^:]*): |(?:Returns?|Raises|Source)\b")


# --------------------------------------------------------------------------------------------------
# The pages


def pages() -> dict[str, str]:
    """The text of each page of twins, by its name."""
    made = {"twins/index.md": _index()}
    for family in engine_sources.families():
        made[f"twins/{family}.md"] = _page(family)
    return made


def pairs(family: str) -> dict[str, list[str]]:
    """The twins of a family in the order of its file, forward and backward together by what their
    names have in common.
    """
    found: dict[str, list[str]] = {}
    for name, other in engine_sources.twins().items():
        if other == family:
            short = re.sub(r"_(forward|backward|update_)$", "", name).strip("_")
            found.setdefault(short, []).append(name)
    return found


def _page(family: str) -> str:
    about = _module_docstring(family).partition("Fast twins, by the same names")[0]
    title, _, rest = about.strip().partition("\n")
    fast = f"[fastcore/{family}.pyx](source:fastcore/{family}.pyx)"
    reference = f"[reference/{family}.py](source:reference/{family}.py)"
    lines = [f"# {family}", "", f"```{{said}}\n{title}\n{rest}\n```", ""]
    lines += [f"{reference} and {fast}. " + ", ".join(f"[{n}](#{n})" for n in pairs(family)), ""]
    for short, names in pairs(family).items():
        lines += [f"({short})=", f"## {short}", ""]
        lines += [f"```{{twins}} {name}\n```\n" for name in names]
    return "\n".join(lines)


def _index() -> str:
    rows = []
    for family in engine_sources.families():
        title = _module_docstring(family).partition("\n")[0]
        names = ", ".join(f"[{n}](<{family}.md#{n}>)" for n in pairs(family))
        rows += [f"## [{family}]({family}.md)", "", escape(title), "", names, ""]
    return _INDEX + "\n".join(rows) + _TOCTREE + "\n".join(engine_sources.families()) + "\n```\n"


_INDEX = """# Twins

Every operation is written twice. To the left the reference engine, in NumPy, as a textbook would
write it; to the right the fast engine, in Cython, with the kernels that do the arithmetic. Lines in
which the same quantity gets its value stand in one row and have the same number: point at one, and
the other lights up. The numbers of the lines lead to the whole file.

In a session, `diptych.show("lstm")` shows the same, also of a layer, an optimizer or a loss of your
own.

"""
_TOCTREE = "\n```{toctree}\n:hidden:\n"


def _module_docstring(family: str) -> str:
    text = (engine_sources.folder("reference") / f"{family}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(text)) or ""


# --------------------------------------------------------------------------------------------------
# What docstrings of the engines say


def said(text: str) -> str:
    """A docstring of an engine as HTML: what is indented is an equation, or goes on with the
    argument in the line before; arguments stand in a list, three spaces divide two of them.
    """
    parts: list[list[str]] = []  # kind, text
    kind = ""
    for line in text.splitlines():
        if not line.strip():
            kind = ""
        elif line.startswith("    ") and kind == "item":
            parts[-1][1] += f" {line.strip()}"
        elif line.startswith("    "):
            if kind == "equation":
                parts[-1][1] += f"\n{line}"
            else:
                parts.append(["equation", line])
            kind = "equation"
        else:
            for k, piece in enumerate(re.split(" {3,}", line)):
                if k or _ITEM.match(piece):
                    kind = "item"
                    parts.append([kind, piece])
                elif kind in ("item", "words"):
                    parts[-1][1] += f" {piece}"
                else:
                    kind = "words"
                    parts.append([kind, piece])
    html = ""
    for kind, group in groupby(parts, key=lambda part: part[0]):
        texts = [text for _, text in group]
        if kind == "item":
            html += "<ul>" + "".join(f"<li>{_words(text)}</li>" for text in texts) + "</ul>"
        elif kind == "words":
            html += "".join(f"<p>{_words(text)}</p>" for text in texts)
        else:
            each = (escape(textwrap.dedent(text), quote=False) for text in texts)
            html += "".join(f'<pre class="equation">{text}</pre>' for text in each)
    return f'<div class="said">{html}</div>'


def _words(text: str) -> str:
    """A sentence as HTML, with what stands between backquotes as code."""
    return re.sub(r"`+([^`]+)`+", r"<code>\1</code>", escape(text, quote=False))


# --------------------------------------------------------------------------------------------------
# The two columns


class Line(NamedTuple):
    """A line of one side: code with its number in the file, or, without code, a file's name."""

    index: int  # among the lines of ``TwinSources.lines``
    path: str
    number: int
    code: str | None
    text: str = ""


def lines_of(one: TwinSources, side: str) -> list[Line]:
    """What one side shows: its functions, without the docstring of the twin itself."""
    found: list[Line] = []
    start = 0
    for source in getattr(one, side):
        cut = _docstring_lines(source.lines) if start == 0 else range(0)
        found.append(Line(start, source.path, source.line, None))
        colours = coloured("\n".join(source.lines), source.path)
        for k, (code, text) in enumerate(zip(colours, source.lines, strict=True)):
            if k not in cut and text.strip():
                indent = len(text) - len(text.lstrip())
                html = f'<code style="--i:{indent}">{code}</code>'
                found.append(Line(start + 2 + k, source.path, source.line + k, html, text))
        start += 2 + len(source.lines)
    return found


def _docstring_lines(lines: list[str]) -> range:
    """Where the docstring of a function is, of Python or Cython."""
    first = next((k for k, line in enumerate(lines) if line.strip().startswith('"""')), None)
    if first is None:
        return range(0)
    end = first
    while not lines[end].rstrip().endswith('"""') or lines[end].strip() == '"""' and end == first:
        end += 1
    return range(first, end + 1)


def docstring(lines: list[str]) -> str:
    """What the docstring of a function says, without its margin."""
    text = "\n".join(lines[k] for k in _docstring_lines(lines)).strip().strip('"')
    first, _, rest = text.partition("\n")
    return f"{first.strip()}\n{textwrap.dedent(rest)}".strip()


def links_of(one: TwinSources, left: list[Line], right: list[Line]) -> list[tuple[int, int, str]]:
    """Which of these lines correspond, and by which name."""
    here = {line.index: k for k, line in enumerate(left)}
    there = {line.index: k for k, line in enumerate(right)}
    return [(here[i], there[j], n) for i, j, n in one.links if i in here and j in there]


def pair(name: str, up: str) -> str:
    """A twin as HTML; `up` leads from the page to the root of the site."""
    one = twin_sources(name)
    sides = {side: lines_of(one, side) for side in _SIDES}
    links = links_of(one, *sides.values())
    rows = list(beside_each_other(*map(len, sides.values()), [(i, j) for i, j, _ in links]))
    columns = "".join(
        _column(name, side, lines, rows, [word for _, _, word in links], up)
        for side, lines in sides.items()
    )
    fast = re.sub(r"^Twin of \S+\w\.\s*", "", docstring(one.fast[0].lines))
    fast = re.sub(r"\n\s*Kernels?:.*", "", fast, flags=re.DOTALL).strip()
    faster = f'<div class="faster"><b>The fast twin.</b> {said(fast)}</div>' if fast else ""
    return (
        f'<div class="twin" id="{name}"><h3>{name}<a class="headerlink" href="#{name}" '
        f'title="Link to this twin">#</a></h3>{said(docstring(one.reference[0].lines))}{faster}'
        f'<div class="pair highlight">{columns}</div></div>'
    )


def _column(name, side, lines, rows, words, up) -> str:
    """One side: its lines, each in its row; long passages that have no counterpart are folded."""
    me = list(_SIDES).index(side)
    button = f'<button class="unfold" hidden>{_UNFOLD}</button>' if me else ""
    html = f'<div class="side {side}"><div class="head" style="--r:1">{_SIDES[side]}{button}</div>'
    alone = [row[me] for row in rows if row[me] is not None and row[1 - me] is None]
    folds = {fold.start: fold for fold in _folds(lines, alone)}
    end = 0
    for row, places in enumerate(rows, 2):
        k, number = places[me], places[2]
        if k is None:
            continue
        if k in folds:
            end = folds[k].stop
            html += f'<details style="--r:{row}"><summary>{len(folds[k])} lines</summary>'
        html += _line(name, me, lines[k], row, number, words, up)
        if k + 1 == end:
            html += "</details>"
    return html + "</div>"


def _line(name, me, line, row, number, words, up) -> str:
    where = f"{up}{page_of(line.path)}.html#L{line.number}"
    if line.code is None:
        return f'<div class="file" style="--r:{row}"><a href="{where}">{line.path}</a></div>'
    mark = more = hue = ""
    if number:
        here, there = ("rf"[side] + str(number) for side in (me, 1 - me))
        mark = (
            f'<a class="mark" id="{name}-{here}" href="#{name}-{there}" '
            f'title="{escape(words[number - 1])}">{number}</a>'
        )
        more, hue = f' linked" data-k="{name}-{number}', f";--h:var(--hue-{number % HUES})"
    return (
        f'<div class="ln{more}" style="--r:{row}{hue}"><a class="num" href="{where}">{line.number}'
        f"</a>{line.code}{mark}</div>"
    )


def _folds(lines: list[Line], alone: list[int]) -> Iterator[range]:
    """Passages to fold: of lines beside which nothing stands, without the head of a function and
    the lines next to one that corresponds.
    """
    heads, in_head = set(), False
    for k, line in enumerate(lines):
        if line.code is None:
            heads.add(k)
            in_head = True
        elif in_head:
            heads.add(k)
            in_head = not re.search(r"[:{]\s*$", line.text)
    for _, group in groupby(
        enumerate(k for k in alone if k not in heads), key=lambda pair: pair[1] - pair[0]
    ):
        ks = [k for _, k in group]
        first = ks[0] if ks[0] - 1 in heads else ks[0] + AROUND
        last = ks[-1] - AROUND
        if ks[-1] + 1 >= len(lines) or lines[ks[-1] + 1].code is None:
            last = ks[-1]
        if last - first + 1 >= FOLDED:
            yield range(first, last + 1)


# --------------------------------------------------------------------------------------------------
# The directives


class Twins(SphinxDirective):
    """A twin in both engines: ``{twins} lstm_forward``."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        family = engine_sources.twins().get(name)
        if family is None:
            raise self.error(f"there is no twin {name!r}")
        for package in _PACKAGE.values():
            self.env.domains.python_domain.note_object(
                f"diptych.{package}.{family}.{name}", "function", name, location=self.get_location()
            )
        for file in (f"reference/{family}.py", f"fastcore/{family}.pyx", "docs/_ext/twins.py"):
            self.env.note_dependency(str(ROOT / file))
        up = "../" * self.env.docname.count("/")
        return [nodes.raw("", pair(name, up), format="html")]


class Said(SphinxDirective):
    """A docstring of an engine, as the pages of twins show it."""

    has_content = True

    def run(self):
        return [nodes.raw("", said("\n".join(self.content)), format="html")]


def setup(app):
    app.add_directive("twins", Twins)
    app.add_directive("said", Said)
    app.add_js_file("twins.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
