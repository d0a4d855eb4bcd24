"""One-hot labels and unit vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config
from ..legacy import accepts_old

__all__ = ["normalize", "to_categorical"]


@accepts_old("to_categorical")
def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Convert class numbers to one-hot rows.

    x: integers 0 .. num_classes - 1 of any shape; floats must be whole numbers; a last axis of size
        1 is dropped.
    num_classes: the number of classes; None takes the largest number in `x` plus one.
    Returns an array of floatx, with the shape of `x` and a new last axis of size `num_classes`.

        >>> utils.to_categorical([0, 2, 1])
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]], dtype=float32)
    """
    given = np.asarray(x)
    if given.dtype.kind not in "iufb":
        raise ValueError(
            f"to_categorical() got labels of dtype {given.dtype}; expected whole numbers. "
            "np.unique(labels, return_inverse=True) numbers the classes of text labels"
        )
    if given.dtype.kind == "f":
        whole = np.isfinite(given) & (given == np.round(given))
        if not whole.all():
            wrong = given[~whole].flat[0]
            raise ValueError(f"to_categorical() got the label {wrong}; expected whole numbers")
    labels = given.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        if not labels.size:
            raise ValueError("to_categorical() got no labels and no num_classes; pass num_classes=")
        num_classes = int(labels.max()) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        wrong = int(labels.min() if labels.min() < 0 else labels.max())
        raise ValueError(
            f"to_categorical() got the label {wrong} with num_classes={num_classes}; "
            f"expected labels 0 to {num_classes - 1}"
        )
    one_hot = np.zeros((labels.size, num_classes), dtype=config.floatx())
    one_hot[np.arange(labels.size), labels.reshape(-1)] = 1
    return one_hot.reshape((*labels.shape, num_classes))


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Divide `x` by its norm of the given order along `axis`; vectors of norm 0 stay the same."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(config.floatx())
    norms = np.atleast_1d(np.linalg.norm(x, order, axis, keepdims=True))
    norms[norms == 0] = 1
    return x / norms
