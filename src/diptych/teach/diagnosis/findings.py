"""What a diagnosis consists of: findings, in the language of the reader."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import Any
from unicodedata import east_asian_width

from ...language import language
from .messages import IN_CHINESE, MESSAGES, PHRASES, WORDS

WIDTH = 96  # of a line; a Chinese letter is as wide as two others
# What is not divided: a Chinese letter or a word, with the punctuation that belongs to it.
_PIECES = re.compile(r"（*(?:[\u3000-\uffef]|[^\s\u3000-\uffef]+)[，。：；、）？]*|\s+")
_ENDS = re.compile(r"(; |\. |\.$|；|。)")
MOST_LISTED = 8  # numbers of units, say, of which the others are only counted


@dataclass
class Finding:
    """An ailment that was found.

    Attributes:
        name: its name, such as "dead_units".
        where: the layer; "" for what concerns no single one.
        evidence: the numbers that show it, by name.
    """

    name: str
    where: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return self._said("title")

    @property
    def shown(self) -> str:
        """The evidence as a sentence."""
        return self._said("evidence")

    @property
    def reason(self) -> str:
        """Why it comes about, and what it does."""
        return self._said("reason")

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self._said("remedy")

    @property
    def tutorial(self) -> str:
        """The tutorial that treats it: a script, or a Chinese page, in the folder of tutorials."""
        name = MESSAGES[self.name].tutorial
        if language() == "zh" and name in IN_CHINESE:
            return f"tutorials/read/{name}.zh-CN.md"
        return f"tutorials/{name}.py"

    def _said(self, part: str) -> str:
        code = language()
        values = {name: _shown(value, code) for name, value in self.evidence.items()}
        since = self.evidence.get("since")
        if isinstance(since, int):
            values["since"] = WORDS[code]["after"].format(epoch=since)
        text: str = getattr(MESSAGES[self.name], code)[part]
        return _known(text.format(where=self.where, **values), PHRASES[code]["unknown"])

    def __str__(self) -> str:
        words = WORDS[language()]
        head = f"{self.title} ({self.where})" if self.where else self.title
        lines = [f"{head}  [{self.name}]"]
        for part, text in self._parts():
            lines += _lines(f"{words[part]}{words['colon']}{text}")
        return "\n".join(lines)

    def _parts(self) -> list[tuple[str, str]]:
        return [
            ("evidence", self.shown),
            ("reason", self.reason),
            ("remedy", self.remedy),
            ("tutorial", self.tutorial),
        ]

    __repr__ = __str__

    def _repr_html_(self) -> str:
        words = WORDS[language()]
        head = f"{self.title} ({self.where})" if self.where else self.title
        rows = "".join(
            f"<tr><td><i>{words[part]}</i></td>"
            f"<td style='text-align: left'>{escape(text)}</td></tr>"
            for part, text in self._parts()
        )
        return f"<p><b>{escape(head)}</b> <code>{self.name}</code></p><table>{rows}</table>"


class Diagnosis(list[Finding]):
    """The result of ``diagnose``, and of a ``Doctor``: a list of findings, empty if there are none.
    Printing shows each with its evidence, its reason, a remedy and a tutorial.
    """

    @property
    def names(self) -> list[str]:
        """The names of the findings, in their order."""
        return [finding.name for finding in self]

    def find(self, name: str) -> Finding | None:
        """The first finding of this name, or None.

        Raises ValueError for a name that no finding can have.
        """
        if name not in MESSAGES:
            raise ValueError(f"{name!r} is no finding; there are {', '.join(MESSAGES)}")
        return next((finding for finding in self if finding.name == name), None)

    def in_order(self) -> Diagnosis:
        """The findings in the order of the table, in which causes come before what they cause."""
        order = list(MESSAGES)
        return Diagnosis(sorted(self, key=lambda finding: order.index(finding.name)))

    def __str__(self) -> str:
        words = WORDS[language()]
        if not self:
            return words["nothing"].format(count=len(MESSAGES))
        head = words["one" if len(self) == 1 else "many"].format(count=len(self))
        return "\n\n".join([head, *map(str, self)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{escape(str(self))}</p>"
        return "\n".join(finding._repr_html_() for finding in self)


def _known(text: str, unknown: str) -> str:
    """A text without the sentences and parts of sentences, from the second on, with an unknown."""
    pieces = _ENDS.split(text)
    parts = [*zip(pieces[::2], [*pieces[1::2], ""], strict=True)]
    kept = parts[:1] + [part for part in parts[1:] if unknown not in part[0]]
    if len(kept) == len(parts):
        return text
    *others, last = [words + end for words, end in kept if words]
    return "".join(others) + _ENDS.sub("", last) + ("." if unknown == "?" else "。")


def _lines(text: str) -> list[str]:
    """The text in lines, those after the first further in."""
    lines, line = [], "  "
    for piece in _PIECES.findall(text):
        if _width(line + piece.rstrip()) > WIDTH and line.strip():
            lines.append(line.rstrip())
            line = "    " + piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()]


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _shown(value: Any, code: str) -> str:
    """A number, a few of many, or a phrase of the table."""
    if isinstance(value, str):
        return PHRASES[code].get(value, value)
    if isinstance(value, (list, tuple)):
        parts = [_shown(part, code) for part in value[:MOST_LISTED]]
        if len(value) > MOST_LISTED:
            parts.append(WORDS[code]["more"].format(count=len(value) - MOST_LISTED))
        return WORDS[code]["comma"].join(parts)
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)
