"""How a layer may be called: by place and by name."""

import numpy as np
import pytest

import diptych
from diptych import layers


@pytest.mark.parametrize(
    ("layer", "name", "shape"),
    [
        (lambda: layers.Dense(2), "inputs", (3,)),
        (lambda: layers.BatchNormalization(), "inputs", (3,)),
        (lambda: layers.Conv1D(2, 3), "inputs", (5, 4)),
        (lambda: diptych.Sequential([layers.Dense(2)]), "inputs", (3,)),
        (lambda: layers.LSTM(2), "sequences", (3, 4)),
    ],
)
def test_the_first_argument_of_a_call_may_have_its_name(layer, name, shape):
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    by_name, inputs = layer(), layers.Input(shape)
    y = by_name(**{name: x})
    assert_same(y, by_name(x))
    assert_same(diptych.Model(inputs, by_name(**{name: inputs}))(x), y)


def test_training_may_stand_at_its_place():
    inputs = layers.Input((50,))
    x = np.ones((2, 50), "float32")
    model = diptych.Model(inputs, layers.Dropout(0.5)(inputs, True))
    assert 0.0 in model.predict(x, verbose=0)
    frozen = diptych.Model(inputs, layers.BatchNormalization()(inputs, False))
    assert_same(frozen(x, training=True), frozen(x, training=False))


def assert_same(a, b):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_a_call_that_is_replaced_counts_in_models_that_have_run():
    class Own(layers.Layer):
        def call(self, x):
            return x

    x = np.ones((2, 3), "float32")
    for layer in (layers.ReLU(), layers.BatchNormalization(), Own()):
        model = diptych.Sequential([layers.Input((3,)), layer])
        model(x)
        model.predict(x, verbose=0)
        calls = []
        layer.call = lambda x, training=None, calls=calls: calls.append(x) or x * 2.0
        for steps in (1, 2):
            assert_same(model.predict(x, verbose=0), 2 * x)
            assert_same(model(x), 2 * x)
            assert len(calls) == 2 * steps


class Between(layers.Layer):
    """x, or x + y, with a rule for shapes that takes those of both."""

    def build(self):
        self.scale = self.add_weight(initializer="ones")

    def call(self, x, y=None):
        return x * self.scale if y is None else x * self.scale + y

    def compute_output_shape(self, x_shape, y_shape=None):
        return x_shape if y_shape is None else (*x_shape[:-1], max(x_shape[-1], y_shape[-1]))


def test_a_rule_for_shapes_may_take_those_of_several_arguments():
    x, y = layers.Input((3,)), layers.Input((1,), optional=True)
    assert Between()(x).shape == (None, 3)
    outputs = Between()(y, y=x)
    assert outputs.shape == (None, 3)
    model = diptych.Model([x, y], Between()(x, y))
    ones = np.ones((2, 3), "float32")
    assert len(model.weights) == 1
    assert_same(model([ones, None]), ones)
    assert_same(model([ones, ones[:, :1]]), 2 * ones)
    model.compile("sgd", "mse")
    assert model.fit([ones, None], ones, verbose=0).history["loss"] == [0.0]


class Misnamed(layers.Layer):
    def call(self, x, y):
        return x

    def compute_output_shape(self, x_shape, z_shape):
        return x_shape


def test_shapes_named_after_no_argument_are_refused():
    x = layers.Input((3,))
    with pytest.raises(ValueError, match=r"compute_output_shape\(x_shape, z_shape\).*'z_shape' is"):
        Misnamed()(x, x)
