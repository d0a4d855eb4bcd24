"""The same batch and weights on both engines, compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import engine as _engine
from .. import ops
from ..models import Model
from ..nested import flatten
from ..tape import GradientTape
from .table import html_table, text_table

ENGINES = ("reference", "fast")


@dataclass
class Row:
    """A result of both engines: a layer's output, the loss, or a weight's gradient."""

    what: str
    shape: tuple
    difference: float  # max |reference - fast|
    scale: float  # max |reference|
    milliseconds: tuple[float, float] | None  # reference, fast


@dataclass
class EngineComparison:
    """The result of ``compare_engines``. Printing it shows a table.

    Attributes:
        rows: one for each layer's output, the loss, and each weight's gradient.
        milliseconds: for each engine the time of forward and backward pass together.
    """

    rows: list[Row] = field(default_factory=list)
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def max_difference(self) -> float:
        """The largest |reference - fast| of all rows; NaN where only one engine gives NaN."""
        return float(np.max([row.difference for row in self.rows])) if self.rows else 0.0

    @property
    def max_relative_difference(self) -> float:
        """The largest difference, relative to the largest value of its own row."""
        return float(
            np.max([row.difference / row.scale for row in self.rows if row.scale > 0], initial=0.0)
        )

    def _table(self) -> tuple[list[list[str]], str]:
        """The rows, and a line about the times."""
        table = [["", "shape", "max |difference|", "max |value|", "reference ms", "fast ms"]]
        for row in self.rows:
            times = (
                ["", ""] if row.milliseconds is None else [f"{ms:.3f}" for ms in row.milliseconds]
            )
            table.append(
                [row.what, str(row.shape), f"{row.difference:.1e}", f"{row.scale:.3g}", *times]
            )
        reference, fast = (self.milliseconds[name] for name in ENGINES)
        total = (
            f"forward and backward: reference {reference:.3f} ms, fast {fast:.3f} ms "
            f"({reference / max(fast, 1e-9):.1f} times as fast)"
        )
        return table, total

    def __str__(self) -> str:
        table, total = self._table()
        return f"{text_table(table)}\n{total}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(*self._table())


def compare_engines(model: Any, x: Any, y: Any = None, repeats: int = 5) -> EngineComparison:
    """Run a batch through both engines with the model's weights, and compare what they compute.

    Args:
        model: a model, which the batch builds if necessary. It is not changed. An engine of its
            own, or of a model within it, does not count here.
        x: the inputs of one batch.
        y: its labels. With them and a compiled loss, the gradients are those of the loss; otherwise
            those of the sum of the outputs, each weighted by a fixed random number.
        repeats: the number of runs of each engine; the shortest time counts.

    Returns:
        An ``EngineComparison``: for each layer and each gradient the largest difference, and the
        times.
    """
    tensors = model._as_tensors(x, y)
    model(tensors[0], training=False)  # builds it if necessary
    weights = _cotangents(model, tensors[0])
    with _unbound(model):
        found = {name: _run(model, tensors, weights, name, repeats) for name in ENGINES}
    result = EngineComparison(milliseconds={name: run.total for name, run in found.items()})
    reference, fast = (found[name] for name in ENGINES)
    for what, value in reference.values.items():
        times = (reference.times[what], fast.times[what]) if what in reference.times else None
        result.rows.append(_row(what, value, fast.values[what], times))
    return result


@contextmanager
def _unbound(model: Any) -> Iterator[None]:
    """A block in which neither the model nor one within it has an engine of its own."""
    models = [one for one in model._flatten_layers() if isinstance(one, Model)]
    before = [one.engine for one in models]
    try:
        for one in models:
            one.engine = None
        yield
    finally:
        for one, engine in zip(models, before, strict=True):
            one.engine = engine


@dataclass
class _Run:
    values: dict[str, np.ndarray] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    total: float = float("inf")


def _run(model: Any, tensors: tuple, weights: list, engine: str, repeats: int) -> _Run:
    run = _Run()
    x, y, _ = tensors
    variables = model.trainable_variables
    for _ in range(max(repeats, 1)):
        with _engine.use(engine):
            run.values.clear()
            start = time.perf_counter()
            with GradientTape() as tape:
                y_pred = _forward(model, x, run)
                loss = _loss(model, y, y_pred, weights)
            gradients = tape.gradient(loss, variables)
            run.total = min(run.total, (time.perf_counter() - start) * 1e3)
        run.values["loss"] = loss.array
        for variable, gradient in zip(variables, gradients, strict=True):
            if gradient is not None:
                run.values[f"d loss / d {variable.path}"] = np.asarray(gradient)
    return run


def _forward(model: Any, x: Any, run: _Run) -> Any:
    """The model's outputs; for a graph, also the output and time of every layer."""
    function = model._function
    if function is None:
        y_pred = model(x, training=False)
        for i, tensor in enumerate(flatten(y_pred)):
            run.values[f"output {i}"] = tensor.array
        return y_pred
    last = time.perf_counter()

    def observe(node: Any, outputs: Any) -> None:
        nonlocal last
        spent = (time.perf_counter() - last) * 1e3
        what = _free_name(getattr(node.operation, "name", "operation"), run.values)
        run.times[what] = min(run.times.get(what, float("inf")), spent)
        for i, tensor in enumerate(flatten(outputs)):
            run.values[what if i == 0 else f"{what}[{i}]"] = tensor.array
        last = time.perf_counter()

    return function.run(model._arrange(x, function.inputs), False, observe)


def _free_name(name: str, taken: dict) -> str:
    """A unique name, for a layer that is called several times."""
    number = 2
    free = name
    while free in taken:
        free = f"{name}, call {number}"
        number += 1
    return free


def _cotangents(model: Any, x: Any) -> list[np.ndarray]:
    """A fixed random number for each entry of each output, the same for both engines."""
    rng = np.random.default_rng(0)
    with _engine.use("reference"):
        outputs = flatten(model(x, training=False))
    return [rng.normal(size=t.shape).astype(t.dtype) for t in outputs]


def _loss(model: Any, y: Any, y_pred: Any, weights: list) -> Any:
    if y is not None and model.compiled:
        return model.compute_loss(y=y, y_pred=y_pred, training=False)
    terms: list[Callable] = [
        ops.sum(ops.multiply(tensor, weight))
        for tensor, weight in zip(flatten(y_pred), weights, strict=True)
    ]
    total = terms[0]
    for term in terms[1:]:
        total = ops.add(total, term)
    return total


def _row(what: str, reference: np.ndarray, fast: np.ndarray, times: Any) -> Row:
    difference = np.abs(np.subtract(reference, fast, dtype=np.float64))
    same = (reference == fast) | (
        np.isnan(reference) & np.isnan(fast)
    )  # inf - inf is no difference
    difference = np.where(same, 0.0, difference)
    scale = np.max(np.abs(reference), initial=0.0)
    return Row(what, reference.shape, float(np.max(difference, initial=0.0)), float(scale), times)
