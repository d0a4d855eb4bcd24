"""Recurrent cells: one step of a recurrent layer, written with ``diptych.ops``.

``RNN`` runs any cell over a sequence. The layers SimpleRNN, LSTM and GRU take their weights from a
cell, and compute a whole sequence in one operation if the engines support it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import activations, constraints, initializers, ops, regularizers
from ...ops.shapes import split_view
from ...random import SeedGenerator
from ...tensor import Structure, Tensor, Variable
from ..arguments import check_activation
from ..layer import Layer
from ..serialization import deserialize, serialize
from ..signatures import takes
from ..spec import InputSpec

_KINDS: dict[str, Any] = {
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}


class DropoutCell(Layer):
    """A cell with dropout of its input, and of the state where it is multiplied by the recurrent
    kernel.

    Both dropout masks are drawn once and used for all steps of a sequence, until
    ``reset_dropout_mask`` and ``reset_recurrent_dropout_mask`` are called.

    Source: Gal & Ghahramani 2016, A Theoretically Grounded Application of Dropout in Recurrent
    Neural Networks.
    """

    def __init__(
        self, dropout: float, recurrent_dropout: float, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
                raise ValueError(f"{type(self).__name__} needs 0 <= {name} <= 1; got {rate!r}.")
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self._dropout_mask: np.ndarray | None = None
        self._recurrent_dropout_mask: np.ndarray | None = None

    def get_dropout_mask(self, step_input: Any) -> np.ndarray | None:
        """The dropout mask for the input of every step, in the shape of one step; None without
        dropout.
        """
        if self._dropout_mask is None and self.dropout:
            self._dropout_mask = self._draw(step_input.shape, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, state: Any) -> np.ndarray | None:
        """The dropout mask for the state before every step; None without dropout."""
        if self._recurrent_dropout_mask is None and self.recurrent_dropout:
            self._recurrent_dropout_mask = self._draw(state.shape, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def reset_dropout_mask(self) -> None:
        """Draw a new dropout mask at the next step."""
        self._dropout_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Draw a new dropout mask at the next step."""
        self._recurrent_dropout_mask = None

    def _draw(self, shape: tuple, rate: float) -> np.ndarray:
        """Draw a dropout mask: 0 for what is dropped, 1 / (1 - rate) for the rest."""
        dropout_mask = self.seed_generator.generator.random(shape, dtype=np.float32) >= rate
        scale = 1.0 / (1.0 - rate) if rate < 1 else 0.0
        return np.multiply(dropout_mask, np.dtype(self.dtype).type(scale))

    def _dropped(self, inputs: Any, h: Any, training: Any) -> tuple[Any, Any]:
        """Input and state after dropout."""
        if training and self.dropout:
            inputs = ops.multiply(inputs, self.get_dropout_mask(inputs))
        if training and self.recurrent_dropout:
            h = ops.multiply(h, self.get_recurrent_dropout_mask(h))
        return inputs, h


class _Cell(DropoutCell):
    """What the cells of SimpleRNN, LSTM and GRU share: kernels for ``_gates`` gates, a bias."""

    _gates: int
    _activations: tuple[str, ...] = ("activation", "recurrent_activation")
    _options: tuple[str, ...] = ()  # arguments of this kind of cell alone
    state_size: Any

    def __init__(
        self,
        units: int,
        activation: Any,
        recurrent_activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dropout=dropout, recurrent_dropout=recurrent_dropout, seed=seed, **kwargs)
        if not isinstance(units, (int, np.integer)) or isinstance(units, bool) or units <= 0:
            owner = type(self).__name__.removesuffix("Cell")
            raise ValueError(f"{owner} needs a positive whole number of `units`; got {units!r}.")
        self.units = int(units)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=2)
        self.output_size = self.units
        self.bias: Variable | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # The layer may be part of a recorded step, which is no longer valid.
        if vars(self).get("built") and not name.endswith("dropout_mask"):
            Structure.version += 1

    def build(self, input_shape: Any) -> None:
        features, columns = input_shape[-1], self._gates * self.units
        self.kernel = self._weight("kernel", (features, columns), "kernel")
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, columns), "recurrent")
        if self.use_bias:
            self.bias = self._weight("bias", self._bias_shape(), "bias", self._first_bias())
        self.input_spec = InputSpec(ndim=2, axes={-1: features})
        check_activation(self, (input_shape[0], self.units))
        self.built = True

    def _weight(self, name: str, shape: tuple, kind: str, initializer: Any = None) -> Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer or getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    def _bias_shape(self) -> tuple:
        return (self._gates * self.units,)

    def _first_bias(self) -> Any:
        return self.bias_initializer

    @property
    def fused_weights(self) -> tuple:
        """The weights as the engines' operations take them."""
        return self.kernel, self.recurrent_kernel, self.bias

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0], self.units)

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Zeros, one tensor for each state."""
        count = len(self.state_size) if isinstance(self.state_size, list) else 1
        return [ops.zeros((batch_size, self.units), dtype=self.dtype) for _ in range(count)]

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments, without those of every layer."""
        config: dict[str, Any] = {
            "units": self.units,
            **{name: activations.serialize(getattr(self, name)) for name in self._activations},
            "use_bias": self.use_bias,
        }
        for kind, module in _KINDS.items():
            for name in ("kernel", "recurrent", "bias"):
                config[f"{name}_{kind}"] = module.serialize(getattr(self, f"{name}_{kind}"))
        for name in (*self._options, "dropout", "recurrent_dropout", "seed"):
            config[name] = getattr(self, name)
        return config

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.arguments()}


