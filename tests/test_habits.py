"""What people do who come from Keras: idioms of its guides, each as it is written there."""

import copy
import io
import pickle

import numpy as np
import pytest

import diptych
from diptych import (
    Input,
    Model,
    Sequential,
    Variable,
    callbacks,
    layers,
    legacy,
    metrics,
    ops,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def small(units=1, activation=None):
    return Sequential(
        [
            Input((4,)),
            layers.Dense(5, activation="tanh"),
            layers.Dense(units, activation=activation),
        ]
    )


# Attributes of layers


def test_layers_in_attributes_with_an_underscore_are_trained():
    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self._dense = layers.Dense(2)
            self._scale = Variable(np.ones(2, "float32"))

        def call(self, x):
            return self._dense(x) * self._scale

    block = Block()
    block(X)
    assert len(block.trainable_weights) == 3


def test_layers_appended_to_a_list_are_trained():
    class Blocks(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.blocks = []
            for _ in range(3):
                self.blocks.append(layers.Dense(3))
            self.heads = {"first": []}
            self.heads["second"] = layers.Dense(1)
            self.heads["first"].append(layers.Dense(3))

        def call(self, x):
            for block in [*self.blocks, *self.heads["first"]]:
                x = block(x)
            return self.heads["second"](x)

    model = Sequential([Input((4,)), Blocks(name="blocks")])
    assert len(model.trainable_weights) == 10
    assert all("/blocks/dense" in w.path for w in model.weights)
    before = model.get_weights()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert all(np.any(a != b) for a, b in zip(before[::2], model.get_weights()[::2], strict=True))


def test_plain_lists_and_dicts_stay_lists_and_dicts():
    class Settings(layers.Layer):
        def __init__(self):
            super().__init__()
            self.sizes = [1, 2]
            self.options = {"a": (1, 2)}

    layer = Settings()
    layer.sizes += [3]
    assert layer.sizes == [1, 2, 3]
    assert isinstance(layer.sizes, list)
    assert layer.options == {"a": (1, 2)}


def test_metrics_in_lists_and_hidden_attributes_are_the_models():
    class Watched(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.several = [metrics.Mean(name="a")]
            self._hidden = metrics.Mean(name="b")

        def call(self, x):
            return self.dense(x)

    model = Watched()
    model.compile("sgd", "mse")
    assert [metric.name for metric in model.metrics] == ["loss", "a", "b"]
    model.late = metrics.Mean(name="c")
    assert [metric.name for metric in model.metrics] == ["loss", "a", "b", "c"]


def test_a_variable_takes_an_initializer_by_name():
    total = Variable(initializer="zeros", shape=(2,), trainable=False)
    np.testing.assert_array_equal(total.assign_add(np.ones(2)), [1, 1])


def test_paths_name_the_layers_around_a_weight():
    inner = Sequential([Input((4,)), layers.Dense(3, name="x")], name="inner")
    outer = Sequential([Input((4,)), inner, layers.Dense(1, name="z")], name="outer")
    assert [w.path for w in outer.weights] == [
        "inner/x/kernel",
        "inner/x/bias",
        "outer/z/kernel",
        "outer/z/bias",
    ]

    class Own(Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.net = Sequential([layers.Dense(2, name="d")], name="net")

        def call(self, x):
            return self.net(x)

    own = Own(name="own")
    own(X)
    assert own.weights[0].path == "own/net/d/kernel"


def test_a_layer_of_one_input_refuses_a_list():
    with pytest.raises(
        ValueError, match=r"'d' \(Dense\) expects one input, but was called on a list of 2"
    ):
        layers.Dense(3, name="d")([X, X])


# Arrays from elsewhere


def test_unpickled_arrays_are_data_like_any_other():
    x, y = pickle.loads(pickle.dumps((X, Y)))
    assert x.dtype is not np.dtype("float32")
    model = small(activation="sigmoid")
    model.compile("adam", "mse", metrics=["mae"])
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(X, verbose=0))
    assert model.evaluate(x, y, verbose=0) == model.evaluate(X, Y, verbose=0)
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(ops.relu(x), np.maximum(X, 0))
    with diptych.GradientTape() as tape:
        tensor = ops.convert_to_tensor(x)
        tape.watch(tensor)
        loss = ops.sum(ops.gelu(ops.exp(tensor)))
    assert tape.gradient(loss, tensor) is not None


# Losses and steps from a session without a module


def test_functions_without_a_module_are_losses():
    def loss(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)

    loss.__module__ = None
    model = small()
    model.compile("sgd", loss)
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])


# Training steps of one's own


class Stepping(Model):
    """A model whose step returns what it likes."""

    def train_step(self, data):
        x, y = data
        with diptych.GradientTape() as tape:
            error = ops.mean(ops.square(self(x, training=True) - y))
        self.optimizer.apply(
            tape.gradient(error, self.trainable_variables), self.trainable_variables
        )
        return {"error": error, "twice": 2 * error}

    def test_step(self, data):
        x, y = data
        return {"error": ops.mean(ops.square(self(x, training=False) - y))}


def test_logs_are_what_a_step_of_ones_own_returns():
    inputs = Input((4,))
    model = Stepping(inputs, layers.Dense(1)(inputs))
    model.compile("sgd")
    seen = []
    watch = diptych.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(sorted(logs))
    )
    history = model.fit(
        X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[watch]
    ).history
    assert sorted(history) == ["error", "twice", "val_error"]
    assert history["twice"] == pytest.approx([2 * value for value in history["error"]])
    assert seen == [["error", "twice"]] * 4
    assert isinstance(model.evaluate(X, Y, verbose=0), float)
    assert len(model.train_on_batch(X, Y)) == 2
    assert sorted(model.train_on_batch(X, Y, return_dict=True)) == ["error", "twice"]


