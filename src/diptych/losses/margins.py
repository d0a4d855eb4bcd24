"""Losses of margins: zero once a score is on its side by a margin."""

from __future__ import annotations

from typing import Any

from ..labels import broadcast_together
from ..ops import losses as twins
from ..tensor import Tensor
from .base import NamedLoss, in_graphs


@in_graphs
def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``max(1 - y_true * y_pred, 0)``; labels are -1 and 1, or 0 and 1.

    y_true and y_pred (..., D) give (...).
    """
    return twins.HINGE(broadcast_together("hinge", y_true, y_pred))


@in_graphs
def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``max(1 - y_true * y_pred, 0)**2``; labels are -1 and 1, or 0 and 1.

    y_true and y_pred (..., D) give (...).
    """
    return twins.SQUARED_HINGE(broadcast_together("squared_hinge", y_true, y_pred))


@in_graphs
def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """``max(1 + worst - right, 0)``: the best score of a wrong class, and that of the right one.

    y_true and y_pred (..., C) give (...).
    """
    return twins.CATEGORICAL_HINGE(broadcast_together("categorical_hinge", y_true, y_pred))


class Hinge(NamedLoss):
    """The mean of ``max(1 - y_true * y_pred, 0)``; labels are -1 and 1, or 0 and 1.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(hinge, reduction=reduction, name=name, dtype=dtype)


class SquaredHinge(NamedLoss):
    """The mean of ``max(1 - y_true * y_pred, 0)**2``; labels are -1 and 1, or 0 and 1.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.
    """

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, reduction=reduction, name=name, dtype=dtype)


class CategoricalHinge(NamedLoss):
    """``max(1 + worst - right, 0)``: the best score of a wrong class, and that of the right one.

    y_true and y_pred (N, ..., C): a value for each (N, ...), then reduced.
    """

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, reduction=reduction, name=name, dtype=dtype)
