"""RNN: runs any cell over the steps of a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...graph import KerasTensor
from ...nested import flatten, map_structure
from ...tensor import Tensor, Variable, as_array
from ..layer import Layer
from ..serialization import deserialize, serialize
from ..signatures import takes
from ..spec import InputSpec
from .cells import (
    StackedRNNCells,
    build_cell,
    call_cell,
    check_cell,
    forget_dropout,
    initial_state,
    output_size,
)


class RNN(Layer):
    """A layer that reads sequences step by step, with a cell that computes one step.

    Input shape: (N, T, ...), usually (N, T, D). Output shape: (N, U), the output of the last step,
    or (N, T, U) with ``return_sequences``.

    A cell is a layer with ``call(inputs, states)``, which returns the step's output and the new
    states, and with ``state_size``: a number, or a list of them, nested as the states are. It may
    have ``output_size`` (that of the first state by default) and ``get_initial_state(batch_size)``
    (zeros by default).

    Args:
        cell: a cell, or a list of cells to stack (``StackedRNNCells``). return_sequences: whether
        the outputs of all steps are returned.
        return_state: whether the last states are returned after the output.
        go_backwards: whether the last step is read first; the outputs are in the order of
            computation.
        stateful: whether each row of a batch continues from the last state of the same row in the
            previous batch, until ``reset_state()``. It needs a fixed batch size.
        unroll: accepted for Keras's sake, without effect.
        zero_output_for_mask: whether a masked step's output is 0 instead of the output before it.

    Called as ``layer(sequences, initial_state=None, mask=None, training=None, constants=None)``.
    ``mask`` (N, T) is False for a step to skip: the states stay the same. ``constants`` are passed
    to the cell at every step, as ``cell.call(..., constants=...)``.

    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 10.1.
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(cell, type(self).__name__)
        self.cell = cell
        self.return_sequences = bool(return_sequences)
        self.return_state = bool(return_state)
        self.go_backwards = bool(go_backwards)
        self.stateful = bool(stateful)
        self.unroll = unroll
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self.supports_masking = True
        self.input_spec: Any = InputSpec(min_ndim=3)
        self.states: list | None = None
        size = cell.state_size
        self.state_size = list(size) if isinstance(size, (list, tuple)) else [size]

    # ----------------------------------------------------------------------------------------------
    # Shapes

    def _state_shapes(self, input_shape: tuple) -> list:
        """The shapes of the states, as a flat list."""
        return [(input_shape[0], size) for size in flatten(self.state_size)]

    def _output_shape(self, input_shape: tuple) -> tuple:
        """The shape of one step's output."""
        return (input_shape[0], output_size(self.cell))

    def compute_output_shape(self, input_shape: Any, initial_state_shape: Any = None) -> Any:
        batch, *shape = self._output_shape(input_shape)
        steps = [input_shape[1]] if self.return_sequences else []
        output = (batch, *steps, *shape)
        if self.return_state:
            shapes = iter(self._state_shapes(input_shape))
            return (output, *map_structure(lambda _: next(shapes), self.state_size))
        return output

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        sequences = args[0]
        given = args[1] if len(args) > 1 else kwargs.get("initial_state")
        if given is not None:
            self._check_state(given, sequences.shape)
        return super().compute_output_spec(sequences)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = flatten(previous_mask)[0]
        mask = mask if self.return_sequences else None
        return [mask, *[None] * len(self.state_size)] if self.return_state else mask

    def input_hint(self, shape: tuple) -> str:
        if len(shape) != 2:
            return " The axes that it works on are (batch, steps, features)."
        if shape[0] is None:
            return (
                " The axes that it works on are (batch, steps, features): one of them is missing. "
                "For single numbers in a row the shape is (steps, 1), as in Input(shape=(10, 1)); "
                "a recurrent layer before this one needs return_sequences=True."
            )
        return (
            " The axes that it works on are (batch, steps, features): one of them is missing. If "
            "each row holds the steps of a sequence of single numbers, give x[..., None]; if this "
            "is one sequence, it is a batch of one: give x[None]. A recurrent layer before this "
            "one needs return_sequences=True."
        )

    # ----------------------------------------------------------------------------------------------
    # Weights and states

    def build(self, input_shape: Any) -> None:
        build_cell(self.cell, (input_shape[0], *input_shape[2:]))
        if self.stateful and self.states is None:
            self._make_states(input_shape)
        axes = dict(enumerate(input_shape[2:], 2))
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)
        self.built = True

    def _make_states(self, input_shape: tuple) -> None:
        if input_shape[0] is None:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) is stateful: it keeps a state for "
                "each row of the batch, so it needs to know the batch size; its input's shape is "
                f"{tuple(input_shape)}. State the batch size, as in Input(batch_shape=(32, 10, 8)) "
                "or batch_input_shape=(32, 10, 8)."
            )

        def variable(value: Any) -> Variable:
            made = Variable(as_array(value), dtype=self.dtype, trainable=False, name="rnn_state")
            made.path = f"{self.path}/rnn_state"
            return made

        # States are not weights: set them without tracking of attributes.
        states = map_structure(variable, self.get_initial_state(input_shape[0]))
        object.__setattr__(self, "states", states)

    def get_initial_state(self, batch_size: int) -> list:
        """The states before the first step."""
        return initial_state(self.cell, batch_size, self.dtype)

    def reset_state(self) -> None:
        """Reset the states of a stateful layer to zeros."""
        for variable in flatten(self.states or []):
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def reset_states(self, states: Any = None) -> None:
        """The old name of ``reset_state``; ``states``, if given, become the new states."""
        if states is None:
            self.reset_state()
            return
        if self.states is None:
            raise ValueError(
                f"Layer {self.name!r} has no states to set: it is not stateful, or not built yet."
            )
        given = states if isinstance(states, (list, tuple)) else [states]
        self._check_state(given, (flatten(self.states)[0].shape[0],))
        for variable, value in zip(flatten(self.states), flatten(given), strict=True):
            variable.assign(value)

    # ----------------------------------------------------------------------------------------------
    # Calls

    def __call__(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if isinstance(sequences, (list, tuple)) and len(sequences) > 1 and _are_tensors(sequences):
            # As in Keras 2: a list of the sequences and then the states.
            sequences, *states = sequences
            initial_state = states if initial_state is None else initial_state
        if initial_state is not None:
            kwargs["initial_state"] = initial_state
        if mask is not None:
            kwargs["mask"] = mask
        return super().__call__(sequences, **kwargs)

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
        constants: Any = None,
    ) -> Any:
        if sequences.shape[1] == 0:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) reads sequences of at least one "
                f"step, and got an input of shape {sequences.shape}."
            )
        states = self._first_states(sequences, initial_state)
        on = None if mask is None else self._steps_that_count(mask, sequences.shape)
        output, states = self._run(sequences, states, on, training, constants)
        if self.stateful:
            for variable, state in zip(flatten(self.states), flatten(states), strict=True):
                variable.assign(state)
        return (output, *states) if self.return_state else output

    def _first_states(self, sequences: Any, given: Any) -> list | None:
        """The initial states; None for those of the cell."""
        if self.stateful:
            rows = flatten(self.states)[0].shape[0]
            if sequences.shape[0] != rows:
                raise ValueError(
                    f"Layer {self.name!r} ({type(self).__name__}) is stateful and keeps the states "
                    f"of {rows} rows, but was called on {sequences.shape[0]}. All batches must "
                    f"have the same size: use a multiple of {rows} samples, and pass "
                    f"batch_size={rows} to fit, evaluate and predict."
                )
        if given is None:
            # Copies, since the variables change before the backward pass.
            return (
                map_structure(lambda v: Tensor(v.array.copy()), self.states)
                if self.stateful
                else None
            )
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        self._check_state(given, sequences.shape)
        return given

    def _check_state(self, given: Any, input_shape: tuple) -> None:
        """Raise a ValueError unless initial states have the right number and shapes."""
        shapes = [tuple(getattr(x, "shape", None) or np.shape(x)) for x in flatten(given)]
        expected = self._state_shapes(input_shape)
        if len(shapes) != len(expected) or not all(map(_fits, shapes, expected)):
            many = "one state" if len(expected) == 1 else f"{len(expected)} states"
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) has {many}, of shape "
                f"{', '.join(map(str, expected))}, for an input of shape {tuple(input_shape)}; "
                f"initial_state holds {len(shapes)}, of shape {', '.join(map(str, shapes))}."
            )

    def _steps_that_count(self, mask: Any, input_shape: tuple) -> Tensor:
        """The mask as a tensor of booleans, (N, T)."""
        on = mask if isinstance(mask, Tensor) else Tensor(as_array(mask))
        expected = tuple(input_shape[:2])
        if on.shape == (*expected, 1):
            on = ops.squeeze(on, -1)
        if on.shape != expected:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) needs a mask of shape (batch, steps) "
                f"= {expected} for an input of shape {tuple(input_shape)}; got {on.shape}."
            )
        return on if on.array.dtype == bool else ops.cast(on, "bool")

    def _run(
        self, sequences: Any, states: list | None, mask: Any, training: Any, constants: Any
    ) -> tuple[Any, list]:
        """Run all steps; return the output and the last states."""
        rows, steps = sequences.shape[:2]
        others = {} if constants is None else {"constants": constants}
        if constants is not None and not takes(type(self.cell), "constants"):
            raise ValueError(
                f"Layer {self.name!r} got constants, but call() of its cell, "
                f"{type(self.cell).__name__}, has no argument of that name."
            )
        if states is None:
            states = self.get_initial_state(rows)
        forget_dropout(self.cell)
        outputs = []
        output = None
        for t in range(steps - 1, -1, -1) if self.go_backwards else range(steps):
            previous = output
            output, new = call_cell(self.cell, sequences[:, t], states, training, others)
            new = list(new) if isinstance(new, (list, tuple)) else [new]
            if previous is None:
                self._check_new_states(new, states)
            if mask is None:
                states = new
            else:
                if previous is None or self.zero_output_for_mask:
                    previous = ops.zeros_like(output)
                output = _where(mask[:, t], output, previous)
                states = _where(mask[:, t], new, states)
            if self.return_sequences:
                outputs.append(output)
        forget_dropout(self.cell)
        return (ops.stack(outputs, axis=1) if self.return_sequences else output), states

    def _check_new_states(self, new: list, states: list) -> None:
        """Raise a ValueError unless a step returns states of the same number and shapes."""
        given, made = ([tuple(state.shape) for state in flatten(s)] for s in (states, new))
        if made != given:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}): its cell, "
                f"{type(self.cell).__name__}, got states of shape {', '.join(map(str, given))} but "
                f"returned states of shape {', '.join(map(str, made))}; each step must return the "
                "same number of states with the same shapes, as given by the cell's `state_size`."
            )

    # ----------------------------------------------------------------------------------------------
    # Configs

    def get_config(self) -> dict[str, Any]:
        return {**self._own_config(), "cell": serialize(self.cell)}

    def _own_config(self) -> dict[str, Any]:
        """The arguments of every recurrent layer, without its cell."""
        names = (
            "return_sequences",
            "return_state",
            "go_backwards",
            "stateful",
            "unroll",
            "zero_output_for_mask",
        )
        return {**Layer.get_config(self), **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        if "cell" not in config:
            return cls(**config)
        config = dict(config)
        return cls(deserialize(config.pop("cell")), **config)


def _fits(one: tuple, other: tuple) -> bool:
    """Whether two shapes can be equal; None matches any size."""
    return len(one) == len(other) and all(
        m == n or m is None or n is None for m, n in zip(one, other, strict=True)
    )


def _are_tensors(parts: Any) -> bool:
    return all(isinstance(part, (Tensor, KerasTensor, np.ndarray)) for part in flatten(parts))


def _where(on: Tensor, new: Any, old: Any) -> Any:
    """For each row of the batch, the new value if ``on``, else the old; also for nested values."""
    if isinstance(new, (list, tuple)):
        return [_where(on, *pair) for pair in zip(new, old, strict=True)]
    return ops.where(ops.reshape(on, (-1, *[1] * (len(new.shape) - 1))), new, old)
