"""The tape: it records what is computed, and walks back through it by the chain rule.

    with GradientTape() as tape:         # y = w x, L = y y
        y = w * x                        # record 1: y, made of (w, x)
        loss = y * y                     # record 2: L, made of (y, y)
    tape.gradient(loss, w)

The walk begins with dL/dL = 1 and takes the last record first:

    record 2:  dL/dy = dL/dL y + dL/dL y      y went in twice: the sum
    record 1:  dL/dw = dL/dy x                and dL/dx, if anybody needs it

An operation leaves a record where a tape is open and one of its inputs is ``tracked``: a trainable
variable, something watched, or computed from either. What an operation is stands in
``diptych.operation``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from .nested import flatten, map_structure
from .tensor import IndexedSlices, Tensor, Variable, as_array, wrap


class Record(NamedTuple):
    """One operation: what came out, what went in, and how to go back."""

    output: Any  # a Tensor, or a list of them
    inputs: Sequence[Any]  # Tensors; None for an input that was left out, such as a bias
    needs: Sequence[bool]  # for each input, whether it is tracked
    backward: Callable  # backward(dy, cache, needs) -> a gradient for each input that needs one
    forward: Callable | None  # the forward function, if it may be called again with other arrays
    options: Any  # its other arguments: a tuple, or a dict where they go by name
    cache: Any  # what forward left for backward


# Record(...) itself goes through a function of Python's, which takes three times as long.
new_record = tuple.__new__

# The records of the open tapes of this thread, oldest first, or None; and those tapes. Nested tapes
# share one list: each holds the part of it that was recorded while it was open.
open_records: ContextVar[list | None] = ContextVar("diptych_records", default=None)
_open_tapes: ContextVar[tuple[GradientTape, ...]] = ContextVar("diptych_tapes", default=())


def record(
    y: Any,
    inputs: Sequence[Any],
    backward: Callable,
    cache: Any,
    forward: Callable | None = None,
    options: Any = (),
) -> Any:
    """Wrap ``y`` (an array, or a list of arrays) and, on an open tape, record how to go back from
    it.

    ``backward(dy, cache, needs)`` returns a gradient for each of ``inputs``, or None where
    ``needs`` is False. Every differentiable operation ends here; a function of your own may as
    well. ``forward(*arrays, ...)`` is given where a recorded step may call it again.
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


def walk_back(
    records: Iterable[tuple[Record, Any]],
    gradients: dict[Tensor, Any],
    wanted: Collection[Tensor] = (),
    optimizer: Any = None,
) -> None:
    """The chain rule: from the gradients of the last outputs to those of all that made them.

    Gradients are only added up here and handed to the backward functions. Where those were
    operations on tensors, and the cast of dx one too, an open tape would record this very walk, and
    a gradient could be differentiated again.

    Args:
        records: what was computed, newest first, each record with what its forward left.
        gradients: dL/dy for each output y to begin with; at the end dL/dx for each x on which L
            depends and which no record has made.
        wanted: outputs of records whose gradients are to stay too.
        optimizer: where the gradients go, if to one; the gradient of a variable may be an
            ``IndexedSlices`` then, if it takes them.
    """
    for (output, inputs, needs, backward, _, _, _), cache in records:
        # Whatever used this output y was recorded after it, so dL/dy, a sum, is complete.
        if type(output) is list:
            dy: Any = [_taken(gradients, part, wanted) for part in output]
            if all(part is None for part in dy):
                continue
            dy = [
                np.zeros(y.shape, y.dtype) if part is None else part
                for y, part in zip(output, dy, strict=True)
            ]
        else:  # the commonest case: _taken, written out
            dy = gradients.pop(output, None)
            if dy is None:  # L does not depend on y
                continue
            if wanted and output in wanted:
                gradients[output] = dy
        # dL/dx = dL/dy dy/dx for each input x; where it is used several times, the sum of these.
        for i, dx in enumerate(backward(dy, cache, needs)):
            if dx is not None and needs[i]:
                x = inputs[i]
                if type(dx) is not ndarray or dx.dtype is not x.array.dtype:
                    if x in gradients or not _stays_sparse(dx, x, optimizer):
                        dx = np.asarray(dx, x.array.dtype)
                gradients[x] = gradients[x] + dx if x in gradients else dx


def newest_first(records: list[Record]) -> Iterator[tuple[Record, Any]]:
    """The records from last to first, each with its cache. It leaves the list when its turn comes:
    once it has been used, the arrays in the cache are free.
    """
    while records:
        record = records.pop()
        yield record, record.cache


