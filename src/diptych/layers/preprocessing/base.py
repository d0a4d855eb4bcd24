"""What preprocessing layers share: reading values, adapting, encoding numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ...config import floatx
from ...graph import KerasTensor
from ...tensor import Tensor
from ...utils.naming import suggest
from ..layer import Layer

__all__ = [
    "KeepsVocabulary",
    "Preparation",
    "Ragged",
    "check_choice",
    "encode",
    "refuse_sparse",
    "texts_of",
]

MODES = ("int", "one_hot", "multi_hot", "count")
OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


class Preparation(Layer):
    """The base of preprocessing layers.

    `prepare(inputs)` computes on arrays, lists and texts; `call` wraps its result as a tensor.
    """

    # Whether its inputs may be texts.
    reads_text = False

    output_mode: str

    def prepare(self, inputs: Any) -> np.ndarray:
        """Compute the result for arrays or lists, as an array."""
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        return Tensor(self.prepare(inputs))

    def _as_input(self, x: Any) -> Any:
        return x  # texts, and numbers in their own type

    def build(self, input_shape: Any = None) -> None:
        self.built = True

    def output_dtype(self) -> str:
        """The dtype of the result."""
        return "int64" if self.output_mode == "int" else floatx()

    def compute_output_spec(self, inputs: Any) -> KerasTensor:  # type: ignore[override]
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype())


class KeepsVocabulary:
    """What a layer with a learnt vocabulary puts beside its weights: one text file."""

    VOCABULARY_FILE = "vocabulary.txt"

    def vocabulary_text(self) -> str | None:
        """The text of the file; None if there is no need for one."""
        raise NotImplementedError

    def take_vocabulary_text(self, text: str) -> None:
        """Set the vocabulary of a text that ``vocabulary_text`` returned."""
        raise NotImplementedError

    def save_assets(self, dir_path: str | os.PathLike) -> None:
        """Write the vocabulary to a file in a folder, if it is not in the config."""
        text = self.vocabulary_text()
        if text is not None:
            Path(dir_path, self.VOCABULARY_FILE).write_bytes(text.encode())

    def load_assets(self, dir_path: str | os.PathLike) -> None:
        """Set the vocabulary that ``save_assets`` wrote to a folder."""
        path = Path(dir_path, self.VOCABULARY_FILE)
        if path.exists():
            self.take_vocabulary_text(path.read_bytes().decode())


class Ragged:
    """Rows of different lengths, as one list of all values and the length of each row."""

    def __init__(self, values: Sequence, lengths: Sequence[int] | np.ndarray) -> None:
        self.values = values
        self.lengths = np.asarray(lengths, dtype=np.int64)

    @classmethod
    def of(cls, rows: Iterable[Sequence]) -> Ragged:
        rows = list(rows)
        return cls([value for row in rows for value in row], [len(row) for row in rows])

    def rows(self) -> list[list]:
        """The rows as lists."""
        ends = np.cumsum(self.lengths).tolist()
        starts = [0, *ends[:-1]]
        return [list(self.values[i:j]) for i, j in zip(starts, ends, strict=True)]

    def padded(self, numbers: np.ndarray, length: int | None, value: int = 0) -> np.ndarray:
        """The numbers as an array (rows, length): each row is cut or padded."""
        if length is None:
            length = int(self.lengths.max(initial=0))
        starts = np.cumsum(self.lengths) - self.lengths
        columns = np.arange(length)
        inside = columns < self.lengths[:, None]
        result = np.full(inside.shape, value, dtype=numbers.dtype)
        result[inside] = numbers[(starts[:, None] + columns)[inside]]
        return result


def values_of(inputs: Any, owner: Any) -> np.ndarray:
    """Inputs of any kind as an array; texts in lists become an array of objects."""
    if isinstance(inputs, Tensor):
        return inputs.array
    if isinstance(inputs, (str, bytes)):
        text = np.empty((), dtype=object)
        text[()] = inputs
        return text
    if isinstance(inputs, (list, tuple)):
        if all(isinstance(x, (str, bytes)) for x in inputs):
            texts = np.empty(len(inputs), dtype=object)
            texts[:] = inputs
            return texts
        _refuse_ragged(inputs, owner)
    elif hasattr(inputs, "to_numpy"):
        inputs = inputs.to_numpy()
    return np.asarray(inputs)


def _refuse_ragged(inputs: Any, owner: Any) -> None:
    lengths = [len(x) if hasattr(x, "__len__") and not isinstance(x, str) else None for x in inputs]
    if len(set(lengths)) > 1:
        row = next(i for i, length in enumerate(lengths) if length != lengths[0])
        raise ValueError(
            f"Layer {owner.name!r} ({type(owner).__name__}) needs rows of one length; row 0 has "
            f"{lengths[0]} entries and row {row} has {lengths[row]}. utils.pad_sequences(rows, "
            "padding='post', dtype=object, value='') pads rows of words; for numbers leave `dtype` "
            "and `value` out."
        )


def texts_of(inputs: Any, owner: Any, encoding: str = "utf-8") -> np.ndarray:
    """Texts of any kind as an array of Python strings (dtype object)."""
    array = values_of(inputs, owner)
    if array.dtype.kind == "U":
        return array.astype(object)
    flat = array.ravel().tolist()
    if all(type(text) is str for text in flat) and array.dtype == object:
        return array
    for i, text in enumerate(flat):
        if isinstance(text, bytes):
            flat[i] = text.decode(encoding)
        elif isinstance(text, str):
            flat[i] = str(text)  # NumPy's own strings
        else:
            raise ValueError(
                f"Layer {owner.name!r} ({type(owner).__name__}) takes texts, but got {text!r} of "
                f"type {type(text).__name__}."
                + (
                    " For integers use IntegerLookup."
                    if array.dtype.kind in "iu"
                    else " Replace missing values by '' first."
                    if text is None or text != text
                    else ""
                )
            )
    made = np.empty(len(flat), dtype=object)
    made[:] = flat
    return made.reshape(array.shape)


def integers_of(inputs: Any, owner: Any) -> np.ndarray:
    """Numbers of any kind as int64; floats are truncated, as in Keras."""
    array = values_of(inputs, owner)
    if array.dtype.kind not in "biuf":
        first = array.ravel()[0] if array.size else None
        raise ValueError(
            f"Layer {owner.name!r} ({type(owner).__name__}) takes integers, but got {first!r} of "
            f"type {type(first).__name__}."
            + (" For texts use StringLookup." if isinstance(first, (str, bytes)) else "")
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(
            f"Layer {owner.name!r} ({type(owner).__name__}) takes integers, but the data contain "
            "NaN or infinity."
        )
    return array.astype(np.int64, copy=False)


def batches_to_adapt_to(data: Any, steps: int | None, owner: Any, whole: Callable) -> Iterable:
    """The batches for `adapt`: `data` as one batch, or the first `steps` batches of an iterable.

    whole: a function that says whether the data are one batch.
    """
    if whole(data):
        return [data]
    if not hasattr(data, "__iter__"):
        raise ValueError(
            f"adapt() of {type(owner).__name__} takes an array, a list or an iterable of batches; "
            f"got {data!r} of type {type(data).__name__}."
        )
    return islice(_checked(data), steps)


def _checked(batches: Iterable) -> Iterable:
    for batch in batches:
        if isinstance(batch, tuple):
            raise ValueError(
                "adapt() takes batches of inputs only, but this data set gives tuples of "
                f"{len(batch)}: leave out the labels, for example with "
                "adapt(x for x, y in dataset)."
            )
        yield batch


def is_array_or_list(data: Any) -> bool:
    """Whether data are one array or list, rather than a generator or data set of batches."""
    return isinstance(data, (str, bytes, list, tuple, np.ndarray, Tensor)) or hasattr(
        data, "to_numpy"
    )


# --------------------------------------------------------------------------------------------------
# Encoding numbers for a Dense layer


def encode(numbers: np.ndarray, mode: str, depth: int, weights: Any = None) -> np.ndarray:
    """Encode numbers 0 .. depth - 1 as columns; negative numbers are ignored.

    one_hot: each number becomes a row of zeros with a 1 in its column. (..., 1) becomes
        (..., depth), any other shape (...) becomes (..., depth).
    multi_hot: for each sample, a 1 in the columns of all numbers in it. The numbers of a sample are
        the second axis, as in Keras: (N, T, ...) becomes (N, ..., depth); a vector is one sample.
    count: how often each number is in a sample, or the sum of the `weights` of its places.
    """
    if mode == "one_hot":
        if numbers.ndim > 1 and numbers.shape[-1] == 1:
            numbers = numbers[..., 0]
        return (numbers[..., None] == np.arange(depth)).astype(floatx())
    if numbers.ndim == 0:
        numbers = numbers[None]
    if weights is not None:
        weights = np.broadcast_to(weights, numbers.shape)
    if numbers.ndim > 2:
        numbers = np.moveaxis(numbers, 1, -1)
        weights = weights if weights is None else np.moveaxis(weights, 1, -1)
    outer = numbers.shape[:-1]
    samples = int(np.prod(outer))
    sample = np.repeat(np.arange(samples), numbers.shape[-1])
    if weights is not None:
        weights = weights.ravel()
    flat = numbers.ravel()
    result = counts_of(flat, sample, samples, depth, weights)
    if mode == "multi_hot":
        result = (result > 0).astype(floatx())
    return result.reshape(*outer, depth)


def counts_of(
    numbers: np.ndarray, sample: np.ndarray, samples: int, depth: int, weights: Any = None
) -> np.ndarray:
    """(samples, depth): how often each number occurs in each sample.

    numbers: (n,) integers below depth; negative ones are not counted. sample: (n,) the sample of
        each number.
    """
    there = numbers >= 0
    places = sample[there] * depth + numbers[there]
    if weights is not None:
        weights = weights[there]
    counts = np.bincount(places, weights, minlength=samples * depth)
    return counts.reshape(samples, depth).astype(floatx())


def encoded_shape(shape: tuple, mode: str, depth: int | None) -> tuple:
    """The shape that `encode` gives."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:1], *shape[2:], depth) if len(shape) > 1 else (depth,)


