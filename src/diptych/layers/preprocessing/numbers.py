"""Layers that scale numbers: Rescaling and Normalization."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ... import config, ops
from ...tensor import Tensor
from ...utils import PyDataset
from ..data_layer import DataLayer


class Rescaling(DataLayer):
    """``inputs * scale + offset``: Rescaling(1 / 255) brings bytes into the range from 0 to 1. The
    shape stays.

    Args:
        scale: a number, or an array that broadcasts against the inputs.
        offset: a number, or such an array.
    """

    pure = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = _plain(scale)
        self.offset = _plain(offset)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        scale = np.asarray(self.scale, self.dtype)
        if scale.ndim and config.image_data_format() == "channels_first":
            scale = scale.reshape(scale.shape + (1,) * (3 - scale.ndim))
        offset = np.asarray(self.offset, self.dtype)
        return ops.add(ops.multiply(ops.cast(inputs, self.dtype), scale), offset)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}


def _plain(value: Any) -> Any:
    """An array as nested lists, for a configuration; numbers and lists unchanged."""
    return np.asarray(value).tolist() if hasattr(value, "__array__") else value


class Normalization(DataLayer):
    """Subtracts the mean and divides by the standard deviation, feature by feature.

    The shape stays; (N, D) has D means.

    Mean and variance are given, or computed by ``adapt(data)`` before training.

    Args:
        axis: the axis, or axes, along which every position has its own mean and variance; the last
            by default. None: one mean and variance for everything.
        mean: the mean, instead of ``adapt``; together with ``variance``.
        variance: the variance.
        invert: whether to invert it: multiply, and add the mean.
    """

    pure = True

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        axes = () if axis is None else (axis,) if isinstance(axis, (int, np.integer)) else axis
        self.axis = tuple(int(a) for a in axes)
        if (mean is None) != (variance is None):
            raise ValueError(
                "Normalization takes both mean and variance, or neither to learn them with "
                f"adapt(); got mean={mean!r}, variance={variance!r}."
            )
        if np.shape(mean) != np.shape(variance) or np.ndim(mean) > len(self.axis):
            raise ValueError(
                "Normalization needs mean and variance of one shape with at most as many axes as "
                f"`axis` has ({len(self.axis)}); got {np.shape(mean)} and {np.shape(variance)}."
            )
        self.input_mean = _plain(mean)
        self.input_variance = _plain(variance)
        self.invert = invert
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(
                f"Layer {self.name!r} (Normalization) normalises along the axes {self.axis}, but "
                f"its input, of shape {tuple(input_shape)}, has {rank}."
            )
        self._kept = tuple(sorted(a % rank for a in self.axis))
        self._build_shape = tuple(input_shape)
        sizes = tuple(input_shape[a] for a in self._kept)
        if None in sizes:
            raise ValueError(
                f"Layer {self.name!r} (Normalization) needs to know the sizes along the axes "
                f"{self.axis} of its input; its shape is {tuple(input_shape)}."
            )
        self._broadcast = tuple(n if a in self._kept else 1 for a, n in enumerate(input_shape))
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(sizes, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", "int64", trainable=False, name="count")
        else:
            try:
                np.broadcast_to(np.asarray(self.input_mean), sizes)
            except ValueError:
                raise ValueError(
                    f"Layer {self.name!r} (Normalization) got mean and variance of shape "
                    f"{np.shape(self.input_mean)}, which do not fit the sizes {sizes} along the "
                    f"axes {self.axis} of its input."
                ) from None
        self.built = True

    def adapt(self, data: Any) -> None:
        """Compute mean and variance of data, replacing those of an earlier call.

        Args:
            data: an array, or an iterable of batches (a list of arrays, a generator, a PyDataset);
                of batches (x, y), only x is used.
        """
        batches: Iterator[Any] = iter([data]) if _is_array(data) else _batches(data)
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in batches:
            x = np.asarray(batch, np.float64)
            if not self.built:
                self.build(x.shape)
            self._check_batch(x.shape)
            if self.input_mean is not None:
                raise ValueError(
                    f"Layer {self.name!r} (Normalization) was made with mean and variance, so "
                    "there is nothing to adapt. Leave them out to use adapt()."
                )
            others = tuple(a for a in range(x.ndim) if a not in self._kept)
            rows = math.prod(x.shape[a] for a in others)
            if rows == 0:
                continue
            # Chan, Golub & LeVeque 1983, Algorithms for computing the sample variance: the means
            # and variances of two parts give those of the whole.
            share = rows / (count + rows)
            step = x.mean(axis=others) - mean
            mean = mean + share * step
            variance = (1 - share) * variance + share * x.var(axis=others)
            variance = variance + share * (1 - share) * step**2
            count += rows
        if count == 0:
            raise ValueError("adapt() got no data: at least one batch with a row is needed.")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def finalize_state(self) -> None:
        """Nothing is left to do: what ``adapt`` computed counts at once."""

    def _check_batch(self, shape: tuple) -> None:
        if len(shape) != len(self._broadcast) or any(
            shape[a] != self._broadcast[a] for a in self._kept
        ):
            raise ValueError(
                f"Layer {self.name!r} (Normalization) was built for inputs of shape "
                f"{self._build_shape}, but adapt() got data of shape {shape}."
            )

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, self.dtype)
        mean, variance = self._statistics()
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(ops.multiply(inputs, deviation), mean)
        return ops.divide(ops.subtract(inputs, mean), deviation)

    def _statistics(self) -> tuple:
        """Mean and variance, in a shape that broadcasts against the inputs."""
        if self.input_mean is None:
            found: tuple[Tensor, ...] = (self.adapt_mean, self.adapt_variance)
        else:
            sizes = tuple(self._broadcast[a] for a in self._kept)
            given = (self.input_mean, self.input_variance)
            found = tuple(
                Tensor(np.broadcast_to(np.asarray(part, self.dtype), sizes)) for part in given
            )
        return tuple(ops.reshape(part, self._broadcast) for part in found)

    @property
    def mean(self) -> Tensor:
        """The mean, in a shape that broadcasts against the inputs."""
        return self._found("mean", 0)

    @property
    def variance(self) -> Tensor:
        """The variance, in the same shape."""
        return self._found("variance", 1)

    def _found(self, name: str, index: int) -> Tensor:
        if not self.built:
            raise AttributeError(
                f"Layer {self.name!r} (Normalization) has no {name} yet: call adapt(data)."
            )
        return self._statistics()[index]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": self.input_mean,
            "variance": self.input_variance,
        }


def _is_array(data: Any) -> bool:
    return hasattr(data, "__array__") or isinstance(data, Tensor)


def _batches(data: Any) -> Iterator[Any]:
    """The x of each batch."""
    if isinstance(data, PyDataset):
        data = map(data.__getitem__, range(len(data)))
    elif not isinstance(data, Iterable):
        raise TypeError(
            "adapt() takes an array or an iterable of batches; got an object of type "
            f"{type(data).__name__}."
        )
    for batch in data:
        x = batch[0] if isinstance(batch, (tuple, list)) else batch
        if not _is_array(x):
            raise TypeError(
                "adapt() takes batches that are arrays, or tuples (x, y) of them; got one of type "
                f"{type(batch).__name__}. For a single array call adapt(np.array(...))."
            )
        yield x


__all__ = ["Normalization", "Rescaling"]
