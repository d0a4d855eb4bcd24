"""An error about shapes shows the shapes on the way to the layer that failed."""

import numpy as np
import pytest

from diptych import Input, KerasTensor, Model, Sequential, layers, ops, walk
from diptych.layers import Add, Conv2D, Dense, Flatten, MaxPooling2D


def table_of(error):
    """The rows below the message, as lists of words."""
    lines = [line for line in str(error.value).split("\n") if not line.startswith("Layer ")]
    title = next(i for i, line in enumerate(lines) if line.endswith(":") and "shape" in line)
    return [line.split(maxsplit=2) for line in lines[title + 1 :]]


def stack():
    return [Conv2D(4, 3, name="first"), MaxPooling2D(name="half"), Conv2D(4, 5, name="large")]


def one_by_one():
    model = Sequential([Input((8, 8, 1), name="image")])
    for layer in stack():
        model.add(layer)


@pytest.mark.parametrize(
    ("batch", "make"),
    [
        (None, lambda: Sequential([Input((8, 8, 1), name="image"), *stack()])),
        (None, one_by_one),
        (None, lambda: Sequential(stack()).build((None, 8, 8, 1))),
        (2, lambda: Sequential(stack())(np.zeros((2, 8, 8, 1), "float32"))),
    ],
)
def test_a_sequential_shows_every_layer_before_the_one_that_fails(batch, make):
    with pytest.raises(ValueError, match="window of 5 x 5") as error:
        make()
    rows = table_of(error)
    assert rows[0][1:] == ["InputLayer", f"({batch}, 8, 8, 1)"]
    assert rows[1:] == [
        ["first", "Conv2D", f"({batch}, 6, 6, 4)"],
        ["half", "MaxPooling2D", f"({batch}, 3, 3, 4)"],
        ["large", "Conv2D", f"cannot take ({batch}, 3, 3, 4)"],
    ]


def test_branches_meet_after_their_layers():
    a, b = Input((4,), name="a"), Input((3,), name="b")
    with pytest.raises(ValueError, match="inputs of one shape") as error:
        Add(name="both")([Dense(5, name="left")(a), Dense(6, name="right")(b)])
    assert [row[0] for row in table_of(error)] == ["a", "left", "b", "right", "both"]
    assert table_of(error)[-1][-1] == "cannot take (None, 5) and (None, 6)"


def test_operations_outside_layers_are_in_it():
    x = ops.relu(Dense(5, name="left")(Input((4,), name="a")))
    with pytest.raises(ValueError, match="ops.matmul cannot take") as error:
        ops.matmul(x, np.zeros((4, 2)))
    assert [row[0] for row in table_of(error)] == ["a", "left", "ops.relu", "ops.matmul"]


class Fixed(layers.Layer):
    """Adds three numbers, whatever it gets."""

    def call(self, inputs):
        return inputs + np.zeros(3, "float32")

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_a_graph_that_fails_on_data_shows_their_shapes(engine):
    x = Input((None,), name="x")
    model = Model(x, Fixed(name="three")(ops.relu(x)), engine=engine)
    assert model(np.zeros((2, 3))).shape == (2, 3)
    with pytest.raises(ValueError, match=r"ops.add cannot take") as error:
        model(np.zeros((2, 5)))
    assert table_of(error) == [
        ["x", "InputLayer", "(2, 5)"],
        ["ops.relu", "(2,", "5)"],
        ["three", "Fixed", "cannot take (2, 5)"],
    ]


