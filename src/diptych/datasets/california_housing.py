"""California housing: prices of houses in 20,640 districts in 1990 (R. Pace and R. Barry 1997).

It is not part of the package: `load_data` downloads it once, or reads a file that you have.
"""

from __future__ import annotations

import os

import numpy as np

from ..utils.naming import suggest
from ._cache import find_file
from ._tables import check_split, split
from ._words import read_arrays

__all__ = ["load_data"]

NAME = "california_housing.npz"
URL = f"https://storage.googleapis.com/tensorflow/tf-keras-datasets/{NAME}"
SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
VARIABLE = "DIPTYCH_CALIFORNIA_HOUSING"
VERSIONS = {"small": 600, "large": None}


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = NAME,
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the prices: `(x_train, y_train), (x_test, y_test)`.

    x: (N, 8), the median income, the age of the houses, rooms and bedrooms for each household,
        inhabitants, inhabitants of a household, latitude and longitude. y: (N,), the median price
        in dollars.

    version: "large" for all 20,640 rows, "small" for the first 600.
    path: a file `california_housing.npz`, a folder that contains it, or the name of the download in
        the cache, ~/.diptych/datasets ($DIPTYCH_HOME/datasets).
    test_split: this share of the rows, the last ones after shuffling, is for testing.
    seed: of the shuffling.

    The file is searched for in this order: `path`, the environment variable
    DIPTYCH_CALIFORNIA_HOUSING (a file or folder), the cache, the network. A download is checked by
    its SHA-256.
    """
    check_split("california_housing.load_data()", test_split)
    if version not in VERSIONS:
        raise ValueError(
            f"california_housing.load_data() needs version='small' or 'large'; got {version!r}"
            f"{suggest(version, VERSIONS) or '.'}"
        )
    file = find_file(NAME, path, VARIABLE, URL, SHA256, "California housing")
    x, y = read_arrays(file, ("x", "y"))
    rows = slice(VERSIONS[version])
    return split(x[rows], y[rows], test_split, seed, file)


def __dir__() -> list[str]:
    return sorted(__all__)
