"""Training by plans: the same bits as step by step, whatever is trained, and when there is none."""

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import diptych
from diptych import Input, Sequential, callbacks, layers, losses, metrics, ops, optimizers
from diptych.models import plans
from tests.planned import assert_same, compiled, data, dense, fit

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")


class SignDescent(optimizers.Optimizer):
    """An optimizer of one's own, which keeps the gradients that it was given."""

    def __init__(self):
        super().__init__(0.01)
        self.seen = []

    def update_step(self, gradient, variable, learning_rate):
        self.seen.append(gradient)
        last = ops.sign(gradient + (self.seen[-9] if len(self.seen) > 8 else 0 * gradient).sum())
        self.assign_sub(variable, learning_rate * last)


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
    # Of these, Python calls a part in each step.
    "loss_scale_factor": lambda: optimizers.SGD(0.1, loss_scale_factor=3.0),
    "Nadam": lambda: optimizers.Nadam(0.01),
    "a schedule": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)),
    "a schedule, decay": lambda: optimizers.SGD(
        optimizers.schedules.CosineDecay(0.1, 9, warmup_steps=3), weight_decay=0.01, momentum=0.5
    ),
    "a function": lambda: optimizers.SGD(lambda: 0.1),
    "a schedule, Nadam": lambda: optimizers.Nadam(
        optimizers.schedules.InverseTimeDecay(0.1, 2, 0.5)
    ),
    "ema": lambda: optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=3),
    "accumulation": lambda: optimizers.Adam(0.1, gradient_accumulation_steps=2),
    "accumulation, schedule": lambda: optimizers.SGD(
        optimizers.schedules.ExponentialDecay(0.1, 5, 0.5), gradient_accumulation_steps=3
    ),
    "Muon": lambda: optimizers.Muon(0.01),
    "of one's own": SignDescent,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name, monkeypatch):
    assert_same(monkeypatch, lambda: compiled(dense(), OPTIMIZERS[name]()), fit(*data()))


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
    # Of these, Python calls a part in each step.
    "regularizers": (
        (3,),
        lambda: [
            layers.Dense(4, kernel_regularizer="l2", bias_regularizer="l1"),
            layers.BatchNormalization(gamma_regularizer="l1_l2"),
        ],
    ),
    "constraints": ((3,), lambda: [layers.Dense(4, kernel_constraint="max_norm")]),
    "slopes": ((3,), lambda: [layers.Dense(4), layers.PReLU()]),
    "axes": ((4, 3), lambda: [layers.Permute((2, 1)), layers.Dense(3), layers.Flatten()]),
    "softmax over another axis": ((4, 3), lambda: [layers.Softmax(1), layers.Flatten()]),
    "winograd": (
        (12, 12, 16),
        lambda: [layers.Conv2D(16, 3, activation="relu"), layers.GlobalMaxPooling2D()],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_layers(name, monkeypatch):
    shape, stack = SHAPES[name]

    def build():
        return compiled(Sequential([Input(shape), *stack(), layers.Dense(2, "softmax")]))

    assert_same(monkeypatch, build, fit(*data(shape)))


def residual(x):
    h = layers.Dense(3, "relu")(x)
    return layers.Add()([x, layers.Dense(3)(h), h])


def merged(x):
    both = layers.Dense(3, "tanh")(x), layers.Dense(3)(x)
    every = [getattr(layers, name)()(both) for name in MERGERS]
    return layers.Concatenate()([*every, x])


def broadcast(x):
    h = layers.Reshape((3, 1))(layers.Dense(3)(x))
    return layers.Flatten()(layers.Multiply()([h, layers.Reshape((1, 3))(x), h]))


def sequences(x):
    h = layers.LSTM(4, return_sequences=True)(x)
    h = layers.Add()([h, layers.MultiHeadAttention(2, 3)(h, h)])
    h = layers.LayerNormalization()(h)
    return layers.GlobalAveragePooling1D()(h)


def both_ways(x):
    h = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    return layers.Bidirectional(layers.GRU(2), merge_mode="sum")(h)


def images(x):
    short = layers.BatchNormalization()(layers.Conv2D(4, 1, strides=2)(x))
    h = layers.DepthwiseConv2D(3, strides=2, padding="same")(layers.ReLU()(x))
    h = layers.Add()([short, layers.Conv2D(4, 1)(h)])
    return layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(h))


