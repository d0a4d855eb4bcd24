"""A beginner's slips: what was forgotten, what was meant, and what completion shows."""

import importlib
import io

import numpy as np
import pytest

import diptych
from diptych import callbacks, layers, losses, metrics, optimizers

X = np.linspace(0.0, 1.0, 8 * 4 * 4).reshape(8, 4, 4, 1).astype("float32")
Y = np.arange(8) % 3
HOT = np.eye(3, dtype="float32")[Y]


def refused(call, *parts, kind=ValueError):
    with pytest.raises(kind) as raised:
        call()
    message = str(raised.value)
    for part in parts:
        assert part in message
    return message


# Layers without parentheses, classes and layers in place of tensors


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (layers.Flatten, "the class Flatten. Make a layer of it: Flatten()."),
        (layers.Dense, "the class Dense. Make a layer of it: Dense(...)."),
        (diptych.Input, "the function Input. Call it with the shape of a sample: Input(shape="),
        ([layers.Flatten()], "Put all layers into one list"),
        (np.tanh, "Lambda(function) makes a layer"),
        ("relu", "Did you mean Activation('relu')?"),
    ],
)
def test_what_is_no_layer_is_named_with_the_layer_to_write(given, said):
    start = "Sequential takes layers, but got "
    refused(lambda: diptych.Sequential([diptych.Input((4, 4, 1)), given]), start, said)
    refused(lambda: diptych.Sequential().add(given), start, said)


def test_a_layers_output_is_no_layer():
    x = diptych.Input((4,))
    output = layers.Dense(3)(x)
    refused(lambda: diptych.Sequential([output]), "Dense(10), not Dense(10)(x)")
    refused(lambda: diptych.Model(x, layers.Flatten), "got the class Flatten. Flatten is a class")
    refused(
        lambda: diptych.Model(x, layers.Dense(3, name="last")),
        "got Dense. Layer 'last' (Dense) is a layer that was not called: call it on a tensor.",
    )


@pytest.mark.parametrize("one", [layers.Dense(2), layers.Flatten])
def test_sequential_wants_a_list(one):
    refused(lambda: diptych.Sequential(one), "takes a list of layers: Sequential([", kind=TypeError)


@pytest.mark.parametrize("call", [layers.Dense(3), layers.Add()])
def test_a_layer_called_on_a_layer(call):
    wrap = (lambda x: [x, x]) if isinstance(call, layers.Add) else (lambda x: x)
    refused(
        lambda: call(wrap(layers.Flatten)),
        "was called on the class Flatten, not on a tensor. Flatten is a class, and Flatten() a lay",
    )
    refused(
        lambda: call(wrap(layers.Flatten(name="f"))),
        "was called on Flatten, not on a tensor. Layer 'f' (Flatten) is a layer that was not call",
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (layers.Flatten, ValueError),
        (layers.Dense, ValueError),
        (layers.LSTM, ValueError),
        (layers.ReLU, TypeError),
        (lambda x: layers.Dense(3, x), TypeError),
    ],
)
def test_a_constructor_called_on_a_tensor(make, kind):
    name = getattr(make, "__name__", "").replace("<lambda>", "Dense")
    said = f"\n{name}(...) makes a layer, and takes its settings. To call the layer on a tensor x, "
    message = refused(lambda: make(diptych.Input((4, 4))), said, kind=kind)
    assert message.count("makes a layer") == 1


# A forgotten Flatten


def without_flatten(*last, loss, shape=(4, 4, 1)):
    model = diptych.Sequential([diptych.Input(shape), *last])
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize(
    ("units", "loss", "labels"),
    [
        (3, "sparse_categorical_crossentropy", Y),
        (3, "sparse_categorical_crossentropy", Y[:, None]),
        (3, "categorical_crossentropy", HOT),
        (1, "mse", Y.astype("float32")),
        (1, "binary_crossentropy", (Y[:, None] > 0).astype("float32")),
    ],
)
@pytest.mark.parametrize("images", [True, False])
def test_a_forgotten_flatten_is_named(units, loss, labels, images):
    x, shape = (X, (4, 4, 1)) if images else (X[..., 0], (4, 4))
    model = without_flatten(layers.Dense(units, name="last"), loss=loss, shape=shape)
    before = model.get_weights()
    message = refused(
        lambda: model.fit(x, labels, verbose=0),
        "after layer `last`",
        f"a Flatten() or GlobalAveragePooling{2 if images else 1}D() is missing before the last",
    )
    assert ("leave out return_sequences=True" in message) == (not images)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_labels_for_each_position_do_not_need_a_flatten():
    model = without_flatten(layers.Dense(3, activation="softmax"), loss="categorical_crossentropy")
    message = refused(lambda: model.fit(X, np.zeros((8, 4, 5, 3)), verbose=0), "needs labels")
    assert "Flatten" not in message


