"""Files that were cut off, or in which a byte was flipped: an error, or the right values.

Each file is damaged at places drawn from a seed, which a failure names. The bytes of HDF5 that
hold nothing may change without harm, so that some damaged files are read as if nothing was.
"""

import gzip
import struct
import threading
import warnings

import numpy as np
import pytest

import diptych as dp
from diptych.datasets import read_idx, reuters
from diptych.files.region import Region

h5py = pytest.importorskip("h5py")

SEED = 20261129
CUTS = [*range(0, 100, 5), 1, 98, 99]  # per cent of the file
FLIPS = 30


def trained():
    dp.utils.clear_session()
    dp.utils.set_random_seed(7)
    x = dp.Input((4, 3))
    made = dp.Model(x, dp.layers.Dense(2)(dp.layers.BatchNormalization()(dp.layers.LSTM(4)(x))))
    made.compile("adam", "mse")
    made.train_on_batch(np.ones((2, 4, 3), "float32"), np.ones((2, 2), "float32"))
    return made


MODEL = trained()


def state_of(model):
    return [*model.get_weights(), *(v.array.copy() for v in model.optimizer.variables)]


def loaded(path):
    return state_of(dp.saving.load_model(path))


def loaded_weights(path):
    target = trained()
    target.set_weights([w * 0 for w in target.get_weights()])
    before = target.get_weights()
    try:
        target.load_weights(path)
    except ValueError:
        for kept, now in zip(before, target.get_weights(), strict=True):
            np.testing.assert_array_equal(kept, now)
        raise
    return target.get_weights()


def write_npz(path):
    generator = np.random.default_rng(0)
    texts = np.empty(40, object)
    texts[:] = [generator.integers(1, 999, n % 5 + 2).tolist() for n in range(40)]
    np.savez_compressed(path, x=texts, y=generator.integers(0, 46, 40))


def read_npz(path):
    (x, y), (x_test, y_test) = reuters.load_data(path)
    return [np.concatenate(x), y, np.concatenate(x_test), y_test]


IDX = struct.pack(">I3I", 0x803, 5, 4, 3) + bytes(range(60))
KINDS = {
    "m.keras": (lambda path: MODEL.save(path), loaded),
    "m.h5": (lambda path: MODEL.save(path), loaded),
    "m.weights.h5": (lambda path: MODEL.save_weights(path), loaded_weights),
    "m.safetensors": (lambda path: MODEL.save_weights(path), loaded_weights),
    "m.npz": (write_npz, read_npz),
    "m-idx3-ubyte.gz": (
        lambda path: path.write_bytes(gzip.compress(IDX)),
        lambda path: [read_idx(path)],
    ),
}


def check(path, content, load, expected, what):
    """The file with this content cannot be read, or is read rightly."""
    path.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = load(path)
    except ValueError:
        return
    except Exception as error:
        raise AssertionError(f"{path.name}, {what}: {error!r}") from error
    same = len(found) == len(expected) and all(map(np.array_equal, found, expected))
    assert same, f"{path.name}, {what}: read without an error, but other values"


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_was_cut_off(tmp_path, name):
    write, load = KINDS[name]
    path = tmp_path / name
    write(path)
    expected, content = load(path), path.read_bytes()
    for percent in CUTS:
        size = len(content) * percent // 100
        path.write_bytes(content[:size])
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            load(path)
    path.write_bytes(content)
    assert all(map(np.array_equal, load(path), expected))


@pytest.mark.parametrize("name", KINDS)
def test_a_file_in_which_a_byte_was_flipped(tmp_path, name):
    write, load = KINDS[name]
    path = tmp_path / name
    write(path)
    expected, content = load(path), path.read_bytes()
    generator = np.random.default_rng(SEED)
    for _ in range(FLIPS):
        at, change = int(generator.integers(len(content))), int(generator.integers(1, 256))
        damaged = bytearray(content)
        damaged[at] ^= change
        what = f"seed {SEED}, byte {at} of {len(content)} ^ {change}"
        check(path, damaged, load, expected, what)


@pytest.mark.parametrize("name", ["m.h5", "m.weights.h5", "m.safetensors"])
def test_no_memory_for_a_checksum_is_no_damage(tmp_path, monkeypatch, name):
    """The thread that adds the bytes up may find none; who compares adds them up then."""
    write, load = KINDS[name]
    path = tmp_path / name
    write(path)
    expected, whole = load(path), Region.checksum

    def checksum(region):
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError
        return whole(region)

    monkeypatch.setattr(Region, "checksum", checksum)
    assert all(map(np.array_equal, load(path), expected))
    monkeypatch.setattr("diptych.files.region.start_new_thread", lambda *given: None)  # none begins
    assert all(map(np.array_equal, load(path), expected))

    def none(region):
        raise MemoryError

    monkeypatch.setattr(Region, "checksum", none)
    with pytest.raises(MemoryError):
        load(path)


def test_an_idx_file_that_was_cut_off(tmp_path):
    """Its format has no checksum: what can be found is a header that does not fit the file."""
    path = tmp_path / "x-idx3-ubyte"
    for size in range(len(IDX)):
        path.write_bytes(IDX[:size])
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            read_idx(path)
    for at in range(16):
        damaged = bytearray(IDX)
        damaged[at] ^= 0x51
        path.write_bytes(damaged)
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            read_idx(path)


def test_a_checksum_of_safetensors_is_compared(tmp_path):
    path = tmp_path / "m.safetensors"
    MODEL.save_weights(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not those that were written"):
        trained().load_weights(path)
    path.write_bytes(bytes(content).replace(b"diptych_checksum", b"another_checksum"))
    trained().load_weights(path)  # as a file of another library, which has none
