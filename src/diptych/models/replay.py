"""Recording a step of training, testing or prediction once, and replaying it.

In a small network, most of the time of a step is not arithmetic but overhead: layers, checks,
conversions. This overhead is the same for every batch of one shape. So the first step with a shape
runs layer by layer, and the tape's records of it become a plain list of calls with the places of
their arguments. Each further step runs that list, then goes back by the tape's own chain rule. The
functions called and the order of all sums are the same, so the results are the same bits.

Only steps that depend on nothing but their input and weights are replayed: graphs of layers that
declare it (``Layer.pure``; for predictions ``Layer.pure_in_prediction`` is enough, with masks
``Layer.pure_with_masks`` is needed too), with built-in activations and losses. Everything else runs
layer by layer at every step.

In a prediction, which has no backward pass, calls are fused where the engines can.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import numpy as np

from .. import activations, losses
from .. import engine as _engine
from ..graph import sort_nodes
from ..layers.signatures import takes
from ..nested import flatten, map_structure
from ..operation import Operation
from ..optimizers import LossScaleOptimizer, Optimizer
from ..random import MaskDraw
from ..regularizers import L1, L1L2, L2, OrthogonalRegularizer
from ..tape import Record, StepTape, walk_back
from ..tensor import Number, Tensor, Variable
from ..utils.registration import is_builtin

NOTHING = -1  # the place of a missing input, such as a bias
_array_of = attrgetter("array")
_PENALTIES = (L1, L2, L1L2, OrthogonalRegularizer)
PLAIN_RELU = (0.0, None, 0.0)  # slope, upper limit and threshold


class Replay:
    """The calls of one step, for batches with the recorded shapes and dtypes; for a prediction,
    with any number of rows.

    Values are in a list with a place for each array of the batch (those of x, of y, and of the
    weights of the samples), for labels as a loss takes them, for each weight of the model, each
    number and each output. Made by ``record_of``.
    """

    def __init__(self, weights: list[Variable], numbers: list[np.ndarray]) -> None:
        self.weights = weights
        self.numbers = numbers
        # Labels as losses take them, if they change them: which array, its shape and dtype then.
        self.labels: list[tuple] = []
        self.calls: list[tuple] = []
        self.steps: list[tuple] = []  # the calls as ``_run`` takes them
        self.empty: list[None] = []  # the places of the outputs, before the first call
        # The records of the calls, newest first. Their tensors have no values and only identify
        # gradients. Each batch brings its own caches.
        self.records: list[Record] = []
        self.y_pred: Any = 0  # the place of the output, or nested places
        self.outputs: list[tuple] = []  # their places, shapes and dtypes
        self.loss_shape: tuple = ()  # () but for a loss that is not reduced
        self.losses: list[int] = []  # the places of the loss, and of its parts if there are several
        self.masks: dict[int, int] = {}  # by an output's place that of its mask
        # By an output's place "sigmoid" or "softmax", and the place of its logits.
        self.logits: dict[int, tuple[str, int]] = {}
        self.seed: dict[Tensor, np.ndarray] = {}  # dL/dL = 1, for the loss in the records
        self.wanted: list[Variable] = []  # the weights whose gradients the step returns
        self.plan: Any = None  # its plan, or why there is none; None before that was tried
        self.plans: dict[int, Any] = {}  # those of a prediction, by the number of rows
        # Calls of `predict` that had nothing wrong: {(rows, batch_size as given): batch size}.
        self.passed: dict[tuple, int] = {}
        self.done: list[list[int]] = []  # after each call, the places that no later call needs

    def forward(
        self,
        batch: list,
        steps: list[tuple] | None = None,
        labels: list[np.ndarray] | None = None,
    ) -> tuple[Any, list[np.ndarray], list]:
        """Return the model's output; the loss, and its parts if there are several; and the caches
        of all calls.

        batch: its arrays.
        steps: its own, noted for a plan.
        labels: the arrays of which ``labels`` are views, in their dtype.
        """
        values = self._start(batch, labels)
        caches = [_run(step, values) for step in steps or self.steps]
        if type(self.y_pred) is int:
            y_pred = self._output(values, self.y_pred)
        else:
            y_pred = map_structure(lambda place: self._output(values, place), self.y_pred)
        return y_pred, [values[place] for place in self.losses], caches

    def _output(self, values: list, place: int) -> Tensor:
        """An output, with the logits that it was made of, and its mask."""
        y_pred: Any = Tensor(values[place])
        if place in self.logits:
            name, before = self.logits[place]
            y_pred.logits = (name, Tensor(values[before]))
        if place in self.masks:
            y_pred.mask = Tensor(values[self.masks[place]])
        return y_pred

    def predict(self, batch: list, steps: list[tuple] | None = None) -> Any:
        """Return the model's output as arrays, without caches for a backward pass."""
        values = self._start(batch)
        for step, done in zip(steps or self.steps, self.done, strict=True):
            _run(step, values)
            for place in done:
                values[place] = None
        return map_structure(values.__getitem__, self.y_pred)

    def _start(self, batch: list, labels: list[np.ndarray] | None = None) -> list:
        """The values of all places before the first call: the batch's and the weights'."""
        if labels is None:
            labels = [batch[i] for i, _, _ in self.labels]
        changed = [
            y.reshape(shape).astype(dtype, copy=False)
            for y, (_, shape, dtype) in zip(labels, self.labels)  # noqa: B905 - hot
        ]
        return [*batch, *changed, *map(_array_of, self.weights), *self.numbers, *self.empty]

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
            records = zip(notes.records(self, optimizer), newest_first)  # noqa: B905
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


