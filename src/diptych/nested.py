"""Nested structures: lists, tuples and dicts of tensors, arrays or anything else.

The *leaves* of ``{"a": x, "b": [y, z]}`` are x, y and z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def flatten(structure: Any) -> list:
    """Return the leaves of nested lists, tuples and dicts (dicts in the order of their keys'
    insertion).
    """
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in flatten(part)]
    if isinstance(structure, dict):
        return [leaf for part in structure.values() for leaf in flatten(part)]
    return [structure]


def map_structure(function: Callable, structure: Any) -> Any:
    """Apply ``function`` to every leaf and keep the nesting."""
    if isinstance(structure, (list, tuple)):
        parts = [map_structure(function, part) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    if isinstance(structure, dict):
        return {key: map_structure(function, part) for key, part in structure.items()}
    return function(structure)


def pack_like(structure: Any, leaves: Iterable) -> Any:
    """Give the leaves, in the order of ``flatten``, the nesting of ``structure``."""
    remaining = iter(leaves)
    return map_structure(lambda _: next(remaining), structure)


__all__ = ["flatten", "map_structure", "pack_like"]
