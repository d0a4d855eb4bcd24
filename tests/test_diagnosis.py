"""diagnose and Doctor: planted ailments on models of several kinds, and healthy runs."""

import re
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import Model, Sequential, diagnose, initializers, layers, ops, optimizers
from diptych.teach.diagnosis import doctor as doctors
from diptych.teach.diagnosis.data_checks import how_many_among
from diptych.teach.diagnosis.messages import MESSAGES

from .ailing import KINDS, SHAPES, build, data, fit

pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[1]
THREE = ("dense", "conv", "recurrent")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("DIPTYCH_LANG", "en")
    diptych.utils.set_random_seed(0)


def both(model, x, y, **named):
    """What the doctor finds in a training, and what diagnose finds after it."""
    doctor = fit(model, x, y, **named)
    return doctor.findings, diagnose(model, x, y)


# --------------------------------------------------------------------------------------------------
# Inside the network


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("kind", KINDS)
def test_dead_units(kind, engine):
    x, y = data(kind)
    model = build(kind, engine=engine, bias_initializer=initializers.Constant(-20.0))
    for findings in both(model, x, y, epochs=4):
        dead = findings.find("dead_units")
        assert dead.evidence["dead"] == list(range(8))
        assert dead.evidence["slope"] == dead.evidence["gradient"] == 0.0
        assert dead.evidence["largest"] < 0
        assert dead.evidence["recover"] == ("blocked" if kind in KINDS[2:] else "never")
        assert dead.tutorial == "tutorials/02_stuck_and_gate.py"
        assert findings.find("constant_output")
        assert "on all 96 rows" in dead.shown


