"""What diptych makes public, and on which page of the site it stands.

A name is public that stands in the ``__all__`` of a public module. Many things have several names
(``ops.relu``, ``ops.nn.relu``, ``activations.relu``): they share one page, under the name that it
was made with, in the module that comes first in ``_FIRST``, else in the nearest.
"""

import inspect
from dataclasses import dataclass
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import diptych

_FIRST = "diptych", "layers", "losses", "metrics", "ops", "activations"
_LAST = "backend", "legacy", "mixed_precision"


@dataclass(frozen=True, eq=False)
class Public:
    """A thing and its names, the first of which is that of its page."""

    value: Any
    names: list[str]

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def kind(self) -> str:
        if inspect.isclass(self.value):
            return "class"
        return "function" if callable(self.value) else "data"

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]


@lru_cache
def modules() -> dict[str, ModuleType]:
    """The public modules by their names, the package first, each before those in it."""
    found = {"diptych": diptych}
    todo = ["diptych"]
    while todo:
        above = todo.pop(0)
        for name in sorted(set(dir(found[above]))):
            value = getattr(found[above], name, None)
            full = f"{above}.{name}"
            is_public = not name.startswith("_") and isinstance(value, ModuleType)
            if is_public and value.__name__ == full and hasattr(value, "__all__"):
                if above == "diptych" and name not in diptych.__all__:
                    continue
                found[full] = value
                todo.append(full)
    return found


@lru_cache
def things() -> list[Public]:
    """All that is public, in the order of the modules and of what they list."""
    names: dict[Any, list[str]] = {}
    values = {}
    for module, there in modules().items():
        for name in there.__all__:
            value = getattr(there, name)
            full = f"{module}.{name}"
            if not isinstance(value, ModuleType):
                key = id(value) if callable(value) else full
                names.setdefault(key, []).append(full)
                values[key] = value
    return [
        Public(values[key], sorted(each, key=partial(_rank, own=_own_name(values[key]))))
        for key, each in names.items()
    ]


def _own_name(value: Any) -> str:
    """The name by which something was made."""
    return getattr(value, "__name__", None) or str(getattr(value, "name", ""))


def _rank(name: str, own: str) -> tuple:
    module, _, short = name.rpartition(".")
    home = module.removeprefix("diptych.")
    place = _FIRST.index(home) if home in _FIRST else len(_FIRST) + (home in _LAST)
    return place, module.count("."), short != own, name


@lru_cache
def page_names() -> dict[str, str]:
    """The page of each public name. Files are told apart without regard to case, as on some
    systems: ``layers.Add`` and ``layers.add``.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for thing in things():
        page = f"api/{thing.name.removeprefix('diptych.')}"
        if page.lower() in taken:
            page += f"_{thing.kind}"
        taken.add(page.lower())
        found |= dict.fromkeys(thing.names, page)
    return found


@lru_cache
def by_name() -> dict[str, Public]:
    """All that is public, by each of its names."""
    return {name: thing for thing in things() for name in thing.names}
