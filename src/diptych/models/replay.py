"""Recording a step of training, testing or prediction once, and replaying it.

In a small network, most of the time of a step is not arithmetic but overhead: layers, checks,
conversions. This overhead is the same for every batch of one shape. So the first step with a shape
runs layer by layer, and the tape's records of it become a plain list of calls with the places of
their arguments. Each further step runs that list, then goes back by the tape's own chain rule. The
functions called and the order of all sums are the same, so the results are the same bits.

Only steps that depend on nothing but their input and weights are replayed: graphs of layers that
declare it (``Layer.pure``; for predictions ``Layer.pure_in_prediction`` is enough), with built-in
activations and losses. Everything else runs layer by layer at every step.

In a prediction, which has no backward pass, calls are fused where the engines can.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from .. import activations, losses
from .. import engine as _engine
from ..nested import flatten, map_structure
from ..tape import GradientTape, Record, walk_back
from ..tensor import Tensor, Variable
from ..utils.registration import is_builtin

NOTHING = -1  # the place of a missing input, such as a bias
_array_of = attrgetter("array")
_PLAIN_RELU = (0.0, None, 0.0)  # slope, upper limit and threshold


class Replay:
    """The calls of one step, for batches with the recorded shapes and dtypes; for a prediction,
    with any number of rows.

    Values are in a list with a place for x, y, the weights of the samples, each weight of the model
    and each output. Made by ``record_of``.
    """

    def __init__(self, weights: list[Variable]) -> None:
        self.weights = weights
        self.labels: tuple | None = None  # shape and dtype of y in the loss, if it changes them
        self.calls: list[tuple] = []
        self.steps: list[tuple] = []  # the calls as ``_run`` takes them
        self.empty: list[None] = []  # the places of the outputs, before the first call
        # The records of the calls, newest first. Their tensors have no values and only identify
        # gradients. Each batch brings its own caches.
        self.records: list[Record] = []
        self.y_pred = self.loss = 0
        self.result: tuple = ()  # shape and dtype of y_pred
        self.loss_shape: tuple = ()  # () but for a loss that is not reduced
        self.logits: tuple[str, int] | None = None  # of y_pred: "sigmoid" or "softmax", place
        self.seed: dict[Tensor, np.ndarray] = {}  # dL/dL = 1, for the loss in the records
        self.wanted: list[Variable] = []  # the weights whose gradients the step returns
        self.plan: Any = None  # its plan, or why there is none; None before that was tried
        self.plans: dict[int, Any] = {}  # those of a prediction, by the number of rows
        self.done: list[list[int]] = []  # after each call, the places that no later call needs

    def forward(
        self,
        x: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        steps: list[tuple] | None = None,
    ) -> tuple[Tensor, np.ndarray, list]:
        """Return the model's output, the loss, and the caches of all calls.

        steps: its own, noted for a plan.
        """
        values = self._start(x)
        values[2] = sample_weight
        if self.labels is None:
            values[1] = y
        else:
            shape, dtype = self.labels
            values[1] = y.reshape(shape).astype(dtype, copy=False)
        caches = [_run(step, values) for step in steps or self.steps]
        y_pred = Tensor(values[self.y_pred])
        if self.logits is not None:
            name, place = self.logits
            y_pred.logits = (name, Tensor(values[place]))
        return y_pred, values[self.loss], caches

    def predict(self, x: np.ndarray, steps: list[tuple] | None = None) -> np.ndarray:
        """Return the model's output, without caches for a backward pass."""
        values = self._start(x)
        for step, done in zip(steps or self.steps, self.done, strict=True):
            _run(step, values)
            for place in done:
                values[place] = None
        return values[self.y_pred]

    def _start(self, x: np.ndarray) -> list:
        """The values of all places before the first call: the input's and the weights'."""
        return [x, None, None, *map(_array_of, self.weights), *self.empty]

    def gradients(self, caches: list, optimizer: Any = None, notes: Any = None) -> list:
        """Run the backward pass; return the gradients of the loss by the trained weights: None for
        a weight on which it does not depend, possibly IndexedSlices if they go to an optimizer.

        notes: those of a plan that is being made.
        """
        newest_first = map(list.pop, repeat(caches))  # so that each is freed after use
        gradients: dict[Tensor, Any] = self.seed.copy()
        if notes is None:
            walk_back(zip(self.records, newest_first), gradients, (), optimizer)  # noqa: B905 - hot
        else:
            records = zip(notes.records(self), newest_first)  # noqa: B905
            walk_back(records, gradients, (), optimizer, notes.add)
        return list(map(gradients.get, self.wanted))


def _step(call: tuple) -> tuple:
    """A call as (function, reader, options, output). Array operations become functions of the kind
    that twins are, and the reader gets the inputs from the list of values.
    """
    is_twin, function, places, options, output = call
    if len(places) == 1:  # itemgetter would give the array itself, not a list of one
        reader = itemgetter(slice(places[0], places[0] + 1))
    else:
        reader = itemgetter(*places)
    if is_twin:
        return function, reader, options, output
    return _with_cache(function, options), reader, (), output


