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
from .table import html_table, text_table

# From a kink, gradients are compared this many steps beside it, with a step of a tenth: of the many
# kinks of a large network, another may be near.
BESIDE = 1000
MOST_MOVES = 10


@dataclass
class Check:
    """One tensor's gradient along one random direction."""

    what: str
    shape: tuple
    by_tape: float  # <gradient of L, direction>
    by_difference: float  # (L(t + h v) - L(t - h v)) / 2h
    error: float  # |difference of the two|, relative to the sum of magnitudes
    at_kink: bool = False  # whether the point given is at a kink; the numbers are from beside it


_ABOUT_KINKS = (
    "Beside a kink: within a step of the point given, a slope jumps, as that of relu at 0. No\n"
    "difference is the derivative there, so these were compared a little beside that point."
)


@dataclass
class GradientReport:
    """The result of ``gradcheck``. Printing shows a table; it is true if all gradients agree."""

    checks: list[Check] = field(default_factory=list)
    tolerance: float = 1e-6
    order: int = 1

    @property
    def max_error(self) -> float:
        return max((check.error for check in self.checks), default=0.0)

    @property
    def ok(self) -> bool:
        return all(check.error <= self.tolerance for check in self.checks)

    def __bool__(self) -> bool:
        return self.ok

    def _table(self) -> tuple[list[list[str]], str]:
        """The rows, and a note about kinks if there are any."""
        what = "gradient of" if self.order == 1 else "gradient of the gradient of"
        rows = [[what, "shape", "by the tape", "by differences", "relative error", ""]]
        for check in self.checks:
            verdict = "ok" if check.error <= self.tolerance else "WRONG"
            verdict += ", beside a kink" if check.at_kink else ""
            numbers = [f"{check.by_tape:.9g}", f"{check.by_difference:.9g}", f"{check.error:.1e}"]
            rows.append([check.what, str(check.shape), *numbers, verdict])
        return rows, _ABOUT_KINKS if any(c.at_kink for c in self.checks) else ""

    def __str__(self) -> str:
        rows, note = self._table()
        return "\n".join([text_table(rows), *([note] if note else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(*self._table())


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
    order: int = 1,
) -> GradientReport:
    """Compare the gradients of a function, layer, loss or whole model with central differences, in
    float64.

    For every float input and every trainable weight t, a random direction v is drawn, and the
    derivative of L = <c, target(x)> along v, with a random c, is found twice: by the tape, as
    <dL/dt, v>, and as (L(t + h v) - L(t - h v)) / 2h. (A plain sum instead of the random c would
    let a wrong softmax pass.)

    With ``order=2``, gradients of gradients are compared: in the place of L stands the sum over all
    t of <dL/dt, w>, with random w. Its derivatives by t are a Hessian-vector product, H w, and the
    differences are those of first gradients.

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
        order: 1 for gradients, 2 for gradients of gradients.

    Returns:
        A ``GradientReport``, true if all gradients agree. Where the function has a kink (relu at 0,
        equal numbers in max pooling), differences say nothing: if they disagree there, a point
        beside it is checked instead, and the report says so.

    Raises:
        NotImplementedError: order is 2, and the gradient of something in the target has none.
        ValueError: ``order`` is neither 1 nor 2.
    """
    if order not in (1, 2):
        raise ValueError(f"gradcheck compares gradients of order 1 or 2; got order={order!r}.")
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

        def terms() -> list:
            outputs = flatten(compute())
            return [ops.multiply(t, c) for t, c in zip(outputs, cotangents, strict=True)]

        if order == 2:
            terms = _terms_of_gradients(terms, list(named.values()), rng)
        checks = _check_all(terms, named, rng, step, tolerance)
        return GradientReport(checks, tolerance, order)


def _terms_of_gradients(terms: Callable[[], list], tensors: list, rng: Any) -> Callable[[], list]:
    """The terms of the sum of <dL/dt, w> over tensors t with random w, from the terms of L."""
    directions = [rng.normal(size=t.shape) for t in tensors]

    def products() -> list:
        with GradientTape() as tape:
            tape.watch(tensors)
            loss = terms()
        gradients = zip(tape.gradient(loss, tensors), directions, strict=True)
        return [ops.multiply(g, w) for g, w in gradients if g is not None]

    return products


def _check_all(
    terms: Callable[[], list], named: dict, rng: Any, step: float, tolerance: float
) -> list[Check]:
    originals = {what: tensor.array for what, tensor in named.items()}
    point = _Point(terms, named, rng, step, tolerance)
    checks = {check.what: check for check in point.checks(list(named))}
    beside = BESIDE * step
    try:
        for _ in range(MOST_MOVES):
            again = [what for what, check in checks.items() if point.bends(check)]
            if not again:
                break
            point.step = step / 10
            for tensor in named.values():
                tensor.array = tensor.array + beside * rng.normal(size=tensor.shape)
            for check in point.checks(again):
                check.at_kink = True
                checks[check.what] = check
    finally:
        for what, tensor in named.items():
            tensor.array = originals[what]
    return list(checks.values())


class _Point:
    """A scalar L, the sum of all elements of its terms, compared where its tensors are now."""

    def __init__(
        self, terms: Callable[[], list], named: dict, rng: Any, step: float, tolerance: float
    ) -> None:
        self.terms, self.named = terms, named
        self.rng, self.step, self.tolerance = rng, step, tolerance
        self.directions: dict[str, np.ndarray] = {}
        # If a gradient is exactly zero (of a bias before a softmax), the finite difference is only
        # rounding error: that of the terms of L, in a few sums, divided by the step.
        magnitudes = sum(float(np.sum(np.abs(term.array))) for term in terms())
        self.rounding = 4 * float(np.spacing(magnitudes))

    def scalar(self) -> Any:
        return sum([ops.sum(term) for term in self.terms()], ops.zeros((), "float64"))

    def along(self, what: str, distance: float) -> float:
        """L(t + distance v)."""
        tensor = self.named[what]
        original = tensor.array
        tensor.array = original + distance * self.directions[what]
        try:
            return float(self.scalar().array)
        finally:
            tensor.array = original

    def checks(self, names: list[str]) -> list[Check]:
        """The gradients of these tensors, each along a new direction."""
        tensors = [self.named[what] for what in names]
        with GradientTape() as tape:
            tape.watch(tensors)
            value = self.scalar()
        gradients = tape.gradient(value, tensors)
        return [
            self._check(what, tensor, gradient)
            for what, tensor, gradient in zip(names, tensors, gradients, strict=True)
        ]

    def _check(self, what: str, tensor: Any, gradient: Any) -> Check:
        gradient = np.zeros(tensor.shape) if gradient is None else np.asarray(gradient, np.float64)
        direction = self.directions[what] = self.rng.normal(size=tensor.shape)
        by_tape = float(np.sum(gradient * direction))
        ahead, behind = self.along(what, self.step), self.along(what, -self.step)
        by_difference = (ahead - behind) / (2 * self.step)
        magnitude = max(float(np.sum(np.abs(gradient * direction))), abs(by_difference), 1e-8)
        magnitude = max(magnitude, self.rounding / self.step / max(self.tolerance, 1e-12))
        error = abs(by_tape - by_difference) / magnitude
        return Check(what, tensor.shape, by_tape, by_difference, error)

    def bends(self, check: Check) -> bool:
        """Whether a gradient disagrees, and a kink may be why.

        Where L is smooth, (L(t + h v) - L(t - h v)) / 2h hardly depends on the step h, and
        (L(t + h v) + L(t - h v) - 2 L(t)) / h is proportional to it. A kink within the step changes
        that.
        """
        if check.error <= self.tolerance:
            return False
        here, short = self.along(check.what, 0.0), self.step / 10
        (slope, bend), (slope_of_short, bend_of_short) = (
            ((ahead - behind) / (2 * h), (ahead + behind - 2 * here) / h)
            for h in (self.step, short)
            for ahead, behind in [(self.along(check.what, h), self.along(check.what, -h))]
        )
        unlike_smooth = max(abs(slope_of_short - slope), abs(bend_of_short - bend / 10))
        disagreement = abs(check.by_tape - check.by_difference)
        return unlike_smooth > max(disagreement / 100, 10 * self.rounding / short)


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
    layers += [] if compiled is None else [part.function for part in compiled.parts]
    symbols = [
        t for layer in layers for t in getattr(getattr(layer, "_function", None), "inputs", ())
    ]
    # A loss without a dtype of its own takes that of the predictions.
    holders = [
        thing
        for thing in [*layers, *symbols]
        if getattr(getattr(thing, "_dtype", None), "kind", "") == "f"
    ]
    dtypes = [thing._dtype for thing in holders]
    variables = [v for v in getattr(target, "variables", ()) if v.dtype.kind == "f"]
    arrays = [v.array for v in variables]
    try:
        for thing in holders:
            thing._dtype = np.dtype(np.float64)
        for variable in variables:
            variable.array = variable.array.astype(np.float64)
        yield
    finally:
        for thing, dtype in zip(holders, dtypes, strict=True):
            thing._dtype = dtype
        for variable, array in zip(variables, arrays, strict=True):
            variable.array = array
        Structure.version += 1
