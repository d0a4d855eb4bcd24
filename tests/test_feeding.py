"""What fit, evaluate and predict can be fed with besides arrays in memory."""

import contextlib
import multiprocessing
import os
import threading
import traceback

import h5py
import numpy as np
import pytest

from diptych import Input, Model, Sequential, callbacks, layers, random, utils
from diptych.models import rows as of_rows
from diptych.models.arrays import as_arrays
from diptych.models.data import batches_for, split_off_validation
from diptych.utils import ahead, set_random_seed
from tests import feeding_data
from tests.feeding_data import Numbers, small_model

ENGINES = ["reference", "fast"]


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("diptych-data")]


def same_batches(found, expected):
    for one, other in zip(found, expected, strict=True):
        for part, wanted in zip(one, other, strict=True):
            assert (part is None) == (wanted is None)
            if wanted is not None:
                assert part.dtype == wanted.dtype
                np.testing.assert_array_equal(part, wanted)


# Rows that are read late


@pytest.fixture
def x():
    return np.random.default_rng(0).integers(0, 256, (41, 5, 3), "uint8")


def mapped(array, folder, mode="r", offset=0):
    path = folder / "rows"
    path.write_bytes(b"\0" * offset + array.tobytes())
    return np.memmap(path, array.dtype, mode, offset, array.shape)


