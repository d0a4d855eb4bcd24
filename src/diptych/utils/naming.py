"""Names: snake case, automatic names, and suggestions for unknown names in errors."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

__all__ = [
    "auto_name",
    "forget_names",
    "no_attribute",
    "public_names",
    "snake_case",
    "suggest",
    "suggest_attributes",
]

_WORD_START = re.compile(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")


def public_names(thing: Any) -> list[str]:
    """What ``dir`` and completion show of an object: its attributes that are not private."""
    names = object.__dir__(thing)
    return [name for name in names if not name.startswith("_") or name.startswith("__")]


@functools.lru_cache(1024)
def snake_case(name: str) -> str:
    """How Keras names the objects of a class: 'MaxPooling2D' -> 'max_pooling2d'."""
    name = re.sub(r"\W+", "", name)
    return _WORD_START.sub("_", name).lower()


def suggest(name: Any, candidates: Iterable[Any]) -> str:
    """'; did you mean 'x'?' for the candidate nearest to `name`, '' if none is close.

    Args:
        name: what was given.
        candidates: what is known.
    """
    import difflib

    name, candidates = str(name), [str(candidate) for candidate in candidates]
    near = difflib.get_close_matches(name, candidates, n=1)
    if not near:
        # The other spelling: 'glorotuniform' or 'GLOROT_UNIFORM' for 'glorot_uniform'.
        plain = {_plain(candidate): candidate for candidate in candidates}
        near = [plain[key] for key in difflib.get_close_matches(_plain(name), plain, n=1)]
    return f"; did you mean {near[0]!r}?" if near else ""


def no_attribute(module: str, name: str, names: Iterable[str]) -> AttributeError:
    """The error about a name that a module lacks, with the nearest of the names that it has."""
    asked_by_python = name.startswith("_")  # __path__, __wrapped__ and the like
    hint = "" if asked_by_python else suggest(name, names)
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}", name=name)


def suggest_attributes(module: dict[str, Any]) -> None:
    """Let a module, given by its ``globals()``, suggest a name where it is asked for one that it
    lacks.
    """

    def lacking(name: str) -> Any:
        raise no_attribute(module["__name__"], name, module["__all__"])

    module["__getattr__"] = lacking


def _plain(name):
    return name.lower().replace("_", "")


# How often each automatic name was used.
_given: Counter[str] = Counter()


def auto_name(class_name: str) -> str:
    """A unique name for the next object of a class: 'dense', then 'dense_1', 'dense_2', ..."""
    name = snake_case(class_name)
    count = _given[name]
    _given[name] += 1
    return f"{name}_{count}" if count else name


def number_of(prefix: str) -> int:
    """How often a name with this prefix was given, this time included: 1, 2, 3, ..."""
    _given[prefix] += 1
    return _given[prefix]


def forget_names() -> None:
    """Start automatic names from the beginning, for `clear_session`."""
    _given.clear()
