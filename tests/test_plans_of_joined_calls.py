"""Plans in which some calls in a row run as one: the same bits, and only where nobody else wants
what lies between.
"""

import numpy as np
import pytest

import diptych
from diptych import Input, layers
from diptych.models import noting
from tests.planned import assert_same, compiled, data, fit

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")


def normalized_with_relu(x):
    h = layers.ReLU(0.8)(layers.BatchNormalization()(layers.Conv2D(19, 3, use_bias=False)(x)))
    h = layers.Activation("relu")(layers.BatchNormalization(scale=False)(layers.Conv2D(70, 1)(h)))
    twice = layers.BatchNormalization(center=False)(h)
    sloped = layers.ReLU(negative_slope=0.1)(layers.BatchNormalization()(h))
    h = layers.Add()([layers.Activation("relu")(twice), twice, sloped])
    return layers.ReLU(6.0)(layers.BatchNormalization()(layers.GlobalAveragePooling2D()(h)))


def summed_with_relu(x):
    h = layers.Dense(3)(x)
    h = layers.Activation("relu")(layers.Add()([layers.Dense(3)(h), h]))
    h = layers.ReLU(1.0)(layers.Add()([h, layers.Dense(3)(h)]))
    h = layers.ReLU()(layers.Add()([h, layers.Dense(3)(h), h]))
    wide = layers.Add()([layers.Reshape((3, 1))(h), layers.Reshape((1, 3))(h)])
    twice = layers.Add()([h, layers.Dense(3)(h)])
    h = [layers.Activation("relu")(y) for y in (wide, twice)]
    h = layers.Dense(3)(layers.Concatenate()([layers.Flatten()(h[0]), h[1], twice]))
    return layers.Activation("relu")(layers.Add()([x, h]))


def pooled(x):
    h = layers.MaxPooling2D()(layers.Conv2D(16, 3, activation="relu")(x))
    h = layers.MaxPooling2D(3, 1, "same")(layers.Activation("relu")(layers.Conv2D(7, 3)(h)))
    h = layers.MaxPooling2D(2, 1)(layers.Conv2D(5, 1)(h))
    h = layers.MaxPooling2D(2, 1)(layers.Conv2D(5, 1, activation="tanh")(h))
    twice = layers.Conv2D(5, 1, activation="relu")(h)
    both = [layers.MaxPooling2D(2, 1)(twice), layers.AveragePooling2D(2, 1)(twice)]
    h = layers.ReLU(2.0)(layers.Conv2D(5, 1)(layers.Concatenate()(both)))
    return layers.GlobalMaxPooling2D()(layers.Conv2D(5, 1, activation="relu")(h))


NETWORKS = {
    "normalized, with relu": ((9, 9, 3), normalized_with_relu),
    "summed, with relu": ((3,), summed_with_relu),
    "pooled": ((17, 18, 16), pooled),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_bits_are_those_of_single_calls(name, monkeypatch):
    shape, network = NETWORKS[name]

    def build():
        x = Input(shape)
        return compiled(diptych.Model(x, layers.Dense(2, "softmax")(network(x))), "adam")

    assert_same(monkeypatch, build, fit(*data(shape)))


def joined_calls(monkeypatch):
    """Where a plan notes the calls that run as one: how many, in the order of the first."""
    counts, find = [], noting._joined_calls

    def joined(replay):
        found = find(replay)
        counts.append([1 + len(found[i].others) for i in sorted(found)])
        return found

    monkeypatch.setattr(noting, "_joined_calls", joined)
    return counts


def test_normalization_does_the_relu_after_it_unless_others_want_what_lies_between(monkeypatch):
    counts, limits = joined_calls(monkeypatch), []
    join = noting._with_relu
    monkeypatch.setattr(noting, "_with_relu", lambda limit: limits.append(limit) or join(limit))
    x = Input((9, 9, 3))
    y = layers.Activation("relu")(layers.BatchNormalization()(normalized_with_relu(x)))
    last = layers.BatchNormalization()(y)
    model = diptych.Model(x, [last, layers.ReLU()(last)])
    model.compile("sgd", ["mse", "mse"])
    rows, _ = data((9, 9, 3), rows=35)
    fit(rows, [np.zeros((35, 70))] * 2)(model)
    assert model.plan_report().startswith("A plan ran")
    assert counts == [[2] * 4]
    assert limits == [0.8, None, 6.0, None]


def test_a_sum_does_the_relu_after_it_where_both_its_terms_are_alike(monkeypatch):
    counts = joined_calls(monkeypatch)
    x = Input((3,))
    model = diptych.Model(x, summed_with_relu(x))
    model.compile("sgd", "mse")
    rows, _ = data((3,), rows=35)
    fit(rows, np.zeros((35, 3)))(model)
    assert model.plan_report().startswith("A plan ran")
    assert counts == [[2, 2]]


def test_a_convolution_does_the_pooling_after_it_unless_others_want_what_lies_between(monkeypatch):
    counts = joined_calls(monkeypatch)
    x = Input((17, 18, 16))
    wanted = layers.Conv2D(3, 3, activation="relu")(x)
    model = diptych.Model(x, [pooled(x), wanted, layers.GlobalMaxPooling2D()(wanted)])
    model.compile("sgd", ["mse"] * 3)
    rows, _ = data((17, 18, 16), rows=35)
    fit(rows, [np.zeros((35, *output.shape[1:])) for output in model.outputs])(model)
    assert model.plan_report().startswith("A plan ran")
    assert counts == [[2, 3, 2, 2]]
