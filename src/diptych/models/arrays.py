"""What users pass as data, as arrays; errors that say what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..nested import flatten
from .frames import TEXT, is_column, is_text, of_frame
from .rows import read_late

__all__ = ["NO_DATA", "as_arrays", "as_data", "count_rows", "is_array", "no_text", "text_in"]

NO_DATA = "There are no data: x is None. Pass arrays, a PyDataset or a generator."


def no_text() -> bool:
    return False


def as_arrays(data: Any, name: str, text: Callable[[], bool] = no_text, whole: bool = False) -> Any:
    """`data` with an array for every leaf, in the same nesting.

    data: an array; what NumPy makes one of (`__array__`, DLPack), or has `.to_numpy()`, `.numpy()`
        or `.toarray()`; nested lists of numbers (one array); a list, tuple or dict of these
        (several arrays); None stays None.
    name: the name of the data in errors: 'x', 'y' or 'sample_weight'.
    text: a function, called only if there is text, that says whether the model takes text.
    whole: whether these are all data and not one batch: then sparse matrices and datasets in files
        become `Rows`, which are read later, and a column of a data frame has shape (N, 1), as in
        Keras.
    Raises ValueError for other text, objects, ragged lists and single numbers.
    """
    if data is None:
        return None
    if type(data) is np.ndarray:  # the common case
        return _as_array(data, name, text)
    if isinstance(data, dict):
        return {key: as_arrays(part, f"{name}[{key!r}]", text, whole) for key, part in data.items()}
    if isinstance(data, list | tuple) and _holds_arrays(data):
        parts = [as_arrays(part, f"{name}[{i}]", text, whole) for i, part in enumerate(data)]
        return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)
    if whole and (rows := read_late(data)) is not None:
        return rows
    array = _as_array(data, name, text)
    return array[:, np.newaxis] if whole and is_column(data) else array


def as_data(data: Any, name: str, text: Callable[[], bool] = no_text) -> Any:
    """`as_arrays` of a whole batch, fast for an array; x must not be None."""
    if type(data) is np.ndarray and data.ndim and data.dtype.kind in "biuf":
        return data
    if data is None and name == "x":
        raise ValueError(NO_DATA)
    return as_arrays(data, name, text)


def _holds_arrays(data: list | tuple) -> bool:
    """Whether a list is several arrays rather than the numbers of one."""
    return any(isinstance(part, dict) or is_array(part) for part in data) and not all(
        isinstance(part, np.generic) for part in data
    )


def is_array(data: Any) -> bool:
    """Whether it is an array, a tensor or a sparse matrix, of whatever library."""
    return any(hasattr(data, name) for name in ("__array__", "__dlpack__", "toarray"))


def _as_array(data: Any, name: str, text: Callable[[], bool]) -> np.ndarray:
    array: np.ndarray
    if isinstance(data, np.ndarray):
        array = np.asarray(data)  # a view of a memmap: rows are read batch by batch
    elif isinstance(data, list | tuple) and data and all(isinstance(x, TEXT) for x in data):
        array = np.empty(
            len(data), dtype=object
        )  # else each text would take the size of the longest
        array[:] = data
    elif hasattr(data, "to_numpy"):
        array = of_frame(data, name, text)
    elif hasattr(data, "toarray"):
        array = data.toarray()
    elif hasattr(data, "numpy"):
        array = _of_tensor(data)
    elif hasattr(data, "__dlpack__") and not hasattr(data, "__array__"):
        array = np.from_dlpack(data)
    else:
        try:
            array = np.asarray(data)
        except ValueError as error:
            raise ValueError(_ragged(data, name)) from error
    if array.dtype.kind not in "biuf":
        if array.dtype.name == "bfloat16":  # of JAX
            array = array.astype(np.float32)
        elif not (is_text(array) and text()):
            raise ValueError(_not_numbers(array, data, name))
    if array.ndim == 0:
        raise ValueError(
            f"{name} is the single value {array!r}; expected an array whose first axis is the "
            "batch. np.array([...]) makes one of a list of samples."
        )
    return array


def _of_tensor(data: Any) -> np.ndarray:
    """The values of a tensor of another library."""
    if hasattr(data, "detach"):  # PyTorch
        data = data.detach().cpu()
        if str(data.dtype) == "torch.bfloat16":  # unknown to NumPy
            data = data.float()
    return np.asarray(data.numpy())


def _ragged(data: Any, name: str) -> str:
    lengths = [len(row) if hasattr(row, "__len__") else None for row in data]
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            return (
                f"The rows of {name} differ in length: row 0 has {_items(lengths[0])}, row {i} "
                f"{_items(length)}. Cut or pad them to one length (for example with zeros) first."
            )
    return f"The rows of {name} differ in shape somewhere below the first axis; expected one array."


def _items(length: int | None) -> str:
    return "a single number" if length is None else f"{length} items"


def _not_numbers(array: np.ndarray, data: Any, name: str) -> str:
    if array.dtype.kind == "O" and array.size and not is_text(array):
        first = next((v for v in array.flat if not isinstance(v, int | float)), array.flat[0])
        if hasattr(first, "__len__") and not isinstance(first, str):
            return (
                f"{name} is an array of objects whose entries are of type {type(first).__name__}, "
                f"so it has no rows of one length; expected numbers. np.stack({name}) makes one "
                "array of rows of equal length."
            )
        return (
            f"{name} is an array of Python objects, among them {first!r}; expected numbers. If all "
            f"entries are numbers, {name}.astype('float32') makes them so; text and missing values "
            "must be turned into numbers first."
        )
    if isinstance(data, str):
        return (
            f"{name} is the text {data[:60]!r}. If that is a file, read it first, such as with "
            "np.load or pandas.read_csv."
        )
    if is_text(array):
        return (
            (
                f"{name} holds text, such as {str(array.flat[0])[:40]!r}; expected numbers. "
                f"np.unique({name}, return_inverse=True) numbers the different words; for "
                "sentences use a TextVectorization layer, before the model or as its first layer."
            )
            if array.size
            else f"{name} holds text; expected numbers."
        )
    return f"{name} has dtype {array.dtype}; expected numbers (floats, integers or booleans)."


def count_rows(parts: dict[str, Any]) -> int:
    """The number of samples, the same in all arrays; ValueError if it differs or is unknown."""
    sizes = {
        name: [len(leaf) for leaf in flatten(part) if leaf is not None]
        for name, part in parts.items()
    }
    sizes = {name: found for name, found in sizes.items() if found}
    different = {size for found in sizes.values() for size in found}
    if not different:
        raise ValueError(NO_DATA)
    if len(different) > 1:
        listed = "; ".join(f"{name}: {', '.join(map(str, found))}" for name, found in sizes.items())
        message = (
            f"The arrays differ in their number of samples ({listed[:200]}). The first axis is the "
            "batch and must have the same size in all of them."
        )
        samples = sizes.get("x", [])
        if len(samples) > 1 and sizes.get("y") == [len(samples)] and len(set(samples)) == 1:
            message += (
                f" x is a list of {len(samples)} arrays, as many as there are labels: if they are "
                "the samples, np.stack(x) makes one array of them."
            )
        raise ValueError(message)
    return different.pop()


def text_in(name: str, text: Callable[[], bool]) -> Callable[[], bool]:
    """Inputs may be text if the model takes it; labels and weights never."""
    return text if name == "x" else no_text
