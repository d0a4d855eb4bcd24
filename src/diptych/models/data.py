"""From the data of fit, evaluate and predict to batches.

`batches_for(x, y, sample_weight, ...)` returns an object with one interface for arrays, a PyDataset
and Python generators:

    batches.steps           batches of one epoch; None where that is not known beforehand
    batches.first()         the first batch, to look at before training; it is not used up
    iter(batches)           the batches of one epoch: (x, y, sample_weight) each
    batches.sizes(epochs)   the numbers of rows of the batches to come, as far as they are known
    batches.more()          False, after a warning, once a generator has nothing left for an epoch

Values keep their dtype here, unless the caller names dtypes: then arrays are cast, once for small
data and batch by batch for large.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import config
from ..legacy.notes import users_level
from ..nested import flatten, map_structure
from ..utils.datasets import PyDataset
from .fitting import at_most
from .frames import TEXT, is_text, of_frame
from .passes import Batches, Passes

__all__ = [
    "ArrayBatches",
    "DatasetBatches",
    "GeneratorBatches",
    "as_arrays",
    "batches_for",
    "check_size",
    "class_weights_to_sample_weights",
    "count_rows",
    "split_off_validation",
    "unpack",
]

# Up to this size, the rows of a whole epoch are reordered at once, so that each batch is a plain
# slice; above it, each batch picks its own rows, which needs no extra memory.
SMALL = 1 << 20

NO_DATA = "There are no data: x is None. Pass arrays, a PyDataset or a generator."
RAN_DRY = (
    "The generator ran out of data, so training stops here. It must give at least steps_per_epoch "
    "* epochs batches; without steps_per_epoch, one epoch takes all of them. A generator function "
    "with `while True:` never runs out."
)


# ------------------------------------------------------------------------------------------------
# Arrays


def _no_text() -> bool:
    return False


def as_arrays(data: Any, name: str, text: Callable[[], bool] = _no_text) -> Any:
    """`data` with an array for every leaf, in the same nesting.

    data: an array; anything with `.to_numpy()` or `.numpy()`; nested lists of numbers (one array);
        a list, tuple or dict of these (several arrays); None stays None.
    name: the name of the data in errors: 'x', 'y' or 'sample_weight'.
    text: a function, called only if there is text, that says whether the model takes text.
    Raises ValueError for other text, objects, ragged lists and single numbers.
    """
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: as_arrays(part, f"{name}[{key!r}]", text) for key, part in data.items()}
    if isinstance(data, list | tuple) and _holds_arrays(data):
        parts = [as_arrays(part, f"{name}[{i}]", text) for i, part in enumerate(data)]
        return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)
    return _as_array(data, name, text)


def as_data(data: Any, name: str, text: Callable[[], bool] = _no_text) -> Any:
    """`as_arrays` of a whole batch, fast for an array; x must not be None."""
    if type(data) is np.ndarray and data.ndim and data.dtype.kind in "biuf":
        return data
    if data is None and name == "x":
        raise ValueError(NO_DATA)
    return as_arrays(data, name, text)


def _holds_arrays(data: list | tuple) -> bool:
    """Whether a list is several arrays rather than the numbers of one."""
    return any(isinstance(part, dict) or hasattr(part, "__array__") for part in data) and not all(
        isinstance(part, np.generic) for part in data
    )


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
        array = np.asarray(data.numpy())
    else:
        try:
            array = np.asarray(data)
        except ValueError as error:
            raise ValueError(_ragged(data, name)) from error
    if array.dtype.kind not in "biuf" and not (is_text(array) and text()):
        raise ValueError(_not_numbers(array, data, name))
    if array.ndim == 0:
        raise ValueError(
            f"{name} is the single value {array!r}; expected an array whose first axis is the "
            "batch. np.array([...]) makes one of a list of samples."
        )
    return array


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
        raise ValueError(
            f"The arrays differ in their number of samples ({listed}). The first axis is the batch "
            "and must have the same size in all of them."
        )
    return different.pop()


# ------------------------------------------------------------------------------------------------
# Tuples of a data set, weights, the validation split


def unpack(batch: Any) -> tuple[Any, Any, Any]:
    """A batch of a generator or data set as (x, y, sample_weight), None for missing parts."""
    if isinstance(batch, list):
        batch = tuple(batch)
    if not isinstance(batch, tuple):
        return batch, None, None
    if 1 <= len(batch) <= 3:
        return (*batch, None, None)[:3]
    raise ValueError(
        f"A batch must be x, (x, y) or (x, y, sample_weight); got a tuple of {len(batch)} parts. "
        "Pass several inputs as a list or dict in place of x: ([a, b], y)."
    )


def class_weights_to_sample_weights(
    y: Any, sample_weight: Any, class_weight: dict[int, float], is_all: bool = False
) -> np.ndarray:
    """One weight for each sample, by its class; classes that are not listed have weight 1.

    y: (N,) or (N, 1) class numbers, or (N, classes) one-hot rows or probabilities. Class numbers
        of steps, (N, T), are refused, as far as they can be told from these.
    sample_weight: must be None, since a row cannot have two weights.
    is_all: whether these are all samples; then a class without samples causes a warning.
    """
    if sample_weight is not None:
        raise ValueError("Pass class_weight or sample_weight, not both.")
    if isinstance(class_weight, list) and all(isinstance(one, dict) for one in class_weight):
        class_weight = dict(enumerate(class_weight))  # refused below
    if not isinstance(class_weight, dict):
        raise ValueError(
            f"class_weight={class_weight!r}; expected a dict from class to weight, such as "
            f"{{0: 1.0, 1: 5.0}}"
        )
    for label, weight in class_weight.items():
        if isinstance(weight, dict):
            raise ValueError(
                f"class_weight holds a dict for {label!r}: it takes the weights of one output's "
                "classes. For several outputs, or weights by the output's name, pass sample_weight "
                f"in the structure of y; for this one, np.array([class_weight[{label!r}].get(c, "
                "1.0) for c in labels])."
            )
        if not (_is_number(label) and int(label) == label and _is_number(weight)):
            raise ValueError(
                f"class_weight has the entry {label!r}: {weight!r}; expected a class number and "
                "its weight, such as 1: 5.0"
            )
    y = as_arrays(y, "y")
    if not isinstance(y, np.ndarray):
        raise ValueError(
            "class_weight needs labels, but there are none."
            if y is None
            else "class_weight needs a model with one output and one array of labels; for several "
            "outputs use sample_weight, in the structure of y."
        )
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] > 1 and not _are_probabilities(y)):
        raise ValueError(several_classes(y))
    classes = np.argmax(y, axis=-1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
    classes = np.round(classes).astype(np.int64)
    weights = np.ones(len(y), dtype=np.float32)
    unknown = []
    for label, weight in class_weight.items():
        rows = classes == label
        weights[rows] = weight
        if is_all and not rows.any():
            unknown.append(label)
    if unknown:
        warnings.warn(
            f"class_weight has weights for the classes {unknown}, which do not occur: the labels "
            f"range from {classes.min()} to {classes.max()}.",
            stacklevel=users_level(),
        )
    return weights


def several_classes(y: np.ndarray) -> str:
    """Why labels with several classes for each sample have no class weights, and what to do."""
    return (
        f"class_weight needs one class for each sample, but the labels have shape {y.shape}, a "
        "class for each step or pixel. Pass sample_weight with a weight for each of them: for "
        f"class numbers y, np.vectorize(lambda c: class_weight.get(c, 1.0))(y), shape {y.shape}."
    )


def _are_probabilities(y: np.ndarray) -> bool:
    """Whether all entries lie between 0 and 1, as in one-hot rows."""
    return not y.size or bool(y.min() >= 0 and y.max() <= 1)


def _is_number(value: Any) -> bool:
    """Whether a value is a single number and not NaN."""
    return isinstance(value, (int, float, np.number)) and value == value


def split_off_validation(
    x: Any,
    y: Any,
    sample_weight: Any,
    validation_split: float,
    text: Callable[[], bool] = _no_text,
) -> tuple[tuple, tuple]:
    """validation_split: the last fraction of the rows becomes the validation data, before
    shuffling.

    Returns (x, y, sample_weight) of the training part and of the validation part.
    """
    if not _is_number(validation_split) or not 0.0 < validation_split < 1.0:
        raise ValueError(
            f"validation_split={validation_split!r}; expected a fraction between 0 and 1, such as "
            "0.2"
        )
    if not _is_data(x):
        raise ValueError(
            f"validation_split takes the last rows of arrays, but x is a {type(x).__name__}; use "
            "validation_data instead."
        )
    parts = {"x": x, "y": y, "sample_weight": sample_weight}
    data = tuple(as_arrays(part, name, _for(name, text)) for name, part in parts.items())
    rows = count_rows(dict(zip(parts, data, strict=True)))
    split = math.floor(rows * (1.0 - validation_split))  # the rows from here on are for validation
    if split == 0 or split == rows:
        raise ValueError(
            f"validation_split={validation_split} of {rows} samples leaves {split} to train on and "
            f"{rows - split} to validate on; both need at least one. Use more data, another "
            "fraction, or validation_data."
        )

    def part(rows: slice) -> Any:
        return map_structure(lambda leaf: None if leaf is None else leaf[rows], data)

    return part(slice(None, split)), part(slice(split, None))


# ------------------------------------------------------------------------------------------------
# Batches


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
        text: Callable[[], bool] = _no_text,
    ) -> None:
        super().__init__()
        parts = {"x": x, "y": y, "sample_weight": sample_weight}
        self.data = tuple(as_arrays(part, name, _for(name, text)) for name, part in parts.items())
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
        self._pairs = plain and not self._casts

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
        if order is None and self._pairs:
            x, y = leaves  # the hot path: a batch is two slices
            return ((x[i : i + size], y[i : i + size], None) for i in starts)
        if order is None:
            return (pack(self._cast([leaf[i : i + size] for leaf in leaves])) for i in starts)
        return (
            pack(self._cast([leaf.take(order[i : i + size], 0) for leaf in leaves])) for i in starts
        )

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


class DatasetBatches(Passes):
    """The batches of a PyDataset; with several workers, threads prepare them in advance."""

    def __init__(
        self,
        dataset: PyDataset,
        shuffle: bool | str = False,
        generator: np.random.Generator | None = None,
        steps: int | None = None,
        repeat: bool = False,
        class_weight: dict | None = None,
        text: Callable[[], bool] = _no_text,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.text = text
        self.shuffle = bool(shuffle)
        self.generator = generator
        self._limit = None if steps is None else check_size(steps, "steps", None)
        self.repeat = repeat
        self.class_weight = class_weight
        self.batches_of_a_pass = dataset.num_batches
        if self.batches_of_a_pass == 0:
            raise ValueError(f"The data are empty: len({type(dataset).__name__}) is 0.")
        self.steps = self._limit or self.batches_of_a_pass
        if self.steps is None:
            raise ValueError(
                f"{type(dataset).__name__} has no end (num_batches is None): state the number of "
                "batches of an epoch, steps_per_epoch=... (steps=... in evaluate and predict)."
            )

    def first(self) -> tuple:
        return self._prepare(self.dataset[0])

    def __iter__(self) -> Iterator[tuple]:
        self.dataset.on_epoch_begin()
        yield from super().__iter__()
        self.dataset.on_epoch_end()

    def _one_pass(self, skip: int = 0) -> Iterator[tuple]:
        total = self.batches_of_a_pass
        indices: Any = itertools.count(skip) if total is None else range(skip, total)
        if self.shuffle and total is not None:
            indices = self._permutation(total).tolist()[skip:]
        workers = getattr(self.dataset, "workers", 1)
        made = (
            self._ahead(indices, workers) if workers > 1 else map(self.dataset.__getitem__, indices)
        )
        return map(self._prepare, made)

    def _ahead(self, indices: Any, workers: int) -> Iterator[Any]:
        """The batches in order, made by threads; at most `max_queue_size` of them wait."""
        from concurrent.futures import ThreadPoolExecutor

        indices = iter(indices)
        with ThreadPoolExecutor(workers) as pool:
            waiting = deque(
                pool.submit(self.dataset.__getitem__, i)
                for i in itertools.islice(indices, max(workers, self.dataset.max_queue_size))
            )
            try:
                while waiting:
                    yield waiting.popleft().result()
                    waiting.extend(
                        pool.submit(self.dataset.__getitem__, i)
                        for i in itertools.islice(indices, 1)
                    )
            finally:
                for future in waiting:
                    future.cancel()

    def _prepare(self, batch: Any) -> tuple:
        return _prepare(batch, self.class_weight, self.text)


class GeneratorBatches(Batches):
    """The batches of a Python generator, or of any other object that can be iterated over.

    A generator continues from epoch to epoch; an object that gives a new iterator each time, such
    as a data loader of another library, starts again. Without `steps`, an epoch takes all batches.
    A training that goes on in the middle takes from a generator whatever it gives next.
    """

    def __init__(
        self,
        source: Any,
        steps: int | None = None,
        class_weight: dict | None = None,
        text: Callable[[], bool] = _no_text,
    ) -> None:
        self.source = source
        self.text = text
        self._limit = None if steps is None else check_size(steps, "steps", None)
        self.class_weight = class_weight
        self.steps = self._limit
        if self._limit is None and getattr(source, "endless", False):
            raise ValueError(
                f"{type(source).__name__} has no end: state the number of batches of an epoch, "
                "steps_per_epoch=... (steps=... in evaluate and predict)."
            )
        if self._limit is None and hasattr(source, "__len__"):
            with contextlib.suppress(TypeError):  # a data set of unknown length
                self.steps = len(source)
        # That of a data set which draws a new order in each pass.
        own = getattr(source, "generator", None)
        self._generator = own if isinstance(own, np.random.Generator) else None
        self._begin_pass()
        self._restarts = self._iterator is not source
        self._started = False
        self._peeked: list = []
        self._skipped = 0

    def first(self) -> tuple:
        if not self._look():
            raise ValueError("The data are empty: the generator gave no batch at all.")
        return self._prepare(self._peeked[0])

    def __iter__(self) -> Iterator[tuple]:
        if self._restarts and self._started and (self._limit is None or not self._look()):
            self._begin_pass()
        self._started = True
        skipped, self._skipped = self._skipped, 0
        return self._some(skipped)

    def more(self) -> bool:
        if self._restarts or self._look():
            return True
        self._warn()
        return False

    def _begin_pass(self) -> None:
        if self._generator is not None:
            self._drawn_from = self._generator.bit_generator.state
        self._iterator = iter(self.source)

    def place(self, done: int | None) -> dict[str, Any]:
        if self._generator is None:
            return {}
        return {"order": self._drawn_from, "now": self._generator.bit_generator.state}

    def go_to(self, place: dict[str, Any], done: int) -> None:
        self._skipped = done
        if not self._restarts or self._limit is not None:
            return
        generator = self._generator if place else None
        if generator is not None:
            generator.bit_generator.state = place["order" if done else "now"]
            self._begin_pass()
            self._peeked.clear()
        for _ in itertools.islice(iter(self._look, False), done):
            self._peeked.clear()
        if generator is not None:
            generator.bit_generator.state = place["now"]

    def _look(self) -> bool:
        """Whether there is another batch; it is stored for the next call."""
        if not self._peeked:
            self._peeked = list(itertools.islice(self._iterator, 1))
        return bool(self._peeked)

    def _some(self, skipped: int) -> Iterator[tuple]:
        for given in itertools.count(skipped):
            if given == self._limit:
                return
            if not self._look():
                break
            yield self._prepare(self._peeked.pop())
        if self._restarts and self._limit is not None:
            self._warn_of_the_end(given)
        elif self._limit is not None or given == 0:
            self._warn()

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(RAN_DRY, stacklevel=users_level())

    def _prepare(self, batch: Any) -> tuple:
        return _prepare(batch, self.class_weight, self.text)


def batches_for(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    repeat: bool = False,
    class_weight: dict | None = None,
    dtypes: Any = None,
    text: Callable[[], bool] = _no_text,
) -> Batches:
    """The batches of the data given to `fit`, `evaluate` or `predict`.

    batch_size: for arrays, by default 32; a PyDataset or generator makes its own batches. steps,
    shuffle, repeat, dtypes: see `ArrayBatches`.
    class_weight: {class: weight}, turned into sample weights.
    text: whether x may be text, see `as_arrays`.
    """
    if isinstance(x, Batches):
        return x
    steps = at_most(config.max_steps_per_epoch(), steps, "steps_per_epoch")
    if x is None:
        raise ValueError(NO_DATA)
    if callable(x) and not hasattr(x, "__iter__") and hasattr(x, "__name__"):
        raise ValueError(
            f"x is the function {x.__name__}, not a generator; call it: {x.__name__}()."
        )
    if isinstance(x, list) and y is None and x and isinstance(x[0], tuple) and len(x[0]) > 1:
        if any(hasattr(part, "__array__") for part in x[0]):
            raise ValueError(
                f"x is a list of {len(x)} tuples of arrays. If these are batches, iter(x) gives "
                "them one after the other."
            )
    if _is_data(x):
        if class_weight is not None:
            sample_weight = class_weights_to_sample_weights(
                y, sample_weight, class_weight, is_all=True
            )
        return ArrayBatches(
            x,
            y=y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            shuffle=shuffle,
            steps=steps,
            repeat=repeat,
            dtypes=dtypes,
            text=text,
        )
    kind = type(x).__name__
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"{name} cannot be combined with a {kind}, which gives whole batches: let it give "
                "(x, y) or (x, y, sample_weight)."
            )
    if isinstance(x, PyDataset):
        return DatasetBatches(
            x,
            shuffle=shuffle,
            generator=None,
            steps=steps,
            repeat=repeat,
            class_weight=class_weight,
            text=text,
        )
    return GeneratorBatches(x, steps=steps, class_weight=class_weight, text=text)


def _is_data(x: Any) -> bool:
    """Whether `x` is complete data, rather than an object that makes batches."""
    if isinstance(x, PyDataset):
        return False
    whole = x is None or isinstance(x, list | tuple | dict) or hasattr(x, "__array__")
    return whole or hasattr(x, "toarray") or not hasattr(x, "__iter__")


def _for(name: str, text: Callable[[], bool]) -> Callable[[], bool]:
    """Inputs may be text if the model takes it; labels and weights never."""
    return text if name == "x" else _no_text


def _prepare(batch: Any, class_weight: dict | None, text: Callable[[], bool]) -> tuple:
    """One batch of a generator or data set as arrays, with class weights if given."""
    x, y, sample_weight = unpack(batch)
    x, y = as_arrays(x, "x", text), as_arrays(y, "y")
    if class_weight is not None:
        sample_weight = class_weights_to_sample_weights(y, sample_weight, class_weight)
    sample_weight = as_arrays(sample_weight, "sample_weight")
    if count_rows({"x": x, "y": y, "sample_weight": sample_weight}) == 0:
        raise ValueError("A batch of the generator is empty; at least one row is needed.")
    return x, y, sample_weight


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


def check_size(value: Any, name: str, default: int | None = None) -> int:
    """A whole number of at least 1, or the default for None; ValueError for anything else."""
    if value is None and default is not None:
        return default
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value <= 0:
        raise ValueError(f"{name}={value!r}; expected a whole number of at least 1")
    return int(value)
