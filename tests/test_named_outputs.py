"""Models with several outputs, in dicts, lists and nested, functional and subclassed: losses,
labels, weights and metrics by name or in order. The numbers are those of Keras 3.15.
"""

import numpy as np
import pytest

import diptych
from diptych import Input, Model, layers, losses, ops, optimizers
from diptych.models.outputs import Outputs

pytestmark = pytest.mark.filterwarnings("ignore:The loss does not depend on")

X = np.arange(20, dtype="float32").reshape(10, 2) / 20
Y = np.linspace(0, 1, 10).reshape(10, 1).astype("float32")
Z = np.concatenate([1 - Y, Y], axis=1)
CLASSES = np.arange(10) % 2
BOTH = {"a": "mse", "b": "categorical_crossentropy"}
LABELS = {"a": Y, "b": Z}

NESTINGS = {
    "dict": lambda a, b: {"b": b, "a": a},
    "list": lambda a, b: [a, b],
    "nested": lambda a, b: {"p": {"q": a}, "r": [b]},
    "one": lambda a, b: {"a": a},
}


def parts():
    return (
        layers.Dense(1, kernel_initializer="ones", name="la"),
        layers.Dense(2, activation="softmax", kernel_initializer="ones", name="lb"),
    )


class Subclassed(Model):
    def __init__(self, nest, **kwargs):
        super().__init__(**kwargs)
        self.nest = nest
        self.a, self.b = parts()

    def call(self, x):
        return self.nest(self.a(x), self.b(x))


def functional(nest, **kwargs):
    inputs = Input((2,))
    a, b = parts()
    return Model(inputs, nest(a(inputs), b(inputs)), **kwargs)


@pytest.fixture(params=["functional", "subclassed"])
def make(request):
    def make(nesting, loss, engine=None, **compiled):
        cls = functional if request.param == "functional" else Subclassed
        model = cls(NESTINGS[nesting], engine=engine)
        model.compile(optimizers.SGD(0.1), loss, **compiled)
        return model

    return make


def trained(model, y, **given):
    """The history of one epoch, rounded, and the results of an evaluation."""
    arguments = {"verbose": 0, **given}
    history = model.fit(X, y, batch_size=5, shuffle=False, **arguments).history
    results = model.evaluate(X, y, return_dict=True, **arguments)
    assert set(results) == set(history)
    in_order = model.evaluate(X, y, **arguments)
    names = model.metrics_names
    if len(names) > 1:
        assert in_order == [results[name] for name in names]
    on_batch = model.train_on_batch(X, y, return_dict=True)
    assert set(on_batch) == set(history)
    return {name: values[0] for name, values in history.items()}, results


RIGHT = {"loss": 0.928, "a_loss": 0.225, "b_loss": 0.703}


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (BOTH, LABELS),
        (dict(reversed(BOTH.items())), LABELS),
        (list(BOTH.values()), LABELS),  # lists are in alphabetical order of the keys
        (BOTH, [Y, Z]),
    ],
)
def test_a_dict_of_outputs(make, loss, labels, engine):
    model = make("dict", loss, engine)
    history, results = trained(model, labels)
    assert history == pytest.approx(RIGHT, abs=1e-3)
    assert results == pytest.approx({"loss": 0.758, "a_loss": 0.071, "b_loss": 0.686}, abs=1e-3)
    order = ["b", "a"] if list(loss)[0] == "b" else ["a", "b"]
    assert model.metrics_names == ["loss", *(f"{name}_loss" for name in order)]
    predictions = model.predict(X, verbose=0)
    assert {name: y.shape for name, y in predictions.items()} == {"a": (10, 1), "b": (10, 2)}
    assert set(model.predict_on_batch(X)) == {"a", "b"}


@pytest.mark.parametrize(
    ("loss", "labels"), [({"a": "mse"}, LABELS), ({"a": "mse", "b": None}, {"a": Y})]
)
def test_an_output_without_a_loss(make, loss, labels):
    history, _ = trained(make("dict", loss), labels)
    assert history == pytest.approx({"loss": 0.225}, abs=1e-3)