# Single batches


def test_single_batches_take_lists_and_refuse_as_fit_does():
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    lists = model.test_on_batch([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])
    arrays = model.test_on_batch(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.0, 1.0]))
    assert lists == arrays
    assert model.predict_on_batch([[1.0, 2.0]]).shape == (1, 1)
    for call in (model.train_on_batch, model.test_on_batch, lambda x, y: model.predict_on_batch(x)):
        with pytest.raises(ValueError, match="complex128"):
            call(np.ones((2, 2), complex), np.ones(2))
        with pytest.raises(ValueError, match="holds text"):
            call(np.array([["a", "b"]]), np.ones(1))
        with pytest.raises(ValueError, match="Python objects"):
            call(np.array([[1, None]]), np.ones(1))
        with pytest.raises(ValueError, match="differ in length"):
            call([[1, 2], [1]], np.ones(2))
        with pytest.raises(ValueError, match="x is None"):
            call(None, None)
        with pytest.raises(ValueError, match=r"should have shape \(2,\) but has \(3,\)"):
            call(np.ones((2, 3)), np.ones(2))


def test_a_generator_of_empty_batches_is_refused():
    model = small()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="empty"):
        model.fit(iter([(X[:0], Y[:0])]), verbose=0)


def test_unknown_and_old_keywords_of_evaluate_and_predict():
    model = small()
    model.compile("sgd", "mse")
    with pytest.raises(
        TypeError, match=r"evaluate\(\) has no argument 'verbos': did you mean 'verbose'"
    ):
        model.evaluate(X, Y, verbos=0)
    with pytest.raises(TypeError, match=r"predict\(\) has no argument 'batchsize'"):
        model.predict(X, batchsize=3)
    diptych.legacy.forget_notes()
    with pytest.warns(diptych.legacy.LegacySpelling, match="show_accuracy"):
        model.evaluate(X, Y, verbose=0, show_accuracy=True)


def test_class_weight_is_a_dict():
    model = small(3, "softmax")
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="expected a dict from class to weight"):
        model.fit(X, np.zeros(40), class_weight=[1, 2, 3], verbose=0)


# Copies


@pytest.fixture
def own_layer():
    class Scaled(layers.Layer):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units)

        def call(self, x):
            return 2 * self.dense(x)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Scaled


def cube(x):
    return x**3


def test_a_clone_keeps_classes_and_functions_of_ones_own(own_layer):
    model = Sequential(
        [
            Input((4,)),
            own_layer(3),
            layers.Dense(3, activation=cube, kernel_regularizer=lambda w: ops.sum(w**2)),
            layers.Lambda(lambda x: x + 1),
            layers.Lambda(lambda x: x * 2),
        ]
    )
    clone = diptych.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(X, verbose=0), model.predict(X, verbose=0))
    assert clone.layers[0] is not model.layers[0]


