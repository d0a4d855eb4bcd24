"""Losses of probabilities: cross-entropies and what is near them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import config, ops
from ..labels import broadcast_together, is_last, to_float, together
from ..legacy.notes import users_level
from ..ops import losses as twins
from ..ops.losses import class_numbers
from ..reference._labels import check_classes
from ..tensor import Tensor, as_array
from .base import NamedLoss, in_graphs


@in_graphs
def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Sum of ``y_true * log(y_true / y_pred)`` over the last axis.

    y_true and y_pred (..., C) give (...).
    """
    return twins.KL_DIVERGENCE(
        broadcast_together("kl_divergence", y_true, y_pred), config.epsilon()
    )


@in_graphs
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Mean of ``-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred)`` over ``axis``.

    y_true and y_pred (..., D) give (...).

    Sigmoid + cross-entropy: if ``y_pred`` is the output of a sigmoid, the loss is computed from its
    logits, which is exact. The twins are ``binary_crossentropy_forward`` and
    ``binary_crossentropy_backward`` in ``crossentropy``.

    Args:
        from_logits: whether y_pred are logits, before the sigmoid.
        label_smoothing: moves labels so far from 0 and 1 towards one half.
        axis: over which the mean is taken.
    """
    y_true, y_pred = together("binary_crossentropy", y_true, y_pred)
    y_pred, from_logits = twins.with_logits(y_pred, from_logits, "sigmoid")
    options = bool(from_logits), float(label_smoothing), axis, config.epsilon()
    return twins.BINARY_CROSSENTROPY((y_true, y_pred), *options)


def warn_of_one_class(name: str) -> None:
    """Warn about a loss over the probabilities of classes where there is only one.

    The message is the same each time, so that Python prints it once for each line of the user's.
    """
    warnings.warn(
        f"{name} compares the probabilities of several classes, but the output has one unit: the "
        "probability of a single class is always 1, and nothing is learned. For a yes/no question "
        "end with Dense(1, activation='sigmoid') and use loss='binary_crossentropy'; for n classes "
        "end with Dense(n, activation='softmax').",
        SyntaxWarning,  # as in Keras
        stacklevel=users_level(),
    )


@in_graphs
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``-sum(y_true * log(y_pred))`` over ``axis``; labels are one-hot, or distributions.

    y_true and y_pred (..., C) give (...).

    Softmax + cross-entropy: if ``y_pred`` is the output of a softmax, the loss is computed from its
    logits, which is exact. The twins are ``categorical_crossentropy_forward`` and
    ``categorical_crossentropy_backward`` in ``crossentropy``.

    Args:
        from_logits: whether y_pred are logits, before the softmax.
        label_smoothing: moves so much of a one-hot label evenly to all classes.
        axis: that of the classes.
    """
    y_true, y_pred = together("categorical_crossentropy", y_true, y_pred)
    if is_last(axis, y_pred):
        y_pred, from_logits = twins.with_logits(y_pred, from_logits, "softmax")
    if y_pred.ndim and y_pred.shape[-1] == 1:
        warn_of_one_class("categorical_crossentropy")
    options = bool(from_logits), float(label_smoothing), axis, config.epsilon()
    return twins.CATEGORICAL_CROSSENTROPY((y_true, y_pred), *options)


