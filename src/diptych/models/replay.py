"""A step of training, testing or prediction, recorded once and replayed.

For a small network most of a step is not arithmetic but the way to it: layers, checks, conversions.
All of that comes out the same for every batch of one shape. So the first step with a shape is taken
with care, and its tape is kept as a plain list of calls, each with the places of its arguments;
every further step only walks that list, forwards and back. The functions called and the order of
all sums are the same, and so are the bits.

Only what is known to depend on nothing but its input and its weights is replayed: graphs of layers
that say so (``Layer.pure``; for predictions ``Layer.pure_in_prediction`` will do), with built-in
activations and losses. Everything else takes the careful way at every step.

A prediction, which is never walked back, joins calls that the engines can do in one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import activations, losses
from .. import engine as _engine
from ..autodiff import GradientTape, RowGradient, Tensor, Variable
from ..graph import flatten
from ..operation import ArrayOp

_PLAIN_RELU = (0.0, None, 0.0)  # slope, upper limit and threshold


class Replay:
    """The calls of one step, for batches of the shapes and dtypes that it was recorded with; of a
    prediction, for any number of rows.

    Values live in a list; a place in it stands for x, y, each weight, each output. Made by
    ``record_of``.
    """

    def __init__(
        self, places: dict[int, int], variables: dict[int, Variable], labels: Tensor | None
    ) -> None:
        self.places = places
        self.variables = variables  # place -> weight
        self.labels = None if labels is None else (labels.shape, labels.dtype)
        self.calls: list[tuple] = []
        self.loss = self.y_pred = 0
        self.logits: tuple[str, int] | None = None  # of y_pred: "sigmoid" or "softmax", place
        self.ones: Any = None
        self.wanted: list[int] = []  # the places whose gradients the step returns
        self.back: list[tuple] = []
        self.done: list[list[int]] = []  # after each call, the places that none after it needs

    def forward(self, x: np.ndarray, y: np.ndarray) -> tuple[list, list]:
        """Return the values of all places, and the caches of all calls."""
        values = self._start(x)
        if self.labels is not None:
            shape, dtype = self.labels
            values[1] = y.reshape(shape).astype(dtype, copy=False)
        return values, [_run(call, values) for call in self.calls]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the model's output; nothing is kept for a way back."""
        values = self._start(x)
        for call, done in zip(self.calls, self.done, strict=True):
            _run(call, values)
            for place in done:
                values[place] = None
        return values[self.y_pred]

    def _start(self, x: np.ndarray) -> list:
        """The values of all places before the first call: the input's and the weights'."""
        values: list[Any] = [None] * len(self.places)
        values[0] = x
        for place, variable in self.variables.items():
            values[place] = variable.array
        return values

    def output(self, values: list) -> Tensor:
        """Return the model's output, with its logits, as the careful step hands it to metrics."""
        y_pred = Tensor(values[self.y_pred])
        if self.logits is not None:
            name, place = self.logits
            y_pred.logits = (name, Tensor(values[place]))
        return y_pred

    def gradients(self, values: list, caches: list, optimizer: Any = None) -> list:
        """Walk back, and return the gradients of the loss by the trained weights, None where it
        does not depend on one. What a call left behind is let go as soon as it is used.

        Some may be a RowGradient, if they go to an optimizer that takes it.
        """
        grads: list[Any] = [None] * len(values)
        grads[self.loss] = self.ones
        for number, backward, needs, output, inputs in self.back:
            if type(output) is tuple:
                dy = [grads[place] for place in output]
                if all(part is None for part in dy):
                    continue
                for i, place in enumerate(output):
                    if dy[i] is None:
                        dy[i] = np.zeros(values[place].shape, values[place].dtype)
                    values[place] = grads[place] = None
            else:
                dy = grads[output]
                if dy is None:
                    continue
                values[output] = grads[output] = None
            found = backward(dy, caches[number], needs)
            caches[number] = None
            for i, place in inputs:
                dx = found[i]
                if dx is None:
                    continue
                dtype = values[place].dtype
                if (
                    type(dx) is RowGradient
                    and grads[place] is None
                    and place in self.wanted
                    and optimizer is not None
                    and optimizer.takes_rows
                ):
                    pass  # so far the only gradient of a table
                elif type(dx) is not np.ndarray or dx.dtype is not dtype:
                    dx = np.asarray(dx, dtype)
                grads[place] = dx if grads[place] is None else grads[place] + dx
        return [grads[place] for place in self.wanted]


def _run(call: tuple, values: list) -> Any:
    """Make one call, put its results where they belong, and return what the way back needs."""
    is_twin, function, places, options, output = call
    arrays = [None if place is None else values[place] for place in places]
    if is_twin:
        y, cache = function(*arrays, *options)
        if type(output) is tuple:  # several results: a recurrent layer's output and states
            for place, part in zip(output, y, strict=True):
                values[place] = part
        else:
            values[output] = y
        return cache
    result = function(*arrays, **options)
    if type(result) is not np.ndarray:  # NumPy gives a scalar for an array without axes
        result = np.asarray(result)
    values[output] = result
    return result, arrays, options


