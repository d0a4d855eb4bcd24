"""The table that ``model.summary()`` prints."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from ..layers.layer import Layer
from ..nested import flatten

UNITS = ("B", "KB", "MB", "GB")


def summary_text(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> str:
    """Return the table: a row for each layer with its output shape, its number of weights and the
    source of its input.
    """
    layers = _selected(model.layers, layer_range)
    branched = not hasattr(model, "_stack") and _is_branched(model)
    head = ["Layer (type)", "Output Shape", "Param #"]
    head += ["Connected to"] if branched else []
    head += ["Trainable"] if show_trainable else []
    widths = None
    if line_length is not None or positions is not None:
        widths = _widths(head, line_length, positions)
    rows = []
    for step in layers if layer_range else _steps(model):
        if isinstance(step, Layer):
            rows += _rows(step, model, branched, show_trainable, expand_nested, 0)
        else:
            shape = ", ".join(str(tuple(t.shape)) for t in flatten(step.outputs))
            row = [f"{_name(step)} (operation)", shape, "0"]
            row += [_sources_of([step])] if branched else []
            rows.append(row + (["-"] if show_trainable else []))
    lines = [f'Model: "{model.name}"', *_table(head, rows, widths)]
    trained = sum(v.size for v in model.trainable_variables)
    frozen = sum(v.size for v in model.non_trainable_variables)
    lines.append(f" Total params: {trained + frozen:,} ({_bytes(model.variables)})")
    lines.append(f" Trainable params: {trained:,} ({_bytes(model.trainable_variables)})")
    lines.append(f" Non-trainable params: {frozen:,} ({_bytes(model.non_trainable_variables)})")
    optimizer = getattr(model, "optimizer", None)
    slots = list(getattr(optimizer, "variables", ()) or ())
    if slots and getattr(optimizer, "built", False):
        lines.append(f" Optimizer params: {sum(v.size for v in slots):,} ({_bytes(slots)})")
    return "\n".join(lines)


def _selected(layers: list[Layer], layer_range: Any) -> list[Layer]:
    if not layer_range:
        return layers
    names = [layer.name for layer in layers]
    for name in layer_range:
        if name not in names:
            raise ValueError(f"layer_range names {name!r}; the model's layers are {names}.")
    first, last = (names.index(name) for name in layer_range)
    return layers[first : last + 1]


def _rows(
    layer: Any, model: Any, branched: bool, show_trainable: bool, expand: bool, depth: int
) -> list[list[str]]:
    mark = "    " * depth
    row = [f"{mark}{layer.name} ({type(layer).__name__})", _shape_of(layer), _count(layer)]
    row += [_sources(layer, model)] if branched else []
    row += [("Y" if layer.trainable else "N") if layer.variables else "-"] if show_trainable else []
    rows = [row]
    if expand and hasattr(layer, "layers"):
        for inner in layer.layers:
            rows += _rows(inner, layer, branched, show_trainable, expand, depth + 1)
    return rows


def _shape_of(layer: Layer) -> str:
    if not layer._nodes:
        return "?"
    shapes = [str(tuple(t.shape)) for t in flatten(layer._nodes[-1].outputs)]
    return shapes[0] if len(shapes) == 1 else "[" + ", ".join(shapes) + "]"


def _count(layer: Layer) -> str:
    return f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"


def _is_branched(model: Any) -> bool:
    function = model._function
    return function is not None and (
        len(function.inputs) > 1
        or any(len(node.inputs) > 1 for node in function.nodes)
        or len(model.outputs) > 1
    )


def _steps(model: Any) -> list:
    """The layers, and the nodes of operations outside layers, in the order of the graph."""
    layers = list(model.layers)
    if model._function is None or all(
        isinstance(node.operation, Layer) for node in model._function.nodes
    ):
        return layers
    steps = [
        layer
        for layer in layers
        if not any(node.operation is layer for node in model._function.nodes)
    ]
    for node in model._function.nodes:
        step = node.operation if isinstance(node.operation, Layer) else node
        if not any(step is other for other in steps):
            steps.append(step)
    return steps


def _name(node: Any) -> str:
    return getattr(node.operation, "name", "") or getattr(node.operation, "__name__", "operation")


def _sources(layer: Layer, model: Any) -> str:
    return _sources_of(
        []
        if model._function is None
        else [n for n in model._function.nodes if n.operation is layer]
    )


def _sources_of(nodes: list) -> str:
    tensors = [t for node in nodes for t in node.inputs if t.node is not None]
    return ", ".join(f"{_name(t.node)}[{t.index}]" for t in tensors) or "-"


def _widths(
    head: list[str], line_length: int | None, positions: Sequence[float] | None
) -> list[int]:
    """The columns' widths for a table of `line_length` characters, whose columns end at
    `positions`: shares of the length, or numbers of characters. The defaults are Keras's.
    """
    branched, trainable = "Connected to" in head, "Trainable" in head
    length = line_length or (108 if branched else 88) + (12 if trainable else 0)
    ends = list(positions or ([0.3, 0.56, 0.74, 1.0] if branched else [0.45, 0.8, 1.0]))
    shares = bool(ends) and ends[-1] <= 1
    if trainable and shares and len(ends) == len(head) - 1:
        ends = [end * 0.9 for end in ends] + [1.0]
    if len(ends) != len(head):
        raise ValueError(
            f"summary() got {len(ends)} positions, {list(positions or ())}; the table has "
            f"{len(head)} columns, {head}: give the end of each."
        )
    last = [int(length * end) if shares else int(end) for end in ends]
    widths = [end - start - 1 for start, end in zip([1, *last], last, strict=False)]
    if min(widths) < 4:
        raise ValueError(
            f"summary() needs at least 4 characters for each of its columns {head}; with "
            f"line_length={length} and positions={list(positions) if positions else None} they "
            f"have {widths}. Give a larger line_length, or increasing positions that are further "
            "apart."
        )
    return widths


def _table(head: list[str], rows: list[list[str]], widths: list[int] | None) -> list[str]:
    """The lines of the table; text that is wider than its column is broken."""
    if widths is None:
        widths = [max(len(row[i]) for row in [head, *rows]) + 2 for i in range(len(head))]
    right = head.index("Param #")

    def line(cells: list[str]) -> list[str]:
        broken = [textwrap.wrap(cell, width - 2) for cell, width in zip(cells, widths, strict=True)]
        return [
            "│"
            + "│".join(
                f" {part:>{width - 2}} " if i == right else f" {part:<{width - 2}} "
                for i, (part, width) in enumerate(zip(parts, widths, strict=True))
            )
            + "│"
            for parts in zip_longest(*broken, fillvalue="")
        ]

    def rule(left: str, middle: str, end: str) -> str:
        return left + middle.join("─" * width for width in widths) + end

    return [
        rule("┌", "┬", "┐"),
        *line(head),
        rule("├", "┼", "┤"),
        *(text for row in rows for text in line(row)),
        rule("└", "┴", "┘"),
    ]


def _bytes(variables: list) -> str:
    size = float(sum(v.array.nbytes for v in variables))
    for unit in UNITS:
        if size < 1024 or unit == UNITS[-1]:
            return f"{size:.2f} {unit}"
        size /= 1024
    return ""
