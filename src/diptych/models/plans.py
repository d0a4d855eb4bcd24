"""Steps of training on arrays as a plan of the fast engine.

Of a recorded step (``replay``), Python still calls one function after the other, which takes most
of the time in a small network. A plan (``fastcore/kernels/plan.pyx``) is made of one more step: the
rows of a batch are gathered, the calls run forward and back, the weights are updated, loss and
metrics are added up. Then it does so for all batches that follow, in one call without the GIL: the
same functions on the same numbers in the same order, so the bits are those of single steps.

A plan is made for one call of ``fit``, for its batches of full size. Whatever cannot be planned
takes the way of single steps, and ``Model.plan_report`` says why.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from .. import engine as _engine
from ..metrics import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from ..nested import flatten
from ..operation import Operation
from ..tensor import Variable
from .batches import ArrayBatches
from .replay import Replay, is_own

SLICE = 0.05  # seconds of a run: between two of them the interpreter hears of Ctrl-C
WORTH_IT = 8  # steps of a training from which a plan is made
# Arrays of another dtype than the step's are converted as a whole, if they are no larger.
MOST_CONVERTED = 1 << 26
_ACCURACIES = {
    BinaryAccuracy: "binary",
    CategoricalAccuracy: "categorical",
    SparseCategoricalAccuracy: "sparse",
}


class NotPlannedError(Exception):
    """Why the steps of a training cannot be a plan."""


class Planned:
    """The steps of one call of ``fit``, planned where they can be.

    Args:
        model: the model.
        batches: the training data.
        train_step: makes one step on a batch (x, y, sample_weight).
        steps: how many steps the training has, as far as is known.

    Attributes:
        refusal: why there is no plan; None while nothing speaks against one.
    """

    def __init__(self, model: Any, batches: Any, train_step: Callable, steps: int) -> None:
        self._model = model
        self._batches = batches
        self._train_step = train_step
        self._plan: _Plan | None = None
        self._order = np.zeros(0, np.int64)  # the rows of this epoch
        self._at = 0  # how many of them have been trained on
        self.refusal: str | None = None
        with self._refusing():
            _check(model, batches)
            if steps < WORTH_IT:
                raise NotPlannedError(f"{steps} steps are too few for a plan to pay")

    def begin_epoch(self) -> bool:
        """Draw the order of the rows of the next epoch; False if it is to be trained on without a
        plan.
        """
        if self.refusal is not None or not self._batches.begins_a_pass:
            return False
        self._order, self._at = self._batches.next_order(), 0
        return True

    @property
    def left(self) -> bool:
        """Whether the epoch has rows left."""
        return self._at < len(self._order)

    def run(self, most: int | None = None) -> None:
        """Train on the next batch, or on as many as a slice of time allows, up to ``most``."""
        size = self._batches.batch_size
        order = self._order[self._at :]
        whole = len(order) // size
        if whole and self._plan is not None:
            self._at += size * self._plan.run(order, min(whole, most or whole))
            return
        batch = self._batches.rows(order[:size])
        tensors = self._model._as_tensors(*batch)
        if whole and self.refusal is None:
            with self._refusing():
                replay = _recorded(self._model, tensors)
                if replay is not None:
                    plan = _Plan(self._model, replay, self._batches, tensors, order[:size])
                    self._at += size
                    plan.check()
                    self._plan = plan
                    return
        self._train_step(*tensors)
        self._at += len(batch[0])

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except NotPlannedError as error:
            self.refusal = str(error)


def _check(model: Any, batches: Any) -> None:
    """Raise NotPlannedError for what can be known before the first step."""
    optimizer = model.optimizer
    if (model.engine or _engine.current().name) != "fast":
        raise NotPlannedError("plans are made by the fast engine")
    if type(batches) is not ArrayBatches or not batches.is_pairs:
        raise NotPlannedError("the data are not one array x and one array y of the model's dtypes")
    for name in ("train_step", "compute_metrics"):
        if not is_own(model, name):
            raise NotPlannedError(f"the model has a {name} of its own")
    if optimizer is None or not all(map(partial(is_own, optimizer), ("apply", "update_step"))):
        raise NotPlannedError("the optimizer is not a built-in one")
    if not isinstance(optimizer._learning_rate, Variable):
        raise NotPlannedError("the learning rate follows a schedule or a function")
    if optimizer.use_ema or optimizer.gradient_accumulation_steps:
        raise NotPlannedError("the optimizer averages weights or accumulates gradients")
    if any(variable.constraint is not None for variable in model.trainable_variables):
        raise NotPlannedError("a weight has a constraint")


def _recorded(model: Any, tensors: tuple) -> Replay | None:
    """The recorded step for batches like this one; None if none has been made yet."""
    key = model._replay_key("update", *tensors)
    if key not in model._replays:
        return None
    replay = model._replays[key]
    if replay is None:
        raise NotPlannedError("a step depends on more than its batch and the weights")
    for is_twin, function, _, _, _ in replay.calls:
        if not is_twin and function not in _views():
            raise NotPlannedError("an operation of the step is NumPy's")
    reached = set(replay.seed)  # tensors that have a gradient
    for record in replay.records:
        if reached.isdisjoint(flatten(record.output)):
            continue
        for x, need in zip(record.inputs, record.needs, strict=True):
            if need and x in reached:
                raise NotPlannedError("the gradients of branches are summed by NumPy")
            reached.add(x)
    return replay


def _views() -> list[Callable]:
    """The array operations that only look at memory in another way, forward and back."""
    return [Operation.named["reshape"].forward]


class _Plan:
    """A plan made of one step, on a batch whose rows in the data are ``order``."""

    def __init__(
        self, model: Any, replay: Replay, batches: Any, tensors: tuple, order: np.ndarray
    ) -> None:
        from ..fastcore.kernels import plan, steps  # only where the fast engine is built

        x, y, size = tensors[0].array, tensors[1].array, len(order)
        labels = y.dtype if replay.labels is None else replay.labels[1]
        all_x, all_y = (
            _converted(whole, dtype)
            for whole, dtype in zip(batches.data, (x.dtype, labels), strict=False)
        )
        metrics = [_accuracy(*entry[:2]) for entry in model._metrics.entries]
        x, y = (np.empty((size, *whole.shape[1:]), whole.dtype) for whole in (all_x, all_y))
        self._optimizer = optimizer = model.optimizer
        self._size = size
        self._pace = 1  # steps of a slice of time
        self._plan = plan.Plan()
        self._rows = steps.Rows(order, size)
        with self._plan:
            self._rows.gather(all_x, x)
            self._rows.gather(all_y, y)
            y_pred, loss, caches = replay.forward(x, y)
            _check_classes(all_y, y_pred.array)
            optimizer.apply(replay.gradients(caches, optimizer), replay.wanted)
            mean = model._loss_mean
            steps.add_mean(mean.total.array, mean.count.array, loss, size)
            for kind, metric in metrics:
                steps.add_accuracy(
                    kind, metric.total.array, metric.count.array, y, y_pred.array,
                    getattr(metric, "threshold", 0.5),
                )  # fmt: skip
            self._rows.advance()
        self._updates = [kept for kept in self._plan.kept if hasattr(kept, "restart")]

    def check(self) -> None:
        """Raise NotPlannedError if the step cannot be run again."""
        if self._plan.refusal is not None:
            raise NotPlannedError(self._plan.refusal)

    def run(self, order: np.ndarray, most: int) -> int:
        """Train on the batches of these rows for a slice of time, and return on how many."""
        count = min(most, self._pace)
        counter = self._optimizer._iterations.array
        for update in self._updates:
            update.restart(counter.item(), self._optimizer._current_rate())
        self._rows.start(order[: count * self._size])
        start = time.perf_counter()
        self._plan.run(count)
        taken = time.perf_counter() - start
        counter[()] += count
        if count == self._pace:
            self._pace = max(1, min(2 * count, int(SLICE * count / max(taken, 1e-9))))
        return count


def _converted(data: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """All rows as a C-contiguous array of this dtype."""
    if data.dtype == dtype and data.flags.c_contiguous and data.flags.aligned:
        return np.asarray(data)
    if data.size * dtype.itemsize > MOST_CONVERTED:
        raise NotPlannedError(f"the data are large, and neither {dtype} nor in C order")
    return np.ascontiguousarray(data, dtype)


def _check_classes(labels: np.ndarray, y_pred: np.ndarray) -> None:
    """Single steps raise an error for labels that are no classes."""
    if labels.dtype.kind == "i" and not (
        labels.min() >= 0 and labels.max() < y_pred.shape[-1]
    ):
        raise NotPlannedError("some labels are no classes")


def _accuracy(output: int, metric: Any) -> tuple[str, Any]:
    kind = _ACCURACIES.get(type(metric))
    if kind is None:
        raise NotPlannedError(f"the metric {metric.name} is not an accuracy")
    return kind, metric
