"""The base of all metrics; sums and means.

A metric is called at every training step, on plain arrays: no tape records anything here. Its state
is in float64 variables, so that counts stay exact in long runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np

from .. import config, dtype_policies, engine
from ..promotion import dtype_named
from ..stateless import StatelessScope, check_values, values_of
from ..tensor import Tensor, Variable
from ..trial import open_trial
from ..utils import objects, registration
from ..utils.naming import auto_name, public_names
from .serialization import deserialize

__all__ = ["Mean", "MeanMetricWrapper", "Metric", "Sum"]


class Metric:
    """A number accumulated over batches: `update_state` adds a batch, `result` returns the number
    so far.

        class Spread(Metric):
            def __init__(self, name="spread", **kwargs):
                super().__init__(name=name, **kwargs)
                self.low = self.add_weight(name="low")
                self.high = self.add_weight(name="high")

            def update_state(self, y_true, y_pred, sample_weight=None):
                y_pred = np.asarray(y_pred)
                self.low.assign(min(self.low.numpy(), y_pred.min()))
                self.high.assign(max(self.high.numpy(), y_pred.max()))

            def result(self):
                return self.high - self.low

    Arguments may be arrays, tensors or lists. `reset_state` sets every variable to zero. `dtype` is
    that of the result, or a `DTypePolicy`; half precision is float32.
    """

    # Which direction is better, for callbacks that monitor the metric: "up", "down", or None if
    # unknown.
    _direction: str | None = None

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(type(self).__name__)
        self._policy = dtype_policies.get(dtype or config.floatx())
        self._dtype = dtype_named(dtype_policies.computed_in(self._policy.compute_dtype))
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The float type of the result, as a string."""
        return self._dtype.name

    @property
    def variables(self) -> list[Variable]:
        """The variables of this metric and of the metrics that are attributes of it."""
        found = list(self._weights())
        for value in vars(self).values():
            if isinstance(value, Metric):
                found += value.variables
        return found

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the state; by default zeros of float64."""
        from .. import initializers

        weights = self._weights()
        variable = Variable(
            initializers.get("zeros" if initializer is None else initializer),
            shape=(shape,) if isinstance(shape, int) else tuple(shape),
            dtype=dtype or "float64",
            trainable=False,
            name=name,
        )
        variable.path = f"{self.name}/{variable.name}"
        weights.append(variable)
        return variable

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Keras's other name of `add_weight`; `aggregation` matters only with several devices."""
        return self.add_weight(shape=shape, initializer=initializer, dtype=dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch, such as y_true and y_pred (N, ...), to the state."""
        raise NotImplementedError(
            f"{type(self).__name__} must implement update_state(self, y_true, y_pred)"
        )

    def result(self) -> Any:
        """Return the metric of all batches since the last ``reset_state``: a number, or an array
        or a dict of several.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement result(self)")

    def reset_state(self) -> None:
        """Reset the state to zero."""
        trial = open_trial.get()
        for variable in self.variables:
            if trial is not None:
                trial.remember(variable)
            variable.array.fill(0)

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[Tensor]:
        """`update_state` from these values of the variables; returns the new ones.

        The variables themselves stay as they are. ValueError unless there is a value for each.
        """
        with self._other_values(metric_variables):
            self.update_state(*args, **kwargs)
            return values_of(self.variables)

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """`result` for these values of the variables, which stay as they are."""
        with self._other_values(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Tensor]:
        """The values of the variables after `reset_state`; they stay as they are."""
        with self._other_values(values_of(self.variables)):
            self.reset_state()
            return values_of(self.variables)

    def _other_values(self, values: Sequence[Any]) -> StatelessScope:
        return StatelessScope(check_values(self, "metric_variables", values, self.variables))

    def reset_states(self) -> None:
        """The name of `reset_state` in Keras 2."""
        self.reset_state()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self._policy.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    __dir__ = public_names

    def _weights(self):
        try:
            return self._variables
        except AttributeError:
            raise RuntimeError(
                f"{type(self).__name__}.__init__ must call super().__init__(name=name) first"
            ) from None

    def _typed(self, value):
        """A number or array in the metric's float type."""
        return typed(value, self._dtype)


class _Float32(np.float32):
    """np.float32, a result that answers to ``result().numpy()`` too, as a tensor does."""

    def numpy(self):
        return np.float32(self)


class _Float64(np.float64):
    """np.float64, in the same way."""

    def numpy(self):
        return np.float64(self)


_RESULTS = {"f": _Float32, "d": _Float64}
_count = inspect.unwrap(np.count_nonzero)  # without NumPy's search for other kinds of arrays


def typed(value, dtype):
    """A result of a float type: a number of NumPy's, or an array."""
    array = np.array(value, dtype=dtype)
    return array if array.ndim else _RESULTS[array.dtype.char](array)


class Sum(Metric):
    """The sum of all values, each times its weight.

    The values may have any shape.

    >>> float(metrics.Sum()([1, 3, 5, 7]))
    16.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_weight(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """values: any shape. sample_weight: its shape, or its shape without last axes."""
        values = as_array(values)
        if sample_weight is not None:
            values, weight = align_rank(values, as_array(sample_weight))
            values = values * broadcast_weight(weight, values)
        self.total.assign_add(values.sum(dtype=np.float64))

    def result(self) -> Any:
        return self._typed(self.total.array)


class Mean(Metric):
    """The mean of all values: sum(weight * value) / sum(weight). 0 before the first.

    The values may have any shape.

    >>> float(metrics.Mean()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0]))
    2.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_weight(name="total")
        self.count = self.add_weight(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """values: a number, or (N, ...), where the mean over all but the first axis is the sample's
        value.

        sample_weight: a number, (N,), or more axes of `values`; for a single value any shape.
        """
        if sample_weight is not None:
            if isinstance(sample_weight, (int, float)) and not getattr(values, "ndim", 1):
                # fast path: the loss of a batch, at every step
                add_pair(self.total, float(values) * sample_weight, self.count, sample_weight)
            else:
                self._update_weighted(values, sample_weight)
            return
        values = as_array(values)
        if not values.ndim:
            add_pair(self.total, float(values), self.count, 1)
            return
        samples = values.shape[0]
        size = values.size
        if not size:
            return
        # Counting is several times faster than summing, and accuracies are the common case.
        if values.dtype.char == "?":
            total = _count(values)
        else:
            total = _sum_of(values)
        amount = float(total) if size == samples else total * samples / size
        add_pair(self.total, amount, self.count, samples)

    def _update_weighted(self, values, sample_weight):
        values, weight = align_rank(as_array(values), as_array(sample_weight))
        if values.dtype == bool:
            values = values.astype(self._dtype)
        if values.ndim > weight.ndim:
            values = values.mean(axis=tuple(range(weight.ndim, values.ndim)))
        if not values.ndim:  # one number for the whole batch: the same for each weight
            values = np.broadcast_to(values, weight.shape)
        weight = broadcast_weight(weight, values)
        if not values.size:
            return
        # Averaging weights and weighted values over the other axes leaves one of each per sample.
        share = values.shape[0] / values.size if values.ndim else 1.0
        total = np.sum(values * weight, dtype=np.float64) * share
        add_pair(self.total, total, self.count, np.sum(weight, dtype=np.float64) * share)

    def result(self) -> Any:
        count = self.count.array.item()
        return _RESULTS[self._dtype.char](self.total.array.item() / count if count else 0.0)


class MeanMetricWrapper(Mean):
    """The mean of a function `fn(y_true, y_pred, **kwargs)` that gives one value per sample."""

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        self._is_users = not registration.is_builtin(fn)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Add a batch. sample_weight: a number, (N,), or more axes of the function's result."""
        if type(y_pred) is not np.ndarray:
            mask = getattr(y_pred, "mask", None)
            if mask is not None:
                sample_weight = masked_weight(sample_weight, as_array(mask))
        if self._is_users:
            ranks = getattr(y_true, "ndim", None), getattr(y_pred, "ndim", None)
            if ranks[0] != ranks[1] and None not in ranks:
                # As for losses: labels (N,) beside outputs (N, 1) would broadcast to (N, N).
                y_true, y_pred = align_rank(y_true, y_pred)
        Mean.update_state(self, self._fn(y_true, y_pred, **self._fn_kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        fn = self._fn
        config = fn if not callable(fn) or isinstance(fn, str) else objects.serialize(fn)
        return {**super().get_config(), "fn": config, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if isinstance(config.get("fn"), dict):
            config = {**config, "fn": deserialize(config["fn"])}
        return cls(**config)


def _sum_of(values):
    """The sum in double precision; on the fast engine in the order of its plans."""
    current = engine.current()
    total = current.kernels.sums.sum_of(values) if current.name == "fast" else None
    return np.add.reduce(values, axis=None, dtype=np.float64) if total is None else total


def add_pair(total, amount, count, number):
    """Add to two variables of shape (): the same as `assign_add`, ten times as fast."""
    trial = open_trial.get()
    if trial is not None:
        trial.remember(total)
        trial.remember(count)
    array = total.array
    array[()] = array.item() + amount
    array = count.array
    array[()] = array.item() + number


def as_array(x):
    """The array of a tensor, or of anything NumPy takes."""
    if type(x) is np.ndarray:
        return x
    if isinstance(x, Tensor):
        return x.array
    return np.asarray(x)


def as_float(x):
    """`x` as an array of float32 or float64; other dtypes become floatx."""
    x = as_array(x)
    return x if x.dtype in (np.float32, np.float64) else x.astype(config.floatx())


@lru_cache
def limit(threshold, dtype):
    """A threshold as an array of the type it is compared with, which is faster than a number."""
    return np.asarray(threshold, dtype=dtype if dtype.kind == "f" else np.float64)


def align_rank(a, b):
    """Give (N,) and (N, 1) the same rank: an axis of size 1 at the end is added or dropped."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def same_shape(y_true, y_pred, metric, broadcast=False):
    """Both as arrays of the same shape, to which they may be broadcast; ValueError if they do not
    fit.
    """
    y_true, y_pred = as_array(y_true), as_array(y_pred)
    if y_true.shape != y_pred.shape:
        y_true, y_pred = align_rank(y_true, y_pred)
        if broadcast:
            with suppress(ValueError):
                return np.broadcast_arrays(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise ValueError(
                f"{metric} got y_true of shape {y_true.shape} and y_pred of shape {y_pred.shape}; "
                "expected equal shapes" + _shape_hint(y_true, y_pred, metric)
            )
    return y_true, y_pred


def same_columns(y_true, y_pred, metric):
    """Both as arrays (..., classes) of one shape, to which they may be broadcast, but not along the
    classes: class numbers beside scores are a mistake.
    """
    y_true, y_pred = as_array(y_true), as_array(y_pred)
    if y_true.shape[-1:] == y_pred.shape[-1:] and y_pred.ndim:
        with suppress(ValueError):
            return np.broadcast_arrays(y_true, y_pred)
    return same_shape(y_true, y_pred, metric)


def broadcast_weight(weight, values):
    """Weights of the shape of `values`; missing last axes are added."""
    if weight.ndim < values.ndim:
        weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
    try:
        return np.broadcast_to(weight, values.shape)
    except ValueError:
        raise ValueError(
            f"sample_weight has the shape {weight.shape}, the values have {values.shape}; "
            f"expected one weight per sample, ({values.shape[0] if values.ndim else 1},)"
        ) from None


def masked_weight(sample_weight, mask):
    """Weights that are 0 where `mask` is False."""
    weight = mask.astype(config.floatx())
    if sample_weight is None:
        return weight
    sample_weight = as_array(sample_weight)
    if sample_weight.ndim < weight.ndim:
        return weight * broadcast_weight(sample_weight, weight)
    weight, sample_weight = align_rank(weight, sample_weight)
    return weight * sample_weight


def _shape_hint(y_true, y_pred, metric):
    if y_true.ndim == y_pred.ndim - 1 and not metric.startswith("sparse"):
        return (
            f". Class numbers go with sparse_categorical_ metrics; "
            f"to_categorical(y_true, num_classes={y_pred.shape[-1]}) makes them one-hot"
        )
    return ""