# --------------------------------------------------------------------------------------------------
# Arguments


def check_choice(value: Any, choices: Sequence, name: str, owner: str) -> Any:
    """Return `value`; ValueError unless it is among `choices`."""
    if value in choices:
        return value
    listed = ", ".join(map(repr, choices))
    hint = suggest(value, choices) if isinstance(value, str) else ""
    raise ValueError(f"{owner} needs {name} to be one of {listed}; got {value!r}{hint or '.'}")


def check_mode(mode: Any, choices: Sequence, owner: str) -> str:
    """Return the output mode; two old names are accepted."""
    return check_choice(OLD_MODES.get(mode, mode), choices, "output_mode", owner)


def check_salt(salt: Any, owner: str) -> list[int] | None:
    """The key of the salted hash: two integers; a single one is used for both."""
    if salt is None:
        return None
    if isinstance(salt, (int, np.integer)) and not isinstance(salt, bool):
        return [int(salt), int(salt)]
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return [int(part) for part in salt]
    raise ValueError(
        f"{owner} needs `salt` to be a whole number or a pair of them; got salt={salt!r}."
    )


def check_count(value: Any, name: str, owner: str, least: int) -> int:
    """Return `value`; ValueError unless it is an integer of at least `least`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(
            f"{owner} needs a whole number of at least {least} as `{name}`; got {name}={value!r}."
        )
    return int(value)


def refuse_sparse(owner: str, sparse: bool, ragged: bool = False) -> None:
    """Raise ValueError for sparse=True or ragged=True: diptych's arrays are dense."""
    for name, value in (("sparse", sparse), ("ragged", ragged)):
        if value:
            raise ValueError(
                f"{owner} got {name}=True, but diptych has no sparse or ragged arrays: the result "
                "is a dense array."
            )
