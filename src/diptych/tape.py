"""The tape: records operations, and walks back through them by the chain rule.

    with GradientTape() as tape:         # y = w x, L = y y
        y = w * x                        # record 1: y, made of (w, x)
        loss = y * y                     # record 2: L, made of (y, y)
    tape.gradient(loss, w)

The backward pass begins with dL/dL = 1 at the last record:

    record 2:  dL/dy = dL/dL y + dL/dL y      y went in twice: the sum
    record 1:  dL/dw = dL/dy x                and dL/dx, if needed

An operation is recorded if a tape is open and one of its inputs is ``tracked``: a trainable
variable, a watched tensor, or computed from either. ``diptych.operation`` defines operations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from .jacobian import Jacobians
from .nested import flatten, map_structure
from .tensor import IndexedSlices, Tensor, Variable, as_array, only_tensors, wrap


class Record(NamedTuple):
    """One call of an operation: its output, its inputs, and its backward function."""

    output: Any  # a Tensor, or a list of them
    inputs: Sequence[Any]  # Tensors; None for a missing input, such as a bias
    needs: Sequence[bool]  # for each input, whether it is tracked
    backward: Callable  # backward(dy, cache, needs) -> a gradient for each input that needs one
    forward: Callable | None  # the forward function, if it may be replayed with other arrays
    options: Any  # its other arguments: a tuple, or a dict if passed by name
    cache: Any  # the intermediate results that backward needs
    operation: Any  # its way_back(dy, record, needs) is backward made of operations; or None


# Record(...) goes through a Python function, which takes three times as long.
new_record = tuple.__new__

# The records of the open tapes of this thread, oldest first, or None; and these tapes. Nested tapes
# share one list: each has the part that was recorded while it was open.
open_records: ContextVar[list | None] = ContextVar("diptych_records", default=None)
_open_tapes: ContextVar[tuple[GradientTape, ...]] = ContextVar("diptych_tapes", default=())


@contextmanager
def unrecorded() -> Iterator[None]:
    """A block in which no tape that was open before records anything."""
    tokens = open_records.set(None), _open_tapes.set(())
    try:
        yield
    finally:
        open_records.reset(tokens[0])
        _open_tapes.reset(tokens[1])


def record(
    y: Any,
    inputs: Sequence[Any],
    backward: Callable,
    cache: Any,
    forward: Callable | None = None,
    options: Any = (),
    operation: Any = None,
) -> Any:
    """Wrap ``y`` (an array, or a list of arrays) and record the operation on an open tape.

    ``backward(dy, cache, needs)`` returns a gradient for each of ``inputs``, or None where
    ``needs`` is False. All differentiable operations end here; your own functions may too. Pass
    ``forward(*arrays, ...)`` if a recorded step may call it again, and an ``operation`` if its
    gradient has a gradient: ``operation.way_back(dy, record, needs)`` computes what backward does,
    with operations on tensors.
    """
    records = open_records.get()
    if records is None:
        return wrap(y, False)
    needs = [isinstance(x, Tensor) and x.tracked for x in inputs]
    if True not in needs:
        return record_constant(y, inputs, forward, options)
    output = wrap(y, True)
    records.append(
        new_record(Record, (output, inputs, needs, backward, forward, options, cache, operation))
    )
    return output


def record_constant(y: Any, inputs: Sequence[Any], forward: Callable | None, options: Any) -> Any:
    """Wrap what has no derivative, such as a mask. Only a `StepTape` records it."""
    output = wrap(y, False)
    records = open_records.get()
    if type(records) is StepRecords and any(
        isinstance(x, Tensor) and (x.tracked or id(x) in records.followed) for x in inputs
    ):
        for part in flatten(output):
            records.followed[id(part)] = part
        needs = [False] * len(inputs)
        records.append(
            new_record(Record, (output, inputs, needs, None, forward, options, None, None))
        )
    return output


def record_effect(function: Callable, inputs: Sequence[Tensor], *options: Any) -> None:
    """Call ``function(*arrays, *options)``, which returns nothing but changes something in place,
    and record the call on an open tape: a recorded step makes it again. It has no output, so the
    chain rule passes it by.
    """

    def effect(*arguments: Any) -> tuple[tuple, None]:
        function(*arguments)
        return (), None

    effect(*[x.array for x in inputs], *options)
    records = open_records.get()
    if records is not None:
        needs = [False] * len(inputs)
        records.append(new_record(Record, ([], inputs, needs, None, effect, options, None, None)))


def walk_back(
    records: Iterable[tuple[Record, Any]],
    gradients: dict[Tensor, Any],
    wanted: Collection[Tensor] = (),
    optimizer: Any = None,
    add: Callable = add,
) -> None:
    """The chain rule: from the gradients of the last outputs to those of everything before them.

    Gradients are only summed here and passed to the backward functions. Where these are made of
    operations on tensors (``by_operations``), an open tape records this walk, and gradients can be
    differentiated again.

    Args:
        records: the records, newest first, each with its cache.
        gradients: initially dL/dy for each output y; at the end dL/dx for each x on which L depends
            and which is no output of a record.
        wanted: outputs of records whose gradients are returned too.
        optimizer: the optimizer that gets the gradients, if any; if it takes ``IndexedSlices``, the
            gradient of a variable may be one.
        add: the sum of two gradients; a plan notes it.
    """
    kept: dict[Tensor, Any] = {}  # the gradients of wanted outputs
    for (output, inputs, needs, backward, _, _, _, _), cache in records:
        # Every use of this output y was recorded after it, so the sum dL/dy is complete.
        if type(output) is list:
            dy: Any = [gradients.pop(part, None) for part in output]
            if all(part is None for part in dy):
                continue
            for y, part in zip(output, dy, strict=True):
                if part is not None and y in wanted:
                    kept[y] = kept[y] + part if y in kept else part
            dy = [
                np.zeros(y.shape, y.dtype) if part is None else part
                for y, part in zip(output, dy, strict=True)
            ]
        else:
            dy = gradients.pop(output, None)
            if dy is None:  # L does not depend on y
                continue
            if wanted and output in wanted:
                kept[output] = kept[output] + dy if output in kept else dy
        # dL/dx = dL/dy dy/dx for each input x; if it is used several times, the sum of these.
        for i, dx in enumerate(backward(dy, cache, needs)):
            if dx is not None and needs[i]:
                x = inputs[i]
                if x in gradients:
                    dx = add(gradients[x], dx)
                if type(dx) is not ndarray or dx.dtype is not x.array.dtype:
                    if isinstance(dx, Tensor) and only_tensors.get():
                        dx = dx if dx.array.dtype == x.array.dtype else dx.astype(x.array.dtype)
                    elif not stays_sparse(dx, x, optimizer):
                        dx = np.asarray(dx, x.array.dtype)
                gradients[x] = dx
    gradients.update(kept)


def newest_first(records: list[Record]) -> Iterator[tuple[Record, Any]]:
    """The records from last to first, each with its cache. Each is removed from the list first, so
    that the arrays in its cache are freed after use.
    """
    while records:
        record = records.pop()
        yield record, record.cache


def by_operations(records: list[Record], wanted: Iterable[Tensor]) -> Iterator[tuple[Record, Any]]:
    """The records from last to first, with backward functions made of operations on tensors, for
    gradients that an open tape tracks. They lead to the wanted tensors only.
    """
    leading = set(wanted)
    steps = []
    for record in records:
        needs = [need and x in leading for x, need in zip(record.inputs, record.needs, strict=True)]
        if any(needs):
            leading.update(flatten(record.output))
            backward = _refuse if record.operation is None else record.operation.way_back
            steps.append((record._replace(backward=backward, needs=needs), record))
    return reversed(steps)


def _refuse(dy: Any, record: Record, needs: Any) -> Any:
    raise NotImplementedError(
        "This is a gradient of a gradient, on whose way is a function that recorded itself with an "
        f"array function as its backward: {record.backward!r}. Pass record(..., operation=...) "
        "what computes the same with operations on tensors, as way_back(dy, record, needs); or "
        "build the function from diptych.ops."
    )


def stays_sparse(dx: Any, x: Tensor, optimizer: Any) -> bool:
    """Whether an optimizer takes the gradient of an embedding table as the rows that were read."""
    return (
        type(dx) is IndexedSlices
        and isinstance(x, Variable)
        and optimizer is not None
        and optimizer.takes_slices
    )


class StepRecords(list):
    """The records of a `StepTape`, with the tensors that have no gradient, by their ids."""

    def __init__(self) -> None:
        super().__init__()
        self.followed: dict[int, Tensor] = {}


class GradientTape(Jacobians):
    """Records operations while it is open, and computes gradients.

        with diptych.GradientTape() as tape:
            loss = diptych.ops.mean(diptych.ops.square(model(x) - y))
        gradients = tape.gradient(loss, model.trainable_variables)

    Tapes may be nested or opened side by side; each records the operations while it is open, and
    among them those that compute another tape's gradients. A tape that is opened again continues
    where it was closed.

    Args:
        persistent: whether ``gradient`` may be called more than once.
        watch_accessed_variables: accepted for TensorFlow's sake; trainable variables are always
            tracked.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent = persistent
        self.optimizer: Any = None  # set in a training step, since it may take IndexedSlices
        self._records: list | None = None
        self._tokens: tuple | None = None  # while it is open: the previous values

    def __enter__(self) -> GradientTape:
        if self._tokens is not None:
            raise RuntimeError(
                "This tape is already open; use `with` on it again after it is closed."
            )
        self._earlier = self.records
        records = open_records.get()
        self._records = self._new_records() if records is None else records
        self._start = len(self._records)
        self._end: int | None = None
        self._tokens = (
            open_records.set(self._records),
            _open_tapes.set((*_open_tapes.get(), self)),
        )
        return self

    def _new_records(self) -> list:
        return []

    def __exit__(self, *exc_info: object) -> None:
        self._end = len(self._records or ())
        if self._tokens is not None:
            open_records.reset(self._tokens[0])
            _open_tapes.reset(self._tokens[1])
            self._tokens = None

    @property
    def records(self) -> list[Record]:
        """The records of the tape, oldest first."""
        if self._records is None:
            return []
        return self._earlier + self._records[self._start : self._end]

    def watch(self, tensor: Any) -> None:
        """Track a tensor that is not a trainable variable, such as an input; or several."""
        for t in flatten(tensor):
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"watch() takes Tensors, but got {type(t).__name__}: convert it first, x = "
                    "diptych.ops.convert_to_tensor(x)."
                )
            t.tracked = True

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None) -> Any:
        """Return d target / d source for each source, in the structure of ``sources``, as arrays.

        While another tape is open (or this one, if it is persistent), they are tensors, and that
        tape tracks how they were computed: it gives gradients of gradients.

        Args:
            target: a tensor, or a list of tensors, which are summed. If it has several elements,
                their sum is differentiated, as in TensorFlow.
            sources: a variable or watched tensor, or a list, tuple or dict of them.
            output_gradients: the initial gradients instead of ones, in the structure of ``target``.

        The gradient is None for a source on which the target does not depend.

        Raises:
            NotImplementedError: another tape is open, and an operation on the way has no gradient
                of its gradient.
            RuntimeError: the tape was never opened, or has already returned its gradient.
        """
        records, wanted, is_tracked = self._ready(sources)
        gradients = _seeds(flatten(target), output_gradients, is_tracked)
        self._walk(records, gradients, wanted, is_tracked)
        return map_structure(gradients.get, sources)

    def _ready(self, sources: Any) -> tuple[list[Record], list, bool]:
        """The records, which a tape that is not persistent gives up; the sources as a list; and
        whether an open tape tracks their gradients.
        """
        if self._records is None:
            raise RuntimeError(
                "This tape has no records: it was never opened, or gradient() was already called "
                "(use GradientTape(persistent=True) to call it more than once)."
            )
        wanted = flatten(sources)
        for source in wanted:
            if not isinstance(source, Tensor):
                raise TypeError(
                    "gradient() needs variables or watched tensors as sources, but got "
                    f"{type(source).__name__}."
                )
        records, is_tracked = self.records, False
        for tape in _open_tapes.get():
            if tape is not self or self.persistent:
                is_tracked = True
                tape._learn_of(self)
        if not self.persistent:
            self._records, self._earlier = None, []
        return records, wanted, is_tracked

    def _walk(
        self, records: list[Record], gradients: dict[Tensor, Any], wanted: list, is_tracked: bool
    ) -> None:
        """From the initial gradients to those by the sources; the list of records is used up."""
        if not is_tracked:
            walk_back(newest_first(records), gradients, set(wanted), self.optimizer)
            return
        token = only_tensors.set(True)
        try:
            walk_back(by_operations(records, wanted), gradients, set(wanted))
        finally:
            only_tensors.reset(token)
        for x in wanted:
            if x in gradients and not isinstance(gradients[x], Tensor):
                gradients[x] = Tensor(gradients[x])

    def _learn_of(self, tape: GradientTape) -> None:
        """Add the records of a tape beside this open one, whose gradient it is going to track: or a
        part of the gradient's gradient would be left out.
        """
        is_around = self._records is tape._records and self._start <= tape._start
        if self is not tape and self._records is not None and (tape._earlier or not is_around):
            self._records.extend(tape.records)


class StepTape(GradientTape):
    """A tape of a step that is to be made again: it also records what has no gradient, as far as it
    depends on what is tracked.
    """

    def _new_records(self) -> list:
        return StepRecords()


def _seeds(targets: list, output_gradients: Any, is_tracked: bool) -> dict[Tensor, Any]:
    """The initial gradients, dL/dL = 1 or those given: arrays, or tensors if a tape tracks them."""
    given = output_gradients if isinstance(output_gradients, (list, tuple)) else [output_gradients]
    if output_gradients is None:
        given = [None] * len(targets)
    gradients: dict[Tensor, Any] = {}
    for t, seed in zip(targets, given, strict=True):
        if not isinstance(t, Tensor):
            raise TypeError(f"gradient() needs a Tensor as target, but got {type(t).__name__}.")
        if seed is None:
            seed = np.ones(t.shape, t.dtype)
        elif not (is_tracked and isinstance(seed, Tensor)):
            seed = as_array(seed, t.array.dtype)
        if is_tracked and not isinstance(seed, Tensor):
            seed = Tensor(seed)
        # NumPy's sum of arrays without axes is a number; [...] makes an array of it.
        gradients[t] = (gradients[t] + seed)[...] if t in gradients else seed
    return gradients