class _WithArrays(NamedTuple):
    """A function some of whose options are arrays, which are given as further inputs instead."""

    function: Callable
    inputs: int
    places: tuple[int, ...]  # those of the arrays among the options

    def __call__(self, *given: Any) -> Any:
        more = self.inputs + len(self.places)
        options = list(given[more:])
        for place, array in zip(self.places, given[self.inputs : more], strict=True):
            options[place] = array
        return self.function(*given[: self.inputs], *options)

    @property
    def __name__(self) -> str:
        return self.function.__name__


def record_of(
    records: list[Record],
    x: Any,
    y: Any,
    y_pred: Any,
    losses: list[Tensor],
    variables: list[Variable],
    sample_weight: Any = None,
    scaled: Tensor | None = None,
) -> Replay | None:
    """Return a recorded step as a list of calls; None if it used anything unknown.

    Args:
        records: what the tape holds.
        x: the batch's input; tensors that may be nested, as all that follow.
        y: its labels. A loss may have changed their dtype, or added or removed an axis of size 1.
            None in prediction.
        y_pred: the model's output.
        losses: the loss, a scalar, and its parts if there are several; empty in prediction.
        variables: the variables whose gradients are wanted.
        sample_weight: the weights of the samples, as the losses were given them.
        scaled: what is differentiated, if that is not the loss itself.

    Raises LookupError if another batch may tell which labels a loss has taken: these are equal.
    """
    ends = [*flatten(y_pred), *losses, *([] if scaled is None else [scaled])]
    records = _needed(records, ends, only_these=not losses)
    made = {id(tensor) for record in records for tensor in flatten(record.output)}
    inputs, given, factors = map(leaves_of, (x, y, sample_weight))
    places = {id(tensor): i for i, tensor in enumerate([*inputs, *given, *factors])}
    labels: dict[int, tuple] = {}
    weights: dict[int, Variable] = {}
    numbers: dict[int, np.ndarray] = {}
    for record in records:
        for tensor in record.inputs:
            if tensor is None or id(tensor) in made or id(tensor) in places:
                continue
            if isinstance(tensor, Variable):
                weights[id(tensor)] = tensor
            elif isinstance(tensor, Number):
                numbers[id(tensor)] = tensor.array
            elif id(tensor) not in labels:
                found = [one for one in given if _are_labels(tensor, one)]
                if not found:
                    return None
                if len(found) > 1:
                    raise LookupError
                labels[id(tensor)] = places[id(found[0])], tensor.shape, tensor.dtype
    replay = Replay(list(weights.values()), list(numbers.values()))
    replay.labels = list(labels.values())
    for key in (*labels, *weights, *numbers):
        places[key] = len(places)
    before = len(places)
    tensors = [*inputs, *[tensor for record in records for tensor in flatten(record.output)]]
    owners = {id(tensor.array): id(tensor) for tensor in reversed(tensors)}  # the first of each
    for record in records:
        call = _call(record, places, owners)
        if call is None:
            return None
        replay.calls.append(call)
    replay.steps = list(map(_step, replay.calls))
    replay.empty = [None] * (len(places) - before + 1)  # the last one stays: NOTHING
    predictions = flatten(y_pred)
    if any(id(tensor) not in places for tensor in [*predictions, *losses]):
        return None
    replay.y_pred = map_structure(lambda tensor: places[id(tensor)], y_pred)
    replay.outputs = [(places[id(t)], t.shape, t.dtype) for t in predictions]
    if not losses:
        return replay
    replay.losses = [places[id(tensor)] for tensor in losses]
    replay.loss_shape = losses[0].shape
    for tensor in predictions:
        if tensor.mask is not None:
            if id(tensor.mask) not in places:
                return None
            replay.masks[places[id(tensor)]] = places[id(tensor.mask)]
        if tensor.logits is not None:
            name, logits = tensor.logits
            if id(logits) not in places:
                return None
            replay.logits[places[id(tensor)]] = (name, places[id(logits)])
    loss = losses[0] if scaled is None else scaled
    # The tensors with gradients: the weights themselves, and for each output a tensor of its shape
    # and dtype. x is tracked while a step is recorded, but its gradient is not needed.
    stand_ins: dict[int, Tensor] = {
        key: variable for key, variable in weights.items() if variable.tracked
    }
    for record in records:
        needs = [id(tensor) in stand_ins for tensor in record.inputs]
        inputs = [stand_ins.get(id(tensor)) for tensor in record.inputs]
        output = map_structure(_without_values, record.output)
        if True in needs and record.backward is not None:  # else no gradient goes further back
            stand_ins.update(zip(map(id, flatten(record.output)), flatten(output), strict=True))
        replay.records.append(
            Record(output, inputs, needs, record.backward, None, (), None, record.operation)
        )
    replay.records.reverse()
    if id(loss) in stand_ins:
        replay.seed = {stand_ins[id(loss)]: np.ones(loss.shape, loss.dtype)}
    replay.wanted = list(variables)
    return replay


