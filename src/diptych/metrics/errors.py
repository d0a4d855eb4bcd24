"""The losses as metrics: means over all samples.

The functions return one value per sample. They run the losses of the current engine on plain
arrays, so no gradient flows through them: for training, use `diptych.losses`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import config, engine
from .base import (
    Mean,
    MeanMetricWrapper,
    align_rank,
    as_array,
    as_float,
    masked_weight,
    same_shape,
)

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "RootMeanSquaredError",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]


def mean_squared_error(y_true: Any, y_pred: Any) -> np.ndarray:
    """mean((y_true - y_pred)^2) over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return _loss("losses", "mean_squared_error", y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> np.ndarray:
    """mean(|y_true - y_pred|) over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return _loss("losses", "mean_absolute_error", y_true, y_pred)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> np.ndarray:
    """100 mean(|y_true - y_pred| / max(|y_true|, epsilon)) over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return _loss(
        "losses", "mean_absolute_percentage_error", y_true, y_pred, epsilon=config.epsilon()
    )


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> np.ndarray:
    """mean((log(1 + y_true) - log(1 + y_pred))^2) over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return _loss(
        "losses", "mean_squared_logarithmic_error", y_true, y_pred, epsilon=config.epsilon()
    )


def log_cosh(y_true: Any, y_pred: Any) -> np.ndarray:
    """mean(log(cosh(y_pred - y_true))) over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return _loss("losses", "log_cosh", y_true, y_pred)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> np.ndarray:
    """Half the squared error up to `delta`, linear beyond; mean over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return _loss("losses", "huber", y_true, y_pred, delta=delta)


def poisson(y_true: Any, y_pred: Any) -> np.ndarray:
    """mean(y_pred - y_true log(y_pred)) over the last axis.

    y_true and y_pred (..., D) give (...).
    """
    return _loss("losses", "poisson", y_true, y_pred, epsilon=config.epsilon())


def hinge(y_true: Any, y_pred: Any) -> np.ndarray:
    """mean(max(1 - y_true y_pred, 0)) over the last axis; labels 0 and 1 count as -1 and 1.

    y_true and y_pred (..., D) give (...).
    """
    return _loss("losses", "hinge", y_true, y_pred)


def squared_hinge(y_true: Any, y_pred: Any) -> np.ndarray:
    """mean(max(1 - y_true y_pred, 0)^2) over the last axis; labels 0 and 1 count as -1 and 1.

    y_true and y_pred (..., D) give (...).
    """
    return _loss("losses", "squared_hinge", y_true, y_pred)


def categorical_hinge(y_true: Any, y_pred: Any) -> np.ndarray:
    """max(1 + best score of a wrong class - score of the right class, 0).

    y_true and y_pred (..., C) give (...).
    """
    return _loss("losses", "categorical_hinge", y_true, y_pred)


def kl_divergence(y_true: Any, y_pred: Any) -> np.ndarray:
    """sum(y_true log(y_true / y_pred)) over the last axis.

    y_true and y_pred (..., C) give (...).
    """
    return _loss("crossentropy", "kl_divergence", y_true, y_pred, epsilon=config.epsilon())


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> np.ndarray:
    """-mean(y_true log(y_pred) + (1 - y_true) log(1 - y_pred)) over `axis`.

    y_true and y_pred (..., D) give (...).

    Args:
        from_logits: whether y_pred are logits, before the sigmoid.
        label_smoothing: moves labels so far from 0 and 1 towards one half.
        axis: over which the mean is taken.
    """
    return _loss(
        "crossentropy",
        "binary_crossentropy",
        y_true,
        y_pred,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        axis=axis,
        epsilon=config.epsilon(),
    )


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> np.ndarray:
    """-sum(y_true log(y_pred)) over `axis`, y_pred scaled to the sum 1.

    y_true and y_pred (..., C) give (...).

    Args:
        from_logits: whether y_pred are logits, before the softmax.
        label_smoothing: moves so much of a one-hot label evenly to all classes.
        axis: that of the classes.
    """
    return _loss(
        "crossentropy",
        "categorical_crossentropy",
        y_true,
        y_pred,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        axis=axis,
        epsilon=config.epsilon(),
    )


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> np.ndarray:
    """-log(y_pred) at the class number in `y_true`; 0 where that is `ignore_class`.

    y_true (...) of integers and y_pred (..., C) give (...).

    Args:
        from_logits: whether y_pred are logits, before the softmax.
        axis: that of the classes.
    """
    y_true, y_pred = as_array(y_true), as_float(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = y_true.squeeze(axis)
    forward = engine.current().function("crossentropy", "sparse_categorical_crossentropy_forward")
    loss, _ = forward(
        y_true.astype(np.int64),
        y_pred,
        from_logits=from_logits,
        ignore_class=ignore_class,
        axis=axis,
        epsilon=config.epsilon(),
    )
    return loss


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> np.ndarray:
    """Binary cross-entropy in which easy samples count less: each times (1 - probability)^gamma.

    y_true and y_pred (..., D) give (...).

    Args:
        apply_class_balancing: whether to weigh by ``alpha``.
        alpha: the weight of labels 1; that of labels 0 is 1 - alpha.
        gamma: how much less easy samples count; 0 for all alike.
        from_logits: whether y_pred are logits, before the sigmoid.
        label_smoothing: moves labels so far from 0 and 1 towards one half.
        axis: over which the mean is taken.
    """
    return _loss(
        "crossentropy",
        "binary_focal_crossentropy",
        y_true,
        y_pred,
        apply_class_balancing=apply_class_balancing,
        alpha=alpha,
        gamma=gamma,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        axis=axis,
        epsilon=config.epsilon(),
    )


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> np.ndarray:
    """Categorical cross-entropy with easy samples weighted down: each times alpha (1 -
    probability)^gamma.

    y_true and y_pred (..., C) give (...).

    Args:
        alpha: the weight of a class.
        gamma: how much less easy samples count; 0 for all alike.
        from_logits: whether y_pred are logits, before the softmax.
        label_smoothing: moves so much of a one-hot label evenly to all classes.
        axis: that of the classes.
    """
    return _loss(
        "crossentropy",
        "categorical_focal_crossentropy",
        y_true,
        y_pred,
        alpha=alpha,
        gamma=gamma,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        axis=axis,
        epsilon=config.epsilon(),
    )


def _cosine(y_true, y_pred, axis=-1):
    y_true, y_pred = as_float(y_true), as_float(y_pred)
    if y_true.shape != y_pred.shape:  # their lengths are those before broadcasting
        y_true, y_pred = align_rank(y_true, y_pred)
        y_true, y_pred = _of_length_one(y_true, axis), _of_length_one(y_pred, axis)
        y_true, y_pred = same_shape(y_true, y_pred, "cosine_similarity", broadcast=True)
        return (y_true * y_pred).sum(axis)
    # The loss is the negative of the cosine.
    return -_loss("losses", "cosine_similarity", y_true, y_pred, axis=axis, epsilon=1e-12)


def _of_length_one(x, axis):
    return x / np.maximum(np.sqrt(np.square(x).sum(axis, keepdims=True)), 1e-12)


def _loss(family, name, y_true, y_pred, **options):
    # A crossentropy's labels must have the shape of its predictions.
    broadcast = not name.endswith("crossentropy")
    y_true, y_pred = same_shape(y_true, as_float(y_pred), name, broadcast)
    forward = engine.current().function(family, f"{name}_forward")
    return forward(y_true.astype(y_pred.dtype, copy=False), y_pred, **options)[0]


class _Error(MeanMetricWrapper):
    """The base of these metrics: their configuration holds the arguments, not the function."""

    _direction = "down"

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


class MeanSquaredError(_Error):
    """The mean of (y_true - y_pred)^2.

    y_true and y_pred (N, ..., D).
    """

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name=name, dtype=dtype)


class RootMeanSquaredError(Mean):
    """The square root of the mean of (y_true - y_pred)^2.

    y_true and y_pred (N, ...) have one shape.
    """

    _direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Add a batch. sample_weight: a number, (N,), or of the shape of y_true."""
        mask = getattr(y_pred, "mask", None)
        if mask is not None:
            sample_weight = masked_weight(sample_weight, as_array(mask))
        y_true, y_pred = same_shape(
            y_true, as_float(y_pred), "root_mean_squared_error", broadcast=True
        )
        errors = y_pred - y_true.astype(y_pred.dtype, copy=False)
        super().update_state(np.square(errors), sample_weight)

    def result(self) -> Any:
        return self._dtype.type(math.sqrt(super().result()))


class MeanAbsoluteError(_Error):
    """The mean of |y_true - y_pred|.

    y_true and y_pred (N, ..., D).
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, name=name, dtype=dtype)


class MeanAbsolutePercentageError(_Error):
    """The mean of 100 |y_true - y_pred| / |y_true|.

    y_true and y_pred (N, ..., D).
    """

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_percentage_error, name=name, dtype=dtype)


class MeanSquaredLogarithmicError(_Error):
    """The mean of (log(1 + y_true) - log(1 + y_pred))^2.

    y_true and y_pred (N, ..., D).
    """

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name=name, dtype=dtype)


class LogCoshError(_Error):
    """The mean of log(cosh(y_pred - y_true)).

    y_true and y_pred (N, ..., D).
    """

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, name=name, dtype=dtype)


class CosineSimilarity(_Error):
    """The mean cosine of the angle between label and prediction along `axis`: 1 in the same
    direction.

    y_true and y_pred (N, ..., D).
    """

    _direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(_cosine, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class Poisson(_Error):
    """The mean of y_pred - y_true log(y_pred).

    y_true and y_pred (N, ..., D).
    """

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, name=name, dtype=dtype)


class KLDivergence(_Error):
    """The mean of sum(y_true log(y_true / y_pred)).

    y_true and y_pred (N, ..., C).
    """

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, name=name, dtype=dtype)


class Hinge(_Error):
    """The mean of max(1 - y_true y_pred, 0).

    y_true and y_pred (N, ..., D).
    """

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, name=name, dtype=dtype)


class SquaredHinge(_Error):
    """The mean of max(1 - y_true y_pred, 0)^2.

    y_true and y_pred (N, ..., D).
    """

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, name=name, dtype=dtype)


class CategoricalHinge(_Error):
    """The mean of max(1 + best score of a wrong class - score of the right class, 0).

    y_true and y_pred (N, ..., C).
    """

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(categorical_hinge, name=name, dtype=dtype)


class BinaryCrossentropy(_Error):
    """The mean of -(y_true log(y_pred) + (1 - y_true) log(1 - y_pred)).

    y_true and y_pred (N, ..., D).

    Args:
        from_logits: whether y_pred are logits, before the sigmoid.
        label_smoothing: moves labels so far from 0 and 1 towards one half.
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(_Error):
    """The mean of -sum(y_true log(y_pred)) for one-hot labels.

    y_true and y_pred (N, ..., C).

    Args:
        from_logits: whether y_pred are logits, before the softmax.
        label_smoothing: moves so much of a one-hot label evenly to all classes.
        axis: that of the classes.
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(_Error):
    """The mean of -log(y_pred) at the class number in `y_true`.

    y_true (N, ...) of integers, y_pred (N, ..., C).

    ignore_class: a label whose samples count as 0; with sample weights, they do not count at all.

    Args:
        from_logits: whether y_pred are logits, before the softmax.
        axis: that of the classes.
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Add a batch. sample_weight: a number, (N,), or of the shape of y_true."""
        if sample_weight is not None and self.ignore_class is not None:
            labels = as_array(y_true)
            if labels.ndim == y_pred.ndim and labels.shape[self.axis] == 1:
                labels = labels.squeeze(self.axis)
            sample_weight = masked_weight(sample_weight, labels != self.ignore_class)
        super().update_state(y_true, y_pred, sample_weight)
