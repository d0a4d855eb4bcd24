"""The table that ``model.summary()`` prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from .. import engine as _engine
from ..graph import Node
from ..layers.layer import Layer
from ..layers.structures import map_shapes
from ..nested import flatten, map_structure
from .costs import Costs, costs_of
from .order import Order
from .summary_table import column_widths, table

UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
NARROWEST = 4  # characters of a column
ALIGNMENT = {"Param #": ">", "Trainable": "^", "Memory": ">", "Mult-Adds": ">"}
# How a table with costs is divided among its columns; all others are divided as Keras's are.
SHARES = {
    "Layer (type)": 19,
    "Output Shape": 17,
    "Param #": 12,
    "Connected to": 17,
    "Trainable": 7,
    "Memory": 12,
    "Mult-Adds": 15,
}


def summary_text(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
    show_costs: bool = False,
) -> str:
    """Return the table as Keras 3 prints it: a row for each layer with its output shape, its number
    of weights and, where the graph has branches, the sources of its input.
    """
    rows = _Rows(model, expand_nested, show_trainable, show_costs)
    lines = [f'Model: "{model.name}"']
    body = [row for step in _selected(rows.steps, layer_range) for row in rows.of(step)]
    lines += table(rows.head, body, _widths(rows, line_length, positions), rows.alignment)
    trained, frozen = model.trainable_variables, model.non_trainable_weights
    optimizer = getattr(model, "optimizer", None)
    slots = list(optimizer.variables) if optimizer is not None and optimizer.built else []
    lines += [
        _total("Total", [*trained, *frozen, *slots]),
        _total("Trainable", trained),
        _total("Non-trainable", frozen),
    ]
    if slots:
        lines.append(_total("Optimizer", slots))
    if show_costs:
        lines += _totals(model, rows.costs[model])
    return "\n".join(lines) + "\n"


class _Rows:
    """The columns of the table, and the rows of each layer.

    Attributes:
        steps: the layers, and the calls of operations outside layers, in their order.
    """

    def __init__(
        self, model: Any, expand_nested: bool, show_trainable: bool, show_costs: bool
    ) -> None:
        self.expand_nested = expand_nested
        self.show_trainable = show_trainable
        self.costs: dict[Any, Costs] = costs_of(model) if show_costs else {}
        self.steps: list[Any] = list(model.layers)
        self.calls: set[Node] = set()
        self.branched = False
        if model._function is not None and not hasattr(model, "_stack"):
            order = Order(model._function.inputs, model._function.outputs)
            self.steps, self.calls = order.steps, set(order.depth)
            self.branched = not order.is_chain
        self.names = _names_of_operations(self.steps)
        self.head = ["Layer (type)", "Output Shape", "Param #"]
        self.length, self.positions = 88, [0.45, 0.8, 1.0]
        if self.branched:
            self.head.append("Connected to")
            self.length, self.positions = 108, [0.3, 0.56, 0.74, 1.0]
        if show_trainable:
            self.head.append("Trainable")
            self.length += 12
            self.positions = [position * 0.9 for position in self.positions] + [1.0]
        if show_costs:
            self.head += ["Memory", "Mult-Adds"]
            self.length += 24
            shares = list(accumulate(SHARES[name] for name in self.head))
            self.positions = [share / shares[-1] for share in shares]
        self.alignment = [ALIGNMENT.get(name, "<") for name in self.head]

    def of(self, step: Any, depth: int = 0) -> list[list[str]]:
        """The row of a layer or an operation, and with `expand_nested` those of layers inside."""
        is_layer = isinstance(step, Layer)
        prefix = "   " * depth + "└ " if depth else ""
        name = step.name if is_layer else self.names[step]
        type_name = type_name_of(step) if is_layer else _in_camel_case(self.names[step])
        row = [f"{prefix}{name} ({type_name})", _shape_of(step), _count(step)]
        if self.branched:
            row.append(self._sources(step))
        if self.show_trainable:
            weights = step.weights if is_layer else ()
            row.append(("Y" if step.trainable else "N") if weights else "-")
        if self.costs:
            costs = self.costs.get(step, Costs())
            row += [_bytes(costs.output_bytes), _number(costs.multiply_adds)]
        rows = [row]
        if self.expand_nested and hasattr(step, "layers"):
            if self.costs:
                self.costs = {**costs_of(step), **self.costs}
            for inner in step.layers:
                rows += self.of(inner, depth + 1)
        return rows

    def _sources(self, step: Any) -> str:
        """What the calls of this model took: names with the numbers of the call and the output."""
        nodes = step._nodes if isinstance(step, Layer) else [step]
        return (
            ", ".join(
                self._source(tensor.node, tensor.index)
                for node in nodes
                if node in self.calls
                for tensor in node.inputs
                if tensor.node is not None
            )
            or "-"
        )

    def _source(self, node: Node, index: int) -> str:
        layer = node.operation
        if not isinstance(layer, Layer):
            return f"{self.names[node]}[0][{index}]"
        return f"{layer.name}[{layer._nodes.index(node)}][{index}]"


def type_name_of(layer: Layer) -> str:
    """A layer's class; a model that was made of a graph is "Functional", as in Keras."""
    name = type(layer).__name__
    return "Functional" if name == "Model" and getattr(layer, "_function", None) else name


