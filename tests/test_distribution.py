"""Processes that share a training: the same bits for any number of them, no hangs, words."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import distribution, layers, losses, metrics, ops

from .shared_training import TRAININGS

ROOT = Path(__file__).parents[1]
MPIEXEC = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
FOR_MANY = ("dropout_and_batch_normalization", "fewer_rows_than_slices")
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="mpi4py or mpiexec"
)


def mpirun(count, *arguments, cwd=ROOT):
    """Run Python in so many processes; they end within a time that is far beyond any need."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [MPIEXEC, "-n", str(count), sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """For 1, 2, 4 and 8 processes the folder in which all trainings left what they ended with."""
    found = {}
    for count in (1, 2, 4, 8):
        folder = tmp_path_factory.mktemp(f"n{count}")
        names = TRAININGS if count < 8 else FOR_MANY
        done = mpirun(count, "-m", "tests.shared_training", folder, *names)
        assert done.returncode == 0, done.stderr[-3000:]
        found[count] = folder, done.stdout
    return found


def ended(folder, name, rank):
    return json.loads((folder / f"{name}.{rank}.json").read_text())[2]


@needs_mpi
@pytest.mark.parametrize(
    ("count", "name"),
    [*((count, name) for count in (2, 4) for name in TRAININGS), *((8, name) for name in FOR_MANY)],
)
def test_any_number_of_processes_ends_in_the_same_bits(ends, name, count):
    alone = ended(ends[1][0], name, 0)
    for rank in range(count):
        assert ended(ends[count][0], name, rank) == alone


@needs_mpi
@pytest.mark.parametrize("count", [2, 4])
def test_only_the_first_process_prints_and_saves(ends, count):
    (alone, printed), (folder, printed_by_several) = ends[1], ends[count]
    assert printed.count("Epoch 1/6") == printed_by_several.count("Epoch 1/6") == 1
    files = {path.name for path in (folder / "callbacks_and_files").iterdir()}
    assert files == {"best.weights.h5", "log.csv", "model.keras"}
    log = Path("callbacks_and_files", "log.csv")
    assert (folder / log).read_text() == (alone / log).read_text()


# ------------------------------------------------------------------------------------------------
# The end of a process

TRAINING = """
import os, signal, sys, time
import numpy as np
import diptych
from diptych import layers
share = diptych.distribution.DataParallel()
diptych.distribution.set_distribution(share)
rank = share.data_shard_id
diptych.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = diptych.Sequential([diptych.Input((4,)), layers.Dense(3), layers.BatchNormalization()])
model.compile("sgd", "mse")

class At(diptych.callbacks.Callback):
    def __init__(self, rank, action):
        super().__init__()
        self.acts, self.action = rank == share.data_shard_id, action

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2 and self.acts:
            self.action()

def fit(rank, action, epochs=100000):
    model.fit(x, x[:, :3], epochs=epochs, verbose=0, callbacks=[At(rank, action)])

def fails():
    raise ArithmeticError("a mistake of one's own")

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