MERGERS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average")
BRANCHES = {
    "residual": ((3,), residual),
    "merged": ((3,), merged),
    "broadcast": ((3,), broadcast),
    "sequences": ((5, 4), sequences),
    "both ways": ((5, 3), both_ways),
    "images": ((8, 8, 3), images),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_branches(name, monkeypatch):
    shape, network = BRANCHES[name]

    def build():
        x = Input(shape)
        return compiled(diptych.Model(x, layers.Dense(2, "softmax")(network(x))), "adam")

    assert_same(monkeypatch, build, fit(*data(shape)))


@pytest.mark.filterwarnings("ignore:The data contain NaN", "ignore:The training data contain NaN")
@pytest.mark.filterwarnings("ignore:The loss of model .* became NaN")
def test_numbers_that_are_not_finite(monkeypatch):
    """Winograd's way is left for one batch; its masks and averages are those of any other step."""
    x, y = data((12, 12, 16))
    x[20, 3, 4, 5] = np.inf
    x[30, 3, 4, 5] = np.nan

    def build():
        stack = [
            layers.Dropout(0.2),
            layers.Conv2D(16, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, padding="same"),
            layers.GlobalMaxPooling2D(),
        ]
        return compiled(Sequential([Input((12, 12, 16)), *stack, layers.Dense(2, "softmax")]))

    # Trained on these rows last: weights that are not finite would hide everything.
    def run(model):
        model.fit(x[:10], y[:10], batch_size=5, epochs=2, verbose=0)
        found = [model.evaluate(x, y, batch_size=5, verbose=0)]
        found.append(model.predict(x, batch_size=5, verbose=0))
        return found, fit(x, y)(model)

    assert_same(monkeypatch, build, run)


@pytest.mark.parametrize("rows", [50, 600_000])
@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_embeddings(dtype, rows, monkeypatch):
    x, y = data((6,))
    x = (x * 50).astype(dtype)

    def build():
        stack = [layers.Embedding(rows, 2), layers.Conv1D(3, 2), layers.GlobalAveragePooling1D()]
        stack = [Input((6,), dtype=dtype), *stack, layers.Dense(2, "softmax")]
        return compiled(Sequential(stack), "adam")

    model = build()
    fit(x, y)(model)
    assert ("Python calls" in model.plan_report()) == (dtype == "float32")
    assert_same(monkeypatch, build, fit(x, y))


def test_a_number_that_names_no_row_raises_as_without_a_plan():
    x, y = data((6,), 40)
    x = (x * 50).astype("int32")
    stack = [layers.Embedding(50, 2, name="words"), layers.Flatten(), layers.Dense(2)]
    model = compiled(Sequential([Input((6,), dtype="int32"), *stack]), "adam", "mse", [])
    fit(x, y)(model)
    assert model.plan_report() == "A plan ran."
    predicted = model.predict(x, batch_size=5, verbose=0)
    x[-1, 2] = 50
    for run in (
        lambda: model.train_on_batch(x[-5:], y[-5:]),
        lambda: model.test_on_batch(x[-5:], y[-5:]),
        lambda: model.predict(x, batch_size=5, verbose=0),
    ):
        with pytest.raises(ValueError, match="token 50"):
            run()
    with pytest.raises(ValueError, match="words"):
        model.predict(x, batch_size=5, verbose=0)
    x[-1, 2] = 3
    again = model.predict(x, batch_size=5, verbose=0)
    np.testing.assert_array_equal(again[:-1], predicted[:-1])


class Kept(metrics.Metric):
    """A metric of one's own, which keeps what it is given."""

    def __init__(self):
        super().__init__(name="kept")
        self.seen = []

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen += [y_true, y_pred]

    def result(self):
        return float(sum(np.sum(np.asarray(one) ** 2) for one in self.seen))

    def reset_state(self):
        self.seen = []


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("kind", ["rows", "columns", "classes", "mean", "sum", "steps"])
def test_weights_of_samples(kind, dtype, monkeypatch):
    shape = (4, 3) if kind == "steps" else (3,)
    x, y = data(shape)
    if kind == "steps":
        y = np.repeat(y[:, None], 4, 1)
    weights = (np.random.default_rng(1).random(y.shape[:-1]) * 5).astype(dtype)
    reduction = {"mean": "mean_with_sample_weight", "sum": "sum"}.get(kind, "sum_over_batch_size")
    options = {"sample_weight": weights[:, None] if kind == "columns" else weights}
    if kind == "classes":
        options = {"class_weight": {0: 0.3, 1: 2.5}}

    def build():
        model = Sequential([Input(shape), layers.Dense(4), layers.Dense(2, "softmax")])
        loss = losses.CategoricalCrossentropy(reduction=reduction)
        model.compile("adam", loss, metrics=["accuracy"], weighted_metrics=["accuracy", "mse"])
        return model

    def train(model):
        found = [fit(x, y, **options)(model), model.train_on_batch(x[:5], y[:5], weights[:5])]
        found.append(model.evaluate(x, y, sample_weight=weights, batch_size=5, verbose=0))
        found.append(model.evaluate(x, y, batch_size=5, verbose=0))
        return found

    assert_same(monkeypatch, build, train)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize(
    "names", [["mse", "mae"], ["AUC"], ["Precision", "accuracy"], ["F1Score"], Kept], ids=str
)
def test_other_metrics(names, dtype, monkeypatch):
    x, y = data()

    def build():
        chosen = [Kept()] if names is Kept else names
        return compiled(dense(), "adam", metrics=chosen)

    def train(model):
        return fit(x, y.astype(dtype))(model), model.evaluate(x, y, batch_size=5, verbose=0)

    assert_same(monkeypatch, build, train)


@pytest.mark.parametrize("batch_size", [1, 5, 37, 64])
@pytest.mark.parametrize("name", [*SHAPES, *BRANCHES])
def test_evaluation_and_prediction(name, batch_size, monkeypatch):
    shape, network = {**SHAPES, **BRANCHES}[name]
    x, y = data(shape)

    def build():
        inputs = h = Input(shape)
        if name in BRANCHES:
            h = network(h)
        else:
            for layer in network():
                h = layer(h)
        return compiled(diptych.Model(inputs, layers.Dense(2, "softmax")(h)), metrics=["mse"])

    def run(model):
        found = []
        for _ in range(2):
            found.append(model.evaluate(x, y, batch_size=batch_size, verbose=0))
            found.append(model.predict(x, batch_size=batch_size, verbose=0).tolist())
            found.append(model.predict(x[:3], batch_size=batch_size, verbose=0).tolist())
            found.append(model.test_on_batch(x[:batch_size], y[:batch_size]))
            found.append(model.predict_on_batch(x[:batch_size]).tolist())
            model.train_on_batch(x, y)
        return found

    assert_same(monkeypatch, build, run, None)


class Evaluates(metrics.Metric):
    """A metric that evaluates the model: another run of its plan, in the middle of a run."""

    def __init__(self, rows):
        super().__init__(name="evaluates")
        self.rows, self.inside, self.calls, self.model = rows, False, 0, None

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.calls += 1
        if self.inside or self.calls < 20:
            return
        self.inside = True
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self.model.evaluate, *self.rows, batch_size=5, verbose=0).result()
        self.inside = False

    def result(self):
        return float(self.calls)


