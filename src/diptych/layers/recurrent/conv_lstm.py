"""Convolutional LSTM: an LSTM whose inputs and states are images, with convolutions as products."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...ops import convolution
from ...utils.windows import standardize_data_format, standardize_padding, standardize_tuple
from ..arguments import check_activation
from ..spec import InputSpec
from .cells import LSTMCell
from .rnn import RNN


class _ConvLSTMCell(LSTMCell):
    """One step of a ConvLSTM: an LSTMCell with a convolution instead of each product."""

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        **kwargs: Any,
    ) -> None:
        owner = f"ConvLSTM{rank}D"
        if not isinstance(filters, (int, np.integer)) or isinstance(filters, bool) or filters <= 0:
            raise ValueError(
                f"{owner} needs a positive whole number of `filters`; got {filters!r}."
            )
        super().__init__(filters, **kwargs)
        self.rank = rank
        self.filters = self.units
        self.kernel_size = standardize_tuple(kernel_size, rank, "kernel_size", owner)
        self.strides = standardize_tuple(strides, rank, "strides", owner)
        self.padding = standardize_padding(padding, owner, False)
        self.data_format = standardize_data_format(data_format, owner)
        self.dilation_rate = standardize_tuple(dilation_rate, rank, "dilation_rate", owner)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{owner} takes strides or a dilation_rate above 1, but not both; got "
                f"strides={self.strides}, dilation_rate={self.dilation_rate}."
            )
        self.input_spec = InputSpec(ndim=rank + 2)

    @property
    def _window_options(self) -> convolution.Options:
        return self.strides, self.padding, self.data_format, self.dilation_rate

    @property
    def _channel_axis(self) -> int:  # type: ignore[override]
        return -1 if self.data_format == "channels_last" else 1

    def build(self, input_shape: Any) -> None:
        channels = input_shape[self._channel_axis]
        sizes = convolution.spatial(input_shape, self.data_format)
        if channels is None or None in sizes:
            raise ValueError(
                f"ConvLSTM{self.rank}D needs to know the sizes and channels of its images, since "
                f"its states have the same; the shape of one step's input is {tuple(input_shape)}."
            )
        self._step_shape = tuple(input_shape[1:])
        columns = 4 * self.filters
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, columns), "kernel")
        self.recurrent_kernel = self._weight(
            "recurrent_kernel", (*self.kernel_size, self.filters, columns), "recurrent"
        )
        if self.use_bias:
            self.bias = self._weight("bias", (columns,), "bias", self._first_bias())
        check_activation(self, self.state_shape(tuple(input_shape)))
        self.built = True

    def state_shape(self, step_shape: tuple) -> tuple:
        """The shape of a state for the shape of one step's input."""
        owner = f"ConvLSTM{self.rank}D"
        window = (*self.kernel_size, 0, 0)
        return convolution.conv_output_shape(
            owner, step_shape, self.filters, window, *self._window_options
        )

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Two images of zeros, h and c."""
        shape = self.state_shape((batch_size, *self._step_shape))
        return [ops.zeros(shape, dtype=self.dtype) for _ in range(2)]

    def _products(self, inputs: Any, h: Any) -> Any:
        around = (1,) * self.rank, "same", self.data_format, (1,) * self.rank
        return ops.add(
            convolution.fused_conv(inputs, self.kernel, self.bias, *self._window_options),
            convolution.fused_conv(h, self.recurrent_kernel, None, *around),
        )

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return self.state_shape(input_shape)

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments, without the rank and those of every layer."""
        config = super().arguments()
        del config["units"]
        names = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate")
        return {**{name: getattr(self, name) for name in names}, **config}


class _ConvLSTM(RNN):
    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ) -> None:
        cell = _ConvLSTMCell(
            self.rank,
            filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
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
            name="conv_lstm_cell",
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
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def _output_shape(self, input_shape: tuple) -> tuple:
        return self.cell.state_shape((input_shape[0], *input_shape[2:]))

    def _state_shapes(self, input_shape: tuple) -> list:
        step_shape = input_shape[2:] or self.cell._step_shape
        return [self.cell.state_shape((input_shape[0], *step_shape))] * 2

    def input_hint(self, shape: tuple) -> str:
        spatial = {1: "rows", 2: "rows, columns", 3: "depth, rows, columns"}[self.rank]
        first = self.cell.data_format == "channels_first"
        image = f"channels, {spatial}" if first else f"{spatial}, channels"
        return f" The axes that it works on are (batch, steps, {image})."

    def get_config(self) -> dict[str, Any]:
        return {**self._own_config(), **self.cell.arguments()}


class ConvLSTM1D(_ConvLSTM):
    """LSTM over sequences of rows of numbers, with convolutions along the row.

    Input shape: (N, T, rows, C). Output shape: (N, rows out, filters), or (N, T, rows out, filters)
    with ``return_sequences``. The arguments are those of ``ConvLSTM2D``.
    """

    rank = 1


class ConvLSTM2D(_ConvLSTM):
    """LSTM over sequences of images: its states are images as well, its products convolutions.

    Input shape: (N, T, rows, columns, C), or (N, T, C, rows, columns) with "channels_first". Output
    shape: (N, rows out, columns out, filters), or (N, T, rows out, columns out, filters) with
    ``return_sequences``. Weights, their last axis in the order i f c o: kernel (*kernel_size, C,
    4 filters), recurrent_kernel (*kernel_size, filters, 4 filters), bias (4 filters,).

    Args:
        filters: the number of channels of the output and of the states.
        kernel_size, strides, padding, data_format, dilation_rate: as in ``Conv2D``, of the
            convolution of the input. That of the state has strides of 1 and keeps its size.
        activation to recurrent_dropout, seed: as in ``LSTM``, whose other arguments they are.
        return_sequences, return_state, go_backwards, stateful: as in ``RNN``.

    Source: Shi et al. 2015, Convolutional LSTM Network, without its peephole connections.
    """

    rank = 2


class ConvLSTM3D(_ConvLSTM):
    """LSTM over sequences of volumes.

    Input shape: (N, T, depth, rows, columns, C). Output shape: (N, depth out, rows out, columns
    out, filters), with the steps before them with ``return_sequences``. The arguments are those of
    ``ConvLSTM2D``.
    """

    rank = 3
