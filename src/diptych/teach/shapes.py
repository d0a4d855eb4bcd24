"""The walk of shapes through a model, each step with its formula: ``explain_shapes``."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from ..layers.layer import Layer
from ..models import Model
from ..nested import flatten
from ..tensor import Tensor
from ..trial import Trial
from .capturing import capture
from .formulas import formulas, weights_formula


@dataclass
class ShapeStep:
    """One call of a layer.

    Attributes:
        name, kind: of the layer, and its class.
        inputs, outputs: the shapes, None for the batch size.
        formulas: where the sizes of the output come from, such as "steps: 10 - 3 + 1 = 8".
        weights: how the number of weights comes about, "3 x 4 x 16 + 16 = 208"; "" without weights.
        parameters: that number; 0 where the weights have been counted in an earlier call.
    """

    name: str
    kind: str
    inputs: list[tuple]
    outputs: list[tuple]
    formulas: list[str] = field(default_factory=list)
    weights: str = ""
    parameters: int = 0

    @property
    def title(self) -> str:
        given = ", ".join(map(_shown, self.inputs)) or "nothing"
        return f"{given} -> {', '.join(map(_shown, self.outputs))}"

    def lines(self) -> list[str]:
        """The formulas, the last the weights'."""
        return [*self.formulas, *([f"weights: {self.weights}"] if self.weights else [])]


