"""The walk of shapes, which errors about shapes show: from the inputs to the call that failed.

Where a layer cannot take what it is given, the reason is often a few layers before it. So an error
that is raised while layers are called on symbolic tensors, or while their graph is run on arrays,
gets a table of the calls before it, each with the shape that it returned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .nested import map_structure
from .tensor import is_symbolic

MOST = 12  # the most calls that are shown
TITLE = "The shapes on the way there:"
_ABOUT_SHAPES = re.compile(
    r"\b(shapes?|ax[ie]s|sizes?|dimensions?|channels|entries|broadcast|window|rank|fit)\b"
)
_KINDS = (ValueError, TypeError, IndexError)


def explain(
    error: Exception,
    operation: Any,
    inputs: Sequence[Any],
    shape_of: Callable | None = None,
    starts: Iterable[Any] = (),
) -> None:
    """Add the walk of shapes to an error about shapes, once.

    Args:
        operation: what failed.
        inputs: the symbolic tensors that it was called on.
        shape_of: ``shape_of(tensor)``, the shape of its values; by default its symbolic shape.
        starts: the tensors with which the walk begins, even if something else made them.
    """
    text = error.args[0] if error.args else None
    if getattr(error, "walked", False):
        return
    if not (isinstance(error, _KINDS) and isinstance(text, str) and _ABOUT_SHAPES.search(text)):
        vars(error).update(walked=True)
        return
    shape_of = shape_of or _symbolic_shape
    rows = steps(inputs, shape_of, starts)
    if not rows:
        return
    shapes = [str(shape_of(tensor)) for tensor in inputs]
    rows.append((*_named(operation), f"cannot take {' and '.join(shapes)}"))
    vars(error).update(walked=True)
    error.args = (f"{text}\n{table(rows)}", *error.args[1:])


def steps(
    tensors: Iterable[Any], shape_of: Callable | None = None, starts: Iterable[Any] = ()
) -> list[tuple[str, str, str]]:
    """(name, class, shape) of each call that leads to these symbolic tensors, in order."""
    shape_of = shape_of or _symbolic_shape
    rows = []
    for step in _in_order(list(tensors), {id(tensor) for tensor in starts}):
        if is_symbolic(step):  # an input
            made_by = getattr(step, "node", None)
            kind = type(made_by.operation).__name__ if made_by and made_by.is_input else "input"
            rows.append((step.name, kind, str(shape_of(step))))
        else:
            shapes = map_structure(shape_of, step.outputs)
            rows.append((*_named(step.operation), str(shapes)))
    return rows


def table(rows: Sequence[tuple[str, str, str]], title: str = TITLE) -> str:
    """The rows as text, one below the other; of many, the last ones."""
    left_out, shown = len(rows) - MOST, list(rows[-MOST:])
    widths = [max(len(row[i]) for row in shown) for i in range(2)]
    lines = [f"    {name:<{widths[0]}}  {kind:<{widths[1]}}  {end}" for name, kind, end in shown]
    if left_out > 0:
        lines.insert(0, f"    ({left_out} before)")
    return "\n".join([title, *lines])


def _in_order(tensors: list, starts: set[int]) -> list:
    """Inputs (symbolic tensors) and calls (nodes), each after those that it needs."""
    order: list = []
    done: set[int] = set()
    stack: list[tuple[Any, bool]] = [(tensor, False) for tensor in reversed(tensors)]
    while stack:
        tensor, ready = stack.pop()
        node = getattr(tensor, "node", None)
        is_start = node is None or node.is_input or id(tensor) in starts
        step: Any = tensor if is_start else node
        if id(step) in done:
            continue
        if is_start or ready:
            done.add(id(step))
            order.append(step)
        else:
            stack.append((tensor, True))
            stack.extend((needed, False) for needed in reversed(step.inputs))
    return order


def _named(operation: Any) -> tuple[str, str]:
    """How an operation is called, and of what class it is."""
    if hasattr(operation, "compute_output_spec"):  # a layer
        return operation.name, type(operation).__name__
    name = getattr(operation, "name", None) or getattr(operation, "__name__", "a function")
    return f"ops.{name}", ""


def _symbolic_shape(tensor: Any) -> Any:
    return tensor.shape


__all__ = ["explain", "steps", "table"]
