"""The two engines side by side: ``show``."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from .aligning import Named, correspondence, in_cython, in_reference
from .finding import twins_of
from .sources import Source, folder, kernels_of, reached, twins

MOST_LINES = 60  # of a function that is shown, for each line that corresponds
NARROW = 110  # columns of a terminal in which two columns of code do not fit
_COLOURS = ("#fff3bf", "#d3f9d8", "#d0ebff", "#ffe3e3", "#e5dbff", "#ffe8cc")


@dataclass
class TwinSources:
    """A function of the reference and its fast twin.

    Attributes:
        name: of both.
        family: the files' name.
        reference: the function, and those of its file that it calls.
        fast: the twin, and those functions of the fast engine that do its arithmetic; none where
            the engine was installed without sources.
        links: (line of the reference, line of the fast twin, name): where the same quantity gets
            its value, counted from 0 over all the lines of a side, titles included.
    """

    name: str
    family: str
    reference: list[Source]
    fast: list[Source]
    links: list[tuple[int, int, str]]

    def lines(self, side: str) -> list[str]:
        """All lines of one side, "reference" or "fast", each function after a title."""
        return _lines(getattr(self, side))


def twin_sources(name: str) -> TwinSources:
    """Find both sources of a twin, and what corresponds."""
    family = twins()[name]
    reference = [
        source
        for i, source in enumerate(reached("reference", family, name))
        if i == 0 or source.name.startswith("_")
    ]
    fast = reached("fast", family, name)
    kernels = kernels_of(fast[0]) if fast else []
    left = [named._replace(line=2 + named.line) for named in in_reference(reference[0].lines)]
    linked = [j for _, j, _ in correspondence(left, _names(fast, kernels))]
    kept, start = [], 0
    for source in fast:
        stop = start + len(source.lines) + 2
        mine = sum(start <= line < stop for line in linked)
        if source is fast[0] or source in kernels or mine * MOST_LINES >= len(source.lines):
            kept.append(source)
        start = stop
    links: dict[tuple[int, int], str] = {}
    for i, j, what in correspondence(left, _names(kept, kernels)):
        if not any(i == a or j == b for a, b in links):  # a line has one counterpart
            links[i, j] = what
    return TwinSources(name, family, reference, kept, [(i, j, n) for (i, j), n in links.items()])


def _lines(sources: list[Source]) -> list[str]:
    lines: list[str] = []
    for source in sources:
        lines += (
            ["", f"# {source.path}, line {source.line}"]
            if lines
            else [
                f"# {source.path}, line {source.line}",
                "",
            ]
        )
        lines += source.lines
    return lines


def _names(sources: list[Source], kernels: list[Source]) -> list[Named]:
    """The names that get values in functions of the fast engine, with the lines of `_lines`."""
    found, start = [], 2
    for source in sources:
        names = in_cython(source.lines, source in kernels)
        found += [named._replace(line=start + named.line) for named in names]
        start += len(source.lines) + 2
    return found


class Shown(list[TwinSources]):
    """The result of ``show``: for each pair of twins a ``TwinSources``. Printing shows both engines
    side by side, or one under the other where the terminal is narrow; a notebook a table.

    Numbers between the two mark the lines where the same quantity gets its value.
    """

    def __str__(self) -> str:
        width = shutil.get_terminal_size((80, 24)).columns
        return "\n\n".join(
            "\n".join(_beside(one, width) if width >= NARROW else _under(one, width))
            for one in self
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "\n".join(map(_as_html, self))


def show(what: Any) -> Shown:
    """Show a function in both engines: the reference to the left, the fast engine to the right.

    The lines in which the same quantity gets its value stand side by side and have a number. Of the
    fast engine, the functions are shown that do the arithmetic; memory, threads and the matrix
    product lie in ``fastcore/kernels/``.

    Args:
        what: the name of a twin ("conv_backward"; "conv2d_backward" is the same), of both halves of
            a pair ("lstm"), a layer, an optimizer or a loss, or a class of them; a function of
            ``diptych.ops``.

    Returns:
        A list of ``TwinSources``: print it, or take the sources out of it.

    Raises:
        ValueError: there is no such twin, or what was given computes with NumPy's operations alone.
    """
    return Shown(twin_sources(name) for name in twins_of(what))


def main(arguments: list[str]) -> int:
    """``diptych show NAME``: print, and return an exit status."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: diptych show NAME, such as conv2d_forward, lstm or adam. There are:\n")
        print(textwrap.fill(", ".join(twins()), 78))
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    try:
        print(show(arguments[0]))
    except ValueError as error:
        print(error)
        return 1
    return 0


# --------------------------------------------------------------------------------------------------
# For a terminal


