"""Making the plan of a step: what runs in stages is noted, all else Python calls again.

A plan of the fast engine (``fastcore/kernels/plan.pyx``) notes the stages of the twins. Some twins
do a part of their work outside of stages, and array operations are NumPy's: for these the plan has
calls between its stages. Such a call makes the same function run again on the same memory, so the
bits are those of any other step, and brings what it returns to the places where the stages after it
expect it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import add
from typing import Any, NamedTuple

import numpy as np

from .. import engine as _engine
from ..nested import flatten, map_structure
from ..operation import Operation
from ..tape import Record, stays_sparse
from ..tensor import IndexedSlices
from .replay import NOTHING, PLAIN_RELU, Replay, is_relu

_WITH_RELU = "normalization", "batch_normalization_training_relu_forward"
_WITH_POOLING = "convolution", "conv_max_pool_training_forward"
_SUM_WITH_RELU = "piecewise", "add_relu_forward"
MOST_COPIED = 1 << 22  # bytes that calls may bring to their places in each step


class NotPlannedError(Exception):
    """Why a step cannot be a plan."""


class _Latest:
    """The cache of a twin that is called again in each step: that of the last call."""

    cache: Any


class Notes:
    """A plan in the making.

    Attributes:
        plan: the plan; open while the step is made.
        calls: what Python calls in each step, in words.
        refusal: why the plan would be of no use, or None.
    """

    def __init__(self, kernels: Any) -> None:
        self.plan = kernels.plan.Plan()
        self.calls: list[str] = []
        self.refusal: str | None = None
        self._in_stages = kernels.steps.in_stages
        self._in_order = kernels.steps.in_order
        self._converts = kernels.steps.numpy_converts
        self._joined = kernels.steps.joined
        self._copied = 0
        self._joined_calls: dict[int, _Joined] = {}  # by the number of the first call of each

    def steps(self, replay: Replay) -> list[tuple]:
        """The steps of a replay, noted."""
        noted = []
        self._joined_calls = _joined_calls(replay)
        others = {i for joined in self._joined_calls.values() for i in joined.others}
        for i, (call, step) in enumerate(zip(replay.calls, replay.steps, strict=True)):
            function, reader, options, output = step
            if i in others:
                noted.append((_done_before, reader, (), output))
                continue
            if i in self._joined_calls:
                function, call = self._joined_calls[i].forward, (True, *call[1:])
            noted.append((self._forward(call, function), reader, options, output))
        return noted

    def records(self, replay: Replay, optimizer: Any) -> list[Record]:
        """The records of a replay, whose backward functions are noted."""
        noted = []
        others = {i for joined in self._joined_calls.values() for i in joined.others}
        for i, record in zip(reversed(range(len(replay.calls))), replay.records, strict=True):
            is_twin, operation = replay.calls[i][:2]
            if i in others:
                noted.append(record._replace(backward=_passed_on))
                continue
            if i in self._joined_calls:
                record = record._replace(backward=self._joined_calls[i].backward)
                is_twin = True
            backward = self._backward(record, is_twin, operation, optimizer)
            noted.append(record._replace(backward=backward))
        return noted

    def add(self, a: Any, b: Any) -> Any:
        """a + b, gradients of branches that meet."""
        total = self._in_stages("add", a, b)
        return self._again("a sum of gradients", add, (a, b)) if total is None else total

    def in_order(self, y: np.ndarray) -> np.ndarray:
        """The same numbers in C order."""
        if y.flags.c_contiguous:
            return y
        return self._again("the order of the results", np.ascontiguousarray, (y,))

    def call(self, what: str, function: Callable[[], Any]) -> None:
        """Let Python call a function in each step. What it does in this one is done already."""
        self.plan.call(function)
        if what not in self.calls:
            self.calls.append(what)

    def _forward(self, call: tuple, function: Callable) -> Callable:
        is_twin, operation, _, options, _ = call
        name = _name_of(operation)
        if is_twin:
            return lambda *arguments: self._twin(name, function, arguments)
        in_stages = {np.add: "add", np.multiply: "multiply"}.get(operation)
        joins = operation is getattr(Operation.named.get("concatenate"), "forward", None)

        def forward(*arrays: np.ndarray) -> tuple[np.ndarray, tuple]:
            y = None if in_stages is None else self._in_stages(in_stages, *arrays)
            if joins:
                y = self._joined(arrays, options["axis"])
            if y is None:
                y = self._again(name, lambda *inputs: function(*inputs)[0], arrays)
            return y, (y, arrays, options)

        return forward

    def _twin(self, name: str, function: Callable, arguments: tuple) -> tuple:
        arguments = tuple(map(self._in_order, arguments))
        mark = self.plan.mark()
        y, cache = function(*arguments)
        if self.plan.take_back(mark) is None:
            return y, cache
        latest = _Latest()
        latest.cache = cache

        def again() -> None:
            new, latest.cache = function(*arguments)
            _bring(new, y)

        self._note(name, again, y)
        return y, latest

    def _backward(
        self, record: Record, is_twin: bool, operation: Callable, optimizer: Any
    ) -> Callable:
        known = getattr(record.operation, "name", None)
        name = f"the gradient of {known or _name_of(operation)}"
        backward, inputs = record.backward, record.inputs

        def gradients(dy: Any, cache: Any, needs: Sequence[bool]) -> list:
            return [
                np.asarray(dx, x.array.dtype)
                if need and dx is not None and not stays_sparse(dx, x, optimizer)
                else dx
                for dx, x, need in zip(backward(dy, cache, needs), inputs, needs)  # noqa: B905
            ]

        def latest(dy: Any, cache: _Latest, needs: Sequence[bool]) -> list:
            return gradients(dy, cache.cache, needs)

        def noted(dy: Any, cache: Any, needs: Sequence[bool]) -> list:
            if type(cache) is _Latest:
                return self._again(name, latest, (dy, cache, needs))
            if not is_twin:
                if operation is np.multiply:
                    in_stages = self._product(dy, cache, needs)
                    if in_stages is not None:
                        return in_stages
                return self._again(name, gradients, (dy, cache, needs))
            dy = map_structure(self._in_order, dy)
            mark = self.plan.mark()
            found = gradients(dy, cache, needs)
            if self.plan.take_back(mark) is not None:
                self._note(name, lambda: _bring(gradients(dy, cache, needs), found), found)
            return found

        return noted

    def _product(self, dy: Any, cache: tuple, needs: Sequence[bool]) -> list | None:
        """The gradients of a product, each the product of dy and the other factor."""
        _, (a, b), _ = cache
        if a.shape != b.shape:
            return None
        found = []
        for need, other in zip(needs, (b, a), strict=True):
            found.append(self._in_stages("multiply", dy, other) if need else None)
            if need and found[-1] is None:
                return None
        return found

    def _again(self, name: str, function: Callable, arguments: tuple) -> Any:
        """Call a function of NumPy's, and let each step call it again; unless all it returns are
        views of what it was given.
        """
        found = self.plan.aside(function, *arguments)
        given = [x for x in flatten(arguments) if isinstance(x, np.ndarray)]
        places = [
            place
            for place in _parts(found)
            if not any(np.may_share_memory(place, x) for x in given)
        ]
        rows = [x for x in flatten(found) if type(x) is IndexedSlices]
        for x in rows:  # each step has its own, which Python gives to the optimizer
            x.slices = partial(self._refused, x.slices)
        if places or rows:
            self._note(name, lambda: _bring(function(*arguments), found), places)
        return found

    def _refused(self, function: Callable) -> Any:
        """Call it, and say that no stage of the plan could: what it takes is new in each step."""
        self._converts()
        return function()

    def _note(self, name: str, function: Callable, found: Any) -> None:
        self._copied += sum(part.nbytes for part in _parts(found))
        if self._copied > MOST_COPIED:
            self.refusal = f"arrays are large, and {name} is not done in stages"
        self.call(name, function)


# Some calls in a row run as one in a plan, with the same bits: the first gives the result of the
# last as its own, and the others hand it on.


class _Joined(NamedTuple):
    """Calls that run as one.

    Attributes:
        forward: takes what the first call takes, and gives what the last one gives.
        backward: from the gradient of that to those of what the first call takes.
        others: the numbers of the calls after the first.
    """

    forward: Callable
    backward: Callable
    others: list[int]


def _joined_calls(replay: Replay) -> dict[int, _Joined]:
    """The calls that can run as one, by the number of the first."""
    engine = _engine.current()
    found: dict[int, _Joined] = {}
    if not replay.records or engine.extra(*_WITH_RELU) is None:
        return found
    users = _only_users(replay)
    for i, (_, function, sources, options, _) in enumerate(replay.calls):
        if i not in users:
            continue
        user = users[i]
        _, next_function, _, next_options, _ = replay.calls[user]
        if function is engine.normalization.batch_normalization_training_forward:
            if sources[3] == NOTHING and is_relu(engine, next_function, next_options):
                found[i] = _Joined(_with_relu(next_options[1]), _back_with_relu, [user])
        elif function is np.add:
            is_plain = next_function is engine.piecewise.relu_forward and next_options == PLAIN_RELU
            if is_plain and _are_alike(replay.records[-1 - i].inputs):
                found[i] = _Joined(_sum_with_relu, _back_with_sum, [user])
        elif function is engine.convolution.conv_forward and options[-1] in ("linear", "relu"):
            others, activation = [user], options[-1]
            if next_function is engine.piecewise.relu_forward and next_options == PLAIN_RELU:
                if user not in users:
                    continue
                others, activation = [user, users[user]], "relu"
                _, next_function, _, next_options, _ = replay.calls[users[user]]
            if next_function is engine.pooling.max_pool_forward:
                forward = _with_pooling(activation, next_options)
                found[i] = _Joined(forward, _back_with_pooling, others)
    return found


def _only_users(replay: Replay) -> dict[int, int]:
    """For each call whose (first) result one other call uses, once, and nothing else wants: which
    call that is.
    """
    wanted = {*flatten(replay.y_pred), *replay.losses, *replay.masks, *replay.masks.values()}
    wanted.update(place for _, place in replay.logits.values())
    users: dict[int, list[int]] = {}
    for i, (_, _, sources, _, _) in enumerate(replay.calls):
        for place in sources:
            users.setdefault(place, []).append(i)
    found = {}
    for i, (_, _, _, _, output) in enumerate(replay.calls):
        for place in flatten(output)[:1]:
            if place not in wanted and len(users.get(place, ())) == 1:
                (found[i],) = users[place]
    return found


def _with_relu(limit: float | None) -> Callable:
    """Batch normalisation and the relu after it."""
    forward: Any = _engine.current().extra(*_WITH_RELU)

    def batch_normalization_training_forward(
        x: np.ndarray, gamma: Any, beta: Any, mask: None, epsilon: float
    ) -> tuple:
        return forward(x, gamma, beta, epsilon, limit)

    return batch_normalization_training_forward


def _back_with_relu(dy: Any, cache: tuple, needs: Sequence[bool]) -> tuple:
    backward: Any = _engine.current().extra(
        "normalization", "batch_normalization_training_relu_backward"
    )
    return backward(dy, cache, needs[0])


def _with_pooling(activation: str, pooling: tuple) -> Callable:
    """A convolution, perhaps relu, and the maximum pooling after it."""
    forward: Any = _engine.current().extra(*_WITH_POOLING)

    def conv_forward(x: np.ndarray, kernel: np.ndarray, bias: Any, *options: Any) -> tuple:
        return forward(x, kernel, bias, *options[:-1], activation, *pooling)

    return conv_forward


def _back_with_pooling(dy: np.ndarray, cache: tuple, needs: Sequence[bool]) -> tuple:
    backward: Any = _engine.current().extra("convolution", "conv_max_pool_training_backward")
    return backward(dy, cache, needs[0])


def _are_alike(inputs: Sequence[Any]) -> bool:
    """Whether two tensors have one shape and dtype, and both need a gradient: None does not."""
    x, other = inputs
    if x is None or other is None or x.dtype not in ("float32", "float64"):
        return False
    return x.shape == other.shape and x.dtype == other.dtype


def _sum_with_relu(x: np.ndarray, shortcut: np.ndarray) -> tuple:
    forward: Any = _engine.current().extra(*_SUM_WITH_RELU)
    return forward(x, shortcut)


def _back_with_sum(dy: np.ndarray, cache: tuple, needs: Sequence[bool]) -> tuple:
    backward: Any = _engine.current().extra("piecewise", "add_relu_backward")
    return backward(dy, cache)


def _done_before(y: np.ndarray) -> tuple[np.ndarray, None]:
    return y, None


def _passed_on(dy: np.ndarray, cache: None, needs: Sequence[bool]) -> list:
    return [dy]


def _parts(found: Any) -> list[np.ndarray]:
    return [part for part in flatten(found) if isinstance(part, np.ndarray)]


def _bring(new: Any, places: Any) -> None:
    """Bring what a function has returned to its places."""
    for part, place in zip(flatten(new), flatten(places), strict=True):
        if isinstance(place, np.ndarray):
            if part is not place:
                np.copyto(place, part)
        elif type(place) is IndexedSlices:
            place.dense, place.slices = part.dense, part.slices


def _name_of(function: Callable) -> str:
    """An operation's name, by its forward function."""
    for operation in Operation.named.values():
        if getattr(operation, "forward", None) is function:
            return operation.name
    return getattr(function, "__name__", "a function").removesuffix("_forward")
