"""The two tables of the exporter: what takes the place of a layer's call, and which nodes an
operation becomes. The families of converters enter themselves in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# A layer's class -> function(layer, *args, **kwargs), called instead of the layer's `call` with
# symbolic tensors. All other layers run their own `call`.
CALLS: dict[type, Callable] = {}

# An operation's key -> function(graph, *inputs, **options) -> Value, or a list of them. The inputs
# of an array operation or twin are values, in the dtype in which it computes; a function of `ops`
# that is recorded as one gets its arguments as they were given, symbolic tensors as values.
NODES: dict[str, Callable] = {}


class NotExportable(ValueError):
    """What cannot be exported, with the reason and what to do."""


class Part:
    """An operation that only the exporter knows, recorded in the graph like the others."""

    def __init__(self, key: str) -> None:
        self.key = self.name = f"export.{key}"


def key_of(operation: Any) -> str:
    """The key of an operation in ``NODES``: "add", "dense.dense", or the name of a function."""
    if isinstance(operation, Part):
        return operation.key
    return str(getattr(operation, "_key", None) or getattr(operation, "__name__", operation))


def in_place_of(*classes: type) -> Callable:
    """Decorate a function that takes the place of the ``call`` of these layers."""

    def enter(function: Callable) -> Callable:
        CALLS.update(dict.fromkeys(classes, function))
        return function

    return enter


def converts(*keys: str) -> Callable:
    """Decorate the converter of these operations."""

    def enter(function: Callable) -> Callable:
        NODES.update(dict.fromkeys(keys, function))
        return function

    return enter


__all__ = ["CALLS", "NODES", "NotExportable", "Part", "converts", "in_place_of", "key_of"]
