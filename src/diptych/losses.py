"""Losses, under Keras's names.

Each loss exists as a function, which returns one number per sample, and as a class, which weights
these and reduces them to a scalar:

    losses.mean_squared_error([[0.0, 1.0]], [[0.5, 1.0]])           # [0.125]
    losses.MeanSquaredError(reduction="sum")(y_true, y_pred)        # a scalar

The equations and gradients are in ``diptych.reference.losses`` and
``diptych.reference.crossentropy``.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import config, graph, ops
from .labels import is_last, same_rank, to_float, together
from .legacy import AcceptsOldNames, current_name, old_attribute
from .legacy.notes import users_level
from .ops import losses as twins
from .tensor import Tensor, as_array, is_symbolic
from .utils import objects
from .utils.naming import auto_name, public_names

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalHinge", "CosineSimilarity", "Hinge", "Huber",
    "KLDivergence", "LogCosh", "Loss", "LossFunctionWrapper", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson",
    "SparseCategoricalCrossentropy", "SquaredHinge", "binary_crossentropy",
    "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_hinge", "cosine_similarity", "deserialize", "get", "hinge", "huber",
    "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "serialize",
    "sparse_categorical_crossentropy", "squared_hinge",
]  # fmt: skip

# --------------------------------------------------------------------------------------------------
# One number per sample


def _in_graphs(loss: Callable) -> Callable:
    """Decorate a loss function so that a call with symbolic tensors is recorded in their graph."""

    @functools.wraps(loss)
    def function(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        if is_symbolic(y_pred) or is_symbolic(y_true):
            return graph.KerasTensor.record(function, (y_true, y_pred, *args), kwargs)
        return loss(y_true, y_pred, *args, **kwargs)

    return function


@_in_graphs
def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``(y_pred - y_true)**2`` over the last axis."""
    return twins.MEAN_SQUARED_ERROR(together("mean_squared_error", y_true, y_pred))


@_in_graphs
def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``|y_pred - y_true|`` over the last axis."""
    return twins.MEAN_ABSOLUTE_ERROR(together("mean_absolute_error", y_true, y_pred))


@_in_graphs
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """100 times the mean of ``|y_pred - y_true| / |y_true|`` over the last axis."""
    pair = together("mean_absolute_percentage_error", y_true, y_pred)
    return twins.MEAN_ABSOLUTE_PERCENTAGE_ERROR(pair, config.epsilon())


@_in_graphs
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``(log(1 + y_pred) - log(1 + y_true))**2`` over the last axis."""
    pair = together("mean_squared_logarithmic_error", y_true, y_pred)
    return twins.MEAN_SQUARED_LOGARITHMIC_ERROR(pair, config.epsilon())


@_in_graphs
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Mean of ``e**2 / 2`` where ``e = |y_pred - y_true|`` is at most ``delta``, else of
    ``delta * e - delta**2 / 2``.
    """
    return twins.HUBER(together("huber", y_true, y_pred), float(delta))


@_in_graphs
def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``log(cosh(y_pred - y_true))`` over the last axis."""
    return twins.LOG_COSH(together("log_cosh", y_true, y_pred))


@_in_graphs
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between label and prediction: -1 where they agree."""
    return twins.COSINE_SIMILARITY(
        together("cosine_similarity", y_true, y_pred), axis, config.epsilon()
    )


@_in_graphs
def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``max(1 - y_true * y_pred, 0)``; labels are -1 and 1, or 0 and 1."""
    return twins.HINGE(together("hinge", y_true, y_pred))


@_in_graphs
def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``max(1 - y_true * y_pred, 0)**2``; labels are -1 and 1, or 0 and 1."""
    return twins.SQUARED_HINGE(together("squared_hinge", y_true, y_pred))


@_in_graphs
def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """``max(1 + worst - right, 0)``: the best score of a wrong class, and that of the right one."""
    return twins.CATEGORICAL_HINGE(together("categorical_hinge", y_true, y_pred))


@_in_graphs
def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Sum of ``y_true * log(y_true / y_pred)`` over the last axis."""
    return twins.KL_DIVERGENCE(together("kl_divergence", y_true, y_pred), config.epsilon())


@_in_graphs
def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """Mean of ``y_pred - y_true * log(y_pred)`` over the last axis."""
    return twins.POISSON(together("poisson", y_true, y_pred), config.epsilon())