# Validation data


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (X, "a single array of shape (8, 4, 4, 1), so they have no labels"),
        ((X,), "have no labels, but the loss needs them: pass validation_data=(x, y)"),
        ((X, Y, X), "sample_weight, which follows y, has shape (8, 4, 4, 1)"),
        ((X, Y, HOT), "one weight for each sample, shape (8,)"),
        ((X, Y, Y, Y), "(x, y) or (x, y, sample_weight); got a tuple of 4 parts"),
        ((X, Y[:5]), "differ in their number of samples (x: 8; y: 5)"),
        ((Y, X), "the data have shape (8,)"),
        ((X[:, :2], Y), "the data have shape (8, 2, 4, 1)"),
        ((X, HOT), "use loss='categorical_crossentropy', or y.argmax(-1)"),
        (0.2, "x is the single value"),
    ],
)
def test_wrong_validation_data_are_named_before_training(given, said):
    model = without_flatten(
        layers.Flatten(), layers.Dense(3, "softmax"), loss="sparse_categorical_crossentropy"
    )
    before = model.get_weights()
    message = refused(lambda: model.fit(X, Y, validation_data=given, verbose=0), said)
    assert message.startswith("validation_data: ")
    assert all(map(np.array_equal, before, model.get_weights()))


def test_weights_that_do_not_fit_are_refused_before_training():
    model = without_flatten(layers.Flatten(), layers.Dense(3), loss="mse")
    refused(lambda: model.fit(X, HOT, sample_weight=HOT, verbose=0), "has shape (8, 3)", "(8,)")
    refused(lambda: model.evaluate(X, HOT, sample_weight=X, verbose=0), "has shape (8, 4, 4, 1)")
    for fitting in (np.ones(8), np.ones((8, 1))):
        model.fit(X, HOT, sample_weight=fitting, validation_data=(X, HOT, fitting), verbose=0)


# What the bar and the summary show


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize("live", [True, False])
def test_metrics_keep_their_order_in_each_line_and_log(monkeypatch, live):
    """Keras's order: alphabetical, then the same of the validation."""
    stream = Terminal() if live else io.StringIO()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setattr("diptych.callbacks.progress.INTERVAL", 0.0)
    model = without_flatten(layers.Flatten(), layers.Dense(3, activation="softmax"), loss="mse")
    model.compile("sgd", "categorical_crossentropy", metrics=["mse", "accuracy"])
    seen = []

    class Listener(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(list(logs))

        def on_epoch_end(self, epoch, logs=None):
            seen.append(list(logs))

        def on_test_end(self, logs=None):
            seen.append(list(logs))

    model.fit(X, HOT, batch_size=4, validation_data=(X, HOT), callbacks=[Listener()])
    model.evaluate(X, HOT, batch_size=4)
    each = ["accuracy", "loss", "mse"]
    assert seen[0] == seen[1] == seen[2] == each
    assert seen[3] == [*each, *(f"val_{name}" for name in each)]
    lines = stream.getvalue().replace("\r", "\n").splitlines()
    parts = [[part for part in line.split(" - ") if ": " in part] for line in lines]
    shown = [[part.partition(":")[0] for part in one] for one in parts if one]
    assert shown[-1] == each
    assert [*each, *(f"val_{name}" for name in each)] in shown
    assert all(names[:3] == each for names in shown)


# What `dir` shows

MODULES = sorted(
    diptych._MODULES
    | {"optimizers.schedules", "ops.image", "compat", "wrappers.scikit_learn"}
    | {f"preprocessing.{name}" for name in ("image", "sequence", "text")}
    | {"applications." + name for name in diptych.applications.__all__ if name.islower()}
)


@pytest.mark.parametrize("name", ["diptych", *(f"diptych.{name}" for name in MODULES)])
def test_modules_show_their_public_names_alone(name):
    module = importlib.import_module(name)
    shown = set(dir(module))
    public = set(module.__all__) | ({"__version__", "teach"} if name == "diptych" else set())
    assert shown == public
    assert all(hasattr(module, one) for one in shown)


@pytest.mark.parametrize(
    "thing",
    [
        diptych.Sequential([diptych.Input((2,)), layers.Dense(1)]),
        layers.LSTM(2),
        optimizers.Adam(),
        losses.MeanSquaredError(),
        metrics.Mean(),
        callbacks.EarlyStopping(),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_objects_show_no_inner_names(thing):
    shown = dir(thing)
    assert not [name for name in shown if name.startswith("_") and not name.startswith("__")]
    assert shown == sorted(shown)
    own = next(name for name in vars(thing) if not name.startswith("_"))
    assert {own, "__class__"} <= set(shown)
