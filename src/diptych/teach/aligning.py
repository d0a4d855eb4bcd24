"""Which line of the reference corresponds to which of the fast twin.

What carries it are the names: a quantity has one name in both engines (dz, dkernel, c_tilde, m), by
the rules of the house. So the lines correspond in which the same name gets its value, as far as
they follow each other in the same order. In Cython, lines that only make room for an array do not
count; where a product is computed by a call, the comment at it says of what ("# dx = dz kernel^T").
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

# A target of an assignment in Cython: h[j] =, w[i] -=, dz =, dbias[j] :=
_ASSIGNED = re.compile(
    r"^(?:cdef\s+(?:const\s+)?(?:[\w.]+\s+)+?)?\(?"
    r"([A-Za-z_]\w*(?:\[[^\]]*\])?(?:\s*,\s*[A-Za-z_]\w*(?:\[[^\]]*\])?)*)\)?\s*[-+*/:]?=(?!=)"
)
_IN_COMMENT = re.compile(r"#\s*([A-Za-z_]\w*)(?:\[[^\]]*\])?\s*[+:]?=")
_ROOM = re.compile(
    r"\b(new_\w+|as_\w+|data\w*|dim|rank|real_\w+|leading|matrix|cube|copied|take|room|empty_of"
    r"|like|real_or_none|activation_code|NULL|None|malloc|sizeof)\b"
)
_SCALAR = re.compile(r"\breal (\w+)")
_INDICES = re.compile(r"\bPy_ssize_t ((?:\w+(?:\s*=[^,\n]*)?,\s*)*\w+)")
_HEAD = re.compile(r"(\w+)(?:\[|$)")


RESULT = "the result"


class Named(NamedTuple):
    """A name that gets its value, and the number of the line, from 0. Where names could correspond
    in several ways, those of greater weight do.
    """

    name: str
    line: int
    weight: int = 1


def in_reference(lines: list[str]) -> list[Named]:
    """The names that get values in a function of the reference, in order."""
    tree = ast.parse(textwrap.dedent("\n".join(lines)))
    found: list[Named] = []
    node: Any  # statements have line numbers
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign):
            targets = [node.target]
        for target in targets:
            found += [Named(name, node.lineno - 1) for name in _names(target)]
        if isinstance(node, ast.Return):
            value = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
            if not isinstance(value, ast.Name):
                found.append(Named(RESULT, node.lineno - 1))
    found.sort(key=lambda named: named.line)
    if found and all(named.name != RESULT for named in found):
        found.append(Named(RESULT, found[-1].line))
    return found


def _names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _names(part)
    elif isinstance(target, (ast.Subscript, ast.Starred, ast.Attribute)):
        yield from _names(target.value)
    elif isinstance(target, ast.Name) and target.id != "_":
        yield target.id


def in_cython(lines: list[str], is_kernel: bool = False) -> list[Named]:
    """The names that get values in a function of the fast engine, in order; in a kernel that the
    twin's docstring names, also its result.
    """
    found = []
    text = "\n".join(lines)
    scalars = set(_SCALAR.findall(text.partition(":\n")[0]))  # of its signature
    for names_of_indices in _INDICES.findall(text):
        scalars.update(re.findall(r"\w+", re.sub(r"=[^,]*", "", names_of_indices)))
    for number, line in enumerate(lines):
        text = line.strip().strip('"')
        text = text.replace("//", "#", 1) if " // " in text else text
        code, sign, _ = text.partition("#")
        assigned = _ASSIGNED.match(code)
        names: list[str] = []
        handed_on = code.rstrip().endswith("(")  # to another function, which is shown as well
        if assigned and not handed_on and not _ROOM.search(code[assigned.end() :]):
            parts = re.split(r",(?![^\[]*\])", assigned[1])
            names = [match[1] for part in parts if (match := _HEAD.match(part.strip()))]
        if is_kernel and (code.startswith("return ") or {"y", "dx"} & set(names)):
            names.append(RESULT)
        comment = _IN_COMMENT.search(text) if sign else None
        if comment and comment[1] not in names:
            names.append(comment[1])
        weights = {name: 1 if name == RESULT or not is_kernel else 2 for name in names}
        found += [Named(name, number, weights[name]) for name in names if name not in scalars]
    return found


def correspondence(left: list[Named], right: list[Named]) -> list[tuple[int, int, str]]:
    """Pairs of lines (left, right, name), in order on both sides: the longest such list, by
    weight.
    """
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            together = 0
            if left[i].name == right[j].name:
                together = best[i + 1][j + 1] + right[j].weight
            best[i][j] = max(together, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        same = left[i].name == right[j].name
        if same and best[i][j] == best[i + 1][j + 1] + right[j].weight:
            pairs.append((left[i].line, right[j].line, left[i].name))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs
