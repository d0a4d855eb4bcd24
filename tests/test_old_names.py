"""Names, layers and methods of Keras 1 and 2: their values, their notes, and their errors."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import (
    applications,
    constraints,
    initializers,
    layers,
    legacy,
    losses,
    metrics,
    models,
    ops,
    regularizers,
    utils,
)
from diptych.legacy import LegacySpelling, tables
from diptych.legacy.paths import ATTRIBUTES, MODULES, REMOVED
from diptych.wrappers.scikit_learn import KerasClassifier, KerasRegressor

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _fresh_notes():
    legacy.forget_notes()
    diptych.utils.set_random_seed(0)
    yield
    legacy.forget_notes()


@pytest.fixture(params=["reference", "fast"])
def engine(request):
    with diptych.engine(request.param):
        yield request.param


@pytest.fixture
def quiet():
    with legacy.quiet():
        yield


# ------------------------------------------------------------------------------------------------
# Functions and classes under old names

HOMES = {
    "callbacks": diptych.callbacks,
    "constraints": constraints,
    "initializers": initializers,
    "losses": losses,
    "metrics": metrics,
    "models": models,
    "regularizers": regularizers,
    "utils": utils,
}


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [(module, old, new) for module, names in ATTRIBUTES.items() for old, new in names.items()
     if hasattr(HOMES[module], new)],
)  # fmt: skip
def test_an_old_name_gives_the_current_thing_and_one_note(module, old, new):
    home = HOMES[module]
    with pytest.warns(LegacySpelling) as notes:
        found = [getattr(home, old) for _ in range(2)]
    assert found == [getattr(home, new)] * 2
    assert [str(note.message) for note in notes] == [f"`{module}.{old}` is now `{module}.{new}`"]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        home.nothing  # noqa: B018


def test_the_constructors_that_go_by_these_names(quiet):
    assert constraints.maxnorm(m=2).max_value == 2
    assert initializers.normal(stddev=0.1).stddev == 0.1
    assert (regularizers.l1l2(l1=0.1, l2=0.2).l1, losses.mse) == (0.1, losses.mean_squared_error)


# ------------------------------------------------------------------------------------------------
# Layers that Keras no longer has


@pytest.mark.parametrize("name", sorted(REMOVED.keys() - {"Merge", "merge"}))
def test_a_removed_layer_says_what_took_its_place(name):
    arguments = {
        "LocallyConnected1D": (2, 3),
        "LocallyConnected2D": (2, (3, 3)),
        "ThresholdedReLU": (),
        "Highway": (),
    }
    with pytest.warns(LegacySpelling, match=f"`{name}` is"):
        getattr(layers, name)(*arguments.get(name, (2,)))


def rebuilt(layer, x):
    """A layer made from the configuration of another one, with its weights."""
    twin = layers.deserialize(layers.serialize(layer))
    twin(x)
    twin.set_weights(layer.get_weights())
    return twin


def check_gradients(layer, x):
    """Gradients of all weights against finite differences."""
    cotangent = RNG.normal(size=layer(x).shape)
    with diptych.GradientTape() as tape:
        loss = ops.sum(layer(x) * cotangent)
    found = tape.gradient(loss, layer.trainable_variables)
    for variable, gradient in zip(layer.trainable_variables, found, strict=True):
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        values = []
        for step in (1e-5, -1e-5):
            variable.array[place] += step
            values.append(ops.sum(layer(x) * cotangent).item())
            variable.array[place] -= step
        assert gradient[place] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4)


def test_maxout_dense(engine, quiet):
    layer = layers.MaxoutDense(output_dim=3, nb_feature=2, init="glorot_normal", dtype="float64")
    x = RNG.normal(size=(5, 4))
    layer(x)
    kernel, bias = RNG.normal(size=(2, 4, 3)), RNG.normal(size=(2, 3))
    layer.set_weights([kernel, bias])
    expected = np.maximum(x @ kernel[0] + bias[0], x @ kernel[1] + bias[1])
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-10)
    np.testing.assert_array_equal(rebuilt(layer, x)(x).numpy(), layer(x).numpy())
    check_gradients(layer, x)


def test_highway(engine, quiet):
    layer = layers.Highway(activation="tanh", dtype="float64")
    x = RNG.normal(size=(5, 3))
    layer(x)
    assert layer.gate_bias.numpy().tolist() == [-2.0] * 3
    w, b, wt, bt = (RNG.normal(size=s) for s in ((3, 3), (3,), (3, 3), (3,)))
    for variable, value in zip(
        (layer.kernel, layer.bias, layer.gate_kernel, layer.gate_bias), (w, b, wt, bt), strict=True
    ):
        variable.assign(value)
    gate = 1 / (1 + np.exp(-(x @ wt + bt)))
    expected = gate * np.tanh(x @ w + b) + (1 - gate) * x
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-10)
    np.testing.assert_array_equal(rebuilt(layer, x)(x).numpy(), layer(x).numpy())
    check_gradients(layer, x)


def test_thresholded_relu(engine, quiet):
    x = np.array([[0.5, 1.0, 1.5, -2.0]])
    assert layers.ThresholdedReLU(theta=1.0)(x).numpy().tolist() == [[0, 0, 1.5, 0]]
    assert rebuilt(layers.ThresholdedReLU(0.4), x)(x).numpy().tolist() == [[0.5, 1.0, 1.5, 0]]
    with pytest.raises(ValueError, match="theta >= 0"):
        layers.ThresholdedReLU(-1.0)


@pytest.mark.parametrize("first", [False, True], ids=["channels last", "channels first"])
def test_locally_connected_2d(engine, quiet, first):
    order = "channels_first" if first else "channels_last"
    layer = layers.LocallyConnected2D(
        nb_filter=4, nb_row=2, nb_col=3, subsample=(2, 1), dim_ordering="th" if first else "tf",
        dtype="float64",
    )  # fmt: skip
    assert layer.data_format == order
    images = RNG.normal(size=(2, 5, 6, 3))
    x = images.transpose(0, 3, 1, 2) if first else images
    layer(x)
    kernel, bias = RNG.normal(size=(2 * 4, 2 * 3 * 3, 4)), RNG.normal(size=(2, 4, 4))
    layer.set_weights([kernel, bias])
    expected = np.empty((2, 2, 4, 4))
    for row in range(2):
        for column in range(4):
            window = images[:, 2 * row : 2 * row + 2, column : column + 3].reshape(2, -1)
            expected[:, row, column] = window @ kernel[4 * row + column] + bias[row, column]
    expected = expected.transpose(0, 3, 1, 2) if first else expected
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-10)
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *expected.shape[1:])
    np.testing.assert_array_equal(rebuilt(layer, x)(x).numpy(), layer(x).numpy())
    check_gradients(layer, x)


def test_locally_connected_1d(engine, quiet):
    layer = layers.LocallyConnected1D(3, 2, activation="relu", dtype="float64")
    x = RNG.normal(size=(2, 4, 2))
    layer(x)
    kernel, bias = RNG.normal(size=(3, 4, 3)), RNG.normal(size=(3, 3))
    layer.set_weights([kernel, bias])
    expected = [x[:, t : t + 2].reshape(2, -1) @ kernel[t] + bias[t] for t in range(3)]
    np.testing.assert_allclose(layer(x).numpy(), np.maximum(np.stack(expected, 1), 0), rtol=1e-10)
    with pytest.raises(ValueError, match="must be known"):
        layers.LocallyConnected1D(3, 2)(diptych.Input((None, 2)))
    with pytest.raises(ValueError, match="padding='valid' only"):
        layers.LocallyConnected1D(3, 2, padding="same")


@pytest.mark.parametrize(("old", "new"), [("CuDNNLSTM", "LSTM"), ("CuDNNGRU", "GRU")])
def test_layers_of_the_gpu_are_those_of_the_processor(old, new, engine, quiet):
    x = RNG.normal(size=(2, 5, 3)).astype("float32")
    layer, twin = (
        getattr(layers, old)(4, return_sequences=True),
        getattr(layers, new)(4, return_sequences=True),
    )
    layer(x), twin(x)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x).numpy(), twin(x).numpy())


MODES = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "max": np.maximum,
    "concat": lambda a, b: np.concatenate([a, b], -1),
    "dot": lambda a, b: (a * b).sum(1, keepdims=True),
    "cos": lambda a, b: (
        (a * b).sum(1, keepdims=True)
        / np.linalg.norm(a, axis=1, keepdims=True)
        / np.linalg.norm(b, axis=1, keepdims=True)
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_merge_by_mode(mode, engine, quiet):
    a, b = RNG.normal(size=(2, 3, 4)).astype("float32")
    expected = MODES[mode](a, b)
    x, y = diptych.Input((4,)), diptych.Input((4,))
    model = diptych.Model([x, y], layers.merge([x, y], mode=mode, name="both"))
    assert model.layers[-1].name == "both"
    np.testing.assert_allclose(model.predict([a, b], verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layers.Merge(mode=mode)([a, b]).numpy(), expected, rtol=1e-5)


def test_merge_with_a_function_and_wrong_modes(quiet):
    x, y = diptych.Input((4,)), diptych.Input((4,))
    merged = layers.merge([x, y], mode=lambda t: t[0] - 2 * t[1], output_shape=lambda s: s[0])
    found = diptych.Model([x, y], merged).predict([np.ones((1, 4)), np.ones((1, 4))], verbose=0)
    assert found.tolist() == [[-1.0] * 4]
    with pytest.raises(ValueError, match="mode='join'; expected one of sum"):
        layers.merge([x, y], mode="join")
    with pytest.raises(ValueError, match="give its first layer `input_shape`"):
        layers.Merge([diptych.Sequential([layers.Dense(1)])])


def test_a_sequential_of_merged_branches(engine, quiet):
    left, right = (models.Sequential([layers.Dense(3, input_dim=n)]) for n in (2, 4))
    model = models.Sequential()
    model.add(layers.Merge([left, right], mode="mul"))
    model.add(layers.Dense(1))
    a, b = RNG.normal(size=(6, 2)), RNG.normal(size=(6, 4))
    both = left.predict(a, verbose=0) * right.predict(b, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    np.testing.assert_allclose(
        model.predict([a, b], verbose=0), both @ kernel + bias, rtol=1e-4, atol=1e-6
    )
    assert len(model.trainable_weights) == 6
    model.compile("sgd", "mse")
    before = left.get_weights()[0].copy()
    model.fit([a, b], np.ones((6, 1)), verbose=0)
    assert not np.array_equal(before, left.get_weights()[0])


# ------------------------------------------------------------------------------------------------
# Old methods of models


@pytest.fixture
def small():
    model = models.Sequential([diptych.Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


X, Y = RNG.normal(size=(24, 3)).astype("float32"), RNG.integers(0, 2, 24)


def test_generators_as_fit_generator_took_them(small):
    def batches():
        while True:
            yield X[:8], Y[:8]

    with pytest.warns(LegacySpelling) as notes:
        history = small.fit_generator(
            batches(), samples_per_epoch=24, nb_epoch=2, verbose=0, nb_worker=1,
            validation_data=batches(), validation_steps=5 / 2,
        )  # fmt: skip
    assert int(small.optimizer.iterations) == 2 * 3  # 24 samples in batches of 8
    assert len(history.history["val_loss"]) == 2
    said = [str(note.message) for note in notes]
    assert "Sequential: `fit_generator` is now `fit`" in said
    assert sum("samples_per_epoch" in text for text in said) == 1
    with legacy.quiet():
        loss = small.evaluate_generator(batches(), val_samples=16)
        found = small.predict_generator(batches(), steps=2)
    assert loss == pytest.approx(small.evaluate(X[:8], Y[:8], verbose=0), rel=1e-5)
    np.testing.assert_allclose(found, np.tile(small.predict(X[:8], verbose=0), (2, 1)))


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_the_train_step_of_keras_2_is_fit(engine):
    class Stepping(diptych.Model):
        def train_step(self, data):
            x, y, weight = data
            with diptych.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compiled_loss(
                    y, y_pred, sample_weight=weight, regularization_losses=self.losses
                )
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            self.compiled_metrics.update_state(y, y_pred, weight)
            assert self.compiled_metrics.result()["accuracy"] == self.metrics[-1].result()
            return {metric.name: metric.result() for metric in self.metrics}

    logs = []
    for cls in (diptych.Model, Stepping):
        diptych.utils.set_random_seed(3)
        x = diptych.Input((3,))
        y = diptych.layers.Dense(2, "softmax", kernel_regularizer="l2")(x)
        model = cls(x, y, engine=engine)
        model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
        with legacy.quiet():
            logs.append(model.fit(X, Y, epochs=3, sample_weight=abs(X[:, 0]), verbose=0).history)
    assert logs[0].keys() == logs[1].keys()
    for name, values in logs[0].items():
        np.testing.assert_allclose(logs[1][name], values, rtol=1e-5)


def test_reductions_by_their_old_names():
    with pytest.warns(LegacySpelling, match="losses.Reduction"):
        assert diptych.losses.Reduction.SUM == "sum"
    with legacy.quiet():
        assert diptych.losses.Reduction.NONE == "none"
        loss = diptych.losses.MeanSquaredError(reduction=diptych.losses.Reduction.AUTO)
    assert loss.reduction == "sum_over_batch_size"
    with pytest.warns(LegacySpelling, match="sum_over_batch_size"):
        assert diptych.losses.MeanSquaredError(reduction="auto").reduction == loss.reduction


def test_classes_and_probabilities(small, quiet):
    p = small.predict(X, verbose=0)
    np.testing.assert_array_equal(small.predict_classes(X), p.argmax(1))
    np.testing.assert_array_equal(small.predict_proba(X), p)
    one = models.Sequential([diptych.Input((3,)), layers.Dense(1, activation="sigmoid")])
    found = one.predict_classes(X)
    np.testing.assert_array_equal(found, (one.predict(X, verbose=0) > 0.5).astype("int32"))
    assert found.dtype == np.int32


def test_yaml_is_json(small, quiet):
    again = models.model_from_yaml(small.to_yaml())
    assert [type(layer) for layer in again.layers] == [layers.Dense]


# ------------------------------------------------------------------------------------------------
# What such scripts need of models


def test_a_symbolic_loss_is_part_of_every_step(engine):
    inputs = diptych.Input((3,))
    hidden = layers.Dense(2, use_bias=False)
    model = diptych.Model(inputs, hidden(inputs))
    model.add_loss(ops.mean(ops.square(model.output - 1.0)))
    model.compile("sgd")
    w = hidden.get_weights()[0].copy()
    loss = model.train_on_batch(X[:4])
    error = X[:4] @ w - 1
    assert loss == pytest.approx(np.mean(error**2), rel=1e-5)
    np.testing.assert_allclose(
        hidden.get_weights()[0], w - 0.01 * X[:4].T @ error * 2 / error.size, rtol=1e-4, atol=1e-6
    )
    model.compile("sgd", "mse")
    both = model.evaluate(X, np.zeros((24, 2)), verbose=0)
    y = model.predict(X, verbose=0)
    assert both == pytest.approx(np.mean((y - 1) ** 2) + np.mean(y**2), rel=1e-4)
    with pytest.raises(ValueError, match="no graph"):
        models.Sequential().add_loss(model.output)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.mean_squared_error, lambda t, p: np.mean((t - p) ** 2, -1)),
        (
            losses.binary_crossentropy,
            lambda t, p: -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p), -1),
        ),
        (losses.kl_divergence, lambda t, p: np.sum(t * np.log(t / p), -1)),
    ],
)  # fmt: skip
def test_losses_of_symbolic_tensors(loss, expected, engine):
    a, b = diptych.Input((4,)), diptych.Input((4,))
    both = diptych.Model([a, b], loss(a, b))
    t, p = RNG.uniform(0.1, 0.9, size=(2, 3, 4)).astype("float32")
    np.testing.assert_allclose(both.predict([t, p], verbose=0), expected(t, p), rtol=1e-4)
    labels, scores = diptych.Input((), dtype="int32"), diptych.Input((4,))
    sparse = diptych.Model([labels, scores], losses.sparse_categorical_crossentropy(labels, scores))
    found = sparse.predict([np.array([1, 0, 3]), p], verbose=0)
    shares = p / p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, -np.log(shares[[0, 1, 2], [1, 0, 3]]), rtol=1e-4)


def test_labels_of_ones_own_functions_have_the_rank_of_the_outputs(engine):
    seen = set()

    def loss(y_true, y_pred):
        seen.add(("loss", y_true.shape, y_pred.shape))
        return ops.mean(ops.square(y_true - y_pred))

    def metric(y_true, y_pred):
        seen.add(("metric", y_true.shape, y_pred.shape))
        return ops.mean(ops.abs(y_true - y_pred))

    model = models.Sequential([diptych.Input((3,)), layers.Dense(1)])
    model.compile("sgd", loss, metrics=[metric])
    found = model.evaluate(X, Y.astype("float32"), batch_size=24, verbose=0)
    assert seen == {("loss", (24, 1), (24, 1)), ("metric", (24, 1), (24, 1))}
    error = model.predict(X, verbose=0)[:, 0] - Y
    assert found == pytest.approx([np.mean(error**2), np.mean(np.abs(error))], rel=1e-4)


@pytest.mark.filterwarnings("ignore::diptych.legacy.LegacySpelling")
def test_a_discriminator_trains_alone_and_rests_behind_the_generator(engine):
    judge = models.Sequential([diptych.Input((2,)), layers.Dense(3), layers.BatchNormalization()])
    judge.compile("sgd", "mse")
    maker = models.Sequential([diptych.Input((2,)), layers.Dense(2)])
    judge.trainable = False
    noise = diptych.Input((2,))
    both = diptych.Model(noise, judge(maker(noise)))
    both.compile("sgd", "mse")
    z = RNG.normal(size=(8, 2)).astype("float32")

    def weights():
        return [w.copy() for w in (*judge.get_weights(), *maker.get_weights())]

    for _ in range(3):  # recorded steps too
        before = weights()
        judge.train_on_batch(z, np.ones((8, 3)))
        after = weights()
        changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
        # The kernel, the bias (whose gradient batch normalization makes zero), gamma, beta, and the
        # moving averages; the generator's two weights stay.
        assert changed[0]
        assert changed[2:] == [True] * 4 + [False] * 2
        both.train_on_batch(z, np.ones((8, 3)))
        end = weights()
        changed = [not np.array_equal(a, b) for a, b in zip(after, end, strict=True)]
        assert changed == [False] * 6 + [True] * 2
    assert not judge.trainable
    assert judge.trainable_weights == []


def test_results_of_metrics_answer_as_tensors_do():
    mean = metrics.Mean()
    mean.update_state([1.0, 2.0])
    assert mean.result().numpy() == np.float32(1.5)
    assert type(mean.result().numpy()) is np.float32
    assert metrics.Precision()([1, 0], [0.9, 0.8]).numpy() == np.float32(0.5)
    assert isinstance(metrics.Mean(dtype="float64")([1.0]).numpy(), np.float64)


def test_single_numbers_are_formatted_as_numbers():
    x = ops.convert_to_tensor(2.5)
    assert f"{x:.2f} {x.numpy():.1f}" == "2.50 2.5"
    assert f"{diptych.Variable(3, dtype='int32'):03d}" == "003"
    with pytest.raises(ValueError, match="format"):
        f"{ops.ones((2,)):.2f}"


def test_an_input_layer_in_the_words_of_keras_2():
    with pytest.warns(LegacySpelling, match="InputLayer: `input_shape` is now `shape`"):
        model = models.Sequential([layers.InputLayer(input_shape=(3,)), layers.Dense(2)])
    assert model.output_shape == (None, 2)
    with pytest.warns(LegacySpelling, match="batch_input_shape"):
        assert layers.InputLayer(batch_input_shape=(4, 3)).output.shape == (4, 3)


# ------------------------------------------------------------------------------------------------
# Estimators, applications


def build(units=4, optimizer="adam", outputs=1):
    last = layers.Dense(outputs)
    model = models.Sequential([diptych.Input((3,)), layers.Dense(units), last])
    model.compile(optimizer, "mse")
    return model


def classify(units=8):
    model = models.Sequential(
        [diptych.Input((3,)), layers.Dense(units, "relu"), layers.Dense(3, "softmax")]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_classifier_as_scikit_learn_calls_it():
    labels = np.array(["a", "b", "c"])[np.argmax(X, axis=1)]
    estimator = KerasClassifier(classify, epochs=60, batch_size=6, verbose=0, units=16)
    assert estimator.get_params() == {
        "build_fn": classify, "epochs": 60, "batch_size": 6, "verbose": 0, "units": 16,
    }  # fmt: skip
    copy = type(estimator)(**estimator.get_params()).set_params(units=4)
    assert (copy.sk_params["units"], estimator.sk_params["units"]) == (4, 16)
    history = estimator.fit(X, labels)
    assert len(history.epoch) == 60
    assert estimator.model.layers[0].units == 16
    p = estimator.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(estimator.predict(X), np.array(["a", "b", "c"])[p.argmax(1)])
    assert estimator.score(X, labels) == np.mean(estimator.predict(X) == labels)
    with pytest.raises(ValueError, match="colour is neither an argument"):
        KerasClassifier(classify, colour=3)
    with pytest.raises(ValueError, match="needs build_fn"):
        KerasClassifier()


def test_a_regressor():
    estimator = KerasRegressor(build_fn=build, epochs=2, verbose=0)
    estimator.fit(X, X.sum(axis=1))
    assert estimator.predict(X).shape == (24,)
    expected = np.mean((estimator.predict(X) - X.sum(axis=1)) ** 2)
    assert estimator.score(X, X.sum(axis=1)) == pytest.approx(-expected, rel=1e-4)
    assert estimator.predict(X[:1]).shape == (1,)


def test_a_regressor_of_two_numbers():
    estimator = KerasRegressor(lambda: build(outputs=2), verbose=0)
    estimator.fit(X, X[:, :2])
    assert estimator.predict(X).shape == (24, 2)
    assert estimator.predict(X[:1]).shape == (1, 2)


WITH_SCIKIT_LEARN = """
import numpy as np
from diptych import Input, Sequential, layers
from diptych.wrappers import KerasClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score

