"""Fashion-MNIST: 70,000 pictures of clothes, 28 x 28 points (H. Xiao, K. Rasul and R. Vollgraf
2017; MIT licence).

It is not part of the package: `load_data` downloads it once, or reads files that you have.
"""

from __future__ import annotations

import numpy as np

from ._cache import cache_folder, download, named_by
from .idx import NAMES, find_idx, read_pair

__all__ = ["load_data"]

URL = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
SHA256 = {
    "x_train": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "y_train": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "x_test": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "y_test": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
VARIABLE = "DIPTYCH_FASHION_MNIST"


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load Fashion-MNIST: `(x_train, y_train), (x_test, y_test)`.

    x_train: (60000, 28, 28) uint8, 0 to 255. y_train: (60000,) uint8: 0 T-shirt or top, 1 trousers,
        2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.
    x_test, y_test: the same for 10,000 samples.

    The four files of the IDX format (gzipped or not) are searched for in the folder that the
    environment variable DIPTYCH_FASHION_MNIST names, then in the cache,
    ~/.diptych/datasets/fashion-mnist ($DIPTYCH_HOME/datasets/fashion-mnist); what is missing there
    is downloaded, and checked by its SHA-256.
    """
    folder = named_by(VARIABLE)
    files = {}
    for array, name in NAMES.items():
        files[array] = find_idx(folder or _cached(), array)
        if files[array] is None and folder is not None:
            raise FileNotFoundError(
                f"the environment variable {VARIABLE} names {str(folder)!r}; {name} is not there"
            )
        if files[array] is None:
            files[array] = download(
                f"{URL}/{name}.gz", _cached() / f"{name}.gz", SHA256[array], _help_text()
            )
    train = read_pair(files["x_train"], files["y_train"])
    return train, read_pair(files["x_test"], files["y_test"])


def _cached():
    return cache_folder() / "fashion-mnist"


def _help_text():
    return (
        f"Fashion-MNIST is not on this computer. Put {', '.join(NAMES.values())} (as they are or "
        f"with .gz) into {_cached()},\nor name their folder in the environment variable {VARIABLE}."
    )


def __dir__() -> list[str]:
    return sorted(__all__)
