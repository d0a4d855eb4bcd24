"""The batches of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..nested import flatten, map_structure, pack_like
from .arrays import as_arrays, count_rows, no_text, text_in
from .passes import Passes, check_size
from .rows import as_rows, is_late

__all__ = ["ArrayBatches"]

# Up to this size, the rows of a whole epoch are reordered at once, so that each batch is a plain
# slice; above it, each batch picks its own rows, which needs no extra memory.
SMALL = 1 << 20


class ArrayBatches(Passes):
    """Batches of arrays. The last one of a pass is smaller where the size does not divide the rows.

    Args:
        x, y, sample_weight: arrays, or lists, tuples and dicts of them (see `as_arrays`).
        batch_size: rows of a batch; by default 32, or with `steps` as many as make the data that
            many batches, as in Keras.
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
        batch_size: int | None = None,
        shuffle: bool | str = False,
        generator: np.random.Generator | None = None,
        steps: int | None = None,
        repeat: bool = False,
        dtypes: Any = None,
        text: Callable[[], bool] = no_text,
    ) -> None:
        super().__init__()
        self._order: np.ndarray | None = (
            None  # of the rows of this pass, if its batches are no runs
        )
        self._starts: Any = ()  # the first rows of its batches, or where they stand in the order
        self._by_rows = False  # whether an epoch of this pass was taken as rows, not as batches
        self._given = 0  # batches of this epoch, in that case
        parts = {"x": x, "y": y, "sample_weight": sample_weight}
        self.data = tuple(
            as_arrays(part, name, text_in(name, text), whole=True) for name, part in parts.items()
        )
        self.num_samples = rows = count_rows(dict(zip(parts, self.data, strict=True)))
        if rows == 0:
            shapes = ", ".join(str(leaf.shape) for leaf in flatten(self.data[0]))
            raise ValueError(
                f"The data are empty: x has shape {shapes}. At least one row is needed."
            )
        self._limit = None if steps is None else check_size(steps, "steps", None)
        by_default = 32 if self._limit is None else -(-rows // self._limit)
        self.batch_size = check_size(batch_size, "batch_size", by_default)
        if shuffle not in (True, False, "batch"):
            raise ValueError(f"shuffle={shuffle!r}; expected True, False or 'batch'")
        self.shuffle = shuffle
        self.generator = generator
        self.batches_of_a_pass = -(-rows // self.batch_size)
        self.repeat = repeat
        self.steps: int = self._limit or self.batches_of_a_pass
        self._arrange(dtypes)

    def _arrange(self, dtypes: Any) -> None:
        """Put the leaves into a flat list with a dtype for each, and prepare how to nest them
        again.
        """
        leaves = flatten(self.data)
        if not isinstance(dtypes, list | tuple):
            dtypes = [dtypes] * len(flatten(self.data[0]))
        casts = [*dtypes, *[None] * (len(leaves) - len(dtypes))]
        present = [i for i, leaf in enumerate(leaves) if leaf is not None]
        self._leaves = [leaves[i] for i in present]
        self._dtypes = [
            leaves[i].dtype
            if casts[i] in (None, "string") or leaves[i].dtype.kind in "OUS"
            else np.dtype(casts[i])
            for i in present
        ]
        x, y, sample_weight = self.data
        self._pack = _packer(self.data, present)
        self.late = any(is_late(leaf) for leaf in self._leaves)
        self._small = not self.late and sum(leaf.nbytes for leaf in self._leaves) <= SMALL
        self._casts: list[tuple] = []  # (cast, given), where the cast array is another one
        if self._small:
            given, both = self._leaves, zip(self._leaves, self._dtypes, strict=True)
            self._leaves = [leaf.astype(dtype, copy=False) for leaf, dtype in both]
            both = zip(self._leaves, given, strict=True)
            self._casts = [(cast, leaf) for cast, leaf in both if cast is not leaf]
        # Whether a batch in the given order is a slice of each leaf.
        both = zip(self._leaves, self._dtypes, strict=True)
        self._plain = not self.late and all(leaf.dtype == dtype for leaf, dtype in both)
        arrays = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
        self.is_pairs = self._plain and arrays and sample_weight is None
        self.is_labeled = any(leaf is not None for leaf in flatten(y))
        self.is_alone = not self.late and all(leaf is None for leaf in flatten(self.data[1:]))
        self._rows = [as_rows(leaf) for leaf in self._leaves]

    def first(self) -> tuple:
        if self._plain:
            return self._pack([leaf[: self.batch_size] for leaf in self._leaves])
        return self._read(slice(0, self.batch_size))

    def sample(self) -> tuple:
        if not self.late:
            return self.data
        first = self.first()
        # Labels and weights have one length, so either all of them are whole or none is.
        whole = not any(map(is_late, flatten(self.data[1:])))
        x = zip(flatten(self.data[0]), flatten(first[0]), strict=True)
        shown = pack_like(first[0], [part if is_late(leaf) else leaf for leaf, part in x])
        return (shown, *(self.data if whole else first)[1:])

    def sizes(self, epochs: int = 1) -> set[int]:
        whole, rest = divmod(self.num_samples, self.batch_size)
        steps = self.steps * epochs if self.repeat else self.steps
        found = {self.batch_size} if whole else set()
        return found | {rest} if rest and steps > whole else found

    def __iter__(self) -> Iterator[tuple]:
        if self._by_rows and self._limit is not None:
            self._going = self._rest(self._taken)
        self._by_rows = False
        return super().__iter__()

    def _one_pass(self, skip: int = 0) -> Iterator[tuple]:
        self._draw()
        return self._rest(skip)

    def _draw(self) -> None:
        """Draw the order of the next pass."""
        for cast, given in self._casts:  # a callback may have changed what was given
            np.copyto(cast, given, casting="unsafe")
        rows, size = self.num_samples, self.batch_size
        in_runs = self.shuffle in (False, "batch")
        self._order = None if in_runs else self._permutation(rows)
        self._starts = range(0, rows, size)
        if self.shuffle == "batch":
            # The smaller batch stays last: elsewhere it would shift the rows of all later batches.
            whole = rows // size
            self._starts = [*(self._permutation(whole) * size).tolist(), *self._starts[whole:]]

    def _rest(self, skip: int) -> Iterator[tuple]:
        """The batches of this pass without the first ``skip`` ones."""
        order, starts = self._order, self._starts[skip:]
        size, pack = self.batch_size, self._pack
        leaves = self._leaves
        if self._small and order is not None:
            leaves, order = [leaf.take(order, 0) for leaf in leaves], None
        if self._plain and order is None:
            if self.is_pairs:
                x, y = leaves  # the hot path: a batch is two slices
                return ((x[i : i + size], y[i : i + size], None) for i in starts)
            return (pack([leaf[i : i + size] for leaf in leaves]) for i in starts)

        def read(start: int) -> tuple:
            if order is None:
                return self._read(slice(start, start + size))
            return self._read(order[start : start + size])

        if not self.late:
            return map(read, starts)
        from ..utils.ahead import by_threads  # here, since most data need no threads

        return self._opened(by_threads(read, starts))

    @property
    def arrays(self) -> list[np.ndarray]:
        """The arrays of x, y and the weights of the samples, of which the batches are rows."""
        return self._leaves

    @property
    def all_rows(self) -> Any:
        """All rows of x."""
        return self._pack(self._leaves)[0]

    @property
    def begins_a_pass(self) -> bool:
        """Whether the next epoch is a whole pass over the data."""
        return self._limit is None and self._going is None

    def next_order(self) -> np.ndarray:
        """The rows of the next pass in their order, instead of its batches."""
        self._draw()
        return self._in_order()

    def _in_order(self) -> np.ndarray:
        if self._order is not None:
            return self._order
        every = np.arange(self.num_samples)
        if not self.shuffle:
            return every
        return np.concatenate([every[i : i + self.batch_size] for i in self._starts])

    def rows_of_epoch(self) -> np.ndarray | None:
        """The rows of the next epoch in their order, instead of its batches: `took` is told of each
        that is taken. None for an epoch that goes on in its middle.
        """
        if self._skipped or (self._limit is None and self._going is not None):
            return None
        goes_on = self._by_rows or self._going is not None
        if self._limit is None or not self.repeat or not goes_on:
            self._draw()
            self._taken = 0
        self._going, self._by_rows, self._given = None, True, 0
        first = self._taken * self.batch_size
        end = None if self._limit is None else first + self._limit * self.batch_size
        return self._in_order()[first:end]

    def took(self, count: int) -> None:
        """So many batches of the epoch of `rows_of_epoch` have been taken."""
        self._taken += count
        self._given += count
        if self._taken == self.batches_of_a_pass:
            self._by_rows = False
            if self._limit is not None and self._given < self._limit:
                self._warn_of_the_end(self._given)

    def rows(self, order: np.ndarray) -> tuple:
        """A batch of these rows."""
        return self._read(order)

    def _read(self, which: slice | np.ndarray) -> tuple:
        """The batch of these rows."""
        both = zip(self._rows, self._dtypes, strict=True)
        return self._pack([rows.read(which, dtype) for rows, dtype in both])


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
