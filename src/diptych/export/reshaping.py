"""Nodes for what layers do to shapes where several sizes are unknown."""

from __future__ import annotations

from typing import Any

import numpy as np

from .builder import Builder, Value
from .tables import converts


@converts("export.flatten")
def _flatten(g: Builder, x: Value) -> Value:
    return g.op("Flatten", x, axis=1)


@converts("export.reshape_rows")
def _reshape_rows(g: Builder, x: Value, *, sizes: tuple) -> Value:
    """Every row of the batch in this shape."""
    if 0 in sizes:
        return g.reshape(x, g.join(g.shape_of(x, 0, 1), g.ints(*sizes)))
    return g.op("Reshape", x, g.ints(0, *sizes))  # here 0 stands for the size that x has


@converts("export.fold")
def _fold(g: Builder, x: Value) -> Value:
    """(N, T, ...) as (N T, ...)."""
    return g.reshape(x, g.join(g.ints(-1), g.shape_of(x, 2)))


@converts("export.unfold")
def _unfold(g: Builder, y: Value, x: Value) -> Value:
    """(N T, ...) as (N, T, ...), the sizes of x."""
    return g.reshape(y, g.join(g.shape_of(x, 0, 2), g.shape_of(y, 1)))


@converts("export.lookup")
def _lookup(g: Builder, x: Value, *, keys: list, values: list, default: Any) -> Value:
    """The value of each key, in a table."""
    kinds = ["strings" if isinstance(part[0], str) else "int64s" for part in (keys, values)]
    kind = kinds[1][:-1]
    return g.op(
        "LabelEncoder",
        x,
        dtype=object if kinds[1] == "strings" else np.int64,
        domain="ai.onnx.ml",
        **{f"keys_{kinds[0]}": keys, f"values_{kinds[1]}": values, f"default_{kind}": default},
    )
