"""The base of all losses: weights, masks and the reduction to one number for a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config, dtype_policies, graph, ops
from ..labels import same_rank, to_float
from ..legacy import AcceptsOldNames, reduction_of_today
from ..ops import losses as twins
from ..ops.normalization import total
from ..promotion import dtype_named
from ..slices import open_slice
from ..tensor import Tensor, as_array, is_symbolic
from ..utils import objects, registration
from ..utils.naming import auto_name, public_names

_TINY = 1e-30
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
        dtype: the float type to compute in, or a ``DTypePolicy``; by default ``config.floatx()``,
            whatever the dtype of the predictions. Half precision is computed in float32. The
            functions, such as ``mean_squared_error``, keep the dtype of the predictions.

    To write a loss, define a subclass with ``call``, or just a function ``f(y_true, y_pred)``.
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        reduction = reduction_of_today(reduction)
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"Unknown reduction {reduction!r}. The reductions are "
                f"{', '.join(map(repr, REDUCTIONS))}."
            )
        self.name = name or auto_name(type(self).__name__)
        self.reduction = reduction
        self.dtype = dtype
        self._chose_dtype = dtype is not None

    @property
    def dtype(self) -> str:
        """The float type that the loss computes in, as a string."""
        return self._dtype.name

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self._policy = dtype_policies.get(dtype or config.floatx())
        self._dtype = dtype_named(dtype_policies.computed_in(self._policy.compute_dtype))

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
        if not losses.shape and np.ndim(sample_weight) and self._has_rows():
            raise ValueError(
                f"There are weights of shape {np.shape(sample_weight)}, but only one loss: labels "
                "and predictions of shape (N,) count as one sample. Give them the shape (N, 1) to "
                "weight each entry."
            )
        mask = _both(y_pred.mask, losses.mask)
        return _reduce(losses, sample_weight, mask, self.reduction)

    def _has_rows(self) -> bool:
        """Whether there is one loss per row, as in built-in functions; a user's may differ."""
        return registration.is_builtin(type(self).call)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Return one loss per sample."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred).")

    def get_config(self) -> dict[str, Any]:
        found = {"name": self.name, "reduction": self.reduction}
        return {**found, "dtype": self._policy.name} if self._chose_dtype else found

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
    _check_slice(losses, reduction)
    if sample_weight is None and mask is None:
        if reduction in ("none", None):
            return losses
        losses = to_float(losses, None, "The loss")
        return twins.scaled_sum((losses,), 1 if reduction == "sum" else _count(losses))
    dtype = losses.array.dtype
    if mask is None:
        weights = to_float(sample_weight, dtype, "sample_weight")
    else:
        given = None if sample_weight is None else to_float(sample_weight, dtype, "sample_weight")
        weights = _masked(given, to_float(mask, dtype, "mask"), reduction)
    given = weights
    if not losses.shape:  # one number for the whole batch: the same for each weight
        losses = ops.broadcast_to(losses, weights.shape)
    weights = _like(weights, losses)
    if reduction in ("none", None):
        return ops.multiply(losses, weights)
    if reduction == "sum" or not losses.shape:
        return _weighted_sum(losses, weights, 1)
    if reduction == "mean_with_sample_weight":  # weights that broadcast count once
        if open_slice() is not None:
            whole = total(ops.sum(given))
            return ops.divide(_weighted_sum(losses, weights, 1), whole)
        return twins.weighted_mean(losses, weights, given)
    return _weighted_sum(losses, weights, _count(losses))


def _weighted_sum(losses: Tensor, weights: Tensor, divisor: int) -> Tensor:
    return twins.scaled_sum((ops.multiply(losses, weights),), divisor)


def _check_slice(losses: Tensor, reduction: str | None) -> None:
    """Raise a ValueError for a loss that does not add up over the slices of a batch."""
    part = open_slice()
    if part is not None:
        part.whole(losses.shape, "The loss of a slice")
        if reduction in ("none", None):
            raise ValueError(
                "A loss with reduction=None is one number for each row. Where processes share a "
                "training, it has to be one for the batch: use the reduction "
                "'sum_over_batch_size' or 'sum'."
            )


def _count(values: Tensor) -> int:
    """Over how many numbers a mean goes: in a slice, those of the whole batch."""
    part = open_slice()
    return values.array.size if part is None else part.whole(values.shape, "The loss of a slice")


def _masked(weights: Tensor | None, mask: Tensor, reduction: str | None) -> Tensor:
    """The weights, 0 where masked; a mean over all entries becomes one over those that count."""
    if reduction in ("mean", "sum_over_batch_size"):
        if open_slice() is None:
            mask = twins.of_those_that_count(mask)
        else:
            counted = ops.maximum(total(ops.sum(mask)), _TINY)  # 0 if nothing counts
            mask = ops.multiply(mask, ops.divide(float(_count(mask)), counted))
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

    def _has_rows(self) -> bool:
        return super()._has_rows() and registration.is_builtin(self.fn)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        if y_true.ndim != y_pred.ndim:
            # As in Keras: labels (N,) beside outputs (N, 1) would broadcast to (N, N).
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": objects.serialize(self.fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        if "fn" in config:
            fn = objects.deserialize(config["fn"], objects.TABLES["losses"], "loss")
            config = {**config, "fn": fn}
        return cls(**config)


class NamedLoss(LossFunctionWrapper, metaclass=AcceptsOldNames):
    """A built-in loss: its configuration holds its arguments, not the function; they are its
    attributes too, such as ``loss.ignore_class``.
    """

    def __init__(self, fn: Callable, *, reduction: Any, name: Any, dtype: Any, **kwargs: Any):
        super().__init__(fn, reduction=reduction, name=name, dtype=dtype, **kwargs)
        vars(self).update(kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **self._fn_kwargs}


def in_graphs(loss: Callable) -> Callable:
    """Decorate a loss function so that a call with symbolic tensors is recorded in their graph."""

    @functools.wraps(loss)
    def function(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        if is_symbolic(y_pred) or is_symbolic(y_true):
            return graph.KerasTensor.record(function, (y_true, y_pred, *args), kwargs)
        return loss(y_true, y_pred, *args, **kwargs)

    return function
