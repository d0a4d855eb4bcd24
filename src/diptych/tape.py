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
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from .nested import flatten, map_structure
from .tensor import IndexedSlices, Tensor, Variable, as_array, wrap


class Record(NamedTuple):
    """One operation: its output, its inputs, and its backward function."""

    output: Any  # a Tensor, or a list of them
    inputs: Sequence[Any]  # Tensors; None for a missing input, such as a bias
    needs: Sequence[bool]  # for each input, whether it is tracked
    backward: Callable  # backward(dy, cache, needs) -> a gradient for each input that needs one
    forward: Callable | None  # the forward function, if it may be replayed with other arrays
    options: Any  # its other arguments: a tuple, or a dict if passed by name
    cache: Any  # the intermediate results that backward needs


# Record(...) goes through a Python function, which takes three times as long.
new_record = tuple.__new__

# The records of the open tapes of this thread, oldest first, or None; and these tapes. Nested tapes
# share one list: each has the part that was recorded while it was open.
open_records: ContextVar[list | None] = ContextVar("diptych_records", default=None)
_open_tapes: ContextVar[tuple[GradientTape, ...]] = ContextVar("diptych_tapes", default=())


@contextmanager
def unrecorded() -> Iterator[None]:
    """A block in which no tape that was open before records anything."""
    token = open_records.set(None)
    try:
        yield
    finally:
        open_records.reset(token)


def record(
    y: Any,
    inputs: Sequence[Any],
    backward: Callable,
    cache: Any,
    forward: Callable | None = None,
    options: Any = (),
) -> Any:
    """Wrap ``y`` (an array, or a list of arrays) and record the operation on an open tape.

    ``backward(dy, cache, needs)`` returns a gradient for each of ``inputs``, or None where
    ``needs`` is False. All differentiable operations end here; your own functions may too. Pass
    ``forward(*arrays, ...)`` if a recorded step may call it again.
    """
    records = open_records.get()
    if records is None:
        return wrap(y, False)
    needs = [isinstance(x, Tensor) and x.tracked for x in inputs]
    if True not in needs:
        return wrap(y, False)
    output = wrap(y, True)
    records.append(new_record(Record, (output, inputs, needs, backward, forward, options, cache)))
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
        records.append(new_record(Record, ([], inputs, needs, None, effect, options, None)))


def walk_back(
    records: Iterable[tuple[Record, Any]],
    gradients: dict[Tensor, Any],
    wanted: Collection[Tensor] = (),
    optimizer: Any = None,
) -> None:
    """The chain rule: from the gradients of the last outputs to those of everything before them.

    Gradients are only summed here and passed to the backward functions. If those were operations on
    tensors, and the cast of dx too, an open tape would record this walk, and gradients could be
    differentiated again.

    Args:
        records: the records, newest first, each with its cache.
        gradients: initially dL/dy for each output y; at the end dL/dx for each x on which L depends
            and which is no output of a record.
        wanted: outputs of records whose gradients are returned too.
        optimizer: the optimizer that gets the gradients, if any; if it takes ``IndexedSlices``, the
            gradient of a variable may be one.
    """
    for (output, inputs, needs, backward, _, _, _), cache in records:
        # Every use of this output y was recorded after it, so the sum dL/dy is complete.
        if type(output) is list:
            dy: Any = [_taken(gradients, part, wanted) for part in output]
            if all(part is None for part in dy):
                continue
            dy = [
                np.zeros(y.shape, y.dtype) if part is None else part
                for y, part in zip(output, dy, strict=True)
            ]
        else:  # the most common case: _taken, inlined
            dy = gradients.pop(output, None)
            if dy is None:  # L does not depend on y
                continue
            if wanted and output in wanted:
                gradients[output] = dy
        # dL/dx = dL/dy dy/dx for each input x; if it is used several times, the sum of these.
        for i, dx in enumerate(backward(dy, cache, needs)):
            if dx is not None and needs[i]:
                x = inputs[i]
                if type(dx) is not ndarray or dx.dtype is not x.array.dtype:
                    if x in gradients or not _stays_sparse(dx, x, optimizer):
                        dx = np.asarray(dx, x.array.dtype)
                gradients[x] = gradients[x] + dx if x in gradients else dx


def newest_first(records: list[Record]) -> Iterator[tuple[Record, Any]]:
    """The records from last to first, each with its cache. Each is removed from the list first, so
    that the arrays in its cache are freed after use.
    """
    while records:
        record = records.pop()
        yield record, record.cache