def test_a_plan_is_run_by_one_thread_at_a_time(monkeypatch):
    x, y = data()

    def build():
        metric = Evaluates((x[:15], y[:15]))
        metric.model = compiled(dense(), metrics=["accuracy", metric])
        return metric.model

    def train(model):
        return fit(x, y)(model), [model.evaluate(x, y, batch_size=5, verbose=0) for _ in range(4)]

    assert_same(monkeypatch, build, train)


class Raises(metrics.Metric):
    """A metric that raises in its tenth update."""

    def __init__(self):
        super().__init__(name="raises")
        self.calls = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.calls += 1
        if self.calls == 10:
            raise RuntimeError("the tenth")

    def result(self):
        return float(self.calls)


def test_root_mean_squared_error_of_whole_numbers(monkeypatch):
    """They are taken in the type of the predictions, as other errors take them."""
    x, y = data()
    root = metrics.RootMeanSquaredError
    assert_same(
        monkeypatch,
        lambda: compiled(dense(), "adam", "mse", [root()]),
        lambda model: (fit(x, y.astype("i4"))(model), model.metrics[-1].total.numpy()),
    )


def test_an_update_counts_although_a_metric_raises_after_it(monkeypatch):
    x, y = data()

    def train(model):
        with pytest.raises(RuntimeError, match="the tenth"):
            fit(x, y)(model)
        assert model.optimizer.iterations.item() == 10
        return fit(x, y)(model)

    assert_same(monkeypatch, lambda: compiled(dense(), "adam", metrics=[Raises()]), train)


