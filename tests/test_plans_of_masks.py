"""Plans of steps with masks, penalties, losses that layers add, models in models, operations."""

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, callbacks, layers, losses, ops, optimizers
from diptych import regularizers as penalties
from tests.planned import assert_same, data, fit

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")


def sequences(rows=37, classes=2, steps=6):
    """Steps, the last ones of zeros: as many as are drawn for each row, sometimes all."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, steps, 3)).astype("f4")
    x[np.arange(steps) >= rng.integers(0, steps + 1, rows)[:, None]] = 0
    return x, np.eye(classes, dtype="f4")[rng.integers(0, classes, (rows, steps))]


def words(rows=37, steps=6):
    x, y = sequences(rows, steps=steps)
    return (np.abs(x[:, :, 0]) * 5).astype("int32") % 9, y


def both_branches(h):
    h = layers.Masking()(h)
    one = layers.LSTM(3, return_sequences=True)(h)
    other = layers.Dropout(0.2)(layers.Dense(3)(h))
    return layers.Add()([one, other])


MASKED = {
    "lstm": lambda h: layers.LSTM(4)(layers.Masking()(h)),
    "gru": lambda h: layers.GRU(4, go_backwards=True)(layers.Masking()(h)),
    "simple": lambda h: layers.SimpleRNN(4)(layers.Masking()(h)),
    "stacked": lambda h: layers.GRU(3)(layers.LSTM(4, return_sequences=True)(layers.Masking()(h))),
    "both ways": lambda h: layers.Bidirectional(layers.LSTM(3))(layers.Masking()(h)),
    "average": lambda h: layers.GlobalAveragePooling1D()(layers.Masking()(h + 1.0)),
    "steps": lambda h: layers.LSTM(4, return_sequences=True)(layers.Masking()(h)),
    "dense steps": lambda h: layers.Dense(4, "tanh")(layers.Masking()(h)),
    "branches": both_branches,
    "each step": lambda h: layers.TimeDistributed(layers.Dense(3))(layers.Masking()(h)),
}


@pytest.mark.filterwarnings("ignore:.*NaN", "ignore:invalid value")
@pytest.mark.parametrize("name", [*MASKED, "words", "words, steps"])
def test_masks(name, monkeypatch):
    x, y = words() if name.startswith("words") else sequences()
    steps = name in ("steps", "dense steps", "branches", "each step", "words, steps")

    def build():
        if name.startswith("words"):
            inputs = Input((6,), dtype="int32")
            h = layers.Embedding(9, 3, mask_zero=True)(inputs)
            h = layers.GRU(4, return_sequences=steps)(h)
        else:
            inputs = Input((6, 3))
            h = MASKED[name](inputs)
        model = Model(inputs, layers.Dense(2, "softmax")(h))
        given = {"metrics": ["accuracy"], "weighted_metrics": ["mse", "accuracy"]}
        model.compile("adam", "categorical_crossentropy", **given)
        return model

    labels = y if steps else y[:, 0]

    def train(model):
        found = [fit(x, labels)(model)]
        found += [model.evaluate(x, labels, batch_size=5, verbose=0) for _ in range(2)]
        found += [model.predict(x, batch_size=5, verbose=0) for _ in range(3)]
        weights = np.random.default_rng(1).random(labels.shape[:-1])
        found.append(fit(x, labels, sample_weight=weights)(model))
        return found

    assert_same(monkeypatch, build, train)


@pytest.mark.parametrize("reduction", ["sum", "mean", "mean_with_sample_weight"])
@pytest.mark.parametrize("weighted", [False, True])
def test_reductions_of_masked_and_weighted_losses(weighted, reduction, monkeypatch):
    x, y = sequences()
    weights = np.random.default_rng(1).integers(0, 3, 37) if weighted else None

    def build():
        stack = [layers.Masking(), layers.LSTM(3, return_sequences=True), layers.Dense(2)]
        model = Sequential([Input((6, 3)), *stack])
        model.compile("sgd", losses.MeanSquaredError(reduction=reduction))
        return model

    def train(model):
        found = [fit(x, y, sample_weight=weights)(model)]
        return found, model.evaluate(x, y, sample_weight=weights, batch_size=5, verbose=0)

    assert_same(monkeypatch, build, train)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal_weights(mode, monkeypatch):
    def build():
        penalty = penalties.OrthogonalRegularizer(0.1, mode)
        return mean_squares(layers.Dense(4, kernel_regularizer=penalty))

    assert_same(monkeypatch, build, fit(*data()))


def mean_squares(*stack, shape=(3,), optimizer="adam"):
    model = Sequential([Input(shape), *stack, layers.Dense(2)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


class Shrinks(layers.Layer):
    """A layer of one's own that adds a loss, and says that it depends on nothing else."""

    pure = True

    def call(self, inputs):
        self.add_loss(0.1 * ops.mean(ops.square(inputs)))
        return ops.tanh(inputs)


ACTIVE = {
    "a layer's": lambda: [layers.Dense(4, "relu", activity_regularizer="l2")],
    "a layer of its own": lambda: [layers.ActivityRegularization(l1=0.1, l2=0.01)],
    "several": lambda: [
        layers.Dense(4, activity_regularizer="l1", kernel_regularizer="l2"),
        layers.Dropout(0.2),
        layers.BatchNormalization(activity_regularizer=penalties.L1L2(0.01, 0.02)),
    ],
    "one's own": lambda: [layers.Dense(4), Shrinks()],
}


