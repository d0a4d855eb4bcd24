"""Input, Dense, Identity, Lambda and Activation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from .. import activations, constraints, initializers, ops, regularizers
from ..graph import KerasTensor, Node, as_shape, infer_outputs
from ..nested import map_structure
from ..tensor import Variable
from ..utils import objects
from ..utils.lambdas import lambdas_allowed
from ..utils.naming import auto_name
from .arguments import check_activation, check_softmax
from .layer import Layer
from .spec import InputSpec

# Activations that the dense twin applies itself. Sigmoid and softmax are applied separately, since
# cross-entropy losses need the logits (softmax + cross-entropy, see ops.losses.with_logits).
# An activation that was set to None is linear.
FUSED = {
    None: "linear",
    activations.linear: "linear",
    activations.relu: "relu",
    activations.tanh: "tanh",
}


def activated_shape(activation: Callable | None, shape: tuple) -> tuple:
    """The shape of ``activation(x)`` for an ``x`` of this shape. A function of one's own is tried
    on zeros.
    """
    if isinstance(activation, Layer):
        return activation.output_shape_for(shape)
    if activation is None or activation in activations.KEEP_SHAPE:
        return shape
    return infer_outputs(activation, (KerasTensor(shape),), {}).shape


class InputLayer(Layer):
    """The start of a graph: a placeholder with the shape of the input.

    Args:
        shape: the shape without the batch, None where a size may vary.
        batch_size: the batch size, where it is fixed.
        dtype: the dtype of the data; the float type by default.
        sparse, ragged: must be false; there are no such arrays here.
        batch_shape: the shape with the batch, instead of ``shape`` and ``batch_size``.
        input_tensor: a symbolic tensor whose shape and dtype are taken.
        optional: whether the model may be called with None for it.
        name: a name.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            name=name or auto_name("InputLayer"), dtype="float32" if dtype is None else None
        )
        if sparse or ragged:
            raise ValueError("diptych has no sparse and ragged inputs: use dense arrays.")
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise ValueError(
                    "Input takes `tensor` as a symbolic tensor, such as KerasTensor((None, 3)); "
                    f"got {type(input_tensor).__name__}. Call the model on arrays instead."
                )
            batch_shape, dtype = input_tensor.shape, input_tensor.dtype
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                f"Input needs either `shape` or `batch_shape`; got {shape=}, {batch_shape=}."
            )
        if batch_shape is None:
            batch_shape = (batch_size, *_as_shape(shape))
        self.batch_shape = as_shape(batch_shape)
        self.optional = optional
        tensor = (
            input_tensor
            if input_tensor is not None
            else KerasTensor(self.batch_shape, dtype, name=self.name)
        )
        self.dtype = tensor.dtype
        self.built = True
        self._nodes.append(Node(self, (), {}, tensor))

    def call(self) -> None:
        raise RuntimeError("An InputLayer is a placeholder and cannot be called.")

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "optional": self.optional,
            "name": self.name,
        }