class InChunks:
    """An array like that of zarr: it is sliced, and takes numbers of rows."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.chunks = array, array.shape, array.dtype, (8,)
        self.read = []

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("all of it is read at once")

    def __getitem__(self, which):
        self.read.append(which)
        return self.array[which]


def of_kind(kind, x, folder):
    """The rows of x as data that are not in memory."""
    if kind == "saved":
        np.save(folder / "rows.npy", x)
        return np.load(folder / "rows.npy", mmap_mode="r")
    if kind == "a part":
        whole = np.concatenate([np.zeros((3, *x.shape[1:]), x.dtype), x, x[:2]])
        return mapped(whole, folder, offset=123)[3:-2]
    if kind == "other bytes":
        return mapped(x.astype(x.dtype.newbyteorder()), folder)
    if kind == "Fortran":
        path = folder / "rows"
        made = np.memmap(path, x.dtype, "w+", shape=x.shape, order="F")
        made[:] = x
        return made
    if kind == "every second":
        return mapped(np.repeat(x, 2, axis=0), folder)[::2]
    if kind == "replaced":
        found = mapped(x, folder)
        (folder / "other").write_bytes(bytes(x.nbytes))
        os.replace(folder / "other", folder / "rows")
        return found
    if kind == "private":
        found = mapped(np.zeros_like(x), folder, "c")
        found[:] = x
        return found
    if kind == "written":
        found = mapped(np.zeros_like(x), folder, "r+")
        found[:] = x
        return found
    if kind == "hdf5":
        file = h5py.File(folder / "rows.h5", "w")
        return file.create_dataset("x", data=x, chunks=(7, *x.shape[1:]), compression="gzip")
    return InChunks(x)


KINDS = ["saved", "a part", "other bytes", "Fortran", "every second", "replaced", "private"]
KINDS += ["written", "hdf5", "in chunks"]


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_not_in_memory_make_the_batches_of_those_that_are(
    kind, shuffle, x, tmp_path, monkeypatch
):
    monkeypatch.setattr(of_rows, "BLOCK", 40)
    monkeypatch.setattr(of_rows, "RELEASE", 100)
    x = x.astype("uint16") if kind == "other bytes" else x
    y, weights = np.arange(41), np.linspace(0, 1, 41)
    arguments = {"batch_size": 6, "shuffle": shuffle, "dtypes": "float32"}
    found = []
    for data in (x, of_kind(kind, x, tmp_path)):
        set_random_seed(3)
        batches = batches_for(data, y, weights, **arguments)
        found.append([batches.first(), *batches, *batches])
        assert batches.late is (data is not x)
    same_batches(*found)
    assert not threads()


@pytest.mark.parametrize("kind", KINDS[:-2])
def test_only_the_file_that_is_mapped_is_read_itself(kind, x, tmp_path):
    (tmp_path / "plain").mkdir()
    if of_rows.as_rows(mapped(x, tmp_path / "plain"))._file is None:
        pytest.skip("no telling which file is mapped, on this system or file system")
    rows = of_rows.as_rows(of_kind(kind, x, tmp_path))
    direct = kind in ("saved", "a part", "other bytes", "written")
    assert (rows._file is not None) is direct


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system takes no advice")
def test_single_rows_are_asked_for_before_they_are_read(x, tmp_path, monkeypatch):
    rows = of_rows.as_rows(mapped(x, tmp_path))
    if rows._file is None:
        pytest.skip("read through the map here")
    advice = []
    monkeypatch.setattr(os, "posix_fadvise", lambda file, *told: advice.append(told))
    rows.read(np.array([7, 2]), x.dtype)
    assert not advice  # they are smaller than what the system reads at least
    monkeypatch.setattr(of_rows, "PAGE", 1)
    size = x[0].nbytes
    for _ in range(2):
        np.testing.assert_array_equal(rows.read(np.array([7, 2]), x.dtype), x[[7, 2]])
    each = [(n * size + rows._start, size, os.POSIX_FADV_WILLNEED) for n in (7, 2)]
    assert advice == [(0, 0, os.POSIX_FADV_RANDOM), *each, *each]
    advice.clear()
    for _ in range(2):
        np.testing.assert_array_equal(rows.read(slice(3, 9), x.dtype), x[3:9])
    assert advice == [(0, 0, os.POSIX_FADV_NORMAL)]


def test_a_file_system_that_takes_no_advice_is_read_as_well(x, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(22, "no advice")

    monkeypatch.setattr(os, "posix_fadvise", refuse, raising=False)
    monkeypatch.setattr(os, "POSIX_FADV_RANDOM", 1, raising=False)
    monkeypatch.setattr(of_rows, "PAGE", 1)
    rows = of_rows.as_rows(mapped(x, tmp_path))
    np.testing.assert_array_equal(rows.read(np.array([7, 2]), x.dtype), x[[7, 2]])


def test_a_file_that_became_shorter_is_an_error_not_a_crash(x, tmp_path):
    rows = of_rows.as_rows(mapped(x, tmp_path))
    if rows._file is None:
        pytest.skip("read through the map here")
    os.truncate(tmp_path / "rows", 100)
    with pytest.raises(OSError, match="ends before its row 30"):
        rows.read(np.array([2, 30]), "float32")


def test_the_pages_of_a_map_are_given_back_but_not_what_was_written_to_a_copy(x, tmp_path):
    private = of_rows.as_rows(of_kind("private", x, tmp_path))
    shared = of_rows.as_rows(of_kind("replaced", x, tmp_path))
    assert private._map is None
    assert shared._map is not None


@pytest.mark.parametrize("form", ["csr_matrix", "coo_matrix", "csc_array", "bsr_array"])
def test_sparse_rows_become_dense_in_their_batch(form):
    sparse = pytest.importorskip("scipy.sparse")
    x = np.random.default_rng(0).integers(0, 3, (20, 6)) * np.eye(20, 6, dtype="int32")
    given = getattr(sparse, form)(x)
    for shuffle in (False, True, "batch"):
        set_random_seed(1)
        expected = list(batches_for(x, np.arange(20), batch_size=3, shuffle=shuffle))
        set_random_seed(1)
        found = list(batches_for(given, np.arange(20), batch_size=3, shuffle=shuffle))
        same_batches(found, expected)
    (train, validation) = split_off_validation(given, np.arange(20), None, 0.25)
    np.testing.assert_array_equal(np.asarray(train[0]), x[:15])
    np.testing.assert_array_equal(np.asarray(validation[0]), x[15:])
    np.testing.assert_array_equal(as_arrays(given, "x"), x)
    both = as_arrays([given, given], "x")
    assert len(both) == 2
    np.testing.assert_array_equal(both[1], x)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["saved", "hdf5"])
def test_training_from_a_file_gives_the_bits_of_training_from_memory(engine, kind, x, tmp_path):
    y = x.reshape(41, -1).sum(1) / 1000
    weights = []
    for data, labels in ((x, y), (of_kind(kind, x, tmp_path), y)):
        set_random_seed(5)
        model = Sequential(
            [Input((5, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1)],
            engine=engine,
        )
        model.compile("adam", "mse", metrics=["mae"])
        history = model.fit(
            data, labels, batch_size=8, epochs=3, validation_split=0.2, verbose=0
        ).history
        predicted = model.predict(data, batch_size=9, verbose=0)
        losses = model.evaluate(data, labels, verbose=0)
        weights.append([*model.get_weights(), *history.values(), predicted, losses])
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_labels_and_several_inputs_may_be_in_files_too(x, tmp_path):
    with h5py.File(tmp_path / "all.h5", "w") as file:
        a = file.create_dataset("a", data=x)
        y = file.create_dataset("y", data=np.arange(41.0))
        data = {"a": a, "b": mapped(x[:, :, 0], tmp_path)}
        batches = batches_for(data, y, batch_size=10)
        (first, labels, _), *_, (last, _, _) = batches
        assert len(batches.sample()[1]) == 10
    np.testing.assert_array_equal(first["a"], x[:10])
    np.testing.assert_array_equal(last["b"], x[40:, :, 0])
    np.testing.assert_array_equal(labels, np.arange(10.0))


def test_labels_in_a_file_have_class_weights(tmp_path):
    labels = np.arange(10) % 2
    with h5py.File(tmp_path / "y.h5", "w") as file:
        y = file.create_dataset("y", data=labels)
        (x, y, _), _ = split_off_validation(np.zeros((10, 1)), y, None, 0.2)
        batches = batches_for(x, y, class_weight={0: 1.0, 1: 3.0}, batch_size=8)
        np.testing.assert_array_equal(batches.first()[2], 1 + 2 * labels[:8])


def test_labels_in_memory_are_all_checked_before_rows_of_a_file_are_read(x, tmp_path):
    model = Sequential([Input((5, 3)), layers.Flatten(), layers.Dense(4)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    y = np.zeros(41, int)
    y[40] = 4
    with pytest.raises(ValueError, match="label 4 in row 40"):
        model.fit(of_kind("saved", x, tmp_path), y, verbose=0)


def test_an_error_in_a_file_reaches_the_caller_with_its_traceback(x):
    class Broken(InChunks):
        def __getitem__(self, which):
            if len(self.read) == 4:
                raise OSError("the disk is gone")
            return super().__getitem__(which)

    model = Sequential([Input((5, 3)), layers.Rescaling(0.1), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(OSError, match="the disk is gone") as caught:
        model.fit(Broken(x), np.zeros(41), batch_size=4, verbose=0)
    assert "raise OSError" in "".join(traceback.format_exception(caught.value))
    assert not threads()


class Stop(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = True


class Fail(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of a fork, Python 3.12
@pytest.mark.parametrize("callback", [Stop, Fail])
@pytest.mark.parametrize("feeding", ["file", "threads", "processes"])
@pytest.mark.parametrize("steps", [None, 3])
def test_threads_and_processes_end_when_the_training_does(feeding, callback, steps, tmp_path):
    data, y = Numbers(workers=2, use_multiprocessing=feeding == "processes"), None
    if feeding == "file":
        data, y = mapped(np.zeros((50, 1), "float32"), tmp_path), np.zeros(50)
    expected = contextlib.nullcontext() if callback is Stop else pytest.raises(KeyboardInterrupt)
    with expected as caught:
        small_model().fit(data, y, steps_per_epoch=steps, callbacks=[callback()], verbose=0)
    assert not threads()
    assert not multiprocessing.active_children()
    del caught


# Threads and processes of a PyDataset


def columns(batches):
    return [float(x[0, 0]) for x, _, _ in batches]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("workers", [1, 3])
def test_processes_make_the_batches_in_their_order(workers):
    data = Numbers(workers=workers, use_multiprocessing=True)
    batches = batches_for(data)
    found = list(batches) + list(batches)
    assert columns(found) == [0, 1, 2, 3, 4] * 2
    makers = {int(y[0, 0]) for _, y, _ in found}
    assert os.getpid() not in makers
    assert len({int(y[0, 0]) for _, y, _ in found[:5]}) <= workers
    assert not multiprocessing.active_children()


def start_anew(monkeypatch):
    """Let processes be started as "spawn" does."""
    spawn = multiprocessing.get_context("spawn")
    for name in ("Process", "Pipe"):
        monkeypatch.setattr(multiprocessing, name, getattr(spawn, name))


def test_processes_that_start_anew(monkeypatch):
    start_anew(monkeypatch)
    data = Numbers(workers=1, use_multiprocessing=True)
    assert columns(batches_for(data)) == [0, 1, 2, 3, 4]


def test_what_cannot_be_sent_to_processes_is_refused(monkeypatch):
    start_anew(monkeypatch)
    data = Numbers(at=lambda: None, workers=1, use_multiprocessing=True)
    with pytest.raises(TypeError, match="Numbers to other processes, but it cannot be pickled"):
        list(batches_for(data))
    assert not multiprocessing.active_children()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("processes", [False, True])
def test_an_error_in_a_worker_comes_with_its_traceback(processes):
    data = Numbers(at=feeding_data.lookup, workers=2, use_multiprocessing=processes)
    found = []
    with pytest.raises(KeyError, match="missing") as caught:
        found += (x for x, _, _ in batches_for(data))
    assert len(found) == 3
    text = "".join(traceback.format_exception(caught.value))
    assert "in lookup" in text
    assert 'return {}["missing"]' in text


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_an_error_that_cannot_be_sent_is_told():
    data = Numbers(at=feeding_data.fail_unsendably, workers=1, use_multiprocessing=True)
    with pytest.raises(RuntimeError, match="Unsendable: one and other"):
        list(batches_for(data))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    ("at", "message"), [("be_killed", r"signal 9 \(SIGKILL\)"), ("leave", "exit code 7")]
)
def test_a_process_that_is_killed_is_an_error_at_once(at, message):
    data = Numbers(at=getattr(feeding_data, at), workers=2, use_multiprocessing=True)
    with pytest.raises(
        RuntimeError, match=f"batches of Numbers ended before its time, .*{message}"
    ):
        small_model().fit(data, shuffle=False, verbose=0)
    assert not multiprocessing.active_children()
    assert not threads()


def test_a_batch_is_made_in_advance_and_not_more_of_them():
    asked, go = [], threading.Semaphore(0)

    def make(key):
        asked.append(key)
        if key == 3:
            go.release()
        return key

    items = ahead.by_threads(make, range(100), workers=1, size=3)
    assert next(items) == 0
    go.acquire()  # number 3 is made while 1 waits to be taken
    assert next(items) == 1
    items.close()
    assert len(asked) <= 5
    assert not threads()


def test_workers_run_on_the_engine_of_the_training():
    from diptych import engine

    seen = []

    class Layers(Numbers):
        def __getitem__(self, index):
            seen.append(engine.current().name)
            return super().__getitem__(index)

    model = Sequential([Input((1,)), layers.Dense(1)], engine="reference")
    model.compile("sgd", "mse")
    model.fit(Layers(workers=2), verbose=0)
    assert set(seen) == {"reference"}


# PyDatasets, as Keras calls them


class Recorded(Numbers):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = []

    def __len__(self):
        return 2

    def __getitem__(self, index):
        self.calls.append(index)
        return super().__getitem__(index)

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")


def test_a_look_at_the_first_batch_in_training_is_an_epoch_of_its_own():
    data = Recorded()
    small_model().fit(data, epochs=2, shuffle=False, verbose=0)
    epoch = ["begin", 0, 1, "end"]
    assert data.calls == ["begin", 0, "end", *epoch, *epoch]


def test_before_an_evaluation_and_a_prediction_the_data_are_as_they_were():
    data, model = Recorded(), small_model()
    model.evaluate(data, verbose=0)
    model.predict(data, verbose=0)
    assert data.calls == 2 * ["begin", 0, 0, 1, "end"]


def test_a_dataset_is_iterated_over_once():
    assert [float(x[0, 0]) for x, _ in Numbers()] == [0, 1, 2, 3, 4]


def test_a_sequence_of_old_does_not_call_the_constructor():
    class Old(utils.Sequence):
        def __init__(self):
            self.rows = np.ones((4, 1))

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return self.rows[2 * index :][:2], self.rows[:2]

    assert len(small_model().fit(Old(), epochs=2, verbose=0).history["loss"]) == 2


def test_a_batch_that_is_none_is_named():
    class Forgetful(Numbers):
        def __getitem__(self, index):
            super().__getitem__(index)

    with pytest.raises(ValueError, match="A batch is None.*lack a `return`"):
        small_model().fit(Forgetful(), verbose=0)


# Steps


def test_steps_without_a_batch_size_divide_the_data():
    x = np.arange(10.0)[:, np.newaxis]
    batches = batches_for(x, steps=3)
    assert [len(batch[0]) for batch in batches] == [4, 4, 2]
    assert [len(batch[0]) for batch in batches_for(x, steps=3, batch_size=2)] == [2, 2, 2]
    assert len(small_model().predict(x, steps=4, verbose=0)) == 10


class Numbered(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(batch)

    on_test_batch_begin = on_predict_batch_begin = on_train_batch_begin

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(f"to {batch}")
        self.logs = logs

    on_test_batch_end = on_predict_batch_end = on_train_batch_end


def test_callbacks_are_called_between_executions_as_keras_numbers_them():
    model, numbered, x = small_model(), Numbered(), np.arange(10.0)[:, np.newaxis]
    model.compile("sgd", "mse", steps_per_execution=3)
    groups = [0, "to 2", 3, "to 5"]
    model.fit(x, x, batch_size=2, validation_data=(x, x), verbose=0, callbacks=[numbered])
    assert numbered.seen == 2 * groups
    model.evaluate(x, x, batch_size=2, verbose=0, callbacks=[numbered])
    assert numbered.seen == 3 * groups
    found = model.predict(x, batch_size=2, verbose=0, callbacks=[numbered])
    assert numbered.seen == 4 * groups
    np.testing.assert_array_equal(numbered.logs["outputs"].numpy(), found[6:])


@pytest.mark.parametrize("numbered", [True, False])
def test_groups_of_steps_train_as_single_steps_do(numbered):
    x, weights = np.random.default_rng(0).random((50, 1)), []
    for steps in (1, 4):
        set_random_seed(2)
        model = small_model()
        model.compile("adam", "mse", steps_per_execution=steps)
        given = [Numbered()] if numbered else []
        model.fit(x, x, batch_size=7, epochs=2, verbose=0, callbacks=given)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("steps", [0, -1, 1.5, "auto"])
def test_steps_per_execution_is_a_number(steps):
    with pytest.raises(ValueError, match="steps_per_execution=.*a whole number of at least 1"):
        small_model().compile("sgd", "mse", steps_per_execution=steps)


# Arrays and loaders of other libraries


class Exchanged:
    """An array that has nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **kwargs):
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class TorchTensor:
    """Like a tensor of PyTorch that records gradients."""

    def __init__(self, array, dtype="torch.float32", attached=True):
        self.array, self.dtype, self.attached = np.asarray(array), dtype, attached
        self.shape = self.array.shape

    def detach(self):
        return TorchTensor(self.array, self.dtype, attached=False)

    def cpu(self):
        return self

    def float(self):
        return TorchTensor(self.array.astype("float32"), attached=self.attached)

    def numpy(self):
        if self.attached or self.dtype == "torch.bfloat16":
            raise TypeError("this tensor has no numpy()")
        return self.array

    def __array__(self, dtype=None, copy=None):
        return self.numpy()