def _with_cache(function: Callable, options: dict[str, Any]) -> Callable:
    """An array operation that also returns the cache of its backward function."""

    def forward(*arrays: np.ndarray) -> tuple[np.ndarray, tuple]:
        y = np.asarray(function(*arrays, **options))  # NumPy gives a scalar, not a 0-d array
        return y, (y, arrays, options)

    return forward


def _run(step: tuple, values: list) -> Any:
    """Make one call, store its results, and return its cache for the backward pass."""
    function, reader, options, output = step
    y, cache = function(*reader(values), *options)
    if type(output) is tuple:  # several results: a recurrent layer's output and states
        for place, part in zip(output, y, strict=True):
            values[place] = part
    else:
        values[output] = y
    return cache


def record_of(
    records: list[Record],
    x: Tensor,
    y: Tensor | None,
    y_pred: Tensor,
    loss: Tensor | None,
    variables: list[Variable],
    sample_weight: Tensor | None = None,
) -> Replay | None:
    """Return a recorded step as a list of calls; None if it used anything unknown.

    Args:
        records: what the tape holds.
        x: the batch's input.
        y: its labels. The loss may have changed their dtype, or added or removed an axis of size 1.
            None in prediction.
        y_pred: the model's output.
        loss: the loss, a scalar; None in prediction.
        variables: the variables whose gradients are wanted.
        sample_weight: the weights of the samples, as the loss was given them.
    """
    made = {id(tensor) for record in records for tensor in flatten(record.output)}
    places = {id(x): 0}
    weights: dict[int, Variable] = {}
    labels = None
    for record in records:
        for tensor in record.inputs:
            if tensor is None or id(tensor) in made or tensor is x or tensor is sample_weight:
                continue
            if isinstance(tensor, Variable):
                weights[id(tensor)] = tensor
            elif (labels is None or labels is tensor) and _are_labels(tensor, y):
                labels = tensor
            else:
                return None
    places[id(labels) if labels is not None else id(y)] = 1
    places[NOTHING if sample_weight is None else id(sample_weight)] = 2
    for key in weights:
        places[key] = len(places)
    replay = Replay(list(weights.values()))
    if labels is not None and y is not None and (labels.shape, labels.dtype) != (y.shape, y.dtype):
        replay.labels = labels.shape, labels.dtype
    for record in records:
        call = _call(record, places)
        if call is None:
            return None
        replay.calls.append(call)
    replay.steps = list(map(_step, replay.calls))
    replay.empty = [None] * (len(places) - 3 - len(weights) + 1)  # the last one stays: NOTHING
    if id(y_pred) not in places:
        return None
    replay.y_pred, replay.result = places[id(y_pred)], (y_pred.shape, y_pred.dtype)
    if loss is None:
        return replay
    if id(loss) not in places:
        return None
    replay.loss, replay.loss_shape = places[id(loss)], loss.shape
    if y_pred.logits is not None:
        name, logits = y_pred.logits
        if id(logits) not in places:
            return None
        replay.logits = (name, places[id(logits)])
    # The tensors with gradients: the weights themselves, and for each output a tensor of its shape
    # and dtype. x is tracked while a step is recorded, but its gradient is not needed.
    stand_ins: dict[int, Tensor] = {
        key: variable for key, variable in weights.items() if variable.tracked
    }
    for record in records:
        needs = [id(tensor) in stand_ins for tensor in record.inputs]
        inputs = [stand_ins.get(id(tensor)) for tensor in record.inputs]
        output = map_structure(_without_values, record.output)
        if True in needs:
            stand_ins.update(zip(map(id, flatten(record.output)), flatten(output), strict=True))
        replay.records.append(Record(output, inputs, needs, record.backward, None, (), None, None))
    replay.records.reverse()
    if id(loss) in stand_ins:
        replay.seed = {stand_ins[id(loss)]: np.ones(loss.shape, loss.dtype)}
    replay.wanted = list(variables)
    return replay


def _without_values(tensor: Tensor) -> Tensor:
    """A tensor of the same shape and dtype without memory of its own: one zero, broadcast."""
    return Tensor(np.broadcast_to(np.zeros((), tensor.dtype), tensor.shape))


