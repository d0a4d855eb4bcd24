"""Activations that are layers, since they have settings or a weight."""

from __future__ import annotations

from typing import Any

from .. import activations, constraints, initializers, ops, regularizers
from .arguments import check_softmax
from .layer import Layer
from .spec import InputSpec


class _Elementwise(Layer):
    """A layer whose output has its input's shape."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class ReLU(_Elementwise):
    """max(x, 0), or with settings ``negative_slope * (x - threshold)`` below ``threshold`` and at
    most ``max_value``.
    """

    weightless = True
    pure = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (
            ("max_value", max_value),
            ("negative_slope", negative_slope),
            ("threshold", threshold),
        ):
            if (value is None and name != "max_value") or (value is not None and value < 0):
                raise ValueError(f"ReLU needs {name} >= 0; got {value}.")
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(_Elementwise):
    """x where x > 0, ``negative_slope * x`` elsewhere. Element by element, in the shape of its
    input.
    """

    weightless = True
    pure = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(f"LeakyReLU needs negative_slope >= 0; got {negative_slope}.")
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


class PReLU(_Elementwise):
    """x where x > 0, ``alpha * x`` elsewhere, with a learned ``alpha`` for each entry of a sample.

    An input (N, *sizes) keeps its shape; alpha is (*sizes), with 1 for shared axes.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the weight.
        shared_axes: the axes along which all entries share one alpha.

    Source: He, Zhang, Ren & Sun 2015, Delving Deep into Rectifiers.
    """

    pure = True

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = (
            [shared_axes] if isinstance(shared_axes, int) else list(shared_axes or []) or None
        )

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            name="alpha",
            shape=shape,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        fixed = {
            axis: size
            for axis, size in enumerate(input_shape)
            if axis and axis not in (self.shared_axes or ())
        }
        self.input_spec = InputSpec(ndim=len(input_shape), axes=fixed)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.prelu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }


class ELU(_Elementwise):
    """x where x > 0, ``alpha * (exp(x) - 1)`` elsewhere. Element by element, in the shape of its
    input.
    """

    weightless = True
    pure = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return ops.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class Softmax(_Elementwise):
    """exp(x) over its sum along ``axis``, one or several.

    The shape stays. Entries where ``mask`` is False get probability 0; if all are False, the output
    is 0.
    """

    weightless = True
    pure = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def compute_output_shape(self, input_shape: Any) -> Any:
        check_softmax(self, tuple(input_shape), self.axis)
        return input_shape

    def call(self, inputs: Any, mask: Any = None) -> Any:
        check_softmax(self, inputs.shape, self.axis)
        if mask is not None:
            mask = self._as_mask(mask, inputs.shape)
            inputs = ops.where(mask, inputs, -1e9)
        axis = self.axis
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if isinstance(axis, (list, tuple)):
            total = ops.logsumexp(inputs, axis=tuple(axis), keepdims=True)
            outputs = ops.exp(ops.subtract(inputs, total))
        else:
            outputs = ops.softmax(inputs, axis=axis)
        return outputs if mask is None else ops.where(mask, outputs, 0.0)

    def _as_mask(self, mask: Any, shape: tuple) -> Any:
        """The mask as booleans; numbers count as True above 0.5."""
        mask = ops.convert_to_tensor(mask)
        if mask.dtype != bool:
            mask = ops.greater(mask, 0.5)
        sizes = zip(mask.shape[::-1], shape[::-1], strict=False)
        if mask.ndim > len(shape) or any(m not in (1, n) for m, n in sizes):
            raise ValueError(
                f"Layer {self.name!r} (Softmax) needs a mask that broadcasts to its input of shape "
                f"{shape}; got a mask of shape {mask.shape}."
            )
        return mask

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


__all__ = ["ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"]