def beside_each_other(
    left: int, right: int, links: Iterable[tuple[int, int]]
) -> Iterator[tuple[int | None, int | None, int]]:
    """Rows in which so many lines of two sides stand beside each other, those that are linked in
    one row.

    Returns:
        For each row the line of the left side, that of the right, counted from 0 and None where one
        side has none, and the number of the link, or 0.
    """
    i = j = 0
    for number, (a, b) in enumerate([*links, (left, right)], 1):
        for k in range(max(a - i, b - j)):
            yield (i + k if i + k < a else None), (j + k if j + k < b else None), 0
        if a < left and b < right:
            yield a, b, number
        i, j = a + 1, b + 1


def _rows(one: TwinSources) -> Iterator[tuple[str | None, str | None, int]]:
    """Lines beside each other, None where one side has none; and the number of a link, or 0."""
    left, right = one.lines("reference"), one.lines("fast")
    links = [(i, j) for i, j, _ in one.links]
    for i, j, number in beside_each_other(len(left), len(right), links):
        yield (None if i is None else left[i]), (None if j is None else right[j]), number


def _beside(one: TwinSources, width: int) -> list[str]:
    half = (width - 6) // 2
    lines = [_title(one), "", f"{'reference':<{half}}      fast", "─" * (2 * half + 6)]
    for left, right, number in _rows(one):
        mark = f"{number:^4}" if number else "    "
        first, second = _fold(left, half), _fold(right, half)
        for k in range(max(len(first), len(second))):
            a = first[k] if k < len(first) else ""
            b = second[k] if k < len(second) else ""
            between = f" {mark if k == 0 else '    '} "
            lines.append(f"{a:<{half}}{between}{b}".rstrip())
    return lines


def _fold(line: str | None, width: int) -> list[str]:
    """A line of code in a column of this width; what does not fit goes on, indented, below."""
    if not line:
        return [""]
    line = re.sub(r"(\S)  +#", r"\1  #", line)
    indent = len(line) - len(line.lstrip())
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * (indent + 4),
        drop_whitespace=True,
        break_on_hyphens=False,
    ) or [""]


def _under(one: TwinSources, width: int) -> list[str]:
    """Both in full width, one under the other."""
    numbers = {
        side: {link[side]: number for number, link in enumerate(one.links, 1)} for side in (0, 1)
    }
    lines = [_title(one)]
    for side, name in enumerate(("reference", "fast")):
        lines += ["", name, "─" * len(name)]
        for i, line in enumerate(one.lines(name)):
            for k, part in enumerate(_fold(line, width - 6)):
                number = "" if k else numbers[side].get(i, "")
                lines.append(f"{number:>3} │ {part}".rstrip())
    return lines


def _title(one: TwinSources) -> str:
    title = f"{one.name} (family {one.family})"
    if one.fast:
        return title
    there = folder("fast") is not None
    return f"{title}: the fast engine {'has no sources here' if there else 'is not installed'}"


# --------------------------------------------------------------------------------------------------
# For a notebook


def _as_html(one: TwinSources) -> str:
    """Two columns of which each scrolls by itself, so that a line stays one line, beside its
    counterpart.
    """
    columns: tuple[list[str], list[str], list[str]] = ([], [], [])
    for left, right, number in _rows(one):
        colour = f"; background: {_COLOURS[number % len(_COLOURS)]}" if number else ""
        for column, line in ((columns[0], left), (columns[2], right)):
            column.append(f'<span style="display: block{colour}">{_code(line)}</span>')
        columns[1].append(f'<span style="display: block">{number or "&nbsp;"}</span>')
    box = "margin: 0; color: #1a1a1a; background: white; font: 12px/1.35 monospace"
    wide = f"{box}; flex: 1 1 0; min-width: 0; overflow-x: auto"
    inner = '<span style="display: inline-block; min-width: 100%">'
    parts = [
        f'<pre style="{wide}"><b>{name}</b>\n{inner}{"".join(column)}</span></pre>'
        for name, column in (("reference", columns[0]), ("fast", columns[2]))
    ]
    marks = f'<pre style="{box}; padding: 0 6px; color: #666">&nbsp;\n{"".join(columns[1])}</pre>'
    return (
        f"<h4>{escape(_title(one))}</h4>\n"
        f'<div style="display: flex">{parts[0]}\n{marks}\n{parts[1]}</div>'
    )


def _code(line: str | None) -> str:
    """A line of code, with what is said about it in grey."""
    if not line:
        return "&nbsp;"
    code, sign, comment = line.partition("#")
    text = escape(code)
    return text + f'<span style="color: #777">{escape(sign + comment)}</span>' if sign else text
