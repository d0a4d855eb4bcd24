"""Trainings that are likely to go wrong are warned of, once, and healthy ones are not."""

import re
import warnings

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, layers, losses, ops, optimizers
from diptych.layers import Dense
from diptych.models import values
from diptych.models.endings import last_activation
from diptych.models.symptoms import loss_of_guessing
from diptych.utils import TrainingWarning, to_categorical

rng = np.random.default_rng(0)
X = rng.normal(size=(48, 4)).astype("float32")
Y = np.arange(48) % 3
rng.shuffle(Y)
ONE_HOT = to_categorical(Y, 3)
SCALED = np.abs(np.tanh(X)).astype(float)
SCALED[0] = 1 + 2**-52  # as scikit-learn's MinMaxScaler returns them
ENGINES = pytest.mark.parametrize("engine", ["reference", "fast"])


def trained(end, loss, y, x=X, engine=None, optimizer="adam", metrics=None, **options):
    """What the training of a small model warned of."""
    model = Sequential([Input(x.shape[1:]), layers.Flatten(), *end], engine=engine)
    model.compile(optimizer, loss, metrics=metrics)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(x, y, verbose=0, **options)
        model.fit(x, y, verbose=0, **options)
    return [str(one.message) for one in told if one.category is TrainingWarning]


def copied(layer):
    """A layer like this one, which has no weights yet."""
    if isinstance(layer, layers.Lambda):
        return layers.Lambda(layer.function)
    return type(layer).from_config(layer.get_config())


# The end of the model beside loss and labels


@pytest.mark.parametrize(
    ("end", "loss", "y", "words"),
    [
        (Dense(3, "sigmoid"), "sparse_categorical_crossentropy", Y, "judges each of 3 classes"),
        (Dense(3, "sigmoid"), "categorical_crossentropy", ONE_HOT, "activation='softmax'"),
        (Dense(3, "softmax"), "binary_crossentropy", ONE_HOT, "loss='categorical_crossentropy'"),
        (Dense(3), "sparse_categorical_crossentropy", Y, "no activation.*from_logits=True"),
        (Dense(3, "softplus"), "sparse_categorical_crossentropy", Y, "activation 'softplus'"),
        (Dense(1), "binary_crossentropy", Y > 0, "no activation.*'sigmoid', or give"),
        (Dense(1, "tanh"), "binary_crossentropy", Y > 0, "the activation 'tanh'"),
        (
            Dense(3, "softmax"),
            losses.SparseCategoricalCrossentropy(from_logits=True),
            Y,
            "applied twice",
        ),
        (Dense(1, "sigmoid"), losses.BinaryCrossentropy(from_logits=True), Y > 0, "applied twice"),
        (Dense(1, "sigmoid"), "mse", 9 * X[:, 0], "between 0 and 1, but y ranges from"),
        (Dense(1, "relu"), "mae", X[:, 0], "at least 0, but y ranges from"),
        (Dense(1, "tanh"), "mse", 9 * X[:, 0], "between -1 and 1, but y"),
        (
            Dense(3, "softmax"),
            "categorical_crossentropy",
            np.ones((48, 3)),
            "have more than one, up to 3",
        ),
        (Dense(1, "sigmoid"), "binary_crossentropy", Y, "numbers of 3 classes, end with Dense.3"),
        (Dense(1, "sigmoid"), "binary_crossentropy", np.sign(X[:, 0]), r"\(y \+ 1\) / 2"),
    ],
)
def test_an_end_that_does_not_fit_is_told_once(end, loss, y, words):
    told = trained([copied(end)], loss, y)
    assert len(told) == 1
    assert re.search(words, told[0])
    model = Sequential([Input((4,)), copied(end)])
    model.compile("adam", loss)
    with pytest.warns(TrainingWarning, match=words):
        model.evaluate(X, y, verbose=0)


@pytest.mark.parametrize(
    ("end", "loss", "y"),
    [
        ([Dense(3, "softmax")], "sparse_categorical_crossentropy", Y),
        ([Dense(3), layers.Softmax()], "categorical_crossentropy", ONE_HOT),
        (
            [Dense(3), layers.Activation("softmax")],
            "categorical_crossentropy",
            0.8 * ONE_HOT + 0.2 / 3,
        ),
        ([Dense(3)], losses.SparseCategoricalCrossentropy(from_logits=True), Y),
        ([Dense(1, "sigmoid")], "binary_crossentropy", Y > 0),
        ([Dense(1, "hard_sigmoid")], "binary_crossentropy", Y > 0),
        ([Dense(3, "sigmoid")], "binary_crossentropy", ONE_HOT),
        ([Dense(1)], "mse", 100 * X[:, 0]),
        ([Dense(1, "sigmoid")], "mse", Y > 0),
        ([Dense(4, "tanh")], "mse", np.tanh(X)),
        ([Dense(4, "sigmoid")], "binary_crossentropy", SCALED),
        ([Dense(4, "sigmoid")], "mse", SCALED),
        ([Dense(1, "relu")], "mse", np.abs(X[:, 0])),
        ([Dense(3, "softmax")], "mse", ONE_HOT),
        ([Dense(1)], "hinge", np.where(Y > 0, 1, -1)),
        ([Dense(3), layers.Lambda(ops.softmax)], "categorical_crossentropy", ONE_HOT),
    ],
)
@ENGINES
def test_an_end_that_fits_is_not_told_of(end, loss, y, engine):
    assert trained([*map(copied, end)], loss, y, engine=engine, validation_split=0.25) == []


