"""One look into a network: a sample goes through it and back, and a few trial updates are made.

Everything is read from the records of a tape, so it is the same for every kind of model. All of it
happens in a ``Trial``: afterwards weights, moving averages and random generators are as before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import ops
from ...nested import flatten, map_structure
from ...tape import GradientTape, Record, newest_first, walk_back
from ...tensor import IndexedSlices, Tensor, Variable
from ...trial import Trial

ROWS = 256  # of the sample
LOOK_ROWS = 64  # of a look at dead units while the training goes on
STEP_ROWS = 64  # of the batch of the trial updates
STEPS = 5  # trial updates
FASTER = (100, 10_000, 1_000_000)  # how much larger the learning rate of the other trial updates is
SLOW = 3e-4  # a smaller share of the loss is gained by trial updates that are too small
LOSS = "the loss"  # where what is no layer's comes about
# Operations that only bring weights into another form; their result stands for the weight.
_FORMS = frozenset({"reshape", "cast", "transpose", "swapaxes", "expand_dims", "squeeze"})
_MULTIPLIES = frozenset({"dense", "matmul", "einsum", "dot", "tensordot"})
KNOWN = frozenset({"relu", "sigmoid", "tanh"})
_RECURRENT = frozenset({"lstm", "gru", "simple_rnn"})


@dataclass
class Stage:
    """A call that multiplies by a weight: a dense, convolutional or recurrent layer, or a part of
    one.

    Attributes:
        layer: the path of the layer.
        x: the array that goes in.
        kernel: the weight, and its gradient.
        slope: the norm of the loss's gradient by all that comes out.
        learns_before: whether weights before it depend on its gradient.
        slope_before: the norm of the gradient by what goes in; None if nothing asks for it.
    """

    layer: str
    x: np.ndarray
    kernel: Variable | None
    gradient: np.ndarray | None
    slope: float | None
    learns_before: bool
    slope_before: float | None


@dataclass
class Activation:
    """A call of relu, sigmoid or tanh.

    Attributes:
        layer: the path of the layer with the weights before it.
        kind: the name of the function.
        y, dy: the array that comes out, and the loss's gradient by it.
        record: the call.
        stage: the weights before it.
        is_output: whether its result is an output of the model.
    """

    layer: str
    kind: str
    y: np.ndarray
    dy: Any
    record: Record
    stage: Stage | None
    is_output: bool

    @property
    def z(self) -> np.ndarray | None:
        """The array that goes in; of a dense or convolutional layer that is joined to its
        activation, computed anew. None where it cannot be had.
        """
        record = self.record
        arrays = [None if x is None else x.array for x in record.inputs]
        if name_of(record) == self.kind:
            return arrays[0]
        if record.forward is None or _joined(record) is None:
            return None
        return np.asarray(record.forward(*arrays, *record.options[:-1], "linear")[0])

    @property
    def dz(self) -> np.ndarray | None:
        """The gradient of the loss by z."""
        if self.dy is None:
            return None
        y = self.y
        slopes = {"relu": y > 0, "sigmoid": y * (1 - y), "tanh": 1 - y * y}
        return np.asarray(self.dy) * slopes[self.kind]

    @property
    def dead(self) -> np.ndarray:
        """Which units are 0 everywhere, (units,)."""
        zero: np.ndarray = self.y.reshape(-1, self.y.shape[-1]) <= 0
        return np.asarray(zero.all(axis=0))


@dataclass
class Exam:
    """What was seen.

    Attributes:
        rows: the number of rows of the sample.
        stages, activations: in the order of their calls.
        outputs: the model's outputs.
        labels: those of the rows, where there is one array of them.
        last: the name of the operation that makes the output, of a model with one.
        loss: of the sample.
        base: the loss of the best constant output; None where it is not known.
        broken: (operation, layer) where the first number came about that is not finite, or None.
        steps: what trial updates did, or None.
    """

    rows: int
    stages: list[Stage] = field(default_factory=list)
    activations: list[Activation] = field(default_factory=list)
    outputs: list[np.ndarray] = field(default_factory=list)
    labels: np.ndarray | None = None
    last: str = ""
    loss: float = float("nan")
    base: float | None = None
    broken: tuple[str, str] | None = None
    steps: Steps | None = None

    @property
    def learned(self) -> float:
        """How much of the way from the best constant output to a loss of 0 is gone; at most 1."""
        if self.base is None or not self.base > 0:
            return 0.0
        return 1 - self.loss / self.base


@dataclass
class Steps:
    """Trial updates on one batch.

    Attributes:
        before, after: the losses, at the learning rate as it is.
        after_faster: the smallest loss at a rate so many times as large, ``faster``; None where the
            rate follows a schedule.
        ratio: the largest |update| / |weight| of one update, of the matrices of weights.
    """

    before: float
    after: float
    after_faster: float | None
    faster: int
    ratio: float


class _Trial(Trial):
    drops_losses = False


def sample(data: Any, rows: int, model: Any) -> Any:
    """So many rows of nested arrays, from everywhere among them; or as many as the model takes."""
    rows = _batch_size_of(model) or rows
    leaves = [leaf for leaf in flatten(data) if leaf is not None]
    count = len(leaves[0])
    which = np.linspace(0, count - 1, min(count, rows)).astype(int)
    return map_structure(lambda leaf: None if leaf is None else np.asarray(leaf)[which], data)


def _batch_size_of(model: Any) -> int | None:
    """The only number of rows that a model takes; None if any will do."""
    return next((x.shape[0] for x in model.inputs or () if x.shape), None)


@contextlib.contextmanager
def untouched(model: Any) -> Iterator[None]:
    """A block after which the model, its optimizer and random numbers are as before."""
    with _Trial() as trial, model._in_training():
        for variable in variables_of(model):
            trial.remember(variable)
        yield


def variables_of(model: Any) -> list[Variable]:
    """All variables that training changes."""
    optimizer = model.optimizer
    return [*model.variables, *([] if optimizer is None else optimizer.variables)]


def examine(model: Any, x: Any, y: Any) -> Exam:
    """Send (x, y), nested arrays of a few rows, through the model and back."""
    rows = len(flatten(x)[0])
    exam = Exam(rows)
    labels = flatten(y)
    exam.labels = labels[0] if len(labels) == 1 else None
    with untouched(model):
        tensors = model._as_tensors(x, y)[:2]
        with GradientTape() as tape:
            y_pred = model(tensors[0], training=True)
            loss = model._compute_loss(*tensors, y_pred, None, True)
        exam.outputs = [tensor.array for tensor in flatten(y_pred)]
        exam.loss = float(loss.array)
        _read(exam, tape.records, flatten(y_pred), loss)
        if not np.isfinite(exam.loss):
            exam.broken = _break_in(model, x) or ("unknown", LOSS)
        exam.base = base_loss(model, tensors[1], exam.outputs)
        if exam.base is not None and np.isfinite(exam.loss):
            exam.loss = float(model._loss(tensors[1], y_pred).array)  # without penalties
    return exam


def dead_now(model: Any, x: Any) -> dict[str, np.ndarray]:
    """Which units of relu are 0 on every row of x, by layer."""
    with untouched(model):
        records = _way_there(model, x)
    found = _Origins()
    dead: dict[str, np.ndarray] = {}
    for record in records:
        layer, _ = found.follow(record)
        for kind, output in _activations(record):
            if kind == "relu" and output.array.size:
                seen = Activation(layer, kind, output.array, None, record, None, False).dead
                dead[layer] = seen | dead[layer] if layer in dead else seen
    return dead


def _way_there(model: Any, x: Any, from_data: bool = False) -> list[Record]:
    """The records of a way through the model."""
    tensors = model._as_tensors(x)
    if from_data:
        track(tensors[0])
    with GradientTape() as tape:
        model(tensors[0], training=True)
    return tape.records


def track(x: Any) -> None:
    """Let a tape record what is computed from these data even before any weight."""
    for tensor in flatten(x):
        if isinstance(tensor, Tensor) and tensor.array.dtype.kind == "f":
            tensor.tracked = True


def _break_in(model: Any, x: Any) -> tuple[str, str] | None:
    """Where numbers come about that are not finite: (operation, layer)."""
    for variable in model.variables:
        if not _is_finite(variable.array):
            return "weights", variable.path
    return first_broken(_way_there(model, x, True))


def _read(exam: Exam, records: list[Record], outputs: list[Tensor], loss: Tensor) -> None:
    """Take stages and activations from the records."""
    every = {part for record in records for part in flatten(record.output)}
    gradients: dict[Any, Any] = {loss: np.ones(loss.shape, loss.array.dtype)}
    walk_back(newest_first(list(records)), gradients, every)
    found = _Origins()
    for record in records:
        layer, weight = found.follow(record)
        if weight is not None and _is_stage(record):
            stage = _stage(record, layer, weight, gradients, found.learns(record.inputs[0]))
            exam.stages.append(stage)
            found.stages[layer] = stage
        for kind, tensor in _activations(record):
            exam.activations.append(
                Activation(
                    layer,
                    kind,
                    tensor.array,
                    gradients.get(tensor),
                    record,
                    found.stages.get(layer),
                    any(tensor is output for output in outputs),
                )
            )
    if len(outputs) == 1:
        made = [r for r in records if any(part is outputs[0] for part in flatten(r.output))]
        exam.last = _kind_of(made[0]) if made else ""


class _Origins:
    """Follows tensors back to the layer whose weights made them."""

    def __init__(self) -> None:
        self._layers: dict[Tensor, str] = {}
        self._weights: dict[Tensor, Variable] = {}
        self._learning: set[Tensor] = set()  # what depends on weights that are trained
        self.stages: dict[str, Stage] = {}

    def follow(self, record: Record) -> tuple[str, Variable | None]:
        """The layer of a call, and its first weight of two dimensions or more."""
        inputs = [x for x in record.inputs if isinstance(x, Tensor)]
        weights = [self._weight(x) for x in inputs]
        outputs = flatten(record.output)
        if inputs and None not in weights and name_of(record) in _FORMS:
            self._weights[outputs[0]] = weights[0]  # type: ignore[assignment]
            self._learning.update(outputs if self.learns(inputs[0]) else ())
            return "", None
        if any(self.learns(x) for x in inputs):
            self._learning.update(outputs)
        own = [weight for weight in weights if weight is not None]
        if own:
            layer = layer_of(own[0])
        else:
            layer = next((self._layers[x] for x in inputs if x in self._layers), "")
        for output in outputs:
            self._layers[output] = layer
        return layer, next((weight for weight in own if weight.ndim > 1), None)

    def learns(self, x: Any) -> bool:
        """Whether a tensor depends on weights that are trained."""
        return x in self._learning or (isinstance(x, Variable) and bool(x.trainable))

    def _weight(self, x: Tensor) -> Variable | None:
        return x if isinstance(x, Variable) else self._weights.get(x)


def name_of(record: Record) -> str:
    """The name of a record's operation."""
    name = getattr(record.operation, "name", None)
    return name if isinstance(name, str) else getattr(record.backward, "__name__", "operation")