def record_of(
    records: list,
    x: Tensor,
    y: Tensor | None,
    y_pred: Tensor,
    loss: Tensor | None,
    variables: list[Variable],
) -> Replay | None:
    """Return the step that a tape has recorded as a list of calls; None where it used anything that
    is not known.

    Args:
        records: what the tape holds.
        x: the batch's input.
        y: its labels. The loss may have given them another dtype, or an axis of size 1 more or
            less. None in prediction.
        y_pred: the model's output.
        loss: the loss, a scalar; None in prediction.
        variables: what gradients are wanted for.
    """
    made = {id(tensor) for record in records for tensor in flatten(record[0])}
    places = {id(x): 0}
    weights: dict[int, Variable] = {}
    labels = None
    for _, inputs, *_ in records:
        for tensor in inputs:
            if tensor is None or id(tensor) in made or tensor is x:
                continue
            if isinstance(tensor, Variable):
                weights[id(tensor)] = tensor
            elif (labels is None or labels is tensor) and _are_labels(tensor, y):
                labels = tensor
            else:
                return None
    places[id(labels) if labels is not None else id(y)] = 1
    for key in weights:
        places[key] = len(places)
    replay = Replay(places, {places[key]: variable for key, variable in weights.items()}, labels)
    for record in records:
        call = _call(record, places)
        if call is None:
            return None
        replay.calls.append(call)
    if id(y_pred) not in places:
        return None
    replay.y_pred = places[id(y_pred)]
    if loss is None:
        return replay
    if id(loss) not in places:
        return None
    replay.loss = places[id(loss)]
    if y_pred.logits is not None:
        name, logits = y_pred.logits
        if id(logits) not in places:
            return None
        replay.logits = (name, places[id(logits)])
    replay.ones = np.ones(loss.shape, loss.dtype)
    replay.wanted = [places.setdefault(id(variable), len(places)) for variable in variables]
    needed = {id(variable) for variable in weights.values() if variable.tracked}
    for number, (output, inputs, _, backward, *_) in enumerate(records):
        # x is followed while a step is recorded; nobody wants its gradient.
        needs = [tensor is not None and id(tensor) in needed for tensor in inputs]
        if True not in needs:
            continue
        needed.update(id(tensor) for tensor in flatten(output))
        wanted = [(i, places[id(tensor)]) for i, tensor in enumerate(inputs) if needs[i]]
        replay.back.append((number, backward, needs, replay.calls[number][-1], wanted))
    replay.back.reverse()
    return replay


def record_of_prediction(model: Any, x: Tensor) -> Replay | None:
    """Return the calls that predict for any number of rows like those of ``x``; None where they
    cannot be known.

    They are recorded with one row and with two: what depends on the number of rows differs then.
    """
    if not may_be_predicted(model):
        return None
    one, two = (_recorded_prediction(model, x, rows) for rows in (1, 2))
    if one is None or two is None or len(one.calls) != len(two.calls):
        return None
    calls = [_for_any_rows(*both) for both in zip(one.calls, two.calls, strict=True)]
    known = [call for call in calls if call is not None]
    if len(known) != len(calls):
        return None
    one.calls = _join(known, _engine.get(model.engine or _engine.current()))
    one.done = _last_needs(one)
    return one


def _recorded_prediction(model: Any, x: Tensor, rows: int) -> Replay | None:
    """The prediction for so many rows, all like the first of x."""
    sample = Tensor(np.repeat(x.array[:1], rows, axis=0))
    sample.tracked = True
    with GradientTape() as tape:
        y_pred = model(sample, training=False)
    return record_of(tape.records, sample, None, y_pred, None, [])


def _for_any_rows(one: tuple, two: tuple) -> tuple | None:
    """A call that was recorded with one row and with two, for any number of them; None where they
    differ otherwise than in one size that an array is to have.
    """
    is_twin, function, sources, options, output = one
    try:
        if one == two:
            return one
        if is_twin or (function, sources, output) != (two[1], two[2], two[4]):
            return None
        sizes = zip(options["newshape"], two[3]["newshape"], strict=True)
        shape = tuple([some if some == other else -1 for some, other in sizes])
    except (ValueError, KeyError):  # an array among the options, another rank; another operation
        return None
    if shape.count(-1) > 1:
        return None
    return is_twin, function, sources, {"newshape": shape}, output


def _join(calls: list[tuple], engine: _engine.Engine) -> list[tuple]:
    """The calls, where it can be two in one."""
    done: list[tuple] = []
    for call in calls:
        _, function, sources, options, output = call
        if done and sources == [done[-1][4]] and sum(sources[0] in c[2] for c in calls) == 1:
            _, function_before, sources_before, options_before, _ = done[-1]
            both = _in_one(engine, (function_before, options_before), (function, options))
            if both is not None:
                done[-1] = (True, both[0], sources_before, both[1], output)
                continue
        done.append(call)
    return done


