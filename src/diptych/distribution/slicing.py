"""How a batch is cut into slices, how slices run side by side, and how their results are summed.

A sum over slices is a binary tree over the numbers of the slices: (0 + 1) + (2 + 3) and so on. A
process owns an aligned run of slices, so it can sum its part of the tree alone; the upper part is a
``Sum`` over processes. A slice without rows adds nothing, not even a zero.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from ..slices import Slice
from .group import Group, Sum

_TOTAL = -1  # the number of a sum within the slices; that of losses is 0, gradients follow


class NeedsOthersError(BaseException):
    """A slice that runs alone needs a sum over all slices. BaseException: no layer catches it."""


class Cut:
    """The cut of a batch of ``rows`` rows into ``count`` slices, for a process of a group.

    Attributes:
        bounds: the first row of each slice, and the number of rows.
        own: the numbers of the slices of this process.
        present: for each process, whether its slices have any rows.
        running: (number, first row, last row + 1) for each slice that this process runs: its own
            with rows, or if there is none, a stand-in, whose results nobody adds.
    """

    def __init__(self, rows: int, count: int, group: Group) -> None:
        self.rows = rows
        self.bounds = [k * rows // count for k in range(count + 1)]
        each = count // group.size
        self.own = range(group.rank * each, (group.rank + 1) * each)
        ends = self.bounds[::each]
        self.present = [ends[i] < ends[i + 1] for i in range(group.size)]
        self.is_present = self.present[group.rank]
        self.running = [
            (k, self.bounds[k], self.bounds[k + 1])
            for k in self.own
            if self.bounds[k] < self.bounds[k + 1]
        ] or [(self.own[0], 0, 1)]


class Tree:
    """Sums results of the slices of a process, which come one by one in their order."""

    def __init__(self) -> None:
        self._sums: list[tuple[int, Any]] = []  # (height, sum) of whole subtrees, the largest first

    def add(self, values: Sequence[np.ndarray] | None) -> None:
        """Add the results of the next slice; None if it has no rows. They are overwritten."""
        height = 0
        while self._sums and self._sums[-1][0] == height:
            values = plus(self._sums.pop()[1], values)
            height += 1
        self._sums.append((height, values))

    def with_last(self, which: int, values: np.ndarray | None) -> Any:
        """The whole sum of result number ``which``, given that of the last slice."""
        last = None if values is None else [values]
        for _, before in reversed(self._sums):
            last = plus(None if before is None else [before[which]], last)
        return None if last is None else last[0]


def plus(one: Any, other: Any) -> Any:
    """The sums of two lists of arrays, either of which may be None; in place of the first."""
    if one is None or other is None:
        return other if one is None else one
    for a, b in zip(one, other, strict=True):
        np.add(a, b, out=a)
    return one


class Meeting:
    """Runs the slices of a process, and sums what they ask for (``Slice.total``) with all others.

    A single slice runs in the caller's thread. Several that meet run in a thread each, but only one
    at a time: each up to the next sum, then the next slice up to the same sum.

    Args:
        group: the processes.
        cut: the slices of the batch.
        words: see ``Slice``.
        threads: at least one for each slice.
    """

    def __init__(
        self, group: Group, cut: Cut, words: dict[Any, int], threads: ThreadPoolExecutor
    ) -> None:
        self._group, self._cut, self._words, self._threads = group, cut, words, threads
        self._turns = threading.Condition()
        self._turn = 0
        self._given: list[Any] = []
        self._sum: Any = None
        self._error: BaseException | None = None
        self._together = False

    def run(self, work: Callable[[Slice, int, int], Any], together: bool) -> list[Slice]:
        """Call ``work(slice, first row, last row + 1)`` within each slice.

        together: whether several slices may meet; else they raise NeedsOthersError when they try.
        """
        rows = self._cut.rows
        parts = [
            Slice(number, self._words, end - start, rows, self._total)
            for number, start, end in self._cut.running
        ]
        spans = [span[1:] for span in self._cut.running]
        self._count = len(parts)
        self._places = {id(part): i for i, part in enumerate(parts)}
        if together and self._count > 1:
            self._run_together(parts, spans, work)
        else:
            for part, span in zip(parts, spans, strict=True):
                with part:
                    work(part, *span)
        return parts

    def _total(self, part: Slice, array: np.ndarray) -> np.ndarray:
        if self._count > 1 and not self._together:
            raise NeedsOthersError
        place = self._places[id(part)]
        self._given.append(np.array(array))
        if place == self._count - 1:
            self._add_up()
        if self._together:
            self._pass_turn_on(place)
        return self._sum

    def _add_up(self) -> None:
        given, tree = dict(zip(self._cut.running, self._given, strict=True)), Tree()
        self._given = []
        if self._cut.is_present:
            there = {number: array for (number, _, _), array in given.items()}
            for number in self._cut.own[:-1]:
                tree.add([there[number]] if number in there else None)
            result = tree.with_last(0, there.get(self._cut.own[-1]))
        else:
            (result,) = given.values()  # only its shape counts
        flat = np.ascontiguousarray(result).reshape(-1)
        Sum(self._group, flat, self._cut.present, _TOTAL).finish()
        self._sum = flat.reshape(np.shape(result))
        self._sum.flags.writeable = False

    def _run_together(self, parts: list[Slice], spans: list, work: Callable) -> None:
        self._together, self._turn = True, 0

        def run(place: int) -> None:
            try:
                self._await_turn(place)
                with np.errstate(all="ignore"), parts[place]:
                    work(parts[place], *spans[place])
            except BaseException as error:
                with self._turns:
                    self._error = self._error or error
                    self._turns.notify_all()
            else:
                self._next(place)

        wait(
            [
                self._threads.submit(contextvars.copy_context().run, run, place)
                for place in range(self._count)
            ]
        )
        if self._error is not None:
            raise self._error

    def _next(self, place: int) -> None:
        with self._turns:
            self._turn = (place + 1) % self._count
            self._turns.notify_all()

    def _pass_turn_on(self, place: int) -> None:
        self._next(place)
        self._await_turn(place)

    def _await_turn(self, place: int) -> None:
        with self._turns:
            self._turns.wait_for(lambda: self._turn == place or self._error is not None)
        if self._error is not None:
            raise NeedsOthersError  # ends this thread; the error is another slice's
