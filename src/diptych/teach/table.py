"""Tables, as plain text and as HTML."""

from __future__ import annotations

from html import escape


def text_table(rows: list[list[str]], left: int = 1) -> str:
    """Return rows as aligned columns: the first ``left`` columns to the left, the others to the
    right, with a line under the header.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            f"{cell:<{w}}" if i < left else f"{cell:>{w}}"
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(line.rstrip() for line in lines)


def html_table(rows: list[list[str]], note: str = "", left: int = 1) -> str:
    """Return rows as an HTML table, the first as its head, and a note under it."""

    def cells(row: list[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="text-align: {"left" if i < left else "right"}">{escape(cell)}</{tag}>'
            for i, cell in enumerate(row)
        )

    head, *body = rows
    lines = [f"<tr>{cells(row, 'td')}</tr>" for row in body]
    below = f"<p>{escape(note)}</p>" if note else ""
    return f"<table>\n<tr>{cells(head, 'th')}</tr>\n" + "\n".join(lines) + f"\n</table>{below}"
