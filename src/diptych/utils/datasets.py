"""The base class of data sets that return one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

__all__ = ["PyDataset", "Sequence"]


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