"""


def told(done):
    return re.sub(r"\s+", " ", done.stderr)


@needs_mpi
@pytest.mark.parametrize(
    ("rank", "action"),
    [(0, "kill"), (1, "kill"), (0, "lambda: os._exit(3)"), (2, "lambda: os._exit(0)")],
)
def test_a_process_that_dies_ends_the_job(rank, action):
    done = mpirun(4, "-c", f"{TRAINING}fit({rank}, {action})\n")
    assert done.returncode
    # mpiexec itself may be the first to notice, and ends all others without a word of theirs.
    if action.endswith("_exit(0)") and "BAD TERMINATION" not in done.stdout:
        assert f"process {rank} of 4 has died or failed" in told(done)
    assert "Traceback" not in done.stderr


@needs_mpi
@pytest.mark.parametrize("rank", [0, 2])
def test_an_error_in_one_process_ends_the_job(rank):
    done = mpirun(4, "-c", f"{TRAINING}fit({rank}, fails)\n")
    assert done.returncode
    assert told(done).count("ArithmeticError: a mistake of one's own") == 1


@needs_mpi
def test_an_error_in_all_processes_is_told_once():
    done = mpirun(2, "-c", f"{TRAINING}fails()\n")
    assert done.returncode
    assert told(done).count("ArithmeticError: a mistake") == 1


@needs_mpi
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("if rank: fit(9, kill)", "Process 0 has come to the end of its program"),
        ("fit(1, lambda: sys.exit(0))", "Process 1 has come to the end of its program"),
        ("fit(9, kill, 1 + rank)", "All processes have to make the same calls"),
        ("fit(9, kill, 1) if rank else model.predict(x)", "The processes do different things"),
        ("x[3, 2] += rank; fit(9, kill)", "Every process has to be given the same data"),
        ("x = x[: 60 + rank]; fit(9, kill)", "((60, 4), 'float32'"),
        ("model.fit(((x, x[:, :3]) for _ in range(2 + rank)))", "its data have ended"),
        ("model.fit((x + rank, x[:, :3]) for _ in range(2))", "Every process has to be given"),
        ("fit(1, lambda: setattr(model, 'stop_training', True)); print('all stop')", None),
        ("import threading; model.train_on_batch(x[rank:], x[rank:, :3])", "The first batch"),
        (
            "model = diptych.Sequential([layers.Dense(2 + rank), layers.Dense(3)])\n"
            "model.compile('sgd', 'mse'); fit(9, kill)",
            "All processes have to make the same model",
        ),
    ],
)
def test_processes_that_differ_are_told_so(code, words):
    done = mpirun(2, "-c", f"{TRAINING}{code}\n")
    if words is None:
        assert not done.returncode, done.stderr
        assert done.stdout.count("all stop") == 2
    else:
        assert done.returncode
        assert words in told(done)


@needs_mpi
def test_a_callback_that_stops_one_batch_earlier_in_one_process_is_noticed():
    code = """
