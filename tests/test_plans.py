"""Training by plans: the same bits as step by step, whatever is trained, and when there is none."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import diptych
from diptych import Input, Sequential, callbacks, layers, losses, optimizers
from diptych.models.trainer import Trainer

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")


def dense(**options):
    return Sequential([Input((3,)), layers.Dense(5, **options), layers.Dense(2, "softmax")])


def compiled(model, optimizer="sgd", loss="categorical_crossentropy", metrics=("accuracy",)):
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def data(shape=(3,), rows=37, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((rows, *shape)), np.eye(classes)[rng.integers(0, classes, rows)]


def without_plans(monkeypatch):
    monkeypatch.setattr(Trainer, "_run_plan", lambda *arguments: False)


def assert_same(monkeypatch, build, train, planned=True):
    """Train twice, with plans and without; the weights, histories and states must be the same."""
    results = []
    for way in ("plans", "single steps"):
        if way == "single steps":
            without_plans(monkeypatch)
        diptych.utils.set_random_seed(3)
        model = build()
        history = train(model)
        if way == "plans":
            assert (model.plan_report() == "A plan ran.") == planned, model.plan_report()
        state = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
        results.append((history, state))
    (history, state), (other_history, other_state) = results
    assert history == other_history
    for a, b in zip(state, other_state, strict=True):
        np.testing.assert_array_equal(a, b)


def fit(x, y, **options):
    options = {"epochs": 3, "batch_size": 5, "verbose": 0, **options}
    return lambda model: model.fit(x, y, **options).history


OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.1),
    "SGD, momentum": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "SGD, weight decay": lambda: optimizers.SGD(0.1, weight_decay=0.01),
    "RMSprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "Adagrad": lambda: optimizers.Adagrad(0.1),
    "Adadelta": lambda: optimizers.Adadelta(0.5),
    "Adam": lambda: optimizers.Adam(0.01),
    "Adam, amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True),
    "AdamW": lambda: optimizers.AdamW(0.01),
    "Adamax": lambda: optimizers.Adamax(0.01),
    "Ftrl": lambda: optimizers.Ftrl(0.1),
    "Lion": lambda: optimizers.Lion(0.01),
    "clipnorm": lambda: optimizers.Adam(0.01, clipnorm=0.1),
    "global_clipnorm": lambda: optimizers.SGD(0.1, global_clipnorm=0.1),
    "clipvalue": lambda: optimizers.SGD(0.1, clipvalue=0.01),
    "loss_scale_factor": lambda: optimizers.SGD(0.1, loss_scale_factor=8.0),
}
NOT_PLANNED = {
    "Nadam": lambda: optimizers.Nadam(0.01),
    "a schedule": lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)),
    "ema": lambda: optimizers.SGD(0.1, use_ema=True),
    "accumulation": lambda: optimizers.SGD(0.1, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", [*OPTIMIZERS, *NOT_PLANNED])
def test_every_optimizer(name, monkeypatch):
    make = {**OPTIMIZERS, **NOT_PLANNED}[name]
    planned = name in OPTIMIZERS and name != "loss_scale_factor"
    assert_same(monkeypatch, lambda: compiled(dense(), make()), fit(*data()), planned)


SHAPES = {
    "dense": ((3,), lambda: [layers.Dense(4, "relu"), layers.Dense(3, "tanh")]),
    "activations": ((3,), lambda: [layers.Dense(4), layers.LeakyReLU(), layers.Activation("gelu")]),
    "convolution": ((9, 2), lambda: [layers.Conv1D(3, 3, activation="relu"), layers.Flatten()]),
    "pooling": (
        (8, 8, 1),
        lambda: [layers.Conv2D(2, 3, strides=2), layers.MaxPooling2D(), layers.Flatten()],
    ),
    "lstm": ((4, 3), lambda: [layers.LSTM(3, return_sequences=True), layers.LSTM(2)]),
    "gru": ((4, 3), lambda: [layers.GRU(3, return_sequences=True), layers.SimpleRNN(2)]),
    "dropout": ((3,), lambda: [layers.Dense(9), layers.Dropout(0.3), layers.Dropout(0.5)]),
    "dropout of sequences": (
        (4, 3),
        lambda: [layers.LSTM(3, return_sequences=True), layers.Dropout(0.2), layers.GRU(2)],
    ),
    "batch normalization": (
        (3,),
        lambda: [
            layers.Dense(4),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.1),
            layers.BatchNormalization(scale=False),
        ],
    ),
    "batch normalization of images": (
        (6, 6, 2),
        lambda: [layers.Conv2D(3, 3), layers.BatchNormalization(), layers.Flatten()],
    ),
    "layer normalization": ((3,), lambda: [layers.Dense(4), layers.LayerNormalization()]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_layers(name, monkeypatch):
    shape, stack = SHAPES[name]

    def build():
        return compiled(Sequential([Input(shape), *stack(), layers.Dense(2, "softmax")]))

    assert_same(monkeypatch, build, fit(*data(shape)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize(
    ("loss", "kind", "metrics"),
    [
        ("binary_crossentropy", "binary", ["accuracy"]),
        pytest.param(
            losses.BinaryCrossentropy(from_logits=True),
            "binary",
            ["accuracy"],
            marks=pytest.mark.filterwarnings("ignore:.*applied twice"),
        ),
        ("mse", "binary", []),
        ("mae", "binary", ["binary_accuracy"]),
        ("sparse_categorical_crossentropy", "sparse", ["accuracy"]),
        ("categorical_crossentropy", "categorical", ["categorical_accuracy", "accuracy"]),
        (losses.CategoricalCrossentropy(label_smoothing=0.1), "categorical", ["accuracy"]),
        ("huber", "binary", []),
    ],
    ids=str,
)
def test_losses_and_labels_of_all_kinds(loss, kind, metrics, dtype, monkeypatch):
    x, y = data(classes=3)
    labels = {"binary": y[:, :1], "sparse": y.argmax(-1), "categorical": y}[kind].astype(dtype)
    units = 1 if kind == "binary" else 3

    def build():
        last = layers.Dense(units, "sigmoid" if kind == "binary" else "softmax")
        return compiled(Sequential([Input((3,)), layers.Dense(4), last]), "adam", loss, metrics)

    # Class numbers that are floats could be 0.5: single steps look at each.
    assert_same(monkeypatch, build, fit(x, labels), not (kind == "sparse" and dtype != "int64"))


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": False},
        {"shuffle": "batch"},
        {"validation_split": 0.3},
        {"batch_size": 1},
        {"batch_size": 37},
        {"batch_size": 100, "epochs": 9},
        {"steps_per_epoch": 4, "epochs": 5},
        {"initial_epoch": 1},
    ],
    ids=str,
)
def test_options_of_fit(options, monkeypatch):
    assert_same(
        monkeypatch,
        lambda: compiled(dense(), "adam"),
        fit(*data(), **options),
        "steps_per_epoch" not in options,
    )


def test_fit_again_and_batches_by_hand(monkeypatch):
    x, y = data()

    def train(model):
        found = [fit(x, y)(model)]
        found += [model.train_on_batch(x[i : i + 5], y[i : i + 5]) for i in range(0, 30, 5)]
        model.optimizer.learning_rate = 0.01
        found += [fit(*data(seed=1))(model), model.evaluate(x, y, verbose=0)]
        return found

    assert_same(monkeypatch, lambda: compiled(dense(), "adam"), train)


@pytest.mark.parametrize("batches", [True, False])
def test_settings_that_change_during_training(batches, monkeypatch):
    x, y = data()

    class Changes(callbacks.Callback):
        def change(self, number):
            optimizer = self.model.optimizer
            optimizer.momentum = 0.5 / (number + 1)
            optimizer.clipnorm = 0.1 if number == 1 else None
            self.model.layers[0].trainable = number != 2

    if batches:
        Changes.on_train_batch_end = lambda self, batch, logs=None: self.change(batch)
    else:
        Changes.on_epoch_end = lambda self, epoch, logs=None: self.change(epoch)

    def train(model):
        return fit(x, y, epochs=4, callbacks=[Changes()])(model)

    def build():
        return compiled(dense(), optimizers.SGD(0.1, momentum=0.9))

    # With new settings after each batch, no plan lasts until the end.
    assert_same(monkeypatch, build, train, planned=not batches)


def test_callbacks_of_batches_and_epochs(monkeypatch):
    x, y = data()

    class Meddler(callbacks.Callback):
        def __init__(self):
            self.seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append((batch, dict(logs)))
            if batch == 2:
                self.model.set_weights([w * 0.5 for w in self.model.get_weights()])
            if batch == 4 and len(self.seen) > 15:
                self.model.stop_training = True

    def train(model):
        meddler = Meddler()
        schedule = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
        history = fit(x, y, epochs=5, callbacks=[meddler, schedule])(model)
        return history, meddler.seen

    assert_same(monkeypatch, lambda: compiled(dense(), "adam"), train)


def test_a_wrong_label_raises_as_without_a_plan():
    x, y = data(classes=3, rows=40)
    model = Sequential([Input((3,)), layers.Dense(3, "softmax")])
    compiled(model, loss="sparse_categorical_crossentropy")
    labels = y.argmax(-1)
    fit(x, labels)(model)
    assert model.plan_report() == "A plan ran."
    labels[-1] = 3
    with pytest.raises(ValueError, match="3"):
        fit(x, labels)(model)
    with pytest.raises(ValueError, match="3"):
        model.train_on_batch(x[-5:], labels[-5:])


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda: Sequential([Input((3,)), layers.GaussianNoise(1), layers.Dense(2)]), "more than"),
        (lambda: dense(kernel_constraint="non_neg"), "constraint"),
        (lambda: Sequential([Input((3,)), layers.Dense(2)], engine="reference"), "fast engine"),
    ],
)
def test_the_report_says_why_there_is_no_plan(build, why):
    model = build()
    assert "not been trained" in model.plan_report()
    compiled(model, loss="mse")
    fit(*data())(model)
    assert why in model.plan_report()


def test_other_metrics_and_steps_of_ones_own_are_named():
    class Own(Sequential):
        def train_step(self, data):
            return super().train_step(data)

    x, y = data()
    model = compiled(dense(), metrics=["mae"])
    fit(x, y)(model)
    assert "mean_absolute_error" in model.plan_report() or "mae" in model.plan_report()
    model = compiled(Own([Input((3,)), layers.Dense(2)]), loss="mse", metrics=[])
    fit(x, y)(model)
    assert "train_step of its own" in model.plan_report()
    fit([x], y)(model := compiled(dense()))
    assert model.plan_report() != ""


def test_a_trained_model_keeps_no_data_and_can_be_copied():
    class Noted(np.ndarray):
        """An array that can be watched."""

    x, y = (np.ascontiguousarray(a, "f4").view(Noted) for a in data())
    watched = weakref.ref(x)
    model = compiled(dense(), "adam")
    fit(x, y)(model)
    assert model.plan_report() == "A plan ran."
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert fit(x, y, shuffle=False)(other)
    del x, other
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize("noise_shape", [None, (None, 1)])
def test_a_plan_draws_from_a_generator_that_begins_anew(noise_shape, monkeypatch):
    x, y = data()
    drop = layers.Dropout(0.4, noise_shape=noise_shape, seed=3)

    def train(model):
        drop.seed_generator.reset()
        histories = []
        for _ in range(2):
            histories.append(fit(x, y, shuffle=False)(model))
            drop.seed_generator.reset()
        return histories, drop.seed_generator.generator.random()

    def build():
        stack = [layers.Dense(5), drop, layers.Dense(2, "softmax")]
        return compiled(Sequential([Input((3,)), *stack]))

    assert_same(monkeypatch, build, train, planned=noise_shape is None)
