"""Callbacks, their list, and the progress bar. A small fake stands for the model."""

import csv
import io
import pickle
import sys
import types

import numpy as np
import pytest

from diptych import legacy
from diptych.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgbarLogger,
    ReduceLROnPlateau,
    TerminateOnNaN,
    progress,
)
from diptych.callbacks.callback import HOOKS
from diptych.utils import progbar
from diptych.utils.progbar import Progbar


class FakeModel:
    """A model whose one weight is the number of the epoch, and whose results are given."""

    def __init__(self, metrics=()):
        self.stop_training = False
        self.optimizer = types.SimpleNamespace(learning_rate=0.1)
        self.metrics = metrics
        self.weight = None
        self.saved = []

    def get_weights(self):
        return [self.weight]

    def set_weights(self, weights):
        (self.weight,) = weights

    def save(self, path, overwrite):
        self.saved.append((path, self.weight))

    def save_weights(self, path, overwrite):
        self.saved.append((f"weights of {path}", self.weight))


def fit(results, *callbacks, model=None, batches=2, **params):
    """Call the callbacks as fit does; `results` are the logs of the epochs. Returns the model."""
    model = model or FakeModel()
    params = {"verbose": 0, "epochs": len(results), "steps": batches, **params}
    calls = CallbackList(
        list(callbacks), True, add_progbar=params["verbose"] != 0, model=model, **params
    )
    model.stop_training = False
    calls.on_train_begin()
    for epoch, logs in enumerate(results):
        calls.on_epoch_begin(epoch)
        model.weight = epoch
        for batch in range(batches):
            calls.on_train_batch_begin(batch)
            calls.on_train_batch_end(batch, lambda logs=logs: dict(logs))
        calls.on_epoch_end(epoch, dict(logs))
        if model.stop_training:
            break
    calls.on_train_end()
    return model


def losses(*values, name="val_loss"):
    return [{name: value} for value in values]


# The base and the list


class Recorder(Callback):
    """Notes every call of every method."""

    def __init__(self):
        self.calls = []

    def __getattribute__(self, name):
        return object.__getattribute__(self, name)


for _hook in HOOKS:
    if _hook not in ("on_batch_begin", "on_batch_end"):

        def _note(self, *args, _hook=_hook, **kwargs):
            self.calls.append((_hook, *args[:-1]))

        setattr(Recorder, _hook, _note)


def test_the_order_of_calls_in_a_training():
    recorder = Recorder()
    fit([{}, {}], recorder, batches=1)
    one_epoch = ["on_train_batch_begin", "on_train_batch_end"]
    assert [call[0] for call in recorder.calls] == [
        "on_train_begin",
        *(["on_epoch_begin", *one_epoch, "on_epoch_end"] * 2),
        "on_train_end",
    ]
    assert ("on_epoch_begin", 1) in recorder.calls


@pytest.mark.parametrize("kind", ["test", "predict"])
def test_evaluation_and_prediction_have_their_own_calls(kind):
    recorder = Recorder()
    calls = CallbackList(recorder, model=FakeModel())
    names = [f"on_{kind}_begin", f"on_{kind}_batch_begin", f"on_{kind}_batch_end", f"on_{kind}_end"]
    getattr(calls, names[0])()
    getattr(calls, names[1])(0)
    getattr(calls, names[2])(0, {})
    getattr(calls, names[3])()
    assert [call[0] for call in recorder.calls] == names


def test_the_old_names_of_the_batch_methods_are_called():
    class Old(Callback):
        def on_train_begin(self, logs={}):  # noqa: B006
            self.losses = []

        def on_batch_end(self, batch, logs={}):  # noqa: B006
            self.losses.append((batch, logs.get("loss")))

    old = Old()
    fit([{"loss": 0.5}], old)
    assert old.losses == [(0, 0.5), (1, 0.5)]


