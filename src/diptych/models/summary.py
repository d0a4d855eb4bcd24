"""The table that ``model.summary()`` prints."""

from __future__ import annotations

from typing import Any

from ..layers.layer import Layer
from ..nested import flatten

UNITS = ("B", "KB", "MB", "GB")


def summary_text(
    model: Any,
    line_length: int | None = None,
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
    rows = []
    for step in layers if layer_range else _steps(model):
        if isinstance(step, Layer):
            rows += _rows(step, model, branched, show_trainable, expand_nested, 0)
        else:
            shape = ", ".join(str(tuple(t.shape)) for t in flatten(step.outputs))
            row = [f"{_name(step)} (operation)", shape, "0"]
            row += [_sources_of([step])] if branched else []
            rows.append(row + (["-"] if show_trainable else []))
    lines = [f'Model: "{model.name}"', *_table(head, rows, line_length)]
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


def _table(head: list[str], rows: list[list[str]], line_length: int | None) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) + 2 for i in range(len(head))]
    if line_length is not None:
        widths[0] += max(line_length - sum(widths) - len(widths) - 1, 0)
    right = head.index("Param #")

    def line(cells: list[str]) -> str:
        padded = [
            f" {cell:>{width - 2}} " if i == right else f" {cell:<{width - 2}} "
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "│" + "│".join(padded) + "│"

    def rule(left: str, middle: str, end: str) -> str:
        return left + middle.join("─" * width for width in widths) + end

    return [
        rule("┌", "┬", "┐"),
        line(head),
        rule("├", "┼", "┤"),
        *map(line, rows),
        rule("└", "┴", "┘"),
    ]


def _bytes(variables: list) -> str:
    size = float(sum(v.array.nbytes for v in variables))
    for unit in UNITS:
        if size < 1024 or unit == UNITS[-1]:
            return f"{size:.2f} {unit}"
        size /= 1024
    return ""
