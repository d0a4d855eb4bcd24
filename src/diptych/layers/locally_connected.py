"""Convolutions whose windows do not share their weights: LocallyConnected1D and 2D."""

from __future__ import annotations

import itertools
import math
from typing import Any

from .. import activations, constraints, initializers, ops, regularizers
from ..legacy.paths import note_removed
from ..utils.windows import standardize_data_format
from .layer import InputSpec, Layer


def _sizes(value: Any, rank: int) -> tuple[int, ...]:
    sizes = (value,) * rank if isinstance(value, int) else tuple(int(n) for n in value)
    if len(sizes) != rank:
        raise ValueError(f"Expected {rank} numbers, or one for all axes; got {value!r}.")
    return sizes


class _LocallyConnected(Layer):
    """For each window of its own: ``activation(window @ kernel[place] + bias[place])``.

    Input shape: (N, *sizes, C). Output shape: (N, *places, filters). Weights: kernel (P, window *
    C, filters), P the number of places, and bias (*places, filters).

    Args:
        filters: the number of output channels.
        kernel_size, strides: the size and the step of the window.
        padding: "valid" only: all windows lie inside.
        data_format, activation, use_bias, and the settings of the weights: as in Conv2D.
        implementation: accepted for Keras's sake, without effect.
    """

    pure = True
    rank = 0

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        implementation: int = 1,
        **kwargs: Any,
    ) -> None:
        note_removed(type(self).__name__)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if padding != "valid":
            raise ValueError(f"{type(self).__name__} has padding='valid' only; got {padding!r}.")
        self.filters = int(filters)
        self.kernel_size = _sizes(kernel_size, self.rank)
        self.strides = _sizes(strides, self.rank)
        self.padding = padding
        self.data_format = standardize_data_format(data_format, type(self).__name__)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.bias: Any = None

    def _last(self, shape: Any) -> tuple:
        """A shape with the channels last."""
        shape = tuple(shape)
        return shape if self.data_format == "channels_last" else (shape[0], *shape[2:], shape[1])

    def _places(self, sizes: tuple) -> tuple[int, ...]:
        if None in sizes:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) has weights for each place, so the "
                f"sizes of its input must be known; they are {sizes}."
            )
        steps = zip(sizes, self.kernel_size, self.strides, strict=True)
        return tuple((n - window) // step + 1 for n, window, step in steps)

    def build(self, input_shape: Any) -> None:
        _, *sizes, channels = self._last(input_shape)
        places = self._places(tuple(sizes))
        self.kernel = self.add_weight(
            name="kernel",
            shape=(math.prod(places), math.prod(self.kernel_size) * channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(*places, self.filters),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        first = self.data_format == "channels_first"
        x = ops.moveaxis(inputs, 1, -1) if first else inputs
        places = self._places(x.shape[1:-1])
        parts = []
        for offset in itertools.product(*map(range, self.kernel_size)):
            steps = zip(offset, places, self.strides, strict=True)
            cut = [slice(i, i + n * step - step + 1, step) for i, n, step in steps]
            parts.append(x[(slice(None), *cut)])
        windows = ops.stack(parts, axis=-2)  # (N, *places, window, C)
        windows = ops.reshape(windows, (x.shape[0], self.kernel.shape[0], self.kernel.shape[1]))
        y = ops.einsum("npd,pdf->npf", windows, self.kernel)
        y = ops.reshape(y, (x.shape[0], *places, self.filters))
        y = activations.get(self.activation)(y if self.bias is None else ops.add(y, self.bias))
        return ops.moveaxis(y, -1, 1) if first else y

    def compute_output_shape(self, input_shape: Any) -> tuple:
        batch, *sizes, _ = self._last(input_shape)
        places = self._places(tuple(sizes))
        if self.data_format == "channels_first":
            return (batch, self.filters, *places)
        return (batch, *places, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


class LocallyConnected1D(_LocallyConnected):
    __doc__ = _LocallyConnected.__doc__
    pure = True
    rank = 1


class LocallyConnected2D(_LocallyConnected):
    __doc__ = _LocallyConnected.__doc__
    pure = True
    rank = 2


__all__ = ["LocallyConnected1D", "LocallyConnected2D"]