def record_of_prediction(model: Any, x: Tensor) -> Replay | None:
    """Return the calls of a prediction for any number of rows like those of ``x``; None if unknown.

    They are recorded with one row and with two: whatever differs depends on the number of rows.
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
    one.steps = list(map(_step, one.calls))
    one.done = _last_needs(one)
    return one


def _recorded_prediction(model: Any, x: Tensor, rows: int) -> Replay | None:
    """The prediction for ``rows`` rows, all equal to the first of x."""
    sample = Tensor(np.repeat(x.array[:1], rows, axis=0))
    sample.tracked = True
    with GradientTape() as tape:
        y_pred = model(sample, training=False)
    return record_of(tape.records, sample, None, y_pred, None, [])


def _for_any_rows(one: tuple, two: tuple) -> tuple | None:
    """A call for any number of rows, from those recorded with one row and with two; None if they
    differ in anything but one size in a target shape.
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
    """The calls, with pairs fused where possible."""
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
    """The fused function for two calls in a row, and its options; None if there is none.

    A convolution can include relu and maximum pooling: what the pooling drops is never stored.
    """
    (first, options), (second, its_options) = one, other
    convolution = engine.convolution
    if first is not convolution.conv_forward:
        return None
    if second is engine.piecewise.relu_forward and its_options == _PLAIN_RELU:
        return (first, (*options[:-1], "relu")) if options[-1] == "linear" else None
    if second is engine.pooling.max_pool_forward:
        joined = engine.extra("convolution", "conv_max_pool_forward")
        return None if joined is None else (joined, (*options, *its_options))
    return None


def _last_needs(replay: Replay) -> list[list[int]]:
    """For each call, the places that no later call reads, except the result."""
    done: list[list[int]] = []
    needed = {replay.y_pred}
    for _, _, sources, _, output in reversed(replay.calls):
        places = {*sources, *(output if type(output) is tuple else (output,))} - {NOTHING}
        done.append(sorted(places - needed))
        needed |= places
    return done[::-1]


def _call(record: Record, places: dict[int, int]) -> tuple | None:
    """A record as (is_twin, function, places of inputs, options, place of output).

    For several outputs, the place is a tuple of places. None if the function may not be called
    again with the next batch.
    """
    sources = [NOTHING if tensor is None else places[id(tensor)] for tensor in record.inputs]
    place: Any = tuple([places.setdefault(id(y), len(places)) for y in flatten(record.output)])
    if isinstance(record.output, Tensor):
        (place,) = place
    is_twin = isinstance(record.options, tuple)  # array operations take their options by name
    if record.forward is None or (not is_twin and isinstance(place, tuple)):
        return None
    if is_twin and any(isinstance(option, np.ndarray) for option in record.options):
        return None  # a mask, which differs in the next batch
    return is_twin, record.forward, sources, record.options, place


def _are_labels(tensor: Tensor, y: Tensor | None) -> bool:
    """Whether a tensor holds the labels, perhaps in another shape and dtype.

    Class numbers given as floats cannot simply be cast, since 0.5 must raise an error each time.
    """
    if y is None or (y.dtype.kind == "f" and tensor.dtype.kind != "f"):
        return False
    return tensor.size == y.size and bool(
        np.array_equal(tensor.array, y.array.reshape(tensor.shape))
    )


def may_be_replayed(model: Any, is_weighted: bool = False) -> bool:
    """Whether a step of the model depends only on the batch and the weights.

    is_weighted: whether the samples have weights, whose sum the loss must not look at.
    """
    loss = model._loss
    return (
        _is_pure_graph(model, "pure")
        and all(is_own(model, name) for name in ("compute_loss", "losses"))
        and model.optimizer is not None
        and is_own(model.optimizer, "scale_loss")
        and not model.optimizer.scales_loss
        and loss is not None
        and len(loss.parts) == 1
        and _is_builtin_loss(loss.parts[0].function)
        and not (is_weighted and loss.parts[0].function.reduction == "mean_with_sample_weight")
        and not any(variable.regularizer for variable in model.weights)
    )


def may_be_predicted(model: Any) -> bool:
    """Whether the model's output depends only on the input and the weights."""
    return _is_pure_graph(model, "pure", "pure_in_prediction") and not any(
        node.kwargs.get("training") for node in model._function.nodes
    )


def _is_pure_graph(model: Any, *kinds: str) -> bool:
    return (
        model._function is not None
        and len(model._function.inputs) == 1
        and len(model.outputs) == 1
        and all(is_own(model, name) for name in ("__call__", "call"))
        and all(_is_pure(node.operation, kinds) for node in model._function.nodes)
    )


def is_own(thing: Any, name: str) -> bool:
    """Whether a method or property is built in, not overridden in a class or on the object."""
    found = getattr(type(thing), name)
    function = getattr(found, "fget", found)
    return name not in vars(thing) and is_builtin(function)


def _is_builtin_loss(loss: Any) -> bool:
    function = getattr(loss, "fn", None)
    if not is_builtin(type(loss)):
        return False
    return function is None or getattr(losses, function.__name__, None) is function


def _is_pure(operation: Any, kinds: tuple[str, ...]) -> bool:
    """Whether a layer's own class declares one of these kinds of purity, and its arguments do not
    contradict it. Layers that create masks do not count: masks depend on the batch and are not
    recorded.
    """
    if "call" in vars(operation) or not any(
        vars(type(operation)).get(kind) and getattr(operation, kind) for kind in kinds
    ):
        return False
    activation: Callable | None = getattr(operation, "activation", None)
    known = (
        activation is None
        or getattr(activations, str(getattr(activation, "__name__", "")), None) is activation
    )
    return known and operation.activity_regularizer is None and not operation.makes_mask
