"""Correlations between labels and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config
from .base import MeanMetricWrapper, as_array, as_float, same_columns

__all__ = [
    "ConcordanceCorrelation",
    "PearsonCorrelation",
    "concordance_correlation",
    "pearson_correlation",
]


def pearson_correlation(y_true: Any, y_pred: Any, axis: Any = -1) -> np.ndarray:
    """cov(y_true, y_pred) / (std(y_true) std(y_pred)) along `axis`: 1 where one is a rising line of
    the other. NaN where either is constant.

    y_true, y_pred: one shape. axis: a number, or several. Returns the other axes.

    Source: Pearson 1895.
    """
    y_true, y_pred = _floats(y_true, y_pred, "pearson_correlation")
    t = y_true - y_true.mean(axis, keepdims=True)
    p = y_pred - y_pred.mean(axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (t * p).mean(axis) / (t.std(axis) * p.std(axis))


def concordance_correlation(y_true: Any, y_pred: Any, axis: Any = -1) -> np.ndarray:
    """2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (difference of their means)^2) along
    `axis`: 1 where the two are equal.

    y_true, y_pred: one shape. axis: a number, or several. Returns the other axes.

    Source: Lin 1989, section 2.
    """
    y_true, y_pred = _floats(y_true, y_pred, "concordance_correlation")
    t = y_true - y_true.mean(axis, keepdims=True)
    p = y_pred - y_pred.mean(axis, keepdims=True)
    apart = (y_true.mean(axis) - y_pred.mean(axis)) ** 2
    spread = t.var(axis) + p.var(axis) + apart
    return 2 * (t * p).mean(axis) / (spread + config.epsilon())


def _floats(y_true, y_pred, metric):
    """Both as floats of the type of the predictions, in one shape."""
    y_pred = as_float(y_pred)
    return same_columns(as_array(y_true).astype(y_pred.dtype), y_pred, metric)


class _Correlation(MeanMetricWrapper):
    _direction = "up"

    def __init__(self, fn: Any, name: str | None, dtype: Any, axis: Any) -> None:
        super().__init__(fn, name=name, dtype=dtype, axis=axis)
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "axis": self.axis}


class PearsonCorrelation(_Correlation):
    """The mean correlation of labels and predictions along `axis`: see `pearson_correlation`.

    With predictions (N, D) the default takes it over the D numbers of each sample; axis=0 takes it
    over the samples of a batch, and the mean over batches.
    """

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: Any = None, axis: Any = -1
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis)


class ConcordanceCorrelation(_Correlation):
    """The mean agreement of labels and predictions along `axis`: see `concordance_correlation`.

    y_true and y_pred (N, ...) have one shape.

    axis: as for `PearsonCorrelation`.
    """

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: Any = -1
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis)
