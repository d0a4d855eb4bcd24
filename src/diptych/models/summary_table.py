"""A table of lines and texts, with the look and the widths of Keras's."""

from __future__ import annotations

import math
import re
import shutil
import sys
from collections.abc import Sequence
from itertools import zip_longest

CORNERS = "┏┳┓", "┡╇┩", "├┼┤", "└┴┘"  # above and below the head, between rows, at the end
PLAIN = str.maketrans("┏┳┓┡╇┩├┼┤└┴┘━─┃│…", "++++++++++++--||.")


def column_widths(
    columns: int, line_length: int | None, default_length: int, positions: Sequence[float]
) -> list[int]:
    """The widths of the columns without their borders, but with a blank on each side.

    Args:
        columns: their number.
        line_length: of the table; None: `default_length`, or less where the terminal is narrower.
        positions: where the columns end, as shares of the length. As numbers of characters, they
            are where the columns end exactly.
    """
    if positions and positions[-1] > 1:
        ends = [int(end) for end in positions]
        return [end - start - 1 for start, end in zip([1, *ends], ends, strict=False)]
    length = line_length or min(default_length, shutil.get_terminal_size().columns - 4)
    ends = [int(position * length) for position in positions]
    texts = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    if min(texts) < 4:
        return texts  # refused by the caller
    # Blanks and borders are not in these shares: what is too much is taken from all alike, the rest
    # is given to all in proportion.
    widths = [width + 2 for width in texts]
    excess = sum(widths) - (length - columns - 1)
    total = sum(widths)
    for i, width in enumerate(widths):
        if excess > 0:
            change = min(width, round(excess / (columns - i)))
        else:
            change = -math.ceil(width * -excess / total) if total else 0
            total -= width
        widths[i] -= change
        excess -= change
    return widths


def table(
    head: list[str], rows: list[list[str]], widths: list[int], alignment: Sequence[str]
) -> list[str]:
    """The lines of the table; text that is wider than its column is broken at blanks, and words
    that are wider are cut.

    alignment: of each column "<", ">" or "^".
    """

    def rule(corners: str, line: str) -> str:
        left, middle, right = list(corners)
        return left + middle.join(line * width for width in widths) + right

    def lines(cells: list[str], border: str, at_the_bottom: bool = False) -> list[str]:
        broken = [_broken(cell, width - 2) for cell, width in zip(cells, widths, strict=True)]
        if at_the_bottom:
            most = max(map(len, broken))
            broken = [[""] * (most - len(parts)) + parts for parts in broken]
        return [
            border
            + border.join(
                f" {part:{align}{width - 2}} "
                for part, width, align in zip(parts, widths, alignment, strict=True)
            )
            + border
            for parts in zip_longest(*broken, fillvalue="")
        ]

    top, below_head, between, bottom = CORNERS
    body = [lines(row, "│") for row in rows]
    for earlier in body[:-1]:
        earlier.append(rule(between, "─"))
    return [
        rule(top, "━"),
        *lines(head, "┃", at_the_bottom=True),
        rule(below_head, "━"),
        *(line for row in body for line in row),
        rule(bottom, "─"),
    ]


def _broken(text: str, width: int) -> list[str]:
    """The text in lines; blanks at its beginning stay."""
    lines = [""]
    for word in re.findall(r"\s*\S+\s*", text):
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return [
        line if len(line) <= width else f"{line[: width - 1]}…" for line in map(str.rstrip, lines)
    ]


def as_printable(text: str) -> str:
    """The text, with plain characters for the lines if the output's encoding has no others."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return text.translate(PLAIN)
    return text
