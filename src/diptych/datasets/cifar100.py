"""CIFAR-100: 60,000 small colour pictures of a hundred kinds of things (A. Krizhevsky 2009).

It is not part of the package: `load_data` downloads it once, or reads files that you have.
"""

from __future__ import annotations

import numpy as np

from ..utils.naming import suggest
from ._cifar import find_folder, read

__all__ = ["load_data"]

ARCHIVE = "cifar-100-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
SHA256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
VARIABLE = "DIPTYCH_CIFAR100"
MODES = ("coarse", "fine")  # in the order of a record


def load_data(
    label_mode: str = "fine",
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load CIFAR-100: `(x_train, y_train), (x_test, y_test)`.

    x_train: (50000, 32, 32, 3) uint8, 0 to 255; (50000, 3, 32, 32) if the channels come first, as
        configured. y_train: (50000, 1) int64, 0 to 99, or 0 to 19 for "coarse".
    x_test, y_test: the same for 10,000 samples.

    label_mode: "fine" for the hundred kinds, "coarse" for the twenty groups of them.

    The files of the binary version are searched for in the folder that the environment variable
    DIPTYCH_CIFAR100 names, then in the cache, ~/.diptych/datasets ($DIPTYCH_HOME/datasets). A
    download is checked by its SHA-256.
    """
    if label_mode not in MODES:
        raise ValueError(
            f"cifar100.load_data() needs label_mode='fine' or 'coarse'; got {label_mode!r}"
            f"{suggest(label_mode, MODES) or '.'}"
        )
    files = ("train.bin", "test.bin")
    folder = find_folder(ARCHIVE, URL, SHA256, VARIABLE, "cifar-100-binary", files)
    column = MODES.index(label_mode)
    train, test = ((x, y[:, column : column + 1].astype(np.int64)) for x, y in (
        read([folder / name], labels=2, classes=100) for name in files
    ))  # fmt: skip
    return train, test


def __dir__() -> list[str]:
    return sorted(__all__)