@_in_graphs
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Mean of ``-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred)`` over ``axis``.

    Sigmoid + cross-entropy: if ``y_pred`` is the output of a sigmoid, the loss is computed from its
    logits, which is exact. The twins are ``binary_crossentropy_forward`` and
    ``binary_crossentropy_backward`` in ``crossentropy``.
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


@_in_graphs
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``-sum(y_true * log(y_pred))`` over ``axis``; labels are one-hot, or distributions.

    Softmax + cross-entropy: if ``y_pred`` is the output of a softmax, the loss is computed from its
    logits, which is exact. The twins are ``categorical_crossentropy_forward`` and
    ``categorical_crossentropy_backward`` in ``crossentropy``.
    """
    y_true, y_pred = together("categorical_crossentropy", y_true, y_pred)
    if is_last(axis, y_pred):
        y_pred, from_logits = twins.with_logits(y_pred, from_logits, "softmax")
    if y_pred.ndim and y_pred.shape[-1] == 1:
        warn_of_one_class("categorical_crossentropy")
    options = bool(from_logits), float(label_smoothing), axis, config.epsilon()
    return twins.CATEGORICAL_CROSSENTROPY((y_true, y_pred), *options)


@_in_graphs
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """``-log(y_pred)`` at the class numbers ``y_true``: (N,) or (N, 1), predictions (N, classes).

    If the label is ``ignore_class``, the loss is 0 and does not count in the mean.
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


@_in_graphs
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


@_in_graphs
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

    ``alpha`` is one number, or one for each class.
    """
    pair = together("categorical_focal_crossentropy", y_true, y_pred)
    if pair[1].ndim and pair[1].shape[-1] == 1:
        warn_of_one_class("categorical_focal_crossentropy")
    weights = as_array(alpha)
    alpha = tuple(weights.tolist()) if weights.ndim else float(alpha)
    options = alpha, float(gamma), bool(from_logits), float(label_smoothing), axis, config.epsilon()
    return twins.CATEGORICAL_FOCAL_CROSSENTROPY(pair, *options)


# --------------------------------------------------------------------------------------------------
# One number for the batch

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss:
    """The base of all losses: ``call`` returns one number per sample, ``__call__`` reduces them.

    Args:
        name: a name; by default that of the class.
        reduction: "sum_over_batch_size" or "mean" (the mean over all samples), "sum",
            "mean_with_sample_weight" (the weighted sum over the sum of the weights), "none" or None
            (one number per sample). As in Keras, that sum is of the weights as they were given:
            weights that broadcast count once, so (N, 1) weights of 1 for losses of shape (N, T)
            give T times the mean.
        dtype: the float type to compute in; by default ``config.floatx()``, whatever the dtype of
            the predictions. The functions, such as ``mean_squared_error``, keep that of the
            predictions.

    To write a loss, define a subclass with ``call``, or just a function ``f(y_true, y_pred)``.
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"Unknown reduction {reduction!r}. The reductions are "
                f"{', '.join(map(repr, REDUCTIONS))}."
            )
        self.name = name or auto_name(type(self).__name__)
        self.reduction = reduction
        self.dtype = dtype or config.floatx()
        self._chose_dtype = dtype is not None

    @property
    def dtype(self) -> str:
        """The float type that the loss computes in, as a string."""
        return self._dtype.name

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self._dtype = np.dtype(dtype)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Return the loss of a batch.

        ``sample_weight`` holds a weight for each sample, (N,), or for each step, (N, T). If
        ``y_pred`` has a ``mask`` (True for steps that count), the other steps are left out. A loss
        of your own that returns a single number is multiplied by the mean of the weights.
        """
        y_pred = to_float(y_pred, self._dtype, "y_pred")
        y_true = to_float(y_true, self._dtype, "y_true")
        losses = self.call(y_true, y_pred)
        if losses is None:
            raise ValueError(f"Loss {self.name!r} returned None: it has to return the loss.")
        if not isinstance(losses, Tensor):
            losses = ops.convert_to_tensor(losses)
        if not losses.shape and np.ndim(sample_weight) and self._is_builtin():
            raise ValueError(
                f"There are weights of shape {np.shape(sample_weight)}, but only one loss: labels "
                "and predictions of shape (N,) count as one sample. Give them the shape (N, 1) to "
                "weight each entry."
            )
        mask = _both(y_pred.mask, losses.mask)
        return _reduce(losses, sample_weight, mask, self.reduction)

    def _is_builtin(self) -> bool:
        """Whether the losses are computed by a function of this module, not by a user's."""
        return objects.is_builtin(type(self).call)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Return one loss per sample."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred).")

    def get_config(self) -> dict[str, Any]:
        found = {"name": self.name, "reduction": self.reduction}
        return {**found, "dtype": self.dtype} if self._chose_dtype else found

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, reduction={self.reduction!r}>"

    __dir__ = public_names


