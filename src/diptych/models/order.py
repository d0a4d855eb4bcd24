"""The order of a model's layers, and so of its weights."""

from __future__ import annotations

from functools import partial

from ..graph import KerasTensor, Node
from ..layers.layer import Layer


class Order:
    """The calls between inputs and outputs in Keras's order: those with the longest path to an
    output first; ties are broken by the order of a walk back from the outputs.

    Attributes:
        depth: of each call, the length of the longest path from it to an output; of all calls of a
            layer before it, none is nearer.
        steps: the layers, each once, and the calls of operations outside layers.
    """

    def __init__(self, inputs: list[KerasTensor], outputs: object) -> None:
        nodes, met = _way_back(inputs, outputs)
        distance: dict[Node, int] = {}
        farthest: dict[int, int] = {}  # the maximum over all calls, by the number in `met`
        self.depth: dict[Node, int] = {}
        for node in reversed(nodes):
            number = met[_who(node)]
            here = max(distance.get(node, 0), farthest.get(number, 0))
            farthest[number] = self.depth[node] = here
            for before in (tensor.node for tensor in node.inputs):
                if before is not None:
                    distance[before] = max(here + 1, distance.get(before, 0))
        unused = [x.node for x in inputs if x.node is not None and x.node.is_input]
        for node in unused:
            self.depth.setdefault(node, 0)
        found = {_who(node): _step(node) for node in nodes + unused}
        place = partial(_place, met=met, farthest=farthest)
        self.steps: list[Layer | Node] = [found[who] for who in sorted(found, key=place)]

    @property
    def layers(self) -> list[Layer]:
        return [step for step in self.steps if isinstance(step, Layer)]

    @property
    def is_chain(self) -> bool:
        """Whether the calls follow one another: each takes one tensor, and no layer comes twice."""
        calls = list(self.depth)
        return (
            len(set(self.depth.values())) == len(calls)
            and all(len(node.inputs) <= 1 for node in calls)
            and len({_who(node) for node in calls}) == len(calls)
        )


def layers_in_order(inputs: list[KerasTensor], outputs: object) -> list[Layer]:
    """The layers between inputs and outputs in Keras's order."""
    return Order(inputs, outputs).layers


def _place(who: int, met: dict[int, int], farthest: dict[int, int]) -> tuple[int, int]:
    number = met.get(who, -1)
    return -farthest.get(number, 0), number


def _way_back(inputs: list[KerasTensor], outputs: object) -> tuple[list[Node], dict[int, int]]:
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


def _step(node: Node) -> Layer | Node:
    """A layer, the same in all its calls; or a call of an operation of ``diptych.ops``."""
    return node.operation if isinstance(node.operation, Layer) else node


def _who(node: Node) -> int:
    return id(_step(node))


def _tensors(structure: object) -> list[KerasTensor]:
    """The symbolic tensors in nested lists and dicts; dicts in the order of sorted keys."""
    if isinstance(structure, dict):
        structure = [structure[key] for key in sorted(structure)]
    if isinstance(structure, (list, tuple)):
        return [tensor for part in structure for tensor in _tensors(part)]
    return [structure] if isinstance(structure, KerasTensor) else []


__all__ = ["Order", "layers_in_order"]
