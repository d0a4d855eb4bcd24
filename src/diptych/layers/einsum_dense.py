"""EinsumDense: a dense layer whose product is given by an einsum equation."""

from __future__ import annotations

import math
import re
from copy import copy
from typing import Any

from .. import activations, constraints, initializers, ops, regularizers
from ..ops.shapes import reshape_view, transpose_view
from ..tensor import Variable
from .arguments import check_activation
from .core import FUSED, activated_shape
from .layer import Layer
from .spec import InputSpec

_FORMS = (
    (re.compile(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)"), False),
    (re.compile(r"\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)"), True),
    (re.compile(r"([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\."), False),
)


class EinsumDense(Layer):
    """``activation(einsum(equation, inputs, kernel) + bias)``.

    ``EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")`` is a Dense layer of 64
    units on sequences.

    Args:
        equation: letters for the axes of inputs, kernel and output: "ab,bc->ac", "...b,bc->...c" or
            "ab...,bc->ac...".
        output_shape: the sizes of the output without the batch and the axes of "..."; None for a
            size that is the input's.
        activation: a name or function; linear by default.
        bias_axes: the letters of the output that the bias has; None for no bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after each update.
    """

    pure = True

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        self._terms = _terms(equation)
        self.partial_output_shape = (
            (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        )
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias: Variable | None = None
        self._summed, self._order = _as_matrix_product(*self._terms, equation)

    def _sizes(self, input_shape: tuple) -> tuple[dict[str, int | None], tuple]:
        """The size of every letter, and the output's shape."""
        inputs, kernel, output, left = self._terms
        dots = len(input_shape) - len(inputs)
        if dots < 0 or (dots and "..." not in self.equation):
            least = "at least " if "..." in self.equation else ""
            raise ValueError(
                f"Layer {self.name!r} (EinsumDense) expects, by its equation {self.equation!r}, an "
                f"input of {least}{len(inputs)} axes; got shape {tuple(input_shape)}."
            )
        if left:
            elided, own = tuple(input_shape[:dots]), input_shape[dots:]
        else:
            elided, own = tuple(input_shape[len(inputs) :]), input_shape[: len(inputs)]
        sizes: dict[str, int | None] = dict(zip(inputs, own, strict=True))
        # If dots are in front, the batch is among them; else it is the first letter.
        wanted = self.partial_output_shape if left and dots else (None, *self.partial_output_shape)
        if len(wanted) != len(output):
            raise ValueError(
                f"Layer {self.name!r} (EinsumDense): the output of {self.equation!r} has "
                f"{len(output) - len(wanted) + len(self.partial_output_shape)} axes besides the "
                f"batch and '...', and output_shape={self.partial_output_shape} has "
                f"{len(self.partial_output_shape)}. Give one size for each, None if it is the "
                "input's."
            )
        for letter, size in zip(output, wanted, strict=True):
            if letter not in inputs and letter not in kernel:
                raise ValueError(
                    f"Layer {self.name!r} (EinsumDense): {letter!r} in the output of "
                    f"{self.equation!r} is an axis of neither the input nor the kernel."
                )
            known = sizes.setdefault(letter, size)
            if size is not None and known is not None and known != size:
                raise ValueError(
                    f"Layer {self.name!r} (EinsumDense): axis {letter!r} of {self.equation!r} has "
                    f"size {known} in the input, of shape {tuple(input_shape)}, and {size} in "
                    f"output_shape={self.partial_output_shape}."
                )
        shape = tuple(sizes[letter] for letter in output)
        return sizes, (*elided, *shape) if left else (*shape, *elided)

    def build(self, input_shape: Any) -> None:
        inputs, kernel, output, _ = self._terms
        sizes, _ = self._sizes(input_shape)
        strange = [letter for letter in kernel if letter not in sizes]
        if strange:
            raise ValueError(
                f"Layer {self.name!r} (EinsumDense): {strange[0]!r} in the kernel of "
                f"{self.equation!r} is an axis of neither the input nor the output."
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=tuple(sizes[letter] for letter in kernel),
            initializer=_with_axes(self.kernel_initializer, kernel, output),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.bias_axes is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=self._bias_shape(sizes, len(input_shape) - len(inputs)),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        start = -len(inputs) if self._terms[3] else 0
        met = {start + i: sizes[a] for i, a in enumerate(inputs) if a in kernel}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=met)
        check_activation(self, self._sizes(tuple(input_shape))[1])
        self.built = True

    def _bias_shape(self, sizes: dict, dots: int) -> tuple:
        """The shape of the bias from its first axis on: the output's sizes, 1 along axes that share
        a bias.
        """
        output, left = self._terms[2:]
        axes = self.bias_axes or ""
        if not axes or set(axes) - set(output):
            raise ValueError(
                f"Layer {self.name!r} (EinsumDense) got bias_axes={self.bias_axes!r}: letters of "
                f"the output {output!r} are expected, or None for no bias."
            )
        first = min(output.index(letter) for letter in axes)
        shape = [sizes[letter] if letter in axes else 1 for letter in output[first:]]
        return (*shape, *[1] * (0 if left else dots))

    def call(self, inputs: Any) -> Any:
        kernel, bias = self.kernel, self.bias
        if not self._summed:
            y = ops.einsum(self.equation, inputs, kernel)
            return activations.get(self.activation)(y if bias is None else ops.add(y, bias))
        if self._order is not None:
            kernel = transpose_view(kernel, self._order)
        free, units = inputs.shape[: -self._summed], kernel.shape[self._summed :]
        width, columns = math.prod(kernel.shape[: self._summed]), math.prod(units)
        if self._summed > 1:
            inputs = ops.reshape(inputs, (*free, width))
        if kernel.ndim > 2:
            kernel = reshape_view(kernel, (width, columns))
        within = bias is not None and bias.size == columns
        fused = FUSED.get(self.activation) if bias is None or within else None
        if within and len(units) > 1:
            bias = reshape_view(bias, (columns,))
        y = ops.dense(inputs, kernel, bias if within else None, fused or "linear")
        if len(units) > 1:
            y = ops.reshape(y, (*free, *units))
        if bias is not None and not within:
            y = ops.add(y, bias)
        return y if fused else activations.get(self.activation)(y)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return activated_shape(self.activation, self._sizes(tuple(input_shape))[1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "equation": self.equation,
            "output_shape": self.partial_output_shape,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


def _terms(equation: str) -> tuple[str, str, str, bool]:
    """The letters of input, kernel and output, and whether dots are in front."""
    for form, left in _FORMS:
        match = form.fullmatch(equation.replace(" ", ""))
        if match:
            inputs, kernel, output = match.groups()
            return inputs, kernel, output, left
    raise ValueError(
        f"EinsumDense cannot read the equation {equation!r}: the forms are 'ab,bc->ac', "
        "'...b,bc->...c' and 'ab...,bc->ac...'."
    )


def _as_matrix_product(
    inputs: str, kernel: str, output: str, left: bool, equation: str
) -> tuple[int, tuple | None]:
    """How many last axes of the input a matrix product would sum over, 0 if the equation is not a
    matrix product; and the order of the kernel's axes that it needs, None for their own order.
    """
    summed = [letter for letter in inputs if letter not in output]
    count = len(summed)
    free, rest = inputs[: len(inputs) - count], output[len(inputs) - count :]
    distinct = all(len(set(term)) == len(term) for term in (inputs, kernel, output))
    if (
        not count
        or not rest
        or not (free or left)
        or not distinct
        or ("..." in equation and not left)
        or inputs != free + "".join(summed)
        or output != free + rest
        or sorted(kernel) != sorted([*summed, *rest])
    ):
        return 0, None
    order = tuple(kernel.index(letter) for letter in (*summed, *rest))
    return count, None if order == tuple(range(len(kernel))) else order


def _with_axes(initializer: Any, kernel: str, output: str) -> Any:
    """Tell an initializer that scales by fan-in and fan-out which axes are inputs and outputs."""
    if not isinstance(initializer, initializers.VarianceScaling) or (
        initializer.input_axes is not None
    ):
        return initializer
    scaled = copy(initializer)
    scaled.input_axes = [i for i, letter in enumerate(kernel) if letter not in output]
    scaled.output_axes = [i for i, letter in enumerate(kernel) if letter in output]
    return scaled


__all__ = ["EinsumDense"]