def _both(mask: Any, other: Any) -> Any:
    """Return the mask where both masks are True; None counts everything."""
    if mask is None or other is None:
        return other if mask is None else mask
    mask, other = same_rank(Tensor(as_array(mask)), Tensor(as_array(other)))
    return ops.logical_and(mask, other)


def _reduce(losses: Tensor, sample_weight: Any, mask: Any, reduction: str | None) -> Tensor:
    if sample_weight is None and mask is None:
        if reduction in ("none", None):
            return losses
        return twins.SCALED_SUM((losses,), 1 if reduction == "sum" else losses.array.size)
    dtype = losses.array.dtype
    if mask is None:
        weights = to_float(sample_weight, dtype, "sample_weight")
    else:
        given = None if sample_weight is None else to_float(sample_weight, dtype, "sample_weight")
        weights = _masked(given, to_float(mask, dtype, "mask"), reduction)
    given = weights.array
    if not losses.shape:  # one number for the whole batch: the same for each weight
        losses = ops.broadcast_to(losses, weights.shape)
    weights = _like(weights, losses)
    if reduction in ("none", None):
        return ops.multiply(losses, weights)
    divisor: float
    if reduction == "sum" or not losses.shape:
        divisor = 1
    elif reduction == "mean_with_sample_weight":
        divisor = float(given.sum())  # weights that broadcast count once
    else:
        divisor = losses.array.size
    return twins.weighted_sum(losses, weights, divisor=divisor)


def _masked(weights: Tensor | None, mask: Tensor, reduction: str | None) -> Tensor:
    """The weights, 0 where masked; a mean over all entries becomes one over those that count."""
    if reduction in ("mean", "sum_over_batch_size"):
        counted = float(mask.array.sum())
        mask = ops.multiply(mask, mask.array.size / (counted or math.inf))
    return mask if weights is None else ops.multiply(_like(weights, mask), mask)


def _like(weights: Tensor, values: Tensor) -> Tensor:
    """Weights in the shape of ``values``: the weight of a sample is repeated over its steps."""
    if weights.shape == values.shape:
        return weights
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, -1)
    while weights.ndim < values.ndim:
        weights = ops.expand_dims(weights, -1)
    fits = all(n in (1, m) for n, m in zip(weights.shape, values.shape, strict=False))
    if weights.ndim != values.ndim or not fits:
        raise ValueError(
            f"The weights (sample_weight or mask) have shape {weights.shape}, but the losses have "
            f"shape {values.shape}: one weight per sample has shape {values.shape[:1]}."
        )
    return ops.broadcast_to(weights, values.shape)


class LossFunctionWrapper(Loss):
    """A function ``fn(y_true, y_pred, **kwargs)`` as a loss."""

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def _is_builtin(self) -> bool:
        return super()._is_builtin() and objects.is_builtin(self.fn)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        if y_true.ndim != y_pred.ndim:
            # As in Keras: labels (N,) beside outputs (N, 1) would broadcast to (N, N).
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": serialize(self.fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        if "fn" in config:
            config = {**config, "fn": deserialize(config["fn"])}
        return cls(**config)


class _Named(LossFunctionWrapper, metaclass=AcceptsOldNames):
    """A built-in loss: its configuration holds its arguments, not the function; they are its
    attributes too, such as ``loss.ignore_class``.
    """

    def __init__(self, fn: Callable, *, reduction: Any, name: Any, dtype: Any, **kwargs: Any):
        super().__init__(fn, reduction=reduction, name=name, dtype=dtype, **kwargs)
        vars(self).update(kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **self._fn_kwargs}


class MeanSquaredError(_Named):
    """The mean of ``(y_pred - y_true)**2``."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, reduction=reduction, name=name, dtype=dtype)


class MeanAbsoluteError(_Named):
    """The mean of ``|y_pred - y_true|``."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, reduction=reduction, name=name, dtype=dtype)


class MeanAbsolutePercentageError(_Named):
    """100 times the mean of ``|y_pred - y_true| / |y_true|``."""

    def __init__(
        self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None
    ):
        super().__init__(
            mean_absolute_percentage_error, reduction=reduction, name=name, dtype=dtype
        )