def _taken(gradients: dict[Tensor, Any], y: Tensor, wanted: Collection[Tensor]) -> Any:
    """dL/dy, or None; removed from ``gradients`` unless it is wanted."""
    return gradients.get(y) if y in wanted else gradients.pop(y, None)


def _stays_sparse(dx: Any, x: Tensor, optimizer: Any) -> bool:
    """Whether an optimizer takes the gradient of an embedding table as the rows that were read."""
    return (
        type(dx) is IndexedSlices
        and isinstance(x, Variable)
        and optimizer is not None
        and optimizer.takes_slices
    )


class GradientTape:
    """Records operations while it is open, and computes gradients.

        with diptych.GradientTape() as tape:
            loss = diptych.ops.mean(diptych.ops.square(model(x) - y))
        gradients = tape.gradient(loss, model.trainable_variables)

    Tapes may be nested or opened side by side; each records the operations while it is open. A tape
    that is opened again continues where it was closed.

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
        self._records = [] if records is None else records
        self._start = len(self._records)
        self._end: int | None = None
        self._tokens = (
            open_records.set(self._records),
            _open_tapes.set((*_open_tapes.get(), self)),
        )
        return self

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
        """Return d target / d source for each source, in the structure of ``sources``: as arrays,
        or as tensors if another tape is open.

        Args:
            target: a tensor, or a list of tensors, which are summed. If it has several elements,
                their sum is differentiated, as in TensorFlow.
            sources: a variable or watched tensor, or a list, tuple or dict of them.
            output_gradients: the initial gradients instead of ones, in the structure of ``target``.

        The gradient is None for a source on which the target does not depend.

        Raises:
            NotImplementedError: the target depends on gradients from another tape, computed while
                this one was open. Their computation is not recorded.
            RuntimeError: the tape was never opened, or has already returned its gradient.
        """
        if self._records is None:
            raise RuntimeError(
                "This tape has no records: it was never opened, or gradient() was already called "
                "(use GradientTape(persistent=True) to call it more than once)."
            )
        targets, wanted = flatten(target), flatten(sources)
        gradients = _seeds(targets, output_gradients)
        for source in wanted:
            if not isinstance(source, Tensor):
                raise TypeError(
                    "gradient() needs variables or watched tensors as sources, but got "
                    f"{type(source).__name__}."
                )
        records = self.records
        if not self.persistent:
            self._records, self._earlier = None, []
        walk_back(newest_first(records), gradients, set(wanted), self.optimizer)
        if any(tape is not self or self.persistent for tape in _open_tapes.get()):
            gradients = _for_open_tapes(gradients, targets, wanted)
        return map_structure(gradients.get, sources)


def _seeds(targets: list, output_gradients: Any) -> dict[Tensor, Any]:
    """The initial gradients: dL/dL = 1, or those given."""
    given = output_gradients if isinstance(output_gradients, (list, tuple)) else [output_gradients]
    if output_gradients is None:
        given = [None] * len(targets)
    gradients: dict[Tensor, Any] = {}
    for t, seed in zip(targets, given, strict=True):
        if not isinstance(t, Tensor):
            raise TypeError(f"gradient() needs a Tensor as target, but got {type(t).__name__}.")
        seed = np.ones(t.shape, t.dtype) if seed is None else as_array(seed, t.array.dtype)
        gradients[t] = gradients[t] + seed if t in gradients else seed
    return gradients


def _for_open_tapes(
    gradients: dict[Tensor, Any], targets: list, wanted: Iterable[Tensor]
) -> dict[Tensor, Any]:
    """The gradients as tensors that an open tape tracks. Its own backward pass raises an error at
    them, since this one was not recorded: a missing part is never left out silently.
    """
    found = {x: np.asarray(gradients[x]) for x in wanted if gradients.get(x) is not None}
    tensors = record(list(found.values()), (*targets, *found), _refuse, None)
    return dict(zip(found, tensors, strict=True))


def _refuse(dy: Any, cache: Any, needs: Any) -> Any:
    raise NotImplementedError(
        "This is a gradient of a gradient: the target depends on what tape.gradient() returned "
        "while this tape was open, and tapes do not yet record how a gradient is computed. To use "
        "it as a constant, pass it through diptych.ops.stop_gradient(). Instead of a gradient "
        "penalty, layers.SpectralNormalization limits the slope of a critic. A derivative for a "
        "differential equation can be written as a finite difference, (f(x + h) - f(x - h)) / "
        "(2 h)."
    )