def test_a_loss_that_is_not_reduced(monkeypatch):
    x, y = data()

    def build():
        return compiled(dense(), loss=losses.CategoricalCrossentropy(reduction=None))

    def train(model):
        return fit(x, y)(model), [model.evaluate(x, y, batch_size=5, verbose=0) for _ in range(3)]

    assert_same(monkeypatch, build, train, planned=False)


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy", "sparse_categorical_crossentropy"])
@pytest.mark.parametrize("name", ["Binary", "Categorical", "SparseCategorical"])
def test_accuracies_of_other_kinds_of_labels(name, loss, columns, monkeypatch):
    x, y = data()
    y = y.argmax(-1).reshape(-1, 1) if columns else y.argmax(-1)
    y = y * 0 if loss == "sparse_categorical_crossentropy" else y

    def build():
        model = Sequential([Input((3,)), layers.Dense(1, "sigmoid")])
        return compiled(model, loss=loss, metrics=[getattr(metrics, f"{name}Accuracy")()])

    assert_same(monkeypatch, build, fit(x, y))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("label", [1, 7])
def test_data_that_change_between_the_epochs(dtype, label, monkeypatch):
    """In place, by a callback: also labels that a plan takes in another dtype, and wrong ones."""

    def train(model):
        x, y = data()
        labels = y.argmax(-1).astype(dtype)

        def change(epoch, logs):
            labels[: 5 * epoch] = label
            x[:] *= 2

        watch = callbacks.LambdaCallback(on_epoch_end=change)
        if label > 1:
            with pytest.raises(ValueError, match="is no class"):
                fit(x, labels, callbacks=[watch])(model)
            return None
        return fit(x, labels, callbacks=[watch])(model)

    def build():
        return compiled(dense(), loss="sparse_categorical_crossentropy")

    assert_same(monkeypatch, build, train, planned=None if label > 1 else True)


def test_plans_of_a_structure_that_has_changed_are_freed():
    x, y = data()
    model = compiled(dense())
    for _ in range(4):
        fit(x, y)(model)
        model.predict(x, batch_size=5, verbose=0)
        diptych.Model(model.inputs, model.layers[0].output)
    assert len(model._replays) == 3  # of training, for whole batches and the rest; of prediction


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
    ("build", "why", "steps"),
    [
        (lambda: Sequential([Input((3,)), layers.GaussianNoise(1), layers.Dense(2)]), "more t", 1),
        (lambda: Sequential([Input((3,)), layers.Dense(2)], engine="reference"), "fast engine", 2),
    ],
)
def test_the_report_says_why_there_is_no_plan(build, why, steps):
    model = build()
    assert "not been trained" in model.plan_report()
    compiled(model, loss="mse")
    x, y = data()
    model.fit(x, y, batch_size=len(x), epochs=steps, verbose=0)  # no more than show it
    assert why in model.plan_report()
    fit(x, y)(model)
    assert why in model.plan_report()


