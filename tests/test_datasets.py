"""Data sets: the digits in the package, MNIST from tiny files made here, and the made ones."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from diptych import config, datasets
from diptych.datasets import _cache, idx, mnist
from diptych.utils import set_random_seed

# ---------------------------------------------------------------- digits


def test_digits():
    (x_train, y_train), (x_test, y_test) = datasets.digits.load_data()
    assert x_train.shape == (1437, 8, 8)
    assert x_test.shape == (360, 8, 8)
    assert x_train.dtype == x_test.dtype == y_train.dtype == y_test.dtype == np.uint8
    images = np.concatenate([x_train, x_test])
    assert (images.min(), images.max()) == (0, 16)
    # Published with the data: how often each digit occurs in the test part.
    counts = np.bincount(np.concatenate([y_train, y_test]))
    np.testing.assert_array_equal(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])


def test_digits_are_digits():
    """A nearest neighbour among the training part names nearly all of the test part."""
    (x_train, y_train), (x_test, y_test) = datasets.digits.load_data()
    a = x_test.reshape(-1, 64).astype("f4")
    b = x_train.reshape(-1, 64).astype("f4")
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
    assert (y_train[squares.argmin(1)] == y_test).mean() > 0.95


def test_the_licence_stands_beside_the_digits():
    text = (datasets.digits._FILE.parent / "digits.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in text
    assert "https://archive.ics.uci.edu" in text


# ---------------------------------------------------------------- the IDX format


def idx_bytes(array, code=0x08):
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
@pytest.mark.parametrize("packed", [False, True])
def test_idx_of_every_type(tmp_path, code, dtype, packed):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    content = idx_bytes(array, code)
    (tmp_path / "file").write_bytes(gzip.compress(content) if packed else content)
    read = datasets.read_idx(tmp_path / "file")
    np.testing.assert_array_equal(read, array)
    assert read.dtype.isnative
    assert read.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file: it starts with nothing"),
        (b"\x89PNG\r\n", "not an IDX file: it starts with 89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\1x", "not an IDX file"),
        (idx_bytes(np.zeros((2, 3), "u1"))[:9], "cut short inside its header: 9 of 12 bytes"),
        (
            idx_bytes(np.zeros((2, 3), "u1"))[:-1],
            r"cut short: 17 bytes, the shape \(2, 3\) takes 18",
        ),
        (idx_bytes(np.zeros((2, 3), "u1")) + b"x", "bytes left over"),
        (gzip.compress(idx_bytes(np.zeros((20, 30), "u1")))[:-12], "damaged gzip"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "cut short"),
    ],
)
def test_damaged_idx(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        datasets.read_idx(tmp_path / "file")


# ---------------------------------------------------------------- MNIST

TRAIN, TEST = 30, 20


@pytest.fixture
def arrays():
    rng = np.random.default_rng(1)
    return {
        "x_train": rng.integers(0, 256, (TRAIN, 28, 28), dtype=np.uint8),
        "y_train": rng.integers(0, 10, TRAIN, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (TEST, 28, 28), dtype=np.uint8),
        "y_test": rng.integers(0, 10, TEST, dtype=np.uint8),
    }


@pytest.fixture(autouse=True)
def no_network(tmp_path, monkeypatch):
    """An empty cache, and a download that can only come from a file made here."""
    monkeypatch.setenv("DIPTYCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DIPTYCH_MNIST", raising=False)
    monkeypatch.setattr(mnist, "URL", (tmp_path / "server" / "mnist.npz").as_uri())


def write_idx(folder, arrays, names, packed=True, dot=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        stem = idx.NAMES[name]
        stem = stem.replace("-idx", ".idx") if dot else stem
        content = idx_bytes(arrays[name])
        path = folder / (stem + ".gz" if packed else stem)
        path.write_bytes(gzip.compress(content) if packed else content)


def assert_whole(loaded, arrays):
    (x_train, y_train), (x_test, y_test) = loaded
    for name, array in zip(arrays, (x_train, y_train, x_test, y_test), strict=True):
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == np.uint8


def assert_test_part_split(loaded, arrays):
    (x_train, y_train), (x_test, y_test) = loaded
    assert len(x_train) == len(y_train) == 18
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), arrays["x_test"])
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), arrays["y_test"])


def test_mnist_from_an_npz_file_or_its_folder(tmp_path, arrays):
    np.savez(tmp_path / "mnist.npz", **arrays)
    assert_whole(mnist.load_data(tmp_path / "mnist.npz"), arrays)
    assert_whole(mnist.load_data(str(tmp_path)), arrays)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dot", [True, False])
def test_mnist_from_four_idx_files(tmp_path, arrays, packed, dot):
    write_idx(tmp_path / "idx", arrays, arrays, packed, dot)
    assert_whole(mnist.load_data(tmp_path / "idx"), arrays)
    one_of_them = next((tmp_path / "idx").iterdir())
    assert_whole(mnist.load_data(one_of_them), arrays)


def test_mnist_from_the_test_part_alone_says_so(tmp_path, arrays, capsys):
    write_idx(tmp_path / "idx", arrays, ["x_test", "y_test"])
    assert_test_part_split(mnist.load_data(tmp_path / "idx"), arrays)
    said = capsys.readouterr().err
    assert "only the official TEST set" in said
    assert "first 18 images" in said


def test_mnist_from_the_environment_variable(tmp_path, arrays, monkeypatch):
    write_idx(tmp_path / "idx", arrays, arrays)
    monkeypatch.setenv("DIPTYCH_MNIST", str(tmp_path / "idx"))
    assert_whole(mnist.load_data(), arrays)
    monkeypatch.setenv("DIPTYCH_MNIST", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="DIPTYCH_MNIST names .*nowhere"):
        mnist.load_data()


def test_mnist_from_the_cache(arrays):
    folder = _cache.cache_folder()
    write_idx(folder, arrays, ["x_test", "y_test"])
    assert_test_part_split(mnist.load_data(), arrays)
    np.savez(folder / "mnist.npz", **arrays)
    assert_whole(mnist.load_data(), arrays)


def test_mnist_is_downloaded_once_and_checked(tmp_path, arrays, monkeypatch):
    server = tmp_path / "server" / "mnist.npz"
    server.parent.mkdir()
    np.savez(server, **arrays)
    with pytest.raises(ValueError, match="SHA-256"):
        mnist.load_data()
    assert list(_cache.cache_folder().iterdir()) == []
    monkeypatch.setattr(mnist, "SHA256", hashlib.sha256(server.read_bytes()).hexdigest())
    assert_whole(mnist.load_data(), arrays)
    server.unlink()
    assert_whole(mnist.load_data(), arrays)
    assert [path.name for path in _cache.cache_folder().iterdir()] == ["mnist.npz"]


def test_mnist_without_files_or_network_says_what_to_put_where():
    with pytest.raises(FileNotFoundError) as caught:
        mnist.load_data()
    message = str(caught.value)
    for part in (
        "mnist.npz",
        str(_cache.cache_folder()),
        "t10k-images-idx3-ubyte",
        "DIPTYCH_MNIST",
    ):
        assert part in message


@pytest.mark.parametrize("names", [["x_test"], ["x_test", "y_test", "x_train"], []])
def test_mnist_from_a_folder_that_lacks_a_file(tmp_path, arrays, names):
    write_idx(tmp_path / "idx", arrays, names)
    with pytest.raises(FileNotFoundError, match="missing: .*labels-idx1-ubyte"):
        mnist.load_data(tmp_path / "idx")


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        mnist.load_data(tmp_path / "absent.npz")


def test_damaged_or_foreign_npz(tmp_path, arrays):
    path = tmp_path / "mnist.npz"
    np.savez(path, **arrays)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        mnist.load_data(path)
    np.savez(path, x_train=arrays["x_train"])
    with pytest.raises(ValueError, match="lacks y_train, x_test, y_test"):
        mnist.load_data(path)


def test_labels_and_images_that_do_not_match(tmp_path, arrays):
    arrays["y_test"] = arrays["y_test"][:-1]
    write_idx(tmp_path / "idx", arrays, arrays)
    with pytest.raises(ValueError, match=r"labels of shape \(19,\)"):
        mnist.load_data(tmp_path / "idx")


# ---------------------------------------------------------------- made data

MADE = {
    "and_gate": datasets.and_gate,
    "xor": datasets.xor,
    "gender": datasets.gender,
    "spirals": datasets.spirals,
}


@pytest.mark.parametrize("name", MADE)
def test_made_data(name):
    make = MADE[name]
    x, y = make(n=60, seed=3)
    assert len(x) == len(y) == 60
    assert x.ndim == 2
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(make(n=60, seed=3)[0], x)
    assert not np.array_equal(make(n=60, seed=4)[0], x)
    set_random_seed(2)
    first = make(n=60)[0]
    assert not np.array_equal(make(n=60)[0], first)
    set_random_seed(2)
    np.testing.assert_array_equal(make(n=60)[0], first)
    config.set_floatx("float64")
    assert make(n=5, seed=1)[0].dtype == np.float64


@pytest.mark.parametrize(
    ("name", "gate"), [("and_gate", lambda a, b: a and b), ("xor", lambda a, b: a != b)]
)
def test_gates(name, gate):
    x, y = MADE[name](n=200, seed=1)
    assert {tuple(row) for row in x.tolist()} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    for (a, b), label in zip(x.tolist(), y.tolist(), strict=True):
        assert label == gate(a, b)


def test_gender_has_the_ceiling_it_promises():
    x, y = datasets.gender(n=40000, seed=1)
    assert (y[:20000] == 1).all()
    assert (y[20000:] == 0).all()
    np.testing.assert_allclose(x[y == 1].mean(0), [1, 1, -1], atol=0.03)
    np.testing.assert_allclose(x[y == 0].mean(0), [0, 0, 0], atol=0.03)
    # The best rule there is: on which side of the middle between the two centres.
    best = (x @ [1, 1, -1] > 1.5) == (y == 1)
    assert best.mean() == pytest.approx(0.807, abs=0.01)


def test_spirals_wind():
    x, y = datasets.spirals(n=1000, classes=4, noise=0.0, seed=1)
    np.testing.assert_array_equal(np.bincount(y), [250] * 4)
    radius = np.hypot(*x.T)
    assert radius.max() <= 1.0
    start = np.angle(np.exp(1j * (np.arctan2(x[:, 1], x[:, 0]) - 4.0 * radius)))
    np.testing.assert_allclose(np.exp(1j * start), np.exp(0.5j * np.pi * y), atol=1e-4)
    with pytest.raises(ValueError, match="classes=0"):
        datasets.spirals(classes=0)
