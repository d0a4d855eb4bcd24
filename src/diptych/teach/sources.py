"""The sources of the twins: where a function stands, and what it calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

PACKAGES = {"reference": "diptych.reference", "fast": "diptych.fastcore"}
SUFFIX = {"reference": ".py", "fast": ".pyx"}
# Kernels that say nothing about a single operation: memory, threads, the matrix product.
_COMMON = frozenset(
    "arrays cpu gemm gemm_tile gil memory openmp plan restrict steps threads vector_math".split()
)
MOST_CALLS = 8  # from a twin to a kernel

_START = re.compile(r"(?:def|cpdef|cdef)\s")
_NAME = re.compile(r"^(?:def|cpdef|cdef)\s[^=(]*?(\w+)\s*\(")
_NAME_IN_C = re.compile(r"^(?:APART|INLINE)\s.*?NAME\((\w+)\)\(")
_WORD = re.compile(r"[A-Za-z_]\w*")
_TEXT = re.compile(r'//[^\n]*|"""[\s\S]*?"""|"[^"\n]*"|#[^\n]*')
_KERNELS = re.compile(r'Kernels?:((?:[^."]|\.(?=\w))*)')
_NAMED = re.compile(r"((?:\w+(?:,| and)? )+)(?:in|of) (kernels/\w+\.\w+)")
_IMPORT = re.compile(r"^from (\.[.\w]*) (?:cimport|import) (\([^)]*\)|.*)$", re.MULTILINE)


class Source(NamedTuple):
    """A function in a file.

    Attributes:
        name: of the function.
        path: of the file, from the engine's folder on, such as "fastcore/dense.pyx".
        line: the number of its first line.
        lines: all of its lines.
    """

    name: str
    path: str
    line: int
    lines: list[str]


class File(NamedTuple):
    """A file: its functions by name, and from which file each name comes that it imports."""

    functions: dict[str, Source]
    imported: dict[str, str]


def folder(engine: str) -> Path | None:
    """Where an engine's sources lie; None where it was installed without them."""
    spec = find_spec(PACKAGES[engine])
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


@lru_cache
def read(engine: str, name: str) -> File:
    """The functions in a file, such as "dense.pyx" or "kernels/gates.pyx"; none if there is no such
    file.
    """
    where = folder(engine)
    path = None if where is None else where / name
    if path is None or not path.is_file():
        return File({}, {})
    text = path.read_text(encoding="utf-8")
    title = f"{PACKAGES[engine].rpartition('.')[2]}/{name}"
    find = _functions_of_c if name.endswith(".h") else _functions
    return File({f.name: f for f in find(text, title)}, dict(_imports(text, name)))


def _functions(text: str, path: str) -> Iterator[Source]:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        found = _NAME.match(lines[number])
        if not found:
            number += 1
            continue
        end = number + 1
        while end < len(lines) and (not lines[end] or lines[end][0] in " \t)"):
            end += 1
        block = lines[number:end]
        while block and not block[-1].strip():
            block.pop()
        if len(block) > 1 or block[0].rstrip().endswith(":"):  # and not only declared
            yield Source(found[1], path, number + 1, block)
        number = end


def _functions_of_c(text: str, path: str) -> Iterator[Source]:
    """The functions of a header, which is compiled once for each type: ``void NAME(tile)(...)``."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        found = _NAME_IN_C.match(line)
        if found:
            end = number
            while end < len(lines) - 1 and not lines[end].startswith("}"):
                if end == number and line.rstrip().endswith("}"):
                    break
                end += 1
            yield Source(found[1], path, number + 1, lines[number : end + 1])


def _imports(text: str, name: str) -> Iterator[tuple[str, str]]:
    """Pairs: an imported name, and the file that it comes from, without its suffix."""
    here = name.rpartition("/")[0]
    for module, names in _IMPORT.findall(text):
        if module.startswith(".."):
            continue
        inner = module[1:].replace(".", "/")
        path = f"{here}/{inner}" if here else inner
        for word in _WORD.findall(re.sub(r"#.*", "", names)):
            yield word, path


def families() -> list[str]:
    """The families of twins."""
    where = folder("reference")
    names = [] if where is None else [path.stem for path in where.glob("*.py")]
    return sorted(name for name in names if not name.startswith("_"))


@lru_cache
def twins() -> dict[str, str]:
    """The family of each public function of the reference, by its name."""
    return {
        name: family
        for family in families()
        for name in read("reference", f"{family}.py").functions
        if not name.startswith("_")
    }


def kernels_of(source: Source) -> list[Source]:
    """The kernels that a twin's docstring names: "Kernels: lstm_step of kernels/gates.pyx"."""
    found = _KERNELS.search(" ".join(line.strip() for line in source.lines))
    if not found:
        return []
    kernels = []
    for names, path in _NAMED.findall(found[1]):
        functions = read("fast", path).functions
        kernels += [functions[word] for word in _WORD.findall(names) if word in functions]
    return kernels


def reached(engine: str, family: str, name: str) -> list[Source]:
    """A twin and the functions that it calls in its own file, and in kernels that are not common to
    all: itself first, the others in the order of their files and places. Of a file in which its
    docstring names kernels, only these and what they call there.
    """
    file = f"{family}{SUFFIX[engine]}"
    first = read(engine, file).functions.get(name)
    if first is None:
        return []
    named = kernels_of(first) if engine == "fast" else []
    found = _closure(engine, [first], lambda source: True)
    for path in dict.fromkeys(kernel.path for kernel in named):
        mine = [kernel for kernel in named if kernel.path == path]
        allowed = _closure(engine, mine, lambda source, path=path: source.path == path)
        found = [s for s in found if s.path != path] + [s for s in allowed if s.path == path]
    order = list(dict.fromkeys(source.path for source in found))
    rest = [source for source in found if source is not first]
    return [first, *sorted(rest, key=lambda source: (order.index(source.path), source.line))]


def _closure(engine: str, sources: list[Source], allow: Callable[..., bool]) -> list[Source]:
    """The functions and what they call, and so on, as far as it is allowed."""
    found = {(source.path, source.name): source for source in sources}
    now = sources
    for _ in range(MOST_CALLS):
        called = [other for source in now for other in _called(engine, source) if allow(other)]
        now = [other for other in called if (other.path, other.name) not in found]
        found.update(((other.path, other.name), other) for other in now)
    return list(found.values())


def _called(engine: str, source: Source) -> Iterator[Source]:
    """The functions whose names stand in a function."""
    functions, imported = read(engine, source.path.partition("/")[2])
    code = _TEXT.sub("", "\n".join(source.lines))
    for word in dict.fromkeys(_WORD.findall(code)):
        if word == source.name:
            continue
        if word in functions:
            yield functions[word]
        elif word in imported and engine == "fast":
            module = imported[word]
            if module.rpartition("/")[2] in _COMMON:
                continue
            for suffix in (".pyx", ".pxd"):
                other = read(engine, module + suffix).functions.get(word)
                if other is not None:
                    yield other