def _names_of_operations(steps: list[Any]) -> dict[Node, str]:
    """A name for each call of an operation outside layers, which no other step has."""
    taken = Counter(step.name for step in steps if isinstance(step, Layer))
    names = {}
    for node in steps:
        if isinstance(node, Layer):
            continue
        operation = node.operation
        base = getattr(operation, "name", "") or getattr(operation, "__name__", "operation")
        name, number = base, 0
        while taken[name]:
            number += 1
            name = f"{base}_{number}"
        taken[name] += 1
        names[node] = name
    return names


def _in_camel_case(name: str) -> str:
    """expand_dims_2 -> ExpandDims."""
    return re.sub(r"_\d+$", "", name).title().replace("_", "")


def _selected(steps: list[Any], layer_range: Any) -> list[Any]:
    """The steps from the first layer whose name fits the first regular expression to the last whose
    name fits the second.
    """
    if layer_range is None:
        return steps
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise ValueError(
            f"layer_range={layer_range!r}; expected the names of two layers, the first and the "
            "last to show, or regular expressions for them."
        )
    names = [step.name if isinstance(step, Layer) else "" for step in steps]
    places = []
    for pattern in layer_range:
        places.append([i for i, name in enumerate(names) if name and re.match(pattern, name)])
        if not places[-1]:
            raise ValueError(f"layer_range names {pattern!r}; the model's layers are {names}.")
    first, last = places
    if min(first) > max(last):
        first, last = last, first
    return steps[min(first) : max(last) + 1]


def _shape_of(step: Any) -> str:
    """The shape of the last call's output, or the one for which a layer was built."""
    if not isinstance(step, Layer):
        shapes = map_structure(lambda tensor: _Shape(tensor.shape), step.outputs)
    elif step._nodes:
        shapes = map_structure(lambda tensor: _Shape(tensor.shape), step._nodes[-1].outputs)
    elif step._build_shapes is not None:
        try:
            found = step.output_shape_for(step._build_shapes)
        except Exception:
            return "?"  # it does not say, or cannot be tried on zeros
        shapes = map_shapes(_Shape, found)
    else:
        return "?"
    leaves = flatten(shapes)
    shapes = list(shapes) if isinstance(shapes, tuple) else shapes
    return str(leaves[0]) if len(leaves) == 1 else str(shapes).replace("'", "")


class _Shape:
    """A shape as a leaf of nested structures."""

    def __init__(self, sizes: Any) -> None:
        self.text = f"({', '.join(map(str, sizes))})"

    def __repr__(self) -> str:
        return self.text


def _count(step: Any) -> str:
    if not isinstance(step, Layer):
        return "0"
    return f"{step.count_params():,}" if step.built else "0 (unbuilt)"


def _widths(rows: _Rows, line_length: int | None, positions: Sequence[float] | None) -> list[int]:
    """The columns' widths for a table of `line_length` characters, whose columns end at
    `positions`: shares of the length, or numbers of characters.
    """
    ends = list(rows.positions if positions is None else positions)
    if rows.show_trainable and len(ends) == len(rows.head) - 1 and ends[-1] <= 1:
        ends = [end * 0.9 for end in ends] + [1.0]
    if len(ends) != len(rows.head):
        raise ValueError(
            f"summary() got {len(ends)} positions, {ends}; the table has {len(rows.head)} columns, "
            f"{rows.head}: give the end of each."
        )
    widths = column_widths(len(ends), line_length, rows.length, ends)
    if min(widths) < NARROWEST:
        raise ValueError(
            f"summary() needs at least {NARROWEST} characters for each of its columns {rows.head}; "
            f"with line_length={line_length} and positions={ends} they have {widths}. Give a "
            "larger line_length, or increasing positions that are further apart."
        )
    return widths


def _total(what: str, variables: Sequence[Any]) -> str:
    count = sum(variable.size for variable in variables)
    # A single number has four bytes in Keras; ours of the optimizer have eight.
    size = sum(variable.array.nbytes if variable.shape else 4 for variable in variables)
    return f" {what} params: {count:,} ({_bytes(size)})"


def _totals(model: Any, costs: Costs) -> list[str]:
    engine = _engine.get(model.engine) if model.engine else _engine.current()
    return [
        f" Memory of all outputs of one sample: {_bytes(costs.output_bytes)}",
        f" Multiply-adds of one sample: {_number(costs.multiply_adds)}",
        f" Engine: {engine.name}",
    ]


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _bytes(size: float | None) -> str:
    if size is None:
        return "?"
    for unit in UNITS:
        if size < 1024 or unit == UNITS[-1]:
            return f"{size:.2f} {unit}"
        size /= 1024
    return ""
