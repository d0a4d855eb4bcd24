"""Where the first number came about that is not finite: a part of the training, once more."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ...models.batches import ArrayBatches
from ...nested import flatten
from . import data_checks, network_checks
from .exam import LOSS, ROWS, examine, first_broken, norm, sample, untouched, update, variables_of
from .findings import Finding

PATIENCE = 60.0  # seconds that the search may take


class Snapshot:
    """All variables of a built model before an epoch, and where the order of the rows is drawn
    from.
    """

    def __init__(self, model: Any, batches: Any, epoch: int) -> None:
        self.epoch = epoch
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        self._values = [np.array(variable.array) for variable in variables_of(model)]
        self._order = None
        self._can_be_repeated = type(batches) is ArrayBatches and batches.begins_a_pass
        if self._can_be_repeated:
            self._order = batches._generator().bit_generator.state

    def search(self, model: Any, batches: Any, until: int) -> Finding:
        """Train again from here, up to the end of epoch ``until`` (counted from 0), and say in
        which batch, layer and operation the first number appears that is not finite. The same
        numbers come about as before; afterwards all is as it was.
        """
        unknown = dict.fromkeys(("batch", "operation", "loss", "weight", "gradient"), "unknown")
        evidence: dict[str, Any] = {"epoch": until + 1, "layer": "unknown", **unknown}
        own = model._replaces("train_step")
        variables = variables_of(model)
        if not self._can_be_repeated or own or len(variables) != len(self._values):
            return Finding("not_finite", "", evidence)
        end = time.monotonic() + PATIENCE
        with untouched(model):
            self._restore(variables)
            batches._generator().bit_generator.state = self._order
            loss: Any = "unknown"
            for epoch in range(self.epoch, until + 1):
                order, size = batches.next_order(), batches.batch_size
                for number, start in enumerate(range(0, len(order), size)):
                    rows = batches.rows(order[start : start + size])
                    after, found = _broken_step(model, rows)
                    if found:
                        evidence.update(found, loss=loss, epoch=epoch + 1, batch=number + 1)
                        where = "" if evidence["layer"] == LOSS else evidence["layer"]
                        return Finding("not_finite", where, evidence)
                    loss = after
                    if time.monotonic() > end:
                        return Finding("not_finite", "", evidence)
        return Finding("not_finite", "", evidence)

    def _restore(self, variables: list) -> None:
        for variable, value in zip(variables, self._values, strict=True):
            variable.assign(value)

    def causes(self, model: Any, x: Any, y: Any) -> list[Finding]:
        """What of the data, the loss or the first weights may have led there, seen before the
        epoch.
        """
        variables = variables_of(model)
        if model._replaces("train_step") or len(variables) != len(self._values):
            return []
        with untouched(model):
            self._restore(variables)
            exam = examine(model, *sample((x, y), ROWS, model))
        found = [*data_checks.scale(exam)]
        found += data_checks.ending(model, exam, flatten(y)[0] if len(flatten(y)) == 1 else None)
        by_depth = network_checks.gradients_by_depth(exam, True)
        return found + [one for one in by_depth if one.name == "exploding_gradients"]


def _broken_step(model: Any, batch: tuple) -> tuple[float, dict[str, Any]]:
    """Make the update with a batch; return its loss, and what breaks in it: in the way forward,
    back, or in the new weights.
    """
    weights = [variable for variable in model.trainable_variables if variable.array.size]
    largest = max((float(np.abs(v.array).max()) for v in weights), default=0.0)
    x, y, sample_weight = batch
    loss, records, of_model, gradients = update(model, x, y, sample_weight, from_data=True)
    found = {"weight": largest, "gradient": _length(gradients)}
    broken = first_broken(records, of_model)
    if broken is not None:
        return loss, {**found, "operation": broken[0], "layer": broken[1]}
    for path, gradient in reversed(gradients.items()):
        if gradient is not None and not np.isfinite(np.asarray(gradient)).all():
            return loss, {**found, "operation": "gradient", "layer": path}
    for variable in weights:
        if not np.isfinite(variable.array).all():
            return loss, {**found, "operation": "update", "layer": variable.path}
    return loss, {}


def _length(gradients: dict[str, Any]) -> float:
    return norm([np.asarray(g) for g in gradients.values() if g is not None])


__all__ = ["Snapshot"]