class Loader:
    """Like a DataLoader of PyTorch: lists of tensors, a new iterator for each pass."""

    def __init__(self, count, length=True):
        self.count, self.length, self.passes = count, length, 0

    def __iter__(self):
        self.passes += 1
        for i in range(self.count):
            yield [TorchTensor(np.full((2, 1), i)), TorchTensor(np.full((2, 1), i))]

    def __len__(self):
        if not self.length:
            raise TypeError("an IterableDataset has no len()")
        return self.count


@pytest.mark.parametrize("make", [Exchanged, TorchTensor])
def test_arrays_of_other_libraries(make):
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(as_arrays(make(x), "x"), x)
    one, other = as_arrays([make(x), make(x)], "x")
    np.testing.assert_array_equal(one, other)
    assert [len(batch[0]) for batch in batches_for(make(x), batch_size=2)] == [2, 1]


def test_samples_without_an_order_of_batches_are_refused():
    class Samples:  # like a Dataset of PyTorch
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return TorchTensor([0.0]), TorchTensor([0.0])

    with pytest.raises(ValueError, match="x is a Samples.*PyDataset.*DataLoader of it"):
        small_model().fit(Samples(), verbose=0)


def test_brain_floats_become_float32():
    half = TorchTensor(np.ones((2, 1), "float16"), "torch.bfloat16")
    assert as_arrays(half, "x").dtype == np.float32


