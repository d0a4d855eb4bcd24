"""Sequences as arrays: padding, and sliding windows over a time series."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor, as_array
from .directories import check_format
from .naming import suggest
from .pipelines import Dataset, in_batches

__all__ = ["pad_sequences", "timeseries_dataset_from_array"]

SIDES = ("pre", "post")


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of different lengths as one array: short ones are padded, long ones truncated.

        pad_sequences([[1], [2, 3], [4, 5, 6]])         # 0 0 1 / 0 2 3 / 4 5 6

    Args:
        sequences: a list of N sequences, each a list or array of steps.
        maxlen: the length T of the result; by default that of the longest sequence.
        dtype: of the result; ``object`` for words.
        padding: whether to pad before ("pre") or after ("post") a sequence.
        truncating: whether to drop the first steps ("pre") or the last ("post") of a long one.
        value: the padding value.

    Returns an array (N, T) or, where a step is an array itself, (N, T, *step).
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in SIDES:
            raise ValueError(
                f"pad_sequences() needs {name}='pre' or 'post'; got {side!r}"
                f"{suggest(side, SIDES) or '.'}"
            )
    rows = _rows(sequences)
    dtype = np.dtype(dtype)
    if isinstance(value, str) and dtype.kind not in "OUS":
        raise ValueError(
            f"pad_sequences() got value={value!r}, which does not fit dtype {dtype.name}; for "
            "words give dtype=object."
        )
    if maxlen is None:
        maxlen = max(map(len, rows), default=0)
    step = next((np.shape(row)[1:] for row in rows if len(row)), ())
    result = np.full((len(rows), maxlen, *step), value, dtype=dtype)
    for i, row in enumerate(rows):
        if not len(row) or not maxlen:
            continue
        steps = np.asarray(row[-maxlen:] if truncating == "pre" else row[:maxlen], dtype=dtype)
        if steps.shape[1:] != step:
            raise ValueError(
                f"pad_sequences() needs steps of one shape: those of the first sequence have shape "
                f"{step}, those of sequence {i} {steps.shape[1:]}."
            )
        if padding == "post":
            result[i, : len(steps)] = steps
        else:
            result[i, -len(steps) :] = steps
    return result


def _rows(sequences: Any) -> list:
    if not hasattr(sequences, "__len__"):
        raise ValueError(
            f"pad_sequences() takes a list of sequences; got {sequences!r} of type "
            f"{type(sequences).__name__}. list(...) makes one of a generator."
        )
    rows = list(sequences)
    for i, row in enumerate(rows):
        if not hasattr(row, "__len__"):
            raise ValueError(
                f"pad_sequences() takes a list of sequences, but entry {i} of it is {row!r}. Pass "
                "a single sequence in a list: pad_sequences([sequence])."
            )
    return rows


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Batches of sliding windows over a time series.

        for x, y in timeseries_dataset_from_array(series[:-10], series[10:], sequence_length=10):
            ...                                         # 10 steps, and the one that follows them

    Window i takes the steps i * stride, i * stride + rate, ... of ``data``, and the target at its
    first step; shift the targets for later ones. It returns a ``Dataset`` with the methods of a
    tf.data.Dataset; `fit`, `evaluate` and `predict` take it. Windows are copied batch by batch, so
    that long series need no extra memory.

    Args:
        data: (T, ...), the steps in their order.
        targets: an array whose entry i belongs to the window that begins at step i; or None.
        sequence_length: steps in a window.
        sequence_stride: the distance between windows.
        sampling_rate: the distance between the steps of a window.
        batch_size: windows in a batch; None gives windows one by one, without a batch axis.
        shuffle: whether to shuffle the windows in each pass; the order differs from TensorFlow's.
        seed: of the shuffling; None takes the generator that `utils.set_random_seed` seeds.
        start_index, end_index: use only the steps from start_index to end_index, exclusive.
        format: "tf" or "grain", for Keras's sake; the result is the same.
    """
    check_format("timeseries_dataset_from_array()", format)
    data = as_array(data)
    steps = len(data)
    for name, value in (
        ("sequence_length", sequence_length),
        ("sequence_stride", sequence_stride),
        ("sampling_rate", sampling_rate),
    ):
        if value < 1 or (value >= steps and name != "sequence_length"):
            raise ValueError(
                f"timeseries_dataset_from_array() needs {name} of at least 1 and less than the "
                f"{steps} steps of the data; got {value}."
            )
    start = 0 if start_index is None else start_index
    end = steps if end_index is None else end_index
    if not 0 <= start < end <= steps:
        raise ValueError(
            f"timeseries_dataset_from_array() needs 0 <= start_index < end_index <= {steps}, the "
            f"steps of the data; got {start_index=}, {end_index=}."
        )
    windows = end - start - (sequence_length - 1) * sampling_rate
    data = data[start:end]
    if targets is not None:
        windows = min(windows, len(targets))
        targets = as_array(targets)[start:end]
    if windows < 1:
        raise ValueError(
            f"timeseries_dataset_from_array(): a window of {sequence_length} steps, "
            f"{sampling_rate} apart, needs {(sequence_length - 1) * sampling_rate + 1} steps of "
            f"data; there are {end - start}."
        )
    if targets is not None and windows > len(targets):
        raise ValueError(
            f"timeseries_dataset_from_array() needs a target for each of {windows} windows from "
            f"step {start} on; there are {len(targets)}."
        )
    firsts = np.arange(0, windows, sequence_stride)
    offsets = np.arange(sequence_length) * sampling_rate

    def pick(rows: Any) -> Any:
        x = Tensor(data[firsts[rows][..., None] + offsets])
        return x if targets is None else (x, Tensor(np.asarray(targets[firsts[rows]])))

    return in_batches(pick, len(firsts), batch_size, shuffle, seed)
