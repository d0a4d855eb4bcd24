"""Recurrent layers, cells and wrappers: what cannot work is refused in words."""

import numpy as np
import pytest

import diptych
from diptych import layers

X = np.random.default_rng(1).normal(size=(3, 5, 4)).astype("f4")


class BadCell(layers.Layer):
    """A cell that returns what it was given at birth."""

    state_size = 4

    def __init__(self, made):
        super().__init__()
        self.made = made

    def call(self, inputs, states):
        return self.made(inputs)


def stateful_lstm():
    layer = layers.LSTM(3, stateful=True, name="kept")
    layer.build((3, 5, 4))
    return layer


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: layers.LSTM(3)(np.ones((5, 4))),
            r"3 axes.*\(5, 4\).*x\[\.\.\., None\].*x\[None\]",
        ),
        (lambda: layers.LSTM(3)(layers.Input((4,))), r"Input\(shape=\(10, 1\)\).*return_sequences"),
        (
            lambda: diptych.Sequential([layers.Input((5, 4)), layers.GRU(3), layers.GRU(3)]),
            "return_sequences=True",
        ),
        (lambda: layers.LSTM(0), "LSTM needs a positive whole number of `units`; got 0"),
        (lambda: layers.GRU(-2), "GRU needs a positive whole number"),
        (lambda: layers.SimpleRNNCell(2.5), "SimpleRNN needs a positive whole number"),
        (lambda: layers.ConvLSTM2D(0, 3), "ConvLSTM2D needs a positive whole number of `filters`"),
        (lambda: layers.LSTM(3, dropout=1.5), "0 <= dropout <= 1; got 1.5"),
        (lambda: layers.LSTM(3, recurrent_dropout=-1), "0 <= recurrent_dropout <= 1"),
        (lambda: layers.LSTM(3)(np.ones((2, 0, 4))), "at least one step.*(2, 0, 4)"),
        (
            lambda: layers.LSTM(3)(X, initial_state=[np.ones((3, 3))]),
            r"2 states, of shape \(3, 3\), \(3, 3\).*holds 1",
        ),
        (
            lambda: layers.GRU(3)(X, initial_state=[np.ones((3, 2))]),
            r"one state, of shape \(3, 3\).*holds 1, of shape \(3, 2\)",
        ),
        (
            lambda: layers.GRU(3)(X, initial_state=np.ones((2, 3))),
            r"one state, of shape \(3, 3\).*of shape \(2, 3\)",
        ),
        (
            lambda: layers.LSTM(3)(layers.Input((5, 4)), initial_state=[layers.Input((3,))]),
            "has 2 states.*holds 1",
        ),
        (lambda: layers.LSTM(3)(X, mask=np.ones((3, 4), bool)), r"\(batch, steps\) = \(3, 5\).*4"),
        (
            lambda: layers.LSTM(3, stateful=True)(layers.Input((5, 4))),
            r"stateful.*\(None, 5, 4\).*batch_shape",
        ),
        (
            lambda: stateful_lstm()(X[:2]),
            "'kept'.*states of 3 rows, but was called on 2.*batch_size",
        ),
        (lambda: layers.LSTM(3).reset_states([np.ones((3, 3))] * 2), "not stateful, or not built"),
        (lambda: layers.RNN(layers.LSTMCell), "got the class LSTMCell: pass an instance"),
        (lambda: layers.RNN(layers.Dense(3)), "no attribute `state_size`"),
        (lambda: layers.RNN(object()), "`call\\(inputs, states\\)`"),
        (lambda: layers.StackedRNNCells([]), "a list of cells"),
        (lambda: layers.LSTM(3)(X, constants=[1.0]), "constants.*LSTMCell"),
        (lambda: layers.Bidirectional(layers.Dense(3)), "recurrent layer, such as LSTM; Dense"),
        (lambda: layers.Bidirectional(layers.LSTM), "got the class LSTM: call it"),
        (lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="add"), "'ave'.*'add'"),
        (
            lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.LSTM(3)),
            "opposite directions; both have go_backwards=False",
        ),
        (
            lambda: layers.Bidirectional(
                layers.LSTM(3),
                backward_layer=layers.LSTM(3, go_backwards=True, return_sequences=True),
            ),
            "agree in 'return_sequences'",
        ),
        (
            lambda: layers.Bidirectional(layers.GRU(3))(X, initial_state=[np.ones((3, 3))]),
            "two layers.*holds 1",
        ),
        (lambda: layers.TimeDistributed(layers.Dense(3))(np.ones((2, 3))), "at least 3 axes"),
        (
            lambda: layers.TimeDistributed(layers.Dense(3))(X, mask=np.ones((3, 4), bool)),
            r"\(3, 5, \.\.\.\)",
        ),
        *(
            (
                lambda inner=inner: layers.TimeDistributed(inner)(
                    np.ones((2, 3, 4, 5)), mask=np.ones((2, 3), bool)
                ),
                rf"(?s){inner.name}.*mask.*TimeDistributed.*\(2, 3\), .* one value.*inner steps",
            )
            for inner in (layers.LSTM(2), layers.GlobalAveragePooling1D(), layers.Softmax())
        ),
        (
            lambda: layers.Bidirectional(
                layers.LSTM(3), "sum", backward_layer=layers.LSTM(2, go_backwards=True)
            )(layers.Input((5, 4))),
            r"merge_mode='sum'.*\(None, 3\) and \(None, 2\)",
        ),
        (
            lambda: layers.Bidirectional(
                layers.LSTM(1), "mul", backward_layer=layers.LSTM(2, go_backwards=True)
            )(X),
            r"merge_mode='mul'.*\(3, 1\) and \(3, 2\)",
        ),
        (lambda: layers.RNN(layers.LSTM(3)), "a cell, which computes one step, but got LSTM"),
        (lambda: layers.RNN([layers.GRU(3)]), "StackedRNNCells needs a cell.*got GRU"),
        (lambda: layers.RNN(BadCell(lambda x: x))(X), "returns two things.*BadCell"),
        (lambda: layers.RNN(BadCell(lambda x: (x, x, x)))(X), "two things.*returned 3"),
        (lambda: layers.RNN(BadCell(lambda x: (x, [x, x])))(X), r"got .*\(3, 4\) but returned"),
        (lambda: layers.RNN(BadCell(lambda x: (x, x[:, :2])))(X), r"returned .* \(3, 2\)"),
        (lambda: layers.TimeDistributed(max), "needs a layer as `layer`"),
        (lambda: layers.ConvLSTM2D(2, 3)(np.ones((2, 3, 4, 4))), "batch, steps, rows, columns, ch"),
        (lambda: layers.ConvLSTM1D(2, 3)(layers.Input((3, None, 2))), "needs to know the sizes"),
    ],
)
def test_errors_teach(call, words):
    with pytest.raises(ValueError, match=words), diptych.engine("reference"):
        call()