def test_metrics_and_weights_by_name(make):
    expected = {**RIGHT, "a_mae": 0.417, "b_accuracy": 0.5}
    for metrics in ({"a": ["mae"], "b": "accuracy"}, [["mae"], ["accuracy"]]):
        history, _ = trained(make("dict", BOTH, metrics=metrics), LABELS)
        assert history == pytest.approx(expected, abs=1e-3)
    weighted = make("dict", BOTH, loss_weights={"a": 0.5, "b": 2.0})
    history, _ = trained(weighted, LABELS)
    assert history == pytest.approx({"loss": 1.55, "a_loss": 0.246, "b_loss": 0.713}, abs=1e-3)
    ramp = np.linspace(0, 1, 10)
    model = make("dict", BOTH, weighted_metrics={"a": ["mae"]})
    history = model.fit(
        X, LABELS, batch_size=5, shuffle=False, verbose=0,
        sample_weight={"a": ramp, "b": np.ones(10)},
    ).history  # fmt: skip
    expected = {"loss": 0.898, "a_loss": 0.196, "b_loss": 0.703, "a_mae": 0.596}
    assert {name: values[0] for name, values in history.items()} == pytest.approx(
        expected, abs=1e-3
    )
    history = (
        make("dict", BOTH)
        .fit(X, LABELS, batch_size=5, shuffle=False, verbose=0, sample_weight=ramp)
        .history
    )
    assert history["b_loss"] == pytest.approx([0.348], abs=1e-3)


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        ({"p": {"q": "mse"}, "r": ["categorical_crossentropy"]}, {"p": {"q": Y}, "r": [Z]}),
        (["mse", "categorical_crossentropy"], [Y, Z]),
    ],
)
def test_nested_outputs(make, loss, labels):
    model = make("nested", loss)
    history, _ = trained(model, labels)
    last = "r/lb_loss" if model.outputs else "r/output_2_loss"
    assert history == pytest.approx({"loss": 0.928, "p/q_loss": 0.225, last: 0.703}, abs=1e-3)
    predictions = model.predict(X, verbose=0)
    assert predictions["p"]["q"].shape == (10, 1)
    assert predictions["r"][0].shape == (10, 2)


def test_one_loss_for_all_outputs(make):
    history, _ = trained(make("dict", "mse"), LABELS)
    assert history == pytest.approx({"loss": 0.33, "a_loss": 0.225, "b_loss": 0.104}, abs=1e-3)
    history, _ = trained(make("nested", "mse"), {"p": {"q": Y}, "r": [Z]})
    assert history["loss"] == pytest.approx(0.33, abs=1e-3)


def test_a_dict_with_a_single_output(make):
    for loss, labels in (({"a": "mse"}, {"a": Y}), ("mse", {"a": Y}), ("mse", Y)):
        history, _ = trained(make("one", loss, metrics=["mae"]), labels)
        assert history == pytest.approx({"loss": 0.225, "mae": 0.417}, abs=1e-3)


@pytest.mark.parametrize(
    ("compiled", "labels", "message"),
    [
        ({"loss": {"a": "mse", "c": "mse"}}, LABELS, "^`loss` names an output 'c'"),
        ({"loss": ["mse"] * 3}, LABELS, "`loss` has 3 entries, but the model has 2 outputs"),
        ({"loss": BOTH}, {**LABELS, "c": Y}, "y is a dict with the key 'c'"),
        ({"loss": BOTH}, {"a": Y}, "Output 'b' .* but no labels"),
        ({"loss": BOTH}, [Y], "y is 1 array, but the model has 2 outputs"),
        ({"loss": BOTH}, Y, "y is 1 array, but the model has 2 outputs"),
        ({"loss": BOTH}, {"a": Y, "b": Z[:, :1]}, r"y\['b'\] has shape"),
        ({"loss": BOTH, "metrics": {"c": ["mae"]}}, LABELS, "`metrics` names an output 'c'"),
        ({"loss": BOTH, "loss_weights": {"c": 1.0}}, LABELS, "`loss_weights` names an output 'c'"),
    ],
)
def test_names_and_numbers_that_do_not_fit(make, compiled, labels, message):
    with pytest.raises(ValueError, match=message):
        make("dict", **compiled).fit(X, labels, verbose=0)


def test_a_loss_for_an_output_that_is_not_there_is_a_key_error_as_in_keras(make):
    with pytest.raises(KeyError, match="^`loss` names an output 'c'"):
        make("dict", {"c": "mse"}).fit(X, LABELS, verbose=0)


def test_gradients_of_a_subclassed_model_with_names():
    model = Subclassed(NESTINGS["dict"])
    model.compile("sgd", BOTH)
    report = diptych.gradcheck(model, X, LABELS)
    assert report, f"\n{report}"
    assert len(report.checks) == 1 + 4


