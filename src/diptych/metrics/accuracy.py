"""Accuracies: how often predictions are correct."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config
from .base import MeanMetricWrapper, as_array, limit, same_columns, same_shape

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

# The functions with an underscore return booleans, which the classes count.


def _equal(y_true, y_pred):
    y_true, y_pred = same_shape(y_true, y_pred, "accuracy", broadcast=True)
    return y_true == y_pred


def _binary(y_true, y_pred, threshold=0.5):
    y_true, y_pred = same_shape(y_true, y_pred, "binary_accuracy", broadcast=True)
    # Comparing arrays of one type takes a third of the time of mixed types.
    return y_true == (y_pred > limit(threshold, y_pred.dtype)).astype(y_true.dtype)


def _categorical(y_true, y_pred):
    y_true, y_pred = same_columns(y_true, y_pred, "categorical_accuracy")
    return y_true.argmax(-1) == y_pred.argmax(-1)


def _sparse_categorical(y_true, y_pred):
    y_true, y_pred = _class_numbers(y_true, as_array(y_pred), "sparse_categorical_accuracy")
    matches = y_true == y_pred.argmax(-1)
    return matches[..., 0] if matches.ndim > 1 and matches.shape[-1] == 1 else matches


def _top_k(y_true, y_pred, k=5):
    y_true, y_pred = same_columns(y_true, y_pred, "top_k_categorical_accuracy")
    return _in_top_k(y_true.argmax(-1), y_pred, k)


def _sparse_top_k(y_true, y_pred, k=5, from_sorted_ids=False):
    name = "sparse_top_k_categorical_accuracy"
    labels = as_array(y_true)
    y_true, y_pred = _class_numbers(labels, as_array(y_pred), name)
    if from_sorted_ids:
        found = (y_true[..., None] == y_pred[..., :k]).any(-1)
    else:
        found = _in_top_k(y_true.astype(np.int64), y_pred, k)
    return found.reshape(labels.shape)


def _class_numbers(y_true, y_pred, metric):
    """Labels, and scores in rows of the same shape: (N, 1) counts as (N,), and (N T,) goes with
    (N, T, classes).
    """
    y_true = as_array(y_true)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    if y_true.shape != y_pred.shape[:-1]:
        if y_true.ndim and y_true.size and y_true.size * y_pred.shape[-1] == y_pred.size:
            return y_true, y_pred.reshape(*y_true.shape, -1)
        hint = (
            "; one-hot labels go with categorical_accuracy and top_k_categorical_accuracy"
            if y_true.shape == y_pred.shape
            else ""
        )
        raise ValueError(
            f"{metric} got y_true of shape {y_true.shape} and y_pred of shape {y_pred.shape}; "
            f"expected class numbers of shape {y_pred.shape[:-1]}{hint}"
        )
    return y_true, y_pred


def _in_top_k(labels, scores, k):
    """Whether fewer than k scores are above that of the label; ties count in its favour. A label
    that is no class is not among them.
    """
    inside = (labels >= 0) & (labels < scores.shape[-1])
    own = np.take_along_axis(scores, np.where(inside, labels, 0)[..., None], axis=-1)
    own = np.where(np.isnan(own), -np.inf, own)
    return inside & ((scores > own).sum(-1) < k)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> np.ndarray:
    """1 where `y_pred > threshold` agrees with `y_true`, else 0; an array of floatx. Element by
    element, in the shape of both.
    """
    return _binary(y_true, y_pred, threshold).astype(config.floatx())


def categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """1 where the largest score is that of the one-hot label, else 0.

    y_true, y_pred: (..., classes). Returns (...).
    """
    return _categorical(y_true, y_pred).astype(config.floatx())


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """1 where the largest score is that of the class number in `y_true`, else 0.

    y_true: (...) or (..., 1), or the same number of labels in another shape. y_pred:
    (..., classes). Returns (...), the shape of the labels.
    """
    return _sparse_categorical(y_true, y_pred).astype(config.floatx())


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> np.ndarray:
    """1 where the one-hot label is among the k largest scores, else 0.

    y_true, y_pred: (..., classes). Returns (...).
    """
    return _top_k(y_true, y_pred, k).astype(config.floatx())


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> np.ndarray:
    """1 where the class number in `y_true` is among the k largest scores, else 0.

    y_true: (...) or (..., 1). y_pred: (..., classes), or with from_sorted_ids (..., ids), best
        first. Returns the shape of y_true.
    """
    return _sparse_top_k(y_true, y_pred, k, from_sorted_ids).astype(config.floatx())


class _Accuracy(MeanMetricWrapper):
    """The base of accuracies: their configuration holds the arguments, not the function."""

    _direction = "up"

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


class Accuracy(_Accuracy):
    """How often `y_pred` equals `y_true`.

    y_true and y_pred (N, ...) have one shape.
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(_equal, name=name, dtype=dtype)


class BinaryAccuracy(_Accuracy):
    """How often `y_pred > threshold` agrees with the label, 0 or 1.

    y_true and y_pred (N, ...) have one shape.
    """

    def __init__(
        self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(_binary, name=name, dtype=dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(_Accuracy):
    """How often the largest score is that of the one-hot label.

    y_true and y_pred (N, ..., C).
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(_categorical, name=name, dtype=dtype)


class SparseCategoricalAccuracy(_Accuracy):
    """How often the largest score is that of the class number in `y_true`.

    y_true (N, ...) of integers, y_pred (N, ..., C).
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(_sparse_categorical, name=name, dtype=dtype)


class TopKCategoricalAccuracy(_Accuracy):
    """How often the one-hot label is among the k largest scores. Both are (N, ..., C)."""

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(_top_k, name=name, dtype=dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(_Accuracy):
    """How often the class number in `y_true` is among the k largest scores.

    y_true (N, ...) of integers, y_pred (N, ..., C).

    from_sorted_ids: y_pred holds class numbers, best first, instead of scores.
    """

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            _sparse_top_k, name=name, dtype=dtype, k=k, from_sorted_ids=from_sorted_ids
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if not self.from_sorted_ids:
            del config["from_sorted_ids"]
        return config
