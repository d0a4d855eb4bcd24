"""Shapes, masks and symbolic outputs in nested structures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import KerasTensor
from ..nested import flatten, map_structure


def mask_of(x: Any) -> Any:
    return getattr(x, "mask", None)


def one_mask_each(mask: Any, outputs: Any) -> list:
    """A mask for each output. A single mask belongs to the first output, as in Keras."""
    count = len(flatten(outputs))
    return (flatten(mask) + [None] * count)[:count]


def shapes_of(inputs: Any) -> Any:
    return map_structure(lambda x: tuple(x.shape) if hasattr(x, "shape") else None, inputs)


def map_shapes(function: Callable, shapes: Any) -> Any:
    """Apply ``function`` to every shape: a tuple or list of sizes is a leaf here."""
    if isinstance(shapes, (list, tuple)) and all(
        n is None or isinstance(n, (int, np.integer)) for n in shapes
    ):
        return function(tuple(shapes))
    if isinstance(shapes, dict):
        return {key: map_shapes(function, part) for key, part in shapes.items()}
    return type(shapes)(map_shapes(function, part) for part in shapes)


def fresh(tensor: Any) -> Any:
    """A new symbolic tensor for an output that is one of the inputs (Identity, Dropout)."""
    return KerasTensor(tensor.shape, tensor.dtype) if isinstance(tensor, KerasTensor) else tensor
