"""MNIST: 70,000 handwritten digits of 28 x 28 points (Y. LeCun, C. Cortes and C. Burges; CC BY-SA
3.0).

It is not part of the package: `load_data` downloads it once, or reads files that you have.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from ._cache import cache_folder, download, named_by
from ._words import read_arrays
from .idx import NAMES, check_pair, find_idx, read_pair

__all__ = ["load_data"]

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(
    path: str | os.PathLike[str] = "mnist.npz",
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load MNIST: `(x_train, y_train), (x_test, y_test)`.

    x_train: (60000, 28, 28) uint8, 0 (background) to 255 (ink). y_train: (60000,) uint8, the digits
        0 to 9.
    x_test, y_test: the same for 10,000 samples.

    path: a file `mnist.npz`; a folder that contains it, or the four files of the IDX format
        (gzipped or not); or the name of the download in the cache, ~/.diptych/datasets
        ($DIPTYCH_HOME/datasets).

    The data are searched for in this order: `path`, the environment variable DIPTYCH_MNIST (a file
    or folder as above), the cache, the network. A download is checked by its SHA-256.

    A folder with only the two t10k files, MNIST's official TEST set of 10,000 images, works too:
    the first nine tenths are returned as training part and the last tenth as test part, with a
    warning on standard error. Accuracies on that split do not compare with published ones.
    """
    given = Path(path).expanduser()
    if str(path) != "mnist.npz" and given.exists():
        return _read(given)
    named = named_by("DIPTYCH_MNIST")
    if named is not None:
        return _read(named)
    folder = cache_folder()
    cached = folder / given.name
    if cached.exists():
        return _read(cached)
    if find_idx(folder, "x_test"):
        return _read(folder)
    if given.is_absolute() or len(given.parts) > 1:
        raise FileNotFoundError(
            f"{path} does not exist; expected mnist.npz, or a folder with mnist.npz or IDX files"
        )
    help_text = (
        f"MNIST is not on this computer. Put mnist.npz into {folder},\n"
        f"or the IDX files {', '.join(NAMES.values())}\n"
        "(as they are or with .gz; the last two are enough),\n"
        "or name their place: load_data(path=...), or the environment variable DIPTYCH_MNIST.\n"
        "datasets.digits.load_data() needs no download."
    )
    return _read(download(URL, cached, SHA256, help_text))


def _read(path):
    if path.is_file() and path.suffix == ".npz":
        return _read_npz(path)
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and (path / "mnist.npz").exists():
        return _read_npz(path / "mnist.npz")
    files = {name: find_idx(folder, name) for name in NAMES}
    if not (files["x_test"] and files["y_test"]) or bool(files["x_train"]) != bool(
        files["y_train"]
    ):
        missing = [NAMES[name] for name in NAMES if not files[name]]
        raise FileNotFoundError(
            f"{folder} holds neither mnist.npz nor the IDX files; missing: {', '.join(missing)}"
        )
    test = read_pair(files["x_test"], files["y_test"])
    if files["x_train"]:
        return read_pair(files["x_train"], files["y_train"]), test
    images, labels = test
    split = len(images) - len(images) // 10
    print(
        f"MNIST: {folder} holds only the official TEST set. Its first {split} images are used for "
        f"training and the last {len(images) - split} for testing: "
        "do not compare accuracies with published ones.",
        file=sys.stderr,
    )
    return (images[:split], labels[:split]), (images[split:], labels[split:])


def _read_npz(path):
    x_train, y_train, x_test, y_test = read_arrays(path, tuple(NAMES))
    check_pair(x_train, y_train, path)
    check_pair(x_test, y_test, path)
    return (x_train, y_train), (x_test, y_test)


def __dir__() -> list[str]:
    return sorted(__all__)