def test_some_dead_units_and_where_they_may_recover():
    """Two of four units of the second layer are dead; the first layer still learns."""
    diptych.utils.set_random_seed(1)
    x, y = data("dense")
    first, second = (layers.Dense(4, activation="relu", name=n) for n in ("first", "second"))
    model = Sequential([layers.Input((8,)), first, second, layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    first.bias.assign(np.full(4, 3.0))
    second.bias.assign([3.0, -90.0, 3.0, -90.0])
    dead = diagnose(model, x, y).find("dead_units")
    assert (dead.where, dead.evidence["dead"]) == ("second", [1, 3])
    assert dead.evidence["recover"] == "maybe"
    assert dead.evidence["gradient"] == 0.0
    assert "First seen dead: now." in dead.shown  # diagnose saw no training


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturated_units(kind, activation):
    x, y = data(kind)
    model = build(kind, activation=activation, kernel_initializer=initializers.RandomNormal(0, 90))
    saturated = diagnose(model, x, y).find("saturated_units")
    assert saturated.evidence["kind"] == activation
    assert saturated.evidence["share"] > 50


def test_a_saturated_simple_rnn():
    x, y = data("recurrent")
    model = Sequential(
        [layers.Input((6, 3)), layers.SimpleRNN(4, name="simple_rnn"), layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy")
    findings = diagnose(model, 1000 * x, y)
    assert findings.find("saturated_units").where == "simple_rnn"
    assert findings.find("unscaled_inputs").where == "simple_rnn"


@pytest.mark.parametrize("kind", KINDS)
def test_vanishing_gradients(kind):
    x, y = data(kind)
    vanishing = diagnose(build(kind, activation="sigmoid", depth=10), x, y).find(
        "vanishing_gradients"
    )
    slopes = vanishing.evidence["norms"]
    assert vanishing.evidence["ratio"] == pytest.approx(slopes[0] / slopes[-1])
    assert vanishing.evidence["ratio"] < 1e-3
    assert vanishing.evidence["depth"] == len(slopes) >= 11


@pytest.mark.parametrize("kind", KINDS)
def test_exploding_gradients(kind):
    x, y = data(kind)
    start = initializers.RandomNormal(0, 3.0)
    model = build(kind, depth=8, kernel_initializer=start, last=None, loss="mse")
    exploding = diagnose(model, x, y).find("exploding_gradients")
    assert exploding.evidence["ratio"] > 1e3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", ["ones", "zeros"])
def test_identical_units(kind, start):
    x, y = data(kind)
    model = build(kind, activation="tanh", kernel_initializer=start)
    assert not diagnose(model, x, y).find("identical_units")  # the last weights differ
    last = model.layers[-1] if kind in THREE[:2] else model.stack[-1]
    last.kernel.assign(np.full(last.kernel.shape, 0.5))
    for findings in both(model, x, y, epochs=1):
        assert findings.find("identical_units").evidence["units"] == 8


@pytest.mark.parametrize("kind", THREE)
def test_a_loss_stuck_at_the_base_rate(kind):
    x, _ = data(kind, 512)
    y = np.random.default_rng(1).random(512) < 0.25  # nothing to do with x
    model = build(kind, units=2, optimizer=optimizers.Adam(0.02))
    for findings in both(model, x, y.astype(int), epochs=16, batch_size=64):
        stuck = findings.find("stuck_at_base_rate")
        p = y.mean()
        entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
        assert stuck.evidence["base"] == pytest.approx(entropy, rel=0.2)  # of a sample


# --------------------------------------------------------------------------------------------------
# The course of the training


@pytest.mark.parametrize("kind", KINDS)
def test_overfitting(kind):
    rng = np.random.default_rng(0)
    x, held = (rng.normal(size=(24, *SHAPES[kind])) for _ in range(2))
    y, held_y = (rng.integers(0, 2, 24) for _ in range(2))
    model = build(kind, units=64, optimizer=optimizers.Adam(0.02))
    for findings in both(model, x, y, epochs=60, validation_data=(held, held_y)):
        over = findings.find("overfitting")
        validation = model.history.history["val_loss"]
        assert over.evidence["epoch"] == int(np.argmin(validation)) + 1
        assert over.evidence["best"] == min(validation)


@pytest.mark.parametrize("kind", THREE)
def test_a_learning_rate_too_high(kind):
    x, y = data(kind)
    target = 3.0 * y + x.reshape(len(x), -1)[:, 0]
    model = build(
        kind, last=None, loss="mse", activation="tanh", optimizer=optimizers.SGD(1.5, momentum=0.5)
    )
    for findings in both(model, x, target, epochs=6):
        high = findings.find("learning_rate_too_high")
        assert "optimizers.SGD(learning_rate=0.15)" in high.remedy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimizer", [optimizers.Adam, optimizers.SGD])
def test_a_learning_rate_too_low(kind, optimizer):
    x, y = data(kind)
    model = build(kind, units=16, optimizer=optimizer(1e-6))
    assert diagnose(model, x, y).find("learning_rate_too_low")
    for findings in both(model, x, y):
        low = findings.find("learning_rate_too_low")
        assert low.evidence["better"] < low.evidence["after"]
        assert f"optimizers.{optimizer.__name__}(learning_rate=1e-05)" in low.remedy


class Log(layers.Layer):
    """log(100 + x), which a row below -100 breaks."""

    def call(self, x):
        return ops.log(ops.add(x, 100.0))


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("kind", THREE)
def test_where_numbers_stop_being_finite(kind, engine):
    x, y = data(kind)
    x[40] = -101.0  # in the third batch of 16
    inner = {
        "dense": [layers.Dense(4)],
        "conv": [layers.Conv1D(4, 3), layers.Flatten()],
        "recurrent": [layers.LSTM(4, name="reader")],
    }[kind]
    model = Sequential([Log(), *inner, layers.Dropout(0.2), layers.Dense(1)], engine=engine)
    model.compile("adam", "mse")
    doctor = fit(model, x, y, epochs=2, batch_size=16, shuffle=False)
    broken = doctor.findings.find("not_finite")
    assert (broken.evidence["epoch"], broken.evidence["batch"]) == (1, 3)
    assert broken.evidence["operation"] == "log"
    assert np.isfinite(broken.evidence["weight"])


@pytest.mark.parametrize("kind", THREE)
def test_numbers_that_overflow_in_some_later_epoch(kind):
    x, y = data(kind)
    model = build(kind, last=None, loss="mse", optimizer=optimizers.SGD(40.0), activation=None)
    doctor = fit(model, x, y, epochs=40, batch_size=16)
    broken = doctor.findings.find("not_finite")
    losses = model.history.history["loss"]
    first = next(i for i, loss in enumerate(losses) if not np.isfinite(loss))
    # The losses of an epoch may be finite whose last update has broken the weights.
    assert broken.evidence["epoch"] in (first, first + 1)
    assert broken.evidence["batch"] in range(1, 7)
    assert broken.where or broken.evidence["layer"] == "the loss"
    now = diagnose(model, x, y)
    assert now.find("not_finite")


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_loss_that_overflows_is_told_once_with_the_loss_before(engine, capsys):
    x, y = data("dense")
    model = Sequential([layers.Dense(1)], engine=engine)
    model.compile(optimizers.SGD(1e9), "mse")
    with pytest.warns(UserWarning, match="infinite"):
        model.fit(x, y, epochs=3, batch_size=16, verbose=0, callbacks=[diptych.Doctor()])
    printed = capsys.readouterr().out
    assert printed.count("[not_finite]") == 1
    assert "Numbers became NaN or infinite  [not_finite]" in printed  # in no layer
    text = " ".join(printed.split())
    found = re.search(r"epoch 1, batch (\d): \w+ in the loss. The loss before: (\S+);", text)
    assert int(found[1]) > 1
    assert 1e9 < float(found[2]) < np.inf


@pytest.mark.parametrize("kind", THREE)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_what_led_to_numbers_that_are_not_finite(kind, scale, capsys):
    x, y = data(kind)
    model = build(kind, last=None, loss="mse", optimizer=optimizers.SGD(1e6), activation=None)
    doctor = fit(model, scale * x, y, epochs=2)
    assert doctor.findings.find("not_finite")
    assert bool(doctor.findings.find("unscaled_inputs")) == (scale > 1)
    names = doctor.findings.names
    assert names == doctor.findings.in_order().names


def test_gradients_that_explode_to_infinity():
    x, y = data("dense")
    wide = {"kernel_initializer": initializers.RandomNormal(stddev=1.0)}
    stack = [*(layers.Dense(32, **wide) for _ in range(8)), layers.Dense(1)]
    model = Sequential(stack)
    model.compile(optimizers.SGD(0.1), "mse")
    assert {"not_finite", "exploding_gradients"} <= set(fit(model, x, y, epochs=2).findings.names)


# --------------------------------------------------------------------------------------------------
# The data


@pytest.mark.parametrize("kind", THREE)
def test_nan_in_the_data(kind):
    x, y = data(kind)
    x[17].flat[2] = np.nan
    model = build(kind)
    for findings in both(model, x, y, epochs=1):
        found = findings.find("nan_in_data").evidence
        assert (found["part"], found["count"], found["row"]) == ("x", 1, 17)
        assert not findings.find("not_finite")  # whose remedies would not help


@pytest.mark.parametrize("kind", THREE)
def test_inputs_that_are_not_scaled(kind):
    x, y = data(kind)
    for findings in both(build(kind), 127 + 60 * x, y, epochs=2):
        assert findings.find("unscaled_inputs").evidence["size"] > 100
    model = Sequential([layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    assert not diagnose(model, 127 + 60 * x, y).find("unscaled_inputs")


@pytest.mark.parametrize("kind", THREE)
def test_labels_sorted_before_the_validation_split(kind):
    x, y = data(kind, classes=3)
    order = np.argsort(y, kind="stable")
    model = build(kind, last="softmax", out=3, loss="sparse_categorical_crossentropy")
    for findings in both(model, x[order], y[order], epochs=1, validation_split=0.2):
        found = findings.find("sorted_labels").evidence
        assert (found["trained"], found["validated"]) == ([0, 1, 2], [2])
    doctor = fit(build(kind), x, (y > 1).astype(int), epochs=1, validation_split=0.2)
    assert not doctor.findings.find("sorted_labels")


@pytest.mark.parametrize("kind", THREE)
def test_a_validation_on_training_rows(kind):
    x, y = data(kind)
    doctor = fit(build(kind), x, y, epochs=1, validation_data=(x[:20], y[:20]))
    found = doctor.findings.find("validation_repeats_training").evidence
    assert (found["count"], found["rows"]) == (20, 20)


@pytest.mark.parametrize("kind", THREE)
def test_batches_of_one_class(kind):
    x, y = data(kind, classes=3)
    order = np.argsort(y, kind="stable")
    x, y = x[order], y[order]

    def trained(*batches, **named):
        model = build(kind, last="softmax", out=3, loss="sparse_categorical_crossentropy")
        return fit(model, *batches, epochs=1, **named).findings.find("batches_of_one_class")

    assert trained(x, y, batch_size=16, shuffle=False).evidence == {"pure": 6, "batches": 6}
    assert not trained(x, y, batch_size=16)
    assert trained(iter([(x[:32], y[:32]), (x[-32:], y[-32:])]), steps_per_epoch=2)
    assert not trained(iter([(x[::3], y[::3]), (x[1::3], y[1::3])]), steps_per_epoch=2)


@pytest.mark.parametrize("kind", THREE)
@pytest.mark.parametrize("last", [None, "sigmoid", "relu"])
def test_an_end_that_does_not_fit_a_crossentropy(kind, last):
    x, y = data(kind, classes=3)
    model = build(kind, last=last, out=3, loss="sparse_categorical_crossentropy")
    wrong = diagnose(model, x, y).find("wrong_last_activation")
    assert wrong.evidence["sum"] != pytest.approx(1, abs=0.01)
    logits = diptych.losses.SparseCategoricalCrossentropy(from_logits=True)
    right = diagnose(build(kind, last=None, out=3, loss=logits), x, y)
    assert not right.find("wrong_last_activation")
    if last is None:
        assert diagnose(build(kind, last=None), x, y > 0).find("wrong_last_activation")


@pytest.mark.parametrize("kind", THREE)
def test_probabilities_that_are_taken_for_logits(kind):
    x, y = data(kind)
    loss = diptych.losses.BinaryCrossentropy(from_logits=True)
    found = diagnose(build(kind, loss=loss), x, y).find("probabilities_as_logits").evidence
    assert found["floor"] == pytest.approx(float(loss([[1.0]], [[1.0]])))
    loss = diptych.losses.SparseCategoricalCrossentropy(from_logits=True)
    found = diagnose(build(kind, last="softmax", out=2, loss=loss), x, y)
    floor = found.find("probabilities_as_logits").evidence["floor"]
    assert floor == pytest.approx(float(loss([0], [[1.0, 0.0]])))


@pytest.mark.parametrize("kind", THREE)
def test_a_softmax_of_one_unit(kind):
    x, y = data(kind)
    found = diagnose(build(kind, last="softmax"), x, y).find("softmax_of_one").evidence
    assert (found["low"], found["high"]) == (1, 1)


@pytest.mark.parametrize("kind", THREE)
@pytest.mark.parametrize("last", ["sigmoid", "tanh", "relu"])
def test_labels_out_of_reach(kind, last):
    x, y = data(kind)
    target = 5.0 * y - 3.0
    found = diagnose(build(kind, last=last, loss="mse"), x, target).find("labels_out_of_reach")
    assert found.evidence["share"] == (50 if last == "relu" else 100)
    assert not diagnose(build(kind, last=None, loss="mse"), x, target).find("labels_out_of_reach")


@pytest.mark.parametrize("kind", THREE)
def test_labels_that_are_not_scaled(kind):
    x, y = data(kind)
    target = 150.0 + 40 * y
    for findings in both(build(kind, last=None, loss="mse"), x, target, epochs=2):
        found = findings.find("unscaled_labels").evidence
        assert found["size"] == pytest.approx(np.sqrt(np.mean(target**2)))
        assert not findings.find("learning_rate_too_high")  # the loss is large, but falls
        assert not findings.find("learning_rate_too_low")
    mended = build(kind, last=None, loss="mse")
    assert diagnose(mended, x, (target - target.mean()) / target.std()).names == []


@pytest.mark.parametrize("kind", THREE)
def test_targets_that_are_no_distribution(kind):
    x, _ = data(kind, 400)  # more than a sample
    y = np.random.default_rng(0).random((400, 10))
    model = build(kind, last="softmax", out=10, loss="categorical_crossentropy")
    found = diagnose(model, x, y).find("targets_no_distribution").evidence
    assert found["smallest"] == pytest.approx(y.sum(axis=1).min())
    assert found["base"] > 8  # sum(y) log(10), nearly


# --------------------------------------------------------------------------------------------------
# Healthy runs

HEALTHY = [
    # kind, classes (0: regression), optimizer, activation, more for the model, seed
    ("dense", 2, "adam", "relu", {}, 0),
    ("dense", 2, "sgd", "tanh", {}, 1),
    ("dense", 2, "rmsprop", "relu", {"dropout": 0.2}, 2),
    ("dense", 3, "adam", "relu", {"depth": 2, "units": 16}, 3),
    ("dense", 3, "adamw", "gelu", {"units": 32}, 4),
    ("dense", 5, "nadam", "relu", {"units": 64}, 5),
    ("dense", 0, "adam", "relu", {"units": 32}, 6),
    ("dense", 0, "sgd", "tanh", {"units": 16}, 7),
    ("conv", 2, "adam", "relu", {}, 8),
    ("conv", 2, "sgd", "elu", {"units": 16}, 9),
    ("conv", 3, "rmsprop", "relu", {"depth": 2, "units": 16}, 10),
    ("conv", 3, "adam", "leaky_relu", {"dropout": 0.1, "units": 16}, 11),
    ("conv", 0, "adam", "relu", {"units": 16}, 12),
    ("recurrent", 2, "adam", "relu", {"units": 16}, 13),
    ("recurrent", 3, "adam", "tanh", {"units": 16}, 14),
    ("recurrent", 0, "nadam", "relu", {"units": 16}, 15),
    ("recurrent", 2, "rmsprop", "sigmoid", {"units": 16}, 16),
    ("attention", 2, "adam", "relu", {"units": 16}, 17),
    ("attention", 3, "adam", "gelu", {"units": 16}, 18),
    ("attention", 0, "adam", "relu", {"units": 16}, 19),
]
RATES = {"adam": 0.01, "nadam": 0.01, "adamw": 0.01, "rmsprop": 0.003, "sgd": 0.1}


@pytest.mark.parametrize(("kind", "classes", "optimizer", "activation", "more", "seed"), HEALTHY)
def test_silent_on_a_healthy_run(kind, classes, optimizer, activation, more, seed, capsys):
    diptych.utils.set_random_seed(seed)
    x, y = data(kind, 640, seed, max(classes, 2))
    end = {"last": "softmax", "out": classes, "loss": "sparse_categorical_crossentropy"}
    if classes == 0:
        end = {"last": None, "loss": "mse"}
        y = x.reshape(640, -1, x.shape[-1])[..., 0].mean(axis=1) * 2 + 0.3
    elif classes == 2:
        end = {}
    rule = diptych.optimizers.get(
        {"class_name": optimizer, "config": {"learning_rate": RATES[optimizer]}}
    )
    model = build(kind, activation=activation, optimizer=rule, **end, **more)
    assert diagnose(model, x, y).names == []
    doctor = diptych.Doctor()
    fitted = model.fit(x, y, epochs=8, verbose=0, validation_split=0.2, callbacks=[doctor])
    assert doctor.findings.names == [], str(doctor.findings)
    assert capsys.readouterr().out == ""
    assert diagnose(model, x, y).names == [], str(diagnose(model, x, y))
    assert fitted.history["loss"][-1] < 0.9 * fitted.history["loss"][0]


# --------------------------------------------------------------------------------------------------
# The AND gate, the doctor as a callback, and how it speaks

AND = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25)


def and_gate(seed, **named):
    """A training of the AND gate with two hidden units, which fails in many runs."""
    diptych.utils.set_random_seed(seed)
    model = Sequential([layers.Dense(2, activation="relu"), layers.Dense(1, activation="sigmoid")])
    sgd = optimizers.SGD(0.01, momentum=0.9)
    model.compile(sgd, "binary_crossentropy", metrics=["accuracy"])
    doctor = diptych.Doctor(verbose=0)
    y = AND[:, 0] & AND[:, 1]
    model.fit(AND, y, epochs=400, verbose=0, callbacks=[doctor], **named)
    return model, doctor.findings


def test_stuck_runs_of_the_and_gate_name_the_dead_unit_and_its_gradient():
    stuck = 0
    for seed in range(18):
        model, findings = and_gate(seed)
        y = AND[:, 0] & AND[:, 1]
        if model.evaluate(AND, y, verbose=0)[1] == 1:
            continue
        stuck += 1
        dead = findings.find("dead_units")
        hidden = np.maximum(AND @ np.asarray(model.layers[0].kernel) + model.layers[0].bias, 0)
        blind = findings.find("blind_rows")
        assert blind is None or blind.evidence["count"] == (hidden == 0).all(axis=1).sum()
        if dead is None:  # no unit is off everywhere, but both are for both answers
            assert blind.evidence["slope"] == 0.0, seed
            continue
        assert dead.evidence["dead"] == np.flatnonzero((hidden == 0).all(axis=0)).tolist()
        assert dead.evidence["slope"] == dead.evidence["gradient"] == 0.0
        assert dead.evidence["recover"] == "never"
        assert dead.where.startswith("dense")
        since = dead.evidence["since"]
        assert since == "before training" or 0 < since <= 400
        both_dead = len(dead.evidence["dead"]) == 2
        assert ("constant_output" in findings.names) == both_dead
    assert stuck > 4


def test_several_outputs_that_are_each_always_the_same():
    x, y = data("dense", classes=3)
    model = build(
        "dense", out=3, last="softmax", loss="sparse_categorical_crossentropy",
        bias_initializer=initializers.Constant(-20.0),
    )  # fmt: skip
    model.layers[-1].bias.assign([0.0, 1.0, 2.0])  # three outputs, each always the same
    model.train_on_batch(x, y)
    evidence = diagnose(model, x, y).find("constant_output").evidence
    assert evidence["spread"] < 1e-6


def test_the_remedies_of_dead_units_stand_in_the_order_of_what_they_cured():
    text = MESSAGES["dead_units"].en["remedy"]
    places = [text.index(word) for word in ("LeakyReLU", "more units", "bias", "another seed")]
    assert places == sorted(places)
    page = (ROOT / "tutorials/read/02_stuck_and_gate.md").read_text(encoding="utf-8")
    for remedy in ("LeakyReLU", "tanh", "8 neurons", "bias of 0.5", "as it was"):
        cured = re.search(rf"^{remedy} +(\d+) of 100 ", page, re.M)[1]
        assert cured in text, remedy


@pytest.mark.parametrize("rising", [False, True])
def test_trial_updates_are_made_only_where_they_may_tell_something(rising, monkeypatch):
    made = []
    monkeypatch.setattr(doctors, "try_updates", lambda *given: made.append(given))
    x, y = data("dense", 512)
    model = build("dense", optimizer=optimizers.Adam(0.01))
    doctor = fit(model, x, y, epochs=30)
    assert model.history.history["loss"][-1] < 0.3
    assert not made
    assert not doctor.findings
    if rising:
        losses = model.history.history["loss"]
        losses[-1] = losses[-2] + 0.01
        diagnose(model, x, y)
    else:  # an untrained network
        diagnose(build("dense"), x, y)
    assert len(made) == 1


def test_the_weights_are_copied_so_rarely_that_it_costs_little(monkeypatch):
    now, copied = [0.0], []

    class Slow(doctors.Snapshot):
        def __init__(self, model, batches, epoch):
            copied.append(epoch)
            now[0] += 1.0  # a second
            super().__init__(model, batches, epoch)

    monkeypatch.setattr(doctors, "Snapshot", Slow)
    monkeypatch.setattr(doctors.time, "perf_counter", lambda: now[0])
    x, y = data("dense")

    def go_on(epoch, logs):
        now[0] += 10.0

    clock = diptych.callbacks.LambdaCallback(on_epoch_end=go_on)
    model = build("dense")
    model.fit(x, y, epochs=25, verbose=0, callbacks=[diptych.Doctor(verbose=0), clock])
    assert copied == [0, 10, 20]


def test_no_look_at_a_network_without_relu(monkeypatch):
    looks = []
    monkeypatch.setattr(doctors, "dead_now", lambda *given: looks.append(given) or {})
    x, y = data("dense")
    fit(build("dense", activation="tanh"), x, y, epochs=5)
    assert len(looks) == 1


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "longdouble"])
@pytest.mark.parametrize("shape", [(1,), (3,), (5, 17), (6, 6, 2)])
def test_rows_that_are_among_others_are_counted(shape, dtype):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (500, *shape)).astype(dtype)
    rows = np.concatenate([x[[3, 100, 499]], rng.integers(0, 3, (20, *shape)).astype(dtype)])
    rows[-1] = x[7]
    rows[-1].flat[min(1, rows[-1].size - 1)] = 1 - rows[-1].flat[min(1, rows[-1].size - 1)] % 2
    known = {row.tobytes() for row in x}
    by_hand = sum(row.tobytes() in known for row in rows)
    for laid_out in (x, np.asfortranarray(x), x[::-1]):
        assert how_many_among(rows, laid_out) == by_hand >= 3


def test_rows_are_not_compared_one_by_one(monkeypatch):
    x = np.random.default_rng(0).normal(size=(5000, 40))
    taken = []
    isin = np.isin
    monkeypatch.setattr(np, "isin", lambda *given: taken.append(isin(*given)) or taken[-1])
    assert how_many_among(x[:100] + 1, x) == 0
    assert how_many_among(x[:100], x) == 100
    assert [found.sum() for found in taken] == [0, 100]


def test_what_the_validation_of_the_and_gate_is_worth():
    _, findings = and_gate(2, validation_split=0.1)
    assert findings.names == ["validation_repeats_training"]


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_with_a_doctor(kind, engine):
    def trained(callbacks, lazy):
        diptych.utils.set_random_seed(3)
        x, y = data(kind)
        model = build(kind, dropout=0.3, engine=engine)
        if kind == "dense" and lazy:
            norm, dense = layers.BatchNormalization(), layers.Dense(1, activation="sigmoid")
            model = Sequential([layers.GaussianNoise(0.1), norm, dense], engine=engine)
            model.compile("adam", "binary_crossentropy")
        model.fit(x, y, epochs=5, verbose=0, validation_split=0.2, callbacks=callbacks)
        diagnosed = diagnose(model, x, y) if callbacks else None
        more = model.fit(x, y, epochs=1, verbose=0).history
        values = [np.array(variable) for variable in [*model.variables, *model.optimizer.variables]]
        return values, more, np.array(diptych.random.uniform((3,))), diagnosed

    for lazy in (False, True):
        values, losses, drawn, _ = trained([], lazy)
        others, other_losses, others_drawn, _ = trained([diptych.Doctor(verbose=0)], lazy)
        for one, other in zip(values, others, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(drawn, others_drawn)
        assert losses == other_losses


def test_a_search_for_nan_changes_nothing():
    def trained(callbacks):
        diptych.utils.set_random_seed(3)
        x, y = data("dense")
        x[40] = -101.0
        model = Sequential([layers.Dense(4), layers.Dropout(0.5), layers.Dense(1)])
        model.compile("adam", lambda a, b: ops.mean(ops.sqrt(ops.add(b, 50.0)), axis=-1))
        model.fit(x, y, epochs=3, batch_size=16, verbose=0, callbacks=callbacks)
        return [np.array(v) for v in model.variables], np.array(diptych.random.uniform((3,)))

    doctor = diptych.Doctor(verbose=0)
    values, drawn = trained([])
    others, others_drawn = trained([doctor])
    for one, other in zip([*values, drawn], [*others, others_drawn], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_with_a_step_of_its_own_and_one_with_several_outputs():
    class Own(diptych.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, batch):
            return {"loss": 1.0}

    x, y = data("dense")
    model = Own()
    model.compile("sgd", "mse")
    assert fit(model, x, y, epochs=3).findings.names == []
    inputs = layers.Input((8,))
    hidden = layers.Dense(8, activation="relu", bias_initializer=initializers.Constant(-30.0))
    ends = [layers.Dense(1, name=name)(hidden(inputs)) for name in ("a", "b")]
    model = diptych.Model(inputs, ends)
    model.compile("adam", ["mse", "mae"])
    labels = [y.astype("float32"), y.astype("float32")]
    assert fit(model, x, labels).findings.find("dead_units").evidence["count"] == 8


def test_a_model_that_takes_batches_of_one_size_only():
    x, y = data("recurrent")
    model = Sequential(
        [layers.Input(batch_shape=(32, 6, 3)), layers.LSTM(4, stateful=True), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    findings = fit(model, x, 1000 * y + 500, batch_size=32).findings
    assert findings.names == ["unscaled_labels"]
    states = [np.array(variable) for variable in model.non_trainable_variables]
    assert diagnose(model, x, 1000 * y + 500).names == findings.names
    for before, variable in zip(states, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, np.array(variable))


def test_texts_several_inputs_and_streams():
    texts = np.array(["a b", "c d", "b b", "a c"] * 24)
    reader = layers.TextVectorization(output_sequence_length=4)
    reader.adapt(texts)
    labels = np.array([0, 1, 0, 0] * 24)
    end = [layers.Dense(12, activation="relu"), layers.Dense(1, activation="sigmoid")]
    embedding = layers.Embedding(10, 4, mask_zero=True)
    model = Sequential([layers.Input((), dtype="string"), reader, embedding, layers.LSTM(4), *end])
    model.compile(optimizers.Adam(0.02), "binary_crossentropy")
    assert fit(model, texts, labels, epochs=8).findings.names == []
    x, y = data("dense")
    a, b = (layers.Input((8,), name=name) for name in "ab")
    hidden = layers.Dense(4, activation="relu", bias_initializer=initializers.Constant(-99.0))
    joined = hidden(layers.Concatenate()([a, b]))
    model = diptych.Model([a, b], layers.Dense(1, activation="sigmoid")(joined))
    model.compile("adam", "binary_crossentropy")
    for given in ({"a": x, "b": x}, [x, x]):
        for findings in both(model, given, y):
            assert findings.find("dead_units").evidence["count"] == 4

    class Batches(diptych.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return x[i::3], y[i::3]

    model = build("dense", bias_initializer=initializers.Constant(-99.0))
    assert fit(model, Batches()).findings.find("dead_units").evidence["rows"] == 32


def test_what_is_printed_and_when(capsys):
    x, y = data("dense")
    model = build("dense", bias_initializer=initializers.Constant(-20.0))
    doctor = diptych.Doctor()
    model.fit(x, y, epochs=3, verbose=0, callbacks=[doctor])
    printed = capsys.readouterr().out
    assert printed.strip() == str(doctor.findings).strip()
    assert re.search(r"Dead units \(dense.*\)  \[dead_units\]", printed)
    assert "evidence: 8 of 8 relu units are 0 on all 96 rows" in printed
    assert "First seen dead: before training." in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= 100
    html = doctor.findings._repr_html_()
    assert "<table>" in html
    assert "tutorials/02_stuck_and_gate.py" in html
    assert doctor.findings[0]._repr_html_() in html
    with pytest.raises(ValueError, match="'dead' is no finding"):
        doctor.findings.find("dead")


@pytest.mark.parametrize("low", [-1, 0])
@pytest.mark.parametrize("kind", THREE)
def test_labels_of_yes_and_no_that_are_not_0_and_1(kind, low):
    x, y = data(kind)
    for findings in both(build(kind), x, np.where(y > 0.5, 255 if low == 0 else 1, low), epochs=8):
        found = findings.find("labels_out_of_reach")
        assert (found.evidence["low"], found.evidence["most"]) == (low, 1)
        assert not findings.find("learning_rate_too_high")


@pytest.mark.parametrize("form", ["dict", "list"])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_labels_of_one_of_two_outputs_that_are_not_scaled(form, scale):
    x, y = data("dense")
    inputs = layers.Input(x.shape[1:])
    hidden = layers.Dense(8, "relu")(inputs)
    outputs = [layers.Dense(1, "sigmoid", name="is")(hidden), layers.Dense(1, name="size")(hidden)]
    model = Model(inputs, outputs)
    model.compile("adam", ["binary_crossentropy", "mse"])
    labels = [y, scale * x[:, :1]]
    labels = dict(zip(["is", "size"], labels, strict=True)) if form == "dict" else labels
    for findings in both(model, x, labels, epochs=4):
        found = findings.find("unscaled_labels")
        assert (found is None) == (scale == 1.0)
        if found:
            assert found.where == "size"
            assert found.evidence["loss"] >= found.evidence["base"]
            assert not findings.find("learning_rate_too_low")


def test_what_cannot_be_diagnosed():
    with pytest.raises(ValueError, match="must be compiled"):
        diagnose(Sequential([layers.Dense(1)]), np.ones((4, 2)), np.ones(4))


def test_a_diagnosis_changes_nothing():
    x, y = data("conv")
    model = build("conv", dropout=0.5)
    model.fit(x, y, verbose=0)
    before = [np.array(v) for v in [*model.variables, *model.optimizer.variables]]
    loss = model.evaluate(x, y, verbose=0)
    state = diptych.random.global_generator().bit_generator.state
    diagnose(model, x, y)
    assert diptych.random.global_generator().bit_generator.state == state
    for one, other in zip(before, [*model.variables, *model.optimizer.variables], strict=True):
        np.testing.assert_array_equal(one, np.array(other))
    assert model.evaluate(x, y, verbose=0) == loss


def test_a_diagnosis_builds_no_optimizer():
    x, y = np.random.default_rng(0).random((40, 3)), np.ones((40, 2))
    model = diptych.Sequential([diptych.Input((3,)), layers.Dense(4), layers.Dense(2)])
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    optimizer = model.optimizer
    diptych.diagnose(model, x, y)
    assert model.optimizer is optimizer
    assert not optimizer.built
    model.layers[0].trainable = True
    model.fit(x, y, verbose=0)