def _needed(records: list[Record], ends: list[Tensor], only_these: bool) -> list[Record]:
    """The records without those of calls on which the ends, their masks and logits do not depend,
    and which have no gradient; with ``only_these`` also those that have one. Calls with an effect
    stay.
    """
    wanted = set(map(id, ends))
    wanted.update(id(end.mask) for end in ends)
    wanted.update(id(end.logits[1]) for end in ends if end.logits is not None)
    arrays: set[int] = set()  # options of calls that are needed
    found = []
    for record in reversed(records):
        output = flatten(record.output)
        if (
            not output
            or (True in record.needs and not only_these)
            or any(id(tensor) in wanted or id(tensor.array) in arrays for tensor in output)
            or any(isinstance(option, MaskDraw) for option in record.options)
        ):
            found.append(record)
            wanted.update(map(id, record.inputs))
            arrays.update(id(option) for option in record.options if type(option) is np.ndarray)
    return found[::-1]


def _without_values(tensor: Tensor) -> Tensor:
    """A tensor of the same shape and dtype without memory of its own: one zero, broadcast."""
    return Tensor(np.broadcast_to(np.zeros((), tensor.dtype), tensor.shape))


def record_of_prediction(model: Any, x: Any) -> Replay | None:
    """Return the calls of a prediction for any number of rows like those of ``x``; None if unknown.

    They are recorded with one row and with two: whatever differs depends on the number of rows.
    """
    if not may_be_predicted(model):
        return None
    one, two = (_recorded_prediction(model, x, rows) for rows in (1, 2))
    if one is None or two is None or len(one.calls) != len(two.calls):
        return None
    if one.numbers != two.numbers:
        return None
    calls = [_for_any_rows(*both) for both in zip(one.calls, two.calls, strict=True)]
    known = [call for call in calls if call is not None]
    if len(known) != len(calls):
        return None
    one.calls = _join(known, _engine.get(model.engine or _engine.current()))
    one.steps = list(map(_step, one.calls))
    one.done = _last_needs(one)
    return one


