"""Passes over data by plans: as many batches in one call as the callbacks allow.

``plans`` makes the plan of a step; here it gets its batches. Steps that have no plan yet are made
one by one: the second of a kind makes it. Whoever has none takes the batches as they come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import processes
from ..nested import flatten, map_structure, pack_like
from ..tensor import Tensor
from .batches import ArrayBatches
from .noting import NotPlannedError
from .plans import MOST_ARRAYS, PredictionPlan, StepPlan, converted, runs_fast
from .replay import Replay, form_of, is_own

SEEN = True  # in place of a plan: this number of rows has been predicted once
MOST_PASSED = 64  # calls of a recorded prediction that are remembered
MOST_SIZES = 8  # plans of a recorded prediction, one for each number of rows


class PlannedPasses:
    """The passes over the data of one call of ``fit`` or ``evaluate``, with as many batches at a
    time as plans allow.

    Args:
        model: the model.
        batches: the data.
        step: makes one step on a batch (x, y, sample_weight).
        what: "update" or "test".

    Attributes:
        refusal: why there is no plan; None where there is one.
    """

    def __init__(self, model: Any, batches: Any, step: Callable, what: str) -> None:
        self._model = model
        self._batches = batches
        self._step = step
        self._what = what
        self._order = np.zeros(0, np.int64)  # the rows of this epoch
        self._at = 0  # how many of them are done
        self._plans: dict[int, StepPlan] = {}  # by the number of rows: the last batch has fewer
        self._data: dict[tuple, list | None] = {}  # x and y as plans take them, or None
        self._one_by_one: str | None = None  # why a plan gets one batch at a time
        self._form: tuple | None = None  # of the batches of full size
        self.refusal: str | None = None
        if what == "update" and processes.sharing() is not None:
            self.refusal = "several processes share the training"
        elif step not in (model._update, model._test):
            name = {"update": "train_step", "test": "test_step"}[what]
            self.refusal = f"the model has a {name} of its own"
        elif not is_own(model, "compute_metrics"):
            self.refusal = "the model has a compute_metrics of its own"
        elif type(batches) is not ArrayBatches:
            self._one_by_one = "the data come batch by batch"
        elif batches.late:
            self._one_by_one = "the data are not in memory"
        elif not batches.is_labeled:
            self.refusal = "there are no labels"

    def begin(self) -> bool:
        """Draw the order of the rows of the next epoch; False if its batches are to be taken from
        ``batches``.
        """
        if self.refusal is not None or self._one_by_one is not None:
            return False
        order = self._batches.rows_of_epoch()
        if order is None:
            return False
        self._data = {}  # they may have been changed in place since
        self._order, self._at = order, 0
        return True

    def look_at(self, batch: tuple) -> None:
        """Remember the kind of a batch, where batches are taken one by one."""
        if self._one_by_one is not None:
            self._form = self._model._forms_of(*self._model._as_tensors(*batch))
            if batch[1] is None:
                self.refusal = "there are no labels"

    @property
    def left(self) -> bool:
        """Whether the epoch has rows left."""
        return self._at < len(self._order)

    @property
    def report(self) -> str:
        if self.refusal is not None:
            return f"No plan: {self.refusal}."
        plan = None
        if self._one_by_one is None:
            plan = self._plans.get(min(self._batches.batch_size, len(self._order)))
        if plan is None and (self._one_by_one is not None or self._form is not None):
            made, refusal = self._model._plan_of(self._model._key_of(self._what, self._form))
            if refusal is not None:
                return f"No plan: {refusal}."
            if self._one_by_one is not None:  # else the last step has made it, and none has run
                plan = made
        if plan is None:
            return "No plan: there were only a few steps."
        how = "" if self._one_by_one is None else f", for one batch at a time: {self._one_by_one}"
        return f"A plan ran{how}.{plan.report}"

    def run(self, most: int | None = None) -> int:
        """Do the next batch, or as many as a slice of time allows, up to ``most``; return how
        many.
        """
        done = self._run(most)
        self._batches.took(done)
        return done

    def _run(self, most: int | None) -> int:
        order = self._order[self._at :]
        size = min(self._batches.batch_size, len(order))
        plan, tensors = self._plans.get(size), None
        if plan is None or not plan.fits(self._model):
            tensors = self._model._as_tensors(*self._batches.rows(order[:size]))
            plan = self._find_plan(size, tensors)
        sources = None if plan is None else self.sources(plan)
        if plan is not None and sources is not None:
            whole = len(order) // size
            done = plan.run(order, sources, min(whole, most or whole))
            self._at += size * done
            if done:
                return done
        if tensors is None:
            tensors = self._model._as_tensors(*self._batches.rows(order[:size]))
        self._step(*tensors)
        self._at += size
        return 1

    def whole_pass(self) -> list[tuple[StepPlan, int]]:
        """The plans that make all steps of the next pass, each with how often it runs; empty where
        there is one missing, or Python has a part in it.
        """
        batches = self._batches
        if self.refusal is not None or self._one_by_one is not None or not batches.begins_a_pass:
            return []
        whole, rest = divmod(batches.num_samples, batches.batch_size)
        found = []
        for size, times in ((batches.batch_size, whole), (rest, 1)):
            if size and times:
                plan = self._plans.get(size)
                if plan is None or plan.stages is None or not plan.fits(self._model):
                    return []
                if self.sources(plan) is None:
                    return []
                found.append((plan, times))
        return found

    def start(self, turns: list[tuple[StepPlan, int]], passes: int) -> None:
        """Draw the orders of the rows of the next passes, which count as taken, and tell the plans
        of ``whole_pass`` which are theirs.
        """
        drawn = []
        for _ in range(passes):
            drawn.append(self._batches.rows_of_epoch())
            self._batches.took(self._batches.batches_of_a_pass)
        orders, before = np.stack(drawn), 0
        for plan, times in turns:
            rows, orders = np.split(orders, [times * plan.size], axis=1)
            plan.start(rows.ravel(), self.sources(plan) or [], before)
            before += times

    def _find_plan(self, size: int, tensors: tuple) -> StepPlan | None:
        """The plan of steps on batches like this one, if some step has made it."""
        self._plans.pop(size, None)
        plan, refusal = self._model._plan_of(self._model._replay_key(self._what, *tensors))
        one_by_one = None
        if plan is not None and not plan.fits(self._model):
            plan = None
        if plan is not None:
            try:
                if self.sources(plan) is None:
                    refusal = "some labels are no classes"
                else:
                    self._plans[size] = plan
            except NotPlannedError as error:
                one_by_one = str(error)
        if size == min(self._batches.batch_size, len(self._order)):
            self.refusal, self._one_by_one = refusal, one_by_one
            self._form = self._model._forms_of(*tensors)
        return self._plans.get(size)

    def sources(self, plan: StepPlan) -> list[np.ndarray] | None:
        """The data of this pass as a plan takes them; None if some labels are no classes."""
        if plan.form not in self._data:
            sources = plan.sources(self._batches.arrays)
            self._data[plan.form] = sources if plan.takes(sources) else None
        return self._data[plan.form]


class PlannedPrediction:
    """The prediction for arrays, with as many batches at a time as plans allow.

    A plan has memory of its own, so nobody else finds it while it runs: predictions in several
    threads take one each, or none.

    Args:
        model: the model.
        x: the arrays, which may be nested; only their first ``rows`` rows.
        batch_size: how many are predicted together.

    Raises NotPlannedError, also from ``run``, where the batches are to be predicted one by one.
    """

    def __init__(self, model: Any, x: Any, rows: int, batch_size: int) -> None:
        if not runs_fast(model):
            raise NotPlannedError("plans are made by the fast engine")
        first = model._as_tensors(map_structure(lambda part: part[:batch_size], x))[0]
        both = list(zip(flatten(x), flatten(first), strict=True))
        if len(both) > MOST_ARRAYS:
            raise NotPlannedError(f"a batch has {len(both)} arrays, more than {MOST_ARRAYS}")
        arrays = [converted(part[:rows], batch.dtype) for part, batch in both]
        replay = model._replay_of_prediction(first)
        if replay is None:
            raise NotPlannedError("a prediction depends on more than a batch and the weights")
        if len(replay.outputs) > MOST_ARRAYS:
            raise NotPlannedError(f"there are more than {MOST_ARRAYS} outputs")
        self._begin(model, replay, x, arrays, batch_size)

    @classmethod
    def again(cls, model: Any, x: np.ndarray, batch_size: Any) -> PlannedPrediction | None:
        """The prediction for an array, if one for such an array had nothing wrong; else None."""
        replay = model._replays.get(("predict", form_of(x, 1), *model._circumstances()))
        size = None if replay is None else replay.passed.get((len(x), batch_size))
        if size is None or not runs_fast(model):
            return None
        planned = cls.__new__(cls)
        planned._begin(model, replay, x, [x], size)
        return planned

    def _begin(self, model: Any, replay: Replay, x: Any, arrays: list, batch_size: int) -> None:
        self._model, self._replay = model, replay
        self._nested, self._x = x, arrays
        self._size = batch_size
        self._order = np.arange(len(arrays[0]))
        self._large: dict[int, PredictionPlan] = {}  # plans for this prediction alone
        self._results: list[np.ndarray] | None = None
        self._done = 0

    def passed(self, batch_size: Any) -> None:
        """Remember that nothing was wrong with such a call of `predict`, for `again`."""
        if len(self._replay.passed) >= MOST_PASSED:
            self._replay.passed.clear()
        self._replay.passed[len(self._order), batch_size] = self._size

    @property
    def left(self) -> bool:
        """Whether there are rows left."""
        return self._done < len(self._order)

    @property
    def results(self) -> Any:
        """Those of the rows that are done."""
        found = [part[: self._done] for part in self._results or ()]
        return pack_like(self._replay.y_pred, found)

    def run(self) -> int:
        """Predict for the next batch, or for as many as a slice of time allows; return how many."""
        order = self._order[self._done :]
        size = min(self._size, len(order))
        rows = [part[self._done : self._done + size] for part in self._x]
        plans, done = self._replay.plans, 1
        plan = self._large.pop(size, None) or plans.pop(size, None)
        if isinstance(plan, PredictionPlan):
            results = self._room_for(plan.first)
            done = plan.run(order, self._x, results)
            self._done += size * done
        elif plan is SEEN or (plan is None and len(order) >= 2 * size):
            made = PredictionPlan(self._replay, rows)
            self._keep(made.first)
            plan = made.refusal or made
        else:
            y = self._model._predict(pack_like(self._nested, map(Tensor, rows)))
            self._keep([part.array for part in flatten(y)])
            plan = plan or SEEN
        if isinstance(plan, PredictionPlan) and not plan.is_small:
            self._large[size] = plan
            return done
        if len(plans) >= MOST_SIZES:
            plans.clear()
        plans[size] = plan
        return done

    def _keep(self, y: list[np.ndarray]) -> None:
        """Keep the results of a batch."""
        for results, part in zip(self._room_for(y), y, strict=True):
            results[self._done : self._done + len(part)] = part
        self._done += len(y[0])

    def _room_for(self, y: list[np.ndarray]) -> list[np.ndarray]:
        """The results, where those of a batch have room."""
        if self._results is None:
            rows = len(self._order)
            self._results = [np.empty((rows, *part.shape[1:]), part.dtype) for part in y]
        return self._results