def layer_of(variable: Variable) -> str:
    """The path of the layer of a weight, without the name of the model and of a recurrent cell."""
    parts = variable.path.split("/")[:-1]
    if len(parts) > 1 and parts[-1].endswith("_cell"):
        parts = parts[:-1]
    return "/".join(parts[1:] if len(parts) > 1 else parts)


def _is_stage(record: Record) -> bool:
    name = name_of(record)
    return name in _MULTIPLIES or name in _RECURRENT or "conv" in name


def _stage(record: Record, layer: str, kernel: Variable, gradients: dict, learns: bool) -> Stage:
    x = record.inputs[0]
    gradient = gradients.get(kernel)
    if isinstance(gradient, IndexedSlices):
        gradient = None
    before = gradients.get(x) if learns else None
    slopes = [gradients[part] for part in flatten(record.output) if part in gradients]
    return Stage(
        layer,
        x.array,
        kernel,
        gradient,
        norm(slopes) if slopes else None,
        learns,
        None if before is None else norm([before]),
    )


def norm(arrays: list) -> float:
    """The length of all these numbers together."""
    return float(np.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays)))


def _kind_of(record: Record) -> str:
    """The name of the last function in a call: that of a joined activation, else its own."""
    joined = _joined(record)
    return name_of(record) if joined in (None, "linear") else str(joined)


