"""Callbacks that use files: checkpoints, interrupted trainings that go on, logs, averages."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.parse import parse_qs

import numpy as np
import pytest

import diptych
from diptych import layers, metrics, models
from diptych.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    LambdaCallback,
    ModelCheckpoint,
    RemoteMonitor,
    SwapEMAWeights,
)
from diptych.files.hdf5 import Damaged
from diptych.utils import Dataset
from tests import killed_training

ENGINES = ["reference", "fast"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = np.eye(3, dtype="float32")[RNG.integers(0, 3, 50)]


def model(engine=None, seed=7):
    """Dropout, noise and statistics of batches, and a metric that is built at the first batch."""
    diptych.utils.set_random_seed(seed)
    made = diptych.Sequential(
        [
            diptych.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.GaussianNoise(0.1),
            layers.Dense(3, activation="softmax"),
        ]
    )
    made.engine = engine
    made.compile("adam", "categorical_crossentropy", metrics=["accuracy", metrics.F1Score()])
    return made


def everything(made):
    """All numbers that two equal trainings have in common, and the next random ones."""
    return killed_training.results(made)


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


class Interrupt(Callback):
    """Ends the training after so many batches, as Ctrl-C does; notes the numbers of all batches."""

    def __init__(self, after=None):
        self.after = after
        self.batches = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(batch)
        if len(self.batches) == self.after:
            raise KeyboardInterrupt


# ModelCheckpoint


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("ending", "weights"),
    [
        (".keras", False),
        (".h5", False),
        (".hdf5", False),
        (".weights.h5", True),
        (".safetensors", True),
        ("-weights.h5", True),
        (".hdf5", True),
    ],
)
def test_the_file_of_the_best_model_predicts_as_it_did(tmp_path, engine, ending, weights):
    made = model(engine)
    path = tmp_path / "runs" / f"best{ending}"  # the folder does not exist
    best = ModelCheckpoint(path, save_best_only=True, save_weights_only=weights)
    predictions = []
    note = LambdaCallback(
        on_epoch_end=lambda epoch, logs: predictions.append(made.predict(X, verbose=0))
    )
    # So large a rate that the last epoch is not the best one.
    made.optimizer.learning_rate = 0.3
    history = made.fit(
        X, Y, epochs=5, verbose=0, validation_data=(X, Y), callbacks=[best, note]
    ).history
    number = int(np.argmin(history["val_loss"]))
    assert number < 4
    assert best.best == history["val_loss"][number]
    if weights:
        loaded = model(engine, seed=1)
        loaded.optimizer.build(loaded.trainable_variables)
        loaded.load_weights(path)
    else:
        loaded = models.load_model(path)
        loaded.engine = engine
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), predictions[number])


@pytest.mark.parametrize(
    ("path", "weights_only", "message"),
    [
        ("m", False, r"must end in \.keras or \.h5; for weights alone: save_weights_only=True"),
        ("m.safetensors", False, r"must end in \.keras or \.h5"),
        ("m.keras", True, r"must end in \.weights\.h5 or \.safetensors with save_weights_only"),
        ("m.json", True, "for the whole model leave out save_weights_only"),
    ],
)
def test_an_ending_that_does_not_fit_is_refused_when_the_callback_is_made(
    path, weights_only, message
):
    with pytest.raises(ValueError, match=message):
        ModelCheckpoint(path, save_weights_only=weights_only)


def test_a_name_may_hold_epoch_batch_and_results(tmp_path):
    made = model()
    path = tmp_path / "{epoch:02d}-{batch}-{loss:.1f}.weights.h5"
    made.fit(
        *(X, Y),
        epochs=2,
        batch_size=10,  # 5 batches
        verbose=0,
        callbacks=ModelCheckpoint(path, save_weights_only=True, save_freq=4),
    )
    names = sorted(p.name.rsplit("-", 1)[0] for p in tmp_path.iterdir())
    assert names == ["01-4", "02-3"]


@pytest.mark.parametrize(
    ("monitor", "message"),
    [("val_loss", "not among the results, so it saves every time"), ("f1_score", "has 3 values")],
)
def test_where_best_cannot_be_told_it_warns_and_saves(tmp_path, monitor, message):
    path = tmp_path / "{epoch}.weights.h5"
    best = ModelCheckpoint(path, monitor, save_best_only=True, save_weights_only=True, mode="max")
    with pytest.warns(UserWarning, match=message):
        model().fit(X, Y, epochs=2, verbose=0, callbacks=best)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.weights.h5", "2.weights.h5"]


def test_a_folder_in_place_of_the_file_is_told(tmp_path):
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(IsADirectoryError, match=r"m\.keras is a folder; give the name of a file"):
        model().fit(X, Y, verbose=0, callbacks=ModelCheckpoint(tmp_path / "m.keras"))


def test_the_optimizer_goes_on_from_weights_alone(tmp_path):
    trained = model()
    checkpoint = ModelCheckpoint(tmp_path / "m.weights.h5", save_weights_only=True)
    trained.fit(X, Y, epochs=2, verbose=0, callbacks=checkpoint)
    made = model(seed=1)
    made.optimizer.build(made.trainable_variables)
    made.load_weights(tmp_path / "m.weights.h5")
    same(made.get_weights(), trained.get_weights())
    same(
        [v.numpy() for v in made.optimizer.variables],
        [v.numpy() for v in trained.optimizer.variables],
    )


@pytest.mark.parametrize("name", ["m.weights.h5", "m.weights.json", "m.keras"])
@pytest.mark.parametrize(
    ("optimizer", "built", "message"),
    [
        ("sgd", False, "of an optimizer, but 'sgd.* has 2: it has not made its own yet"),
        ("adam", False, "of an optimizer, but 'adam.* has 2: it has not made its own yet"),
        ("sgd", True, "of an optimizer, but 'sgd.* has 2: it was another"),
    ],
)
def test_another_or_a_new_optimizer_starts_anew_with_a_warning(
    tmp_path, optimizer, built, message, name
):
    trained = model()
    trained.fit(X, Y, verbose=0)
    if name == "m.keras":
        trained.save(tmp_path / name)
    else:
        trained.save_weights(tmp_path / name, max_shard_size=1 if "json" in name else None)
    made = model(seed=1)
    made.compile(optimizer, "mse")
    made.optimizer.learning_rate = 0.25
    if built:
        made.optimizer.build(made.trainable_variables)
    with pytest.warns(UserWarning, match=message):
        made.load_weights(tmp_path / name)
    same(made.get_weights(), trained.get_weights())
    assert int(made.optimizer.iterations) == 0
    assert float(made.optimizer.learning_rate) == 0.25


# BackupAndRestore


def interrupted(folder, after, fit, make=model, data=lambda: (X, Y), **options):
    """Train until so many batches, then go on with a new model; returns it and its history."""
    backup = BackupAndRestore(folder, **options)
    with pytest.raises(KeyboardInterrupt):
        fit(make(), data(), [backup, Interrupt(after)])
    made = make()
    diptych.utils.set_random_seed(99)  # must not matter any more
    return made, fit(made, data(), [BackupAndRestore(folder, **options)])


def fitting(**arguments):
    def fit(made, data, callbacks):
        return made.fit(*data, epochs=4, verbose=0, callbacks=callbacks, **arguments)

    return fit


@pytest.mark.parametrize(
    ("engine", "save_freq", "after", "arguments"),
    [
        ("fast", "epoch", 10, {"batch_size": 8}),  # 7 batches, the last one smaller
        ("reference", "epoch", 10, {"batch_size": 8}),
        ("fast", 3, 14, {"batch_size": 8}),  # saved in the middle of an epoch
        ("reference", 3, 14, {"batch_size": 8}),
        ("fast", 2, 15, {"batch_size": 8}),  # saved after the last batch, before the epoch's end
        ("fast", 3, 10, {"batch_size": 8, "shuffle": "batch", "validation_split": 0.2}),
        ("fast", 3, 10, {"batch_size": 8, "shuffle": False}),
        # Epochs of 5 and 2 batches in turn, since they end with the data.
        ("fast", "epoch", 6, {"batch_size": 8, "steps_per_epoch": 5}),
        ("fast", "epoch", 10, {"batch_size": 8, "steps_per_epoch": 5}),
        ("fast", 3, 8, {"batch_size": 8, "steps_per_epoch": 5}),
        ("fast", 3, 11, {"batch_size": 8, "steps_per_epoch": 5}),
        ("fast", 3, 13, {"batch_size": 8, "steps_per_epoch": 5}),
        ("fast", 7, 15, {"batch_size": 8, "steps_per_epoch": 9}),  # saved where the data end
    ],
)
@pytest.mark.filterwarnings("ignore:The data ended after")
def test_an_interrupted_training_goes_on_to_the_same_bits(
    tmp_path, engine, save_freq, after, arguments
):
    fit = fitting(**arguments)
    whole = model(engine)
    history = fit(whole, (X, Y), []).history
    expected = everything(whole)
    made, resumed = interrupted(
        tmp_path / "backup", after, fit, lambda: model(engine), save_freq=save_freq
    )
    same(everything(made), expected)
    count = len(resumed.epoch)
    assert 1 <= count < 4
    assert resumed.epoch == list(range(4))[-count:]
    for name, values in history.items():
        np.testing.assert_array_equal(resumed.history[name], values[-count:], err_msg=name)
    assert not (tmp_path / "backup").exists()


def test_callbacks_hear_the_numbers_of_the_batches_that_are_left(tmp_path):
    def fit(callbacks):
        return model().fit(X, Y, batch_size=10, epochs=3, verbose=0, callbacks=callbacks)

    with pytest.raises(KeyboardInterrupt):
        fit([BackupAndRestore(tmp_path, save_freq=4), Interrupt(9)])  # saved at batch 3 of epoch 1
    seen = Interrupt()
    assert fit([BackupAndRestore(tmp_path, save_freq=4), seen]).epoch == [1, 2]
    assert seen.batches == [3, 4, 0, 1, 2, 3, 4]


class Rows(diptych.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[index::5], Y[index::5]


class Restarting:
    """A loader that begins anew in each epoch."""

    def __iter__(self):
        return ((X[i::5], Y[i::5]) for i in range(5))


def shuffled(seed):
    """A data set that draws a new order in each pass."""
    return Dataset.from_tensor_slices((X, Y)).shuffle(50, seed).batch(10)


@pytest.mark.parametrize("save_freq", ["epoch", 1, 2])
@pytest.mark.parametrize(
    ("data", "steps"),
    [
        (Rows, None),
        (Rows, 3),
        (Restarting, None),
        (lambda: shuffled(5), None),
        (lambda: shuffled(None).map(lambda x, y: (x, y)), None),
    ],
)
@pytest.mark.filterwarnings("ignore:The data ended after")
def test_other_kinds_of_data_go_on_too(tmp_path, data, steps, save_freq):
    fit = fitting(steps_per_epoch=steps)
    whole = model()
    fit(whole, (data(),), [])
    expected = everything(whole)
    made, _ = interrupted(tmp_path / "backup", 9, fit, data=lambda: (data(),), save_freq=save_freq)
    same(everything(made), expected)


def test_a_generator_goes_on_with_what_it_gives_next(tmp_path):
    batches = ((X[i % 5 :: 5], Y[i % 5 :: 5]) for i in range(100))
    whole = model()
    fitting(steps_per_epoch=3)(whole, (((X[i % 5 :: 5], Y[i % 5 :: 5]) for i in range(100)),), [])
    expected = everything(whole)
    fit = fitting(steps_per_epoch=3)
    made, _ = interrupted(tmp_path / "backup", 8, fit, data=lambda: (batches,), save_freq=1)
    same(everything(made), expected)


@pytest.mark.parametrize("save_freq", ["epoch", 1])
def test_stateful_layers_go_on(tmp_path, save_freq):
    def make():
        diptych.utils.set_random_seed(3)
        inputs = diptych.Input(batch_shape=(10, 3, 2))
        hidden = layers.LSTM(4, stateful=True, dropout=0.2)(inputs)
        made = diptych.Model(inputs, layers.Dense(3)(hidden))
        made.compile("sgd", "mse")
        return made

    fit = fitting(batch_size=10, shuffle=False)
    data = X.reshape(50, 3, 2), Y
    whole = make()
    fit(whole, data, [])
    expected = [*everything(whole), *(s.numpy() for s in whole.layers[1].states)]
    made, _ = interrupted(tmp_path / "backup", 8, fit, make, data=lambda: data, save_freq=save_freq)
    same([*everything(made), *(s.numpy() for s in made.layers[1].states)], expected)


def test_a_model_without_weights_yet_goes_on(tmp_path):
    def make():
        diptych.utils.set_random_seed(3)
        made = diptych.Sequential([layers.Dense(4), layers.Dropout(0.3), layers.Dense(3)])
        made.compile("adam", "mse")
        return made

    whole = make()
    fitting(batch_size=10)(whole, (X, Y), [])
    expected = everything(whole)
    made, _ = interrupted(tmp_path / "backup", 8, fitting(batch_size=10), make, save_freq=3)
    same(everything(made), expected)


def backed_up(folder, **options):
    """A folder with the backup of a training that was interrupted in its third epoch."""
    with pytest.raises(KeyboardInterrupt):
        fitting(batch_size=10)(
            model(), (X, Y), [BackupAndRestore(folder, **options), Interrupt(12)]
        )
    return Path(folder)


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)


def test_a_damaged_backup_falls_back_on_the_one_before(tmp_path):
    whole = model()
    fitting(batch_size=10)(whole, (X, Y), [])
    expected = everything(whole)
    folder = backed_up(tmp_path / "backup", double_checkpoint=True)
    damage(folder / "latest.weights.h5")
    made = model()
    with pytest.warns(UserWarning, match="falls back on the state before the last one"):
        history = fitting(batch_size=10)(made, (X, Y), [BackupAndRestore(folder)])
    assert history.epoch == [1, 2, 3]
    same(everything(made), expected)


def test_a_damaged_backup_is_told_and_leaves_the_model_as_it_was(tmp_path):
    folder = backed_up(tmp_path / "backup")
    damage(folder / "latest.weights.h5")
    made = model()
    before = everything(made)
    diptych.utils.set_random_seed(7)
    drawn = diptych.random.global_generator().bit_generator.state
    with pytest.raises(
        Damaged, match="cannot go on: .* To train from the start, delete the folder"
    ):
        fitting(batch_size=10)(made, (X, Y), [BackupAndRestore(folder)])
    assert diptych.random.global_generator().bit_generator.state == drawn
    same(made.get_weights(), before[: len(made.get_weights())])


def test_a_backup_of_other_data_or_another_model_is_refused(tmp_path):
    folder = backed_up(tmp_path / "backup", save_freq=1)
    with pytest.raises(ValueError, match="had 5 batches in a pass over its data, .* have 50"):
        fitting(batch_size=1)(model(), (X, Y), [BackupAndRestore(folder)])
    other = diptych.Sequential([diptych.Input((6,)), layers.Dense(3)])
    other.compile("sgd", "mse")
    with pytest.raises(Damaged, match="BackupAndRestore cannot go on"):
        fitting(batch_size=10)(other, (X, Y), [BackupAndRestore(folder)])
    fewer = model()
    fewer.compile("adam", "categorical_crossentropy")
    with pytest.raises(Damaged, match="compile it as it was, with the same metrics"):
        fitting(batch_size=10)(fewer, (X, Y), [BackupAndRestore(folder)])


def test_a_backup_that_is_kept_ends_the_next_training_at_once(tmp_path):
    made = model()
    backup = BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    fitting()(made, (X, Y), [backup])
    found = json.loads((tmp_path / "backup" / "training_metadata.json").read_text())
    assert found == {"epoch": 4, "batch": 0}
    again = model(seed=1)
    assert fitting()(again, (X, Y), [backup]).epoch == []
    same(again.get_weights(), made.get_weights())


def test_only_its_own_files_are_deleted(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".latest.weights.h5.abc.tmp").write_text("left by a kill")
    fitting()(model(), (X, Y), [BackupAndRestore(tmp_path, double_checkpoint=True)])
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("steps", [None, 2])
def test_a_backup_of_keras_says_the_epoch_in_a_file_beside_it(tmp_path, steps):
    trained = model(seed=5)
    trained.fit(X, Y, verbose=0)
    trained.save_weights(tmp_path / "latest.weights.h5")
    (tmp_path / "training_metadata.json").write_text('{"epoch": 3, "batch": 0}')
    seen = []
    made = model()
    note = LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(made.get_weights()))
    fit = fitting(steps_per_epoch=steps)
    assert fit(made, (X, Y), [BackupAndRestore(tmp_path), note]).epoch == [3]
    same(seen[0], trained.get_weights())


def test_arguments_of_a_backup_are_checked():
    with pytest.raises(ValueError, match="backup_dir is empty; give the path of a folder"):
        BackupAndRestore("")
    for save_freq in ("batch", 0, False, 1.5):
        with pytest.raises(ValueError, match=f"save_freq={save_freq!r}; expected 'epoch' or a num"):
            BackupAndRestore("b", save_freq=save_freq)


# Kills


def run(folder, *point):
    command = [sys.executable, "-W", "error", "-m", "tests.killed_training", str(folder), *point]
    return subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)


def check_files(folder):
    """Every file that a killed training left can be read; returns their names."""
    names = []
    for path in folder.rglob("*"):
        if path.is_dir() or path.suffix == ".tmp":
            continue
        names.append(path.name)
        if path.suffix == ".keras":
            models.load_model(path)
        elif path.suffix in (".h5", ".bkp"):
            made = killed_training.model()
            made.optimizer.build(made.trainable_variables)
            made.load_weights(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            rows = list(csv.reader(io.StringIO(path.read_text())))
            assert len({len(row) for row in rows}) <= 1, rows
    return names


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_training_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    expected = killed_training.results(killed_training.train(_made(tmp_path / "whole")))
    folder = _made(tmp_path / "killed")
    for point, count in (
        ("write", 3),  # before the first backup is complete
        ("batch", 5),
        ("flush", 4),
        ("rename", 6),
        ("write", 40),
        ("line", 2),
    ):
        killed = run(folder, point, str(count))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        names = check_files(folder)
    assert {"best.keras", "log.csv", "latest.weights.h5"} <= set(names)
    ended = run(folder)
    assert ended.returncode == 0, ended.stderr
    found = np.load(folder / "trained.npz")
    same([found[name] for name in found.files], expected)
    assert not (folder / "backup").exists()


def _made(folder):
    folder.mkdir()
    return folder


# CSVLogger


HALVES = [
    ("epoch,loss,val_loss\n0,1.5,NA\n1,0.", ["epoch,loss,val_loss", "0,1.5,NA"]),
    ("epoch,lo", []),
    ('epoch,loss,val_loss\n0,1.5,"[1, ', ["epoch,loss,val_loss"]),
]


@pytest.mark.parametrize(("content", "kept"), HALVES)
def test_half_a_line_is_taken_out(tmp_path, content, kept):
    path = tmp_path / "log.csv"
    path.write_text(content)
    logger = CSVLogger(path, append=True)
    with pytest.warns(UserWarning, match="has no end, so it is taken out"):
        logger.on_train_begin()
    logger.on_epoch_end(1, {"loss": 0.25})
    logger.on_train_end()
    kept = kept or ["epoch,loss,val_loss"]
    assert path.read_text().splitlines() == [*kept, "1,0.25,NA"]


@pytest.mark.parametrize(
    "content", ["", "epoch,loss\n0,1\n", "x" * 70000 + "\n" + "y" * 70000 + "\n"]
)
def test_whole_lines_stay(tmp_path, content):
    path = tmp_path / "log.csv"
    path.write_text(content)
    logger = CSVLogger(path, append=True)
    logger.on_train_begin()
    logger.on_train_end()
    assert path.read_text() == content


def test_half_of_a_very_long_line_is_taken_out(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch\n" + "y" * 200000)
    logger = CSVLogger(path, append=True)
    with pytest.warns(UserWarning, match="has no end"):
        logger.on_train_begin()
    logger.on_train_end()
    assert path.read_text() == "epoch\n"


def test_a_line_is_written_at_once(tmp_path):
    logger = CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    file, written = logger._file, []

    class Counting:
        def write(self, content):
            written.append(bytes(content))
            return file.write(content[:5])  # an operating system may take a part only

        def __getattr__(self, name):
            return getattr(file, name)

    logger._file = Counting()
    logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 1.0})
    logger.on_train_end()
    assert written[0] == b"epoch,loss,val_loss\n0,0.5,1.0\n"
    assert (tmp_path / "log.csv").read_text() == "epoch,loss,val_loss\n0,0.5,1.0\n"


# SwapEMAWeights


def averaging(engine=None, **options):
    diptych.utils.set_random_seed(2)
    made = diptych.Sequential([diptych.Input((6,)), layers.Dense(3)])
    made.engine = engine
    optimizer = diptych.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8, **options)
    made.compile(optimizer, "mse")
    return made


def averages_by_hand(epochs):
    """Weights and their moving average after each epoch of one update each."""
    made = averaging()
    kernel, bias = (w.astype(np.float64) for w in made.get_weights())
    found, mean = [], None
    for _ in range(epochs):
        error = 2 * (X @ kernel + bias - Y) / Y.size
        kernel, bias = kernel - 0.1 * X.T @ error, bias - 0.1 * error.sum(0)
        now = [kernel, bias]
        mean = now if mean is None else [0.8 * m + 0.2 * w for m, w in zip(mean, now, strict=True)]
        found.append((now, mean))
    return found


def loss_of(weights):
    kernel, bias = weights
    return np.mean((X @ kernel + bias - Y) ** 2)


def close(weights, expected):
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averages_are_evaluated_and_the_weights_come_back(engine, swap_on_epoch):
    made = averaging(engine)
    at_end, at_begin = [], []
    note = LambdaCallback(
        on_epoch_end=lambda epoch, logs: at_end.append(made.get_weights()),
        on_epoch_begin=lambda epoch, logs: at_begin.append(made.get_weights()),
    )
    swap = SwapEMAWeights(swap_on_epoch)
    history = made.fit(
        X, Y, epochs=3, batch_size=50, verbose=0, validation_data=(X, Y), callbacks=[swap, note]
    ).history
    expected = averages_by_hand(3)
    for epoch, (now, mean) in enumerate(expected):
        np.testing.assert_allclose(history["val_loss"][epoch], loss_of(mean), rtol=1e-5)
        close(at_end[epoch], mean if swap_on_epoch else now)
        if epoch < 2:
            close(at_begin[epoch + 1], now)
    close(made.get_weights(), expected[-1][1])  # `fit` ends with the averages


def test_a_training_that_stops_early_ends_with_the_averages():
    made = averaging()
    stop = LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(made, "stop_training", True))
    made.fit(X, Y, epochs=5, batch_size=50, verbose=0, callbacks=[SwapEMAWeights(True), stop])
    close(made.get_weights(), averages_by_hand(1)[0][1])


def test_evaluate_and_predict_use_the_averages_only_meanwhile():
    made, swap = averaging(), SwapEMAWeights()
    fresh = made.evaluate(X, Y, verbose=0)
    assert made.evaluate(X, Y, verbose=0, callbacks=[swap]) == fresh  # no averages yet
    for _ in range(2):
        made.train_on_batch(X, Y)
    now, mean = averages_by_hand(2)[-1]
    np.testing.assert_allclose(
        made.evaluate(X, Y, verbose=0, callbacks=[swap]), loss_of(mean), rtol=1e-5
    )
    close(made.get_weights(), now)
    close([made.predict(X, verbose=0, callbacks=[swap])], [X @ mean[0] + mean[1]])
    close(made.get_weights(), now)


def test_an_optimizer_without_averages_is_refused():
    with pytest.raises(ValueError, match="SwapEMAWeights needs .* give it use_ema=True"):
        model().fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=SwapEMAWeights())


# RemoteMonitor


@pytest.fixture
def posted(monkeypatch):
    """What was posted, in place of the network."""
    found = []

    def urlopen(request, timeout):
        found.append(request)
        return io.BytesIO()

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return found


RESULTS = {"loss": np.float32(0.5), "f1": np.array([0.25, 1.0]), "accuracy": 0.75}
AS_JSON = {"epoch": 3, "loss": 0.5, "f1": [0.25, 1.0], "accuracy": 0.75}


def test_results_are_posted_in_a_form(posted):
    RemoteMonitor("http://somewhere:1", path="/p", field="f", headers={"X-Key": "k"}).on_epoch_end(
        3, RESULTS
    )
    (request,) = posted
    assert (request.full_url, request.get_method()) == ("http://somewhere:1/p", "POST")
    assert request.headers["X-key"] == "k"
    (text,) = parse_qs(request.data.decode())["f"]
    assert json.loads(text) == AS_JSON


def test_results_are_posted_as_json(posted):
    RemoteMonitor(send_as_json=True).on_epoch_end(3, RESULTS)
    (request,) = posted
    assert request.full_url == "http://localhost:9000/publish/epoch/end/"
    assert request.headers["Content-type"] == "application/json"
    assert json.loads(request.data) == AS_JSON


@pytest.mark.parametrize("error", [URLError("refused"), TimeoutError("late"), ValueError("url")])
def test_a_server_that_cannot_be_reached_is_a_warning(monkeypatch, error):
    def urlopen(request, timeout):
        raise error

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    with pytest.warns(UserWarning, match="could not reach the server at http://localhost:9000"):
        model().fit(X, Y, verbose=0, callbacks=RemoteMonitor())


def test_an_address_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="must begin with http:// or https://"):
        RemoteMonitor("file:///etc")