class WithoutGraph(diptych.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def test_a_clone_of_a_built_model_without_a_graph_is_built():
    model = WithoutGraph()
    assert not diptych.models.clone_model(model).built
    model(X)
    clone = diptych.models.clone_model(model)
    assert clone.built
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(X), model(X))


def test_json_reads_what_is_registered_or_given(own_layer):
    model = Sequential([Input((4,)), own_layer(3), layers.Lambda(cube)])
    text = model.to_json()
    with pytest.raises(ValueError, match="Unknown layer 'Scaled'.*register_keras_serializable"):
        diptych.models.model_from_json(text)
    given = {"Scaled": own_layer, "cube": cube}
    copies = [diptych.models.model_from_json(text, custom_objects=given)]
    with diptych.saving.custom_object_scope(given):
        copies.append(diptych.models.model_from_json(text))
    diptych.saving.register_keras_serializable(package="Mine")(own_layer)
    diptych.saving.register_keras_serializable(package="Mine")(cube)
    try:
        text = model.to_json()
        assert '"Mine>Scaled"' in text
        copies.append(diptych.models.model_from_json(text))
    finally:
        del diptych.saving.get_custom_objects()["Mine>Scaled"]
        del diptych.saving.get_custom_objects()["Mine>cube"]
    for one in copies:
        one.set_weights(model.get_weights())
        np.testing.assert_array_equal(one.predict(X, verbose=0), model.predict(X, verbose=0))
    code = Sequential([Input((4,)), layers.Lambda(lambda x: x)]).to_json()
    with pytest.raises(ValueError, match="holds a Python lambda"):
        diptych.models.model_from_json(code)


def test_models_survive_pickle_and_deepcopy():
    inputs = Input((4,))
    hidden = layers.Dense(3)(inputs)
    model = Model(inputs, ops.tanh(hidden) * 2 + layers.Dense(3, activation="gelu")(inputs))
    model.compile("adam", "mse", metrics=["mae"])
    target = np.zeros((40, 3))
    model.fit(X, target, verbose=0, shuffle=False)
    copies = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    model.fit(X, target, verbose=0, shuffle=False)
    for other in copies:
        assert not np.array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
        other.fit(X, target, verbose=0, shuffle=False)
        np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_clear_session_numbers_names_anew():
    layers.Dense(1)
    diptych.utils.clear_session()
    assert [layers.Dense(1).name, layers.Dense(1).name] == ["dense", "dense_1"]


# Several losses


def test_a_list_of_losses_fits_the_outputs():
    model = small()
    with pytest.raises(ValueError, match="`loss` has 2 entries, but the model has 1 output"):
        model.compile("sgd", ["mse", "mae"])


def test_one_loss_for_one_of_two_outputs_has_no_column_of_its_own():
    inputs = Input((4,))
    model = Model(
        inputs, {"a": layers.Dense(1, name="a")(inputs), "b": layers.Dense(1, name="b")(inputs)}
    )
    model.compile("sgd", {"a": "mse"})
    with pytest.warns(UserWarning, match="does not depend on"):
        history = model.fit(X, {"a": Y, "b": Y}, verbose=0).history
    assert list(history) == ["loss"]


def test_a_functional_model_is_copied_before_its_first_call():
    inputs = Input((4,))
    model = Model(inputs, layers.Dense(1)(layers.Dropout(0.5)(inputs, training=False)))
    for one in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(one.predict(X, verbose=0), model.predict(X, verbose=0))
    again = pickle.loads(pickle.dumps(model))  # and after it
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


# What is printed


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_of_a_fit_ends_with_the_batches_of_training(monkeypatch):
    model = small()
    model.compile("sgd", "mse")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    model.fit(X, Y, batch_size=5, validation_data=(X[:10], Y[:10]), epochs=2)
    finals = [
        line.split("\r")[-1] for line in terminal.getvalue().splitlines() if "val_loss" in line
    ]
    assert len(finals) == 2
    assert all("8/8" in line for line in finals)