def _joined(record: Record) -> str | None:
    """The activation that a dense or convolutional call has joined to it."""
    name, options = name_of(record), record.options
    if not isinstance(options, tuple) or not options:
        return None
    if (name == "dense" or "conv" in name) and isinstance(options[-1], str):
        return options[-1]
    return None


def _activations(record: Record) -> list[tuple[str, Tensor]]:
    """The relu, sigmoid or tanh in a call: its name and its output."""
    name, joined = name_of(record), _joined(record)
    if joined in KNOWN:
        return [(joined, record.output)]
    if name in KNOWN:
        leaks = name == "relu" and record.options and record.options[0]
        return [] if leaks else [(name, record.output)]
    if name == "simple_rnn" and record.options[2] in KNOWN:
        return [(record.options[2], record.output[0])]
    return []


def first_broken(records: list[Record], of_model: int | None = None) -> tuple[str, str] | None:
    """The first call whose result is not finite although all that goes in is: (operation, layer).
    So many of the records are of the model, all by default; the others are of the loss.
    """
    found = _Origins()
    for number, record in enumerate(records):
        layer, _ = found.follow(record)
        if of_model is not None and number >= of_model:
            layer = LOSS
        outputs = [part.array for part in flatten(record.output)]
        if all(map(_is_finite, outputs)):
            continue
        given = [x.array for x in record.inputs if isinstance(x, Tensor)]
        if all(map(_is_finite, given)):
            return name_of(record), layer
    return None


