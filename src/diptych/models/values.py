"""What the values of the data say before training: labels, NaN and infinity, bytes, order."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from ..layers.layer import Layer

# Layers after which the range of the inputs does not matter, or that take whole numbers.
SCALES = frozenset(
    "Rescaling Normalization BatchNormalization LayerNormalization GroupNormalization "
    "RMSNormalization UnitNormalization Embedding Lambda CategoryEncoding Discretization Hashing "
    "HashedCrossing IntegerLookup".split()
)
SLACK = 1e-3  # how far rounding may bring a scaled label beyond the end of a range
_ROWS = 1000  # how many rows tell what the inputs are like


def check_class_numbers(labels: np.ndarray, classes: int | None, ignored: Any, name: str) -> None:
    """Raise a ValueError for labels that are not class numbers 0 .. classes - 1."""
    if classes is None or labels.size == 0:
        return
    low, high = labels.min(), labels.max()
    whole = labels.dtype.kind in "biu" or bool(np.all(labels == np.floor(labels)))
    if whole and low >= 0 and high < classes:
        return
    wrong = ~((labels >= 0) & (labels < classes))
    if not whole:
        wrong |= labels != np.floor(labels)
    if ignored is not None:
        wrong &= labels != ignored
    if not wrong.any():
        return
    place = np.argwhere(wrong)[0]
    value = labels[tuple(place)]
    message = (
        f"{name} has the label {value} in row {place[0]} "
        f"({np.count_nonzero(wrong)} such labels in all). The output has {classes} units, so the "
        f"labels must be integers from 0 to {classes - 1}."
    )
    if classes == 1:
        message += (
            " A single unit is for a yes/no question: loss='binary_crossentropy' and "
            "activation='sigmoid', with labels 0 and 1."
        )
    if np.isfinite(value) and value == classes and low > 0:
        message += f" They start at {low:g}: {name} - 1 makes them start at 0."
    elif np.isfinite(value) and value >= classes:
        message += f" For {int(high) + 1} classes end with Dense({int(high) + 1})."
    elif ignored is None and np.isfinite(value) and value == -1:
        message += " If -1 marks labels to ignore, pass ignore_class=-1 to the loss."
    raise ValueError(message)


def odd_probabilities(labels: np.ndarray, kind: str, name: str) -> str:
    """What is odd about labels outside [0, 1], for which a loss is not meant; or ''."""
    if labels.dtype == bool or labels.size == 0:
        return ""
    low, high = labels.min(), labels.max()
    if (low >= -SLACK and high <= 1 + SLACK) or np.isnan(low):  # NaN is warned of elsewhere
        return ""
    whole = labels.dtype.kind in "iu" or bool(np.all(labels == np.floor(labels)))
    hint = ""
    if low == -1 and high == 1:
        hint = f" ({name} + 1) / 2 turns -1 and 1 into 0 and 1."
    elif whole and low == 0 and labels.ndim < 3:
        hint = (
            f" If they are the numbers of {high + 1:g} classes, end with Dense({high + 1:g}, "
            "activation='softmax') and use loss='sparse_categorical_crossentropy'."
        )
    elif low >= 0 and 1 < high <= 255:
        hint = f" {name} / {255 if high > 100 else high:g} brings them into that range."
    return f"{kind} takes labels between 0 and 1, but {name} ranges from {low:g} to {high:g}.{hint}"


def not_finite(array: Any, name: str) -> str:
    """'x: 3 NaN and 1 infinite in 2 rows, first in row 7', or '' if all values are finite.

    A sum may overflow, of which NumPy may warn.
    """
    if array is None or array.dtype.kind != "f" or array.size == 0:
        return ""
    # A sum with NaN or infinity is not finite; if it only overflows, the exact check follows.
    flat = array.reshape(-1) if array.flags.c_contiguous else None
    if isfinite(array.sum() if flat is None else np.dot(flat, flat)):
        return ""
    wrong = ~np.isfinite(array)
    rows = np.flatnonzero(wrong.reshape(len(array), -1).any(axis=1))
    if not rows.size:
        return ""
    nan = int(np.count_nonzero(np.isnan(array)))
    infinite = int(np.count_nonzero(wrong)) - nan
    counts = " and ".join(
        f"{count} {kind}" for count, kind in ((nan, "NaN"), (infinite, "infinite")) if count
    )
    many = "row" if rows.size == 1 else "rows"
    return f"{name} has {counts} in {rows.size} {many}, the first in row {rows[0]}"


def bytes_in(x: Any, model: Any) -> int:
    """The largest value of inputs that are bytes, where nothing in the model may scale them; or 0.

    Images of floats that hold whole numbers up to 255 count as bytes.
    """
    if not isinstance(x, np.ndarray) or not x.size or x.dtype.kind not in "uf":
        return 0
    some = x[:_ROWS] if x.dtype == np.uint8 else x[:8]
    if x.dtype != np.uint8:
        whole = x.ndim > 2 and x.dtype.kind == "f" and bool(np.all(some == np.floor(some)))
        if not whole or some.min() < 0 or some.max() > 255 or some.max() < 128:
            return 0
    if some.max() <= 1 or not model.trainable_variables:
        return 0
    for layer in model._flatten_layers():
        graph = getattr(layer, "_function", None)
        nodes = graph.nodes if graph is not None else ()
        if (
            type(layer).__name__ in SCALES
            or getattr(layer, "runs_own_code", False)
            or not all(isinstance(node.operation, Layer) for node in nodes)  # x / 255.0, one_hot
        ):
            return 0
    return int(some.max())


def is_grouped(labels: Any) -> bool:
    """Whether class labels, numbers or one-hot rows, stand in groups: all of one class, then all
    of the next, and so on.
    """
    if not isinstance(labels, np.ndarray) or labels.ndim not in (1, 2) or len(labels) < 8:
        return False
    if labels.ndim == 2 and labels.shape[1] > 1:
        some = labels[:_ROWS]
        if some.dtype.kind not in "biuf" or some.min() < 0 or np.any(some.sum(axis=1) != 1):
            return False
        labels = labels.argmax(axis=1)
    labels = labels.reshape(-1)
    if labels.dtype.kind == "f" and not np.all(labels[:_ROWS] == np.floor(labels[:_ROWS])):
        return False
    changes = int(np.count_nonzero(labels[1:] != labels[:-1]))
    if not 0 < changes <= len(labels) // 4:
        return False
    return len(np.unique(labels)) == changes + 1


__all__ = [
    "SCALES",
    "SLACK",
    "bytes_in",
    "check_class_numbers",
    "is_grouped",
    "not_finite",
    "odd_probabilities",
]
