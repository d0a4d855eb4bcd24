"""Fashion-MNIST, CIFAR and the tables of houses, from tiny files made here."""

import gzip
import hashlib
import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from diptych import config, datasets
from diptych.datasets import (
    _cifar,
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    idx,
)

from .test_datasets import idx_bytes

rng = np.random.default_rng(4)


@pytest.fixture(autouse=True)
def server(tmp_path, monkeypatch):
    """An empty folder as the server, an empty cache, no variable set."""
    folder = tmp_path / "server"
    folder.mkdir()
    monkeypatch.setenv("DIPTYCH_HOME", str(tmp_path / "home"))
    for module in (fashion_mnist, cifar10, cifar100, boston_housing, california_housing):
        monkeypatch.delenv(module.VARIABLE, raising=False)
        name = getattr(module, "ARCHIVE", getattr(module, "NAME", ""))
        monkeypatch.setattr(module, "URL", (folder / name).as_uri())
    return folder


def serve(monkeypatch, module, path):
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())


def test_whatever_is_fetched_has_a_checksum():
    """Every address of a data set stands beside the SHA-256 of what is there; word lists beside an
    MD5.
    """
    addresses = 0
    for path in Path(datasets.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if not re.search(r'^(URL|FOLDER) = f?"https://', text, re.M):
            assert "https://" not in re.sub(r'""".*?"""', "", text, flags=re.S), path
            continue
        addresses += 1
        assert re.search(r'^SHA256 = (\{\n)?[^}]*"[0-9a-f]{64}"', text, re.M), path
        if "word_index" in text:
            assert re.search(r'^INDEX_MD5 = "[0-9a-f]{32}"$', text, re.M), path
    assert addresses == 8


# ---------------------------------------------------------------- Fashion-MNIST

CLOTHES = {
    "x_train": rng.integers(0, 256, (12, 28, 28), dtype=np.uint8),
    "y_train": rng.integers(0, 10, 12, dtype=np.uint8),
    "x_test": rng.integers(0, 256, (5, 28, 28), dtype=np.uint8),
    "y_test": rng.integers(0, 10, 5, dtype=np.uint8),
}


def write_clothes(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in CLOTHES.items():
        (folder / f"{idx.NAMES[name]}.gz").write_bytes(gzip.compress(idx_bytes(array)))


def assert_clothes(loaded):
    for array, name in zip([*loaded[0], *loaded[1]], CLOTHES, strict=True):
        np.testing.assert_array_equal(array, CLOTHES[name])
        assert array.dtype == np.uint8


def test_fashion_mnist_is_downloaded_once_and_checked(server, tmp_path, monkeypatch):
    write_clothes(server)
    with pytest.raises(ValueError, match="SHA-256"):
        fashion_mnist.load_data()
    sums = {
        name: hashlib.sha256((server / f"{stem}.gz").read_bytes()).hexdigest()
        for name, stem in idx.NAMES.items()
    }
    monkeypatch.setattr(fashion_mnist, "SHA256", sums)
    assert_clothes(fashion_mnist.load_data())
    for path in server.iterdir():
        path.unlink()
    assert_clothes(fashion_mnist.load_data())
    folder = tmp_path / "home" / "datasets" / "fashion-mnist"
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="Put train-images-idx3-ubyte.*fashion-mnist"):
        fashion_mnist.load_data()


def test_fashion_mnist_from_a_folder(tmp_path, monkeypatch):
    write_clothes(tmp_path / "mine")
    monkeypatch.setenv("DIPTYCH_FASHION_MNIST", str(tmp_path / "mine"))
    assert_clothes(fashion_mnist.load_data())
    (tmp_path / "mine" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte is not there"):
        fashion_mnist.load_data()


# ---------------------------------------------------------------- CIFAR


def records(count, labels):
    """Images (count, 32, 32, 3), labels (count, ...), and the bytes of the binary version."""
    x = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    y = np.stack([rng.integers(0, n, count, dtype=np.uint8) for n in labels], axis=1)
    rows = np.concatenate([y, x.transpose(0, 3, 1, 2).reshape(count, -1)], axis=1)
    return x, y, rows.tobytes()


def archive_of(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def ten(server, monkeypatch):
    """CIFAR-10 on the server: five files of 2 images for training, one of 3 for testing."""
    parts = [records(2, [10]) for _ in range(5)]
    test = records(3, [10])
    files = {f"cifar-10-batches-bin/data_batch_{i + 1}.bin": p[2] for i, p in enumerate(parts)}
    files["cifar-10-batches-bin/test_batch.bin"] = test[2]
    archive_of(server / cifar10.ARCHIVE, files)
    serve(monkeypatch, cifar10, server / cifar10.ARCHIVE)
    x, y = (np.concatenate([p[i] for p in parts]) for i in range(2))
    return (x, y), test[:2]


def assert_pairs(loaded, expected, dtype):
    for (x, y), (true_x, true_y) in zip(loaded, expected, strict=True):
        np.testing.assert_array_equal(x, true_x)
        np.testing.assert_array_equal(y, true_y)
        assert (x.dtype, y.dtype, y.ndim) == (np.uint8, dtype, 2)
        assert x.flags.c_contiguous
        assert x.flags.writeable


def test_cifar10(server, ten, tmp_path, monkeypatch):
    assert_pairs(cifar10.load_data(), ten, np.uint8)
    (server / cifar10.ARCHIVE).unlink()
    assert_pairs(cifar10.load_data(), ten, np.uint8)
    config.set_image_data_format("channels_first")
    (x, _), _ = cifar10.load_data()
    np.testing.assert_array_equal(x.transpose(0, 2, 3, 1), ten[0][0])
    config.set_image_data_format("channels_last")
    unpacked = tmp_path / "home" / "datasets" / "cifar-10-binary_extracted"
    unpacked.rename(tmp_path / "mine")
    monkeypatch.setenv("DIPTYCH_HOME", str(tmp_path / "nothing"))
    for place in (tmp_path / "mine", tmp_path / "mine" / "cifar-10-batches-bin"):
        monkeypatch.setenv("DIPTYCH_CIFAR10", str(place))
        assert_pairs(cifar10.load_data(), ten, np.uint8)
    (place / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_3\.bin is not there"):
        cifar10.load_data()


def test_cifar10_from_an_archive_in_the_cache(server, ten, tmp_path):
    folder = tmp_path / "home" / "datasets"
    folder.mkdir(parents=True)
    (server / cifar10.ARCHIVE).rename(folder / cifar10.ARCHIVE)
    assert_pairs(cifar10.load_data(), ten, np.uint8)


@pytest.mark.parametrize(("mode", "column"), [("fine", 1), ("coarse", 0)])
def test_cifar100(server, monkeypatch, mode, column):
    parts = {"train.bin": records(4, [20, 100]), "test.bin": records(2, [20, 100])}
    files = {f"cifar-100-binary/{name}": part[2] for name, part in parts.items()}
    archive_of(server / cifar100.ARCHIVE, files)
    serve(monkeypatch, cifar100, server / cifar100.ARCHIVE)
    expected = [(x, y[:, column : column + 1]) for x, y, _ in parts.values()]
    assert_pairs(cifar100.load_data(mode), expected, np.int64)
    with pytest.raises(ValueError, match="did you mean 'coarse'"):
        cifar100.load_data("course")


def test_cifar_without_files_or_network_says_what_to_put_where(tmp_path):
    for module in (cifar10, cifar100):
        with pytest.raises(FileNotFoundError) as caught:
            module.load_data()
        for part in (module.ARCHIVE, str(tmp_path / "home" / "datasets"), module.VARIABLE):
            assert part in str(caught.value)


def test_damaged_cifar(tmp_path):
    path = tmp_path / "train.bin"
    for content, message in (
        (b"", "has 0 bytes"),
        (bytes(3073 * 2 - 1), "no whole number of records of 3073 bytes"),
        (b"\x0b" + bytes(3072), "label 11; expected 0 to 9"),
        (b"\x80\x02c__builtin__\nexec\n.", "no whole number of records"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            _cifar.read([path], labels=1, classes=10)


# ---------------------------------------------------------------- houses


@pytest.mark.parametrize("module", [boston_housing, california_housing])
def test_houses(server, monkeypatch, tmp_path, module):
    x, y = rng.normal(size=(20, 4)), np.arange(20.0)
    np.savez(server / module.NAME, x=x, y=y)
    serve(monkeypatch, module, server / module.NAME)
    order = np.arange(20)
    np.random.RandomState(113).shuffle(order)
    (x_train, y_train), (x_test, y_test) = module.load_data()
    np.testing.assert_array_equal(y_train, order[:16])
    np.testing.assert_array_equal(y_test, order[16:])
    np.testing.assert_array_equal(x_train, x[order[:16]])
    np.testing.assert_array_equal(x_test, x[order[16:]])
    assert x_train.dtype == np.float64
    (_, y_train), (_, y_test) = module.load_data(path=server, test_split=0.0, seed=1)
    assert (len(y_train), len(y_test)) == (20, 0)
    assert y_train.tolist() != order.tolist()
    for wrong in (1.0, -0.1):
        with pytest.raises(ValueError, match=r"load_data\(\): test_split"):
            module.load_data(test_split=wrong)
    np.savez(tmp_path / "other.npz", x=x, y=y[:3])
    with pytest.raises(ValueError, match=r"shape \(20, 4\) with targets of shape \(3,\)"):
        module.load_data(path=tmp_path / "other.npz")


def test_a_small_california(tmp_path):
    path = tmp_path / "california_housing.npz"
    np.savez(path, x=np.zeros((700, 8)), y=np.arange(700.0))
    (_, y_train), (_, y_test) = california_housing.load_data("small", path)
    assert sorted([*y_train, *y_test]) == list(range(600))
    with pytest.raises(ValueError, match="version='small' or 'large'"):
        california_housing.load_data("medium", path)
