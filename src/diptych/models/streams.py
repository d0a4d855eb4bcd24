"""The batches of objects that make them: PyDatasets, generators, loaders of other libraries."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..legacy.notes import users_level
from ..utils.batches import unpack_x_y_sample_weight
from ..utils.datasets import PyDataset
from .arrays import as_arrays, count_rows, no_text
from .class_weights import class_weights_to_sample_weights
from .passes import Batches, Passes, check_size

__all__ = ["DatasetBatches", "GeneratorBatches"]

RAN_DRY = (
    "The generator ran out of data, so training stops here. It must give at least steps_per_epoch "
    "* epochs batches; without steps_per_epoch, one epoch takes all of them. A generator function "
    "with `while True:` never runs out."
)


class DatasetBatches(Passes):
    """The batches of a PyDataset; its workers, threads or processes, make them in advance."""

    def __init__(
        self,
        dataset: PyDataset,
        shuffle: bool | str = False,
        generator: np.random.Generator | None = None,
        steps: int | None = None,
        repeat: bool = False,
        class_weight: dict | None = None,
        text: Callable[[], bool] = no_text,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.text = text
        self.shuffle = bool(shuffle)
        self.generator = generator
        self._limit = None if steps is None else check_size(steps, "steps", None)
        self.repeat = repeat
        self.class_weight = class_weight
        self._looked_at: tuple | None = None  # the first batch, before the first epoch
        self._began = False  # whether on_epoch_begin was called for the look at it
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
        if self._looked_at is None:
            self.dataset.on_epoch_begin()
            self._looked_at = self._prepare(self.dataset[0])
            if self.repeat:  # in training, as in Keras, this look is an epoch of its own
                self.dataset.on_epoch_end()
            else:
                self._began = True
        return self._looked_at

    def __iter__(self) -> Iterator[tuple]:
        self._looked_at = None
        if not self._began:
            self.dataset.on_epoch_begin()
        self._began = False
        yield from super().__iter__()
        self.dataset.on_epoch_end()

    def _one_pass(self, skip: int = 0) -> Iterator[tuple]:
        dataset, total = self.dataset, self.batches_of_a_pass
        indices: Any = itertools.count(skip) if total is None else range(skip, total)
        if self.shuffle and total is not None:
            indices = self._permutation(total).tolist()[skip:]
        # A Sequence of old may not call super().__init__().
        workers = getattr(dataset, "workers", 1)
        size = getattr(dataset, "max_queue_size", 10)
        processes = workers > 0 and getattr(dataset, "use_multiprocessing", False)
        if not processes and workers < 2:
            return map(self._prepare, map(dataset.__getitem__, indices))
        from ..utils.ahead import by_processes, by_threads  # here, since most data need neither

        made = (
            by_processes(dataset, indices, workers, size)
            if processes
            else by_threads(dataset.__getitem__, indices, workers, size)
        )
        return map(self._prepare, self._opened(made))

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
        text: Callable[[], bool] = no_text,
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
        self._iterator: Iterator
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

    def close(self) -> None:
        if self._restarts:  # so the iterator is not the user's: it ends where nobody else holds it
            self._peeked.clear()
            self._iterator = iter(())

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


def _prepare(batch: Any, class_weight: dict | None, text: Callable[[], bool]) -> tuple:
    """One batch of a generator or data set as arrays, with class weights if given."""
    x, y, sample_weight = unpack_x_y_sample_weight(batch)
    if x is None:
        raise ValueError(
            "A batch is None, or its x is; expected x, (x, y) or (x, y, sample_weight). Does the "
            "data set's __getitem__, or the generator, lack a `return` or `yield` of them?"
        )
    x, y = as_arrays(x, "x", text), as_arrays(y, "y")
    if class_weight is not None:
        sample_weight = class_weights_to_sample_weights(y, sample_weight, class_weight)
    sample_weight = as_arrays(sample_weight, "sample_weight")
    if count_rows({"x": x, "y": y, "sample_weight": sample_weight}) == 0:
        raise ValueError("A batch of the generator is empty; at least one row is needed.")
    return x, y, sample_weight
