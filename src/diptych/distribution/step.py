"""One training step that is shared: slices forward and back, gradients summed, one update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .. import ops
from ..models.replay import Replay, arrays_in, form_of
from ..nested import flatten, map_structure, pack_like
from ..slices import Slice
from ..tape import GradientTape, Record, unrecorded, walk_back
from ..tensor import Tensor
from .group import Group, Sum
from .slicing import Cut, Meeting, NeedsOthersError, Tree

BUCKET = 1 << 18  # bytes of gradients that travel together, at least
LARGEST = 1 << 28  # bytes of a single message, at most


class Buckets:
    """The gradients of the weights of a model in flat arrays, the last weights first, since their
    gradients are ready first.

    Attributes:
        members: for each bucket, the numbers of its weights.
        of: for each weight, its bucket and its place there, as a slice.
    """

    def __init__(self, variables: list[Any]) -> None:
        self.members: list[list[int]] = []
        self.of: dict[int, tuple[int, slice]] = {}
        self.forms = [(v.shape, v.dtype) for v in variables]
        self.sizes: list[int] = []
        self.dtypes: list[np.dtype] = []
        self._ready: WeakKeyDictionary[Replay, dict] = WeakKeyDictionary()
        for i in range(len(variables) - 1, -1, -1):
            dtype, size = variables[i].array.dtype, variables[i].array.size
            full = not self.sizes or self.sizes[-1] * self.dtypes[-1].itemsize >= BUCKET
            if full or self.dtypes[-1] != dtype:
                self.members.append([])
                self.sizes.append(0)
                self.dtypes.append(dtype)
            self.members[-1].append(i)
            self.of[i] = len(self.sizes) - 1, slice(self.sizes[-1], self.sizes[-1] + size)
            self.sizes[-1] += size

    def filled(self, which: int, gradients: dict[int, Any]) -> np.ndarray:
        """A bucket with these gradients, by number; those that are missing are zero."""
        flat = np.empty(self.sizes[which], self.dtypes[which])
        for i in self.members[which]:
            gradient = gradients.get(i)
            flat[self.of[i][1]] = 0 if gradient is None else np.asarray(gradient).reshape(-1)
        return flat

    def ready_after(self, replay: Replay) -> dict[int, list[int]]:
        """For each place on the way back of a recorded step, the buckets complete there."""
        if replay not in self._ready:
            last: dict[int, int] = {}
            for i, record in enumerate(replay.records):
                last.update({id(x): i for x in record.inputs if x is not None})
            found: dict[int, list[int]] = {}
            for which, members in enumerate(self.members):
                place = max(last.get(id(replay.wanted[i]), -1) for i in members) + 1
                found.setdefault(place, []).append(which)
            self._ready[replay] = found
        return self._ready[replay]

    def unpacked(self, flats: list[np.ndarray]) -> list[np.ndarray]:
        """The gradients of all weights, from all buckets."""
        places = (self.of[i] for i in range(len(self.forms)))
        both = zip(places, self.forms, strict=True)
        return [flats[which][place].reshape(shape) for (which, place), (shape, _) in both]


class SharedStep:
    """A step on one batch.

    Args:
        group: the processes.
        count: the number of slices.
        threads: at least one for each slice.
        model: a compiled model, whose weights have been made.
        buckets: those of its trained weights.
        batch: x, y and the weights of the samples, with the rows of all processes.

    Attributes:
        y_pred: the outputs for the slices that this process ran, in the order of their rows.
    """

    def __init__(
        self,
        group: Group,
        count: int,
        threads: ThreadPoolExecutor,
        model: Any,
        buckets: Buckets,
        batch: tuple,
    ) -> None:
        self.group, self.threads, self.model, self.buckets = group, threads, model, buckets
        self.batch = batch
        self.cut = Cut(rows_of(batch[0]), count, group)
        self._words: dict[Any, int] = {}
        self._forget()

    def _forget(self) -> None:
        """Before a first or another try."""
        self.y_pred: list[Any] = []
        self._tree = Tree()  # of the gradients in buckets
        self._losses = Tree()
        self._last: dict[int, Any] = {}  # the gradients of the last slice
        self._last_losses: np.ndarray | None = None
        self._done = 0  # how many own slices have been added
        self._seen: set[int] = set()  # the weights that have any gradient
        self._sums: dict[int, LargeSum] = {}  # by bucket

    def run(self, together: bool) -> bool:
        """Forward and back; returns whether the slices have met, and with ``together`` lets them.

        If they have to meet and may not, it begins again.
        """
        try:
            self.parts = self._meet(together)
        except NeedsOthersError:
            self._forget()
            together = True
            self.parts = self._meet(together)
        return together

    def _meet(self, together: bool) -> list[Slice]:
        self._sends_early = not together or len(self.cut.running) == 1
        with unrecorded(), self.model._compiled_flags.in_force():
            meeting = Meeting(self.group, self.cut, self._words, self.threads)
            return meeting.run(self._work, together)

    def _work(self, part: Slice, start: int, end: int) -> None:
        """One slice: its losses, its gradients, its output."""
        x, y, weights = (_rows(one, start, end) for one in self.batch)
        last = part.number == self.cut.own[-1] and self.cut.is_present
        y_pred, losses, gradients = self._forward_and_back(part, x, y, weights, last)
        self.y_pred.append(y_pred)
        self._seen |= {i for i, gradient in enumerate(gradients) if gradient is not None}
        values = np.array([np.asarray(loss).reshape(()) for loss in losses])
        if not self.cut.is_present:
            self._last_losses = values  # only their number counts
            return
        if last:
            self._last_losses = values
            self._last = dict(enumerate(gradients))
            return
        self._skip_to(part.number)
        both = dict(enumerate(gradients))
        self._tree.add([self.buckets.filled(b, both) for b in range(len(self.buckets.sizes))])
        self._losses.add([values])
        self._done += 1

    def _skip_to(self, number: int) -> None:
        """Count the slices without rows before this one."""
        while self.cut.own[0] + self._done < number:
            self._tree.add(None)
            self._losses.add(None)
            self._done += 1

    def _forward_and_back(
        self, part: Slice, x: Any, y: Any, weights: Any, last: bool
    ) -> tuple[Any, list[Any], list[Any]]:
        model = self.model
        key = self._key(part, x, y, weights)
        replay: Replay | None = None if key is None else model._replays.get(key)
        if replay is not None:
            y_pred, losses, caches = replay.forward(arrays_in(x, y, weights))
            return y_pred, losses, self._back(replay, caches, last)
        weights = model._follow_input(key, x, weights)
        with GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = model._loss(y, y_pred, weights)
            for penalty in part.losses:
                loss = ops.add(loss, penalty)
            scaled = model.optimizer.scale_loss(loss)
        model._keep_replay(key, tape, x, y, y_pred, loss, weights, scaled)
        variables = model.trainable_variables
        gradients = {scaled: np.ones(scaled.shape, scaled.dtype)}
        walk_back(_leading_from(tape.records, variables), gradients)
        parts = [one.value for one in model._loss.parts if one.mean is not None]
        losses = [loss.array, *[one.array for one in parts]]
        return y_pred, losses, list(map(gradients.get, variables))

    def _key(self, part: Slice, x: Any, y: Any, weights: Any) -> tuple | None:
        """The key of the recorded step of such a slice."""
        try:
            forms = form_of(x), form_of(y), form_of(weights)
        except TypeError:
            return None
        return ("slice", part.all_rows, *forms, *self.model._circumstances())

    def _back(self, replay: Replay, caches: list, last: bool) -> list[Any]:
        """The way back of a recorded slice. During that of the last one, the sums of gradients that
        are ready set out.
        """
        gradients: dict[Any, Any] = replay.seed.copy()
        pairs = zip(replay.records, map(list.pop, [caches] * len(caches)), strict=False)
        early = last and self._sends_early
        walk_back(self._watched(replay, pairs, gradients) if early else pairs, gradients)
        return list(map(gradients.get, replay.wanted))

    def _watched(self, replay: Replay, pairs: Any, gradients: dict) -> Iterator[tuple]:
        """The records and their caches, between which finished gradients are sent."""
        ready = self.buckets.ready_after(replay)
        for i, pair in enumerate(pairs):
            for which in ready.get(i, ()):
                found = {j: gradients.get(replay.wanted[j]) for j in self.buckets.members[which]}
                self._send(which, found)
            for one in self._sums.values():
                one.poll()
            yield pair

    def _send(self, which: int, last: dict[int, Any] | None) -> None:
        """Sum a bucket over the slices of this process, and begin to over all processes."""
        if self.cut.is_present:
            filled = None if last is None else self.buckets.filled(which, last)
            self._skip_to(self.cut.own[-1])
            flat = self._tree.with_last(which, filled)
        else:
            flat = np.empty(self.buckets.sizes[which], self.buckets.dtypes[which])
        self._sums[which] = LargeSum(self.group, flat, self.cut.present, 1 + 64 * which)

    def finish(self) -> tuple[np.ndarray, list[Any]]:
        """The losses of the batch and the gradients, summed over all slices."""
        self._skip_to(self.cut.own[-1])
        losses = self._losses.with_last(0, self._last_losses)
        total = Sum(self.group, losses, self.cut.present, 0)
        for which in range(len(self.buckets.sizes)):
            if which not in self._sums:
                self._send(which, self._last or None)
        flats = [self._sums[which].finish() for which in range(len(self.buckets.sizes))]
        gradients = self.buckets.unpacked(flats)
        seen = [g if i in self._seen else None for i, g in enumerate(gradients)]
        return total.finish(), seen

    def outputs(self) -> Any:
        """The outputs for the whole batch, in every process."""
        mine = [packed(y_pred) for y_pred in self.y_pred] if self.cut.is_present else []
        parts = [part for given in self.group.gather(mine) for part in given]
        leaves = [joined(pieces) for pieces in zip(*parts, strict=True)]
        return pack_like(self.y_pred[0], leaves)


class LargeSum:
    """A sum that may be too large for one message."""

    def __init__(self, group: Group, array: np.ndarray, present: list[bool], number: int) -> None:
        self._array = array
        step = max(LARGEST // array.itemsize, -(-array.size // 63))
        self._parts = [
            Sum(group, array[start : start + step], present, number + i)
            for i, start in enumerate(range(0, array.size, step))
        ]

    def poll(self) -> None:
        for part in self._parts:
            part.poll()

    def finish(self) -> np.ndarray:
        for part in self._parts:
            part.finish()
        return self._array


def packed(y_pred: Any) -> list[tuple]:
    """Each output as arrays: its values, its mask, and the logits that it was made of."""
    found = []
    for tensor in flatten(y_pred):
        mask = None if tensor.mask is None else np.asarray(tensor.mask)
        name, logits = tensor.logits or (None, tensor)
        found.append((tensor.array, mask, name, None if name is None else logits.array))
    return found


def joined(pieces: Sequence[tuple]) -> Tensor:
    """An output from what `packed` made of its rows."""
    arrays, masks, names, logits = zip(*pieces, strict=True)
    tensor: Any = Tensor(np.concatenate(arrays))
    if masks[0] is not None:
        tensor.mask = Tensor(np.concatenate(masks))
    if names[0] is not None:
        tensor.logits = names[0], Tensor(np.concatenate(logits))
    return tensor


def _leading_from(records: list[Record], variables: list[Any]) -> Iterator[tuple[Record, Any]]:
    """The records and their caches, newest first, with a way back to these variables alone, as in a
    recorded step: all slices have to make the same sums.
    """
    leading = set(map(id, variables))
    found = []
    for record in records:
        needs = [id(x) in leading for x in record.inputs]
        if any(needs):
            leading.update(map(id, flatten(record.output)))
            found.append((record._replace(needs=needs), record.cache))
    return reversed(found)


def rows_of(x: Any) -> int:
    return next(leaf for leaf in flatten(x) if leaf is not None).shape[0]


def _rows(structure: Any, start: int, end: int) -> Any:
    """These rows of tensors or arrays that may be nested."""

    def part(leaf: Any) -> Any:
        if leaf is None:
            return None
        return Tensor(leaf.array[start:end]) if isinstance(leaf, Tensor) else leaf[start:end]

    return map_structure(part, structure)