def test_a_callback_without_super_init_knows_model_and_params():
    class Mine(Callback):
        def __init__(self):
            self.seen = None

        def on_epoch_end(self, epoch, logs=None):
            self.seen = (self.model, self.params["epochs"])

    mine = Mine()
    model = fit([{}], mine)
    assert mine.seen == (model, 1)


def test_batches_that_nobody_watches_cost_nothing():
    class Epochs(Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    quiet = CallbackList(
        [Epochs(), EarlyStopping(), ModelCheckpoint("x.keras")], True, model=FakeModel()
    )
    assert not quiet.wants_batches
    assert not quiet.wants_train_batches
    quiet.on_train_batch_end(0, lambda: pytest.fail("logs are made for nobody"))


@pytest.mark.parametrize(
    ("callback", "kind"),
    [
        (LambdaCallback(on_train_batch_end=print), "train"),
        (LambdaCallback(on_batch_begin=print), "train"),
        (TerminateOnNaN(), "train"),
        (ModelCheckpoint("x.keras", save_freq=3), "train"),
        (LambdaCallback(on_test_batch_end=print), "test"),
        (LambdaCallback(on_predict_batch_begin=print), "predict"),
    ],
)
def test_who_watches_batches_is_found(callback, kind):
    calls = CallbackList([callback], model=FakeModel())
    wants = {k: getattr(calls, f"wants_{k}_batches") for k in ("train", "test", "predict")}
    assert wants == {k: k == kind for k in wants}


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match=r"EarlyStopping is a class; pass an instance"):
        CallbackList([EarlyStopping])
    with pytest.raises(TypeError, match=r"LambdaCallback\(on_epoch_end=function\)"):
        CallbackList([lambda epoch, logs: None])
    with pytest.raises(TypeError, match="'early' is not a Callback"):
        CallbackList("early")


def test_a_mistyped_argument_gets_a_suggestion():
    with pytest.raises(TypeError, match=r"EarlyStopping\(\) has no argument 'patiense': did you"):
        EarlyStopping(patiense=3)
    with pytest.raises(TypeError, match="did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(TypeError, match="is not a function"):
        LambdaCallback(on_epoch_end=3)


def test_one_history_and_one_bar_join_where_there_are_none():
    own = History()
    calls = CallbackList([own], add_history=True, add_progbar=True, model=FakeModel(), verbose=2)
    assert calls.history is own
    assert [type(c) for c in calls.callbacks] == [History, ProgbarLogger]


def test_a_callback_may_join_later():
    calls = CallbackList(model=FakeModel(), epochs=3)
    assert not calls.wants_batches
    late = LambdaCallback(on_train_batch_end=print)
    calls.append(late)
    assert calls.wants_batches
    assert late.params == {"epochs": 3}


# History


def test_history_collects_every_epoch():
    model = fit([{"accuracy": 0.5, "loss": 1.0}, {"accuracy": 0.75, "loss": 0.25}])
    history = model.history
    assert history.history == {"accuracy": [0.5, 0.75], "loss": [1.0, 0.25]}
    assert history.epoch == [0, 1]
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 2}
    assert history.model is model
    assert repr(history) == "<History of 2 epochs: accuracy 0.5 -> 0.75, loss 1 -> 0.25>"
    assert repr(History()) == "<History of 0 epochs>"


def test_history_holds_what_comes_late_and_what_is_no_number():
    history = fit([{"loss": 1.0}, {"loss": 0.5, "val_loss": 2.0, "each": np.ones(2)}]).history
    assert history.history["val_loss"] == [2.0]
    assert repr(history) == "<History of 2 epochs: loss 1 -> 0.5, val_loss 2>"


def test_history_answers_to_acc():
    history = fit([{"accuracy": 0.5, "val_accuracy": 0.25}]).history
    with legacy.quiet():
        assert history.history["acc"] == [0.5]
        assert history.history["val_acc"] == [0.25]
    assert set(history.history) == {"accuracy", "val_accuracy"}


