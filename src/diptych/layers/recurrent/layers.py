"""SimpleRNN, LSTM and GRU.

Each layer has a cell, which owns the weights. If the engines support the activations, the layer
passes the whole sequence to one operation; otherwise it runs its cell step by step, like RNN.
"""

from __future__ import annotations

from typing import Any

from ... import activations, ops
from ...ops import recurrent
from ...tensor import Tensor
from ..spec import InputSpec
from .cells import GRUCell, LSTMCell, SimpleRNNCell, forget_dropout
from .rnn import RNN

FUSED = {
    activations.tanh: "tanh",
    activations.sigmoid: "sigmoid",
    activations.relu: "relu",
    activations.hard_sigmoid: "hard_sigmoid",
    activations.linear: "linear",
}


def _depends_on_nothing_else(layer: _FusedRNN) -> bool:
    """Whether a call depends on input and weights alone: no saved states, no random numbers, no
    user functions.
    """
    return (
        not layer.stateful
        and not layer.dropout
        and not layer.recurrent_dropout
        and layer._fused_activations() is not None
    )


def _of_the_cell(name: str) -> property:
    return property(lambda self: getattr(self.cell, name), doc=f"``{name}``, of the cell.")


class _FusedRNN(RNN):
    """What the three layers share: the call of the engines, and the arguments of the cell."""

    units = _of_the_cell("units")
    activation = _of_the_cell("activation")
    use_bias = _of_the_cell("use_bias")
    kernel_initializer = _of_the_cell("kernel_initializer")
    recurrent_initializer = _of_the_cell("recurrent_initializer")
    bias_initializer = _of_the_cell("bias_initializer")
    kernel_regularizer = _of_the_cell("kernel_regularizer")
    recurrent_regularizer = _of_the_cell("recurrent_regularizer")
    bias_regularizer = _of_the_cell("bias_regularizer")
    kernel_constraint = _of_the_cell("kernel_constraint")
    recurrent_constraint = _of_the_cell("recurrent_constraint")
    bias_constraint = _of_the_cell("bias_constraint")
    dropout = _of_the_cell("dropout")
    recurrent_dropout = _of_the_cell("recurrent_dropout")
    seed = _of_the_cell("seed")

    def __init__(self, cell: Any, use_cudnn: Any = "auto", **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)

    def _fused_activations(self) -> list[str] | None:
        """The engines' names of this layer's activations; None if they do not support them."""
        names = [FUSED.get(getattr(self.cell, name)) for name in self.cell._activations]
        return None if None in names else names  # type: ignore[return-value]

    def _run(
        self, sequences: Any, states: list | None, mask: Any, training: Any, constants: Any
    ) -> tuple[Any, list]:
        names = self._fused_activations()
        if names is None or constants is not None:
            return super()._run(sequences, states, mask, training, constants)
        cell, recurrent_mask = self.cell, None
        if training and (cell.dropout or cell.recurrent_dropout):
            forget_dropout(cell)
            rows = len(sequences.array)
            if cell.dropout:
                step = cell._draw((rows, 1, sequences.shape[2]), cell.dropout)
                sequences = ops.multiply(sequences, step)
            if cell.recurrent_dropout:
                recurrent_mask = cell._draw((rows, cell.units), cell.recurrent_dropout)
        states = [None] * len(self.state_size) if states is None else states
        on = None if mask is None else mask.array
        y, *states = self._fused(sequences, states, on, recurrent_mask, names)
        if mask is not None and self.zero_output_for_mask:
            y = ops.multiply(y, self._output_mask(mask))
        return y, states

    def _fused(
        self, sequences: Any, states: list, mask: Any, recurrent_mask: Any, names: list
    ) -> list:
        raise NotImplementedError

    def _output_mask(self, mask: Any) -> Tensor:
        """1 for the outputs of steps that count, 0 for masked ones, in the order of the outputs."""
        mask = ops.flip(mask, 1) if self.go_backwards else mask
        mask = ops.expand_dims(mask, -1) if self.return_sequences else mask[:, -1:]
        return ops.cast(mask, self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**self._own_config(), **self.cell.arguments()}


