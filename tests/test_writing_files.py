"""Writing fails, or the process dies: the old file stands, and the message says what to do."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import textwrap

import numpy as np
import pytest

import diptych as dp
from diptych.files.hdf5 import new_file
from diptych.files.region import Region

h5py = pytest.importorskip("h5py")
resource = pytest.importorskip("resource")

NAMES = ["m.keras", "m.h5", "m.weights.h5", "m.safetensors"]


def model(value=1.0):
    made = dp.Sequential([dp.Input((30,)), dp.layers.Dense(40)])
    made.set_weights([np.full((30, 40), value, "float32"), np.full(40, value, "float32")])
    return made


def save(made, path):
    (made.save_weights if path.suffix != ".keras" and path.name != "m.h5" else made.save)(path)


def value_in(path):
    """The one value of all weights in a file."""
    made = model(0.0)
    made.load_weights(path)
    (value,) = {*made.get_weights()[0].ravel().tolist(), *made.get_weights()[1].tolist()}
    return value


def fails_and_the_old_file_stands(path, error, match):
    save(model(1.0), path)
    before = path.read_bytes()
    with error, pytest.raises(OSError, match=match):
        save(model(2.0), path)
    assert path.read_bytes() == before
    assert value_in(path) == 1.0
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_larger_than_is_allowed(tmp_path, name):
    """The limit on the size of files stands for a full disk."""

    class Limit:
        def __enter__(self):
            self.old = resource.getrlimit(resource.RLIMIT_FSIZE)
            self.signal = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, self.old[1]))

        def __exit__(self, *_):
            resource.setrlimit(resource.RLIMIT_FSIZE, self.old)
            signal.signal(signal.SIGXFSZ, self.signal)

    fails_and_the_old_file_stands(tmp_path / name, Limit(), "unchanged")


def test_the_error_of_writing_is_raised_and_not_what_hdf5_makes_of_it(tmp_path):
    class Full(Region):
        def write(self, content):
            if self.tell() > 2000:
                self.failure = self.failure or OSError(28, "No space left")
                raise RuntimeError("what came of it")
            return super().write(content)

    def write():
        with (tmp_path / "w.h5").open("wb+", buffering=0) as file, new_file(Full(file)) as h5:
            for i in range(10):
                h5[str(i)] = np.ones(1000)

    with pytest.raises(OSError, match="No space left"):
        write()


def test_hdf5_may_flush_while_an_exception_is_on_its_way():
    """Python then finds no method of a base class, and HDF5 raised an AttributeError instead of
    the MemoryError.
    """
    asked = ("seek", "tell", "readinto", "write", "truncate", "flush")
    assert set(asked) <= vars(Region).keys()


def test_no_memory_for_what_is_written_is_a_memory_error(tmp_path, monkeypatch):
    def pwritev(*_):
        raise MemoryError("no room")

    with open(tmp_path / "x", "w+b") as file:
        region = Region(file)
        monkeypatch.setattr(os, "pwritev", pwritev)
        with pytest.raises(MemoryError, match="no room"), new_file(region) as h5:
            h5.create_dataset("x", data=np.zeros(4))
        assert isinstance(region.failure, MemoryError)
        monkeypatch.undo()


class Failing:
    """Within it a function of a module raises this error."""

    def __init__(self, monkeypatch, module, name, error):
        self.patched = monkeypatch, module, name, error

    def __enter__(self):
        monkeypatch, module, name, error = self.patched

        def fail(*_, **__):
            raise error

        monkeypatch.setattr(module, name, fail)

    def __exit__(self, *_):
        self.patched[0].undo()


@pytest.mark.parametrize("name", NAMES)
def test_the_disk_is_full_when_the_file_is_flushed(tmp_path, name, monkeypatch):
    error = OSError(errno.ENOSPC, "No space left on device")
    full = Failing(monkeypatch, os, "fsync", error)
    fails_and_the_old_file_stands(tmp_path / name, full, "No space left.*unchanged")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_may_not_be_written_to(tmp_path, name, monkeypatch):
    error = PermissionError(errno.EACCES, "Permission denied")
    closed = Failing(monkeypatch, tempfile, "mkstemp", error)
    fails_and_the_old_file_stands(tmp_path / name, closed, "cannot be written.*Permission denied")


@pytest.mark.parametrize("name", NAMES)
def test_the_file_cannot_take_its_place(tmp_path, name, monkeypatch):
    error = PermissionError(errno.EACCES, "Permission denied")
    closed = Failing(monkeypatch, os, "replace", error)
    fails_and_the_old_file_stands(tmp_path / name, closed, "unchanged")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_missing(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"'.*missing' does not exist: make it"):
        save(model(), tmp_path / "missing" / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_path_that_is_a_folder(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match="give the name of a file in it"):
        save(model(), tmp_path / name)
    assert list((tmp_path / name).iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="is no folder"):
        save(model(), tmp_path / "file" / name)


SAVING = """
    import sys
    import numpy as np
    import diptych as dp

    made = dp.Sequential([dp.Input((30,)), dp.layers.Dense(40)])
    path, value = sys.argv[1], 0.0
    save = made.save_weights if path.endswith((".weights.h5", ".safetensors")) else made.save
    while True:
        value += 1.0
        made.set_weights([np.full((30, 40), value, "float32"), np.full(40, value, "float32")])
        save(path)
        print(value, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("name", NAMES)
def test_the_process_is_killed_while_it_saves(tmp_path, name):
    """At a moment that is as good as random; the file is then that of a whole save."""
    for run in range(2):
        path = tmp_path / name
        command = [sys.executable, "-c", textwrap.dedent(SAVING), path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            reached = [float(process.stdout.readline()) for _ in range(2 + 3 * run)]
            process.kill()
            reached += [float(line) for line in process.stdout.read().split()]
        assert value_in(path) in (reached[-1], reached[-1] + 1)


def test_arguments_of_saving_and_loading(tmp_path):
    model = dp.Sequential([dp.Input((2,)), dp.layers.Dense(1)])
    model.save(tmp_path / "model.keras", zipped=True)
    model.save_weights(tmp_path / "model.weights.h5")
    for wrong, message in (
        (lambda: model.save(tmp_path / "x.keras", zipped=False), "to one file"),
        (lambda: model.save(tmp_path / "x.h5", include_optimiser=False), "'include_optimizer'"),
        (
            lambda: dp.saving.save_weights(model, tmp_path / "x.weights.h5", max_shard=1),
            "did you mean 'max_shard_size'",
        ),
        (lambda: model.load_weights(tmp_path / "model.weights.h5", name=True), "'name'"),
        (lambda: model.load_weights(tmp_path / "model.keras", by_name=True), "Keras 1 and 2"),
        (lambda: model.load_weights(tmp_path / "model.weights.h5", by_name=True), "Keras 1 and 2"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "model.weights.h5"]
