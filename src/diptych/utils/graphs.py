"""Questions about symbolic tensors."""

from __future__ import annotations

from typing import Any

from ..graph import KerasTensor

__all__ = ["get_source_inputs", "is_keras_tensor", "sources"]


def is_keras_tensor(x: Any) -> bool:
    """Whether this is a symbolic tensor, such as an Input or what a layer makes of one.

    Args:
        x: anything.
    """
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor: Any) -> Any:
    """The list of the inputs from which a symbolic tensor is computed; anything else unchanged."""
    return tensor if getattr(tensor, "node", None) is None else sources(tensor)


def sources(tensor: KerasTensor) -> list[KerasTensor]:
    """The inputs that a symbolic tensor depends on, in the order they are met."""
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    stack = [tensor]
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if x.node is None or x.node.is_input:
            found[id(x)] = x
        else:
            stack.extend(reversed(x.node.inputs))
    return list(found.values())