class SimpleRNNCell(_Cell):
    """One step of SimpleRNN: ``h = activation(x @ kernel + h @ recurrent_kernel + bias)``.

    Called as ``cell(inputs, states)`` with inputs (N, D) and states [h (N, units)]; returns the
    output, which is the new h, and the new states. The arguments are those of ``SimpleRNN``.
    """

    _gates = 1
    _activations = ("activation",)

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            recurrent_activation=None,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.state_size = self.units

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        nested = isinstance(states, (list, tuple))
        h = states[0] if nested else states
        inputs, h = self._dropped(inputs, h, training)
        a = ops.add(ops.dense(inputs, self.kernel, self.bias), ops.matmul(h, self.recurrent_kernel))
        h = self.activation(a)
        return h, [h] if nested else h


class LSTMCell(_Cell):
    """One step of LSTM, with the gates i, f and o, the candidate c~, and the cell c.

    Called as ``cell(inputs, states)`` with inputs (N, D) and states [h, c], both (N, units);
    returns the output, which is the new h, and the new states. The arguments are those of ``LSTM``.
    """

    _gates = 4
    _options = ("unit_forget_bias",)
    _channel_axis = -1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def _first_bias(self) -> Any:
        return forget_bias(self.bias_initializer) if self.unit_forget_bias else None

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list]:
        h, c = states
        inputs, h = self._dropped(inputs, h, training)
        a_i, a_f, a_c, a_o = ops.split(self._products(inputs, h), 4, axis=self._channel_axis)
        i = self.recurrent_activation(a_i)
        f = self.recurrent_activation(a_f)
        c_tilde = self.activation(a_c)
        o = self.recurrent_activation(a_o)
        c = ops.add(ops.multiply(f, c), ops.multiply(i, c_tilde))
        h = ops.multiply(o, self.activation(c))
        return h, [h, c]

    def _products(self, inputs: Any, h: Any) -> Any:
        """The input of the gates."""
        return ops.add(
            ops.dense(inputs, self.kernel, self.bias), ops.matmul(h, self.recurrent_kernel)
        )


def forget_bias(initializer: Any) -> Any:
    """An initializer of the four parts i f c o of a bias: ones for f, so that cells forget little
    at first.

    Source: Jozefowicz, Zaremba & Sutskever 2015, An Empirical Exploration of Recurrent Network
    Architectures.
    """

    def initialize(shape: tuple, dtype: Any = None) -> np.ndarray:
        values = np.array(initializer(shape, dtype=dtype))
        units = shape[0] // 4
        values[units : 2 * units] = 1
        return values

    return initialize


class GRUCell(_Cell):
    """One step of GRU, with the gates z and r, and the candidate h~.

    Called as ``cell(inputs, states)`` with inputs (N, D) and states [h (N, units)]; returns the
    output, which is the new h, and the new states. The arguments are those of ``GRU``.
    """

    _gates = 3
    _options = ("reset_after",)

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.reset_after = bool(reset_after)
        self.state_size = self.units

    def _bias_shape(self) -> tuple:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        nested = isinstance(states, (list, tuple))
        h_before = states[0] if nested else states
        inputs, h = self._dropped(inputs, h_before, training)
        bias = recurrent_bias = None
        if self.bias is not None and self.reset_after:
            bias, recurrent_bias = ops.unstack(self.bias)
        elif self.bias is not None:
            bias = self.bias
        u_z, u_r, u_h = ops.split(ops.dense(inputs, self.kernel, bias), 3, axis=-1)
        if self.reset_after:
            v = ops.dense(h, self.recurrent_kernel, recurrent_bias)
            v_z, v_r, v_h = ops.split(v, 3, axis=-1)
        else:
            of_gates, of_candidate = split_view(self.recurrent_kernel, [2 * self.units], 1)
            v_z, v_r = ops.split(ops.matmul(h, of_gates), 2, axis=-1)
        z = self.recurrent_activation(ops.add(u_z, v_z))
        r = self.recurrent_activation(ops.add(u_r, v_r))
        if self.reset_after:
            v_h = ops.multiply(r, v_h)
        else:
            v_h = ops.matmul(ops.multiply(r, h), of_candidate)
        h_tilde = self.activation(ops.add(u_h, v_h))
        h = ops.add(ops.multiply(z, h_before), ops.multiply(ops.subtract(1.0, z), h_tilde))
        return h, [h] if nested else h