@in_graphs
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """``-log(y_pred)`` at the class numbers ``y_true``: (N,) or (N, 1), predictions (N, classes).

    If the label is ``ignore_class``, the loss is 0 and does not count in the mean.

    Args:
        from_logits: whether y_pred are logits, before the softmax.
        axis: that of the classes.
    """
    y_pred = to_float(y_pred, None, "y_pred")
    labels = as_array(y_true)
    if labels.ndim == y_pred.ndim and labels.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if not -y_pred.ndim <= axis < y_pred.ndim or labels.shape != tuple(
        np.delete(y_pred.shape, axis)
    ):
        hint = ""
        if labels.shape == y_pred.shape:
            hint = " One-hot labels? Then use categorical_crossentropy, or y_true.argmax(axis=-1)."
        raise ValueError(
            f"sparse_categorical_crossentropy: y_true has shape {np.shape(y_true)} and y_pred has "
            f"shape {y_pred.shape}; each row of class scores needs one class number.{hint}"
        )
    if is_last(axis, y_pred):
        y_pred, from_logits = twins.with_logits(y_pred, from_logits, "softmax")
    options = bool(from_logits), ignore_class, axis, config.epsilon()
    loss = twins.SPARSE_CATEGORICAL_CROSSENTROPY((labels, y_pred), *options)
    if ignore_class is not None:
        loss.mask = labels != ignore_class
    return loss


@in_graphs
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """binary_crossentropy with each term multiplied by ``(1 - probability of the label)**gamma``;
    with balancing also by ``alpha`` for labels 1 and ``1 - alpha`` for labels 0.

    y_true and y_pred (..., D) give (...).

    Args:
        apply_class_balancing: whether to weigh by ``alpha``.
        alpha: the weight of labels 1; that of labels 0 is 1 - alpha.
        gamma: how much less well predicted samples count; 0 for all alike.
        from_logits: whether y_pred are logits, before the sigmoid.
        label_smoothing: moves labels so far from 0 and 1 towards one half.
        axis: over which the mean is taken.
    """
    pair = together("binary_focal_crossentropy", y_true, y_pred)
    options = (
        bool(apply_class_balancing),
        float(alpha),
        float(gamma),
        bool(from_logits),
        float(label_smoothing),
    )
    return twins.BINARY_FOCAL_CROSSENTROPY(pair, *options, axis, config.epsilon())


@in_graphs
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """categorical_crossentropy with each term multiplied by ``alpha * (1 - y_pred)**gamma``.

    y_true and y_pred (..., C) give (...).

    ``alpha`` is one number, or one for each class.

    Args:
        alpha: the weight of a class, one number or one for each.
        gamma: how much less well predicted samples count; 0 for all alike.
        from_logits: whether y_pred are logits, before the softmax.
        label_smoothing: moves so much of a one-hot label evenly to all classes.
        axis: that of the classes.
    """
    pair = together("categorical_focal_crossentropy", y_true, y_pred)
    if pair[1].ndim and pair[1].shape[-1] == 1:
        warn_of_one_class("categorical_focal_crossentropy")
    weights = as_array(alpha)
    alpha = tuple(weights.tolist()) if weights.ndim else float(alpha)
    options = alpha, float(gamma), bool(from_logits), float(label_smoothing), axis, config.epsilon()
    return twins.CATEGORICAL_FOCAL_CROSSENTROPY(pair, *options)


@in_graphs
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """``(1 - p**q) / q``, with p the probability of the label: robust against wrong labels.

    Args:
        y_true: class numbers, (N,) or (N, 1).
        y_pred: probabilities, (N, classes).
        q: between 0, where it is the cross-entropy, and 1, where it is the absolute error.

    Source: Zhang and Sabuncu 2018, eq. 6.
    """
    y_pred = to_float(y_pred, None, "y_pred")
    labels = class_numbers(y_true)
    if labels.ndim == y_pred.ndim and labels.shape[-1:] == (1,):
        labels = labels[..., 0]
    check_classes(labels, y_pred, -1, None)
    p = ops.take_along_axis(y_pred, labels[..., np.newaxis], axis=-1)
    return (1 - ops.squeeze(p, -1) ** q) / q


class KLDivergence(NamedLoss):
    """The sum of ``y_true * log(y_true / y_pred)``.

    y_true and y_pred (N, ..., C): a value for each (N, ...), then reduced.
    """

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(kl_divergence, reduction=reduction, name=name, dtype=dtype)


