"""Signs that a training goes wrong: labels in order, a loss that begins far above guessing, NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..nested import flatten
from .mending import BINARY, ONE_HOT, SPARSE

SORTED_LABELS = (
    "The labels are sorted by class, and validation_split takes the last rows, so that some "
    "classes are only validated, and hardly trained. Shuffle first: "
    "order = np.random.permutation(len(x)); x, y = x[order], y[order]."
)
SMALL = 10  # inputs up to there are not what makes a loss large
FAR = 5  # times the loss of guessing, and so much above it
_MEANS = frozenset(["sum_over_batch_size", "mean", "mean_with_sample_weight"])


def loss_of_guessing(parts: list[tuple]) -> tuple[float, str] | None:
    """The loss of a model that gives all classes the same probability, and how it is computed;
    None where a loss is no cross-entropy.

    Args:
        parts: (kind, loss, number of units, labels) of each loss.
    """
    if len(parts) != 1:
        return None
    kind, loss, units, labels = parts[0]
    if getattr(loss, "reduction", None) not in _MEANS or "focal" in kind:
        return None
    if kind in BINARY:
        return math.log(2), "log(2)"
    if kind in SPARSE | ONE_HOT and units is not None and units > 1:
        one = math.log(units)
        each = 1.0 if kind in SPARSE else float(np.mean(np.sum(labels, axis=-1)))
        if abs(each - 1) < 1e-3:
            return one, f"log({units})"
        return each * one, f"{each:.3g} log({units})"  # labels that do not add up to 1
    return None


class LossWatch:
    """Looks at the loss after each step, or after as many as a plan makes at once.

    Args:
        model: the model; its running mean of the loss is looked at.
        guessing: the result of ``loss_of_guessing``, where it is worth a look; or None.
        x: the inputs of a batch, to tell their range.
    """

    def __init__(self, model: Any, guessing: tuple[float, str] | None, x: Any) -> None:
        self._model = model
        self._mean = model._loss_mean
        self._guessing = guessing
        self._x = x
        self._first: float | None = None  # the loss of the first step
        self._latest: float | None = None  # the mean of the steps before the latest, if finite
        self._steps = 0  # made in this epoch
        self._told = False

    def begin(self) -> None:
        """An epoch begins."""
        self._steps = 0

    def look(self, epoch: int, steps: int = 1) -> None:
        """Look at the loss, after this many more steps."""
        if self._told:
            return
        total = self._mean.total.array.item()
        self._steps += steps
        if total - total != 0.0:  # NaN or infinite
            self._told = True
            self._model._checks.tell(self._what_went_wrong(epoch, steps, total), "NaN")
            return
        count = self._mean.count.array.item()
        if count:
            self._latest = total / count
            if self._first is None:
                self._first = self._latest
                self._look_at_first()

    def _look_at_first(self) -> None:
        if self._guessing is None or self._first is None:
            return
        loss, how = self._guessing
        far = max(FAR * loss, FAR + loss)
        if self._first <= far:
            return
        self._first -= sum(float(one) for one in self._model.losses)
        if self._first > far:
            self._model._checks.tell(
                f"The loss of the first batch is {self._first:.3g}, where guessing gives {how} = "
                f"{loss:.3g}: the model begins as one that is sure and wrong. {_too_large(self._x)}"
            )

    def _what_went_wrong(self, epoch: int, steps: int, total: float) -> str:
        model = self._model
        at = f"step {self._steps}"
        if steps > 1:
            at = f"one of the steps {self._steps - steps + 1} to {self._steps}"
        became = "NaN" if math.isnan(total) else "infinite"
        where = f"The loss of model {model.name!r} became {became} in epoch {epoch + 1}, {at}."
        if model._checks.not_finite:
            return f"{where} The data are the cause: {model._checks.not_finite}."
        if self._first is None or self._latest is None:
            return (
                f"{where} It was so at once, before any update: a loss or layer of your own may "
                "divide by 0 or take the log or root of what is not positive; or inputs or initial "
                "weights are too large."
            )
        rate = _rate(model.optimizer)
        grew = ""
        if self._latest > 2 * self._first:
            grew = f" It had grown from {self._first:.3g} to {self._latest:.3g}."
        return (
            f"{where}{grew} The likely cause is the learning rate{rate[0]}: try {rate[1]}, or "
            "clipnorm=1.0 in the optimizer. Else look for a log, root or division in the loss."
        )


def _rate(optimizer: Any) -> tuple[str, str]:
    try:
        rate = float(optimizer.learning_rate)
    except (AttributeError, TypeError, ValueError):
        return "", "a tenth of it"
    return f", {rate:g}", f"{rate / 10:g}"


def _too_large(x: Any) -> str:
    """What may be too large, for a loss that begins high: the inputs, or else what meets them."""
    others = "the initial weights are, or the learning rate of an earlier training was."
    ends = _range(x)
    if ends is not None and max(map(abs, ends)) <= SMALL:
        return f"The inputs, from {ends[0]:g} to {ends[1]:g}, are not too large: {others}"
    given = "" if ends is None else f" (they range from {ends[0]:g} to {ends[1]:g})"
    return f"Mostly the inputs are too large{given}; bring them to about -1 to 1. Else {others}"


def _range(x: Any) -> tuple[float, float] | None:
    """The lowest and the highest number of the inputs; None if they are not all numbers."""
    leaves = [one for one in flatten(x) if isinstance(one, np.ndarray) and one.size]
    if not leaves or any(one.dtype.kind not in "biuf" for one in leaves):
        return None
    return float(min(one.min() for one in leaves)), float(max(one.max() for one in leaves))


__all__ = ["LossWatch", "loss_of_guessing"]