def _recorded_prediction(model: Any, x: Any, rows: int) -> Replay | None:
    """The prediction for ``rows`` rows, all equal to the first of x."""
    sample = map_structure(lambda part: Tensor(np.repeat(part.array[:1], rows, axis=0), True), x)
    with StepTape() as tape:
        y_pred = model(sample, training=False)
    return record_of(tape.records, sample, None, y_pred, [], [])


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
    Batch normalisation can include relu.
    """
    (first, options), (second, its_options) = one, other
    convolution = engine.convolution
    if first is engine.normalization.batch_normalization_forward:
        joined = engine.extra("normalization", "batch_normalization_relu_forward")
        if joined is None or not is_relu(engine, second, its_options):
            return None
        return joined, (*options, its_options[1])
    if first is not convolution.conv_forward:
        return None
    if second is engine.piecewise.relu_forward and its_options == PLAIN_RELU:
        return (first, (*options[:-1], "relu")) if options[-1] == "linear" else None
    if second is engine.pooling.max_pool_forward:
        joined = engine.extra("convolution", "conv_max_pool_forward")
        return None if joined is None else (joined, (*options, *its_options))
    return None


def is_relu(engine: _engine.Engine, function: Any, options: Any) -> bool:
    """Whether a call is relu, which may have an upper limit but no slope or threshold."""
    return function is engine.piecewise.relu_forward and options[::2] == PLAIN_RELU[::2]


def _last_needs(replay: Replay) -> list[list[int]]:
    """For each call, the places that no later call reads, except the result."""
    done: list[list[int]] = []
    needed = set(flatten(replay.y_pred))
    for _, _, sources, _, output in reversed(replay.calls):
        places = {*sources, *(output if type(output) is tuple else (output,))} - {NOTHING}
        done.append(sorted(places - needed))
        needed |= places
    return done[::-1]


def _call(record: Record, places: dict[int, int], owners: dict[int, int]) -> tuple | None:
    """A record as (is_twin, function, places of inputs, options, place of output).

    For several outputs, the place is a tuple of places. None if the function may not be called
    again with the next batch. ``owners`` are the tensors of arrays, by their ids.
    """
    sources = [NOTHING if tensor is None else places[id(tensor)] for tensor in record.inputs]
    place: Any = tuple([places.setdefault(id(y), len(places)) for y in flatten(record.output)])
    if isinstance(record.output, Tensor):
        (place,) = place
    is_twin = isinstance(record.options, tuple)  # array operations take their options by name
    if record.forward is None or (not is_twin and isinstance(place, tuple)):
        return None
    function: Any = record.forward
    options = record.options
    if is_twin:  # its masks differ in the next batch
        masks = [i for i, option in enumerate(options) if isinstance(option, np.ndarray)]
        found = [owners.get(id(options[i])) for i in masks]
        if any(owner not in places for owner in found):
            return None
        if masks:
            function = _WithArrays(function, len(sources), tuple(masks))
            sources += [places[owner] for owner in found if owner is not None]
            options = tuple([None if i in masks else x for i, x in enumerate(options)])
    return is_twin, function, sources, options, place


def leaves_of(structure: Any) -> list:
    """The leaves that there are: nothing for None."""
    return [leaf for leaf in flatten(structure) if leaf is not None]


def arrays_in(x: Any, y: Any, sample_weight: Any) -> list[np.ndarray]:
    """The arrays of a batch."""
    if type(x) is Tensor and type(y) is Tensor:  # the common case
        found = [x.array, y.array]
        if sample_weight is None:
            return found
    else:
        found = [leaf.array for leaf in leaves_of((x, y))]
    return [*found, *leaves_of(sample_weight)]


def form_of(part: Any, first: int = 0) -> Any:
    """How tensors or arrays are nested, their shapes without the ``first`` axes, their dtypes."""
    if isinstance(part, (Tensor, np.ndarray)):
        if part.dtype.kind not in "fiub":
            raise TypeError(part.dtype)
        return part.shape[first:], part.dtype
    if part is None:
        return None
    if isinstance(part, dict):
        return "dict", *[(key, form_of(below, first)) for key, below in part.items()]
    if isinstance(part, (list, tuple)):
        return "list", *[form_of(below, first) for below in part]
    raise TypeError(type(part))


def _are_labels(tensor: Tensor, y: Tensor) -> bool:
    """Whether a tensor holds the labels, perhaps in another shape and dtype.

    Class numbers given as floats cannot simply be cast, since 0.5 must raise an error each time.
    """
    if y.dtype.kind == "f" and tensor.dtype.kind != "f":
        return False
    return tensor.size == y.size and bool(
        np.array_equal(tensor.array, y.array.reshape(tensor.shape))
    )


def may_be_replayed(model: Any) -> bool:
    """Whether a step of the model depends only on the batch and the weights."""
    return why_not_replayed(model) is None


def why_not_replayed(model: Any) -> str | None:
    """On what else a step depends; None if it depends only on the batch and the weights."""
    loss, optimizer = model._loss, model.optimizer
    for name in ("compute_loss", "losses"):
        if not is_own(model, name):
            return f"the model has {name} of its own"
    if optimizer is None or loss is None:
        return "the model has no optimizer, or no loss"
    if not (
        is_own(optimizer, "scale_loss")
        and type(optimizer).scale_loss in (Optimizer.scale_loss, LossScaleOptimizer.scale_loss)
    ):
        return f"the optimizer {optimizer.name!r} scales the loss in a way of its own"
    for part in loss.parts:
        if not _is_builtin_loss(part.function):
            return f"the loss {part.function.name!r} is not a built-in one"
    for variable in model._penalised():
        if type(variable.regularizer) not in _PENALTIES:
            return f"the regularizer of {variable.path} is not a built-in one"
    return _impurity(model, "pure")


def may_be_predicted(model: Any) -> bool:
    """Whether the model's output depends only on the input and the weights."""
    return _impurity(model, "pure", "pure_in_prediction") is None and not any(
        node.kwargs.get("training") for node in _nodes(model)
    )