class BinaryCrossentropy(NamedLoss):
    """Cross-entropy of yes/no questions: labels 0 and 1, predictions from a sigmoid (or logits).

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.

    Args:
        from_logits: whether y_pred are logits, before the sigmoid.
        label_smoothing: moves labels so far from 0 and 1 towards one half.
        axis: over which the mean is taken.
    """

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_crossentropy",
        dtype=None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(
            binary_crossentropy, reduction=reduction, name=name, dtype=dtype, **options
        )


class CategoricalCrossentropy(NamedLoss):
    """Cross-entropy of several classes: one-hot labels, predictions from a softmax (or logits).

    y_true and y_pred (N, ..., C): a value for each (N, ...), then reduced.

    Args:
        from_logits: whether y_pred are logits, before the softmax.
        label_smoothing: moves so much of a one-hot label evenly to all classes.
        axis: that of the classes.
    """

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_crossentropy",
        dtype=None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(
            categorical_crossentropy, reduction=reduction, name=name, dtype=dtype, **options
        )


class SparseCategoricalCrossentropy(NamedLoss):
    """CategoricalCrossentropy for labels that are class numbers; ``ignore_class`` is ignored.

    y_true (N, ...) of integers, y_pred (N, ..., C): a value for each (N, ...), then reduced.

    Args:
        from_logits: whether y_pred are logits, before the softmax.
        axis: that of the classes.
    """

    def __init__(
        self,
        from_logits=False,
        ignore_class=None,
        reduction="sum_over_batch_size",
        axis=-1,
        name="sparse_categorical_crossentropy",
        dtype=None,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(
            sparse_categorical_crossentropy, reduction=reduction, name=name, dtype=dtype, **options
        )


class BinaryFocalCrossentropy(NamedLoss):
    """BinaryCrossentropy in which well predicted samples count less.

    y_true and y_pred (N, ..., D): a value for each (N, ...), then reduced.

    Args:
        apply_class_balancing: whether to weigh by ``alpha``.
        alpha: the weight of labels 1; that of labels 0 is 1 - alpha.
        gamma: how much less well predicted samples count; 0 for all alike.
        from_logits: whether y_pred are logits, before the sigmoid.
        label_smoothing: moves labels so far from 0 and 1 towards one half.
        axis: over which the mean is taken.
    """

    def __init__(
        self,
        apply_class_balancing=False,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_focal_crossentropy",
        dtype=None,
    ):
        options = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        options |= {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(
            binary_focal_crossentropy, reduction=reduction, name=name, dtype=dtype, **options
        )


class CategoricalFocalCrossentropy(NamedLoss):
    """CategoricalCrossentropy in which well predicted samples count less.

    y_true and y_pred (N, ..., C): a value for each (N, ...), then reduced.

    Args:
        alpha: the weight of a class, one number or one for each.
        gamma: how much less well predicted samples count; 0 for all alike.
        from_logits: whether y_pred are logits, before the softmax.
        label_smoothing: moves so much of a one-hot label evenly to all classes.
        axis: that of the classes.
    """

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_focal_crossentropy",
        dtype=None,
    ):
        options = {"alpha": alpha, "gamma": gamma}
        options |= {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(
            categorical_focal_crossentropy, reduction=reduction, name=name, dtype=dtype, **options
        )


class CategoricalGeneralizedCrossEntropy(NamedLoss):
    """``(1 - p**q) / q``, with p the probability of the label, a class number: between the
    cross-entropy (q near 0) and the absolute error (q near 1), which forgives wrong labels.

    y_true (N,) of integers, y_pred (N, C): a value for each (N,), then reduced.
    """

    def __init__(
        self,
        q=0.5,
        reduction="sum_over_batch_size",
        name="categorical_generalized_cross_entropy",
        dtype=None,
    ):
        if not 0 < q < 1:
            raise ValueError(f"q must be between 0 and 1, both excluded. Received q={q!r}.")
        super().__init__(
            categorical_generalized_cross_entropy, reduction=reduction, name=name, dtype=dtype, q=q
        )