@pytest.mark.parametrize("name", ACTIVE)
def test_penalties_on_activities(name, monkeypatch):
    x, y = data()

    def train(model):
        found = [fit(x, y)(model)]
        found += [model.evaluate(x, y, batch_size=5, verbose=0) for _ in range(2)]
        return *found, [model.predict(x, batch_size=5, verbose=0) for _ in range(3)]

    assert_same(monkeypatch, lambda: mean_squares(*ACTIVE[name]()), train)


def test_a_penalty_on_activities_that_changes(monkeypatch):
    class Stricter(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.layers[0].activity_regularizer.l2 *= 2

    def build():
        return mean_squares(layers.Dense(4, activity_regularizer=penalties.L2(0.1)))

    assert_same(monkeypatch, build, fit(*data(), callbacks=[Stricter()]))


def test_a_loss_that_a_graph_adds(monkeypatch):
    def build():
        inputs = Input((3,))
        h = layers.Dense(4, "tanh")(inputs)
        model = Model(inputs, layers.Dense(2)(h))
        model.add_loss(0.1 * ops.mean(ops.square(h)))
        model.compile("adam", "mse")
        return model

    assert_same(monkeypatch, build, fit(*data()))


def test_a_loss_that_a_graph_adds_from_something_drawn_has_no_plan():
    inputs = Input((3,))
    model = Model(inputs, layers.Dense(2)(inputs))
    model.add_loss(ops.mean(ops.square(layers.GaussianNoise(1.0)(inputs))))
    model.compile("sgd", "mse")
    fit(*data())(model)
    assert "(GaussianNoise) depends on more" in model.plan_report()


def inner():
    return Sequential(
        [Input((3,)), layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dropout(0.2)]
    )


@pytest.mark.parametrize("trainable", [True, False])
def test_models_in_models(trainable, monkeypatch):
    x, y = data()

    def build():
        base = inner()
        base.trainable = trainable
        return mean_squares(base, Sequential([Input((4,)), layers.Dense(3)]))

    def train(model):
        found = [fit(x, y)(model), model.predict(x, batch_size=5, verbose=0)]
        model.layers[0].trainable = not trainable
        model.compile("sgd", "mse")
        return *found, fit(x, y)(model), model.predict(x, batch_size=5, verbose=0)

    assert_same(monkeypatch, build, train)


def test_words_in_a_model_in_a_model(monkeypatch):
    x, y = words()

    def build():
        stack = [layers.Embedding(9, 3, mask_zero=True), layers.LSTM(3, return_sequences=True)]
        model = Sequential([Input((6,), dtype="int32"), Sequential(stack), layers.Dense(2)])
        model.compile("sgd", "mse")
        return model

    assert_same(monkeypatch, build, fit(x, y))


def test_operations_in_a_graph(monkeypatch):
    def build():
        inputs = Input((3,))
        h = ops.tanh(inputs) * 2 + ops.expand_dims(ops.mean(inputs, -1), -1)
        h = ops.concatenate([h, ops.relu(1 - inputs)], -1)
        model = Model(inputs, ops.softmax(layers.Dense(2)(ops.reshape(h, (-1, 6)))))
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        return model

    def train(model):
        found = [model.predict(data()[0], batch_size=5, verbose=0) for _ in range(3)]
        return fit(*data())(model), found

    assert_same(monkeypatch, build, train)


def test_an_array_of_a_graph_is_not_taken_for_labels(monkeypatch):
    """It equals the labels of the first batch."""
    x, y = data()

    def build():
        inputs = Input((3,))
        model = Model(inputs, layers.Dense(2)(inputs) + y[:1])
        model.compile("sgd", "mse")
        return model

    train = fit(x, y, batch_size=1, shuffle=False)
    assert_same(monkeypatch, build, train, planned=False)


@pytest.mark.parametrize("inner", ["sgd", "adam"])
@pytest.mark.parametrize("steps", [3, 2000])
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_losses_that_are_scaled(inner, steps, monkeypatch):
    """Also where the scale is too large at first."""

    def build():
        chosen = optimizers.get(inner)
        optimizer = optimizers.LossScaleOptimizer(chosen, 2.0**125, dynamic_growth_steps=steps)
        return mean_squares(layers.Dense(4, "tanh"), optimizer=optimizer)

    assert_same(monkeypatch, build, fit(*data(), epochs=5))


def test_a_layer_that_must_not_get_a_mask_is_named():
    stack = [layers.Masking(), layers.BatchNormalization(), layers.LSTM(3), layers.Dense(2)]
    model = Sequential([Input((6, 3)), *stack])
    model.compile("sgd", "mse")
    x, y = sequences()
    fit(x, y[:, 0])(model)
    assert "(BatchNormalization) gets a mask" in model.plan_report()


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (lambda: layers.Lambda(lambda x: x * 2), "(Lambda) depends on more than its input"),
        (lambda: layers.Dense(3, activation=lambda x: x * 2), "(Dense) depends on more"),
        (lambda: layers.GaussianDropout(0.2), "(GaussianDropout) depends on more"),
    ],
)
def test_layers_without_a_plan_are_named(layer, why):
    model = mean_squares(layer())
    fit(*data())(model)
    assert why in model.plan_report()


def test_losses_and_models_without_a_plan_are_named():
    class Own(diptych.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    for model, loss, why in (
        (Own(), "mse", "it has a call of its own"),
        (Sequential([layers.Dense(2)]), lambda y, p: ops.mean(ops.square(y - p)), "built-in"),
    ):
        model.compile("sgd", loss)
        fit(*data())(model)
        assert why in model.plan_report()
