"""Data sets as chains of steps, like ``tf.data``'s: `fit`, `evaluate` and `predict` take them.

Elements are tensors, or tuples and dicts of them. Each pass over a data set starts again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from .. import random
from ..nested import flatten, map_structure
from ..tensor import Tensor

__all__ = ["Dataset", "PickedDataset", "in_batches"]

INFINITE = -1
UNKNOWN = -2


class Dataset:
    """A sequence of elements, made anew in each pass, with the methods of a ``tf.data.Dataset``.

        data = Dataset.from_tensor_slices((x, y)).shuffle(1000).batch(32)
        for images, labels in data.take(1):
            ...
        model.fit(data)

    Args:
        make: a function that returns an iterator over the elements.
        length: their number; -1 without end, -2 unknown.

    Attributes:
        class_names: the names of the classes, of a data set from a folder; else None.
        file_paths: its files, in the order before they were shuffled; else None.
        batch_size: the argument of ``batch`` or ``padded_batch``, if that was the last step.
        generator: draws the order of each pass, if that is random; else None.
    """

    def __init__(self, make: Callable[[], Iterator], length: int = UNKNOWN) -> None:
        self._make = make
        self._length = length
        self.class_names: list[str] | None = None
        self.file_paths: list[str] | None = None
        self.batch_size: int | None = None
        self.generator: np.random.Generator | None = None

    def _followed_by(self, step: Dataset) -> Dataset:
        """A step that takes its elements from this data set, with what is known of them."""
        step.class_names, step.file_paths = self.class_names, self.file_paths
        step.generator = step.generator or self.generator
        return step

    def _then(self, make: Callable[[], Iterator], length: int = UNKNOWN) -> Dataset:
        return self._followed_by(Dataset(make, length))

    # ----------------------------------------------------------------------------------------------
    # Sources

    @staticmethod
    def from_tensor_slices(tensors: Any, name: Any = None) -> Dataset:
        """The rows of arrays, or of a tuple or dict of arrays."""
        arrays = _as_arrays(tensors)
        sizes = {len(x) for x in flatten(arrays)}
        if len(sizes) != 1:
            raise ValueError(
                "from_tensor_slices needs arrays with the same number of rows; they have "
                f"{sorted(sizes)}."
            )

        def pick(rows: Any) -> Any:
            return map_structure(lambda x: Tensor(np.asarray(x[rows])), arrays)

        return PickedDataset(pick, sizes.pop())

    @staticmethod
    def from_tensors(tensors: Any, name: Any = None) -> Dataset:
        """A single element."""
        element = map_structure(Tensor, _as_arrays(tensors))
        return Dataset(lambda: iter([element]), 1)

    @staticmethod
    def from_generator(
        generator: Callable,
        output_types: Any = None,
        output_shapes: Any = None,
        args: Sequence = (),
        output_signature: Any = None,
        name: Any = None,
    ) -> Dataset:
        """The elements of ``generator(*args)``, called anew in each pass."""
        types = output_types
        if output_signature is not None:
            types = map_structure(lambda spec: spec.dtype, output_signature)

        def elements() -> Iterator:
            for element in generator(*args):
                yield _typed(element, types)

        return Dataset(elements)

    @staticmethod
    def range(*args: Any, output_type: Any = "int64", name: Any = None) -> Dataset:
        """Whole numbers, as in Python's ``range``."""
        numbers = range(*(int(n) for n in args))
        return Dataset(lambda: (Tensor(np.asarray(n, output_type)) for n in numbers), len(numbers))

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: Any = None) -> Dataset:
        """Tuples of the elements of several data sets, as long as the shortest."""
        parts = args[0] if datasets is None and len(args) == 1 else (datasets or args)
        sets = flatten(parts)
        known = [d._length for d in sets if d._length != INFINITE]
        length = UNKNOWN if UNKNOWN in known else min(known, default=INFINITE)

        def elements() -> Iterator:
            for found in zip(*sets, strict=False):
                rest = iter(found)
                yield map_structure(lambda _: next(rest), parts)  # noqa: B023 - used at once

        return Dataset(elements, length)

    # ----------------------------------------------------------------------------------------------
    # Steps

    def map(
        self,
        map_func: Callable,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: Any = None,
    ) -> Dataset:
        """``map_func`` of each element; of its parts, if it is a tuple."""

        def elements() -> Iterator:
            for element in self:
                made = map_func(*element) if isinstance(element, tuple) else map_func(element)
                yield as_tensors(made)

        return self._then(elements, self._length)

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: Any = None,
    ) -> Dataset:
        """``batch_size`` elements at a time, stacked."""
        size = _size(batch_size, "batch")

        def elements() -> Iterator:
            for group in _groups(iter(self), size):
                if len(group) == size or not drop_remainder:
                    yield stacked(group)

        made = self._then(elements, self._in_batches(size, drop_remainder))
        made.batch_size = size
        return made

    def _in_batches(self, size: int, drop_remainder: bool) -> int:
        if self._length < 0:
            return self._length
        return self._length // size if drop_remainder else -(-self._length // size)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = 0,
        drop_remainder: bool = False,
        name: Any = None,
    ) -> Dataset:
        """``batch``, each element padded at its end to the longest of the batch."""
        size = _size(batch_size, "padded_batch")
        value = padding_values or 0

        def elements() -> Iterator:
            for group in _groups(iter(self), size):
                if len(group) == size or not drop_remainder:
                    yield stacked(group, value)

        made = self._then(elements, self._in_batches(size, drop_remainder))
        made.batch_size = size
        return made

    def unbatch(self, name: Any = None) -> Dataset:
        """The rows of batches, one by one."""

        def elements() -> Iterator:
            for element in self:
                for i in range(len(flatten(element)[0])):
                    yield map_structure(lambda x: Tensor(np.asarray(x.array[i])), element)  # noqa: B023

        return self._then(elements)

    def shuffle(
        self,
        buffer_size: Any,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: Any = None,
    ) -> Dataset:
        """Random order: each next element is drawn from a buffer of this size."""
        orders = _Orders(seed, reshuffle_each_iteration)
        size = _buffer(buffer_size, self._length)
        made = Dataset(lambda: _shuffled(iter(self), size, orders.next()), self._length)
        made.generator = orders.generator
        return self._followed_by(made)

    def repeat(self, count: int | None = None, name: Any = None) -> Dataset:
        """The elements ``count`` times, or without end."""
        if count is None or count < 0:
            return self._then(lambda: _forever(self), INFINITE)
        length = self._length * count if self._length >= 0 else self._length

        def elements() -> Iterator:
            for _ in range(count):
                yield from self

        return self._then(elements, length)

    def take(self, count: int, name: Any = None) -> Dataset:
        """The first ``count`` elements."""
        known = count if self._length == INFINITE else min(count, self._length)
        length = self._length if count < 0 or self._length == UNKNOWN else known
        return self._then(lambda: itertools.islice(self, None if count < 0 else count), length)

    def skip(self, count: int, name: Any = None) -> Dataset:
        """The elements after the first ``count``; none of them if that is negative."""
        if count < 0:
            return self.take(0)
        length = max(0, self._length - count) if self._length >= 0 else self._length
        return self._then(lambda: itertools.islice(self, count, None), length)

    def shard(self, num_shards: int, index: int, name: Any = None) -> Dataset:
        """Every ``num_shards``-th element, from number ``index`` on."""
        length = len(range(index, self._length, num_shards)) if self._length >= 0 else self._length
        return self._then(lambda: itertools.islice(self, index, None, num_shards), length)

    def filter(self, predicate: Callable, name: Any = None) -> Dataset:
        """The elements for which ``predicate`` is true."""

        def elements() -> Iterator:
            for element in self:
                if predicate(*element) if isinstance(element, tuple) else predicate(element):
                    yield element

        return self._then(elements)

    def enumerate(self, start: int = 0, name: Any = None) -> Dataset:
        """Pairs (number, element)."""

        def elements() -> Iterator:
            for i, element in enumerate(self, start):
                yield Tensor(np.asarray(i, np.int64)), element

        return self._then(elements, self._length)

    def concatenate(self, dataset: Dataset, name: Any = None) -> Dataset:
        """The elements of this data set, then those of the other."""
        lengths = self._length, dataset._length
        length = sum(lengths) if min(lengths) >= 0 else min(lengths, key=(INFINITE, UNKNOWN).index)
        return self._then(lambda: itertools.chain(self, dataset), length)

    def flat_map(self, map_func: Callable, name: Any = None) -> Dataset:
        """The elements of the data sets that ``map_func`` returns, one after the other."""

        def elements() -> Iterator:
            for element in self:
                yield from map_func(*element) if isinstance(element, tuple) else map_func(element)

        return self._then(elements)

    def interleave(self, map_func: Callable, cycle_length: int = 1, **kwargs: Any) -> Dataset:
        """``flat_map``; the data sets are not mixed."""
        return self.flat_map(map_func)

    def window(
        self,
        size: int,
        shift: int | None = None,
        stride: int = 1,
        drop_remainder: bool = False,
        name: Any = None,
    ) -> Dataset:
        """Data sets of ``size`` elements, each ``shift`` elements after the one before."""
        shift = shift or size

        def elements() -> Iterator:
            every = list(self)
            for start in range(0, len(every), shift):
                part = every[start : start + (size - 1) * stride + 1 : stride]
                if len(part) == size or not drop_remainder:
                    yield _of_list(part)

        return self._then(elements)

    def cache(self, filename: str = "", name: Any = None) -> Dataset:
        """The elements of the first whole pass, kept in memory."""
        kept: list = []

        def elements() -> Iterator:
            if kept:
                yield from kept[0]
                return
            found = []
            for element in self:
                found.append(element)
                yield element
            kept.append(found)

        return self._then(elements, self._length)

    def prefetch(self, buffer_size: Any, name: Any = None) -> Dataset:
        """The same elements, made in advance by a thread, which ends when the iteration does.

        Args:
            buffer_size: how many elements at most; -1 (``tf.data.AUTOTUNE``) is 2, 0 none.

        An error in a step before is raised where its element would come, with its traceback.
        """
        size = 2 if int(buffer_size) == -1 else int(buffer_size)
        if size < 0:
            raise ValueError(
                f"prefetch() takes a number of elements, or -1 for two; got {buffer_size!r}."
            )
        if size == 0:
            return self

        def elements() -> Iterator:
            from .ahead import by_threads  # here, since most data need no threads

            source, end = self._make(), object()
            made = by_threads(lambda _: next(source, end), itertools.repeat(None), size=size)
            with closing(made):
                yield from itertools.takewhile(lambda element: element is not end, made)

        step = self._then(elements, self._length)
        step.batch_size = self.batch_size
        return step

    def with_options(self, options: Any, name: Any = None) -> Dataset:
        """The data set itself."""
        return self

    def apply(self, transformation_func: Callable) -> Dataset:
        """What a function of the data set returns."""
        return transformation_func(self)

    # ----------------------------------------------------------------------------------------------
    # Use

    def __iter__(self) -> Iterator:
        return self._make()

    def __len__(self) -> int:
        if self._length < 0:
            known = "has no end" if self._length == INFINITE else "has an unknown length"
            raise TypeError(f"This data set {known}, so it has no len().")
        return self._length

    def __bool__(self) -> bool:
        return True

    @property
    def endless(self) -> bool:
        """Whether it was repeated without end."""
        return self._length == INFINITE

    def cardinality(self) -> Tensor:
        """The number of elements; -1 without end, -2 unknown."""
        return Tensor(np.asarray(self._length, np.int64))

    def as_numpy_iterator(self) -> Iterator:
        """The elements as arrays."""
        return (map_structure(lambda x: x.numpy(), element) for element in self)

    def reduce(self, initial_state: Any, reduce_func: Callable, name: Any = None) -> Any:
        """reduce_func(...reduce_func(initial_state, first)..., last)."""
        state = initial_state
        for element in self:
            state = reduce_func(state, element)
        return state

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes of the first element."""
        first = next(iter(self))
        return map_structure(lambda x: f"TensorSpec(shape={x.shape}, dtype={x.dtype})", first)

    def __repr__(self) -> str:
        length = {INFINITE: "without end", UNKNOWN: "of unknown length"}.get(self._length)
        return f"<Dataset {length or f'of {self._length} elements'}>"


class PickedDataset(Dataset):
    """Elements chosen by their numbers: whoever shuffles, batches, takes or skips them does that
    to the numbers, and no element is made that is not asked for.

    Args:
        pick: a function from a number to the element, and from an array of numbers to a batch.
        length: how many elements there are.
        numbers: a function that returns the numbers in the order of one pass; by default 0, 1, ...
            After ``batch``, an array of numbers stands for each element.
        batch_size: its argument, after ``batch``.
    """

    def __init__(
        self,
        pick: Callable[[Any], Any],
        length: int,
        numbers: Callable[[], Iterable] | None = None,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(self._elements, length)
        self.pick = pick
        self.numbers = numbers or (lambda: range(length))
        self.batch_size = batch_size

    def _elements(self) -> Iterator:
        for numbers in self.numbers():
            yield self.pick(numbers)

    def _reordered(self, numbers: Callable[[], Iterable], length: int) -> Dataset:
        return self._followed_by(PickedDataset(self.pick, length, numbers, self.batch_size))

    def shuffle(
        self,
        buffer_size: Any,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: Any = None,
    ) -> Dataset:
        orders = _Orders(seed, reshuffle_each_iteration)
        size = _buffer(buffer_size, self._length)

        def shuffled() -> Iterable:
            generator = orders.next()
            if size >= self._length and self.batch_size is None:
                return generator.permutation(np.fromiter(self.numbers(), np.int64))
            return _shuffled(iter(self.numbers()), size, generator)

        made = PickedDataset(self.pick, self._length, shuffled, self.batch_size)
        made.generator = orders.generator
        return self._followed_by(made)

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: Any = None,
    ) -> Dataset:
        if self.batch_size is not None:  # batches of batches
            return super().batch(batch_size, drop_remainder)
        size = _size(batch_size, "batch")
        length = self._in_batches(size, drop_remainder)

        def batches() -> Iterator:
            numbers = np.fromiter(self.numbers(), np.int64)
            return (numbers[i * size : (i + 1) * size] for i in range(length))

        return self._followed_by(PickedDataset(self.pick, length, batches, size))

    def take(self, count: int, name: Any = None) -> Dataset:
        count = self._length if count < 0 else min(count, self._length)
        return self._reordered(lambda: itertools.islice(self.numbers(), count), count)

    def skip(self, count: int, name: Any = None) -> Dataset:
        if count < 0:
            return self.take(0)
        left = max(0, self._length - count)
        return self._reordered(lambda: itertools.islice(self.numbers(), count, None), left)

    def shard(self, num_shards: int, index: int, name: Any = None) -> Dataset:
        length = len(range(index, self._length, num_shards))
        return self._reordered(
            lambda: itertools.islice(self.numbers(), index, None, num_shards), length
        )


def in_batches(
    pick: Callable[[Any], Any], rows: int, batch_size: int | None, shuffle: bool, seed: int | None
) -> Dataset:
    """The data set of ``rows`` elements in batches; one by one if ``batch_size`` is None.

    pick: as in ``PickedDataset``.
    """
    made: Dataset = PickedDataset(pick, rows)
    if shuffle:
        made = made.shuffle(rows, seed)
    return made if batch_size is None else made.batch(batch_size)


class _Orders:
    """The random generator of each pass of a shuffle.

    ``generator`` is the one that goes on from pass to pass; None if all passes have one order.
    """

    def __init__(self, seed: int | None, reshuffle_each_iteration: bool | None) -> None:
        generator = random.generator_of(seed)
        self._seed = int(generator.integers(2**32))
        self.generator = None if reshuffle_each_iteration is False else generator

    def next(self) -> np.random.Generator:
        """A generator for one pass. It is drawn from the one that goes on, which is so left alone
        during the pass: a thread may then be ahead of it.
        """
        seed = self._seed if self.generator is None else int(self.generator.integers(2**63))
        return np.random.default_rng(seed)


def _shuffled(items: Iterator, size: int, generator: np.random.Generator) -> Iterator:
    buffer = list(itertools.islice(items, size))
    for item in items:
        place = int(generator.integers(len(buffer)))
        yield buffer[place]
        buffer[place] = item
    yield from (buffer[i] for i in generator.permutation(len(buffer)))


def _forever(dataset: Dataset) -> Iterator:
    while True:
        empty = True
        for element in dataset:
            empty = False
            yield element
        if empty:
            return


def _of_list(part: list) -> Dataset:
    return Dataset(lambda: iter(part), len(part))


def _groups(items: Iterator, size: int) -> Iterator[list]:
    while group := list(itertools.islice(items, size)):
        yield group


def stacked(group: list, padding: Any = None) -> Any:
    """Elements of one structure as one element, each leaf stacked."""
    columns = zip(*(flatten(element) for element in group), strict=True)
    rest = iter([_stack([x.array for x in column], padding) for column in columns])
    return map_structure(lambda _: next(rest), group[0])


def _stack(arrays: list, padding: Any) -> Tensor:
    if padding is not None:
        longest = np.max([x.shape for x in arrays], axis=0) if arrays[0].ndim else ()
        arrays = [
            np.pad(
                x,
                [(0, int(m) - n) for n, m in zip(x.shape, longest, strict=True)],
                constant_values=padding,
            )
            for x in arrays
        ]
    shapes = {x.shape for x in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"batch() needs elements of one shape; got {sorted(shapes)}. padded_batch() pads them."
        )
    return Tensor(np.stack(arrays))


def _as_arrays(data: Any) -> Any:
    """Arrays in a nesting of tuples and dicts; a list is one array."""
    if isinstance(data, dict):
        return {key: _as_arrays(part) for key, part in data.items()}
    if isinstance(data, tuple):
        return tuple(_as_arrays(part) for part in data)
    if hasattr(data, "to_dict") and hasattr(data, "columns"):  # a data frame: a dict of columns
        return data.to_numpy()
    array = np.asarray(data)
    if isinstance(data, list) and array.dtype == np.float64:
        return array.astype(np.float32)
    if isinstance(data, list) and array.dtype == np.int64:
        return array.astype(np.int32)
    return array


def as_tensors(made: Any) -> Any:
    made = tuple(made) if isinstance(made, list) else made
    return map_structure(lambda x: x if isinstance(x, Tensor) else Tensor(_as_arrays(x)), made)


def _typed(element: Any, types: Any) -> Any:
    """An element of a generator as tensors, of the given types."""
    if types is None:
        return map_structure(lambda x: Tensor(np.asarray(x)), element)
    if isinstance(types, (tuple, list)):
        return tuple(_typed(part, kind) for part, kind in zip(element, types, strict=True))
    if isinstance(types, dict):
        return {key: _typed(element[key], kind) for key, kind in types.items()}
    return Tensor(np.asarray(element) if types == "string" else np.asarray(element, types))


def _size(value: Any, place: str) -> int:
    whole = isinstance(value, (int, np.integer, Tensor)) and not isinstance(value, bool)
    if not whole or int(value) < 1:
        raise ValueError(f"{place} got batch_size={value!r}; expected a whole number of at least 1")
    return int(value)


def _buffer(size: Any, length: int) -> int:
    """The size of a shuffle's buffer; what `cardinality()` returned may be negative."""
    return max(int(size), 1) if int(size) > 0 else max(length, 1)
