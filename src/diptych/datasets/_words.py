"""What `imdb` and `reuters` share: texts as lists of word numbers, stored as pickled objects."""

from __future__ import annotations

import json
import pickle
import zipfile
import zlib

import numpy as np

# What zipfile and pickle raise for damaged files (RuntimeError: an unknown compression or
# encryption).
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    UnicodeDecodeError,
    EOFError,
    pickle.UnpicklingError,
)
# The functions by which a pickle rebuilds arrays and their numbers.
STORED = {"_reconstruct", "scalar"}


class _ArraysOnly(pickle.Unpickler):
    """Reads arrays and lists of numbers, and refuses everything else, so that no code runs."""

    def find_class(self, module, name):
        if module.startswith("numpy") and name in STORED:
            made = np.empty(0) if name == "_reconstruct" else np.int64(0)
            return made.__reduce__()[0]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(
            f"it contains {module}.{name}; only lists of numbers are expected"
        )


def read_arrays(path, names):
    """The arrays with these names of an .npz file, lists in them included.

    `np.load(allow_pickle=True)` would run any code in the file; this reads data alone.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            stored = {name.removesuffix(".npy") for name in archive.namelist()}
            missing = [name for name in names if name not in stored]
            if missing:
                raise ValueError(
                    f"{path} lacks {', '.join(missing)}; expected the arrays {', '.join(names)}"
                )
            arrays = []
            for name in names:
                with archive.open(f"{name}.npy") as file:
                    arrays.append(_read_array(file))
            return arrays
    except DAMAGE as error:
        raise ValueError(
            f"{path} is damaged or not a data set ({error}); delete it and load it again"
        ) from error


def _read_array(file):
    start = file.tell()
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    _, _, dtype = read(file)
    if dtype.hasobject:
        return _ArraysOnly(file).load()
    file.seek(start)
    return np.lib.format.read_array(file, allow_pickle=False)


def shuffled(sequences, labels, seed):
    order = np.arange(len(sequences))
    np.random.RandomState(seed).shuffle(order)
    return sequences[order], labels[order]


def marked(sequences, start_char, index_from):
    """Each sequence with its numbers moved up by `index_from`, after the start character."""
    first = [] if start_char is None else [start_char]
    return [first + [word + index_from for word in sequence] for sequence in sequences]


def without_long(sequences, labels, maxlen):
    """The sequences shorter than `maxlen`, with their labels."""
    short = [i for i, sequence in enumerate(sequences) if len(sequence) < maxlen]
    if not short:
        raise ValueError(
            f"maxlen={maxlen} leaves no text, since only shorter ones are kept; the shortest has "
            f"{min(map(len, sequences), default=0)}. Give a larger maxlen."
        )
    return [sequences[i] for i in short], labels[short]


def limited(sequences, num_words, skip_top, oov_char):
    """Keep words skip_top .. num_words - 1; others become `oov_char`, or are left out if it is
    None.
    """
    if oov_char is None:
        return [[w for w in sequence if skip_top <= w < num_words] for sequence in sequences]
    return [
        [w if skip_top <= w < num_words else oov_char for w in sequence] for sequence in sequences
    ]


def largest(sequences):
    return max(max(sequence) for sequence in sequences if sequence)


def as_objects(sequences):
    """A one-dimensional array of lists, whether or not they are equally long."""
    array = np.empty(len(sequences), dtype=object)
    array[:] = sequences
    return array


def check_arguments(owner, num_words, skip_top, maxlen, index_from):
    for name, value in (
        ("num_words", num_words),
        ("skip_top", skip_top),
        ("maxlen", maxlen),
        ("index_from", index_from),
    ):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and (not whole or value < 0):
            raise ValueError(f"{owner}: {name}={value!r}; expected a whole number, or None")


def read_word_index(path):
    """{word: number} of a JSON file."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged or not a word index ({error}); delete it and load it again"
        ) from error
