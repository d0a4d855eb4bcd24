"""The equations of the reference, as its docstrings have them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any


def reference_function(family: str, name: str) -> Callable | None:
    """A public function of the reference; None if there is none."""
    try:
        return getattr(import_module(f"diptych.reference.{family}"), name, None)
    except ModuleNotFoundError:
        return None


@lru_cache
def equations_of(family: str, name: str) -> tuple[str, ...]:
    """The lines of a function's equations: those that are indented in its docstring, or, where
    none is, those of its first paragraph.
    """
    function = reference_function(family, name)
    doc = inspect.getdoc(function) if function is not None else None
    if not doc:
        return ()
    lines = doc.splitlines()
    indented = [line[4:] for line in lines if line.startswith("    ")]
    first = doc.partition("\n\n")[0].splitlines()
    return tuple(indented or [line for line in first if "=" in line])


def equations(operation: str, which: str) -> tuple[str, ...]:
    """The equations of an operation such as "dense.dense", ``which`` being "forward" or "backward";
    none for an operation of NumPy.
    """
    family, _, name = operation.rpartition(".")
    return equations_of(family, f"{name}_{which}") if family else ()


def parameters(family: str, name: str, args: tuple) -> dict[str, Any]:
    """The arguments of a call of a reference function or its twin, by name."""
    function: Any = reference_function(family, name)
    return dict(inspect.signature(function).bind(*args).arguments)