def test_the_accuracy_of_real_numbers():
    assert "metrics=['mae']" in trained([Dense(1)], "mse", X[:, 0], metrics=["accuracy"])[0]
    assert trained([Dense(1)], "mse", (Y > 0) * 1.0, metrics=["accuracy"]) == []
    assert trained([Dense(1)], "mse", X[:, 0], metrics=["mae"]) == []


def test_the_last_activation_is_found_through_what_keeps_values():
    x = Input((4,))
    inner = Sequential([Input((4,)), Dense(6, "sigmoid"), layers.Dropout(0.5)])
    assert last_activation(layers.Reshape((2, 3))(inner(x))) == "sigmoid"
    assert last_activation(layers.TimeDistributed(Dense(2, "tanh"))(Input((3, 2)))) == "tanh"
    assert last_activation(ops.softmax(x)) == "softmax"
    assert last_activation(Dense(3, lambda t: t)(x)) is None
    assert last_activation(layers.LSTM(3)(Input((3, 2)))) is None
    assert last_activation(x) is None


# Order, bytes


def test_sorted_labels_with_validation_split():
    for y in (np.sort(Y), np.sort(Y)[::-1], np.sort(Y > 0), ONE_HOT[np.argsort(Y)]):
        assert values.is_grouped(y)
    for y in (Y, ONE_HOT, X, np.sort(X[:, 0]), np.arange(48), np.zeros(48), np.array([0, 0, 1, 1])):
        assert not values.is_grouped(np.asarray(y))
    end = [Dense(3, "softmax")]
    loss = "sparse_categorical_crossentropy"
    assert "sorted by class" in trained(end, loss, np.sort(Y), validation_split=0.25)[0]
    assert "sorted by class" in trained(end, "crossentropy", np.sort(Y), validation_split=0.25)[0]
    assert trained([Dense(3, "softmax")], loss, np.sort(Y)) == []
    rising = np.repeat([0, 2, 3, 7], 12)  # counts, as of a series in time
    for loss in ("mse", "mae", lambda y, p: ops.mean(ops.square(y - p))):
        assert trained([Dense(1)], loss, rising, validation_split=0.25, shuffle=False) == []


def images(dtype, scale=1):
    made = rng.integers(0, 256, (48, 6, 6, 1)) / scale
    made[0, 0, 0, 0] = 255 / scale
    return made.astype(dtype)


@pytest.fixture
def _not_hinted(monkeypatch):
    monkeypatch.setattr("diptych.models.checks.Checks.hinted", False)


@pytest.mark.usefixtures("_not_hinted")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_bytes_that_nothing_scales(dtype):
    x, loss = images(dtype), "sparse_categorical_crossentropy"
    told = trained([layers.Dense(3, "softmax")], loss, Y, x=x)
    assert len(told) == 1
    assert "bytes up to 255" in told[0]
    assert "Rescaling(1 / 255)" in told[0]
    model = Sequential([Input((6, 6, 1)), layers.Conv2D(2, 3)])
    assert values.bytes_in(x, model) == 255
    for scaling in (layers.Rescaling(1 / 255), layers.BatchNormalization()):
        inner = Sequential([Input((6, 6, 1)), scaling, layers.Conv2D(2, 3)])
        assert not values.bytes_in(x, Sequential([Input((6, 6, 1)), inner]))
    assert not values.bytes_in(images("float32", 255), model)
    assert not values.bytes_in(x, Sequential([Input((6, 6, 1)), layers.Flatten()]))


class Own(Model):
    def __init__(self):
        super().__init__()
        self.last = Dense(3)

    def call(self, x):
        return self.last(ops.reshape(x / 255.0, (len(x), -1)))


def test_no_hint_at_bytes_where_a_model_computes_with_them_itself():
    x = Input((6, 6, 1))
    for scaled in (
        x / 255.0,
        layers.RandomFlip()(x) / 127.5 - 1,
        ops.one_hot(ops.cast(x[..., 0], "int32"), 256),
    ):
        inner = Model(x, Dense(3)(layers.Flatten()(scaled)))
        assert not values.bytes_in(images("uint8"), inner)
        assert not values.bytes_in(images("uint8"), Sequential([Input((6, 6, 1)), inner]))
    own = Own()
    own.build((None, 6, 6, 1))
    assert not values.bytes_in(images("uint8"), own)


