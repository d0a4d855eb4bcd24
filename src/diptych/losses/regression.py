"""Losses of regression: how far a prediction is from its label."""

from __future__ import annotations

from typing import Any

from .. import config, ops
from ..labels import broadcast_together, together
from ..ops import losses as twins
from ..tensor import Tensor
from .base import NamedLoss, in_graphs


@in_graphs
def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``(y_pred - y_true)**2`` over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return twins.MEAN_SQUARED_ERROR(broadcast_together("mean_squared_error", y_true, y_pred))


@in_graphs
def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``|y_pred - y_true|`` over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return twins.MEAN_ABSOLUTE_ERROR(broadcast_together("mean_absolute_error", y_true, y_pred))


@in_graphs
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """100 times the mean of ``|y_pred - y_true| / |y_true|`` over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    pair = broadcast_together("mean_absolute_percentage_error", y_true, y_pred)
    return twins.MEAN_ABSOLUTE_PERCENTAGE_ERROR(pair, config.epsilon())


@in_graphs
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``(log(1 + y_pred) - log(1 + y_true))**2`` over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    pair = broadcast_together("mean_squared_logarithmic_error", y_true, y_pred)
    return twins.MEAN_SQUARED_LOGARITHMIC_ERROR(pair, config.epsilon())


@in_graphs
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Mean of ``e**2 / 2`` where ``e = |y_pred - y_true|`` is at most ``delta``, else of ``delta *
    e - delta**2 / 2``.

    y_true and y_pred (..., D) give (...).
    """
    return twins.HUBER(broadcast_together("huber", y_true, y_pred), float(delta))


@in_graphs
def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``log(cosh(y_pred - y_true))`` over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return twins.LOG_COSH(broadcast_together("log_cosh", y_true, y_pred))


@in_graphs
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between label and prediction: -1 where they agree.

    y_true and y_pred (..., D) give (...).

    Args:
        axis: that of the vectors.
    """
    y_true, y_pred = together("cosine_similarity", y_true, y_pred, broadcast=True)
    if y_true.shape != y_pred.shape:  # their lengths are those before broadcasting
        return -ops.sum(ops.normalize(y_true, axis) * ops.normalize(y_pred, axis), axis)
    return twins.COSINE_SIMILARITY((y_true, y_pred), axis, config.epsilon())


@in_graphs
def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``y_pred - y_true * log(y_pred)`` over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return twins.POISSON(broadcast_together("poisson", y_true, y_pred), config.epsilon())


class MeanSquaredError(NamedLoss):
    """The mean of ``(y_pred - y_true)**2``.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, reduction=reduction, name=name, dtype=dtype)


class MeanAbsoluteError(NamedLoss):
    """The mean of ``|y_pred - y_true|``.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, reduction=reduction, name=name, dtype=dtype)


class MeanAbsolutePercentageError(NamedLoss):
    """100 times the mean of ``|y_pred - y_true| / |y_true|``.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(
        self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None
    ):
        super().__init__(
            mean_absolute_percentage_error, reduction=reduction, name=name, dtype=dtype
        )


class MeanSquaredLogarithmicError(NamedLoss):
    """The mean of ``(log(1 + y_pred) - log(1 + y_true))**2``.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(
        self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None
    ):
        super().__init__(
            mean_squared_logarithmic_error, reduction=reduction, name=name, dtype=dtype
        )


class Huber(NamedLoss):
    """Quadratic for errors up to ``delta``, linear beyond, so that outliers count less.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(huber, reduction=reduction, name=name, dtype=dtype, delta=delta)


class LogCosh(NamedLoss):
    """The mean of ``log(cosh(y_pred - y_true))``.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(log_cosh, reduction=reduction, name=name, dtype=dtype)


class CosineSimilarity(NamedLoss):
    """Minus the cosine of the angle between label and prediction.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.

    Args:
        axis: that of the vectors.
    """

    def __init__(
        self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None
    ):
        super().__init__(cosine_similarity, reduction=reduction, name=name, dtype=dtype, axis=axis)


class Poisson(NamedLoss):
    """The mean of ``y_pred - y_true * log(y_pred)``: counts ``y_true`` at the rates ``y_pred``.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(poisson, reduction=reduction, name=name, dtype=dtype)