def test_the_dict_of_a_history_survives_pickling():
    kept = pickle.loads(pickle.dumps(fit([{"accuracy": 0.5}]).history.history))
    assert kept == {"accuracy": [0.5]}


def test_lambda_callback():
    seen = []
    fit(
        [{"loss": 0.5}],
        LambdaCallback(
            on_train_begin=lambda logs: seen.append("begin"),
            on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])),
            on_batch_end=lambda batch, logs: seen.append(batch),
        ),
    )
    assert seen == ["begin", 0, 1, (0, 0.5)]


# EarlyStopping


@pytest.mark.parametrize(
    ("values", "arguments", "epochs"),
    [
        ([3, 2, 1, 2, 0], {}, 4),
        ([3, 2, 1, 2, 2, 0], {"patience": 2}, 5),
        ([3, 2, 1, 1, 1, 1], {"patience": 2}, 5),
        ([3, 2.95, 2.9, 2.85], {"min_delta": 0.1, "patience": 2}, 3),
        ([3, 2.8, 2.6, 2.4], {"min_delta": 0.1, "patience": 2}, 4),
        ([1, 2, 3, 2], {"mode": "max"}, 4),
        ([1, 2, 3, 4], {"mode": "min"}, 2),
        ([5, 4, 3, 2], {"baseline": 1.0, "patience": 2}, 4),
        ([5, 6, 3, 2], {"baseline": 1.0, "patience": 2}, 2),
        ([1, 2, 3, 4, 5], {"start_from_epoch": 2}, 4),
        ([1, float("nan"), float("nan")], {"patience": 2}, 3),
    ],
)
def test_early_stopping_stops_after_as_many_epochs_as_keras_does(values, arguments, epochs):
    model = fit(losses(*values), EarlyStopping(**arguments))
    assert len(model.history.epoch) == epochs


@pytest.mark.parametrize(("restore", "weight"), [(True, 2), (False, 4)])
def test_the_weights_of_the_best_epoch(restore, weight):
    stopper = EarlyStopping(patience=2, restore_best_weights=restore)
    assert fit(losses(3, 2, 1, 2, 2), stopper).weight == weight
    assert (stopper.stopped_epoch, stopper.best) == (4, 1)
    assert stopper.best_epoch == 2


def test_the_best_weights_come_back_without_a_stop_too():
    stopper = EarlyStopping(patience=9, restore_best_weights=True)
    assert fit(losses(3, 1, 2), stopper).weight == 1


def test_a_stopper_can_be_used_again():
    stopper = EarlyStopping()
    for _ in range(2):
        assert len(fit(losses(2, 1, 2, 3), stopper).history.epoch) == 3


def test_early_stopping_says_so(capsys):
    fit(losses(1, 2), EarlyStopping(verbose=1, restore_best_weights=True))
    assert capsys.readouterr().out == (
        "Epoch 2: early stopping\nRestoring the weights of the best epoch: 1.\n"
    )


def test_a_missing_result_warns_once():
    with pytest.warns(
        UserWarning, match=r"'val_loss', which is not among.*: acc, loss\. For results on v"
    ) as (notes):
        fit([{"loss": 1.0, "acc": 1.0}] * 3, EarlyStopping())
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("name", "epochs"),
    [
        ("loss", 2),
        ("val_loss", 2),
        ("mean_squared_error", 2),
        ("val_mae", 2),
        ("accuracy", 3),
        ("val_acc", 3),
        ("sparse_categorical_accuracy", 3),
        ("val_auc", 3),
    ],
)
def test_the_direction_follows_from_the_name(name, epochs):
    model = fit(losses(1.0, 2.0, 1.5, name=name), EarlyStopping(monitor=name))
    assert len(model.history.epoch) == epochs


