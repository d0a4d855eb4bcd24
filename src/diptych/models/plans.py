"""Steps of training as plans of the fast engine.

Of a recorded step (``replay``), Python still calls one function after the other, which takes most
of the time in a small network. A plan (``fastcore/kernels/plan.pyx``) is made of one more step: the
rows of a batch are gathered, the calls run forward and back, the weights are updated, loss and
metrics are added up. Then it does so for all batches that follow, in one call without the GIL: the
same functions on the same numbers in the same order, so the bits are those of other steps.

A plan belongs to a recorded step, for batches of one shape. ``fit`` on arrays gives it as many
batches at a time as its callbacks allow; ``train_on_batch`` one. What cannot be planned runs as a
recorded step, or layer by layer, and ``Model.plan_report`` says why.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import engine as _engine
from ..metrics import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from ..nested import flatten
from ..operation import Operation
from ..optimizers import MultiOptimizer
from ..random import MaskDraw
from ..tensor import Variable
from .batches import ArrayBatches
from .replay import Replay, is_own

SLICE = 0.05  # seconds of a run: between two of them the interpreter hears of Ctrl-C
# Arrays of another dtype than the step's are converted as a whole, if they are no larger.
MOST_CONVERTED = 1 << 26
_CLIPS = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema")
_ACCURACIES = {
    BinaryAccuracy: "binary",
    CategoricalAccuracy: "categorical",
    SparseCategoricalAccuracy: "sparse",
}


class NotPlannedError(Exception):
    """Why a step cannot be a plan."""


class StepPlan:
    """The plan of a training step, made of a step on the batch x, y.

    Raises NotPlannedError before the step if that is known then; ``refusal`` is what only the step
    has shown, or None.
    """

    def __init__(self, model: Any, replay: Replay, x: np.ndarray, y: np.ndarray) -> None:
        _check(model, replay)
        kernels = _engine.current().kernels
        self._optimizer = optimizer = model.optimizer
        self._metrics = [_accuracy(metric) for _, metric, _ in model._metrics.entries]
        self._circumstances = _circumstances(model)
        draws = [x for call in replay.calls for x in call[3] if isinstance(x, MaskDraw)]
        self._generators = [(x.seed_generator, x.seed_generator.generator) for x in draws]
        mean = model._loss_mean
        self.dtypes = x.dtype, y.dtype if replay.labels is None else replay.labels[1]
        self.size = len(x)
        self._pace = 1  # steps of a slice of time
        x, y = map(converted, (x, y), self.dtypes)
        batch_x, batch_y = np.empty_like(x), np.empty_like(y)
        self._rows = kernels.steps.Rows(batch_x, batch_y)
        self._rows.start(np.arange(self.size), x, y)
        self._plan = kernels.plan.Plan()
        with self._plan:
            self._rows.gather()
            y_pred, loss, caches = replay.forward(batch_x, batch_y)
            optimizer.apply(replay.gradients(caches, optimizer), replay.wanted)
            kernels.steps.add_mean(mean.total.array, mean.count.array, loss, self.size)
            for kind, metric in self._metrics:
                total, count = metric.total.array, metric.count.array
                threshold = getattr(metric, "threshold", 0.5)
                kernels.steps.add_accuracy(kind, total, count, batch_y, y_pred.array, threshold)
            self._rows.advance()
        self._rows.let_go()
        self._classes = y_pred.shape[-1]
        self._updates = [kept for kept in self._plan.kept if hasattr(kept, "restart")]
        self.refusal = self._plan.refusal

    def fits(self, model: Any) -> bool:
        """Whether it is still a step of this model, and nothing that it depends on has changed."""
        return self._circumstances == _circumstances(model) and all(
            seed.generator is generator for seed, generator in self._generators
        )

    def takes(self, y: np.ndarray) -> bool:
        """Whether no label is wrong: other steps raise an error for one that is no class."""
        if y.dtype.kind != "i":
            return True
        return bool(y.min() >= 0 and y.max() < self._classes)

    def run(self, order: np.ndarray, x: np.ndarray, y: np.ndarray, most: int) -> int:
        """Train on the first batches of these rows of x and y, up to ``most`` and for a slice of
        time; return on how many.
        """
        count = min(most, self._pace)
        counter = self._optimizer._iterations.array
        for update in self._updates:
            update.restart(counter.item(), self._optimizer._current_rate())
        self._rows.start(order[: count * self.size], x, y)
        start = time.perf_counter()
        with contextlib.ExitStack() as drawing:
            for _, generator in self._generators:
                drawing.enter_context(generator.bit_generator.lock)
            self._plan.run(count)
        taken = time.perf_counter() - start
        self._rows.let_go()
        counter[()] += count
        if count == self._pace:
            self._pace = max(1, min(2 * count, int(SLICE * count / max(taken, 1e-9))))
        return count


class PlannedEpochs:
    """The epochs of one call of ``fit``, with as many batches at a time as plans allow.

    Args:
        model: the model.
        batches: the training data.
        train_step: makes one step on a batch (x, y, sample_weight).

    Attributes:
        refusal: why there is no plan; None where there is one.
    """

    def __init__(self, model: Any, batches: Any, train_step: Callable) -> None:
        self._model = model
        self._batches = batches
        self._train_step = train_step
        self._order = np.zeros(0, np.int64)  # the rows of this epoch
        self._at = 0  # how many of them have been trained on
        self._plan: StepPlan | None = None  # that of a batch of full size
        self._data: list[np.ndarray] = []  # x and y as it takes them
        self.refusal: str | None = None
        if train_step != model._update:
            self.refusal = "the model has a train_step of its own"
        elif not is_own(model, "compute_metrics"):
            self.refusal = "the model has a compute_metrics of its own"
        elif type(batches) is not ArrayBatches or not batches.is_pairs:
            self.refusal = "the data are not one array x and one array y of the model's dtypes"

    def begin(self) -> bool:
        """Draw the order of the rows of the next epoch; False if its batches are to be taken from
        ``batches``.
        """
        if self.refusal is not None or not self._batches.begins_a_pass:
            return False
        self._order, self._at = self._batches.next_order(), 0
        return True

    @property
    def left(self) -> bool:
        """Whether the epoch has rows left."""
        return self._at < len(self._order)

    @property
    def report(self) -> str:
        if self.refusal is not None:
            return f"No plan: {self.refusal}."
        return "No plan: there were only a few steps." if self._plan is None else "A plan ran."

    def run(self, most: int | None = None) -> int:
        """Train on the next batch, or on as many as a slice of time allows, up to ``most``; return
        on how many.
        """
        size = min(self._batches.batch_size, len(self._order))
        order = self._order[self._at :]
        whole = len(order) // size
        if whole and self._plan is not None and self._plan.fits(self._model):
            x, y = self._data
            count = self._plan.run(order, x, y, min(whole, most or whole))
            self._at += size * count
            return count
        tensors = self._model._as_tensors(*self._batches.rows(order[:size]))
        self._train_step(*tensors)
        self._at += min(size, len(order))
        if whole:
            self._find_plan(tensors)
        return 1

    def _find_plan(self, tensors: tuple) -> None:
        """Take the plan of the step that has been made on this batch."""
        self._plan = None
        plan, self.refusal = self._model._plan_of(self._model._replay_key("update", *tensors))
        if plan is None:
            return
        try:
            self._data = list(map(converted, self._batches.data[:2], plan.dtypes))
        except NotPlannedError as error:
            self.refusal = str(error)
            return
        if plan.takes(self._data[1]):
            self._plan = plan
        else:
            self.refusal = "some labels are no classes"


def _circumstances(model: Any) -> tuple:
    """What a plan depends on besides its replay, whose key has the engine and the structure.

    The learning rate is not among them: it is told to the plan before each run.
    """
    optimizer = model.optimizer
    settings = [getattr(optimizer, name) for name in (*_CLIPS, *optimizer._arguments)]
    return (*model._circumstances(), id(optimizer), id(model._loss_mean), *settings)


def converted(data: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """All rows as a C-contiguous array of this dtype."""
    if data.dtype == dtype and data.flags.c_contiguous and data.flags.aligned:
        return np.asarray(data)
    if data.size * dtype.itemsize > MOST_CONVERTED:
        raise NotPlannedError(f"the data are large, and not {dtype} in C order")
    return np.ascontiguousarray(data, dtype)


def _check(model: Any, replay: Replay) -> None:
    """Raise NotPlannedError for what can be known before a step."""
    optimizer = model.optimizer
    if _engine.current().name != "fast":
        raise NotPlannedError("plans are made by the fast engine")
    if not is_own(model, "compute_metrics"):
        raise NotPlannedError("the model has a compute_metrics of its own")
    if not (is_own(optimizer, "apply") and is_own(optimizer, "update_step")):
        raise NotPlannedError("the optimizer is not a built-in one")
    if isinstance(optimizer, MultiOptimizer):
        raise NotPlannedError("the optimizer is made of several")
    if not isinstance(optimizer._learning_rate, Variable):
        raise NotPlannedError("the learning rate follows a schedule or a function")
    if optimizer.use_ema or optimizer.gradient_accumulation_steps:
        raise NotPlannedError("the optimizer averages weights or accumulates gradients")
    if not replay.wanted or any(variable.constraint is not None for variable in replay.wanted):
        raise NotPlannedError("there are no weights to train, or one has a constraint")
    for is_twin, function, *_ in replay.calls:
        if not is_twin and function not in _views():
            raise NotPlannedError("an operation of the step is NumPy's")
    reached = set(replay.seed)  # the tensors that have a gradient
    for record in replay.records:
        if reached.isdisjoint(flatten(record.output)):
            continue
        for x, need in zip(record.inputs, record.needs, strict=True):
            if need and x in reached:
                raise NotPlannedError("the gradients of branches are summed by NumPy")
            reached.add(x)


@cache
def _views() -> frozenset[Callable]:
    """The array operations that only look at memory in another way, forward and back."""
    reshape: Any = Operation.named["reshape"]
    return frozenset({reshape.forward})


def _accuracy(metric: Any) -> tuple[str, Any]:
    kind = _ACCURACIES.get(type(metric))
    if kind is None:
        raise NotPlannedError(f"the metric {metric.name} is not an accuracy")
    return kind, metric
