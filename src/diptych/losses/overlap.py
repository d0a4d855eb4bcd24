"""Losses of overlap: how much of a region, such as the tumour in an image, was found."""

from __future__ import annotations

from typing import Any

from .. import config, ops
from ..labels import together
from ..tensor import Tensor
from .base import NamedLoss, in_graphs


@in_graphs
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Tensor:
    """``1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))``: 0 where regions are the same.

    Args:
        y_true: labels 0 and 1, of the shape of the predictions.
        y_pred: probabilities.
        axis: the axes of one region, such as (1, 2, 3) for images (N, H, W, 1): the result has the
            other axes. None: all of them, one number for the whole batch.

    Source: Milletari, Navab and Ahmadi 2016, section 3, with plain sums below the line.
    """
    y_true, y_pred = together("dice", y_true, y_pred, broadcast=True)
    both = ops.sum(y_true * y_pred, axis=axis)
    sizes = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1 - 2 * both / (sizes + config.epsilon())


@in_graphs
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Tensor:
    """``1 - both / (both + alpha * missed + beta * surplus)``, with ``both`` the sum of ``y_true *
    y_pred``, ``missed`` that of ``y_true * (1 - y_pred)`` and ``surplus`` that of ``(1 - y_true) *
    y_pred``.

    y_true and y_pred (N, ...) have one shape; without an axis the result is a number, of shape ().

    With ``alpha = beta = 0.5`` it is the Dice loss. As in Keras, ``alpha`` weighs what was missed;
    the paper has it the other way round. y_true, y_pred and axis: as for ``dice``.

    Source: Salehi, Erdogmus and Gholipour 2017, section 2.
    """
    y_true, y_pred = together("tversky", y_true, y_pred, broadcast=True)
    both = ops.sum(y_true * y_pred, axis=axis)
    missed = ops.sum(y_true * (1 - y_pred), axis=axis)
    surplus = ops.sum((1 - y_true) * y_pred, axis=axis)
    return 1 - both / (both + alpha * missed + beta * surplus + config.epsilon())


class _Overlap(NamedLoss):
    """A loss that may have one number for a whole batch: it is multiplied by the mean weight."""

    def _has_rows(self) -> bool:
        return False


class Dice(_Overlap):
    """One minus the Dice coefficient of two regions; ``axis`` says what a region is: see ``dice``.

    y_true and y_pred (N, ...) have one shape.

    Without ``axis`` it is that of the whole batch.
    """

    def __init__(self, reduction="sum_over_batch_size", name="dice", axis=None, dtype=None):
        super().__init__(dice, reduction=reduction, name=name, dtype=dtype, axis=axis)


class Tversky(_Overlap):
    """The Dice loss with weights: ``alpha`` for what was missed, ``beta`` for what is surplus.

    y_true and y_pred (N, ...) have one shape.

    Args:
        alpha: the weight of what was missed.
        beta: that of what is surplus.
        axis: the axes of one region; None for all.
    """

    def __init__(
        self,
        alpha=0.5,
        beta=0.5,
        reduction="sum_over_batch_size",
        name="tversky",
        axis=None,
        dtype=None,
    ):
        options = {"alpha": alpha, "beta": beta, "axis": axis}
        super().__init__(tversky, reduction=reduction, name=name, dtype=dtype, **options)