def test_a_step_that_makes_a_plan_is_not_one_that_runs_it():
    x, y = data()
    model = compiled(dense())
    model.fit(x, y, batch_size=len(x), epochs=2, verbose=0)
    assert model.plan_report() == "No plan: there were only a few steps."
    model.fit(x, y, batch_size=len(x), verbose=0)
    assert model.plan_report() == "A plan ran."


def test_both_directions_of_a_recurrent_layer_are_planned_without_python():
    x, y = data((6, 3))
    both = [layers.Bidirectional(layers.LSTM(4, return_sequences=one)) for one in (True, False)]
    model = compiled(Sequential([Input((6, 3)), *both, layers.Dense(2, "softmax")]))
    fit(x, y)(model)
    assert model.plan_report() == "A plan ran."


def test_the_report_names_what_python_does_and_steps_of_ones_own():
    class Own(Sequential):
        def train_step(self, data):
            return super().train_step(data)

    x, y = data()
    rate = optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
    model = compiled(dense(), optimizers.SGD(rate), metrics=["hinge", "accuracy"])
    fit(x, y)(model)
    assert model.plan_report() == (
        "A plan ran. In each step Python calls the learning rate, the metric hinge."
    )
    model = compiled(dense(kernel_constraint="non_neg"))
    fit(x, y)(model)
    assert "the optimizer (a weight has a constraint)" in model.plan_report()
    model = compiled(Own([Input((3,)), layers.Dense(2)]), loss="mse", metrics=[])
    fit(x, y)(model)
    assert "train_step of its own" in model.plan_report()
    with pytest.warns(UserWarning, match="expects its input as"):
        fit([x], y)(model := compiled(dense()))
    assert model.plan_report() != ""
    floats = [Input((2,)), layers.Embedding(9, 2), layers.Flatten()]
    model = compiled(Sequential(floats), loss="mse")
    fit(np.ones((37, 2), "f4"), np.ones((37, 4)))(model)
    assert "Python calls embedding, the gradient of embedding." in model.plan_report()


def test_the_report_on_batches_without_labels():
    class Small(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(x**2))
            return x

    model = Sequential([Input((3,)), layers.Dense(2), Small()])
    model.compile("sgd")
    batches = [(data()[0][:5],)] * 6
    for x in (data()[0], iter(batches)):
        model.fit(x, steps_per_epoch=6, batch_size=5, verbose=0)
        assert model.plan_report() == "No plan: there are no labels."


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

    assert_same(monkeypatch, build, train)


def test_calls_that_draw_from_one_generator_lock_it_once(monkeypatch):
    # With NumPy 1.26 a thread that asks for a lock twice waits forever.
    x, y = data()

    def build():
        drop, inputs = layers.Dropout(0.4), Input((3,))
        inner = drop(layers.Dense(3)(drop(inputs)))
        return compiled(diptych.Model(inputs, layers.Dense(2, "softmax")(inner)))

    assert_same(monkeypatch, build, fit(x, y))
    monkeypatch.undo()
    fit(x, y)(model := build())
    made = [replay.plan for replay in model._replays.values() if replay.plan is not None]
    locks = [lock for plan in made for lock in plan._locks]
    assert [len(plan._locks) for plan in made] == [2] * len(made) != []
    entered = []

    class Lock:
        def __enter__(self):
            entered.append(self)

        def __exit__(self, *error):
            pass

    one, other = Lock(), Lock()
    with plans._held([one, other, one]):
        assert sorted(map(id, entered)) == sorted(map(id, [one, other]))
    assert len(set(map(id, locks))) == 1