class Inner(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = Dense(3, name="dense_within")

    def call(self, inputs):
        return self.dense(inputs) + np.zeros(7, "float32")


class Own(Model):
    def __init__(self):
        super().__init__(name="own")
        self.first, self.inner = Conv2D(4, 3, name="first"), Inner(name="inner")

    def call(self, inputs):
        return self.inner(self.first(inputs))


def fitted():
    model = Own()
    model.compile("sgd", "mse")
    model.fit(np.zeros((2, 8, 8, 1)), np.zeros((2, 7)), verbose=0)


@pytest.mark.parametrize(
    "make",
    [lambda: Own()(np.zeros((1, 8, 8, 1))), lambda: Own().build((1, 8, 8, 1)), fitted],
    ids=["call", "build", "fit"],
)
def test_a_model_without_a_graph_tells_the_layer_and_the_way_to_it(make):
    with pytest.raises(ValueError, match="ops.add cannot take") as error:
        make()
    assert "In the call of layer 'inner' (Inner) on (1, 6, 6, 4)." in str(error.value)
    assert table_of(error) == [
        ["inputs", "input", "(1, 8, 8, 1)"],
        ["first", "Conv2D", "(1, 6, 6, 4)"],
        ["inner", "Inner", "cannot take (1, 6, 6, 4)"],
    ]


def test_the_second_call_leaves_no_trace():
    model = Own()
    for _ in range(2):
        with pytest.raises(ValueError, match="In the call of layer 'inner'"):
            model(np.zeros((1, 8, 8, 1)))
    assert model.first._nodes == model.inner._nodes == []
    plus = layers.Lambda(lambda x: x + np.zeros(9), name="plus")
    with pytest.raises(ValueError, match=r"In the call of layer 'plus' \(Lambda\) on \(2, 3\)"):
        plus(np.zeros((2, 3)))


def test_it_is_told_once_and_only_of_shapes():
    class Silent(layers.Layer):
        def call(self, inputs):
            raise ValueError("no such colour")

    with pytest.raises(ValueError, match="no such colour") as error:
        Sequential([Input((3,)), Sequential([Silent()])])
    assert "on the way" not in str(error.value)
    inner = Sequential([Input((4,)), Dense(3), Fixed()], name="inner")
    with pytest.raises(ValueError, match="The model begins:") as error:
        inner(Dense(5)(Input((2,))))
    assert "on the way" not in str(error.value)


def test_of_a_long_model_the_last_calls_are_shown():
    x = Input((4,))
    for _ in range(40):
        x = Dense(4)(x)
    with pytest.raises(ValueError, match="4 axes") as error:
        Conv2D(3, 3)(x)
    assert len(table_of(error)) == walk.MOST + 1
    assert f"({42 - walk.MOST} before)" in str(error.value)


def test_a_symbolic_tensor_of_ones_own_is_an_input():
    rows = walk.steps([Dense(2, name="d")(KerasTensor((None, 3), name="mine"))])
    assert rows == [("mine", "input", "(None, 3)"), ("d", "Dense", "(None, 2)")]


def test_labels_and_data_that_do_not_fit_show_the_model():
    model = Sequential([Input((8, 8, 1)), Conv2D(4, 3), Dense(3, activation="softmax", name="end")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"Flatten\(\) or") as error:
        model.fit(np.zeros((5, 8, 8, 1)), np.zeros(5, int), verbose=0)
    rows = table_of(error)
    assert rows[-2:] == [["end", "Dense", "(None, 6, 6, 3)"], ["y", "labels", "(5,)"]]
    for call in (model, model.predict, lambda x: model.fit(x, np.zeros(5, int))):
        with pytest.raises(ValueError, match="The model begins:\n.*8, 8, 1\\)\n.*Conv2D"):
            call(np.zeros((5, 9, 8, 1)))
    with pytest.raises(ValueError, match=r"np.moveaxis\(x, 1, -1\)"):
        model(np.zeros((5, 1, 8, 8)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.add(np.zeros((2, 3)), np.zeros((4, 5))), r"ops.add cannot take \(2, 3\) and"),
        (lambda: ops.where(np.zeros((2, 3)) > 0, np.zeros((4, 5)), 0.0), "ops.where cannot take"),
        (lambda: ops.reshape(np.zeros((2, 3)), (4, 2)), r"ops.reshape cannot take \(2, 3\): its 6"),
        (
            lambda: ops.concatenate([np.zeros((2, 3)), np.zeros((3, 4))]),
            r"ops.concatenate cannot take \(2, 3\) and \(3, 4\): 3 does not fit 4 along axis 1",
        ),
        (lambda: ops.stack([np.zeros(2), np.zeros(3)]), "ops.stack cannot take"),
        (lambda: ops.convert_to_tensor(np.zeros((2, 3))) * np.zeros(2), "ops.multiply cannot"),
        (lambda: Flatten()(np.zeros((2, 3))) + np.zeros((4, 4)), "ops.add cannot take"),
    ],
)
def test_operations_on_arrays_name_themselves(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "broadcast" not in str(error.value)
