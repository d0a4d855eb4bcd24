"""Small parts of ``fit``, ``evaluate`` and ``predict``."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Any

import numpy as np

from ..nested import flatten, map_structure
from ..tensor import Tensor
from .compiled import CompiledMetrics, name_of
from .data import check_size


def pack(x: Any, y: Any, sample_weight: Any) -> Any:
    """(x, y, sample_weight) as Keras passes it to a step: without trailing None."""
    if sample_weight is not None:
        return x, y, sample_weight
    return (x, y) if y is not None else (x,)


def plain(x: Any) -> Any:
    if x is None or isinstance(x, np.ndarray):
        return x
    if isinstance(x, Tensor):
        return x.array
    return x.to_numpy() if hasattr(x, "to_numpy") else np.asarray(x)


def batch_size_of(x: Any) -> int:
    return x.shape[0] if isinstance(x, Tensor) else flatten(x)[0].shape[0]


def as_log(value: Any) -> Any:
    """A metric's result as a Python float, or as an array if it has several entries."""
    if isinstance(value, float):
        return value
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array


def names_before_build(metrics: CompiledMetrics) -> list[str]:
    given = [*flatten(metrics._given), *flatten(metrics._weighted_given)]
    return [one if isinstance(one, str) else name_of(one) for one in given if one is not None]


@contextlib.contextmanager
def named_in_errors(argument: str) -> Any:
    """Let errors about data say which argument these are."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.args = (f"{argument}: {error}",)
        raise


def check_frequency(frequency: Any) -> None:
    if isinstance(frequency, (int, np.integer)):
        check_size(frequency, "validation_freq")
    elif not isinstance(frequency, Collection) or isinstance(frequency, str):
        raise ValueError(
            f"validation_freq={frequency!r}; expected a whole number, or a list of the epochs to "
            "validate after, such as [1, 5, 10]"
        )


def due(frequency: Any, epoch: int) -> bool:
    if isinstance(frequency, (int, np.integer)):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency


def joined(parts: list) -> Any:
    """The outputs of all batches, joined along the batch axis."""
    if not parts:
        return None
    columns = [flatten(part) for part in parts]
    wholes = [np.concatenate([t.numpy() for t in column]) for column in zip(*columns, strict=True)]
    remaining = iter(wholes)
    return map_structure(lambda _: next(remaining), parts[0])
