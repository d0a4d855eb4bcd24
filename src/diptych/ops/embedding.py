"""Rows of a table by their numbers: what the layer ``Embedding`` calls.

What it computes, and its gradient, stands in ``diptych.reference.embedding``. ``keras.ops`` has
``take`` for it, and this is no part of the public ``ops`` either.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .. import engine as _engine
from ..operation import Twin
from ..reference import _tokens
from ..tape import record
from ..tensor import IndexedSlices, Tensor, as_array, is_symbolic

SMALL = 1 << 20  # numbers in a table: 4 MB of float32


class EmbeddingTwin(Twin):
    """A twin ``(indices, table)``: no gradient flows to numbers of rows.

    They may come as floats, from an input layer of that type; they are cut to whole numbers as in
    Keras, each time that a recorded step is replayed too.
    """

    def __call__(self, inputs: tuple, *options: Any) -> Any:
        indices, table = inputs
        if is_symbolic(indices) or is_symbolic(table):
            return self.record_symbolic((inputs, *options), {})
        if not isinstance(indices, Tensor):
            indices = Tensor(as_array(indices))
        engine = _engine.current()
        if engine.name not in self._pairs:
            self._pairs[engine.name] = self._pair(engine)
        forward, backward = self._pairs[engine.name]
        y, cache = forward(indices.array, table.array)
        return record(y, (indices, table), backward, cache, forward, options)

    def _pair(self, engine: Any) -> tuple:
        look_up = engine.function(self.family, f"{self.name}_forward")
        backward = engine.function(self.family, f"{self.name}_backward")
        backward_rows = engine.extra(self.family, f"{self.name}_backward_rows")

        def gradients(dy: Any, cache: tuple, needs: Any) -> tuple:
            indices, table = cache
            if backward_rows is None or not reads_little(indices.size, table):
                return None, backward(dy, cache)
            return None, IndexedSlices(
                partial(backward, dy, cache), partial(backward_rows, dy, cache)
            )

        return lambda indices, table: look_up(row_numbers(indices), table), gradients


def reads_little(places: int, table: tuple[int, int]) -> bool:
    """Whether a batch reads so little of a table that its gradient is better kept as rows.

    Measured: an array that fits into the cache is faster, and so it is where a batch has more than
    a quarter to half as many places as the table has rows.
    """
    rows, units = table
    return rows * units >= SMALL and places * 4 <= rows


def row_numbers(indices: np.ndarray) -> np.ndarray:
    """Indices as int64. NaN and infinity become -1, which names no row."""
    if indices.dtype.kind not in "biuf":
        raise ValueError(
            f"embedding: the numbers of rows must be whole numbers, got {indices.dtype}"
            + (
                "; StringLookup or TextVectorization turns texts into them"
                if indices.dtype.kind in "OUST"
                else ""
            )
        )
    if indices.dtype.kind != "f":
        return indices.astype(np.int64, copy=False)
    there = np.abs(indices) < 2.0**62  # False for NaN
    if there.all():
        return indices.astype(np.int64)
    return np.where(there, indices, -1).astype(np.int64)


_embedding = EmbeddingTwin("embedding", "embedding")


def embedding(indices: Any, table: Any) -> Tensor:
    """The rows of ``table`` that ``indices`` name; ValueError where one of them names none."""
    return _embedding((indices, table))


def check_tokens(indices: np.ndarray, table: tuple[int, int]) -> None:
    """Raise ValueError unless all indices name rows of a table of this shape: before a training."""
    _tokens.check_tokens(row_numbers(indices), table)
