"""Steps of training, evaluation and prediction as plans of the fast engine.

Of a recorded step (``replay``), Python still calls one function after the other, which takes most
of the time in a small network. A plan (``fastcore/kernels/plan.pyx``) is made of one more step: the
rows of a batch are gathered, the calls run forward and back, the weights are updated, loss and
metrics are added up. Then it does so for all batches that follow, in one call without the GIL: the
same functions on the same numbers in the same order, so the bits are those of other steps. Where a
part of a step cannot run in stages, Python calls that part (``noting``).

A plan belongs to a recorded step, for batches of one shape. ``fit``, ``evaluate`` and ``predict``
on arrays give it as many batches at a time as the callbacks allow (``planned``); ``train_on_batch``
and data that come batch by batch one. What cannot be planned runs as a recorded step, or layer by
layer, and ``Model.plan_report`` says why.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from itertools import takewhile
from math import prod
from threading import Lock
from typing import Any

import numpy as np

from .. import engine as _engine
from ..metrics import (
    BinaryAccuracy,
    CategoricalAccuracy,
    MeanMetricWrapper,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    errors,
)
from ..nested import flatten, map_structure
from ..optimizers import MultiOptimizer
from ..random import MaskDraw
from ..tensor import Tensor, Variable
from ..utils.registration import is_builtin
from .noting import Notes, NotPlannedError
from .replay import Replay, arrays_in, is_own, leaves_of

MOST_ARRAYS = 16  # of a batch, as many as steps.Rows gathers
SLICE = 0.05  # seconds of a run: between two of them the interpreter hears of Ctrl-C
# Arrays of another dtype than the step's are converted as a whole, if they are no larger.
MOST_CONVERTED = 1 << 26
MOST_KEPT = 1 << 26  # bytes of the memory of a plan of predictions that waits for the next ones
_NOTHING = contextlib.nullcontext()
_CLIPS = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema")
_KINDS = {
    BinaryAccuracy: "binary",
    CategoricalAccuracy: "categorical",
    SparseCategoricalAccuracy: "sparse",
    RootMeanSquaredError: "squares",
}
# Functions that do nothing but call a twin, where labels and predictions have one shape and dtype.
_ERRORS = frozenset(
    [
        errors.huber,
        errors.log_cosh,
        errors.mean_absolute_error,
        errors.mean_absolute_percentage_error,
        errors.mean_squared_error,
        errors.mean_squared_logarithmic_error,
        errors.poisson,
    ]
)


class _BatchPlan:
    """The plan of a step on batches of one size."""

    def __init__(self, replay: Replay, *batch: np.ndarray) -> None:
        self.size = len(batch[0])
        self._pace = 1  # steps of a slice of time
        kernels = _engine.current().kernels
        self._notes = Notes(kernels)
        self._plan = self._notes.plan
        self._rows = kernels.steps.Rows(*batch)
        draws = [x for call in replay.calls for x in call[3] if isinstance(x, MaskDraw)]
        self._generators = [(x.seed_generator, x.seed_generator.generator) for x in draws]
        self._locks = [one.bit_generator.lock for _, one in self._generators]

    @property
    def refusal(self) -> str | None:
        return self._plan.refusal or self._notes.refusal

    @property
    def report(self) -> str:
        """What Python does in each step, in a sentence; nothing for nothing."""
        calls = self._notes.calls
        return f" In each step Python calls {', '.join(calls)}." if calls else ""

    def _run(self, order: np.ndarray, *sources: np.ndarray, most: int, results: tuple = ()) -> int:
        """Run on the first batches of these rows, up to ``most`` and for a slice of time; return on
        how many. The next one is for others if there is none.
        """
        count = min(most, self._pace)
        self._rows.start(order[: count * self.size], *sources, results=results)
        start = time.perf_counter()
        try:
            with _NOTHING if self._notes.calls or not self._locks else _held(self._locks):
                self._plan.run(count)
        finally:
            self._rows.let_go()
        taken = time.perf_counter() - start
        if self._plan.done == self._pace:
            self._pace = max(1, min(2 * count, int(SLICE * count / max(taken, 1e-9))))
        return self._plan.done


class StepPlan(_BatchPlan):
    """The plan of a step of training, or of evaluation, made of a step on a batch.

    Args:
        batch: x, y and the weights of the samples, or None.

    Raises NotPlannedError before the step if that is known then; ``refusal`` is what only the step
    has shown, or None.
    """

    def __init__(self, model: Any, replay: Replay, batch: tuple, trains: bool) -> None:
        _check(model, replay, trains)
        self._circumstances = _circumstances(model)
        self._trains, self._optimizer = trains, model.optimizer
        self._running = Lock()
        self._counts = False  # whether the plan counts the updates
        self._follows = False  # whether it is told the learning rate in each of them
        self._updates: list[Any] = []
        numbers = iter(range(len(leaves_of(batch))))
        parts = map_structure(lambda leaf: None if leaf is None else next(numbers), batch)
        arrays = arrays_in(*batch)
        entries = self._entries(model, replay, parts, arrays)
        self.form = _form(replay, parts, arrays, entries)
        if len(self.form) > MOST_ARRAYS:
            raise NotPlannedError(f"a batch has {len(self.form)} arrays, more than {MOST_ARRAYS}")
        if not all(dtype.isnative for _, dtype in self.form):
            raise NotPlannedError("numbers of a batch have the bytes of another machine's order")
        self._classes = self._class_numbers(model, replay, parts, arrays)
        sources = self.sources(arrays)
        rows = {one: np.empty_like(array) for one, array in zip(self.form, sources, strict=True)}
        super().__init__(replay, *rows.values())
        self._rows.start(np.arange(self.size), *sources)
        # The arrays as they are given, and the labels as the losses take them.
        given = [rows.get((i, array.dtype)) for i, array in enumerate(arrays)]
        labels = [rows[i, dtype] for i, _, dtype in replay.labels]
        with self._plan:
            self._rows.gather()
            steps = self._notes.steps(replay)
            y_pred, losses, caches = replay.forward(given, steps, labels)
            if trains:
                self._update(replay, caches)
                if not self._counts and any(kind is None for *_, kind in entries):
                    self._count()
            means = [model._loss_mean, *[part.mean for part in model._loss.parts]]
            add_mean = _engine.current().kernels.sums.add_mean
            for mean, loss in zip(means, losses):  # noqa: B905 - a single part has no mean
                add_mean(mean.total.array, mean.count.array, loss, self.size)
            predictions = flatten(y_pred)
            for metric, output, y, weights, dtype, kind in entries:
                if kind is not None:
                    self._add_in_stages(kind, metric, rows[y, dtype], predictions[output].array)
                else:
                    factors = None if weights is None else given[weights]
                    self._add_metric(metric, given[y], predictions[output], factors)
            self._rows.advance()
        self._rows.let_go()
        self._updates += [kept for kept in self._plan.kept if hasattr(kept, "restart")]

    def _entries(self, model: Any, replay: Replay, parts: tuple, arrays: list) -> list[tuple]:
        """The metrics, each with the numbers of its output and of the arrays of its labels and
        weights, the dtype of the labels in its loss, and the kind of its stage, if there is one.
        """
        compiled = model._metrics
        labels = compiled.matched(parts[1], "y")
        weights = [None] * len(labels)
        if parts[2] is not None:
            weights = compiled.matched(parts[2], "sample_weight")
        taken = {i: dtype for i, _, dtype in replay.labels}
        found = []
        for output, metric, weighted in compiled.entries:
            y, factors = labels[output], weights[output] if weighted else None
            if y is None:
                continue
            dtype = taken.get(y, arrays[y].dtype)
            shape, result = arrays[y].shape, replay.outputs[output]
            is_weighted = factors is not None or result[0] in replay.masks
            kind = _stage_of(metric, is_weighted, shape, dtype, *result[1:])
            found.append((metric, output, y, factors, dtype, kind))
        return found

    def _class_numbers(self, model: Any, replay: Replay, parts: tuple, arrays: list) -> dict:
        """By the places in the form of labels that losses take as class numbers: how many classes
        there are.
        """
        used = {place for call in replay.calls for place in call[2]}
        taken = [(i, dtype) for i, _, dtype in replay.labels]
        taken += [(i, array.dtype) for i, array in enumerate(arrays) if i in used]
        outputs = zip(model._metrics.matched(parts[1], "y"), replay.outputs, strict=True)
        return {
            self.form.index((y, dtype)): shape[-1] if shape else 0
            for y, (_, shape, _) in outputs
            for i, dtype in taken
            if i == y and dtype.kind == "i"
        }

    def _update(self, replay: Replay, caches: list) -> None:
        """The way back, and the update of the weights."""
        plan, notes, optimizer = self._plan, self._notes, self._optimizer
        gradients, wanted = replay.gradients(caches, optimizer, notes), replay.wanted
        counter = optimizer._iterations.array
        why = _why_python_updates(optimizer, wanted)
        mark = plan.mark()
        planned = why is None
        if planned:
            if not isinstance(optimizer._learning_rate, Variable):
                updates = self._updates  # not self: a plan ends with its model, not later

                def follow() -> None:
                    for update in updates:
                        update.restart(counter.item(), optimizer._current_rate())
                    counter[()] += 1

                notes.call("the learning rate", follow)
                self._follows = self._counts = True
            optimizer.apply(gradients, wanted)
            why = plan.take_back(mark)
            if why is not None and self._follows:
                notes.calls.remove("the learning rate")
        if why is not None:
            given = list if is_builtin(type(optimizer)) else _copies

            def apply() -> None:
                optimizer.apply(given(gradients), wanted)

            if not planned:
                plan.aside(apply)
            notes.call(f"the optimizer ({why})", apply)
            self._counts = True

    def _count(self) -> None:
        """Let Python count the update at once: a metric that it calls later may raise."""
        counter = self._optimizer._iterations.array

        def count() -> None:
            counter[()] += 1

        self._plan.call(count)
        self._counts = True

    def _add_in_stages(self, kind: str, metric: Any, y: np.ndarray, y_pred: np.ndarray) -> None:
        """Add the batch to a metric that has stages of this kind."""
        kernels = _engine.current().kernels
        sums = metric.total.array, metric.count.array
        if kind == "errors":
            kernels.sums.add_values(*sums, metric._fn(y, y_pred, **metric._fn_kwargs))
        elif kind == "squares":
            errors = kernels.steps.in_stages("subtract", y_pred, y)
            kernels.sums.add_values(*sums, kernels.steps.in_stages("multiply", errors, errors))
        else:
            threshold = getattr(metric, "threshold", 0.5)
            kernels.sums.add_accuracy(kind, *sums, y, y_pred, threshold)

    def _add_metric(
        self, metric: Any, y: np.ndarray, y_pred: Tensor, weights: np.ndarray | None
    ) -> None:
        """Let Python add the batch to a metric."""
        options = {} if weights is None else {"sample_weight": weights}
        labels = Tensor(y)
        if is_builtin(type(metric)):

            def update() -> None:
                metric.update_state(labels, y_pred, **options)

        else:  # it may keep what it is given

            def update() -> None:
                copies = {name: value.copy() for name, value in options.items()}
                copy = Tensor(y_pred.array.copy())
                if y_pred.mask is not None:
                    copy.mask = Tensor(y_pred.mask.array.copy())
                metric.update_state(Tensor(y.copy()), copy, **copies)

        self._plan.aside(update)
        self._notes.call(f"the metric {metric.name}", update)

    def fits(self, model: Any) -> bool:
        """Whether it is still a step of this model, and nothing that it depends on has changed."""
        return all_fit([self], model)

    def takes(self, sources: list[np.ndarray]) -> bool:
        """Whether no label is wrong: other steps raise an error for one that is no class."""
        return all(
            bool(sources[i].min() >= 0 and sources[i].max() < count)
            for i, count in self._classes.items()
        )

    def sources(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """The rows of these arrays of x, y and the weights of samples, as it takes them."""
        return [converted(arrays[i], dtype) for i, dtype in self.form]

    def run(self, order: np.ndarray, sources: list[np.ndarray], most: int) -> int:
        """Make steps on the first batches of these rows, up to ``most`` and for a slice of time;
        return how many: none while another thread runs it, for it has one memory.
        """
        if not self._running.acquire(blocking=False):
            return 0
        try:
            return self.run_reserved(order, sources, most)
        finally:
            self._running.release()

    def run_reserved(self, order: np.ndarray, sources: list[np.ndarray], most: int) -> int:
        """``run`` for whoever has ``reserved`` it."""
        if not self._trains:
            return self._run(order, *sources, most=most)
        counter = self._optimizer._iterations.array
        if not self._follows:
            for update in self._updates:
                update.restart(counter.item(), self._optimizer._current_rate())
        try:
            return self._run(order, *sources, most=most)
        finally:
            if not self._counts:
                counter[()] += self._plan.done

    # Where it runs in turn with others: between `running` and its end.

    @property
    def stages(self) -> Any:
        """The plan of the fast engine, if each step runs through; else None."""
        return self._plan if self._plan.runs_through else None

    def start(self, order: np.ndarray, sources: list[np.ndarray], before: int) -> None:
        """Say of which rows its batches are, and how many steps of others come before its own."""
        self._rows.start(order, *sources)
        if self._trains:
            number = self._optimizer._iterations.array.item() + before
            for update in self._updates:
                update.restart(number, self._optimizer._current_rate())

    def skip(self, steps: int) -> None:
        """In each run of a plan that is being made, others make so many steps."""
        for update in self._updates:
            update.skip(steps)

    def count(self) -> None:
        """Count the updates that it has made."""
        self._optimizer._iterations.array[()] += self._plan.done


def all_fit(plans: list[StepPlan], model: Any) -> bool:
    """Whether all are still steps of this model, and nothing that they depend on has changed."""
    now = _circumstances(model)
    return all(
        plan._circumstances == now
        and all(seed.generator is generator for seed, generator in plan._generators)
        for plan in plans
    )


@contextlib.contextmanager
def reserved(plans: list[StepPlan]) -> Iterator[bool]:
    """Keep these plans for oneself; false if another thread runs one of them."""
    held = list(takewhile(lambda plan: plan._running.acquire(blocking=False), plans))
    try:
        yield len(held) == len(plans)
    finally:
        for plan in held:
            plan._running.release()


@contextlib.contextmanager
def running(plans: list[StepPlan]) -> Iterator[bool]:
    """Keep these plans for oneself, with what they draw from and their rows; false if another
    thread runs one of them.
    """
    with reserved(plans) as free, contextlib.ExitStack() as ending:
        if free:
            for plan in plans:
                ending.callback(plan._rows.let_go)
            ending.enter_context(_held([lock for plan in plans for lock in plan._locks]))
        yield free


@contextlib.contextmanager
def _held(locks: list) -> Iterator[None]:
    """Hold each lock once, for with NumPy 1.26 no thread gets one twice; in one order for all
    threads.
    """
    each = {id(lock): lock for lock in locks}
    with contextlib.ExitStack() as holding:
        for key in sorted(each):
            holding.enter_context(each[key])
        yield


class PredictionPlan(_BatchPlan):
    """The plan of a prediction, made of the prediction for the rows of the arrays x.

    Attributes:
        first: the results of these rows, a list.
    """

    def __init__(self, replay: Replay, x: list[np.ndarray]) -> None:
        batch = [np.empty_like(part) for part in x]
        super().__init__(replay, *batch)
        self._rows.start(np.arange(self.size), *x)
        with self._plan:
            self._rows.gather()
            y = flatten(replay.predict(batch, self._notes.steps(replay)))
            y = [self._notes.in_order(part) for part in y]
            if any(not part.ndim or len(part) != self.size for part in y):
                raise NotPlannedError("the results are not one for each row")
            self.first = [np.empty_like(part) for part in y]
            for part, first in zip(y, self.first, strict=True):
                self._rows.store(part, first)
            self._rows.advance()
        self._rows.let_go()
        # Whether it is worth keeping for later predictions.
        self.is_small = sum(buffer.nbytes for buffer in self._plan.memory) <= MOST_KEPT

    def run(self, order: np.ndarray, x: list[np.ndarray], results: list[np.ndarray]) -> int:
        """Predict for the first batches of these rows, for a slice of time; return for how many.

        results: those of the rows of ``order``, and of all that come before.
        """
        most = len(order) // self.size
        rest = tuple([part[-len(order) :] for part in results])
        done = self._run(order, *x, most=most, results=rest)
        if not done:
            raise NotPlannedError("the layers have to say what is wrong")
        return done


def _form(replay: Replay, parts: tuple, arrays: list, entries: list) -> tuple:
    """Which arrays a step takes, and in which dtypes: as they are given, and labels as the losses
    and their metrics take them.
    """
    used = {place for call in replay.calls for place in call[2]}
    used.update(leaves_of((parts[0], parts[2])))
    used.update(y for _, _, y, _, _, kind in entries if kind is None)
    found = [(i, array.dtype) for i, array in enumerate(arrays) if i in used]
    found += [(i, dtype) for i, _, dtype in replay.labels]
    found += [(y, dtype) for _, _, y, _, dtype, kind in entries if kind is not None]
    return tuple(dict.fromkeys(found))


def _stage_of(
    metric: Any, is_weighted: bool, shape: tuple, dtype: Any, result: tuple, made: Any
) -> str | None:
    """The kind of the stage that adds to a metric, for labels of this shape and dtype and a result
    of its own; None if Python adds to it: there is none with weights of the samples, nor for shapes
    that belong to another metric.
    """
    if is_weighted or not result:
        return None
    kind = _KINDS.get(type(metric))
    if isinstance(metric, MeanMetricWrapper) and metric._fn in _ERRORS:
        kind = "errors" if is_own(metric, "update_state") else None
    alike = dtype == made and shape == result and 0 not in shape
    fits = {
        "binary": dtype == made and prod(shape) == prod(result),
        "categorical": alike,
        "sparse": dtype == np.int64 and prod(shape) == prod(result[:-1]),
        "errors": alike,
        "squares": alike,
    }
    return kind if fits.get(kind or "") else None


def _copies(gradients: list) -> list:
    """For what may keep the gradients that it is given."""
    return [g.copy() if isinstance(g, np.ndarray) else g for g in gradients]


def _circumstances(model: Any) -> tuple:
    """What a plan depends on besides its replay, whose key has the engine and the structure.

    The learning rate is not among them: it is told to the plan before each run.
    """
    optimizer = model.optimizer
    settings = [getattr(optimizer, name) for name in (*_CLIPS, *optimizer._arguments)]
    parts = optimizer, optimizer._learning_rate, model._loss_mean
    return (*model._circumstances(), *map(id, parts), *settings)


def converted(data: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """All rows as a C-contiguous array of this dtype."""
    if data.dtype == dtype and data.flags.c_contiguous and data.flags.aligned:
        return np.asarray(data)
    if data.size * dtype.itemsize > MOST_CONVERTED:
        raise NotPlannedError(f"the data are large, and not {dtype} in C order")
    return np.ascontiguousarray(data, dtype)


def runs_fast(model: Any) -> bool:
    """Whether all of the model runs on the fast engine: the models in it may have engines of their
    own, and a callback may set another.
    """
    models = model._cached(
        "models", lambda: [one for one in model._flatten_layers() if hasattr(one, "engine")]
    )
    return all(one.engine in ("fast", None) for one in models) and (
        _engine.current().name == "fast"
    )


def _check(model: Any, replay: Replay, trains: bool) -> None:
    """Raise NotPlannedError for what can be known before a step."""
    if not runs_fast(model):
        raise NotPlannedError("plans are made by the fast engine")
    if not is_own(model, "compute_metrics"):
        raise NotPlannedError("the model has a compute_metrics of its own")
    if replay.loss_shape != ():
        raise NotPlannedError("the loss of a batch is not one number: its reduction is None")
    if trains and not replay.wanted:
        raise NotPlannedError("there are no weights to train")


def _why_python_updates(optimizer: Any, variables: list[Variable]) -> str | None:
    """What of an update is decided anew in each step; None if it runs in stages."""
    if not (is_own(optimizer, "apply") and is_own(optimizer, "update_step")):
        return "it is not a built-in one"
    if isinstance(optimizer, MultiOptimizer):
        return "it is made of several"
    if optimizer.scales_loss:
        return "it scales the loss"
    if optimizer.use_ema:
        return "it averages weights"
    if optimizer.gradient_accumulation_steps:
        return "it accumulates gradients"
    if any(variable.constraint is not None for variable in variables):
        return "a weight has a constraint"
    return None
