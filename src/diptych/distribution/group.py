"""The processes of a job, and what they say to each other.

All messages go from one process to one other, since the order of a sum is not promised by the
collective operations of MPI. A message's tag says what it belongs to, so that processes which do
different things find it out instead of waiting for ever.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .watch import Watch

GATHER, SPREAD, SUM = 1, 2, 1000  # tags; those of sums count on from SUM
_NAMES = {
    GATHER: "meet or gather results",
    SPREAD: "take over the first process's weights",
    SUM - 1: "sum the statistics of a batch",
}
_SPINS, _YIELDS, _NAP = 100, 1000, 5e-5  # while waiting: ask at once, let others run, sleep
_PATIENCE = 2.0  # seconds after which a process that waits looks whether the others do the same


class Group:
    """The processes of a job, of which this is number ``rank`` of ``size``.

    Args:
        communicator: an MPI communicator of their own; None for one process without MPI.
        watch: notices the end of other processes.
    """

    def __init__(self, communicator: Any = None, watch: Watch | None = None) -> None:
        self._comm, self._watch = communicator, watch
        self.rank: int = 0 if communicator is None else communicator.rank
        self.size: int = 1 if communicator is None else communicator.size
        self.sent = 0  # bytes, for those who measure

    def send(self, data: Any, to: int, tag: int) -> Any:
        """Begin to send a contiguous array; returns the request."""
        data = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else as_bytes(data)
        self.sent += data.nbytes
        return self._comm.Isend(data, to, tag)

    def receive(self, array: np.ndarray, source: int, tag: int) -> Any:
        """Begin to receive into a contiguous array; returns the request."""
        return self._comm.Irecv(as_bytes(array), source, tag)

    def wait(self, done: Callable[[], bool], source: int, tag: int) -> None:
        """Wait until it is done, which a message from that process will bring about.

        Raises RuntimeError if that process has ended, or does something else.
        """
        tries, since = 0, 0.0
        while not done():
            tries += 1
            if tries < _SPINS:
                continue
            if tries < _YIELDS:
                os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)
                continue
            time.sleep(_NAP)
            if not tries % 200:
                since = since or time.monotonic()
                if time.monotonic() - since > _PATIENCE:
                    self._look_for_reasons(source, tag)

    def _look_for_reasons(self, source: int, tag: int) -> None:
        if self._watch is not None and (ended := self._watch.ended) is not None:
            raise RuntimeError(
                f"Process {ended} has come to the end of its program, while process {self.rank} "
                f"waits for it to {named(tag)}. All processes have to make the same calls of fit, "
                "evaluate, predict and the like: none of them under a condition that is true in "
                "some processes only."
            )
        from mpi4py import MPI

        status = MPI.Status()
        if self._comm.Iprobe(source, MPI.ANY_TAG, status) and named(status.tag) != named(tag):
            raise RuntimeError(
                f"Process {source} is about to {named(status.tag)}, while process {self.rank} "
                f"waits for it to {named(tag)}. All processes have to make the same calls of fit, "
                "evaluate, predict and the like, with the same data, and stop a training at the "
                "same batch."
            )

    def gather(self, thing: Any) -> list[Any]:
        """What each process gives, in the order of the processes."""
        if self.size == 1:
            return [thing]
        data = pickle.dumps(thing, 5)
        others = [rank for rank in range(self.size) if rank != self.rank]
        requests = [self.send(data, rank, GATHER) for rank in others]
        found = {self.rank: thing, **{rank: self._thing_from(rank) for rank in others}}
        self._finish(requests)
        return [found[rank] for rank in range(self.size)]

    def _thing_from(self, rank: int) -> Any:
        """What that process has sent to be gathered."""
        from mpi4py import MPI

        status = MPI.Status()
        self.wait(lambda: self._comm.Iprobe(rank, GATHER, status), rank, GATHER)
        data = np.empty(status.Get_count(MPI.BYTE), np.uint8)
        self.wait(self.receive(data, rank, GATHER).Test, rank, GATHER)
        return pickle.loads(data.data)

    def _finish(self, requests: list[Any]) -> None:
        for request in requests:
            self.wait(request.Test, self.rank, GATHER)

    def agree(self, what: str, value: Any, advice: str) -> None:
        """Raise a ValueError in every process if they do not all give the same value."""
        given = self.gather((what, value))
        if len({one[0] for one in given}) > 1:
            doing = "; ".join(f"process {i}: {one[0]}" for i, one in enumerate(given))
            raise ValueError(f"The processes do different things. {doing}.")
        for rank, one in enumerate(given):
            if one != given[0]:
                raise ValueError(
                    f"{what}: process {rank} has {_told(one[1])}, process 0 has "
                    f"{_told(given[0][1])}. {advice}"
                )

    def spread(self, arrays: Sequence[np.ndarray]) -> None:
        """Give every process the first one's values of these arrays, in place."""
        if self.size == 1 or not arrays:
            return
        data = np.concatenate([as_bytes(np.ascontiguousarray(array)) for array in arrays])
        distance = 1
        while distance < self.size:  # those that have it give it to as many others
            if self.rank < distance and self.rank + distance < self.size:
                self._finish([self.send(data, self.rank + distance, SPREAD)])
            elif distance <= self.rank < 2 * distance:
                source = self.rank - distance
                self.wait(self.receive(data, source, SPREAD).Test, source, SPREAD)
            distance *= 2
        start = 0
        for array in arrays:
            part = data[start : start + array.nbytes]
            array[...] = part.view(array.dtype).reshape(array.shape)
            start += array.nbytes


