"""Inputs that are nested or left out, several losses for one output, and the Trainer by itself."""

import warnings

import numpy as np
import pytest

from diptych import Input, Model, Sequential, layers, models, ops, saving
from diptych.models.trainer import Trainer
from diptych.utils import set_random_seed

ENGINES = ["reference", "fast"]
ONE = np.ones((4, 2), "float32")
Y = np.ones((4, 1), "float32")


# Inputs that may be left out


@saving.register_keras_serializable("nested")
class AddIfGiven(layers.Layer):
    def call(self, x, other=None):
        return x if other is None else x + other


def optional(structure=list):
    a, b = Input((2,), name="a"), Input((2,), name="b", optional=True)
    outputs = layers.Dense(1, kernel_initializer="ones")(AddIfGiven()(a, b))
    return Model([a, b] if structure is list else {"a": a, "b": b}, outputs)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_optional_input_may_be_none(engine):
    model = optional()
    model.engine = engine
    model.compile("sgd", "mse")
    expected = np.full((4, 1), 2.0)
    for found in (
        model([ONE, None]),
        model.predict([ONE, None], batch_size=3, verbose=0),
        model.predict_on_batch([ONE, None]),
        optional(dict).predict({"a": ONE, "b": None}, verbose=0),
    ):
        np.testing.assert_array_equal(np.asarray(found), expected)
    np.testing.assert_array_equal(model.predict([ONE, ONE], verbose=0), 2 * expected)
    assert model.evaluate([ONE, None], Y, verbose=0) == 1.0
    losses = model.fit([ONE, None], Y, epochs=2, verbose=0, validation_split=0.25).history["loss"]
    assert losses[0] == 1.0
    assert losses[1] < 1.0
    assert model.train_on_batch([ONE, None], Y) < losses[1]


@pytest.mark.parametrize("method", ["__call__", "predict", "predict_on_batch"])
def test_other_inputs_may_not_be_none(method):
    with pytest.raises(ValueError, match="'a'.*not optional"):
        getattr(optional(), method)([None, ONE])


def test_optional_inputs_come_back_from_a_file(tmp_path):
    optional().save(tmp_path / "m.keras")
    copy = models.load_model(tmp_path / "m.keras")
    assert copy.predict([ONE, None], verbose=0).tolist() == [[2.0]] * 4
    assert models.clone_model(copy).predict([ONE, None], verbose=0).shape == (4, 1)


# Sequential on nested inputs


@saving.register_keras_serializable("nested")
class Weighted(layers.Layer):
    def call(self, x):
        return x["u"] + 10 * x["v"]


NESTED = [
    (lambda: Weighted(), {"v": 2 * ONE, "u": ONE}, 21.0),
    (lambda: layers.Add(), [ONE, 2 * ONE], 3.0),
    (lambda: layers.Subtract(), (ONE, 2 * ONE), -1.0),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("first", "x", "value"), NESTED)
