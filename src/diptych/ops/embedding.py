"""Look-up of rows in an embedding table, for the layer ``Embedding``.

The equations are in ``diptych.reference.embedding``. In ``keras.ops`` this is ``take``, so it is
not part of the public ``ops``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .. import engine as _engine
from ..operation import LinearTwin
from ..reference import _tokens
from ..tape import record
from ..tensor import IndexedSlices, Tensor, as_array, is_symbolic

SMALL = 1 << 20  # numbers in a table: 4 MB of float32


class EmbeddingTwin(LinearTwin):
    """A twin ``(indices, table)``: no gradient flows to the indices.

    Indices may be floats, from a float input layer; they are truncated as in Keras, also each time
    that a recorded step is replayed.
    """

    typed = slice(1, 2)

    def __call__(self, inputs: tuple, *options: Any) -> Any:
        indices, table = inputs
        if is_symbolic(indices) or is_symbolic(table):
            return self.record_symbolic(inputs, (inputs,), {})
        if not isinstance(indices, Tensor):
            indices = Tensor(as_array(indices))
        engine = _engine.current()
        if engine.name not in self._pairs:
            self._pairs[engine.name] = self._pair(engine)
        forward, backward = self._pairs[engine.name]
        y, cache = forward(indices.array, table.array)
        return record(y, (indices, table), backward, cache, forward, options, self)

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

        def embedding_forward(indices: np.ndarray, table: np.ndarray) -> tuple:
            if indices.dtype not in (np.int32, np.int64):  # which the engines take as they are
                indices = row_numbers(indices)
                if engine.name == "fast":
                    engine.kernels.steps.numpy_converts()
            return look_up(indices, table)

        return embedding_forward, gradients


def reads_little(places: int, table: tuple[int, int]) -> bool:
    """Whether a batch reads so few rows of a table that a gradient of rows only is faster.

    Measured: a whole array is faster if it fits into the cache, or if the batch has more indices
    than a quarter to half of the rows.
    """
    rows, units = table
    return rows * units >= SMALL and places * 4 <= rows


def row_numbers(indices: np.ndarray) -> np.ndarray:
    """Indices as int64. NaN and infinity become -1, which is no valid row."""
    if indices.dtype.kind not in "biuf":
        raise ValueError(
            f"embedding: indices must be integers, got {indices.dtype}"
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


_embedding = EmbeddingTwin(
    "embedding", "embedding", wrt=1, shape=lambda indices, table: (*indices, table[1])
)


def embedding(indices: Any, table: Any) -> Tensor:
    """The rows of ``table`` at ``indices``; ValueError if an index is out of range."""
    return _embedding((indices, table))


def check_tokens(indices: np.ndarray, table: tuple[int, int]) -> None:
    """Raise ValueError unless all indices are rows of a table of this shape; before training."""
    _tokens.check_tokens(row_numbers(indices), table)
