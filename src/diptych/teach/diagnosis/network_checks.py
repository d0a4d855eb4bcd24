"""What is wrong inside the network: units, gradients by depth, the size of updates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .exam import SLOW, STEPS, Activation, Exam, Stage, times
from .findings import Finding

FEW_ROWS = 8  # on fewer, a unit may well be 0 that is not dead
MANY_DEAD = 1 / 3  # of the units of a layer: an ailment in any case
SOME_DEAD = 0.1  # of them: one in a network that has not learned
SOME_DARK = 0.1  # of the rows
FLAT = {"sigmoid": 0.01 / 4, "tanh": 0.01}  # a slope below it is a hundredth of the largest
MOST_FLAT = 0.5  # of the values of a layer
DEPTH = 4  # layers, from which a gradient can vanish or explode on its way
FAINT, LOUD = 1e-3, 1e3  # the gradient at the first of them, relative to the last
UPWARDS = 0.5  # a rise of the loss by trial updates, relative to that of knowing nothing
POOR = 0.5  # less of the way learned is not much


def is_poor(exam: Exam) -> bool:
    """Whether the network has not learned much."""
    return not exam.learned > POOR


def dead_units(exam: Exam, trained: bool, since: dict[str, Any]) -> Iterator[Finding]:
    """Units of relu that are 0 on every row.

    Args:
        trained: whether the network has been trained.
        since: the epochs in which layers were first seen to have dead units.
    """
    for one in exam.activations:
        if one.kind != "relu" or not one.y.size or exam.rows < FEW_ROWS:
            continue
        dead = one.dead
        share = dead.mean()
        if share >= MANY_DEAD or (trained and is_poor(exam) and share >= SOME_DEAD):
            numbers = np.flatnonzero(dead)
            evidence = {
                "count": len(numbers),
                "units": len(dead),
                "dead": numbers.tolist(),
                "rows": exam.rows,
                "largest": _largest(one.z, numbers, np.max),
                "slope": _largest(one.dz, numbers, _largest_size),
                "gradient": _largest(_gradient(one, len(dead)), numbers, _largest_size),
                "since": since.get(one.layer, "now"),
                "recover": _recovery(one.stage),
            }
            yield Finding("dead_units", one.layer, evidence)


def blind_rows(exam: Exam) -> Iterator[Finding]:
    """Rows with different labels for which all units of a relu layer are 0, in a network that has
    not learned much.
    """
    if exam.labels is None or not is_poor(exam):
        return
    for one in exam.activations:
        if one.kind != "relu" or one.is_output or len(one.y) != exam.rows or one.y.ndim < 2:
            continue
        dark = np.flatnonzero((one.y.reshape(exam.rows, -1) <= 0).all(axis=1))
        if len(dark) < SOME_DARK * exam.rows or len(dark) == exam.rows:  # then all units are dead
            continue
        labels = np.unique(exam.labels[dark].reshape(len(dark), -1), axis=0)
        if len(labels) > 1:
            z, dz = one.z, one.dz
            evidence = {
                "count": len(dark),
                "rows": exam.rows,
                "labels": len(labels),
                "largest": "unknown" if z is None else float(z[dark].max()),
                "slope": "unknown" if dz is None else float(np.abs(dz[dark]).max()),
            }
            yield Finding("blind_rows", one.layer, evidence)


def _gradient(one: Activation, units: int) -> np.ndarray | None:
    """The gradient of the weights before, if these lead to the units."""
    gradient = None if one.stage is None else one.stage.gradient
    return gradient if gradient is not None and gradient.shape[-1] == units else None


def _largest_size(values: np.ndarray) -> Any:
    return np.abs(values).max()


def _largest(values: np.ndarray | None, units: np.ndarray, of: Any) -> Any:
    if values is None:
        return "unknown"
    return float(of(values[..., units]))


def _recovery(stage: Stage | None) -> str:
    if stage is None or not stage.learns_before:
        return "never"
    return "maybe" if stage.slope_before else "blocked"


def saturated_units(exam: Exam, trained: bool) -> Iterator[Finding]:
    """Values of sigmoid and tanh in the flat ends, in a network that has not learned much."""
    if trained and not is_poor(exam):
        return
    for one in exam.activations:
        if one.kind not in FLAT or one.is_output or not one.y.size:
            continue
        y = one.y.astype(np.float64)
        slope = y * (1 - y) if one.kind == "sigmoid" else 1 - y * y
        share = float((slope < FLAT[one.kind]).mean())
        if share > MOST_FLAT:
            z = one.z
            largest = "unknown" if z is None else float(np.abs(z).max())
            evidence = {"kind": one.kind, "share": round(100 * share), "largest": largest}
            yield Finding("saturated_units", one.layer, evidence)


def gradients_by_depth(exam: Exam, trained: bool) -> Iterator[Finding]:
    """Gradients that vanish or explode on their way from the last layer to the first."""
    slopes = [(s.layer, s.slope) for s in exam.stages if s.slope is not None]
    if len(slopes) < DEPTH:
        return
    (layer, first), (_, last) = slopes[0], slopes[-1]
    if not (first and last) or not np.isfinite(first / last):
        return
    ratio = first / last
    evidence = {
        "depth": len(slopes),
        "first": first,
        "last": last,
        "ratio": ratio,
        "norms": [slope for _, slope in slopes],
    }
    if ratio < FAINT and (is_poor(exam) or not trained):
        yield Finding("vanishing_gradients", layer, evidence)
    elif ratio > LOUD:
        yield Finding("exploding_gradients", layer, evidence)


def identical_units(exam: Exam) -> Iterator[Finding]:
    """Hidden layers whose units have the same weights, before them and behind them: where those
    behind differ, the first update makes the units different.
    """
    for stage, after in zip(exam.stages, exam.stages[1:], strict=False):
        if stage.kernel is None or after.kernel is None or not stage.kernel.trainable:
            continue
        before, behind = stage.kernel.array, after.kernel.array
        units = before.shape[-1]
        if units < 2 or behind.shape[-2] != units:
            continue
        differences = [np.abs(before - before[..., :1]), np.abs(behind - behind[..., :1, :])]
        sizes = [np.abs(before).max(), np.abs(behind).max()]
        if all(d.max() <= 1e-6 * size for d, size in zip(differences, sizes, strict=True)):
            evidence = {"units": units, "difference": float(differences[0].max())}
            yield Finding("identical_units", stage.layer, evidence)


def constant_output(exam: Exam, y: Any) -> Iterator[Finding]:
    """An output that is the same for rows that differ."""
    if len(exam.outputs) != 1 or exam.rows < 2 or not isinstance(y, np.ndarray):
        return
    output = exam.outputs[0]
    spread = float(output.std(axis=0).max(initial=0.0))
    if y.dtype.kind in "biuf" and y.std() > 0 and spread < 1e-4 * max(1.0, np.abs(output).max()):
        first = [float(value) for value in output[0].ravel()]
        evidence = {
            "rows": exam.rows,
            "output": first if len(first) > 1 else first[0],
            "spread": float(np.ptp(output, axis=0).max()),
        }
        yield Finding("constant_output", "", evidence)


def step_too_large(exam: Exam) -> bool:
    """Whether trial updates make the loss much larger."""
    steps = exam.steps
    if steps is None:
        return False
    scale = max(abs(steps.before), exam.base or 0.0)  # labels out of reach make it negative
    return not np.isfinite(steps.after) or steps.after - steps.before > UPWARDS * scale


def step_too_small(exam: Exam, losses: list[float], rate: dict[str, Any]) -> Iterator[Finding]:
    """Trial updates that gain nothing where larger ones gain much, after a training that has gained
    nothing either.
    """
    steps = exam.steps
    if steps is None or steps.after_faster is None or not is_poor(exam) or steps.ratio == 0:
        return
    if losses and (len(losses) < 2 or losses[-1] < 0.95 * losses[0]):
        return
    gain, faster = steps.before - steps.after, steps.before - steps.after_faster
    if gain < SLOW * steps.before and faster > max(10 * gain, 0.02 * steps.before):
        evidence = {
            "steps": STEPS,
            "before": steps.before,
            "after": steps.after,
            "faster": steps.faster,
            "better": steps.after_faster,
            "ratio": steps.ratio,
            "other": times(rate["rate"], 10.0),
            **rate,
        }
        yield Finding("learning_rate_too_low", "", evidence)
