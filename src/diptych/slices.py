"""Slices: the parts of a batch, in a training step that several processes share.

Every batch is cut into the same slices of rows, whatever the number of processes. Each slice goes
through the model alone. What belongs to the whole batch is summed over the slices in a fixed order:
``Slice.total``. In evaluation and prediction there are no slices: a ``Share`` is a whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .trial import Trial, open_trial

__all__ = ["Share", "Slice", "counts", "open_slice", "word_of"]


class Share(Trial):
    """A part of the rows of a job, open while they go through a model. It leaves no trace: it draws
    random numbers of its own, and variables may not change.

    Args:
        number: its place among all parts.
        words: for each generator that was used, the number drawn from it; common to all parts.
    """

    drops_losses = False

    def __init__(self, number: int, words: dict[Any, int]) -> None:
        super().__init__()
        self.number = number
        self._words = words

    def copy_of(self, generator: Any) -> np.random.Generator:
        """The generator that this part draws from, which is another one for each part."""
        if generator not in self._generators:
            seed = [word_of(generator, self._words), self.number]
            self._generators[generator] = np.random.default_rng(seed)
        return self._generators[generator]

    def remember(self, variable: Any) -> None:
        """Refuse a change of a variable: each part would make one of its own."""
        raise ValueError(
            f"{variable.path} changes while the model is called. Where processes share their work, "
            "each calls it on other rows, so the changes would differ. Of what changes in a call, "
            "only the moving averages of BatchNormalization (without renorm) can be shared."
        )


def word_of(generator: Any, words: dict[Any, int]) -> int:
    """The number that all parts begin with; the first one draws it, so that later ones differ."""
    if generator not in words:
        words[generator] = int(generator.integers(2**63))
    return words[generator]


class Slice(Share):
    """One slice of a batch, in a training step that processes share.

    Args:
        number, words: see ``Share``; the words are those of the step.
        rows: how many rows it has.
        all_rows: how many the whole batch has.
        total: sums an array over all slices; called with this slice and the array.

    Attributes:
        losses: the penalties on activities, which are part of its loss.
        deferred: what is done once, after the step.
    """

    def __init__(
        self,
        number: int,
        words: dict[Any, int],
        rows: int,
        all_rows: int,
        total: Callable[[Slice, np.ndarray], np.ndarray],
    ) -> None:
        super().__init__(number, words)
        self.rows, self.all_rows = rows, all_rows
        self.losses: list[Any] = []
        self.deferred: list[Callable[[], None]] = []
        self._total = total

    def total(self, array: np.ndarray) -> np.ndarray:
        """The sum of this array over all slices of the batch."""
        return self._total(self, array)

    def whole(self, shape: tuple[int, ...], what: str) -> int:
        """How many numbers the whole batch has, where a slice has this shape.

        Raises ValueError where the first axis is not that of the rows.
        """
        if not shape or shape[0] % self.rows:
            raise ValueError(
                f"{what} has shape {shape} for {self.rows} rows. Where processes share a training, "
                "each sees a part of the rows, so there must be a number for each row, which is "
                "averaged over all of them afterwards: such as ops.mean(..., axis=-1), not "
                "ops.mean(...)."
            )
        return math.prod(shape) // self.rows * self.all_rows

    def defer(self, action: Callable[[], None]) -> bool:
        """Do this once, after the step."""
        self.deferred.append(action)
        return True


def open_slice() -> Any:
    """The slice that is going through a model; None in an ordinary step."""
    trial = open_trial.get()
    return trial if isinstance(trial, Slice) else None


def counts() -> bool:
    """Whether a call counts: no trial is open, or a share, which is a part of real work."""
    trial = open_trial.get()
    return trial is None or isinstance(trial, Share)