def _is_finite(array: np.ndarray) -> bool:
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


# --------------------------------------------------------------------------------------------------
# The loss of knowing nothing


def base_loss(model: Any, y: Any, outputs: list[np.ndarray]) -> float | None:
    """The smallest loss that a constant output can have on these labels: for cross-entropies the
    entropy of the labels, for squares their variance. None for several outputs, or no labels.
    """
    if model._loss is None or not isinstance(y, Tensor) or len(outputs) != 1:
        return None
    if len(model._loss.parts) != 1:
        return None
    labels, shape = y.array, outputs[0].shape
    losses = []
    for constant in _constants(model, labels, shape):
        guess = np.broadcast_to(constant, shape).astype(outputs[0].dtype)
        with contextlib.suppress(ValueError, TypeError):
            losses.append(float(model._loss(y, Tensor(guess)).array))
    finite = [loss for loss in losses if np.isfinite(loss)]
    return min(finite) if finite else None


def _constants(model: Any, labels: np.ndarray, shape: tuple) -> list[np.ndarray]:
    """Outputs that may be the best constant ones."""
    if is_sparse(model):
        classes = labels.astype(int).reshape(-1)
        if classes.min(initial=0) < 0 or classes.max(initial=0) >= shape[-1]:
            return []
        mean = np.bincount(classes, minlength=shape[-1]) / len(classes)
        median = mean
    else:
        rows = labels.reshape(-1, *labels.shape[1:]) if labels.ndim > 1 else labels[:, None]
        if rows.size == 0 or rows.dtype.kind not in "biuf":
            return []
        mean, median = rows.mean(axis=0), np.median(rows, axis=0)
        if mean.size != np.prod(shape[1:]):
            return []
        mean, median = (np.reshape(value, shape[1:]) for value in (mean, median))
    if takes_logits(model):
        p = np.clip(mean, 1e-7, 1 - 1e-7)
        binary = "binary" in loss_name(model)
        return [np.log(p / (1 - p)) if binary else np.log(p)]
    if "crossentropy" in loss_name(model):  # of which the mean is the best
        return [mean]
    return [mean, median]


def loss_name(model: Any) -> str:
    """The name of the model's one loss, in lower case; "" if there is none, or several."""
    parts = [] if model._loss is None else model._loss.parts
    return str(getattr(parts[0].function, "name", "")).lower() if len(parts) == 1 else ""