def test_the_order_of_outputs_and_what_is_given_for_them():
    outputs = Outputs({"z": [0, 0], "b": {"c": 0}, "a": 0})
    assert outputs.names == ["z/output_1", "z/output_2", "b/c", "a"]
    assert outputs.order == [3, 2, 0, 1]
    assert outputs.match(["A", "C", "Z1", "Z2"], "loss") == ["Z1", "Z2", "C", "A"]
    assert outputs.match({"z": "Z", "a": "A"}, "loss") == ["Z", "Z", None, "A"]
    assert outputs.match({"z": ["Z1", None]}, "loss") == ["Z1", None, None, None]
    assert outputs.match(None, "y") == [None] * 4
    with pytest.raises(ValueError, match="'b/d'"):
        outputs.match({"b": {"d": 1}}, "loss")
    with pytest.raises(ValueError, match="but the model has 4 outputs"):
        outputs.match({"z": 1}, "y")


# --------------------------------------------------------------------------------------------------
# The cross-entropy that fits


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("name", ["crossentropy", "ce", "CE"])
@pytest.mark.parametrize(
    ("units", "labels", "right"),
    [
        (1, CLASSES, losses.binary_crossentropy),
        (1, CLASSES[:, None], losses.binary_crossentropy),
        (3, CLASSES, losses.sparse_categorical_crossentropy),
        (3, CLASSES[:, None], losses.sparse_categorical_crossentropy),
        (3, np.eye(3)[CLASSES], losses.categorical_crossentropy),
    ],
)
def test_crossentropy_fits_the_shapes(name, units, labels, right, engine):
    activation = "sigmoid" if units == 1 else "softmax"
    model = diptych.Sequential([Input((2,)), layers.Dense(units, activation)], engine=engine)
    model.compile("sgd", name, metrics=["Accuracy"])
    y_pred = model.predict(X, verbose=0)
    y_true = labels.reshape(-1, 1) if units == 1 else labels
    expected = float(ops.mean(right(y_true, y_pred)))
    loss, accuracy = model.evaluate(X, labels, verbose=0)
    assert loss == pytest.approx(expected, rel=1e-5)
    guesses = y_pred[:, 0] > 0.5 if units == 1 else y_pred.argmax(-1)
    assert accuracy == pytest.approx(np.mean(guesses == CLASSES))
    history = model.fit(X, labels, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert set(history) == {"loss", "Accuracy"}


def test_crossentropy_of_wrong_labels_is_refused_before_training():
    model = diptych.Sequential([Input((2,)), layers.Dense(3, "softmax")])
    model.compile("sgd", "crossentropy")
    with pytest.raises(ValueError, match="label 7"):
        model.fit(X, np.full(10, 7), verbose=0)
    with pytest.raises(ValueError, match=r"y has shape \(10, 4\)"):
        model.fit(X, np.zeros((10, 4)), verbose=0)


def test_crossentropy_among_named_outputs(make):
    history, _ = trained(
        make("dict", {"a": "mse", "b": "crossentropy"}, metrics={"b": ["accuracy"]}),
        {"a": Y, "b": CLASSES},
    )
    expected = {"loss": 0.92, "a_loss": 0.225, "b_loss": 0.695, "b_accuracy": 0.5}
    assert history == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_a_list_of_one_output_is_the_output(kind, engine):
    first = diptych.Input((3,))
    model = diptych.Model(kind([first]), kind([diptych.layers.Dense(2)(first)]), engine=engine)
    model.compile("sgd", "mse")
    x = np.ones((4, 3), "float32")
    assert type(model.output) is kind
    assert model(x).shape == model.predict_on_batch(x).shape == (4, 2)
    assert model.predict(x, verbose=0).shape == (4, 2)  # first step by step
    assert model.predict(x, verbose=0).shape == (4, 2)  # and then replayed
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert model.compute_output_shape(kind([(None, 3)])) == kind([(None, 2)])
    assert [tuple(out.shape) for out in model(diptych.Input((3,)))] == [(None, 2)]
    outer = diptych.Model(first, diptych.layers.Dense(1)(model(first)[0]))
    assert outer.predict(x, verbose=0).shape == (4, 1)


def test_shapes_of_nested_inputs_and_outputs_are_lists():
    a, b = diptych.Input((3,)), diptych.Input((4,))
    c, d = diptych.layers.Dense(2)(a), diptych.layers.Dense(5)(b)
    for model in (
        diptych.Model({"a": a, "b": b}, {"c": c, "d": [d]}),
        diptych.Model((a, [b]), (c, d)),
    ):
        assert model.input_shape == [(None, 3), (None, 4)]
        assert model.output_shape == [(None, 2), (None, 5)]
