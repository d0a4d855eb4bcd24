"""A small training that writes files, run as a process of its own so that it can be killed.

    python -m tests.killed_training FOLDER [POINT COUNT]

kills itself at the COUNT-th call of a function: POINT is a name in ``_writers``. Without one it
trains to the end.

    python -m tests.killed_training everywhere

kills trainings at every call of each of them, lets each go on to its end, and prints how many of
them ended with other bits than a training that nobody has killed: none.
"""

import itertools
import os
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np

import diptych
from diptych import callbacks, layers, metrics

EPOCHS = 4


class Between(callbacks.Callback):
    """Does nothing at the end of each batch."""

    def on_train_batch_end(self, batch, logs=None):
        pass


def model():
    """Dropout, noise and batch normalisation: all that a training draws or remembers."""
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
    made.compile("adam", "categorical_crossentropy", metrics=["accuracy", metrics.F1Score()])
    return made


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 6)).astype("float32")
    return x, np.eye(3, dtype="float32")[rng.integers(0, 3, 50)]


def train(folder, seed=7):
    """Train, or go on with the training whose files are in this folder. Returns the model."""
    folder = Path(folder)
    diptych.utils.set_random_seed(seed)
    made = model()
    made.fit(
        *data(),
        epochs=EPOCHS,
        batch_size=8,
        validation_split=0.2,
        verbose=0,
        callbacks=[
            callbacks.CSVLogger(folder / "log.csv", append=True),
            callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True),
            callbacks.ModelCheckpoint(
                folder / "{epoch}.weights.h5", save_weights_only=True, save_freq=4
            ),
            Between(),
            callbacks.BackupAndRestore(folder / "backup", save_freq=2, double_checkpoint=True),
        ],
    )
    return made


def results(made):
    """All numbers that two equal trainings have in common, and the next random one."""
    arrays = [*made.get_weights(), *(variable.numpy() for variable in made.optimizer.variables)]
    return [*arrays, diptych.random.global_generator().random(3)]


def _writers():
    import h5py

    return {
        "write": (h5py.Group, "create_dataset"),  # in the middle of a file
        "flush": (os, "fsync"),  # the file is complete, but has not its name yet
        "rename": (os, "replace"),
        "batch": (Between, "on_train_batch_end"),
        "line": (callbacks.CSVLogger, "on_epoch_end"),
    }


def kill_at(point, count):
    place, name = _writers()[point]
    function, calls = getattr(place, name), iter(range(1, count))

    def counting(*args, **kwargs):
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    setattr(place, name, counting)


def go_on(folder):
    """Train to the end, whatever a training before has left there."""
    started = any(Path(folder).glob("backup/latest*"))
    return train(folder, seed=99 if started else 7)  # a seed that must not matter any more


def forked(function, *args):
    """The status of a process in which the function was called."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = not function(*args)
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def kill_everywhere():
    with tempfile.TemporaryDirectory() as folder:
        expected = results(train(folder))

    def killed(folder, point, count):
        kill_at(point, count)
        return train(folder)

    def ends_well(folder):
        return all(map(np.array_equal, results(go_on(folder)), expected))

    wrong = 0
    for point in _writers():
        for count in itertools.count(1):
            with tempfile.TemporaryDirectory() as folder:
                if forked(killed, folder, point, count) != signal.SIGKILL:
                    break
                wrong += forked(ends_well, folder) != 0
        print(f"{point}: {count - 1} kills, {wrong} wrong so far", flush=True)
    return wrong


if __name__ == "__main__":
    target, *point = sys.argv[1:]
    if target == "everywhere":
        sys.exit(kill_everywhere() != 0)
    if point:
        kill_at(point[0], int(point[1]))
    np.savez(Path(target) / "trained.npz", *results(go_on(target)))
