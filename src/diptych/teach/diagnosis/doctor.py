"""``diagnose`` and ``Doctor``: what ails a network, its data or its training."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from ...callbacks import Callback
from ...models.batches import ArrayBatches
from ...models.data import batches_for
from ...nested import flatten
from . import course_checks, data_checks, network_checks
from .exam import (
    LOOK_ROWS,
    LOSS,
    ROWS,
    Exam,
    dead_now,
    examine,
    rate_of,
    sample,
    try_updates,
)  # fmt: skip
from .findings import Diagnosis, Finding
from .nan_search import Snapshot

# What keeps a network from learning at any learning rate.
_STOPPERS = frozenset(
    "identical_units dead_units saturated_units vanishing_gradients learning_rate_too_high "
    "softmax_of_one unscaled_labels".split()
)
FALLS = 3  # epochs in a row with smaller losses
OFTEN = 4  # times as many epochs have gone by at each look as at the one before
RARELY = 100  # times as long as copying the weights took, the training goes on without a copy


def diagnose(model: Any, x: Any, y: Any = None) -> Diagnosis:
    """Look for what ails a model, its data, or the training that it has had.

    A sample goes through the model and back, a few trial updates are made and undone, and the
    losses of the last ``fit`` are looked at. Nothing of the model changes.

    Args:
        model: a compiled model, trained or not.
        x, y: the data it is to be trained on, or was; as for ``fit``.

    Returns:
        A ``Diagnosis``: a list of findings, each with its evidence, its reason, a remedy and a
        tutorial. It is empty if nothing was found.

    Raises:
        ValueError: the model is not compiled, or the data do not fit it.
    """
    model._must_be_compiled("diagnose()")
    batches = batches_for(x, y, dtypes=model._dtypes_of(x), text=model.takes_text)
    try:
        x, y, _ = batches.sample()
    finally:
        batches.close()
    results = {} if model.history is None else model.history.history
    course = _Course(_numbers(results, "loss"), _numbers(results, "val_loss"))
    found = Diagnosis(data_checks.not_finite(x, y))
    found += _would_be_split(y)
    if not found.find("nan_in_data"):
        found += _of_network(model, batches, (x, y), course, {})
    found += course_checks.overfitting(course.losses, course.validation)
    return found.in_order()


class Doctor(Callback):
    """Watches a training, and says what ails it. Silent if nothing does.

        model.fit(x, y, epochs=10, callbacks=[diptych.Doctor()])

    It looks at the data before the first epoch, at the loss of each epoch, and sends a sample
    through the model after epochs 1, 4, 16 and so on and at the end. The training gives the same
    bits as without it. Where a loss is not finite, a part of the training is repeated to find the
    batch, the layer and the operation in which that began.

    Args:
        verbose: 1 prints what was found, at the end of the training, and at once if numbers are not
            finite; 0 prints nothing.

    Attributes:
        findings: a ``Diagnosis`` of the last training.
    """

    def __init__(self, verbose: int = 1) -> None:
        self.verbose = verbose
        self._begin()

    def _begin(self) -> None:
        self.findings = Diagnosis()
        self._printed = Diagnosis()  # before the end
        self._course = _Course([], [])
        self._next_look = 1
        self._since: dict[str, Any] = {}  # the epochs in which layers first had dead units
        self._snapshot: Snapshot | None = None
        self._next_copy = 0.0  # when the weights are copied again
        self._batches: Any = None
        self._data: tuple | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._begin()
        progress = self.model._progress
        if progress is None:  # not within fit
            return
        self._batches = batches = progress.batches
        x, y, _ = batches.sample()
        self._data = x, y
        self.findings += data_checks.not_finite(x, y)
        if progress.validation is not None:
            held_x, held_y, _ = progress.validation.sample()
            self.findings += data_checks.sorted_labels(y, held_y)
            self.findings += data_checks.repeated_rows(x, held_x)
        if getattr(batches, "shuffle", None) is False and hasattr(batches, "batch_size"):
            self.findings += data_checks.unshuffled(y, batches.batch_size)
        if self.model.built:
            self._look("before training")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        start = time.perf_counter()
        if self._data is not None and start >= self._next_copy and self.model.built:
            self._snapshot = Snapshot(self.model, self._batches, epoch)
            end = time.perf_counter()
            self._next_copy = end + RARELY * (end - start)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        losses = self._course.losses
        losses.append(float(logs.get("loss", math.nan)))
        if "val_loss" in logs:
            self._course.validation.append(float(logs["val_loss"]))
        if not math.isfinite(losses[-1]):
            known = self.findings.find("nan_in_data") or self.findings.find("not_finite")
            if "loss" in logs and known is None:
                self._search(epoch)
        elif len(losses) == self._next_look:
            self._next_look *= OFTEN
            self._look(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        if self._data is not None:
            course, since = self._course, self._since
            broken = self.findings.find("nan_in_data") or self.findings.find("not_finite")
            if broken is None:
                self.findings += _of_network(self.model, self._batches, self._data, course, since)
            elif broken.name == "not_finite":
                rate = rate_of(self.model)
                self.findings += course_checks.rate_too_high(course.losses, None, rate)
        self.findings += course_checks.overfitting(self._course.losses, self._course.validation)
        self.findings = self.findings.in_order()
        self._data = self._batches = self._snapshot = None
        if self.verbose and self.findings and self.findings != self._printed:
            print(self.findings)

    def _look(self, when: Any) -> None:
        """Note in which layers there are dead units now."""
        if not self._can_look():
            return
        seen = dead_now(self.model, sample(self._data, LOOK_ROWS, self.model)[0])
        if not seen:  # the model has no relu
            self._next_look = 0
        for layer, dead in seen.items():
            if dead.any():
                self._since.setdefault(layer, when)
            else:
                self._since.pop(layer, None)

    def _can_look(self) -> bool:
        if self._data is None or self.findings.find("nan_in_data") is not None:
            return False
        return not self.model._replaces("train_step")

    def _search(self, epoch: int) -> None:
        if self._snapshot is None:
            return
        finding = self._snapshot.search(self.model, self._batches, epoch)
        self.findings.append(finding)
        self.findings += self._snapshot.causes(self.model, *(self._data or ()))
        if self.verbose:
            self._printed = self.findings.in_order()
            print(self._printed)


class _Course:
    """The losses of a training, epoch by epoch."""

    def __init__(self, losses: list[float], validation: list[float]) -> None:
        self.losses, self.validation = losses, validation


def _numbers(results: dict[str, list], name: str) -> list[float]:
    return [float(value) for value in results.get(name, [])]


def _exam_of(model: Any, x: Any, y: Any) -> Exam | None:
    """The exam of a sample; None for a model whose step is its own, which only it can make."""
    if model._replaces("train_step"):
        return None
    x, y = sample((x, y), ROWS, model)
    return examine(model, x, y)


def _of_network(
    model: Any, batches: Any, data: tuple, course: _Course, since: dict[str, Any]
) -> Diagnosis:
    """The findings of an exam."""
    found = Diagnosis()
    x, y = data
    made = 0 if model.optimizer is None else int(model.optimizer.iterations)
    trained = made > 0
    exam, rate = _exam_of(model, x, y), rate_of(model)
    if exam is None:
        found += course_checks.rate_too_high(course.losses, None, rate)
        return found
    if np.isfinite(exam.loss) and (network_checks.is_poor(exam) or not _falls(course.losses)):
        exam.steps = try_updates(model, x, y)
    found += data_checks.labels_of_several(model, exam, sample((x, y), ROWS, model)[1])
    y = flatten(y)[0] if len(flatten(y)) == 1 else None
    found += data_checks.scale(exam)
    found += data_checks.ending(model, exam, y)
    if not isinstance(batches, ArrayBatches):
        found += data_checks.first_batch(y, exam)
    if exam.broken is not None:
        found.append(_broken_now(exam))
        found += course_checks.rate_too_high(course.losses, None, rate)
        return found
    found += network_checks.identical_units(exam)
    found += network_checks.dead_units(exam, trained, since)
    if trained:
        found += network_checks.blind_rows(exam)
    found += network_checks.saturated_units(exam, trained)
    found += network_checks.gradients_by_depth(exam, trained)
    if trained:
        found += network_checks.constant_output(exam, y)
        found += course_checks.stuck(course.losses, exam, made)
    if not found.find("wrong_last_activation"):  # with which a loss rises at any rate
        found += course_checks.rate_too_high(course.losses, exam, rate)
    if not _STOPPERS & set(found.names):
        found += network_checks.step_too_small(exam, course.losses if trained else [], rate)
    return found


def _falls(losses: list[float]) -> bool:
    """Whether the last epochs have each made the loss smaller: no step was too large then."""
    return len(losses) >= FALLS and bool(np.all(np.diff(losses[-FALLS:]) < 0))


def _broken_now(exam: Exam) -> Finding:
    """A network that gives numbers that are not finite as it is."""
    operation, layer = exam.broken or ("unknown", "unknown")
    evidence = dict.fromkeys(("epoch", "batch", "weight", "gradient"), "unknown")
    evidence.update(operation=operation, layer=layer, loss=exam.loss)  # type: ignore[call-overload]
    return Finding("not_finite", "" if layer == LOSS else layer, evidence)


def _would_be_split(y: Any) -> Diagnosis:
    """Sorted labels, of which validation_split would take the last."""
    classes = data_checks.classes_of(y)
    if classes is None:
        return Diagnosis()
    cut = max(1, int(0.8 * len(classes)))
    return Diagnosis(data_checks.sorted_labels(classes[:cut], classes[cut:]))


__all__ = ["Doctor", "diagnose"]