@dataclass
class ShapeWalk:
    """The result of ``explain_shapes``. Printing shows each layer with its formulas.

    Attributes:
        model: its name.
        steps: one for each call of a layer, in order.
    """

    model: str
    steps: list[ShapeStep]

    @property
    def parameters(self) -> int:
        """The number of all weights."""
        return sum(step.parameters for step in self.steps)

    def __getitem__(self, name: str) -> ShapeStep:
        """The first call of the layer with this name."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"No layer {name!r}; there are {', '.join(s.name for s in self.steps)}.")

    def __str__(self) -> str:
        columns = shutil.get_terminal_size((80, 24)).columns
        width = max((len(f"{s.name} ({s.kind})") for s in self.steps), default=0)
        width = min(width, columns // 2)
        lines = [f"Shapes in {self.model} (N: the batch size)", ""]
        for step in self.steps:
            lines.append(f"{f'{step.name} ({step.kind})':<{width}}  {step.title}")
            for line in step.lines():
                lines += textwrap.wrap(
                    line, columns, initial_indent=" " * 4, subsequent_indent=" " * 8
                )
        counts = [f"{step.parameters:,}" for step in self.steps if step.parameters]
        together = f"{' + '.join(counts)} = {self.parameters:,}" if len(counts) > 1 else ""
        total = f"all weights: {together or f'{self.parameters:,}'}"
        return "\n".join([*lines, "", *textwrap.wrap(total, columns, subsequent_indent=" " * 4)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cell = 'style="text-align: left; vertical-align: top"'
        rows = [
            f"<tr><td {cell}>{escape(step.name)}<br><small>{escape(step.kind)}</small></td>"
            f"<td {cell}>{escape(step.title)}</td>"
            f"<td {cell}>{'<br>'.join(escape(line) for line in step.lines())}</td>"
            f'<td style="text-align: right; vertical-align: top">{step.parameters:,}</td></tr>'
            for step in self.steps
        ]
        head = "".join(f"<th {cell}>{title}</th>" for title in ("layer", "shapes", "why"))
        return (
            f"<p>Shapes in {escape(self.model)} (N: the batch size)</p>\n<table>\n<tr>{head}"
            "<th>weights</th></tr>\n" + "\n".join(rows) + f'\n<tr><td colspan="3" {cell}>all</td>'
            f'<td style="text-align: right">{self.parameters:,}</td></tr>\n</table>'
        )


def explain_shapes(model: Model, x_shape: Any = None) -> ShapeWalk:
    """Walk through the shapes in a model, and say where each size and number of weights is from.

    Args:
        model: any model, or a layer. What is not built yet is, for these shapes; nothing else
            changes.
        x_shape: the shape of the input with the batch, None for any batch size, such as (None, 28,
            28, 1); or a list of shapes. By default that of the model's inputs.

    Returns:
        A ``ShapeWalk``: print it, or take the formulas out of it.

    Raises:
        ValueError: no shape is known, or it has unknown sizes besides the batch; or it is no model.
    """
    if not isinstance(model, Layer):
        raise ValueError(f"explain_shapes() takes a model or a layer; got {type(model).__name__}.")
    given = _input_shapes(model, x_shape)
    arrays = [_zeros(shape, dtype) for shape, dtype in given]
    batch = None if given[0][0][0] is None else given[0][0][0]
    with Trial(), np.errstate(all="ignore"), capture(model, kinds=()) as c:
        model(arrays[0] if len(arrays) == 1 else arrays, training=False)
    steps: list[ShapeStep] = []
    counted: set[int] = set()
    for entry in c[0]:
        around = entry.name.rpartition("/")[0]
        is_inside = around in c[0].layers and not isinstance(c[0].layers[around].layer, Model)
        if is_inside or isinstance(entry.layer, Model):
            continue
        for call in entry.calls:
            new = [v for v in entry.layer.weights if id(v) not in counted]
            counted.update(id(v) for v in entry.layer.weights)
            shared = "" if new or not entry.layer.weights else "those of the call before"
            steps.append(
                ShapeStep(
                    entry.name,
                    type(entry.layer).__name__,
                    [_with_batch(shape, batch) for shape in call.input_shapes],
                    [_with_batch(shape, batch) for shape in call.output_shapes],
                    formulas(entry.layer, call.input_shapes, call.output_shapes),
                    shared or weights_formula(entry.layer),
                    sum(v.size for v in new),
                )
            )
    return ShapeWalk(model.name, steps)


def _input_shapes(model: Any, x_shape: Any) -> list[tuple[tuple, Any]]:
    """The shapes and dtypes of the inputs."""
    symbols = getattr(model, "inputs", None) or []
    dtypes = [symbol._dtype for symbol in symbols]
    if x_shape is not None:
        is_one = all(size is None or isinstance(size, (int, np.integer)) for size in x_shape)
        shapes = [tuple(x_shape)] if is_one else [tuple(shape) for shape in x_shape]
    elif symbols:
        shapes = [symbol.shape for symbol in symbols]
    else:
        shapes = [shape for shape in _built_for(model) if shape]
    if not shapes or any(None in shape[1:] for shape in shapes):
        known = ", ".join(map(_shown, shapes)) or "unknown"
        raise ValueError(
            f"The input of {model.name!r} has sizes that only the data tell: its shape is {known}. "
            "Give one, with None for the batch: explain_shapes(model, (None, 20, 8))."
        )
    dtypes += [getattr(model, "_dtype", np.dtype("float32"))] * (len(shapes) - len(dtypes))
    return list(zip(shapes, dtypes, strict=False))


def _built_for(model: Any) -> Iterable[tuple]:
    """The shapes for which a model was built without a graph."""
    shapes: Any = getattr(model, "_build_shapes", None)
    is_one = isinstance(shapes, (list, tuple)) and not any(
        isinstance(part, (list, tuple)) for part in shapes
    )
    return [tuple(shapes)] if is_one else [tuple(shape) for shape in flatten(shapes) if shape]


def _zeros(shape: tuple, dtype: Any) -> Any:
    sizes = [1 if size is None else size for size in shape]
    return Tensor(np.full(sizes, "", object) if dtype.kind == "O" else np.zeros(sizes, dtype))


def _with_batch(shape: tuple, batch: int | None) -> tuple:
    """The shape with None for a batch size that was not given."""
    return (None, *shape[1:]) if batch is None and shape[:1] == (1,) else tuple(shape)


def _shown(shape: tuple) -> str:
    sizes = ["N" if i == 0 and size is None else str(size) for i, size in enumerate(shape)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