class MeanSquaredLogarithmicError(_Named):
    """The mean of ``(log(1 + y_pred) - log(1 + y_true))**2``."""

    def __init__(
        self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None
    ):
        super().__init__(
            mean_squared_logarithmic_error, reduction=reduction, name=name, dtype=dtype
        )


class Huber(_Named):
    """Quadratic for errors up to ``delta``, linear beyond, so that outliers count less."""

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(huber, reduction=reduction, name=name, dtype=dtype, delta=delta)


class LogCosh(_Named):
    """The mean of ``log(cosh(y_pred - y_true))``."""

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(log_cosh, reduction=reduction, name=name, dtype=dtype)


class CosineSimilarity(_Named):
    """Minus the cosine of the angle between label and prediction."""

    def __init__(
        self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None
    ):
        super().__init__(cosine_similarity, reduction=reduction, name=name, dtype=dtype, axis=axis)


class Hinge(_Named):
    """The mean of ``max(1 - y_true * y_pred, 0)``; labels are -1 and 1, or 0 and 1."""

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(hinge, reduction=reduction, name=name, dtype=dtype)


class SquaredHinge(_Named):
    """The mean of ``max(1 - y_true * y_pred, 0)**2``; labels are -1 and 1, or 0 and 1."""

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, reduction=reduction, name=name, dtype=dtype)


class CategoricalHinge(_Named):
    """``max(1 + worst - right, 0)``: the best score of a wrong class, and that of the right one."""

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, reduction=reduction, name=name, dtype=dtype)


class KLDivergence(_Named):
    """The sum of ``y_true * log(y_true / y_pred)``."""

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(kl_divergence, reduction=reduction, name=name, dtype=dtype)


class Poisson(_Named):
    """The mean of ``y_pred - y_true * log(y_pred)``: counts ``y_true`` at the rates ``y_pred``."""

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(poisson, reduction=reduction, name=name, dtype=dtype)


class BinaryCrossentropy(_Named):
    """Cross-entropy of yes/no questions: labels 0 and 1, predictions from a sigmoid (or logits)."""

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


class CategoricalCrossentropy(_Named):
    """Cross-entropy of several classes: one-hot labels, predictions from a softmax (or logits)."""

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


class SparseCategoricalCrossentropy(_Named):
    """CategoricalCrossentropy for labels that are class numbers; ``ignore_class`` is ignored."""

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


class BinaryFocalCrossentropy(_Named):
    """BinaryCrossentropy in which well predicted samples count less."""

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


class CategoricalFocalCrossentropy(_Named):
    """CategoricalCrossentropy in which well predicted samples count less."""

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


# --------------------------------------------------------------------------------------------------
# Names

_CLASSES = (
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge, Huber, KLDivergence,
    LogCosh, LossFunctionWrapper, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge,
)  # fmt: skip
_FUNCTIONS = (
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_hinge, cosine_similarity, hinge, huber,
    kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy,
    squared_hinge,
)  # fmt: skip
_SHORT = {
    "mse": mean_squared_error, "MSE": mean_squared_error,
    "mae": mean_absolute_error, "MAE": mean_absolute_error,
    "mape": mean_absolute_percentage_error, "MAPE": mean_absolute_percentage_error,
    "msle": mean_squared_logarithmic_error, "MSLE": mean_squared_logarithmic_error,
    "bce": binary_crossentropy, "BCE": binary_crossentropy,
    "kld": kl_divergence, "KLD": kl_divergence,
}  # fmt: skip
_REGISTRY: dict[str, Any] = {**{item.__name__: item for item in (*_CLASSES, *_FUNCTIONS)}, **_SHORT}
objects.TABLES["losses"] = _REGISTRY


def get(identifier: Any) -> Any:
    """Return the loss for a name, a configuration, a class or a function; None stays None.

    A function's name ("mse", "mean_squared_error") gives the function, a class's name
    ("MeanSquaredError") a new object.
    """
    if isinstance(identifier, str) and identifier not in _REGISTRY:
        identifier = current_name("loss", identifier)
    return objects.get(identifier, _REGISTRY, "loss")


def serialize(loss: Any) -> Any:
    """Return the configuration of a loss or of a loss function, of plain Python values."""
    return objects.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the loss of a configuration made by ``serialize``, or of a name."""
    return objects.deserialize(name, _REGISTRY, "loss", custom_objects)


def __getattr__(name: str) -> Any:
    return old_attribute("losses", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
