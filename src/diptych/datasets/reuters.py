"""Reuters: 11,228 newswires on 46 topics (D. Lewis 1997), as lists of word numbers.

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

__all__ = ["get_label_names", "get_word_index", "load_data"]

FOLDER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"
VARIABLE = "DIPTYCH_REUTERS"

TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves "
    "ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin "
    "strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem "
    "dlr gas silver wpi hog lead"
)


@accepts_old(nb_words="num_words")
def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the newswires: `(x_train, y_train), (x_test, y_test)`.

    x: an array of lists of word numbers, y: the topics, 0 to 45 (see ``get_label_names``).

    path: a file `reuters.npz`, a folder that contains it, or the name of the download in the cache.
        The environment variable is DIPTYCH_REUTERS.
    test_split: this share of the newswires, the last ones after shuffling, is for testing.
    num_words, skip_top, maxlen, seed, start_char, oov_char, index_from: see ``imdb.load_data``.
    """
    check_arguments("reuters.load_data()", num_words, skip_top, maxlen, index_from)
    if not 0 <= test_split <= 1:
        raise ValueError(f"reuters.load_data(): test_split={test_split}; expected 0 to 1")
    url = f"{FOLDER}/reuters.npz"
    file = find_file("reuters.npz", path, VARIABLE, url, SHA256, "Reuters")
    x, y = read_arrays(file, ("x", "y"))
    check_pair(x, y, file)
    x, y = shuffled(x, y, seed)
    x = marked(x, start_char, index_from)
    if maxlen:
        x, y = without_long(x, y, maxlen)
    x = limited(x, num_words or largest(x), skip_top, oov_char)
    split = int(len(x) * (1 - test_split))
    y = np.asarray(y)
    return (as_objects(x[:split]), y[:split]), (as_objects(x[split:]), y[split:])


def get_word_index(path: str | os.PathLike[str] = "reuters_word_index.json") -> dict[str, int]:
    """Load {word: place in the ranking}, from 1; in the newswires it is higher by ``index_from``.

    path: a file, a folder with `reuters_word_index.json`, or a name in the cache.
    """
    name = "reuters_word_index.json"
    what = "The word index of Reuters"
    return read_word_index(find_file(name, path, VARIABLE, f"{FOLDER}/{name}", INDEX_MD5, what))


def get_label_names() -> tuple[str, ...]:
    """The topics, in the order of their numbers."""
    return tuple(TOPICS.split())


def __dir__() -> list[str]:
    return sorted(__all__)
