"""What batches of all kinds share: passes over data, and places in them to go on from."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import random
from ..legacy.notes import users_level


class Batches:
    """What the three kinds of batches share."""

    steps: int | None = None
    _limit: int | None  # batches of an epoch, where that is not one pass
    _warned = False

    def first(self) -> tuple:
        """The first batch, for checking shapes and dtypes; iteration returns it again."""
        raise NotImplementedError

    def sample(self) -> tuple:
        """The data as far as they can be looked at before training: all that is in memory, or else
        the first batch.
        """
        return self.first()

    def __iter__(self) -> Iterator[tuple]:
        """The batches of one epoch."""
        raise NotImplementedError

    def close(self) -> None:
        """End the threads and processes that make batches."""

    def sizes(self, epochs: int = 1) -> set[int]:
        """The batch sizes that occur in this number of epochs, as far as they are known."""
        return set()

    def more(self) -> bool:
        """Whether there are data for another epoch."""
        return True

    def place(self, done: int | None) -> dict[str, Any]:
        """Where the data are after ``done`` batches of this epoch, or all of them (None), for a
        JSON file.
        """
        return {}

    def go_to(self, place: dict[str, Any], done: int) -> None:
        """Go to a place: the next epoch begins after its first ``done`` batches."""

    def _warn_of_the_end(self, given: int) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"The data ended after {given} of the {self._limit} batches of an epoch, so the "
                "epoch ends there; the next one begins with the first batch. Without "
                "steps_per_epoch (validation_steps; steps in evaluate and predict) an epoch takes "
                "all batches.",
                stacklevel=users_level(),
            )


class Progress:
    """How far a training is. A callback may change it before the first epoch."""

    def __init__(self, batches: Batches, epoch: int, validation: Batches | None = None) -> None:
        self.batches = batches
        self.validation = validation
        self.epoch = epoch  # the first to run
        self.done = 0  # its batches that have been trained on already


class Passes(Batches):
    """Batches of data that are gone through pass by pass, each in an order of its own."""

    shuffle: bool | str
    generator: np.random.Generator | None
    repeat: bool
    batches_of_a_pass: int | None  # None where the data have no end

    def __init__(self) -> None:
        self._going: Iterator[tuple] | None = None  # the pass of which an epoch took a part,
        self._taken = 0  # and how many batches of it are taken
        self._skipped = 0  # batches of an epoch that begins in the middle
        self._drawn_from: Any = None  # the generator's state before it drew the order
        self._open: Any = None  # a generator whose threads have to be ended

    def _one_pass(self, skip: int = 0) -> Iterator[tuple]:
        """The batches of a new pass without the first ``skip`` ones."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple]:
        if self._limit is not None:
            return self._epoch_of_steps(self._limit)
        going, self._going = self._going, None
        return self._one_pass() if going is None else going

    def _opened(self, items: Any) -> Any:
        """The items, of a generator to be closed at the end."""
        self.close()
        self._open = items
        return items

    def close(self) -> None:
        self._going = None
        if self._open is not None:
            self._open.close()
            self._open = None

    def _epoch_of_steps(self, limit: int) -> Iterator[tuple]:
        """An epoch of ``limit`` batches, which ends before that where the pass ends. In training
        the next epoch goes on where this one has stopped.
        """
        if self._going is None or not self.repeat:
            self._going, self._taken = self._one_pass(), 0
        skipped, self._skipped = self._skipped, 0
        for given in range(skipped, limit):
            if self._taken == self.batches_of_a_pass:
                self._warn_of_the_end(given)
                break
            self._taken += 1
            yield next(self._going)
        if self._taken == self.batches_of_a_pass:
            self._going = None

    def place(self, done: int | None) -> dict[str, Any]:
        taken = (done or 0) if self._limit is None else self._taken
        return {"batch": taken, "batches": self.batches_of_a_pass, "order": self._drawn_from}

    def go_to(self, place: dict[str, Any], done: int) -> None:
        skip, size = place.get("batch", 0), place.get("batches")
        if not done and skip in (0, size):
            return  # the next epoch begins a pass
        if size != self.batches_of_a_pass:
            raise ValueError(
                f"The training that is to go on had {size} batches in a pass over its data, but "
                f"these data have {self.batches_of_a_pass}: give the same data and batch_size."
            )
        if self.shuffle and place["order"] is not None:
            self._generator().bit_generator.state = place["order"]
        self._going, self._taken, self._skipped = self._one_pass(skip), skip, done

    def _generator(self) -> np.random.Generator:
        return self.generator or random.global_generator()

    def _permutation(self, count: int) -> np.ndarray:
        """A new order; remembers how to draw it again."""
        generator = self._generator()
        self._drawn_from = generator.bit_generator.state
        return generator.permutation(count)


def check_size(value: Any, name: str, default: int | None = None) -> int:
    """A whole number of at least 1, or the default for None; ValueError for anything else."""
    if value is None and default is not None:
        return default
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value <= 0:
        if hasattr(value, "shape"):
            raise ValueError(
                f"{name} is an array of shape {tuple(value.shape)}; expected a whole number of at "
                "least 1. Labels go to fit and evaluate only, as their second argument."
            )
        raise ValueError(f"{name}={value!r}; expected a whole number of at least 1")
    return int(value)
