"""One more epoch on arrays like those of an earlier ``fit``.

A loop that calls ``fit`` for one epoch at a time waits, with a network of a few neurons, mostly for
what comes before the first step. An earlier call has found out whatever depends only on the form of
the data. So where plans make all steps and nobody looks on but the ``History``, a call with arrays
of the same form looks at their values and runs the plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import random
from ..callbacks import History
from .batches import ArrayBatches
from .noting import NotPlannedError
from .planned import MOST_PASSED, PlannedPasses
from .plans import StepPlan, all_fit, reserved
from .symptoms import LossWatch

MOST_KEPT = 2**19  # the bytes of an array that are kept to know it again


@dataclass
class Fitted:
    """What a call of ``fit`` has found out: the plans of its steps, each with how often it runs in
    an epoch, and what it said of them. And the values of the data that were looked at last.
    """

    turns: list[tuple[StepPlan, int]]
    report: str
    values: Sequence[bytes | None] = (None, None)


def remember(model: Any, batches: Any, planned: PlannedPasses) -> None:
    """Keep what a training on these batches has found out, if ``fit_again`` can make use of it."""
    if type(batches) is not ArrayBatches or batches.shuffle is not True:
        return
    x, y, weights = batches.data
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray) or weights is not None:
        return
    turns = planned.whole_pass()
    if turns:
        if len(model._fitted) >= MOST_PASSED:
            model._fitted.clear()
        model._fitted[_form(x, y, batches.batch_size)] = Fitted(turns, planned.report)


def fit_again(model: Any, x: np.ndarray, y: np.ndarray, batch_size: int) -> History | None:
    """Train for one more epoch on these arrays; None where there is more to find out."""
    fitted = model._fitted.get(_form(x, y, batch_size))
    if fitted is None:
        return None
    plans = [plan for plan, _ in fitted.turns]
    if not all_fit(plans, model):
        return None
    forms = {plan.form: plan for plan in plans}  # mostly one
    try:
        sources = {form: plan.sources([x, y]) for form, plan in forms.items()}
    except NotPlannedError:
        return None
    if not all(plan.takes(sources[form]) for form, plan in forms.items()):
        return None
    with reserved(plans) as free:
        if not free:
            return None
        _look_at_values(model, fitted, x, y)
        history = History()
        history.set_params({"verbose": 0, "epochs": 1, "steps": -(-len(x) // batch_size)})
        history.set_model(model)
        model.stop_training = False
        model.reset_metrics()
        watch, order = LossWatch(model, None, None), random.global_generator().permutation(len(x))
        for plan, times in fitted.turns:
            rows, order = order[: times * plan.size], order[times * plan.size :]
            while len(rows) and not model.stop_training:
                done = plan.run_reserved(rows, sources[plan.form], len(rows) // plan.size)
                watch.look(0, done)
                rows = rows[done * plan.size :]
    model._plan_report = fitted.report
    history.on_epoch_end(0, model._results(None))
    return history


def _look_at_values(model: Any, fitted: Fitted, x: np.ndarray, y: np.ndarray) -> None:
    """Check the values of the data; those of the last time have nothing new to say."""
    values = [array.tobytes() if array.nbytes <= MOST_KEPT else None for array in (x, y)]
    x_known, y_known = (
        now is not None and now == before for now, before in zip(values, fitted.values, strict=True)
    )
    if not (x_known and y_known):
        model._checks.values(x, y, y_known)
        fitted.values = values


def _form(x: np.ndarray, y: np.ndarray, batch_size: int) -> tuple:
    return x.shape, x.dtype, y.shape, y.dtype, batch_size