def test_the_direction_of_a_metric_object_comes_first():
    class Gain:
        name = "gain"
        _direction = "up"

    stopper = EarlyStopping(monitor="val_gain")
    model = fit(losses(1, 2, 1, name="val_gain"), stopper, model=FakeModel([Gain()]))
    assert len(model.history.epoch) == 3
    with pytest.raises(
        ValueError, match="cannot tell whether a larger or a smaller 'gain' is better"
    ):
        fit(losses(1, name="gain"), EarlyStopping(monitor="gain"))
    with pytest.raises(ValueError, match="expected 'auto', 'min' or 'max'"):
        EarlyStopping(mode="up")


def test_val_acc_finds_val_accuracy():
    with legacy.quiet():
        model = fit(losses(1, 2, 1, name="val_accuracy"), EarlyStopping(monitor="val_acc"))
    assert len(model.history.epoch) == 3


# ModelCheckpoint


def test_checkpoints_of_every_epoch(tmp_path):
    saved = fit(
        [{"val_loss": 0.25}, {"val_loss": 0.5}],
        ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.2f}.keras"),
    ).saved
    assert saved == [(f"{tmp_path}/01-0.25.keras", 0), (f"{tmp_path}/02-0.50.keras", 1)]


def test_checkpoints_of_the_best_epochs_only(capsys):
    checkpoint = ModelCheckpoint(
        "m.weights.h5", save_best_only=True, save_weights_only=True, verbose=1
    )
    assert fit(losses(2, 3, 1), checkpoint).saved == [
        ("weights of m.weights.h5", 0),
        ("weights of m.weights.h5", 2),
    ]
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved to 2.00000, saving to m.weights.h5",
        "Epoch 2: val_loss did not improve from 2.00000",
        "Epoch 3: val_loss improved from 2.00000 to 1.00000, saving to m.weights.h5",
    ]


def test_the_first_checkpoint_may_have_to_be_good():
    checkpoint = ModelCheckpoint("m.h5", save_best_only=True, initial_value_threshold=1.5)
    assert fit(losses(2, 1), checkpoint).saved == [("m.h5", 1)]


def test_checkpoints_after_batches():
    saved = fit(
        [{"loss": 0.5}] * 2, ModelCheckpoint("{epoch}-{batch}.keras", save_freq=3), batches=4
    ).saved
    assert [path for path, _ in saved] == ["1-3.keras", "2-2.keras"]


def test_checkpoints_that_cannot_be_made_are_refused_early():
    with pytest.raises(ValueError, match="save_freq='batch'"):
        ModelCheckpoint("m.keras", save_freq="batch")
    with pytest.raises(ValueError, match=r"SimpleNamespace has no save\(\)"):
        CallbackList([ModelCheckpoint("m.keras")], model=types.SimpleNamespace())
    with pytest.raises(KeyError, match="asks for 'colour', and there is: epoch, loss"):
        fit([{"loss": 1}], ModelCheckpoint("{colour}.keras"))


# The learning rate


def test_the_learning_rate_falls_on_a_plateau(capsys):
    model = fit(
        losses(3, 2, 2, 2, 2, 2),
        ReduceLROnPlateau(factor=0.5, patience=2, verbose=1),
    )
    assert model.history.history["learning_rate"] == [0.1, 0.1, 0.1, 0.1, 0.05, 0.05]
    assert model.optimizer.learning_rate == 0.025
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 4: ReduceLROnPlateau lowers the learning rate to 0.05.",
        "Epoch 6: ReduceLROnPlateau lowers the learning rate to 0.025.",
    ]


@pytest.mark.parametrize(
    ("arguments", "rates"),
    [
        ({"patience": 1}, [0.1, 0.05, 0.025, 0.0125]),
        ({"patience": 1, "cooldown": 1}, [0.1, 0.05, 0.025, 0.0125]),
        ({"patience": 1, "cooldown": 2}, [0.1, 0.05, 0.05, 0.025]),
        ({"patience": 1, "min_lr": 0.03}, [0.1, 0.05, 0.03, 0.03]),
        ({"patience": 1, "mode": "max"}, [0.1, 0.05, 0.025, 0.0125]),
        ({"patience": 2}, [0.1, 0.1, 0.05, 0.05]),
    ],
)
def test_cooldown_patience_and_floor_of_the_learning_rate(arguments, rates):
    reducer = ReduceLROnPlateau(factor=0.5, **arguments)
    model = fit(losses(1, 1, 1, 1, 1), reducer)
    # The logs of an epoch show the rate that it was trained with.
    assert model.history.history["learning_rate"][1:] == pytest.approx(rates)