def _taken(gradients: dict[Tensor, Any], y: Tensor, wanted: Collection[Tensor]) -> Any:
    """dL/dy, or None. It is not needed again, unless it is wanted."""
    return gradients.get(y) if y in wanted else gradients.pop(y, None)


def _stays_sparse(dx: Any, x: Tensor, optimizer: Any) -> bool:
    """Whether an optimizer takes the gradient of a table as the rows that were read."""
    return (
        type(dx) is IndexedSlices
        and isinstance(x, Variable)
        and optimizer is not None
        and optimizer.takes_slices
    )


class GradientTape:
    """Records operations while it is open, and differentiates through them.

        with diptych.GradientTape() as tape:
            loss = diptych.ops.mean(diptych.ops.square(model(x) - y))
        gradients = tape.gradient(loss, model.trainable_variables)

    Tapes may be nested, or opened side by side, and each sees what happened while it was open. A
    tape that is opened again goes on where it was closed.

    Args:
        persistent: whether ``gradient`` may be called more than once.
        watch_accessed_variables: accepted for TensorFlow's sake; trainable variables are always
            followed.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent = persistent
        self.optimizer: Any = None  # set in a training step: it may take IndexedSlices
        self._records: list | None = None
        self._tokens: tuple | None = None  # while it is open: what was before

    def __enter__(self) -> GradientTape:
        if self._tokens is not None:
            raise RuntimeError("This tape is open already; `with` it again once it is closed.")
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
        """What the tape holds, oldest first."""
        if self._records is None:
            return []
        return self._earlier + self._records[self._start : self._end]

    def watch(self, tensor: Any) -> None:
        """Follow a tensor that is no trainable variable, for instance an input; or several."""
        for t in flatten(tensor):
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"watch() follows Tensors, and got {type(t).__name__}: wrap it first, "
                    "x = diptych.ops.convert_to_tensor(x)."
                )
            t.tracked = True

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None) -> Any:
        """Return d target / d source for each source, in the structure of ``sources``: as arrays,
        or, where another tape is open, as tensors.

        Args:
            target: a tensor, or a list of tensors whose sum is meant. Where it has more than one
                element, the sum of the elements is differentiated, as in TensorFlow.
            sources: a variable or watched tensor, or a list, tuple or dict of them.
            output_gradients: what to start with instead of ones, in the structure of ``target``.

        A source on which the target does not depend gets None.

        Raises:
            NotImplementedError: the target depends on gradients that another tape gave while this
                one was open. How they came about is not recorded.
            RuntimeError: the tape was never opened, or has given its gradient already.
        """
        if self._records is None:
            raise RuntimeError(
                "This tape has nothing to differentiate: it was never opened, or gradient() was "
                "already called (GradientTape(persistent=True) may be called more than once)."
            )
        targets, wanted = flatten(target), flatten(sources)
        gradients = _seeds(targets, output_gradients)
        for source in wanted:
            if not isinstance(source, Tensor):
                raise TypeError(
                    "gradient() needs variables or watched tensors as its sources, and got "
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
    """The gradients to begin with: dL/dL = 1, or those given."""
    given = output_gradients if isinstance(output_gradients, (list, tuple)) else [output_gradients]
    if output_gradients is None:
        given = [None] * len(targets)
    gradients: dict[Tensor, Any] = {}
    for t, seed in zip(targets, given, strict=True):
        if not isinstance(t, Tensor):
            raise TypeError(f"gradient() needs a Tensor as its target, and got {type(t).__name__}.")
        seed = np.ones(t.shape, t.dtype) if seed is None else as_array(seed, t.array.dtype)
        gradients[t] = gradients[t] + seed if t in gradients else seed
    return gradients


def _for_open_tapes(
    gradients: dict[Tensor, Any], targets: list, wanted: Iterable[Tensor]
) -> dict[Tensor, Any]:
    """The gradients as tensors that an open tape follows. Its own walk stops at them with an error,
    since this one was not recorded: the part that is missing is never left out silently.
    """
    found = {x: np.asarray(gradients[x]) for x in wanted if gradients.get(x) is not None}
    tensors = record(list(found.values()), (*targets, *found), _refuse, None)
    return dict(zip(found, tensors, strict=True))


def _refuse(dy: Any, cache: Any, needs: Any) -> Any:
    raise NotImplementedError(
        "This is a gradient of a gradient: the target depends on what tape.gradient() returned "
        "while this tape was open, and tapes do not yet record how a gradient is computed. Where "
        "its value alone is meant, as a constant, pass it through diptych.ops.stop_gradient(). A "
        "gradient penalty has a relative that needs none: layers.SpectralNormalization limits how "
        "steep a critic is. A derivative for a differential equation can be written as a "
        "difference, (f(x + h) - f(x - h)) / (2 h)."
    )
