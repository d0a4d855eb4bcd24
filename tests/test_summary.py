"""model.summary(): Keras's text, character by character, and the costs of a sample."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, layers, ops
from diptych.models.costs import costs_of
from tests.golden import make_summaries

GOLDEN = json.loads((Path(make_summaries.__file__).with_name("summaries.json")).read_text("utf-8"))


def text_of(model, **options):
    lines = []
    model.summary(print_fn=lines.append, **options)
    assert len(lines) == 1
    return lines[0]


@pytest.mark.filterwarnings("ignore::diptych.legacy.LegacySpelling")
def test_it_prints_what_keras_prints(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")  # set again by `printed`
    found = make_summaries.printed(diptych)
    assert len(found) == len(GOLDEN["printed"]) > 40
    for (name, options, text), keras in zip(found, GOLDEN["printed"], strict=True):
        assert [name, options] == keras[:2]
        assert text == keras[2], (name, options)


def named(name="dense"):
    return Sequential([Input((7,)), layers.Dense(12, name=name)], name="net")


def table(model, **options):
    return [line for line in text_of(model, **options).splitlines() if line[0] in "┏┃┡│├└"]


@pytest.mark.parametrize("length", [40, 60, 100])
def test_it_has_the_length_that_is_asked_for(length):
    lines = table(named("a_name_that_is_much_longer_than_its_column"), line_length=length)
    assert {len(line) for line in lines} == {length}


def test_columns_end_at_positions_in_characters():
    lines = table(named(), positions=[20, 45, 60])
    assert [i + 1 for i, c in enumerate(lines[0]) if c in "┳┓"] == [20, 45, 60]


def test_what_is_refused():
    model = named()
    for options, said in (
        ({"positions": [0.5, 1.0]}, r"got 2 positions, \[0.5, 1.0\]; the table has 3 columns"),
        ({"positions": [0.5, 0.4, 1.0]}, "at least 4 characters for each of its columns"),
        ({"line_length": 10}, "Give a larger line_length"),
        ({"layer_range": ["dense"]}, "expected the names of two layers"),
        ({"layer_range": ["dense", 3]}, "expected the names of two layers"),
        ({"layer_range": ["dense", "conv"]}, r"layer_range names 'conv'.*\['dense'\]"),
    ):
        with pytest.raises(ValueError, match=said):
            model.summary(**options)


def test_it_is_as_wide_as_the_terminal(monkeypatch):
    for columns, length in ((60, 56), (80, 76), (300, 88)):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert {len(line) for line in table(named())} == {length}


def test_without_box_characters_in_the_encoding_it_has_plain_lines(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    named("n" * 90).summary()
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")
    assert "+-----" in text
    assert "| Layer (type)" in text


def test_operations_of_one_kind_have_names_of_their_own():
    inputs = Input((4,), name="x")
    hidden = layers.Dense(3, name="add")(inputs)
    text = text_of(Model(inputs, ops.relu(hidden + 1.0) + layers.Dense(3, name="side")(inputs)))
    for row in ("add (Dense)", "add_1 (Add)", "add_2 (Add)", "relu (Relu)", "side[0][0]"):
        assert row in text
    assert text.index("add_1 (Add)") < text.index("relu (Relu)") < text.index("add_2 (Add)")


def test_a_layer_that_cannot_tell_its_shape_has_a_question_mark():
    class Odd(layers.Layer):
        def call(self, x):
            return x if x.shape[0] == 2 else ops.reshape(x, (7, 7))

    class Own(Model):
        def __init__(self):
            super().__init__()
            self.odd = Odd()

        def call(self, x):
            return self.odd(x)

    model = Own()
    model(np.ones((2, 3)))
    model.odd._build_shapes = (4, 3)
    assert "│ ?" in text_of(model)


# Costs


def total(model):
    return costs_of(model)[model].multiply_adds


T, D, U = 5, 3, 4
COUNTED = {
    "dense": (lambda x: layers.Dense(U)(x), (D,), D * U),
    "dense over steps": (lambda x: layers.Dense(U, activation="relu")(x), (T, D), T * D * U),
    "conv": (lambda x: layers.Conv2D(4, (3, 2))(x), (6, 5, 3), 4 * 4 * 3 * 2 * 3 * 4),
    "conv1d, same, strides": (
        lambda x: layers.Conv1D(4, 3, strides=2, padding="same")(x), (9, 2), 5 * 3 * 2 * 4
    ),
    "groups": (lambda x: layers.Conv2D(4, 1, groups=2)(x), (3, 3, 2), 9 * 1 * 4),
    "depthwise": (lambda x: layers.DepthwiseConv2D(3)(x), (5, 5, 2), 9 * 9 * 2),
    "separable": (lambda x: layers.SeparableConv2D(4, 3)(x), (5, 5, 2), 9 * (9 * 2 + 2 * 4)),
    "transposed": (lambda x: layers.Conv2DTranspose(4, 2, strides=2)(x), (3, 3, 2), 9 * 4 * 2 * 4),
    "simple rnn": (lambda x: layers.SimpleRNN(U)(x), (T, D), T * U * (D + U)),
    "lstm": (lambda x: layers.LSTM(U)(x), (T, D), T * 4 * U * (D + U)),
    "gru": (lambda x: layers.GRU(U)(x), (T, D), T * 3 * U * (D + U)),
    "both ways": (
        lambda x: layers.Bidirectional(layers.LSTM(U))(x), (T, D), 2 * T * 4 * U * (D + U)
    ),
    "cells": (lambda x: layers.RNN(layers.SimpleRNNCell(U))(x), (T, D), T * U * (D + U)),
    "steps": (lambda x: layers.TimeDistributed(layers.Dense(U))(x), (T, D), T * D * U),
    "attention": (
        lambda x: layers.MultiHeadAttention(2, 3)(x, x),
        (T, D),
        3 * T * D * 6 + T * 6 * D + T * T * 2 * (3 + 3),
    ),
    "matmul": (lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), (T, D), T * D * T),
    "tensordot": (lambda x: ops.tensordot(x, np.ones((D, U), "float32"), 1), (T, D), T * D * U),
    "einsum": (lambda x: ops.einsum("btd,bsd->bts", x, x), (T, D), T * T * D),
    "nothing": (lambda x: layers.ReLU()(layers.BatchNormalization()(x)), (D,), 0),
    "embedding": (lambda x: layers.Embedding(9, 4)(x), (T,), 0),
    "own": (lambda x: layers.Lambda(lambda x: ops.matmul(x, np.ones((D, 2), "float32")))(x),
            (T, D), T * D * 2),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_multiply_adds_are_those_of_the_formula(name):
    call, shape, count = COUNTED[name]
    x = Input(shape, dtype="int32" if name == "embedding" else None)
    assert total(Model(x, call(x))) == count
    x = Input(batch_shape=(3, *shape), dtype="int32" if name == "embedding" else None)
    assert total(Model(x, call(x))) == count


def test_costs_of_the_vgg_like_network_of_an_old_tutorial():
    """96.3 % of the multiply-adds are in the four convolutions, 99.1 % of the weights in one
    layer.
    """
    model = Sequential(
        [
            Input((100, 100, 3)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        engine="reference",
    )
    costs = costs_of(model)
    counts = [costs[layer].multiply_adds for layer in model.layers]
    convolutions = [8_297_856, 84_934_656, 0, 39_002_112, 71_368_704]
    assert counts == [*convolutions, 0, 0, 7_929_856, 2_560]
    assert costs[model].multiply_adds == 211_535_744
    assert costs[model.layers[0]].output_bytes == 98 * 98 * 32 * 4
    text = text_of(model, show_costs=True, line_length=120)
    assert "211,535,744" in text
    assert re.search(r"│ +1\.17 MB │ +8,297,856 │", text)
    assert text.endswith(" Engine: reference\n")
    assert "Engine" not in text_of(model)


def test_costs_of_shared_and_nested_layers():
    inputs = Input((4,))
    encoder = Model(inputs, layers.Dense(3, name="code")(inputs), name="encoder")
    left, right = Input((4,)), Input((4,))
    outputs = ops.matmul(encoder(left), np.ones((3, 5), "float32")) + layers.Dense(5)(
        encoder(right)
    )
    model = Model([left, right], outputs)
    costs = costs_of(model)
    assert costs[encoder].multiply_adds == 2 * 4 * 3
    assert costs[encoder].output_bytes == 2 * 3 * 4
    assert costs[model].multiply_adds == 24 + 15 + 15
    rows = text_of(model, show_costs=True, expand_nested=True, line_length=150).splitlines()
    assert next(row for row in rows if "encoder (" in row).endswith(" 24 │")
    assert next(row for row in rows if "code (" in row).endswith(" 12 │")


def test_counting_leaves_no_trace():
    x = Input((3,))
    y = layers.BatchNormalization()(layers.Dense(4)(x))
    model = Model(x, layers.Dropout(0.5)(y))
    model.trainable = False
    before = model.get_weights()
    assert total(model) == 12
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not any(v.tracked for v in model.variables)
    assert model.trainable_variables == []


def test_what_depends_on_unknown_sizes_is_not_known():
    x = Input((None, 3))
    model = Model(x, layers.LSTM(2, return_sequences=True)(x))
    assert total(model) is None
    assert " Multiply-adds of one sample: ?" in text_of(model, show_costs=True)
    words = Input((2,), dtype="string")
    text = layers.StringLookup(vocabulary=["a", "b"])(words)
    costs = costs_of(Model(words, layers.Embedding(3, 4)(text)))
    assert [one.output_bytes for one in costs.values()] == [None, 16, 32, None]

    class Own(Model):
        def call(self, x):
            return x

    own = Own()
    own(np.ones((1, 2)))
    assert costs_of(own)[own].multiply_adds is None
