"""IMDB: 50,000 film reviews, half of them friendly (A. Maas et al. 2011), as lists of word numbers.

It is not part of the package: `load_data` downloads it once, or reads a file that you have.
"""

from __future__ import annotations

import os

import numpy as np

from ..legacy import accepts_old
from ._cache import find_file
from ._words import (
    as_objects,
    check_arguments,
    check_pair,
    largest,
    limited,
    marked,
    read_arrays,
    read_word_index,
    shuffled,
    without_long,
)

__all__ = ["get_word_index", "load_data"]

FOLDER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
INDEX_MD5 = "bfafd718b763782e994055a2d397834f"
VARIABLE = "DIPTYCH_IMDB"


@accepts_old(nb_words="num_words")
def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the reviews: `(x_train, y_train), (x_test, y_test)`, 25,000 each.

    x: an array of lists of word numbers; word r of the ranking by frequency has the number
        r + index_from. 0 is left for padding. y: 1 for a friendly review, 0 for another.

    path: a file `imdb.npz`, a folder that contains it, or the name of the download in the cache,
        ~/.diptych/datasets ($DIPTYCH_HOME/datasets).
    num_words: only numbers below it are kept; None is the largest number there is, so that the last
        word of the ranking goes, as in Keras. skip_top: only numbers from it on.
    maxlen: only reviews of fewer numbers are kept.
    seed: of the shuffling.
    start_char: put in front of each review; None for nothing.
    oov_char: put in the place of words that are not kept; None leaves them out.
    index_from: how far numbers are moved up.

    The file is searched for in this order: `path`, the environment variable DIPTYCH_IMDB (a file or
    folder), the cache, the network. A download is checked by its SHA-256. Stored lists are read as
    data: a file that contains anything else is refused, and no code in it runs.
    """
    check_arguments("imdb.load_data()", num_words, skip_top, maxlen, index_from)
    file = find_file("imdb.npz", path, VARIABLE, f"{FOLDER}/imdb.npz", SHA256, "IMDB")
    x_train, y_train, x_test, y_test = read_arrays(file, ("x_train", "y_train", "x_test", "y_test"))
    parts = []
    for x, y in ((x_train, y_train), (x_test, y_test)):
        check_pair(x, y, file)
        x, y = shuffled(x, y, seed)
        x = marked(x, start_char, index_from)
        parts.append(without_long(x, y, maxlen) if maxlen else (x, y))
    limit = num_words or largest(x for part, _ in parts for x in part)
    train, test = (
        (as_objects(limited(x, limit, skip_top, oov_char)), np.asarray(y)) for x, y in parts
    )
    return train, test


def get_word_index(path: str | os.PathLike[str] = "imdb_word_index.json") -> dict[str, int]:
    """Load {word: place in the ranking}, from 1; in the reviews it is higher by ``index_from``.

    path: a file, a folder with `imdb_word_index.json`, or a name in the cache: as in ``load_data``.
    """
    name = "imdb_word_index.json"
    what = "The word index of IMDB"
    return read_word_index(find_file(name, path, VARIABLE, f"{FOLDER}/{name}", INDEX_MD5, what))


def __dir__() -> list[str]:
    return sorted(__all__)
