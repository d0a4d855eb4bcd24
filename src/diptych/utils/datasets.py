"""Data sets that are loaded batch by batch: PyDataset and BatchDataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

import numpy as np

from .. import random

__all__ = ["BatchDataset", "PyDataset", "Sequence"]


class PyDataset:
    """The base class of data sets that return one batch at a time.

    A subclass defines `__len__`, the number of batches, and `__getitem__(index)`, which returns one
    batch: `x`, `(x, y)` or `(x, y, sample_weight)`. It may shuffle in `on_epoch_end`.

        class Images(PyDataset):
            def __init__(self, files, labels, batch_size, **kwargs):
                super().__init__(**kwargs)
                self.files, self.labels, self.batch_size = files, labels, batch_size

            def __len__(self):
                return -(-len(self.files) // self.batch_size)

            def __getitem__(self, index):
                rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
                return np.stack([load(f) for f in self.files[rows]]), self.labels[rows]

    Args:
        workers: the number of threads or processes that make batches in advance, in their order.
            With one thread, the default, each batch is made when it is needed.
        use_multiprocessing: whether the workers are processes, each with a copy of the data set
            as it is when an epoch begins. It must be possible to pickle it, and in a script
            training belongs under ``if __name__ == "__main__":`` (where processes are forked, as
            on Linux before Python 3.14, neither is needed).
        max_queue_size: the most batches made in advance.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} needs __getitem__(self, index), which returns one batch: "
            f"x, (x, y) or (x, y, sample_weight)"
        )

    def __iter__(self) -> Iterator:
        total = self.num_batches
        return map(self.__getitem__, count() if total is None else range(total))

    def __len__(self) -> int:
        raise NotImplementedError(
            f"{type(self).__name__} needs __len__(self), the number of batches of one epoch"
        )

    @property
    def num_batches(self) -> int | None:
        """The number of batches of one epoch; None means without end."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch: the place to shuffle."""


Sequence = PyDataset


class BatchDataset:
    """Batches of arrays that can be iterated over repeatedly, like a tf.data.Dataset.

    `fit`, `evaluate` and `predict` take it, and `for` loops can iterate over it; every pass starts
    again. `text_dataset_from_directory` and `timeseries_dataset_from_array` return one.

    Args:
        make: a function that returns a new iterator over the batches of one pass.
        batches: their number.
    """

    def __init__(self, make: Callable[[], Iterator], batches: int) -> None:
        self._make = make
        self._batches = batches
        self.class_names: list[str] | None = None
        self.file_paths: list[str] | None = None
        self.generator: np.random.Generator | None = None  # draws the order of each pass

    @classmethod
    def of_rows(
        cls,
        pick: Callable[[np.ndarray], Any],
        rows: int,
        batch_size: int | None,
        shuffle: bool,
        seed: int | None,
    ) -> BatchDataset:
        """The data set of ``rows`` samples. ``pick(numbers)`` returns the samples with these
        numbers as a batch; if ``batch_size`` is None, it gets a single number and returns the
        sample.
        """
        whole = isinstance(batch_size, (int, np.integer)) and not isinstance(batch_size, bool)
        if batch_size is not None and (not whole or batch_size < 1):
            raise ValueError(
                f"batch_size={batch_size!r}; expected a whole number of at least 1, or None for "
                "single samples"
            )
        generator = random.generator_of(seed)
        size = 1 if batch_size is None else batch_size

        def batches() -> Iterator:
            order = generator.permutation(rows) if shuffle else np.arange(rows)
            for i in range(0, rows, size):
                yield pick(order[i] if batch_size is None else order[i : i + size])

        made = cls(batches, -(-rows // size))
        made.generator = generator if shuffle else None
        return made

    def __iter__(self) -> Iterator:
        return self._make()

    def __len__(self) -> int:
        return self._batches

    def map(self, function: Callable) -> BatchDataset:
        """The data set of ``function(*batch)``, or of ``function(batch)`` if a batch is not a
        tuple. The function is called again in each pass.
        """

        def batches() -> Iterator:
            for batch in self:
                yield function(*batch) if isinstance(batch, tuple) else function(batch)

        return self._like(batches, self._batches)

    def take(self, count: int) -> BatchDataset:
        """The data set of the first ``count`` batches."""
        return self._like(lambda: islice(iter(self), count), min(count, self._batches))

    def _like(self, make: Callable[[], Iterator], batches: int) -> BatchDataset:
        other = type(self)(make, batches)
        other.class_names, other.file_paths = self.class_names, self.file_paths
        other.generator = self.generator
        return other

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._batches} batches>"