def Input(  # noqa: N802 - Keras's name
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """Return a symbolic tensor to begin a graph with: ``Input(shape=(784,))`` stands for a batch of
    rows of 784.

    Args:
        shape: the shape of one sample, None where a size may vary.
        batch_size: the batch size, where it is fixed.
        dtype: the dtype of the data; the float type by default.
        batch_shape: the shape with the batch, instead of ``shape`` and ``batch_size``.
        name: a name, by which dicts of inputs are matched.
        tensor: an existing symbolic tensor to use.
        optional: whether the model may be called with None for it, which then reaches the layers.
        sparse, ragged: refused if True: there are only dense arrays.
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
    )
    return layer.output


def is_optional(tensor: KerasTensor) -> bool:
    """Whether a model may be called with None for this input."""
    operation = None if tensor.node is None else tensor.node.operation
    return isinstance(operation, InputLayer) and operation.optional


def _as_shape(shape: Any) -> tuple:
    """A lone number is a shape of one size."""
    return (shape,) if isinstance(shape, (int, np.integer)) or shape is None else tuple(shape)


class Dense(Layer):
    """A fully connected layer: ``activation(x @ kernel + bias)`` over the last axis.

    Input shape: (N, ..., D). Output shape: (N, ..., units). Weights: kernel (D, units), bias
    (units,).

    Args:
        units: the width U of the output.
        activation: a name or function; linear by default.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after each update.

    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.1.
    """

    pure = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(units, (int, np.integer)) or isinstance(units, bool) or units <= 0:
            raise ValueError(f"Dense needs a positive whole number of `units`; got {units!r}.")
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        self.bias: Variable | None = None

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})
        check_activation(self, (*input_shape[:-1], self.units))
        self.built = True

    def call(self, inputs: Any) -> Any:
        fused = FUSED.get(self.activation)
        if fused is not None:
            return ops.dense(inputs, self.kernel, self.bias, fused)
        return self.activation(ops.dense(inputs, self.kernel, self.bias))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return activated_shape(self.activation, (*input_shape[:-1], self.units))

    def input_hint(self, shape: tuple) -> str:
        if len(shape) == 1:
            return (
                " Rows are expected: for one sample x, pass x[None]; for one feature, x[:, None]."
            )
        return ""

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


class Identity(Layer):
    """Returns its input. Of any shape."""

    weightless = True
    pure = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def compute_output_spec(self, inputs: Any) -> Any:
        return map_structure(
            lambda x: KerasTensor(x.shape, self.dtype if "float" in x.dtype else x.dtype), inputs
        )


class Lambda(Layer):
    """Wraps a function as a layer. Gradients flow through it if it uses ``diptych.ops`` or NumPy.

    Args:
        function: called with the inputs (and ``mask`` or ``training`` if it takes them).
        output_shape: the output's shape without the batch, or a function of the input's shape; by
            default it is found by calling the function on zeros.
        mask: the output's mask, or a function of the inputs and their mask.
        arguments: further keyword arguments for the function.
    """

    def __init__(
        self,
        function: Callable,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(
                "Lambda takes a function of a tensor, such as lambda x: x * 2; got "
                f"{function!r:.60}."
            )
        self.function = function
        self.mask = mask
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        self.supports_masking = self.makes_mask = mask is not None

    @property
    def runs_own_code(self) -> bool:
        return True

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        offered = {"mask": mask, "training": training}
        known = getattr(getattr(self.function, "__code__", None), "co_varnames", ())
        extra = {name: value for name, value in offered.items() if name in known[1:]}
        return self.function(inputs, **{**extra, **self.arguments})

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self._output_shape is None:
            return self._infer(args, kwargs)
        shapes = map_structure(lambda x: x.shape, args[0])
        if callable(self._output_shape):
            return KerasTensor(tuple(self._output_shape(shapes)), self.dtype)
        batch = shapes[0] if isinstance(shapes, tuple) else shapes[0][0]
        return KerasTensor((batch, *_as_shape(self._output_shape)), self.dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """The config holds the functions themselves, since they have no other form."""
        given = {"output_shape": self._output_shape, "mask": self.mask}
        return {
            **super().get_config(),
            "function": self.function,
            **{name: value for name, value in given.items() if value is not None},
            "arguments": self.arguments,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
        safe_mode: bool | None = None,
    ) -> Lambda:
        """The layer of a config. ``safe_mode=False`` also makes lambdas that a file brought, which
        are code; True does not, and None does what is allowed around this call.
        """
        with nullcontext() if safe_mode is None else lambdas_allowed(not safe_mode):
            functions = {
                key: objects.revive(config[key], custom_objects)
                for key in ("function", "output_shape", "mask", "arguments")
                if isinstance(config.get(key), dict)
            }
        return cls(**{**config, **functions})


class Activation(Layer):
    """Applies an activation function, given by name or as a callable. Element by element, in the
    shape of its input; softmax goes along the last axis.
    """

    weightless = True
    pure = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        if self.activation is ops.softmax:
            check_softmax(self, getattr(inputs, "shape", ()))
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        check_activation(self, tuple(input_shape))
        return activated_shape(self.activation, tuple(input_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


__all__ = ["Activation", "Dense", "Identity", "Input", "InputLayer", "Lambda"]
