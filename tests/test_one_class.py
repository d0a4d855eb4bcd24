"""A softmax over a single number, and a loss over a single class: they train to nothing."""

import warnings

import numpy as np
import pytest

import diptych
from diptych import layers, ops

SOFTMAX = "the result is always 1, and nothing is learned"
CLASSES = "the probability of a single class is always 1, and nothing is learned"
X, Y = np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([0.0, 1.0])


def sequential(*rest):
    return diptych.Sequential([diptych.Input((2,)), *rest])


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: sequential(layers.Dense(1, activation="softmax")), "(Dense)"),
        (lambda: sequential(layers.Dense(1), layers.Activation("softmax")), "(Activation)"),
        (lambda: sequential(layers.Dense(1), layers.Softmax()), "(Softmax)"),
        (lambda: sequential(layers.Reshape((1, 2)), layers.Softmax(axis=[1])), "(Softmax)"),
        (lambda: layers.EinsumDense("ab,bc->ac", 1, activation="softmax")(X), "(EinsumDense)"),
        (lambda: layers.Conv2D(1, 1, activation="softmax")(np.ones((1, 3, 3, 2))), "(Conv2D)"),
        (lambda: layers.SimpleRNN(1, activation="softmax")(np.ones((1, 3, 2))), "(SimpleRNNCell)"),
        (lambda: ops.softmax(diptych.Input((4, 1))), "ops.softmax"),
        (lambda: ops.softmax(diptych.Input((1, 4)), axis=1), "ops.softmax"),
    ],
)
def test_a_softmax_over_one_is_warned_of_where_it_is_built(make, name):
    with pytest.warns(UserWarning, match="axis has size 1") as record:
        make()
    assert [str(one.message).count(SOFTMAX) for one in record] == [1]
    message = str(record[0].message)
    assert name in message
    assert "loss='binary_crossentropy'" in message
    assert record[0].filename == __file__


def test_it_is_said_once_and_not_in_training():
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model = sequential(layers.Dense(1, activation="softmax"))
        model.compile("sgd", "binary_crossentropy")
        model.fit(X, Y, epochs=3, verbose=0)
        model.predict(X, verbose=0)
    assert [SOFTMAX in str(one.message) for one in record] == [True]


class OwnModel(diptych.Model):
    """A model without a graph: its layers are called on arrays only."""

    def __init__(self, last):
        super().__init__()
        self.first, self.last = layers.Dense(1), last

    def call(self, inputs):
        return self.last(self.first(inputs))


@pytest.mark.parametrize("last", [layers.Softmax, lambda: layers.Activation("softmax")])
def test_it_is_said_once_where_there_is_no_graph(last):
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model = OwnModel(last())
        model.compile("sgd", "binary_crossentropy")
        model.fit(X, Y, epochs=3, verbose=0)
        model.predict(X, verbose=0)
        last()(X[:1])  # two units, one row
    assert [SOFTMAX in str(one.message) for one in record] == [True]
    assert record[0].filename == __file__


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "categorical_focal_crossentropy"])
def test_a_loss_over_a_single_class_is_warned_of_once_and_before_training(loss):
    model = sequential(layers.Dense(1, activation="sigmoid"))
    model.compile("sgd", loss)
    heard = []

    class Listener(diptych.callbacks.Callback):
        def on_train_begin(self, logs=None):
            heard.append(len(record))

    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("default")
        model.fit(X, Y, 1, 2, 0, [Listener()], validation_data=(X, Y))
    assert heard == [1]
    assert len(record) == 1
    assert record[0].category is SyntaxWarning  # as in Keras
    assert record[0].filename == __file__
    assert CLASSES in str(record[0].message)
    assert "Dense(1, activation='sigmoid')" in str(record[0].message)


def test_single_batches_are_warned_of_as_well():
    model = sequential(layers.Dense(1, activation="sigmoid"))
    model.compile("sgd", "categorical_crossentropy")
    with pytest.warns(SyntaxWarning, match=CLASSES):
        model.train_on_batch(X, Y)


def test_several_classes_and_sizes_of_one_elsewhere_say_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = sequential(layers.Dense(2, activation="softmax"))
        model.compile("sgd", "categorical_crossentropy")
        model.fit(X[:1], np.eye(2)[:1], verbose=0)
        sequential(layers.Dense(1, activation="sigmoid"))
        layers.Softmax()(np.ones((1, 1, 2)))
        layers.Softmax(axis=(1, 2))(np.ones((2, 1, 3)))
        ops.softmax(diptych.Input((1, 4)))
