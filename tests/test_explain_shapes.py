"""The walk of shapes: diptych.explain_shapes."""

import math
import re

import numpy as np
import pytest

import diptych
from diptych import layers

IMAGE, SEQUENCE, ROW = (8, 7, 3), (6, 4), (5,)

# Layers, the shape of an input, and a word that has to stand in what is said about them.
CASES = [
    (layers.Dense(3), ROW, "5 features become units = 3"),
    (layers.Dense(3, use_bias=False), ROW, "weights: 5 x 3 = 15"),
    (layers.EinsumDense("abc,cd->abd", (6, 2)), SEQUENCE, "abc,cd->abd"),
    (layers.Conv1D(4, 3), (10, 3), "steps: 10 - 3 + 1 = 8"),
    (layers.Conv1D(4, 3, padding="causal"), SEQUENCE, "padding 'causal' keeps it"),
    (layers.Conv1D(4, 2, dilation_rate=2), SEQUENCE, "6 - (2 x (2 - 1) + 1) + 1 = 4"),
    (layers.Conv2D(4, (3, 2), strides=2), IMAGE, "height: (8 - 3) / 2 + 1 = 3, rounded down"),
    (layers.Conv2D(4, 3, strides=2, padding="same"), IMAGE, "width: 7 / 2 = 4, rounded up"),
    (layers.Conv2D(2, 3, data_format="channels_first"), (3, 8, 7), "height: 8 - 3 + 1 = 6"),
    (layers.Conv3D(2, 2), (4, 4, 4, 1), "depth: 4 - 2 + 1 = 3"),
    (layers.Conv2DTranspose(2, 3, strides=2), IMAGE, "height: (8 - 1) x 2 + 3 = 17"),
    (layers.Conv1DTranspose(2, 3, strides=2, padding="same"), SEQUENCE, "6 x 2 = 12"),
    (layers.DepthwiseConv2D(3, depth_multiplier=2), IMAGE, "channels: 3 x 2 = 6"),
    (layers.SeparableConv2D(5, 3), IMAGE, "channels: 5, one for each filter"),
    (layers.MaxPooling1D(2), SEQUENCE, "(6 - 2) / 2 + 1 = 3"),
    (layers.AveragePooling2D(3, strides=1), IMAGE, "height: 8 - 3 + 1 = 6"),
    (layers.MaxPooling2D(2, padding="same"), IMAGE, "7 / 2 = 4, rounded up"),
    (layers.GlobalMaxPooling2D(), IMAGE, "8 x 7 places"),
    (layers.GlobalAveragePooling1D(), SEQUENCE, "one number of each channel"),
    (layers.Flatten(), IMAGE, "8 x 7 x 3 = 168"),
    (layers.Reshape((4, 6)), SEQUENCE, "6 x 4 = 4 x 6"),
    (layers.Permute((2, 1)), SEQUENCE, "(2, 1)"),
    (layers.RepeatVector(3), ROW, "3 times"),
    (layers.Embedding(50, 8), ROW, "0 to 49"),
    (layers.SimpleRNN(3), SEQUENCE, "weights: 4 x 3 + 3 x 3 + 3 = 24"),
    (layers.LSTM(3), SEQUENCE, "weights: 4 (4 x 3 + 3 x 3 + 3) = 96"),
    (layers.LSTM(3, return_sequences=True), SEQUENCE, "each of the 6 steps"),
    (layers.GRU(3), SEQUENCE, "weights: 3 (4 x 3 + 3 x 3 + 2 x 3) = 81"),
    (layers.GRU(3, reset_after=False), SEQUENCE, "weights: 3 (4 x 3 + 3 x 3 + 3) = 72"),
    (layers.Bidirectional(layers.LSTM(3)), SEQUENCE, "3 + 3 = 6"),
    (layers.Bidirectional(layers.GRU(3), merge_mode="sum"), SEQUENCE, "'sum'"),
    (layers.TimeDistributed(layers.Dense(2)), SEQUENCE, "each of the 6 steps: (4,) -> (2,)"),
    (layers.ConvLSTM1D(2, 3), (5, 6, 4), "the 5 steps"),
    (layers.BatchNormalization(), IMAGE, "6 of them are not trained"),
    (layers.LayerNormalization(), SEQUENCE, "weights: 4 + 4 = 8"),
    (layers.GroupNormalization(3), IMAGE, "shifted and scaled"),
    (layers.UnitNormalization(), ROW, "the shape stays"),
    (layers.Dropout(0.5), ROW, "set to 0"),
    (layers.SpatialDropout1D(0.5), SEQUENCE, "set to 0"),
    (layers.Activation("relu"), ROW, "applied to each number"),
    (layers.PReLU(), ROW, "weights: 5"),
    (layers.ZeroPadding2D((1, 2)), IMAGE, "width: 7 + 2 + 2 = 11"),
    (layers.Cropping1D((1, 2)), SEQUENCE, "steps: 6 - 1 - 2 = 3"),
    (layers.UpSampling2D((2, 3)), IMAGE, "width: 7 x 3 = 21"),
    (layers.Resizing(4, 5), IMAGE, "4 x 5"),
    (layers.Rescaling(0.1), IMAGE, "the shape stays"),
    (layers.Lambda(lambda x: x[:, :2]), ROW, "its function"),
    (layers.Masking(), SEQUENCE, "the shape stays"),
    (layers.AdaptiveMaxPooling1D(2), SEQUENCE, ""),
    (layers.SpectralNormalization(layers.Dense(2)), ROW, ""),
]