class Sum:
    """A sum over processes that runs beside other work: ``poll`` now and then, and ``finish``.

    In round d, each process exchanges the sum over its group of 2^d processes with that of the
    group beside it, and adds them in the order of the processes. So after log2(size) rounds all of
    them have the sum of one fixed binary tree, in the same bits.

    Args:
        group: the processes, whose number is a power of two.
        array: a flat contiguous array; the sum takes its place.
        present: for each process, whether it has anything to add; absent ones only receive.
        number: tells sums apart that run at the same time.
    """

    def __init__(self, group: Group, array: np.ndarray, present: Sequence[bool], number: int = 0):
        self._group, self._array, self._present = group, array, present
        self._tag, self._distance = SUM + number, 1
        self._requests: list[Any] = []
        self._incoming: np.ndarray | None = None
        self._begin_round()

    def _begin_round(self) -> None:
        group, distance = self._group, self._distance
        if distance >= group.size:
            return
        self._partner = group.rank ^ distance
        self._requests, self._incoming = [], None
        if self._has(self._partner):
            self._incoming = np.empty_like(self._array)
            self._requests.append(group.receive(self._incoming, self._partner, self._tag))
        if self._has(group.rank):
            self._requests.append(group.send(self._array, self._partner, self._tag))

    def _has(self, rank: int) -> bool:
        """Whether the group of this process has anything to add in this round."""
        first = rank & -self._distance
        return any(self._present[first : first + self._distance])

    def poll(self) -> bool:
        """Go on as far as possible without waiting; whether the sum is complete."""
        while self._distance < self._group.size:
            while self._requests and self._requests[-1].Test():
                self._requests.pop()
            if self._requests:
                return False
            if self._incoming is not None:
                if not self._has(self._group.rank):
                    self._array[...] = self._incoming
                elif self._partner < self._group.rank:
                    np.add(self._incoming, self._array, out=self._array)
                else:
                    np.add(self._array, self._incoming, out=self._array)
            self._distance *= 2
            self._begin_round()
        return True

    def finish(self) -> np.ndarray:
        """Wait for the sum, and return it."""
        while not self.poll():
            distance = self._distance
            self._group.wait(partial(self._is_past, distance), self._partner, self._tag)
        return self._array

    def _is_past(self, distance: int) -> bool:
        return self.poll() or self._distance > distance


def as_bytes(array: np.ndarray) -> np.ndarray:
    """The memory of a contiguous array as bytes."""
    return array.reshape(-1).view(np.uint8)


def named(tag: int) -> str:
    """What a message with this tag belongs to."""
    return _NAMES.get(tag, "sum the gradients of a batch")


def _told(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 200 else text[:200] + "..."