@pytest.mark.parametrize("length", [True, False])
def test_a_loader_starts_again_in_each_epoch(length):
    loader = Loader(3, length)
    batches = batches_for(loader)
    assert batches.steps == (3 if length else None)
    assert columns(batches) == columns(batches) == [0, 1, 2]
    assert loader.passes == 2
    small_model().fit(loader, validation_data=Loader(2), epochs=2, verbose=0)
    small_model().fit(loader, steps_per_epoch=3, epochs=2, verbose=0)


def test_columns_of_a_frame_are_columns_of_the_batch():
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([1.0, 2.0, 3.0])
    batches = batches_for({"a": column}, column, column, batch_size=2)
    for x, y, weights in batches:
        assert x["a"].shape == y.shape == weights.shape == (len(y), 1)
    (x, _, _), (held, _, _) = split_off_validation(column, None, None, 0.4)
    assert (x.shape, held.shape) == ((1, 1), (2, 1))


def test_labels_in_a_column_do_not_spread_over_the_batch():
    """A loss of one's own subtracts (N, 1) from (N, 1)."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 2.0]})
    shapes = []

    def loss(y_true, y_pred):
        shapes.append(tuple(y_true.shape))
        return abs(y_true - y_pred)

    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    model = Own()
    model.compile("sgd", loss)
    model.fit(frame["x"], frame["y"], verbose=0)
    assert set(shapes) == {(3, 1)}


def test_a_polars_frame_and_its_columns():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "y": [0.5, 1.5]})
    x, y, _ = batches_for(frame[["a", "b"]], frame["y"]).first()
    np.testing.assert_array_equal(x, [[1, 3], [2, 4]])
    np.testing.assert_array_equal(y, [[0.5], [1.5]])


def test_the_seed_of_training_is_drawn_from_as_before(tmp_path, x):
    """Reading in a thread draws nothing: the order comes from the caller's thread alone."""
    set_random_seed(0)
    list(batches_for(of_kind("saved", x, tmp_path), shuffle=True))
    after = random.global_generator().integers(1 << 30)
    set_random_seed(0)
    random.global_generator().permutation(41)
    assert random.global_generator().integers(1 << 30) == after
