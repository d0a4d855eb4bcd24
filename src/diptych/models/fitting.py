"""Small parts of ``fit``, ``evaluate`` and ``predict``: batches, and errors about them."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..legacy.notes import users_level
from ..nested import flatten
from ..tensor import Tensor


def pack(x: Any, y: Any, sample_weight: Any) -> Any:
    """(x, y, sample_weight) as Keras passes it to a step: without trailing None."""
    if sample_weight is not None:
        return x, y, sample_weight
    return (x, y) if y is not None else (x,)


def plain(x: Any) -> Any:
    """One array of a batch, whatever the library it comes from, as a NumPy array."""
    if x is None or isinstance(x, np.ndarray):
        return x
    if isinstance(x, Tensor):
        return x.array
    return x.to_numpy() if hasattr(x, "to_numpy") else np.asarray(x)


def batch_size_of(x: Any) -> int:
    """The number of rows of a batch."""
    if isinstance(x, Tensor):
        return x.shape[0]
    return next(leaf for leaf in flatten(x) if leaf is not None).shape[0]


def executions(
    batches: Iterable[tuple], size: int, start: int = 0
) -> Iterator[tuple[int, int, Iterable[tuple]]]:
    """Batches in groups of ``steps_per_execution``, between which callbacks are called: the numbers
    of the group's first and last batch, and the batches. As Keras counts, the last group's numbers
    are those of a whole one.
    """
    iterator = iter(batches)
    for begin in itertools.count(start, size):
        first = next(iterator, None)
        if first is None:
            return
        group: Iterable[tuple] = (first,)
        if size > 1:
            group = itertools.chain(group, itertools.islice(iterator, size - 1))
        yield begin, begin + size - 1, group


def at_most(limit: int | None, count: Any, what: str) -> Any:
    """``count``, or the configured limit if that is lower, with a warning."""
    if limit is None or (count is not None and count <= limit):
        return count
    warnings.warn(
        f"{what} is limited to {limit}, by config.set_max_{what}({limit}).",
        stacklevel=users_level(),
    )
    return limit


@contextlib.contextmanager
def named_in_errors(argument: str) -> Any:
    """Let errors about data say which argument these are."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.args = (f"{argument}: {error}",)
        raise
