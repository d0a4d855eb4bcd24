"""Epochs, steps and losses that users shape: where an epoch ends, flags that stop it, and methods
of a model that are overridden. The expected numbers are those of Keras 3.15.
"""

import itertools

import numpy as np
import pytest

from diptych import Input, Model, Sequential, layers, losses, metrics, ops, optimizers
from diptych.callbacks import Callback

X = np.arange(20, dtype="float32").reshape(10, 2) / 20
Y = np.ones((10, 1), "float32")


class Count(Callback):
    """The batches of each epoch and of each evaluation, and of a prediction."""

    def __init__(self):
        super().__init__()
        self.trained, self.tested, self.predicted = [], [], 0

    def on_epoch_begin(self, epoch, logs=None):
        self.trained.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.trained[-1] += 1

    def on_test_begin(self, logs=None):
        self.tested.append(0)

    def on_test_batch_end(self, batch, logs=None):
        self.tested[-1] += 1

    def on_predict_batch_end(self, batch, logs=None):
        self.predicted += 1


def linear(cls=Model, loss="mse", engine=None, **compiled):
    inputs = Input((2,))
    model = cls(inputs, layers.Dense(1)(inputs), engine=engine)
    model.compile(optimizers.SGD(0.1), loss, **compiled)
    model.set_weights([np.full((2, 1), 0.1), np.full(1, 0.1)])
    return model


def endless():
    for i in itertools.count():
        yield X[i % 10 : i % 10 + 1], Y[:1]


# --------------------------------------------------------------------------------------------------
# Where an epoch ends