def _in_one(engine: _engine.Engine, one: tuple, other: tuple) -> tuple | None:
    """The function that does what two do one after the other, and its options; None: there is none.

    A convolution takes relu and maximum pooling in: what the pooling drops is never written.
    """
    (first, options), (second, its_options) = one, other
    convolution = engine.convolution
    if first is not convolution.conv_forward:
        return None
    if second is engine.piecewise.relu_forward and its_options == _PLAIN_RELU:
        return (first, (*options[:-1], "relu")) if options[-1] == "linear" else None
    if second is engine.pooling.max_pool_forward:
        return convolution.conv_max_pool_forward, (*options, *its_options)
    return None


def _last_needs(replay: Replay) -> list[list[int]]:
    """For each call the places that no later call reads and that are not the result."""
    done: list[list[int]] = []
    needed = {replay.y_pred}
    for _, _, sources, _, output in reversed(replay.calls):
        places = {*sources, *(output if type(output) is tuple else (output,))} - {None}
        done.append(sorted(places - needed))
        needed |= places
    return done[::-1]


def _call(record: tuple, places: dict[int, int]) -> tuple | None:
    """A record as (is it a twin, function, places of its inputs, options, place of its output).

    The place of several outputs is a tuple of places.
    """
    output, inputs, _, backward, cache, *forward = record
    sources = [None if tensor is None else places[id(tensor)] for tensor in inputs]
    place: Any = tuple(places.setdefault(id(tensor), len(places)) for tensor in flatten(output))
    if isinstance(output, Tensor):
        (place,) = place
    if forward:
        function, options = forward
        if any(isinstance(option, np.ndarray) for option in options):
            return None  # a mask, which is another one for the next batch
        return True, function, sources, options, place
    if not isinstance(output, Tensor):
        return None
    operation = getattr(backward, "__self__", None)
    if isinstance(operation, ArrayOp):
        return False, operation.forward, sources, cache[2], place
    return None


def _are_labels(tensor: Tensor, y: Tensor | None) -> bool:
    """Whether a tensor holds the labels, perhaps in another shape and dtype.

    Class numbers given as floats are no case for a plain cast: 0.5 has to be refused each time.
    """
    if y is None or (y.dtype.kind == "f" and tensor.dtype.kind != "f"):
        return False
    return tensor.size == y.size and bool(
        np.array_equal(tensor.array, y.array.reshape(tensor.shape))
    )


def may_be_replayed(model: Any) -> bool:
    """Whether a step of the model depends on nothing but the batch and the weights."""
    loss = model._loss
    return (
        _is_pure_graph(model, "pure")
        and all(_is_own(model, name) for name in ("compute_loss", "losses"))
        and model.optimizer is not None
        and _is_own(model.optimizer, "scale_loss")
        and model.optimizer.loss_scale_factor is None
        and loss is not None
        and len(loss.functions) == 1
        and _is_builtin_loss(loss.functions[0])
        and not any(variable.regularizer for variable in model.variables)
    )


def may_be_predicted(model: Any) -> bool:
    """Whether the model's output depends on nothing but the input and the weights."""
    return _is_pure_graph(model, "pure", "pure_in_prediction") and not any(
        node.kwargs.get("training") for node in model._function.nodes
    )


def _is_pure_graph(model: Any, *ways: str) -> bool:
    return (
        model._function is not None
        and len(model._function.inputs) == 1
        and len(model.outputs) == 1
        and all(_is_own(model, name) for name in ("__call__", "call"))
        and all(_is_pure(node.operation, ways) for node in model._function.nodes)
    )


def _is_own(thing: Any, name: str) -> bool:
    """Whether a method or property is the package's own, replaced nowhere."""
    found = getattr(type(thing), name)
    function = getattr(found, "fget", found)
    return name not in vars(thing) and function.__module__.startswith("diptych.")


def _is_builtin_loss(loss: Any) -> bool:
    function = getattr(loss, "fn", None)
    if type(loss).__module__ != losses.__name__:
        return False
    return function is None or getattr(losses, function.__name__, None) is function


def _is_pure(operation: Any, ways: tuple[str, ...]) -> bool:
    """Whether a layer says of its very class that it is pure in one of these ways, and what it was
    given does not change that. A mask comes from the batch and is no part of the records.
    """
    if "call" in vars(operation) or not any(
        vars(type(operation)).get(way) and getattr(operation, way) for way in ways
    ):
        return False
    activation: Callable | None = getattr(operation, "activation", None)
    known = (
        activation is None
        or getattr(activations, str(getattr(activation, "__name__", "")), None) is activation
    )
    return known and operation.activity_regularizer is None and not operation.makes_mask
