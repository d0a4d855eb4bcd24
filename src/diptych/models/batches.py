"""The batches of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..nested import flatten, map_structure
from .arrays import as_arrays, count_rows, no_text, text_in
from .passes import Passes, check_size

__all__ = ["ArrayBatches"]

# Up to this size, the rows of a whole epoch are reordered at once, so that each batch is a plain
# slice; above it, each batch picks its own rows, which needs no extra memory.
SMALL = 1 << 20


class ArrayBatches(Passes):
    """Batches of arrays. The last one of a pass is smaller where the size does not divide the rows.

    Args:
        x, y, sample_weight: arrays, or lists, tuples and dicts of them (see `as_arrays`).
        batch_size: rows of a batch.
        shuffle: True: a new order of the rows in each pass; 'batch': whole batches are reordered,
            so that their rows stay adjacent; False: the given order.
        generator: an np.random.Generator for shuffling; by default the one that
            `utils.set_random_seed` seeds.
        steps: batches of an epoch. None is one pass over the data. An epoch ends with the last row,
            with a warning if that is before `steps`.
        repeat: with `steps`, whether an epoch continues where the last one stopped (training), or
            always starts at the first row.
        dtypes: a dtype or None for each leaf of (x, y, sample_weight), or a single one for x: the
            batches are cast to it. None keeps the dtype.
        text: whether x may be text, see `as_arrays`.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = 32,
        shuffle: bool | str = False,
        generator: np.random.Generator | None = None,
        steps: int | None = None,
        repeat: bool = False,
        dtypes: Any = None,
        text: Callable[[], bool] = no_text,
    ) -> None:
        super().__init__()
        parts = {"x": x, "y": y, "sample_weight": sample_weight}
        self.data = tuple(
            as_arrays(part, name, text_in(name, text)) for name, part in parts.items()
        )
        self.num_samples = rows = count_rows(dict(zip(parts, self.data, strict=True)))
        if rows == 0:
            shapes = ", ".join(str(leaf.shape) for leaf in flatten(self.data[0]))
            raise ValueError(
                f"The data are empty: x has shape {shapes}. At least one row is needed."
            )
        self.batch_size = check_size(batch_size, "batch_size", 32)
        if shuffle not in (True, False, "batch"):
            raise ValueError(f"shuffle={shuffle!r}; expected True, False or 'batch'")
        self.shuffle = shuffle
        self.generator = generator
        self.batches_of_a_pass = -(-rows // self.batch_size)
        self._limit = None if steps is None else check_size(steps, "steps", None)
        self.repeat = repeat
        self.steps: int = self._limit or self.batches_of_a_pass
        self._arrange(dtypes)

    def _arrange(self, dtypes: Any) -> None:
        """Put the leaves into a flat list, cast them, and prepare how to nest them again."""
        leaves = flatten(self.data)
        if not isinstance(dtypes, list | tuple):
            dtypes = [dtypes] * len(flatten(self.data[0]))
        casts = [None if d in (None, "string") else np.dtype(d) for d in dtypes]
        casts += [None] * (len(leaves) - len(casts))
        present = [i for i, leaf in enumerate(leaves) if leaf is not None]
        self._small = sum(leaves[i].nbytes for i in present) <= SMALL
        self._leaves = []
        self._casts: list[tuple[int, np.dtype]] = []
        for place, i in enumerate(present):
            leaf, cast = leaves[i], casts[i]
            if cast is not None and leaf.dtype != cast and leaf.dtype.kind not in "OUS":
                if self._small:
                    leaf = leaf.astype(cast)
                else:
                    self._casts.append((place, cast))
            self._leaves.append(leaf)
        self._pack = _packer(self.data, present)
        x, y, sample_weight = self.data
        plain = isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and sample_weight is None
        self.is_pairs = plain and not self._casts

    def first(self) -> tuple:
        return self._pack(self._cast([leaf[: self.batch_size] for leaf in self._leaves]))

    def sizes(self, epochs: int = 1) -> set[int]:
        whole, rest = divmod(self.num_samples, self.batch_size)
        steps = self.steps * epochs if self.repeat else self.steps
        found = {self.batch_size} if whole else set()
        return found | {rest} if rest and steps > whole else found

    def _one_pass(self, skip: int = 0) -> Iterator[tuple]:
        rows, size, leaves, pack = self.num_samples, self.batch_size, self._leaves, self._pack
        order = self._order()
        if order is not None and self._small:
            leaves, order = [leaf.take(order, 0) for leaf in leaves], None
        starts = range(skip * size, rows, size)
        if order is None and self.is_pairs:
            x, y = leaves  # the hot path: a batch is two slices
            return ((x[i : i + size], y[i : i + size], None) for i in starts)
        if order is None:
            return (pack(self._cast([leaf[i : i + size] for leaf in leaves])) for i in starts)
        return (
            pack(self._cast([leaf.take(order[i : i + size], 0) for leaf in leaves])) for i in starts
        )

    @property
    def begins_a_pass(self) -> bool:
        """Whether the next epoch is a whole pass over the data."""
        return self._limit is None and self._going is None

    def next_order(self) -> np.ndarray:
        """The rows of the next pass in their order, instead of its batches."""
        order = self._order()
        return np.arange(self.num_samples) if order is None else order

    def rows(self, order: np.ndarray) -> tuple:
        """A batch of these rows."""
        return self._pack(self._cast([leaf.take(order, 0) for leaf in self._leaves]))

    def _cast(self, parts: list) -> list:
        for place, dtype in self._casts:
            parts[place] = parts[place].astype(dtype)
        return parts

    def _order(self) -> np.ndarray | None:
        """The rows in the order of this pass; None for the given order."""
        if not self.shuffle:
            return None
        if self.shuffle is True:
            return self._permutation(self.num_samples)
        whole = self.num_samples // self.batch_size
        order = np.arange(self.num_samples)
        runs = order[: whole * self.batch_size].reshape(whole, self.batch_size)
        # The smaller batch stays last: elsewhere it would shift the rows of all later batches.
        order[: runs.size] = runs[self._permutation(whole)].reshape(-1)
        return order


def _packer(data: tuple, present: list[int]) -> Callable[[list], tuple]:
    """A function that nests a flat list of arrays as in `data`, with None in the same places."""
    if present == [0, 1] and all(isinstance(part, np.ndarray) for part in data[:2]):
        return lambda leaves: (leaves[0], leaves[1], None)
    if present == [0] and isinstance(data[0], np.ndarray):
        return lambda leaves: (leaves[0], None, None)

    def pack(leaves: list) -> tuple:
        rest = iter(leaves)
        return map_structure(lambda leaf: None if leaf is None else next(rest), data)

    return pack