class SimpleRNN(_FusedRNN):
    """A recurrent layer whose state is a dense layer of the input and of the state before.

        h_t = activation(x_t @ kernel + h_(t-1) @ recurrent_kernel + bias)

    Input shape: (N, T, D). Output shape: (N, units), or (N, T, units) with ``return_sequences``.
    Weights: kernel (D, units), recurrent_kernel (units, units), bias (units,).

    Args:
        units: the width U of the state and of the output.
        activation: a name or function.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each
            update.
        dropout: in training, the fraction of the input's features to drop; the dropout mask is the
            same for all steps of a sequence and for all gates.
        recurrent_dropout: the same for the state, where it is multiplied by recurrent_kernel.
        return_sequences, return_state, go_backwards, stateful, unroll: as in ``RNN``.
        seed: a seed of its own for the dropout.

    Called as ``layer(sequences, initial_state=None, mask=None, training=None)``, where
    ``initial_state`` is h before the first step, (N, units), in a list or alone.

    Source: Elman 1990, Finding Structure in Time.
    """

    pure: Any = property(_depends_on_nothing_else)
    pure_with_masks = True

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units,
            activation=activation,
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
            name="simple_rnn_cell",
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )
        super().__init__(
            cell,
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )

    def _fused(
        self, sequences: Any, states: list, mask: Any, recurrent_mask: Any, names: list
    ) -> list:
        (h0,) = states
        return recurrent.simple_rnn(
            sequences,
            self.cell.fused_weights,
            h0,
            mask,
            recurrent_mask,
            names[0],
            self.return_sequences,
            self.go_backwards,
        )


class LSTM(_FusedRNN):
    """Long short-term memory: a recurrent layer with a cell that gates open and close.

        i, f, c~, o from x_t @ kernel + h_(t-1) @ recurrent_kernel + bias
        c_t = f c_(t-1) + i c~                h_t = o activation(c_t)

    Input shape: (N, T, D). Output shape: (N, units), or (N, T, units) with ``return_sequences``.
    Weights, their columns in the order i f c o: kernel (D, 4 units), recurrent_kernel
    (units, 4 units), bias (4 units,). The arguments are those of ``SimpleRNN``; beyond them:

    Args:
        recurrent_activation: the activation of the gates.
        unit_forget_bias: whether the bias of f begins at 1, so that a new cell forgets little.
        use_cudnn: accepted for Keras's sake, without effect.

    ``initial_state`` is [h, c], and ``return_state`` returns both after the output.

    Source: Hochreiter & Schmidhuber 1997, Long Short-Term Memory; Gers, Schmidhuber & Cummins 2000,
    Learning to Forget.
    """

    pure: Any = property(_depends_on_nothing_else)
    pure_with_masks = True
    recurrent_activation = _of_the_cell("recurrent_activation")
    unit_forget_bias = _of_the_cell("unit_forget_bias")

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        cell = LSTMCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            name="lstm_cell",
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )
        super().__init__(
            cell,
            use_cudnn=use_cudnn,
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )

    def _fused(
        self, sequences: Any, states: list, mask: Any, recurrent_mask: Any, names: list
    ) -> list:
        h0, c0 = states
        return recurrent.lstm(
            sequences,
            self.cell.fused_weights,
            h0,
            c0,
            mask,
            recurrent_mask,
            names[0],
            names[1],
            self.return_sequences,
            self.go_backwards,
        )


class GRU(_FusedRNN):
    """Gated recurrent unit: a recurrent layer with two gates and no cell.

        z, r from x_t @ kernel + h_(t-1) @ recurrent_kernel + bias
        h_t = z h_(t-1) + (1 - z) h~

    Input shape: (N, T, D). Output shape: (N, units), or (N, T, units) with ``return_sequences``.
    Weights, their columns in the order z r h: kernel (D, 3 units), recurrent_kernel
    (units, 3 units), bias (2, 3 units), or (3 units,) without ``reset_after``. The arguments are
    those of ``SimpleRNN``; beyond them:

    Args:
        recurrent_activation: the activation of the gates.
        reset_after: whether r is applied after the recurrent product of the candidate h~ (as in
            cuDNN) or before it (as in the paper).
        use_cudnn: accepted for Keras's sake, without effect.

    Source: Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder.
    """

    pure: Any = property(_depends_on_nothing_else)
    pure_with_masks = True
    recurrent_activation = _of_the_cell("recurrent_activation")
    reset_after = _of_the_cell("reset_after")

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        cell = GRUCell(
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
            reset_after=reset_after,
            seed=seed,
            name="gru_cell",
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )
        super().__init__(
            cell,
            use_cudnn=use_cudnn,
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )

    def _fused(
        self, sequences: Any, states: list, mask: Any, recurrent_mask: Any, names: list
    ) -> list:
        (h0,) = states
        return recurrent.gru(
            sequences,
            self.cell.fused_weights,
            h0,
            mask,
            recurrent_mask,
            names[0],
            names[1],
            self.cell.reset_after,
            self.return_sequences,
            self.go_backwards,
        )