def test_a_sequential_takes_what_its_first_layer_takes(first, x, value, engine):
    def model():
        made = Sequential([first(), layers.Dense(1, kernel_initializer="ones")], engine=engine)
        made.compile("sgd", "mse")
        return made

    expected = np.full((4, 1), 2 * value)
    np.testing.assert_array_equal(np.asarray(model()(x)), expected)
    np.testing.assert_array_equal(model().predict(x, batch_size=3, verbose=0), expected)
    trained = model()
    history = trained.fit(x, Y, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(history[0], (2 * value - 1) ** 2, rtol=1e-6)
    assert len(trained.weights) == 2
    assert "Dense" in _summary(trained)


def _summary(model):
    lines = []
    model.summary(print_fn=lines.append)
    return "\n".join(lines)


def test_a_sequential_is_built_for_nested_shapes_and_comes_back(tmp_path):
    model = Sequential([Weighted(), layers.Dense(1)])
    model.build({"u": (None, 2), "v": (None, 2)})
    assert [w.shape for w in model.weights] == [(2, 1), (1,)]
    x = {"u": ONE, "v": ONE}
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    for copy in (models.load_model(tmp_path / "m.keras"), models.clone_model(model)):
        copy.set_weights(model.get_weights())
        np.testing.assert_array_equal(copy.predict(x, verbose=0), expected)


def test_a_sequential_of_nested_inputs_in_a_graph():
    a, b = Input((2,)), Input((2,))
    inner = Sequential([layers.Add(), layers.Dense(1, kernel_initializer="ones")])
    model = Model([a, b], inner([a, b]))
    assert model.predict([ONE, ONE], verbose=0).tolist() == [[4.0]] * 4


def test_a_sequential_begins_with_a_model_of_several_inputs():
    a, b = Input((2,), name="a"), Input((3,), name="b")
    first = Model({"a": a, "b": b}, layers.Concatenate()([a, b]))
    model = Sequential([first, layers.Dense(1)])
    assert model.predict({"a": ONE, "b": np.ones((4, 3))}, verbose=0).shape == (4, 1)


# Inputs of another structure


def two(structure):
    a, b = Input((2,), name="a"), Input((2,), name="b")
    outputs = layers.Add()([a, layers.Rescaling(10.0)(b)])
    return Model(structure(a, b), outputs)


BY_NAME = {"a": ONE, "b": 2 * ONE}
STRUCTURES = {
    "dict": lambda a, b: {"a": a, "b": b},
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "reversed": lambda a, b: {"b": b, "a": a},
}


@pytest.mark.parametrize("how", ["__call__", "predict_on_batch", "predict"])
@pytest.mark.parametrize(
    ("structure", "x"),
    [
        ("dict", BY_NAME),
        ("reversed", BY_NAME),
        ("list", [ONE, 2 * ONE]),
        ("list", (ONE, 2 * ONE)),
        ("tuple", [ONE, 2 * ONE]),
        ("list", BY_NAME),
        ("list", {**BY_NAME, "c": ONE}),
    ],
)
def test_inputs_as_expected_are_not_warned_of(structure, x, how):
    model = two(STRUCTURES[structure])
    assert np.asarray(getattr(model, how)(x)).tolist() == [[21.0, 21.0]] * 4


@pytest.mark.parametrize(
    ("structure", "x", "message"),
    [
        ("dict", {**BY_NAME, "c": ONE}, r"given \['c'\] as well, which are not used"),
        ("dict", [ONE, 2 * ONE], r"called on \[\(4, 2\), \(4, 2\)\], which are taken one after"),
        ("list", [ONE, [2 * ONE]], r"as \['a', 'b'\]; it was called on \[\(4, 2\), \[\(4, 2\)\]\]"),
    ],
)
def test_inputs_of_another_structure_are_warned_of_once(structure, x, message):
    model = two(STRUCTURES[structure])
    with pytest.warns(UserWarning, match=message) as caught:
        found = model(x)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(np.asarray(found), 21 * ONE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(x, verbose=0)


def one(structure):
    x = Input((2,), name="a")
    return Model(structure(x), layers.Dense(2, kernel_initializer="ones")(x))


@pytest.mark.parametrize("how", ["__call__", "predict_on_batch", "predict"])
@pytest.mark.parametrize(
    ("structure", "x", "message"),
    [
        (lambda a: a, [ONE], r"its input as a; it was called on \[\(., 2\)\], which is taken for"),
        (lambda a: a, (ONE,), "its input as a"),
        (lambda a: {"a": a}, ONE, r"its input as \{'a': 'a'\}; it was called on \(., 2\)"),
        (lambda a: {"a": a}, [ONE], r"its input as \{'a': 'a'\}; it was called on \[\(., 2\)\]"),
    ],
)
def test_one_input_in_another_structure_is_warned_of(structure, x, message, how):
    model = one(structure)
    with pytest.warns(UserWarning, match=message) as caught:
        found = getattr(model, how)(x)
    assert caught[0].filename == __file__
    assert np.asarray(found).tolist() == [[2.0, 2.0]] * 4


@pytest.mark.parametrize("how", ["__call__", "predict", "fit"])
@pytest.mark.parametrize(
    ("structure", "x"),
    [
        (lambda a: a, ONE),
        (lambda a: a, {"a": ONE}),
        (lambda a: [a], ONE),
        (lambda a: [a], [ONE]),
        (lambda a: [a], (ONE,)),
        (lambda a: {"a": a}, {"a": ONE}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_one_input_as_expected_is_not_warned_of(structure, x, how):
    model = one(structure)
    model.compile("sgd", "mse")
    getattr(model, how)(x, *([ONE] if how == "fit" else []))


def test_a_list_for_names_that_are_not_in_order_is_refused():
    with pytest.raises(ValueError, match="pass a dict, since the order of its inputs is not"):
        two(STRUCTURES["reversed"])([2 * ONE, ONE])


# Several losses of one output


def outputs_by_name(loss, loss_weights=None, engine="fast"):
    x = Input((2,))
    p = layers.Dense(1, kernel_initializer="ones", name="first")(x)
    q = layers.Dense(1, kernel_initializer="zeros", name="second")(x)
    model = Model(x, {"p": p, "q": q}, engine=engine)
    model.compile("sgd", loss, loss_weights=loss_weights)
    return model


@pytest.mark.parametrize("engine", ENGINES)
def test_an_output_may_have_several_losses(engine):
    x = np.arange(8.0).reshape(4, 2)
    y = {"p": Y, "q": 2 * Y}
    mse_p, mae_p, mae_q = 56.0, 6.0, 2.0
    model = outputs_by_name({"p": ["mse", "mae"], "q": "mae"}, engine=engine)
    results = model.evaluate(x, y, verbose=0)
    assert results[0] == mse_p + mae_p + mae_q
    assert model.metrics_names == ["loss", "p_loss", "p_loss", "q_loss"]  # as in Keras
    assert model.fit(x, y, verbose=0).history == {
        "loss": [results[0]],
        "p_loss": [mae_p],
        "q_loss": [mae_q],
    }
    weights = {"p": [0.5, 2.0], "q": 3.0}
    model = outputs_by_name({"p": ["mse", "mae"], "q": "mae"}, weights, engine)
    assert model.evaluate(x, y, verbose=0)[0] == 0.5 * mse_p + 2 * mae_p + 3 * mae_q
    model = outputs_by_name({"p": ["mse", None], "q": None}, engine=engine)
    assert model.evaluate(x, y, verbose=0) == mse_p


def test_weights_for_the_losses_of_an_output_are_one_for_each():
    model = outputs_by_name("mse")
    with pytest.raises(ValueError, match=r"3 entries for output 'p', which has 2 losses"):
        model.compile("sgd", {"p": ["mse", "mae"]}, loss_weights={"p": [1.0, 2.0, 3.0]})


@pytest.mark.filterwarnings("ignore:binary_crossentropy takes probabilities")
def test_all_losses_of_an_output_are_checked():
    model = outputs_by_name({"p": ["mse", "binary_crossentropy"]})
    with pytest.warns(UserWarning, match="binary_crossentropy takes labels between 0 and 1"):
        model.evaluate(ONE, {"p": 7 * Y}, verbose=0)


def test_several_losses_of_nested_outputs():
    x = Input((2,))
    a, b, c = (layers.Dense(1, kernel_initializer="ones", name=n)(x) for n in "abc")
    model = Model(x, {"x": [a, b], "y": c})
    model.compile("sgd", {"x": [["mse", "mae"], "mae"], "y": "mse"})
    y = {"x": [Y, 3 * Y], "y": 4 * Y}
    assert model.evaluate(ONE, y, verbose=0)[0] == 1 + 1 + 1 + 4
    assert [m.name for m in model.metrics[1:]] == [
        "x/a_loss",
        "x/a_loss",
        "x/b_loss",
        "y_loss",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_losses_of_one_output_are_summed_and_trained_on(engine):
    weights = []
    for loss in ({"end": ["mse", "mae"]}, lambda t, p: ops.mean((t - p) ** 2 + abs(t - p), -1)):
        set_random_seed(0)
        model = Sequential([Input((2,)), layers.Dense(1, name="end")], engine=engine)
        model.compile("sgd", loss)
        model.fit(np.arange(8.0).reshape(4, 2), Y, epochs=3, verbose=0)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


# The Trainer by itself


class Both(Trainer, layers.Layer):
    """As with Keras, both constructors are called by name."""

    def __init__(self, **kwargs):
        layers.Layer.__init__(self, **kwargs)
        Trainer.__init__(self)
        self.dense = layers.Dense(1, kernel_initializer="ones")

    def call(self, x, training=False):
        return self.dense(x)


class WithSuper(Trainer, layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(1, kernel_initializer="ones")

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize("cls", [Both, WithSuper])
def test_a_layer_with_the_trainer_trains_as_a_model_does(cls):
    x, weights = np.arange(8.0).reshape(4, 2), []
    for make in (cls, lambda: Sequential([layers.Dense(1, kernel_initializer="ones")])):
        set_random_seed(0)
        one = make()
        one.compile("adam", "mse", metrics=["mae"])
        history = one.fit(x, Y, epochs=3, batch_size=3, validation_data=(x, Y), verbose=0).history
        results = [one.evaluate(x, Y, verbose=0), one.train_on_batch(x, Y)]
        predicted = one.predict(x, verbose=0)
        weights.append([*one.get_weights(), *history.values(), *results, predicted])
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert cls(name="mine").name == "mine"


def test_a_layer_with_the_trainer_has_to_be_compiled():
    with pytest.raises(ValueError, match="must be compiled before fit"):
        Both().fit(ONE, Y)


def test_a_model_whose_weights_come_with_the_first_step_is_not_taken_for_a_frozen_one():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, *args, **kwargs):
            return super().compute_loss(*args, **kwargs)

    model = Own()
    model.compile("sgd", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(ONE, Y, epochs=2, verbose=0)
    assert len(model.trainable_weights) == 2


def test_each_other_structure_is_warned_of():
    model = one(lambda a: a)
    for x in ([ONE], (ONE,)):
        with pytest.warns(UserWarning, match="which is taken for it"):
            model(x)


def test_symbolic_tensors_are_found_in_lists():
    a, b = Input((2,)), Input((2,))
    assert a in [b, a]
    assert a not in [b]
    assert [b, a].index(a) == 1
    assert (a == b) is False
    assert (a != b).dtype == "bool"


class Halves(layers.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(3), layers.Dense(1)

    def call(self, x):
        return self.second(self.first(x))


def test_a_layer_within_a_layer_of_a_graph_was_built_for_any_batch():
    inner = Halves()
    Model(x := Input((5,)), inner(x))
    assert inner.get_build_config() == {"input_shape": (None, 5)}
    assert inner.first.get_build_config() == {"input_shape": (None, 5)}
    assert inner.second.get_build_config() == {"input_shape": (None, 3)}