def value(expression):
    """An expression such as "4 (3 x 2 + 1)" as a number."""
    text = re.sub(r"(\d) \(", r"\1 * (", expression.replace(",", "").replace(" x ", " * "))
    if not re.fullmatch(r"[\d\s*+\-/().]+", text):
        raise ValueError(expression)
    return eval(text)  # noqa: S307 - digits and operators


@pytest.mark.parametrize(("layer", "shape", "word"), CASES, ids=lambda v: type(v).__name__)
def test_every_formula_is_true(layer, shape, word):
    model = diptych.Sequential([diptych.Input(shape), layer])
    (step,) = diptych.explain_shapes(model).steps
    assert step.inputs == [(None, *shape)]
    assert step.outputs == [model.output_shape]
    assert step.parameters == layer.count_params()
    assert bool(step.weights) == bool(layer.weights)
    assert step.formulas
    assert word in "\n".join(step.lines())
    sizes = {str(size) for size in model.output_shape if size}
    for line in step.formulas:
        found = re.search(r": ([-\d(][^=]*) = ([\d, x]+\d)", line)
        if found:
            before, after = value(found[1]), value(found[2])
            rounded = math.ceil if "rounded up" in line else math.floor
            assert rounded(before) == after
            assert found[2] in sizes or " x " in found[2]
    if step.weights:
        numbers = re.sub(r" \([^()]*[a-z]{2}[^()]*\)$", "", step.weights)  # without the names
        for part in numbers.split(" = "):
            assert value(part) == layer.count_params()


def test_the_windows_of_the_seed():
    model = diptych.Sequential([diptych.Input((10, 3)), layers.Conv1D(4, 3, name="conv")])
    walk = diptych.explain_shapes(model)
    assert walk["conv"].formulas[0] == "steps: 10 - 3 + 1 = 8"
    assert walk["conv"].weights == "3 x 3 x 4 + 4 = 40 (kernel 3 x 3 x 4, bias 4)"
    assert walk.parameters == model.count_params() == 40
    assert "conv (Conv1D)  (N, 10, 3) -> (N, 8, 4)" in str(walk)
    with pytest.raises(KeyError, match="there are conv"):
        walk["other"]


def test_two_inputs_shared_layers_and_nested_models():
    x, other = diptych.Input((6, 4)), diptych.Input((6, 4))
    shared = layers.Dense(4, name="shared")
    inner = diptych.Sequential([layers.Dense(3, name="deep")], name="inner")
    h = layers.MultiHeadAttention(2, 3, name="mha")(shared(x), shared(other))
    h = layers.Concatenate(name="joined")([h, layers.Add(name="added")([x, other])])
    h = layers.Attention(name="plain")([h, h])
    model = diptych.Model([x, other], inner(h))
    walk = diptych.explain_shapes(model)
    names = [step.name for step in walk.steps]
    assert sorted(set(names)) == ["added", "inner/deep", "joined", "mha", "plain", "shared"]
    one, two = [step for step in walk.steps if step.name == "shared"]
    assert {one.parameters, two.parameters} == {20, 0}
    assert two.weights == "those of the call before"
    assert walk.parameters == model.count_params()
    assert walk["mha"].formulas[0] == "scores: 2 heads x 6 queries x 6 keys"
    assert walk["joined"].formulas == ["axis -1: 4 + 4 = 8"]
    assert "query/kernel 4 x 2 x 3" in walk["mha"].weights


def test_shapes_that_only_the_caller_knows():
    model = diptych.Sequential([layers.Dense(3, name="only")])
    with pytest.raises(ValueError, match=r"its shape is unknown. Give one"):
        diptych.explain_shapes(model)
    with pytest.raises(ValueError, match="takes a model or a layer; got ndarray"):
        diptych.explain_shapes(np.ones((2, 5)))
    assert diptych.explain_shapes(model, (None, 5))["only"].outputs == [(None, 3)]
    assert diptych.explain_shapes(model, (7, 5))["only"].outputs == [(7, 3)]
    text = diptych.Sequential([diptych.Input((None, 4)), layers.GRU(2, name="gru")])
    with pytest.raises(ValueError, match=r"\(N, None, 4\)"):
        diptych.explain_shapes(text)
    assert "the 9 steps" in str(diptych.explain_shapes(text, (None, 9, 4)))

    class Own(diptych.Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Conv1D(2, 3, name="first")

        def call(self, x):
            return self.first(x) * 2.0

    assert "6 - 3 + 1 = 4" in str(diptych.explain_shapes(Own(), (None, 6, 4)))


def test_nothing_changes():
    diptych.utils.set_random_seed(0)
    model = diptych.Sequential(
        [
            diptych.Input(batch_shape=(2, 5, 3)),
            layers.LSTM(3, stateful=True, return_sequences=True),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 5, 3)), np.ones((2, 5, 1)))
    states = [v.numpy() for v in (*model.variables, *model.layers[0].states)]
    random = diptych.random.global_generator().bit_generator.state
    diptych.explain_shapes(model)
    assert all(
        np.array_equal(before, v.numpy())
        for before, v in zip(states, (*model.variables, *model.layers[0].states), strict=True)
    )
    assert diptych.random.global_generator().bit_generator.state == random


@pytest.mark.parametrize("columns", [80, 120])
def test_text_and_html(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    x = diptych.Input((6, 4))
    model = diptych.Model(x, layers.MultiHeadAttention(2, 3, name="mha")(x, x))
    walk = diptych.explain_shapes(model)
    assert max(map(len, str(walk).splitlines())) <= columns
    html = walk._repr_html_()
    assert html.count("<tr>") == 3
    assert "(N, 6, 4), (N, 6, 4) -&gt; (N, 6, 4)" in html
