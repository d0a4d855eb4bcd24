"""Labels and predictions on their way into a loss: one type, one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import config, ops
from .tensor import Tensor, as_array


def to_float(x: Any, dtype: Any, what: str) -> Tensor:
    """Return ``x`` as a float tensor, of ``dtype`` if given."""
    if not isinstance(x, Tensor):
        x = Tensor(as_array(x))
    if dtype is None:
        if x.array.dtype.char in "fd":
            return x
        dtype = config.floatx()
    if x.array.dtype == dtype:
        return x
    if x.array.dtype.kind not in "fiub":
        raise ValueError(f"{what} must hold numbers, but is an array of dtype {x.array.dtype}.")
    converted = ops.cast(x, dtype)
    converted.mask = x.mask
    if x.logits is not None:
        converted.logits = (x.logits[0], ops.cast(x.logits[1], dtype))
    return converted


def _expand(x: Tensor) -> Tensor:
    return _with_the_same_logits(x, lambda t: ops.expand_dims(t, -1))


def _squeeze(x: Tensor) -> Tensor:
    return _with_the_same_logits(x, lambda t: ops.squeeze(t, -1))


def _with_the_same_logits(x: Tensor, reshape: Callable) -> Tensor:
    y = reshape(x)
    if (
        x.logits is not None and x.logits[0] == "sigmoid"
    ):  # element-by-element operations ignore the shape
        y.logits = ("sigmoid", reshape(x.logits[1]))
    return y


def same_rank(x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    """Match (N,) and (N, 1): add a last axis of size 1 to rank 1, remove it from higher ranks."""
    if x1.ndim == x2.ndim + 1 and x1.shape[-1] == 1:
        return (x1, _expand(x2)) if x2.ndim == 1 else (_squeeze(x1), x2)
    if x2.ndim == x1.ndim + 1 and x2.shape[-1] == 1:
        return (_expand(x1), x2) if x1.ndim == 1 else (x1, _squeeze(x2))
    return x1, x2


def together(name: str, y_true: Any, y_pred: Any, broadcast: bool = False) -> tuple[Tensor, Tensor]:
    """Return labels and predictions as float tensors of the same dtype and shape.

    Args:
        name: of the loss, for the error.
        y_true: the labels.
        y_pred: the predictions.
        broadcast: whether it is enough that NumPy could broadcast their shapes.
    """
    y_pred = to_float(y_pred, None, "y_pred")
    y_true = to_float(y_true, y_pred.array.dtype, "y_true")
    if y_true.shape != y_pred.shape:
        y_true, y_pred = same_rank(y_true, y_pred)
        if y_true.shape != y_pred.shape and not (
            broadcast and _broadcast_shape(y_true.shape, y_pred.shape) is not None
        ):
            raise ValueError(
                f"{name}: y_true has shape {y_true.shape} and y_pred has shape {y_pred.shape}; "
                f"they must have the same shape.{_advice(name, y_true.shape, y_pred.shape)}"
            )
    return y_true, y_pred


def broadcast_together(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Return labels and predictions as float tensors of the same dtype, and of the shape to which
    NumPy broadcasts them.
    """
    y_true, y_pred = together(name, y_true, y_pred, broadcast=True)
    if y_true.shape != y_pred.shape:
        shape = _broadcast_shape(y_true.shape, y_pred.shape)
        y_true, y_pred = (
            x if x.shape == shape else ops.broadcast_to(x, shape) for x in (y_true, y_pred)
        )
    return y_true, y_pred


def _broadcast_shape(a: tuple, b: tuple) -> tuple | None:
    """The shape that NumPy broadcasts two shapes to; None if it does not."""
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None


def _advice(name: str, labels: tuple, outputs: tuple) -> str:
    if outputs and outputs[-1] > 1 and labels in (outputs[:-1], (*outputs[:-1], 1)):
        if "crossentropy" in name or name == "categorical_hinge":
            return (
                f" With one class number per sample use sparse_categorical_crossentropy, or "
                f"make the labels one-hot: to_categorical(y, {outputs[-1]})."
            )
        return (
            f" The predictions have {outputs[-1]} numbers per sample and the labels one: "
            "should the last layer have 1 unit?"
        )
    if labels and outputs and len(labels) == len(outputs) and labels[:-1] == outputs[:-1]:
        return (
            f" The labels have {labels[-1]} numbers per sample: "
            f"the last layer should have {labels[-1]} units."
        )
    if labels and outputs and labels[0] != outputs[0]:
        return f" There are {labels[0]} labels for {outputs[0]} predictions."
    return ""


def is_last(axis: int, x: Tensor) -> bool:
    return axis in (-1, x.ndim - 1)
