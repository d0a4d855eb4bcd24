"""The epochs of ``fit``: one by one, or many in one call.

In a network of a few neurons, what Python does between two epochs takes longer than their steps.
Where nobody looks on but the ``History``, it draws the orders of many epochs at once; the plans of
their steps and of their evaluations run in turn, and write the sums of the metrics into tables;
then the epochs are told one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import engine as _engine
from ..callbacks import CallbackList
from ..metrics import Mean
from ..utils.registration import is_builtin
from .fitting import executions
from .passes import Progress
from .planned import PlannedPasses
from .plans import SLICE, StepPlan, running
from .replay import is_own

_OF_MODELS = ("metrics", "reset_metrics", "get_metrics_result")  # how they tell an epoch
_OF_METRICS = ("reset_state", "result")


class OneByOne:
    """The epochs of one call of ``fit``, one by one.

    Args:
        model: the model.
        progress: the data, those to evaluate on, and where the first epoch begins.
        planned: the passes over the data by plans, as far as there are plans.
        tested: those over the validation data, if there are any.
        step: makes one step on a batch (x, y, sample_weight).
        callbacks: all callbacks.
    """

    def __init__(
        self,
        model: Any,
        progress: Progress,
        planned: PlannedPasses,
        tested: PlannedPasses | None,
        step: Callable,
        callbacks: CallbackList,
    ) -> None:
        self._model = model
        self._batches, self._validation = progress.batches, progress.validation
        self._done = progress.done  # batches of the first epoch that have been trained on already
        self._planned, self._tested = planned, tested
        self._step = step
        self._callbacks = callbacks

    def train(self, look: Callable[..., None]) -> dict[str, Any]:
        """Run the next epoch; return its results. After each step, or as many as a plan makes at
        once, ``look`` at the loss is told how many.
        """
        model, done = self._model, self._done
        self._done = 0
        if not done:
            model.reset_metrics()
        last = None
        if self._planned.begin():
            self._run_plans(look)
        elif self._callbacks.wants_train_batches:
            last = self._run_steps_for_callbacks(look, done)
        else:
            last = self._run_steps(look)
        return model._results(last)

    def test(self) -> dict[str, Any]:
        """Evaluate after it; return the results."""
        return self._model._evaluate(self._validation, self._callbacks, self._tested)

    def _run_plans(self, look: Callable[..., None]) -> None:
        """As many batches in one call as the callbacks allow."""
        model, planned, callbacks = self._model, self._planned, self._callbacks
        begin, size = 0, model.steps_per_execution
        while planned.left and not model.stop_training:
            if not callbacks.wants_train_batches:
                look(planned.run())
                continue
            callbacks.on_train_batch_begin(begin)
            for _ in range(size):
                if planned.left:
                    look(planned.run(1))
            callbacks.on_train_batch_end(begin + size - 1, partial(model._results, None))
            begin += size

    def _run_steps(self, look: Callable[..., None]) -> Any:
        """Return the result of the last step."""
        model, last = self._model, None
        for batch in self._batches:
            last = self._step(*model._as_tensors(*batch))
            look()
            if model.stop_training:
                break
        return last

    def _run_steps_for_callbacks(self, look: Callable[..., None], done: int) -> Any:
        """The same, with calls of the callbacks that handle batches."""
        model, callbacks, last = self._model, self._callbacks, None
        for begin, end, group in executions(self._batches, model.steps_per_execution, done):
            callbacks.on_train_batch_begin(begin)
            for batch in group:
                last = self._step(*model._as_tensors(*batch))
                look()
            callbacks.on_train_batch_end(end, partial(model._results, last))
            if model.stop_training:
                break
        return last


class Epoch(NamedTuple):
    """An epoch that has run: the sums of the metrics, its steps, and the sums after its training
    and its evaluation.
    """

    model: Any
    sums: list[np.ndarray]
    steps: int
    trained: np.ndarray
    tested: np.ndarray

    def train(self, look: Callable[..., None]) -> dict[str, Any]:
        """Return the results of its training, and let someone look at the loss."""
        self._put(self.trained)
        look(self.steps)
        return self.model._results(None)

    def test(self) -> dict[str, Any]:
        """Return the results of its evaluation."""
        self._put(self.tested)
        return self.model._results(None)

    def _put(self, row: np.ndarray) -> None:
        for array, value in zip(self.sums, row, strict=True):
            array[()] = value


class WholeEpochs:
    """The epochs of one call of ``fit``, as many in one call as fit into a slice of time.

    Args:
        model: the model.
        training: the passes over the data.
        testing: those over the validation data, which are evaluated after each epoch; or None.
    """

    def __init__(
        self, model: Any, training: PlannedPasses, testing: PlannedPasses | None = None
    ) -> None:
        self._model = model
        self._passes = [training] if testing is None else [training, testing]
        self._sums: list[np.ndarray] = []  # of which the metrics are made
        self._pace = 2  # epochs of a slice of time
        self._last: float | None = None  # when the last epoch began
        self._turns: list = []  # the plans of each pass, and how often they run
        self._tables: list = []  # the Sums of each pass, and the plan that ends it

    def run(self, most: int) -> list[Epoch]:
        """Run the next epochs, at most so many; none where they are to be run one by one: until
        their plans are there, or if one takes too long.
        """
        before, self._last = self._last, time.perf_counter()
        count = min(most, self._pace)
        if before is None or count < 2:
            return []
        if not self._turns and self._last - before > SLICE / 2:
            return []
        passes = [one.whole_pass() for one in self._passes]
        if not all(passes):
            return []
        if passes != self._turns:
            sums = _sums_of(self._model)
            if sums is None:
                return []
            self._sums, self._turns = sums, passes
            self._tables = []
        tables = self._run(passes, count)
        if tables is None:
            return []
        taken = time.perf_counter() - self._last
        self._pace = max(2, min(2 * count, int(SLICE * count / max(taken, 1e-9))))
        steps = sum(times for _, times in passes[0])
        both = zip(tables[0], tables[-1], strict=True)
        return [Epoch(self._model, self._sums, steps, *rows) for rows in both]

    def _run(self, passes: list[list[tuple[StepPlan, int]]], count: int) -> list[np.ndarray] | None:
        """The tables of so many epochs; None while another thread runs a plan of theirs."""
        run_in_turn = _engine.current().kernels.plan.run_in_turn
        tables = [np.zeros((count, len(self._sums))) for _ in passes]
        turns: list[tuple[Any, int]] = []
        with running([plan for one in passes for plan, _ in one]) as free:
            if not free:
                return None
            self._tables = self._tables or self._make_tables(passes)
            for planned, one, table, (sums, end) in zip(
                self._passes, passes, tables, self._tables, strict=True
            ):
                planned.start(one, count)
                sums.start(table)
                turns += [(plan.stages, times) for plan, times in one]
                turns.append((end, 1))
            self._model.reset_metrics()
            try:
                run_in_turn(turns, count)
            finally:  # Ctrl-C comes here after the epochs
                for plan, _ in passes[0]:
                    plan.count()
        return tables

    def _make_tables(self, passes: list[list[tuple[StepPlan, int]]]) -> list[tuple]:
        kernels, found = _engine.current().kernels, []
        steps = sum(times for _, times in passes[0])
        for one in passes:
            sums, end = kernels.sums.Sums(*self._sums), kernels.plan.Plan()
            with end:
                sums.close()
                if one is passes[0]:
                    for plan, times in one:
                        plan.skip(steps - times)
            found.append((sums, end))
        return found


def _sums_of(model: Any) -> list[np.ndarray] | None:
    """The sums of which all results of a model are made, each once; None if it has others."""
    metrics = model.metrics
    if not all(isinstance(one, Mean) and is_builtin(type(one)) for one in metrics):
        return None
    told = [(model, name) for name in _OF_MODELS]
    told += [(one, name) for one in metrics for name in _OF_METRICS]
    if not all(is_own(thing, name) for thing, name in told):
        return None
    # Several outputs may have one metric.
    arrays = [part.array for one in metrics for part in (one.total, one.count)]
    return list({id(array): array for array in arrays}.values())