# The loss


def test_what_guessing_costs():
    def guessing(loss, units, labels=None):
        return loss_of_guessing([(loss.name, loss, units, labels)])

    assert guessing(losses.SparseCategoricalCrossentropy(), 10) == (np.log(10), "log(10)")
    assert guessing(losses.CategoricalCrossentropy(), 3, ONE_HOT) == (np.log(3), "log(3)")
    assert guessing(losses.CategoricalCrossentropy(), 3, 2 * ONE_HOT)[1] == "2 log(3)"
    assert guessing(losses.BinaryCrossentropy(), 1) == (np.log(2), "log(2)")
    assert guessing(losses.BinaryCrossentropy(reduction="sum"), 1) is None
    assert guessing(losses.MeanSquaredError(), 1) is None


@ENGINES
def test_a_loss_that_begins_far_above_guessing(engine):
    loss = "sparse_categorical_crossentropy"
    told = trained([Dense(3, "softmax")], loss, Y, x=900 * X, engine=engine)
    assert len(told) == 1
    assert "log(3) = 1.1" in told[0]
    assert "they range from" in told[0]
    sure = Dense(3, "softmax", bias_initializer=diptych.initializers.Constant([0, 0, 90]))
    told = trained([sure], loss, Y, engine=engine)
    assert "are not too large: the initial weights are" in told[0]
    penalised = Dense(3, "softmax", kernel_regularizer=diptych.regularizers.l2(100.0))
    assert trained([penalised], loss, Y, engine=engine) == []
    assert trained([Dense(3, "softmax")], loss, Y, x=900 * X, class_weight={0: 2.0}) == []
    model = Sequential([Input((4,)), Dense(3, "softmax")], engine=engine)
    model.compile("adam", loss, loss_weights=[20.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, verbose=0)


@ENGINES
@pytest.mark.parametrize("planned", [True, False])
def test_a_learning_rate_that_makes_the_loss_nan(engine, planned):
    x = np.repeat(X, 20, axis=0)
    model = Sequential([Input((4,)), Dense(8, kernel_initializer="ones"), Dense(1)], engine=engine)
    model.compile(optimizers.SGD(30.0), "mse")
    seen = []
    each = diptych.callbacks.LambdaCallback(
        on_train_batch_end=lambda i, logs: seen.append(logs["loss"])
    )
    with pytest.warns(TrainingWarning, match=r"learning rate, 30: try 3, or clipnorm") as told:
        model.fit(x, x[:, :1], epochs=2, batch_size=8, callbacks=[each], verbose=0, shuffle=planned)
    assert len(told) == 1
    step = int(np.flatnonzero(~np.isfinite(seen))[0]) + 1
    assert f"in epoch 1, step {step}." in str(told[0].message)
    assert "It had grown from" in str(told[0].message)


def test_a_plan_tells_between_which_steps_it_was():
    x = np.repeat(X, 200, axis=0)
    model = Sequential([Input((4,)), Dense(1, kernel_initializer="ones")], engine="fast")
    model.compile(optimizers.SGD(1.5), "mse")
    with pytest.warns(TrainingWarning, match=r"epoch 1, (step|one of the steps) \d+") as told:
        model.fit(x, 9 * x[:, :1], epochs=9, batch_size=2, verbose=0)
    assert model.plan_report() == "A plan ran."
    assert len(told) == 1


@ENGINES
def test_labels_that_are_nan_are_told_of_once(engine):
    y = np.where(np.arange(48) == 3, np.nan, Y > 0)
    told = trained([Dense(1, "sigmoid")], "binary_crossentropy", y, engine=engine)
    assert [words[:17] for words in told] == ["The training data", "The loss of model"]


@ENGINES
def test_data_and_losses_that_make_it_nan(engine):
    x = X.copy()
    x[5, 1] = np.nan
    told = trained([Dense(1)], "mse", X[:, 0], x=x, engine=engine)
    assert len(told) == 2
    assert "The data are the cause: x has 1 NaN in 1 row, the first in row 5" in told[1]
    told = trained([Dense(1)], lambda t, p: ops.mean(ops.log(p)), X[:, 0], engine=engine)
    assert "at once, before any update" in told[0]


def test_a_step_of_ones_own_is_let_alone():
    class Own(Model):
        def train_step(self, data):
            return {"loss": float("nan")}

    x = Input((4,))
    model = Own(x, Dense(1)(x))
    model.compile("sgd", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingWarning)
        model.fit(X, X[:, 0], verbose=0)
