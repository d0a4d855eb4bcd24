"""What `imdb` and `reuters` share: texts as lists of word numbers, stored as pickled objects."""

from __future__ import annotations

import io
import json
import math
import pickle
import zipfile

import numpy as np

_MOST = 64 << 20  # bytes of an array, unpacked; MNIST has the largest, of 47 MB


class _Kind:
    """A dtype in a pickle: its code, such as "i8", and its byte order."""

    def __init__(self, code, *_):
        self.code, self.order = code, "<"

    def __setstate__(self, state):
        self.order = ">" if state[1] == ">" else "<"

    def numbers(self, content):
        dtype = np.dtype(self.order + self.code)
        if dtype.kind not in "biuf":
            raise ValueError(f"it contains {dtype}; only numbers are expected")
        return np.frombuffer(content, dtype).tolist()


class _Array:
    """An array in a pickle, as a list. NumPy's own way would trust what the file says of types."""

    def __init__(self, *_):
        self.values = []

    def __setstate__(self, state):
        _, shape, kind, _, content = state
        if len(shape) != 1:
            raise ValueError(f"it contains an array of shape {shape}")
        self.values = content if isinstance(content, list) else kind.numbers(content)


def _scalar(kind, content):
    return kind.numbers(content)[0]


class _ArraysOnly(pickle._Unpickler):
    """Reads arrays and lists of numbers, and refuses everything else, so that no code runs.

    It is the one written in Python: the one in C makes room for as many objects as a file claims.
    """

    _KNOWN = {"_reconstruct": _Array, "scalar": _scalar, "ndarray": None, "dtype": _Kind}

    def find_class(self, module, name):
        if module.split(".")[0] == "numpy" and name in self._KNOWN:
            return self._KNOWN[name]
        raise pickle.UnpicklingError(
            f"it contains {module}.{name}; only lists of numbers are expected"
        )


def read_arrays(path, names):
    """The arrays with these names of an .npz file; lists of lists where they hold those.

    `np.load(allow_pickle=True)` would run any code in the file; this reads data alone.

    Raises ValueError if one is missing, is too large, or holds anything but numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            stored = {name.removesuffix(".npy") for name in archive.namelist()}
            missing = [name for name in names if name not in stored]
            if not missing:
                return [_read_array(archive, f"{name}.npy") for name in names]
    except Exception as error:  # whatever damaged bytes make of zipfile, NumPy and pickle
        raise ValueError(
            f"{path} is damaged or not a data set ({error}); delete it and load it again"
        ) from error
    raise ValueError(f"{path} lacks {', '.join(missing)}; expected the arrays {', '.join(names)}")


def _read_array(archive, name):
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is packed in an unknown way")
    with archive.open(info) as file:
        content = io.BytesIO(file.read(_MOST + 1))
    size = len(content.getbuffer())
    if size > _MOST:
        raise ValueError(f"{name} has more than {_MOST >> 20} MB")
    version = np.lib.format.read_magic(content)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(content)
    if dtype.hasobject:
        return _lists(_ArraysOnly(content).load(), shape)
    left = size - content.tell()
    if dtype.kind not in "biuf" or min(shape, default=0) < 0:
        raise ValueError(f"{name} has the type {dtype} and the shape {shape}")
    if math.prod(shape) * dtype.itemsize != left:
        raise ValueError(f"{name} has {left} bytes, which do not fit its shape {shape}")
    array = np.frombuffer(content.getbuffer(), dtype, offset=content.tell())
    return array.reshape(shape, order="F" if by_columns else "C").copy()


def _lists(found, shape):
    """An array of lists of whole numbers, of this shape."""
    rows = found.values if isinstance(found, _Array) else found
    if not isinstance(rows, list) or shape != (len(rows),):
        raise ValueError(f"it contains no lists of shape {shape}")
    rows = [row.values if isinstance(row, _Array) else row for row in rows]
    if all(type(row) is int for row in rows):
        return np.array(rows)
    for row in rows:
        if not isinstance(row, list) or not set(map(type, row)) <= {int}:
            raise ValueError("it contains more than lists of numbers")
    return as_objects(rows)


def check_pair(sequences, labels, path):
    """Raise a ValueError unless these are texts, and a label for each."""
    if sequences.dtype != object or labels.shape != sequences.shape:
        raise ValueError(
            f"{path} is no data set of texts: it has {sequences.dtype} of shape {sequences.shape} "
            f"with labels of shape {labels.shape}"
        )


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
