"""The order of a model's layers, and so of its weights."""

from __future__ import annotations

from typing import Any

from ..graph import KerasTensor, Node
from ..layers.layer import Layer


def layers_in_order(inputs: list[KerasTensor], outputs: Any) -> list[Layer]:
    """The layers between inputs and outputs in Keras's order: those with the longest path to an
    output first; ties are broken by the order of a walk back from the outputs.
    """
    nodes, met = _way_back(inputs, outputs)
    distance: dict[Node, int] = {}
    farthest: dict[
        int, int
    ] = {}  # the maximum over all calls of an operation, by its number in `met`
    for node in reversed(nodes):
        number = met[_who(node)]
        here = max(distance.get(node, 0), farthest.get(number, 0))
        farthest[number] = here
        for before in (tensor.node for tensor in node.inputs):
            if before is not None:
                distance[before] = max(here + 1, distance.get(before, 0))
    unused = [x.node for x in inputs if x.node is not None and x.node.is_input]
    found = {_who(node): node.operation for node in nodes + unused}
    order = sorted(found, key=lambda who: (-farthest.get(met.get(who, -1), 0), met.get(who, -1)))
    return [found[who] for who in order if isinstance(found[who], Layer)]


def _way_back(inputs: list[KerasTensor], outputs: Any) -> tuple[list[Node], dict[int, int]]:
    """The calls in topological order, and the number of each operation: the order in which a walk
    from the outputs back to the inputs first visits them.
    """
    known = {tensor for tensor in inputs if tensor.node and not tensor.node.is_input}
    nodes: list[Node] = []
    done: set[Node] = set()
    met: dict[int, int] = {}
    stack = [(tensor, False) for tensor in reversed(_tensors(outputs))]
    while stack:
        tensor, ready = stack.pop()
        node = tensor.node
        if node is None or tensor in known or node in done:
            continue
        if ready:
            done.add(node)
            nodes.append(node)
        else:
            met.setdefault(_who(node), len(met))
            stack.append((tensor, True))
            needed = _tensors((node.args, node.kwargs))
            stack.extend((x, False) for x in reversed(needed))
    return nodes, met


def _who(node: Node) -> int:
    """The identity of a node's operation: a layer is the same in all its calls; an operation of
    ``diptych.ops`` differs in each call.
    """
    return id(node.operation if isinstance(node.operation, Layer) else node)


def _tensors(structure: Any) -> list[KerasTensor]:
    """The symbolic tensors in nested lists and dicts; dicts in the order of sorted keys."""
    if isinstance(structure, dict):
        structure = [structure[key] for key in sorted(structure)]
    if isinstance(structure, (list, tuple)):
        return [tensor for part in structure for tensor in _tensors(part)]
    return [structure] if isinstance(structure, KerasTensor) else []


__all__ = ["layers_in_order"]
