"""Boston housing: prices of houses in 506 districts in 1978 (D. Harrison and D. Rubinfeld).

One of its features is made from the share of black inhabitants, on an assumption about how
prejudice moves prices; take `california_housing` for anything but the discussion of that.

It is not part of the package: `load_data` downloads it once, or reads a file that you have.
"""

from __future__ import annotations

import os

import numpy as np

from ._cache import find_file
from ._tables import check_split, split
from ._words import read_arrays

__all__ = ["load_data"]

NAME = "boston_housing.npz"
URL = f"https://storage.googleapis.com/tensorflow/tf-keras-datasets/{NAME}"
SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
VARIABLE = "DIPTYCH_BOSTON_HOUSING"


def load_data(
    path: str | os.PathLike[str] = NAME, test_split: float = 0.2, seed: int = 113
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the prices: `(x_train, y_train), (x_test, y_test)`.

    x: (N, 13) float64, y: (N,) float64, the median price in thousands of dollars; 404 and 102 rows.

    path: a file `boston_housing.npz`, a folder that contains it, or the name of the download in the
        cache, ~/.diptych/datasets ($DIPTYCH_HOME/datasets).
    test_split: this share of the rows, the last ones after shuffling, is for testing.
    seed: of the shuffling.

    The file is searched for in this order: `path`, the environment variable DIPTYCH_BOSTON_HOUSING
    (a file or folder), the cache, the network. A download is checked by its SHA-256.
    """
    check_split("boston_housing.load_data()", test_split)
    file = find_file(NAME, path, VARIABLE, URL, SHA256, "Boston housing")
    x, y = read_arrays(file, ("x", "y"))
    return split(x, y, test_split, seed, file)


def __dir__() -> list[str]:
    return sorted(__all__)