class StackedRNNCells(Layer):
    """Several cells as one: the output of each is the input of the next, all within one step.

    Of an input (N, D) it makes (N, units) of the last cell.

    Its states are a list with the states of each cell.

    Args:
        cells: cells of any kind, from the input to the output.
    """

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ValueError(f"StackedRNNCells needs a list of cells; got {cells!r}.")
        for cell in cells:
            check_cell(cell, "StackedRNNCells")
        self.cells = list(cells)

    @property
    def state_size(self) -> list:
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        return output_size(self.cells[-1])

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            build_cell(cell, input_shape)
            input_shape = (input_shape[0], output_size(cell))
        self.built = True

    def get_initial_state(self, batch_size: int) -> list:
        """The initial states of each cell."""
        return [initial_state(cell, batch_size, self.dtype) for cell in self.cells]

    def call(
        self, inputs: Any, states: Any, training: bool = False, **kwargs: Any
    ) -> tuple[Any, list]:
        new_states = []
        for cell, own in zip(self.cells, states, strict=True):
            single = not isinstance(own, (list, tuple))
            inputs, new = call_cell(cell, inputs, [own] if single else list(own), training, kwargs)
            if single and isinstance(new, (list, tuple)) and len(new) == 1:
                new = new[0]
            new_states.append(new)
        return inputs, new_states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [serialize(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> StackedRNNCells:
        config = dict(config)
        return cls([deserialize(cell) for cell in config.pop("cells")], **config)


# --------------------------------------------------------------------------------------------------
# Calling cells of any class


def check_cell(cell: Any, owner: str) -> None:
    """Raise a ValueError that says what a cell lacks."""
    name = type(cell).__name__
    if isinstance(cell, type):
        raise ValueError(
            f"{owner} needs a cell, but got the class {cell.__name__}: pass an instance of it."
        )
    if hasattr(cell, "return_sequences"):
        raise ValueError(
            f"{owner} needs a cell, which computes one step, but got {name}, which reads whole "
            f"sequences. Use it directly, without {owner}; cells are LSTMCell, GRUCell and others."
        )
    if not callable(cell) and not hasattr(cell, "call"):
        raise ValueError(
            f"{owner} needs a cell: a layer or other object with a method `call(inputs, states)` "
            f"that returns an output and the new states; got {name}, which has none."
        )
    if getattr(cell, "state_size", None) is None:
        raise ValueError(
            f"{owner} needs to know the size of the cell's states, but {name} has no attribute "
            "`state_size` (a number, or a list of one for each state)."
        )


def output_size(cell: Any) -> Any:
    """The width of a cell's output: by default that of its first state."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size
        size = size[0] if isinstance(size, (list, tuple)) else size
    return size


def build_cell(cell: Any, step_shape: tuple) -> None:
    """Build a cell for the shape of one step's input."""
    if isinstance(cell, Layer) and not cell.built:
        cell.build(step_shape)
        cell.built = True


def initial_state(cell: Any, batch_size: int, dtype: Any) -> list:
    """The initial states of a cell: from its ``get_initial_state``, or zeros."""
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        state = own(batch_size=batch_size)
    else:
        state = _zeros(cell.state_size, batch_size, dtype)
    return list(state) if isinstance(state, (list, tuple)) else [state]


def _zeros(size: Any, batch_size: int, dtype: Any) -> Any:
    if isinstance(size, (list, tuple)):
        return [_zeros(part, batch_size, dtype) for part in size]
    return ops.zeros((batch_size, size), dtype=dtype)


def call_cell(cell: Any, inputs: Any, states: list, training: Any, others: dict) -> tuple[Any, Any]:
    """One step: the output and the new states."""
    if isinstance(cell, Layer) and takes(type(cell), "training"):
        others = {**others, "training": training}
    made = (cell if callable(cell) else cell.call)(inputs, states, **others)
    if not isinstance(made, (list, tuple)) or len(made) != 2:
        raise ValueError(
            f"A cell's call(inputs, states) returns two things, the step's output and the new "
            f"states; that of {type(cell).__name__} returned "
            + (f"{len(made)}." if isinstance(made, (list, tuple)) else f"{made!r}.")
        )
    return made[0], made[1]


def forget_dropout(cell: Any) -> None:
    """Make a cell, and the cells in it, draw new dropout masks."""
    if isinstance(cell, DropoutCell):
        cell.reset_dropout_mask()
        cell.reset_recurrent_dropout_mask()
    for inner in getattr(cell, "cells", ()):
        forget_dropout(inner)
