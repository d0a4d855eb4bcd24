"""CIFAR-10: 60,000 small colour pictures of ten kinds of things (A. Krizhevsky 2009).

It is not part of the package: `load_data` downloads it once, or reads files that you have.
"""

from __future__ import annotations

import numpy as np

from ._cifar import find_folder, read

__all__ = ["load_data"]

ARCHIVE = "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
VARIABLE = "DIPTYCH_CIFAR10"
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load CIFAR-10: `(x_train, y_train), (x_test, y_test)`.

    x_train: (50000, 32, 32, 3) uint8, 0 to 255; (50000, 3, 32, 32) if the channels come first, as
        configured. y_train: (50000, 1) uint8: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5
        dog, 6 frog, 7 horse, 8 ship, 9 truck.
    x_test, y_test: the same for 10,000 samples.

    The files of the binary version are searched for in the folder that the environment variable
    DIPTYCH_CIFAR10 names, then in the cache, ~/.diptych/datasets ($DIPTYCH_HOME/datasets). A
    download is checked by its SHA-256.
    """
    files = (*TRAIN, "test_batch.bin")
    folder = find_folder(ARCHIVE, URL, SHA256, VARIABLE, "cifar-10-batches-bin", files)
    train = read([folder / name for name in TRAIN], labels=1, classes=10)
    return train, read([folder / files[-1]], labels=1, classes=10)


def __dir__() -> list[str]:
    return sorted(__all__)