def classify(units=8):
    model = Sequential(
        [Input((3,)), layers.Dense(units, "relu"), layers.Dense(3, activation="softmax")]
    )
    model.compile("adam", "categorical_crossentropy")
    return model

x = np.random.default_rng(0).normal(size=(24, 3))
y = x.argmax(axis=1)
estimator = KerasClassifier(classify, epochs=2, verbose=0)
print(cross_val_score(estimator, x, y, cv=2).shape)
print(GridSearchCV(estimator, {"units": [2, 5]}, cv=2).fit(x, y).best_params_["units"] in (2, 5))
"""


@pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")
def test_scikit_learn_itself_takes_them():
    """In a process of its own: scikit-learn brings an OpenMP runtime, which other tests count."""
    done = subprocess.run([sys.executable, "-c", WITH_SCIKIT_LEARN], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["(2,)", "True"], done.stderr


@pytest.mark.parametrize(("name", "parameters"), [("VGG16", 14_714_688), ("VGG19", 20_024_384)])
def test_vgg_is_that_of_keras(name, parameters):
    model = getattr(applications, name)(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert model.count_params() == parameters
    assert model.output_shape == (None, 1, 1, 512)
    assert [layer.name for layer in model.layers[1:4]] == [
        "block1_conv1", "block1_conv2", "block1_pool",
    ]  # fmt: skip


def test_images_are_prepared_as_the_networks_want_them():
    x = np.full((1, 2, 2, 3), 100.0, "float32")
    given = x.copy()
    y = applications.vgg16.preprocess_input(given)
    np.testing.assert_allclose(y[0, 0, 0], 100 - np.array([103.939, 116.779, 123.68]), rtol=1e-5)
    assert y is given  # in place, as in Keras
    y = applications.inception_v3.preprocess_input(x.copy())
    np.testing.assert_allclose(y, 100 / 127.5 - 1, rtol=1e-5)
    y = applications.densenet.preprocess_input(x.copy())
    expected = (100 / 255 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(y[0, 0, 0], expected, rtol=1e-5)
    assert applications.efficientnet.preprocess_input(x) is x
    model = diptych.Model(
        inputs := diptych.Input((2, 2, 3)), applications.vgg16.preprocess_input(inputs)
    )
    np.testing.assert_allclose(
        model.predict(x, verbose=0)[0, 0, 0], 100 - np.array([103.939, 116.779, 123.68]), rtol=1e-5
    )


# ------------------------------------------------------------------------------------------------
# The document


def test_the_document_lists_every_old_name():
    text = (Path(__file__).parents[1] / "docs" / "old_scripts.md").read_text(encoding="utf-8")
    wanted = [f"`keras.{path}`" for path in MODULES]
    wanted += [f"`{module}.{old}`" for module, names in ATTRIBUTES.items() for old in names]
    wanted += [f"`layers.{name}`" for name in REMOVED]
    wanted += [f"`{name}`" for name in vars(legacy.OldMethods) if not name.startswith("_")]
    wanted += [f"`{old}`" for table in tables.CLASSES.values() for old in table]
    wanted += [f"`{old}`" for table in tables.FUNCTIONS.values() for old in table]
    assert [name for name in wanted if f"| {name} |" not in text] == []
