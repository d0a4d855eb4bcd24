"""Layers of Keras 1 and 2 that Keras 3 no longer has."""

from __future__ import annotations

from typing import Any

from .. import activations, constraints, initializers, ops, regularizers
from ..legacy.paths import note_removed
from .core import Input, Lambda
from .layer import InputSpec, Layer
from .merging import Add, Average, Concatenate, Dot, Maximum, Multiply
from .recurrent import GRU, LSTM


class CuDNNLSTM(LSTM):
    """LSTM under the name of its GPU version."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        note_removed("CuDNNLSTM")
        super().__init__(units, **kwargs)


class CuDNNGRU(GRU):
    """GRU under the name of its GPU version."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        note_removed("CuDNNGRU")
        super().__init__(units, **kwargs)


class ThresholdedReLU(Layer):
    """x where x > theta, else 0."""

    pure = True

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        note_removed("ThresholdedReLU")
        super().__init__(**kwargs)
        if theta is None or theta < 0:
            raise ValueError(f"ThresholdedReLU needs theta >= 0; got {theta}.")
        self.theta = float(theta)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return ops.where(ops.greater(inputs, self.theta), inputs, ops.zeros_like(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "theta": self.theta}


class _Weighted(Layer):
    """What MaxoutDense and Highway share: the settings of kernels and biases."""

    def __init__(
        self,
        use_bias: bool,
        kernel_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=2)

    def _kernel(self, name: str, shape: tuple) -> Any:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )

    def _bias(self, name: str, shape: tuple, initializer: Any = "zeros") -> Any:
        if not self.use_bias:
            return None
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


class MaxoutDense(_Weighted):
    """The largest of several linear functions: (N, D) to (N, units).

    Weights: kernel (nb_feature, D, units), bias (nb_feature, units).

    Source: Goodfellow et al. 2013, Maxout networks.
    """

    pure = True

    def __init__(
        self,
        units: int,
        nb_feature: int = 4,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        note_removed("MaxoutDense")
        super().__init__(
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.units = int(units)
        self.nb_feature = int(nb_feature)

    def build(self, input_shape: Any) -> None:
        self.kernel = self._kernel("kernel", (self.nb_feature, input_shape[-1], self.units))
        self.bias = self._bias("bias", (self.nb_feature, self.units))
        self.built = True

    def call(self, inputs: Any) -> Any:
        y = ops.einsum("nd,fdu->nfu", inputs, self.kernel)
        return ops.max(y if self.bias is None else ops.add(y, self.bias), axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "nb_feature": self.nb_feature}


class Highway(_Weighted):
    """t activation(x W + b) + (1 - t) x, with the gate t = sigmoid(x W_t + b_t).

    Weights: kernel and gate_kernel (D, D), bias and gate_bias (D,); the gate's bias starts at
    ``transform_bias``.

    Source: Srivastava, Greff & Schmidhuber 2015, Highway networks.
    """

    pure = True

    def __init__(
        self,
        transform_bias: float = -2.0,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        note_removed("Highway")
        super().__init__(
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.transform_bias = float(transform_bias)
        self.activation = activations.get(activation)

    def build(self, input_shape: Any) -> None:
        size = input_shape[-1]
        self.kernel = self._kernel("kernel", (size, size))
        self.gate_kernel = self._kernel("gate_kernel", (size, size))
        self.bias = self._bias("bias", (size,))
        start = initializers.Constant(self.transform_bias)
        self.gate_bias = self._bias("gate_bias", (size,), start)
        self.built = True

    def call(self, inputs: Any) -> Any:
        gate = ops.sigmoid(ops.dense(inputs, self.gate_kernel, self.gate_bias))
        y = activations.get(self.activation)(ops.dense(inputs, self.kernel, self.bias))
        return ops.add(ops.multiply(gate, y), ops.multiply(ops.subtract(1.0, gate), inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "transform_bias": self.transform_bias,
            "activation": activations.serialize(self.activation),
        }


# ------------------------------------------------------------------------------------------------
# Merging

_MODES = ("sum", "mul", "concat", "ave", "max", "dot", "cos")


def _merging_layer(
    mode: Any, concat_axis: int, dot_axes: Any, output_shape: Any, arguments: Any
) -> Layer:
    """The layer of today for a mode: one of `_MODES`, or a function of a list of tensors."""
    if callable(mode):
        return Lambda(mode, output_shape=output_shape, arguments=arguments)
    if mode not in _MODES:
        raise ValueError(f"Merge got mode={mode!r}; expected one of {', '.join(_MODES)}.")
    if mode == "concat":
        return Concatenate(axis=concat_axis)
    if mode in ("dot", "cos"):
        return Dot(axes=dot_axes, normalize=mode == "cos")
    return {"sum": Add, "mul": Multiply, "ave": Average, "max": Maximum}[mode]()


class Merge(Layer):
    """Combines several tensors, or the outputs of several models.

        Merge(mode="concat")([a, b])

        both = Sequential()
        both.add(Merge([left, right], mode="sum"))    # its inputs: those of left, those of right

    Args:
        layers: models whose outputs are merged; None: the layer is called on a list of tensors.
        mode: "sum", "mul", "concat", "ave", "max", "dot", "cos", or a function of a list.
        concat_axis, dot_axes: the axes for "concat", and for "dot" and "cos".
        output_shape, arguments: for a function, as in ``Lambda``.
    """

    def __init__(
        self,
        layers: Any = None,
        mode: Any = "sum",
        concat_axis: int = -1,
        dot_axes: Any = -1,
        output_shape: Any = None,
        arguments: Any = None,
        **kwargs: Any,
    ) -> None:
        note_removed("Merge")
        super().__init__(**kwargs)
        self.branches = list(layers or ())
        for branch in self.branches:
            if getattr(branch, "inputs", None) is None:
                raise ValueError(
                    f"Merge takes models whose input's shape is known; {branch!r} has none yet: "
                    "give its first layer `input_shape`."
                )
        self.merging = _merging_layer(mode, concat_axis, dot_axes, output_shape, arguments)

    def new_inputs(self) -> list:
        """New symbolic inputs for a Sequential that begins with this layer."""
        given = [x for branch in self.branches for x in branch.inputs]
        return [Input(batch_shape=x.shape, dtype=x.dtype) for x in given]

    def call(self, inputs: Any) -> Any:
        if not self.branches:
            return self.merging(inputs)
        rest, outputs = list(inputs), []
        for branch in self.branches:
            count = len(branch.inputs)
            own, rest = rest[:count], rest[count:]
            outputs.append(branch(own[0] if count == 1 else own))
        return self.merging(outputs)


def merge(
    inputs: list,
    mode: Any = "sum",
    concat_axis: int = -1,
    dot_axes: Any = -1,
    output_shape: Any = None,
    arguments: Any = None,
    name: str | None = None,
) -> Any:
    """The old function for what ``add``, ``concatenate`` and others do; see ``Merge``."""
    note_removed("merge")
    layer = _merging_layer(mode, concat_axis, dot_axes, output_shape, arguments)
    if name is not None:
        layer.name = name
    return layer(inputs)


__all__ = [
    "CuDNNGRU",
    "CuDNNLSTM",
    "Highway",
    "MaxoutDense",
    "Merge",
    "ThresholdedReLU",
    "merge",
]