def test_batches_of_unknown_number_are_counted(capsys):
    model = small()
    model.compile("sgd", "mse")
    for verbose in (1, 2):
        model.fit(((X[i : i + 8], Y[i : i + 8]) for i in range(0, 40, 8)), verbose=verbose)
        assert "5/5" in capsys.readouterr().out


# Layers in several models, and old spellings


def test_a_layer_of_two_models_shows_its_first_output():
    model = small()
    Sequential(model.layers[:-1]).build((None, 4))
    features = Model(model.inputs, model.layers[0].output)
    np.testing.assert_array_equal(features.predict(X, verbose=0), np.asarray(model.layers[0](X)))


def test_old_constructor_arguments_of_constraints_and_layers():
    with diptych.legacy.quiet():
        assert diptych.constraints.MaxNorm(m=3).max_value == 3
        kernel, bias = np.ones((4, 2)), np.full(2, 5.0)
        layer = layers.Dense(2, input_shape=(4,), weights=[kernel, bias])
        model = Sequential([layer])
    np.testing.assert_allclose(model.predict(np.ones((1, 4)), verbose=0), [[9, 9]])
    with pytest.raises(TypeError, match="did you mean 'max_value'"):
        diptych.constraints.MaxNorm(max_valu=3)


# Slips


def test_slips_are_named():
    class Forgetful(Model):
        def call(self, x):
            ops.square(x)

    model = Forgetful()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"Forgetful.call\(\) returned None"):
        model.fit(X, Y, verbose=0)
    model = small()
    model.compile("sgd", lambda y_true, y_pred: None)
    with pytest.raises(ValueError, match="returned None"):
        model.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="epochs='3'; expected a whole number"):
        model.fit(X, Y, epochs="3", verbose=0)


def test_a_model_is_called_on_lists_and_data_frames():
    class Frame:
        """As much of a data frame as counts."""

        def to_numpy(self):
            return X

    model = small()
    rows = X[:2].tolist()
    np.testing.assert_array_equal(np.asarray(model(rows)), np.asarray(model(X[:2])))
    np.testing.assert_array_equal(np.asarray(model(Frame())), np.asarray(model(X)))
    with pytest.raises(ValueError, match="called on None"):
        model(None)
    with pytest.raises(ValueError, match="single value"):
        model(3.0)


# Logs and histories by their old names


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_logs_are_read_by_their_old_names_wherever_they_are_given(engine):
    seen = {}

    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen["batch"] = (logs.get("acc"), logs["accuracy"])

        def on_test_end(self, logs=None):
            seen["test"] = (logs.get("acc"), logs["accuracy"])

        def on_epoch_end(self, epoch, logs=None):
            seen["epoch"] = (logs.get("val_acc"), logs["val_accuracy"])
            seen["is there"] = ("val_acc" in logs, "val_accuracy" in logs)

        def on_train_end(self, logs=None):
            seen["train"] = (logs.get("acc"), logs["accuracy"])
            seen["rate"] = (logs.get("lr"), 0.05)

    model = small(activation="sigmoid")
    model.engine = engine
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    half = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    with legacy.quiet():
        history = model.fit(
            X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[half, Old()]
        ).history
        for name, (old, new) in seen.items():
            assert old == new, name
            assert old is not None, name
        assert history.get("acc") == history["accuracy"]
        assert history["lr"] == history["learning_rate"] == pytest.approx([0.1, 0.05])
        assert "lr" in history
        for results in (
            model.evaluate(X, Y, verbose=0, return_dict=True),
            model.train_on_batch(X, Y, return_dict=True),
            model.test_on_batch(X, Y, return_dict=True),
        ):
            assert results.get("acc") == results["accuracy"]
            assert list(results) == ["accuracy", "loss"]
    assert list(history) == ["accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"]


def test_the_rate_of_a_plateau_is_read_by_its_old_name():
    model = small()
    model.compile("sgd", "mse")
    plateau = callbacks.ReduceLROnPlateau(monitor="loss", factor=0.1, patience=1, min_delta=100.0)
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[plateau]).history
    with legacy.quiet():
        assert history["lr"] == pytest.approx([0.01, 0.01, 0.001])