def _nodes(model: Any) -> list:
    """The nodes of a model's graph and of the models in it."""
    function = model._function
    nodes = sort_nodes(function.inputs, [*flatten(function.outputs), *model._added_losses])
    return [
        inner
        for node in nodes
        for inner in (_nodes(node.operation) if _is_graph(node.operation) else [node])
    ]


def _is_graph(operation: Any) -> bool:
    return getattr(operation, "_function", None) is not None and all(
        is_own(operation, name) for name in ("__call__", "call", "compute_mask")
    )


def _impurity(model: Any, *kinds: str) -> str | None:
    """What in the model's graph declares none of these kinds of purity; None if all is pure."""
    if model._function is None:
        return "the model is no graph of layers: it has a call of its own, or no input shape"
    if not _is_graph(model):
        return "the model has a call of its own"
    function = model._function
    for node in sort_nodes(function.inputs, [*flatten(function.outputs), *model._added_losses]):
        operation = node.operation
        is_masked = any(tensor.mask is not None for tensor in node.inputs)
        name = getattr(operation, "name", None) or getattr(operation, "__name__", "")  # a function
        told = f"{name!r} ({type(operation).__name__})"
        if _is_graph(operation):
            why = (
                f"a mask goes into the model {told}" if is_masked else _impurity(operation, *kinds)
            )
            if operation.activity_regularizer is not None:
                why = f"the model {told} has an activity regularizer"
        elif isinstance(operation, Operation):
            # Which of its inputs are data could not be told, if others were arrays.
            leaves = flatten((node.args, node.kwargs))
            has_arrays = any(isinstance(leaf, np.ndarray | Tensor) for leaf in leaves)
            why = f"the operation {told} has an array of its own" if has_arrays else None
        elif not _is_pure(operation, kinds):
            why = f"layer {told} depends on more than its input and weights"
        elif (is_masked or "mask" in node.kwargs) and not _is_pure_with_masks(operation):
            why = f"layer {told} gets a mask"
        else:
            why = None
        if why is not None:
            return why
    return None


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
    contradict it.
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
    penalty = operation.activity_regularizer
    return (
        known
        and (penalty is None or type(penalty) in _PENALTIES)
        and (not operation.makes_mask or is_own(operation, "compute_mask"))
    )


def _is_pure_with_masks(operation: Any) -> bool:
    """Whether a layer is pure although there is a mask: ``call`` does not take it, or its class
    declares it.
    """
    return is_own(operation, "compute_mask") and (
        not takes(type(operation), "mask") or bool(vars(type(operation)).get("pure_with_masks"))
    )