class Stops(diptych.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = rank == 1 and batch == 0
model.fit(x, x[:, :3], verbose=0, callbacks=[Stops()])
"""
    done = mpirun(2, "-c", TRAINING + code)
    assert done.returncode
    assert "stop a training at the same batch" in told(done)


@needs_mpi
def test_recorded_slices_make_the_same_sums_as_others():
    """In one process the steps are recorded anew; the first layer sums what has no way back."""
    code = """
def forget():
    model._replays = {}
model = diptych.Sequential([diptych.Input((4,)), layers.BatchNormalization(), layers.Dense(3)])
model.compile("sgd", "mse")
fit(1, forget, epochs=5)
"""
    done = mpirun(2, "-c", TRAINING + code)
    assert not done.returncode, done.stderr


@needs_mpi
def test_three_processes_are_refused():
    done = mpirun(3, "-c", "import diptych; diptych.distribution.DataParallel()")
    assert done.returncode
    assert "There are 3 processes, but 8 slices" in told(done)
    assert told(done).count("ValueError: There are") == 1


@needs_mpi
def test_weights_and_random_states_come_from_the_first_process():
    code = """
diptych.utils.set_random_seed(rank)
model = diptych.Sequential([layers.Dense(3, activation="relu"), layers.Dropout(0.5)])
model.compile("adam", "mse")
model.fit(x, x[:, :3], epochs=2, verbose=0)
sys.stdout.write(f"{model.get_weights()[0].sum()},{diptych.random.uniform((1,)).numpy()[0]}\\n")
"""
    alone, several = (mpirun(count, "-c", TRAINING + code) for count in (1, 4))
    assert several.returncode == 0, several.stderr
    assert sorted(several.stdout.split()) == sorted(4 * alone.stdout.split())


@needs_mpi
def test_diptych_run_starts_the_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import keras, os, numpy as np\n"
        "assert 'DIPTYCH_RUN_SHARED' not in os.environ\n"
        "keras.utils.set_random_seed(0)\n"
        "model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])\n"
        "model.compile('adam', 'mse')\n"
        "model.fit(np.eye(2), np.ones(2), epochs=2, verbose=2)\n"
        "print(model.get_weights()[0].tolist(), keras.distribution.distribution().num_processes)\n"
        "if keras.distribution.distribution().num_processes == 4: nothing_such\n"
    )
    command = [sys.executable, "-m", "diptych", "run", "--processes"]
    one, two, four, three = (
        subprocess.run(
            [*command, str(count), script], capture_output=True, text=True, timeout=300, check=False
        )
        for count in (1, 2, 4, 3)
    )
    assert one.returncode == two.returncode == 0, two.stderr
    weights, count = one.stdout.splitlines()[-1].rsplit(maxsplit=1)
    assert count == "1"
    assert two.stdout.splitlines()[-1] == f"{weights} 2"
    assert len(one.stdout.splitlines()) == len(two.stdout.splitlines()) == 3
    assert four.returncode
    assert four.stderr.count("NameError") == 1
    assert three.returncode
    assert three.stderr.count("There are 3 processes") == 1


def test_diptych_run_says_what_is_missing(monkeypatch, capsys):
    from diptych.compat import run

    monkeypatch.setattr(run.shutil, "which", lambda *_, **__: None)
    assert run.main(["--processes", "2", "script.py"]) == 2
    assert "--processes needs mpiexec: pip install 'diptych[mpi]' mpich" in capsys.readouterr().err


STRANGERS = """
import os, socket, struct, time
from diptych.distribution.watch import Watch

class First:
    rank, size = 0, 2

    def allgather(self, host):
        return [host, host]

    def bcast(self, told, root):
        host, port, token = told
        silent, talks, self.second = (socket.create_connection((host, port)) for _ in range(3))
        talks.sendall(b"GET / HTTP/1.0 at all")
        self.second.sendall(token + struct.pack("<i", 1))
        self.strangers = silent, talks

begin, first = time.monotonic(), First()
watch = Watch(first)
print("soon" if time.monotonic() - begin < 15 else "late", flush=True)
first.second.sendall(b"D")
watch.leave()
os._exit(0)
"""


def test_strangers_at_the_door_are_sent_away_soon():
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", STRANGERS],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("soon\n", "")


# ------------------------------------------------------------------------------------------------
# One process alone: slices add up to the whole batch


@pytest.fixture
def shared(monkeypatch):
    """Let this process share its work with none."""
    share = distribution.DataParallel()
    with share.scope():
        yield share


def double(*more, last=3, activation="softmax"):
    return diptych.Sequential(
        [
            diptych.Input((6,)),
            layers.Dense(5, activation="tanh", kernel_regularizer="l2", activity_regularizer="l2"),
            *more,
            layers.Dense(last, activation=activation),
        ]
    )


def masked():
    inputs = diptych.Input((4, 6))
    x = layers.LSTM(3, return_sequences=True)(layers.Masking()(inputs))
    return diptych.Model(inputs, layers.Dense(2)(layers.BatchNormalization()(x)))


DATA = np.random.default_rng(1)
X = DATA.normal(size=(70, 6))
STEPS = DATA.normal(size=(70, 4, 6)) * (DATA.random((70, 4, 1)) > 0.3)
LABELS = DATA.integers(0, 3, 70)
PER_ROW = DATA.uniform(0.2, 2, 70)


def ends_in_double(make, loss, metric, x, y, weights):
    diptych.utils.set_random_seed(2)
    diptych.config.set_floatx("float64")
    try:
        model = make()
        model.compile("sgd", loss(), metrics=[metric])
        history = model.fit(x, y, sample_weight=weights, epochs=3, validation_split=0.2, verbose=0)
        results = model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)
    finally:
        diptych.config.set_floatx("float32")
    return [*model.get_weights(), *history.history.values(), *results]


def normalised():
    return double(layers.BatchNormalization(), last=2, activation=None)


@pytest.mark.parametrize(
    ("make", "loss", "x", "y", "weights"),
    [
        (double, losses.SparseCategoricalCrossentropy, X, LABELS, None),
        (double, losses.SparseCategoricalCrossentropy, X, LABELS, PER_ROW),
        (normalised, partial(losses.MeanSquaredError, "sum"), X, X[:, :2], None),
        (
            normalised,
            partial(losses.Huber, reduction="mean_with_sample_weight"),
            X,
            X[:, :2],
            PER_ROW,
        ),
        (masked, losses.MeanAbsoluteError, STEPS, STEPS[..., :2], None),
        (masked, partial(losses.MeanSquaredError, "mean"), STEPS, STEPS[..., :2], PER_ROW),
    ],
)
def test_slices_add_up_to_the_whole_batch(make, loss, x, y, weights, shared):
    """The results are those of an ordinary training but for rounding."""
    metric = "accuracy" if y.ndim == 1 else "mae"
    several = ends_in_double(make, loss, metric, x, y, weights)
    distribution.set_distribution(None)
    alone = ends_in_double(make, loss, metric, x, y, weights)
    for one, other in zip(several, alone, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_dropout_draws_other_numbers_in_each_step_and_slice(shared):
    seen = []

    class Sees(layers.Layer):
        def call(self, inputs):
            seen.append(np.asarray(inputs).copy())
            return inputs

    model = diptych.Sequential([layers.Dropout(0.5, seed=1), Sees(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((16, 40)), np.ones(16), batch_size=16, epochs=2, shuffle=False, verbose=0)
    masks = [one.tobytes() for one in seen if one.shape == (2, 40)]
    assert len(masks) >= 16
    assert len(set(masks[-16:])) == 16


def test_a_step_of_slices_is_recorded(shared):
    model = double(layers.BatchNormalization(), layers.Dropout(0.1))
    model.layers[0].activity_regularizer = None
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, LABELS, epochs=2, verbose=0)
    replays = [one for key, one in model._replays.items() if key[0] == "slice"]
    assert replays
    assert None not in replays


class OwnStep(diptych.Model):
    def train_step(self, data):
        return {}


class OwnLoss(diptych.Model):
    def compute_loss(self, **kwargs):
        return 0.0


class Adds(layers.Layer):
    def call(self, inputs):
        self.add_loss(ops.mean(inputs))
        return inputs


class Counts(layers.Layer):
    def build(self, shape):
        self.calls = self.add_weight(shape=(), trainable=False, initializer="zeros")

    def call(self, inputs):
        self.calls.assign_add(1.0)
        return inputs


def one_output(*more):
    return double(*more, last=1, activation=None)


def of(kind):
    inputs = diptych.Input((6,))
    return kind(inputs, layers.Dense(1)(inputs))


@pytest.mark.parametrize(
    ("make", "loss", "words"),
    [
        (lambda: of(OwnStep), "mse", "OwnStep has a train_step of its own"),
        (lambda: of(OwnLoss), "mse", "OwnLoss has a compute_loss of its own"),
        (lambda: of(diptych.Model), None, "compiled without a loss"),
        (lambda: one_output(Adds()), "mse", "calls add_loss"),
        (lambda: one_output(Counts()), "mse", "changes while the model is called"),
        (
            lambda: one_output(layers.BatchNormalization(renorm=True)),
            "mse",
            "changes while the model is called",
        ),
        (one_output, lambda y, p: ops.mean(ops.square(y - p)), r"has shape \(\) for \d rows"),
        (one_output, losses.MeanSquaredError(reduction=None), "reduction=None"),
        (one_output, losses.Dice(), r"has shape \(\)"),
        (
            lambda: one_output(layers.Dense(2, activity_regularizer="orthogonal_regularizer")),
            "mse",
            "activity_regularizer of its own kind",
        ),
    ],
)
def test_what_cannot_be_shared_is_refused(make, loss, words, shared):
    model = make()
    model.compile("sgd", loss)
    for train in (model.fit, model.train_on_batch):
        with pytest.raises(ValueError, match=words):
            train(X, X[:, :1])


def test_a_model_trains_alone_after_the_distribution(shared):
    model = double()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, LABELS, verbose=0)
    assert model.plan_report() == "No plan: several processes share the training."
    distribution.set_distribution(None)
    model.fit(X, LABELS, epochs=3, verbose=0)
    assert "several processes" not in model.plan_report()


def test_own_metrics_and_test_steps_work(shared):
    class Largest(metrics.Metric):
        def __init__(self):
            super().__init__(name="largest")
            self.value = self.add_weight(name="value")

        def update_state(self, y_true, y_pred, sample_weight=None):
            assert len(np.asarray(y_pred)) in (32, 6)  # whole batches
            error = float(np.abs(np.asarray(y_true) - np.asarray(y_pred)).max())
            self.value.assign(max(error, float(self.value)))

        def result(self):
            return float(self.value)

    class Tests(diptych.Model):
        def test_step(self, data):
            return {"rows": float(len(data[0]))}

    model = of(Tests)
    model.compile("sgd", "mse", metrics=[Largest()])
    history = model.fit(X, X[:, :1], validation_data=(X, X[:, :1]), verbose=0).history
    assert history["largest"][0] > 0
    assert history["val_rows"] == [6.0]


# ------------------------------------------------------------------------------------------------
# Keras's names


def test_meshes_layouts_and_devices():
    assert distribution.list_devices() == ["cpu:0"] == distribution.list_devices("cpu")
    assert distribution.get_device_count() == 1
    with pytest.raises(ValueError, match="runs on CPUs"):
        distribution.list_devices("gpu")
    mesh = distribution.DeviceMesh((1,), ["batch"])
    assert mesh.devices.tolist() == ["cpu:0"]
    assert mesh.backend_mesh is mesh
    for shape, names, words in [
        ((), [], "at least one axis"),
        ((1, 1), ["a"], "a name for each"),
        ((2,), ["a"], "2 places, but there are 1 devices"),
    ]:
        with pytest.raises(ValueError, match=words):
            distribution.DeviceMesh(shape, names)
    layout = distribution.TensorLayout(("batch", None))
    layout.device_mesh = mesh
    assert layout.axes == ("batch", None)
    assert layout.backend_layout is layout
    with pytest.raises(ValueError, match="has a mesh already"):
        layout.device_mesh = mesh
    with pytest.raises(ValueError, match="names 'x'"):
        distribution.TensorLayout(("x",), mesh)
    layouts = distribution.LayoutMap(mesh)
    layouts["dense.*kernel"] = (None, "batch")
    assert layouts["dense_1/kernel"].device_mesh is mesh
    assert layouts["lstm/kernel"] is None
    assert list(layouts) == ["dense.*kernel"]
    layouts[".*kernel"] = distribution.TensorLayout((None,))
    with pytest.raises(ValueError, match="Several keys"):
        layouts["dense_1/kernel"]
    with pytest.raises(ValueError, match="there already"):
        layouts[".*kernel"] = (None,)
    with pytest.raises(ValueError, match="expected; got 3"):
        layouts["other"] = 3
    del layouts[".*kernel"]
    assert len(layouts) == 1
    assert layouts.device_mesh is mesh
    tensor = np.ones((2, 2))
    assert distribution.distribute_tensor(tensor, layout) is tensor
    with pytest.raises(ValueError, match="TensorLayout is expected"):
        distribution.distribute_tensor(tensor, None)


def test_distributions():
    share = distribution.DataParallel()
    assert share.device_mesh.shape == (1,)
    assert share.batch_dim_name == "batch"
    assert (share.num_processes, share.num_model_replicas, share.data_shard_id) == (1, 1, 0)
    assert share.auto_shard_dataset
    assert share.distribute_dataset(X) is X
    assert share.get_data_layout((8, 2)).axes == ("batch", None)
    assert share.get_variable_layout(diptych.Variable(np.ones((2, 3)))).axes == (None, None)
    assert share.get_tensor_layout("dense") is None
    own = distribution.DataParallel(distribution.DeviceMesh((1,), ["rows"]), slices=2)
    assert own.batch_dim_name == "rows"
    assert own.slices == 2
    assert distribution.distribution() is None
    with share.scope():
        assert distribution.distribution() is share
        with own.scope():
            assert distribution.distribution() is own
        assert distribution.distribution() is share
    assert distribution.distribution() is None
    distribution.initialize(num_processes=1, process_id=0)
    for call, words in [
        (lambda: distribution.DataParallel(3), "has to be a DeviceMesh"),
        (lambda: distribution.DataParallel(devices=["cpu:1"]), "of which all have to take part"),
        (lambda: distribution.DataParallel(slices=6), "a power of two"),
        (lambda: distribution.DataParallel(slices=0), "a power of two"),
        (lambda: distribution.set_distribution(3), "such as DataParallel"),
        (lambda: distribution.initialize(num_processes=2), "mpiexec -n 2 python script.py"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(NotImplementedError, match="Use DataParallel"):
        distribution.ModelParallel(layout_map=distribution.LayoutMap(share.device_mesh))
