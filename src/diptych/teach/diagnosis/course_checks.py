"""What is wrong with the course of a training: its losses, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .exam import STEPS, Exam, times
from .findings import Finding
from .network_checks import is_poor, step_too_large

WINDOW = 10  # the last epochs
NEAR = 0.02  # a loss so near to the base, relative to it, is stuck there
LEAST_EPOCHS, LEAST_UPDATES = 3, 50  # after which a loss may be called stuck
SMOOTH = 3  # epochs whose mean stands for the end of the validation
WORSE = 1.3  # so many times its least value is a validation loss that has risen


def overfitting(losses: list[float], validation: list[float]) -> Iterator[Finding]:
    """A validation loss that rises while the training loss falls."""
    if len(validation) != len(losses) or not np.isfinite([*losses, *validation]).all():
        return
    if len(losses) < SMOOTH + 2:
        return
    best = int(np.argmin(validation))
    now = float(np.mean(validation[-SMOOTH:]))
    after = len(losses) - 1 - best
    if after >= SMOOTH and now > WORSE * validation[best] and losses[-1] < 0.8 * losses[best]:
        evidence = {
            "epoch": best + 1,
            "best": validation[best],
            "now": now,
            "trained": losses[best],
            "trained_now": losses[-1],
        }
        yield Finding("overfitting", "", evidence)


def rate_too_high(
    losses: list[float], exam: Exam | None, rate: dict[str, Any]
) -> Iterator[Finding]:
    """A loss that jumps up again and again, that ends above the loss of knowing nothing, or that
    trial updates make much larger.
    """
    finite = [loss for loss in losses if np.isfinite(loss)]
    base = None if exam is None else exam.base
    scale = base if base else (finite[0] if finite else 0.0)
    moves = np.diff(finite)[-WINDOW:]
    ups = moves[moves > 0]
    jumps = len(ups) >= 2 and float(ups.sum()) > 0.5 * scale > 0
    worse = base is not None and len(finite) > 1 and finite[-1] > 1.5 * base > 0
    blown = len(losses) > len(finite) > 1 and finite[-1] > finite[0]  # up to infinity
    worse = worse and finite[-1] > min(finite)  # and is not on its way down
    if jumps or worse or blown or (exam is not None and step_too_large(exam)):
        steps = None if exam is None else exam.steps
        evidence = {
            "rises": len(ups),
            "sum": float(ups.sum()),
            "steps": STEPS,
            "before": "unknown" if steps is None else steps.before,
            "after": "unknown" if steps is None else steps.after,
            "ratio": "unknown" if steps is None else steps.ratio,
            "base": "unknown" if base is None else base,
            "other": times(rate["rate"], 0.1),
            **rate,
        }
        yield Finding("learning_rate_too_high", "", evidence)


def stuck(losses: list[float], exam: Exam, updates: int) -> Iterator[Finding]:
    """A loss that stays at that of the best constant answer, after so many updates."""
    if exam.base is None or not exam.base > 0:
        return
    if len(losses) < LEAST_EPOCHS or updates < LEAST_UPDATES:
        return
    flat = abs(losses[len(losses) // 2] - losses[-1]) < NEAR * exam.base
    if flat and is_poor(exam) and abs(exam.loss - exam.base) < NEAR * exam.base:
        evidence = {"loss": exam.loss, "base": exam.base}
        yield Finding("stuck_at_base_rate", "", evidence)
