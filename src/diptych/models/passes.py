"""What batches of all kinds share: passes over data, and places in them to go on from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import random


class Batches:
    """What the three kinds of batches share."""

    steps: int | None = None

    def first(self) -> tuple:
        """The first batch, for checking shapes and dtypes; iteration returns it again."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple]:
        """The batches of one epoch."""
        raise NotImplementedError

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


class Progress:
    """How far a training is. A callback may change it before the first epoch."""

    def __init__(self, batches: Batches, epoch: int) -> None:
        self.batches = batches
        self.epoch = epoch  # the first to run
        self.done = 0  # its batches that have been trained on already


class Passes(Batches):
    """Batches of data that are gone through pass by pass, each in an order of its own."""

    shuffle: bool | str
    generator: np.random.Generator | None
    repeat: bool
    batches_of_a_pass: int | None
    _limit: int | None

    def __init__(self) -> None:
        self._going: Iterator[tuple] | None = None
        self._rest: Iterator[tuple] | None = None  # of an epoch that begins in the middle
        self._skipped = 0
        self._before = self._next = 0  # batches that this epoch and the next one begin after
        self._drawn_from: Any = None  # the generator's state before it drew the order

    def _one_pass(self, skip: int = 0) -> Iterator[tuple]:
        """The batches of a new pass without the first ``skip`` ones."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple]:
        if self._limit is None or not self.repeat:
            rest, self._rest = self._rest, None
            batches = self._one_pass() if rest is None else rest
            return batches if self._limit is None else itertools.islice(batches, self._limit)
        if self._going is None:
            self._going = itertools.chain.from_iterable(iter(self._one_pass, None))
        skipped, self._skipped = self._skipped, 0
        self._before = self._next
        self._next += self._limit
        return itertools.islice(self._going, self._limit - skipped)

    def place(self, done: int | None) -> dict[str, Any]:
        size = self.batches_of_a_pass
        seen = self._next if done is None else self._before + done
        # After the last batch of a pass, the next pass has not begun yet.
        seen = (seen - 1) % size + 1 if size and seen else seen
        return {"batch": seen, "batches": size, "order": self._drawn_from}

    def go_to(self, place: dict[str, Any], done: int) -> None:
        endless = self.repeat and self._limit is not None
        if not done and not (endless and place):
            return
        skip, size = place.get("batch", 0), place.get("batches")
        if size != self.batches_of_a_pass:
            raise ValueError(
                f"The training that is to go on had {size} batches in a pass over its data, but "
                f"these data have {self.batches_of_a_pass}: give the same data and batch_size."
            )
        if self.shuffle and place["order"] is not None:
            self._generator().bit_generator.state = place["order"]
        rest = self._one_pass(skip)
        if endless:
            passes = iter(self._one_pass, None)
            self._going = itertools.chain(rest, itertools.chain.from_iterable(passes))
            self._next, self._skipped = skip - done, done
        else:
            self._rest = rest

    def _generator(self) -> np.random.Generator:
        return self.generator or random.global_generator()

    def _permutation(self, count: int) -> np.ndarray:
        """A new order; remembers how to draw it again."""
        generator = self._generator()
        self._drawn_from = generator.bit_generator.state
        return generator.permutation(count)
