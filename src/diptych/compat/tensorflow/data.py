"""``tf.data``: data sets as chains of steps, which ``fit``, ``evaluate`` and ``predict`` take.

Elements are tensors, or tuples and dicts of them. Each pass over a data set starts again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ... import random as own
from ...nested import flatten, map_structure
from ...tensor import Tensor
from ._names import missing

__all__ = ["AUTOTUNE", "Dataset", "Options"]

AUTOTUNE = -1
INFINITE = -1
UNKNOWN = -2


class Options:
    """Accepted for TensorFlow's sake, without effect."""


class Dataset:
    """A sequence of elements, made anew in each pass.

    Args:
        make: a function that returns an iterator over the elements.
        length: their number; `INFINITE` or `UNKNOWN`.
    """

    def __init__(self, make: Callable[[], Iterator], length: int = UNKNOWN) -> None:
        self._make = make
        self._length = length

    # ----------------------------------------------------------------------------------------------
    # Sources

    @staticmethod
    def from_tensor_slices(tensors: Any, name: Any = None) -> Dataset:
        """The rows of arrays, or of a tuple or dict of arrays."""
        return _Rows(_as_arrays(tensors))

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
                yield _as_tensors(made)

        return Dataset(elements, self._length)

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
                    yield _stacked(group)

        return Dataset(elements, self._in_batches(size, drop_remainder))

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
                    yield _stacked(group, value)

        return Dataset(elements, self._in_batches(size, drop_remainder))

    def unbatch(self, name: Any = None) -> Dataset:
        """The rows of batches, one by one."""

        def elements() -> Iterator:
            for element in self:
                for i in range(len(flatten(element)[0])):
                    yield map_structure(lambda x: Tensor(np.asarray(x.array[i])), element)  # noqa: B023

        return Dataset(elements)

    def shuffle(
        self,
        buffer_size: Any,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: Any = None,
    ) -> Dataset:
        """Random order: each next element is drawn from a buffer of this size."""
        generators = _Generators(seed, reshuffle_each_iteration is not False)
        size = _buffer(buffer_size, self._length)
        return Dataset(lambda: _shuffled(iter(self), size, generators.next()), self._length)

    def repeat(self, count: int | None = None, name: Any = None) -> Dataset:
        """The elements ``count`` times, or without end."""
        if count is None or count < 0:
            return Dataset(lambda: _forever(self), INFINITE)
        length = self._length * count if self._length >= 0 else self._length

        def elements() -> Iterator:
            for _ in range(count):
                yield from self

        return Dataset(elements, length)

    def take(self, count: int, name: Any = None) -> Dataset:
        """The first ``count`` elements."""
        known = count if self._length == INFINITE else min(count, self._length)
        length = self._length if count < 0 or self._length == UNKNOWN else known
        return Dataset(lambda: itertools.islice(self, None if count < 0 else count), length)

    def skip(self, count: int, name: Any = None) -> Dataset:
        """The elements after the first ``count``."""
        length = max(0, self._length - count) if self._length >= 0 else self._length
        return Dataset(lambda: itertools.islice(self, count, None), length)

    def shard(self, num_shards: int, index: int, name: Any = None) -> Dataset:
        """Every ``num_shards``-th element, from number ``index`` on."""
        length = len(range(index, self._length, num_shards)) if self._length >= 0 else self._length
        return Dataset(lambda: itertools.islice(self, index, None, num_shards), length)

    def filter(self, predicate: Callable, name: Any = None) -> Dataset:
        """The elements for which ``predicate`` is true."""

        def elements() -> Iterator:
            for element in self:
                if predicate(*element) if isinstance(element, tuple) else predicate(element):
                    yield element

        return Dataset(elements)

    def enumerate(self, start: int = 0, name: Any = None) -> Dataset:
        """Pairs (number, element)."""

        def elements() -> Iterator:
            for i, element in enumerate(self, start):
                yield Tensor(np.asarray(i, np.int64)), element

        return Dataset(elements, self._length)

    def concatenate(self, dataset: Dataset, name: Any = None) -> Dataset:
        """The elements of this data set, then those of the other."""
        lengths = self._length, dataset._length
        length = sum(lengths) if min(lengths) >= 0 else min(lengths, key=(INFINITE, UNKNOWN).index)
        return Dataset(lambda: itertools.chain(self, dataset), length)

    def flat_map(self, map_func: Callable, name: Any = None) -> Dataset:
        """The elements of the data sets that ``map_func`` returns, one after the other."""

        def elements() -> Iterator:
            for element in self:
                yield from map_func(*element) if isinstance(element, tuple) else map_func(element)

        return Dataset(elements)

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

        return Dataset(elements)

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

        return Dataset(elements, self._length)

    def prefetch(self, buffer_size: Any, name: Any = None) -> Dataset:
        """The data set itself: elements are made when they are needed."""
        return self

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


class _Rows(Dataset):
    """The rows of arrays: shuffled and batched by their numbers, without making each row."""

    def __init__(self, arrays: Any, order: Callable[[], Any] | None = None) -> None:
        self.arrays = arrays
        sizes = {len(x) for x in flatten(arrays)}
        if len(sizes) != 1:
            raise ValueError(
                "from_tensor_slices needs arrays with the same number of rows; they have "
                f"{sorted(sizes)}."
            )
        (rows,) = sizes
        self._order = order or (lambda: range(rows))
        super().__init__(self._elements, rows)

    def _pick(self, rows: Any) -> Any:
        return map_structure(lambda x: Tensor(np.asarray(x[rows])), self.arrays)

    def _elements(self) -> Iterator:
        return (self._pick(i) for i in self._order())

    def shuffle(
        self,
        buffer_size: Any,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: Any = None,
    ) -> Dataset:
        generators = _Generators(seed, reshuffle_each_iteration is not False)
        size, order = _buffer(buffer_size, self._length), self._order

        def shuffled() -> Any:
            if size >= self._length:
                return generators.next().permutation(np.asarray(order()))
            return list(_shuffled(iter(order()), size, generators.next()))

        return _Rows(self.arrays, shuffled)

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: Any = None,
    ) -> Dataset:
        size = _size(batch_size, "batch")
        length = self._in_batches(size, drop_remainder)

        def elements() -> Iterator:
            order = np.asarray(self._order())
            for i in range(length):
                yield self._pick(order[i * size : (i + 1) * size])

        return Dataset(elements, length)


class _Generators:
    """The random generator of each pass of a shuffle."""

    def __init__(self, seed: int | None, fresh: bool) -> None:
        self._fresh = fresh
        self._generator = own.generator_of(seed)
        self._seed = int(self._generator.integers(2**32))

    def next(self) -> np.random.Generator:
        return self._generator if self._fresh else np.random.default_rng(self._seed)


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


def _stacked(group: list, padding: Any = None) -> Any:
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


def _as_tensors(made: Any) -> Any:
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
    size = int(value)
    if size < 1:
        raise ValueError(f"{place}({value!r}): expected a number of at least 1")
    return size


def _buffer(size: Any, length: int) -> int:
    """The size of a shuffle's buffer; what `cardinality()` returned may be negative."""
    return max(int(size), 1) if int(size) > 0 else max(length, 1)


experimental = type("experimental", (), {"AUTOTUNE": AUTOTUNE, "cardinality": Dataset.cardinality})


def __getattr__(name: str) -> Any:
    raise missing("tf.data", name, __all__)