@pytest.mark.parametrize(
    ("steps", "batches"),
    [(None, [5] * 5), (1, [1] * 5), (2, [2, 2, 1, 2, 2]), (3, [3, 2, 3, 2, 3]),
     (4, [4, 1, 4, 1, 4]), (5, [5] * 5), (7, [5] * 5)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The data ended")
def test_an_epoch_ends_with_the_data(steps, batches):
    count = Count()
    history = linear().fit(
        X, Y, batch_size=2, epochs=5, steps_per_epoch=steps, callbacks=[count], verbose=0
    )
    assert count.trained == batches
    assert len(history.history["loss"]) == 5
    assert count.params["steps"] == (steps or 5)


def test_too_many_steps_are_warned_of():
    model, count = linear(), Count()
    given = {"batch_size": 2, "callbacks": [count], "verbose": 0}
    with pytest.warns(UserWarning, match="ended after 5 of the 7 batches"):
        model.fit(X, Y, steps_per_epoch=7, **given)
    with pytest.warns(UserWarning, match="ended after 5 of the 7 batches"):
        model.fit(X, Y, validation_data=(X, Y), validation_steps=7, **given)
    with pytest.warns(UserWarning, match="ended after 5 of the 7 batches"):
        model.evaluate(X, Y, steps=7, **given)
    with pytest.warns(UserWarning, match="ended after 5 of the 7 batches"):
        assert model.predict(X, steps=7, **given).shape == (10, 1)
    assert count.tested == [5, 5]
    assert count.predicted == 5


# --------------------------------------------------------------------------------------------------
# Flags that stop


class Stop(Count):
    def __init__(self, flag):
        super().__init__()
        self.flag = flag

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch)
        self.stop_at(batch)

    def on_test_batch_end(self, batch, logs=None):
        super().on_test_batch_end(batch)
        self.stop_at(batch)

    def on_predict_batch_end(self, batch, logs=None):
        super().on_predict_batch_end(batch)
        self.stop_at(batch)

    def stop_at(self, batch):
        if batch == 2:
            setattr(self.model, self.flag, True)


def test_a_callback_stops_an_endless_evaluation():
    model, stop = linear(), Stop("stop_evaluating")
    for _ in range(2):  # the flag is put back each time
        assert model.evaluate(endless(), callbacks=[stop], verbose=0) > 0
    model.fit(X, Y, validation_data=endless(), epochs=2, callbacks=[stop], verbose=0)
    assert stop.tested == [3, 3, 3, 3]
    assert stop.trained == [1, 1]


def test_a_callback_stops_an_endless_prediction():
    model, stop = linear(), Stop("stop_predicting")
    inputs = (x for x, _ in endless())
    assert model.predict(inputs, callbacks=[stop], verbose=0).shape == (3, 1)
    assert model.predict(inputs, callbacks=[stop], verbose=0).shape == (3, 1)


def test_a_callback_stops_training_within_an_epoch():
    model, stop = linear(), Stop("stop_training")
    history = model.fit(endless(), epochs=4, validation_data=(X, Y), callbacks=[stop], verbose=0)
    assert stop.trained == [3]
    assert set(history.history) == {"loss", "val_loss"}


def test_a_step_of_ones_own_stops_without_any_callback():
    class Stopping(Model):
        steps = 0

        def count(self, flag):
            self.steps += 1
            setattr(self, flag, self.steps == 3)

        def train_step(self, data):
            self.count("stop_training")
            return super().train_step(data)

        def test_step(self, data):
            self.count("stop_evaluating")
            return super().test_step(data)

        def predict_step(self, data):
            self.count("stop_predicting")
            return super().predict_step(data)

    model = linear(Stopping)
    for run in (
        lambda: model.fit(endless(), verbose=0),
        lambda: model.evaluate(endless(), verbose=0),
        lambda: model.predict((x for x, _ in endless()), verbose=0),
    ):
        model.steps = 0
        run()
        assert model.steps == 3


# --------------------------------------------------------------------------------------------------
# Methods of one's own


class WithoutTraining(Model):
    def compute_loss(self, x, y, y_pred, sample_weight):
        return ops.mean((y - y_pred) ** 2) * 3


class OtherNames(Model):
    def compute_loss(self, a, b, c, d=None):
        return ops.mean((b - c) ** 2) * 3


class WithTraining(Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        factor = 3.0 if training else 5.0
        return super().compute_loss(x, y, y_pred, sample_weight) * factor


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize(
    ("cls", "loss", "factor"),
    [
        (WithoutTraining, "mse", 3),
        (WithoutTraining, None, 3),
        (OtherNames, None, 3),
        (WithTraining, "mse", 5),
    ],
)
def test_a_compute_loss_of_ones_own(cls, loss, factor, engine):
    model = linear(cls, loss, engine)
    plain = float(np.mean((Y - model.predict(X, verbose=0)) ** 2))
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(factor * plain, rel=1e-5)
    assert model.test_on_batch(X, Y) == pytest.approx(factor * plain, rel=1e-5)
    assert model.train_on_batch(X, Y) == pytest.approx(3 * plain, rel=1e-5)
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert set(history) == {"loss", "val_loss"}


def test_a_compute_loss_has_to_return_a_loss():
    class Forgotten(Model):
        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            ops.mean((y - y_pred) ** 2)

    with pytest.raises(ValueError, match=r"Forgotten.compute_loss returned None"):
        linear(Forgotten).fit(X, Y, verbose=0)


def test_what_a_compute_metrics_of_ones_own_adds_is_in_the_logs():
    class Adds(Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {**super().compute_metrics(x, y, y_pred, sample_weight), "two": 2.0}

    model = linear(Adds, metrics=["mae"])
    history = model.fit(X, Y, validation_data=(X, Y), epochs=2, verbose=0).history
    assert history["two"] == history["val_two"] == [2.0, 2.0]
    assert set(history) >= {"loss", "mae", "val_loss", "val_mae"}
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["two"] == 2.0
    assert model.train_on_batch(X, Y, return_dict=True)["two"] == 2.0

    class Replaces(Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {"own": 7.0}

    assert linear(Replaces).fit(X, Y, verbose=0).history == {"own": [7.0]}


class Sums(metrics.Metric):
    """The sum of the predictions, and its double; without an argument for weights."""

    def __init__(self, name="sums"):
        super().__init__(name=name)
        self.total = self.add_weight(name="total")

    def update_state(self, y_true, y_pred):
        self.total.assign_add(ops.sum(y_pred))

    def result(self):
        return {"once": self.total, "twice": self.total * 2}


def test_a_metric_with_several_results_and_without_weights():
    model = linear(metrics=[Sums()])
    expected = model.predict(X, verbose=0).sum()
    found = model.evaluate(X, Y, sample_weight=np.ones(10), return_dict=True, verbose=0)
    assert found["once"] == pytest.approx(expected, rel=1e-5)
    assert found["twice"] == pytest.approx(2 * expected, rel=1e-5)
    assert set(found) == {"loss", "once", "twice"}


def test_calls_and_functions_with_any_optional_arguments():
    class Plain(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    class Needs(Plain):
        def call(self, x, training):
            return self.dense(x) * (2.0 if training else 1.0)

    def twice(y_true, y_pred, factor=2.0):
        return ops.mean((y_true - y_pred) ** 2, axis=-1) * factor

    def error(y_true, y_pred, sample_weight=None):
        return ops.abs(y_true - y_pred)

    for cls in (Plain, Needs):
        model = cls()
        model.compile("sgd", twice, metrics=[error], weighted_metrics=[error])
        history = model.fit(X, Y, sample_weight=np.ones(10), epochs=2, verbose=0).history
        assert set(history) == {"loss", "error", "weighted_error"}
        mse = float(np.mean((Y - model.predict(X, verbose=0)) ** 2))
        found = model.evaluate(X, Y, verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(2 * mse, rel=1e-5)


def test_an_own_step_sees_the_batch_as_keras_gives_it():
    seen = []

    class Looks(Sequential):
        def train_step(self, data):
            seen.append(len(data))
            return super().train_step(data)

    model = Looks([Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.fit(X, Y, sample_weight=np.ones(10), verbose=0)
    assert seen == [2, 3]


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("rows", [4, 12])
def test_another_reduction_counts_from_the_next_step_on(engine, rows):
    loss = losses.MeanSquaredError()
    model = Sequential([Input((1,)), layers.Dense(1, kernel_initializer="ones")], engine=engine)
    model.compile(optimizers.SGD(0.0), loss)
    x, y = np.ones((rows, 1)), np.zeros((rows, 1))
    assert model.fit(x, y, epochs=3, batch_size=4, verbose=0).history["loss"] == [1.0] * 3
    loss.reduction = "sum"
    assert model.fit(x, y, epochs=3, batch_size=4, verbose=0).history["loss"] == [4.0] * 3
    loss.reduction = "mean"
    assert model.fit(x, y, epochs=3, batch_size=4, verbose=0).history["loss"] == [1.0] * 3


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_data_that_a_callback_changes_count_from_the_next_epoch_on(engine, dtype, shuffle):
    class Add(Callback):
        def on_epoch_end(self, epoch, logs=None):
            x[:] += 1
            y[:] -= 1

    model = Sequential([Input((1,)), layers.Dense(1, kernel_initializer="ones")], engine=engine)
    model.compile(optimizers.SGD(0.0), "mse")
    x, y = np.ones((6, 1), dtype), np.zeros((6, 1), dtype)
    history = model.fit(x, y, 2, epochs=3, shuffle=shuffle, callbacks=[Add()], verbose=0).history
    assert history["loss"] == [1.0, 9.0, 25.0]


def test_callbacks_are_told_results_in_the_order_of_their_names():
    model = Sequential([Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    x = np.ones((4, 1))
    names = list(model.fit(x, x, validation_data=(x, x), verbose=0).history)
    assert names == ["loss", "mae", "val_loss", "val_mae", "val_weighted_mae", "weighted_mae"]