def takes_logits(model: Any) -> bool:
    """Whether the loss was told that it gets logits."""
    parts = [] if model._loss is None else model._loss.parts
    if len(parts) != 1:
        return False
    function = parts[0].function
    options = getattr(function, "_fn_kwargs", None) or vars(function)
    return bool(options.get("from_logits") or getattr(function, "from_logits", False))


def is_sparse(model: Any) -> bool:
    """Whether the labels are numbers of classes."""
    return "sparse" in loss_name(model)


def rate_of(model: Any) -> dict[str, Any]:
    """The name of the model's optimizer, and its learning rate."""
    rate = getattr(model.optimizer, "learning_rate", None)
    value = "unknown" if rate is None else float(ops.convert_to_numpy(rate))
    return {"optimizer": type(model.optimizer).__name__, "rate": value}


def times(rate: Any, factor: float) -> Any:
    """So many times a rate that may not be known."""
    return "..." if isinstance(rate, str) else rate * factor


# --------------------------------------------------------------------------------------------------
# Trial updates


def try_updates(model: Any, x: Any, y: Any) -> Steps | None:
    """Make trial updates on some rows of the data; None for a model that does not train."""
    optimizer = model.optimizer
    if optimizer is None or not model.trainable_variables:
        return None
    if not optimizer.built:  # a copy is instead: other variables may be trained later
        model.optimizer = deepcopy(optimizer)
        try:
            model.optimizer.build(model.trainable_variables)
            return try_updates(model, x, y)
        finally:
            model.optimizer = optimizer
    x, y = sample((x, y), STEP_ROWS, model)
    with untouched(model):
        losses, ratio = _updates(model, x, y)
    before, after = losses[0], losses[-1]
    best: tuple[float | None, int] = None, 1
    rate = getattr(optimizer, "_learning_rate", None)
    if isinstance(rate, Variable) and before - after < SLOW * before:
        for factor in FASTER:
            with untouched(model):
                rate.assign(rate.array * factor)
                found = min(_updates(model, x, y)[0][1:])
            if best[0] is None or found < best[0]:
                best = found, factor
    return Steps(before, after, *best, ratio)


def _updates(model: Any, x: Any, y: Any) -> tuple[list[float], float]:
    """The losses before, between and after some updates; the largest relative change of a matrix of
    weights in the first one.
    """
    losses, ratio = [], 0.0
    kernels = [v for v in model.trainable_variables if v.ndim > 1]
    for step in range(STEPS):
        old = [v.array.copy() for v in kernels] if step == 0 else []
        losses.append(update(model, x, y)[0])
        for v, before in zip(kernels if old else [], old, strict=True):
            size = norm([before])
            if size > 0:
                ratio = max(ratio, norm([v.array - before]) / size)
    tensors = model._as_tensors(x, y)[:2]
    y_pred = model(tensors[0], training=True)
    losses.append(float(model._compute_loss(*tensors, y_pred, None, True).array))
    return losses, ratio


def update(
    model: Any, x: Any, y: Any, weights: Any = None, from_data: bool = False
) -> tuple[float, list[Record], int, dict[str, Any]]:
    """Make one update as ``fit`` does; return the loss, the records, how many of them are of the
    model, and the gradients by the paths of the weights. With ``from_data`` the records begin at
    the data.
    """
    tensors = model._as_tensors(x, y, weights)
    if from_data:
        track(tensors[0])
    with GradientTape() as tape:
        y_pred = model(tensors[0], training=True)
        of_model = len(tape.records)
        loss = model._compute_loss(tensors[0], tensors[1], y_pred, tensors[2], True)
        scaled = model.optimizer.scale_loss(loss)
    variables, records = model.trainable_variables, tape.records
    gradients = tape.gradient(scaled, variables)
    model.optimizer.apply(gradients, variables)
    paths = [variable.path for variable in variables]
    by_path = dict(zip(paths, gradients, strict=True))
    return float(ops.convert_to_numpy(loss)), records, of_model, by_path
