"""Gradients compared with finite differences."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import engine as _engine
from .. import losses as losses_module
from .. import ops
from ..layers.layer import Layer
from ..nested import flatten, map_structure
from ..tape import GradientTape
from ..tensor import Structure, Tensor
from .table import text_table


@dataclass
class Check:
    """One tensor's gradient along one random direction."""

    what: str
    shape: tuple
    by_tape: float  # <gradient, direction>
    by_difference: float  # (L(t + h v) - L(t - h v)) / 2h
    error: float  # |difference of the two|, relative to the sum of magnitudes


@dataclass
class GradientReport:
    """The result of ``gradcheck``. Printing shows a table; it is true if all gradients agree."""

    checks: list[Check] = field(default_factory=list)
    tolerance: float = 1e-6

    @property
    def max_error(self) -> float:
        return max((check.error for check in self.checks), default=0.0)

    @property
    def ok(self) -> bool:
        return all(check.error <= self.tolerance for check in self.checks)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        rows = [["gradient of", "shape", "by the tape", "by differences", "relative error", ""]]
        for check in self.checks:
            verdict = "ok" if check.error <= self.tolerance else "WRONG"
            numbers = [f"{check.by_tape:.9g}", f"{check.by_difference:.9g}", f"{check.error:.1e}"]
            rows.append([check.what, str(check.shape), *numbers, verdict])
        return text_table(rows)

    __repr__ = __str__


def gradcheck(
    target: Any,
    x: Any,
    y: Any = None,
    *,
    engine: str | None = None,
    step: float = 1e-5,
    tolerance: float = 1e-6,
    training: bool = False,
    seed: int = 0,
) -> GradientReport:
    """Compare the gradients of a function, layer, loss or whole model with central differences, in
    float64.

    For every float input and every trainable weight t, a random direction v is drawn, and the
    derivative of L = <c, target(x)> along v, with a random c, is found twice: by the tape, as
    <dL/dt, v>, and as (L(t + h v) - L(t - h v)) / 2h. (A plain sum instead of the random c would
    let a wrong softmax pass.)

    Args:
        target: a function of tensors, a ``Layer``, a ``Loss`` (then ``x`` is y_pred and ``y`` is
            y_true) or a ``Model``.
        x: the input, or a list of them; for a function, a tuple of its arguments.
        y: labels. A compiled model is then checked through its loss.
        engine: "fast" or "reference"; by default the model's own or the current engine.
        step: h.
        tolerance: the largest relative error that passes.
        training: passed on to layers and models.
        seed: of the random directions.

    Returns:
        A ``GradientReport``, true if all gradients agree. They disagree where the function has a
        kink (relu at 0): choose inputs away from such points.
    """
    rng = np.random.default_rng(seed)
    name = engine or getattr(target, "engine", None)
    compiled = getattr(target, "_loss", None)
    if compiled is not None and not compiled.built:
        compiled.build(target(map_structure(ops.convert_to_tensor, x)))
    with _engine.use(name or _engine.current()), in_float64(target):
        inputs = map_structure(_as_float64, x)
        leaves = [t for t in flatten(inputs) if t.dtype.kind == "f"]
        compute = _computation(target, inputs, y, training)
        outputs = [t for t in flatten(compute()) if isinstance(t, Tensor)]
        cotangents = [rng.normal(size=t.shape) for t in outputs]
        named = {f"input {i}" if len(leaves) > 1 else "input": t for i, t in enumerate(leaves)}
        if isinstance(target, losses_module.Loss):
            named = {"y_pred": leaves[0]}
        for variable in getattr(target, "trainable_variables", ()):
            named[variable.path] = variable
        checks = _check_all(compute, named, cotangents, rng, step, tolerance)
        return GradientReport(checks, tolerance)


def _check_all(
    compute: Callable, named: dict, cotangents: list, rng: Any, step: float, tolerance: float
) -> list[Check]:
    def scalar() -> Any:
        terms = [
            ops.sum(ops.multiply(t, c)) for t, c in zip(flatten(compute()), cotangents, strict=True)
        ]
        return sum(terms[1:], terms[0])

    with GradientTape() as tape:
        tape.watch([t for t in named.values()])
        value = scalar()
    gradients = tape.gradient(value, list(named.values()))
    # If a gradient is exactly zero (of a bias before a softmax), the finite difference is only
    # rounding error: that of the terms of L, divided by the step.
    terms = sum(
        float(np.sum(np.abs(t.array * c)))
        for t, c in zip(flatten(compute()), cotangents, strict=True)
    )
    rounding = float(np.spacing(terms)) / step
    checks = []
    for (what, tensor), gradient in zip(named.items(), gradients, strict=True):
        gradient = np.zeros(tensor.shape) if gradient is None else np.asarray(gradient, np.float64)
        direction = rng.normal(size=tensor.shape)
        original = tensor.array
        ends = []
        for sign in (1.0, -1.0):
            tensor.array = original + sign * step * direction
            ends.append(float(scalar().array))
        tensor.array = original
        by_tape = float(np.sum(gradient * direction))
        by_difference = (ends[0] - ends[1]) / (2 * step)
        magnitude = max(float(np.sum(np.abs(gradient * direction))), abs(by_difference), 1e-8)
        magnitude = max(magnitude, rounding / max(tolerance, 1e-12))
        checks.append(
            Check(
                what, tensor.shape, by_tape, by_difference, abs(by_tape - by_difference) / magnitude
            )
        )
    return checks


def _computation(target: Any, inputs: Any, y: Any, training: bool) -> Callable[[], Any]:
    """A function without arguments that computes the target from the current inputs."""
    if isinstance(target, losses_module.Loss):
        return lambda: target(y, inputs)
    if isinstance(target, Layer):
        if y is not None and getattr(target, "compiled", False):
            model: Any = target  # only models have a compiled loss
            labels = map_structure(_as_float64, y)
            return lambda: model.compute_loss(
                y=labels, y_pred=model(inputs, training=training), training=False
            )
        return lambda: target(inputs, training=training)
    return lambda: target(*inputs) if isinstance(inputs, tuple) else target(inputs)


def _as_float64(x: Any) -> Tensor:
    array = x.array if isinstance(x, Tensor) else np.asarray(x)
    return Tensor(array.astype(np.float64) if array.dtype.kind == "f" else array)


@contextlib.contextmanager
def in_float64(target: Any) -> Iterator[None]:
    """Context manager: a layer or loss stores its weights and computes in float64, a compiled model
    with its losses.
    """
    layers = list(target._flatten_layers()) if isinstance(target, Layer) else [target]
    compiled = getattr(target, "_loss", None)
    layers += [] if compiled is None else [f for f in compiled.functions if f is not None]
    symbols = [
        t for layer in layers for t in getattr(getattr(layer, "_function", None), "inputs", ())
    ]
    holders = [
        thing for thing in [*layers, *symbols] if isinstance(getattr(thing, "dtype", None), str)
    ]
    dtypes = [thing.dtype for thing in holders]
    variables = [v for v in getattr(target, "variables", ()) if v.dtype.kind == "f"]
    arrays = [v.array for v in variables]
    try:
        for thing in holders:
            if "float" in thing.dtype:
                thing.dtype = "float64"
        for variable in variables:
            variable.array = variable.array.astype(np.float64)
        yield
    finally:
        for thing, dtype in zip(holders, dtypes, strict=True):
            thing.dtype = dtype
        for variable, array in zip(variables, arrays, strict=True):
            variable.array = array
        Structure.version += 1