def test_a_factor_that_does_not_lower_is_refused():
    with pytest.raises(ValueError, match=r"factor=1\.0"):
        ReduceLROnPlateau(factor=1.0)


@pytest.mark.parametrize(
    "schedule", [lambda epoch, rate: rate / 2, lambda epoch: 0.1 / 2 ** (epoch + 1)]
)
def test_a_schedule_sets_the_rate_of_each_epoch(schedule, capsys):
    model = fit([{}, {}], LearningRateScheduler(schedule, verbose=1))
    assert model.history.history["learning_rate"] == [0.05, 0.025]
    assert (
        "Epoch 2: LearningRateScheduler sets the learning rate to 0.025." in capsys.readouterr().out
    )


def test_a_schedule_has_to_return_a_number():
    with pytest.raises(ValueError, match="returned None for epoch 0; expected a number"):
        fit([{}], LearningRateScheduler(lambda epoch: None))


def test_an_error_inside_a_schedule_is_not_hidden():
    with pytest.raises(TypeError, match="unsupported operand"):
        fit([{}], LearningRateScheduler(lambda epoch, rate: rate + "text"))


# Files and NaN


def read(path, **options):
    with open(path, newline="") as file:
        return list(csv.reader(file, **options))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    fit([{"loss": 1.0, "acc": 0.5}, {"loss": 0.5, "acc": 1.0, "val_loss": 2.0}], CSVLogger(path))
    assert read(path) == [
        ["epoch", "acc", "loss", "val_acc", "val_loss"],
        ["0", "0.5", "1.0", "NA", "NA"],
        ["1", "1.0", "0.5", "NA", "2.0"],
    ]


def test_csv_logger_starts_again_or_appends(tmp_path):
    path = tmp_path / "log.csv"
    logs = [{"loss": 1.0, "val_loss": np.array([1, 2])}]
    for append, lines in ((False, 2), (True, 3), (True, 4), (False, 2)):
        fit(logs, CSVLogger(path, separator=";", append=append))
        assert len(read(path)) == lines
    assert read(path, delimiter=";") == [["epoch", "loss", "val_loss"], ["0", "1.0", "[1, 2]"]]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), np.float32("nan")])
def test_terminate_on_nan(loss, capsys):
    model = fit([{"loss": 1.0}, {"loss": loss}, {"loss": 1.0}], TerminateOnNaN(), batches=1)
    assert len(model.history.epoch) == 2
    assert capsys.readouterr().out == f"Batch 0: the loss is {float(loss)}, training stops\n"
    with pytest.raises(RuntimeError, match="Batch 0: the loss is"):
        fit([{"loss": loss}], TerminateOnNaN(raise_error=True))


# The progress bar


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progbar, "time", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    # Not sys.stdout itself, which pytest sets anew between a fixture and its test.
    for module in (progbar, progress):
        monkeypatch.setattr(module, "sys", types.SimpleNamespace(stdout=terminal))
    return terminal


def plain(text):
    for code in (progbar.BOLD, progbar.GREEN, progbar.GREY, progbar.PLAIN):
        text = text.replace(code, "")
    return text


BAR = "━" * 20
EPOCHS = [{"accuracy": 0.718, "loss": 0.6743}, {"accuracy": 0.79, "loss": 1e-5}]


@pytest.mark.parametrize("verbose", ["auto", 1])
def test_a_file_gets_one_line_for_each_epoch(capsys, verbose):
    fit(EPOCHS, verbose=verbose, batches=125)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"Epoch 1/2 - 125/125 {BAR} 0s ")
    assert lines[0].endswith("us/step - accuracy: 0.7180 - loss: 0.6743")
    assert lines[1].endswith("us/step - accuracy: 0.7900 - loss: 1.0000e-05")
    assert "\r" not in "".join(lines)
    assert "\x1b" not in "".join(lines)


def test_verbose_2_has_no_bar_and_verbose_0_nothing(capsys, clock):
    fit(EPOCHS[:1], verbose=2, batches=4, epochs=2)
    assert capsys.readouterr().out == (
        "Epoch 1/2 - 4/4 - 0s - 0s/step - accuracy: 0.7180 - loss: 0.6743\n"
    )
    fit(EPOCHS, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_single_epoch_needs_no_number(capsys):
    fit(EPOCHS[:1], verbose=2)
    assert capsys.readouterr().out.startswith("2/2 - 0s - ")


def test_verbose_has_to_be_known():
    with pytest.raises(ValueError, match="verbose='loud'"):
        fit(EPOCHS, verbose="loud")


def test_evaluation_and_prediction_print_a_line_of_their_own_but_not_within_fit(capsys):
    calls = CallbackList(add_progbar=True, model=FakeModel(), verbose=2, steps=3)
    for kind in ("test", "predict"):
        getattr(calls, f"on_{kind}_begin")()
        getattr(calls, f"on_{kind}_batch_end")(2, {"loss": 1.0})
        getattr(calls, f"on_{kind}_end")({"loss": 1.0})
    test, predict = capsys.readouterr().out.splitlines()
    assert test.startswith("3/3 - 0s - ")
    assert test.endswith("/step - loss: 1.0000")
    assert predict.endswith("/step")
    calls.on_train_begin()
    calls.on_test_begin()
    calls.on_test_end({"loss": 1.0})
    assert capsys.readouterr().out == ""


def test_a_terminal_is_redrawn_in_place_and_only_now_and_then(terminal, clock):
    bar = CallbackList(add_progbar=True, model=FakeModel(), verbose=1, epochs=2, steps=1000)
    assert bar.wants_batches
    asked = []

    def logs():
        asked.append(clock.now)
        return {"loss": 0.5}

    bar.on_train_begin()
    bar.on_epoch_begin(0)
    for batch in range(1000):
        clock.now += 2**-10
        bar.on_train_batch_end(batch, logs)
    bar.on_epoch_end(0, {"loss": 0.25})
    shown = plain(terminal.getvalue())
    assert shown.startswith("Epoch 1/2\n\r")
    assert shown.count("\n") == 2
    assert len(asked) == shown.count("\r") - 1 == 4
    assert shown.splitlines()[-1] == f"1000/1000 {BAR} 1s 977us/step - loss: 0.2500"
    assert f"\r 205/1000 {BAR} 0s 977us/step - loss: 0.5000" in shown


def test_the_done_part_of_the_bar_is_green(terminal, clock):
    bar = Progbar(4, interval=0)
    bar.update(1)
    assert f"{progbar.GREEN}{'━' * 5}{progbar.PLAIN}{progbar.GREY}{'━' * 15}" in terminal.getvalue()


def test_without_colour_the_rest_of_the_bar_is_empty(terminal, clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    Progbar(4, interval=0).update(1)
    assert terminal.getvalue() == f"\r1/4 {'━' * 5}{' ' * 15} 0s 0s/step"


def test_a_shorter_line_wipes_out_a_longer_one(terminal, clock):
    bar = Progbar(2, interval=0, stateless_metrics=())
    bar.update(1, {"loss": 1e-9})
    bar.update(2, {"loss": 1.0})
    first, last = plain(terminal.getvalue()).split("\r")[1:]
    assert len(last.rstrip("\n")) == len(first)


def test_a_line_wider_than_the_terminal_is_cut_until_it_is_complete(terminal, clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    bar = Progbar(2, interval=0)
    values = {f"metric_{i}": 1.0 for i in range(5)}
    bar.update(1, values)
    bar.update(2, values)
    first, last = plain(terminal.getvalue()).split("\r")[1:]
    assert len(first) == 39
    assert last.endswith(" - metric_4: 1.0000\n")


def test_an_output_without_box_characters_gets_ascii(monkeypatch, clock):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    Progbar(4).update(2, finalize=True)
    stream.seek(0)
    assert stream.read() == "2/4 ==========.......... 0s 0s/step\n"


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_program_without_a_console_prints_nothing(monkeypatch, capfd, verbose):
    """Not even to the file descriptors, as a program under pythonw has neither stream."""
    with monkeypatch.context() as without:
        for stream in ("stdout", "stderr"):
            without.setattr(sys, stream, None)
        history = fit(EPOCHS, EarlyStopping("loss", verbose=1), verbose=verbose).history
        Progbar(2).update(2)
    assert capfd.readouterr() == ("", "")
    assert history.history["loss"] == [epoch["loss"] for epoch in EPOCHS]
    fit(EPOCHS, verbose=verbose)  # and with a console it does print
    assert capfd.readouterr().out.count("loss: ") == 2


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0s"), (2.4, "2s"), (1.0, "1s"), (0.0154, "15ms"), (0.000235, "235us")],
)
def test_times_have_the_unit_that_fits(capsys, clock, seconds, shown):
    bar = Progbar(10)
    clock.now += 10 * seconds
    bar.update(10)
    assert f" {shown}/step" in capsys.readouterr().out


@pytest.mark.parametrize(("left", "shown"), [(9, " 9s "), (185, " 3:05 "), (3725, " 1:02:05 ")])
def test_the_time_that_is_left(terminal, clock, left, shown):
    bar = Progbar(left + 1, interval=0)
    clock.now += 1.0
    bar.update(1)
    assert shown in plain(terminal.getvalue())


def test_values_are_averaged_over_the_steps_unless_they_are_stateful(terminal, clock):
    bar = Progbar(8, interval=0, stateful_metrics=["size"])
    bar.update(1, [("loss", 4.0), ("size", 1.0)])
    bar.add(3, [("loss", 2.0), ("size", 5.0)])
    assert plain(terminal.getvalue()).endswith(
        "4/8 " + BAR + " 0s 0s/step - loss: 2.5000 - size: 5.0000"
    )


def test_an_unknown_number_of_steps(terminal, clock, capsys):
    bar = Progbar(None, interval=0)
    bar.update(7)
    assert plain(terminal.getvalue()).startswith("\r      7/Unknown 0s")
    bar.update(7, finalize=True)
    assert plain(terminal.getvalue()).endswith(f"\r7/7 {BAR} 0s 0s/step\n")


def test_fit_learns_the_number_of_steps_in_its_first_epoch(capsys):
    calls = CallbackList(add_progbar=True, model=FakeModel(), verbose=2, epochs=1, steps=None)
    calls.on_train_begin()
    calls.on_epoch_begin(0)
    for batch in range(3):
        calls.on_train_batch_end(batch, dict)
    calls.on_epoch_end(0, {})
    assert capsys.readouterr().out.startswith("3/3 - 0s - ")


def test_a_metric_of_several_entries_is_shown_as_it_is(capsys):
    fit([{"each": np.array([0.5, 1.0])}], verbose=2)
    assert capsys.readouterr().out.endswith("each: [0.5 1. ]\n")


def test_names_of_values_to_average_leave_the_others_unchanged(terminal, clock):
    bar = Progbar(8, interval=0, stateless_metrics=["loss"])
    bar.update(1, [("loss", 4.0), ("size", 1.0)])
    bar.add(3, [("loss", 2.0), ("size", 5.0)])
    assert plain(terminal.getvalue()).endswith("loss: 2.5000 - size: 5.0000")
    with pytest.raises(ValueError, match="not both"):
        Progbar(8, stateful_metrics=["size"], stateless_metrics=["loss"])
