"""A model as boxes and lines, before anything is placed: its layers, its operations outside layers,
and the tensors between them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..graph import KerasTensor, Node, symbolic
from ..nested import flatten

# The kind of a layer, from its class or from the module in which that is defined.
KINDS = {
    "InputLayer": "input",
    "Dense": "dense",
    "einsum_dense": "dense",
    "locally_connected": "convolution",
    "convolution": "convolution",
    "recurrent": "recurrent",
    "attention": "attention",
    "Embedding": "embedding",
    "normalization": "normalization",
    "pooling": "pooling",
    "regularization": "regularization",
    "Activation": "activation",
    "activation": "activation",
    "merging": "merging",
    "Identity": "reshaping",
    "reshaping": "reshaping",
    "resizing": "reshaping",
    "image": "reshaping",
    "preprocessing": "reshaping",
}


@dataclass(eq=False)
class Box:
    """A layer, an operation or an input; a nested model may hold a network of its own.

    Attributes:
        thing: the layer or the function.
        node: its call, for its shapes; None where it was not called on symbolic tensors.
        call: (2, 3) for the second of three calls that have boxes of their own.
        calls: how often it is called in this network.
        network: what is drawn inside.
    """

    thing: Any
    node: Node | None = None
    call: tuple[int, int] | None = None
    network: Network | None = None
    calls: int = 1

    @property
    def is_layer(self) -> bool:
        return is_layer(self.thing)

    @property
    def type_name(self) -> str:
        """What it is: "Dense", "Bidirectional(LSTM)", "add"."""
        if isinstance(self.thing, KerasTensor):
            return "Input"
        if not self.is_layer:
            return _operation_name(self.thing)
        if type(self.thing).__name__ == "Model" and self.thing._function is not None:
            return "Functional"
        inner = getattr(self.thing, "layer", None) or getattr(self.thing, "forward_layer", None)
        name = type(self.thing).__name__
        return f"{name}({type(inner).__name__})" if is_layer(inner) else name

    @property
    def name(self) -> str:
        return getattr(self.thing, "name", "") if self.is_layer else ""

    @property
    def kind(self) -> str:
        """The kind of layer, by which boxes are coloured."""
        if isinstance(self.thing, KerasTensor):
            return "input"
        if not self.is_layer:
            return "operation"
        if hasattr(self.thing, "_function"):
            return "model"
        for cls in type(self.thing).__mro__:
            home = cls.__module__.split(".")
            if home[:2] == ["diptych", "layers"]:
                for name in (cls.__name__, *home[2:]):
                    if name in KINDS:
                        return KINDS[name]
        return "own"

    @property
    def input_shape(self) -> Any:
        """The shapes of its first call's input, in their structure; None for an input."""
        if self.node is None or self.node.is_input or isinstance(self.thing, KerasTensor):
            return None
        first = self.node.args[0] if self.node.args else self.node.kwargs
        if not self.is_layer or not symbolic(first):
            first = self.node.inputs[0] if len(self.node.inputs) == 1 else list(self.node.inputs)
        return _shapes(first)

    @property
    def output_shape(self) -> Any:
        """The shapes of its first call's output, in their structure; None if they are unknown."""
        if isinstance(self.thing, KerasTensor):
            return self.thing.shape
        return None if self.node is None else _shapes(self.node.outputs)

    @property
    def output_dtype(self) -> Any:
        """The dtypes of its first call's output."""
        if isinstance(self.thing, KerasTensor):
            return self.thing.dtype
        if self.node is None:
            return getattr(self.thing, "dtype", None)
        found = [tensor.dtype for tensor in flatten(self.node.outputs)]
        return found[0] if len(set(found)) == 1 else found

    @property
    def activation(self) -> str | None:
        """The name of the layer's activation; None if it has none."""
        function = getattr(self.thing, "activation", None) if self.is_layer else None
        if function is None:
            return None
        return getattr(function, "name", None) or getattr(function, "__name__", str(function))

    @property
    def trainable(self) -> bool | None:
        """Whether its weights are trained; None without weights."""
        if not self.is_layer or not self.thing.weights:
            return None
        return bool(self.thing.trainable)


@dataclass
class Line:
    """From a box to a box; of a nested network, from its output and to its input of that number."""

    source: int
    target: int
    output: int = 0
    input: int = 0

    @property
    def ends(self) -> tuple[int, int]:
        return self.source, self.target


@dataclass
class Network:
    """Boxes, and the lines between them.

    Attributes:
        inputs: for each input of a nested model the boxes that take it, each with the number of
            its own input.
        outputs: for each of its outputs the box that gives it, with the number of its own output.
    """

    model: Any
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    inputs: list[list[tuple[int, int]]] = field(default_factory=list)
    outputs: list[tuple[int, int]] = field(default_factory=list)


def read(model: Any, expand_nested: bool = False) -> Network:
    """The boxes and lines of a model.

    A layer has one box, whatever the number of its calls; only if it is called on what depends on
    its own output, its calls have boxes of their own. A model that is no graph of layers is one
    box.

    Args:
        model: a functional or Sequential model, or any other layer.
        expand_nested: whether the boxes of nested models hold their networks.
    """
    function = getattr(model, "_function", None)
    if function is None:
        return Network(model, [Box(model, _first_node(model))])
    split: set[int] = set()
    while True:
        network = _Reader(model, function, split, expand_nested).network
        circle = _called_in_a_circle(network)
        if not circle:
            return network
        split |= circle


class _Reader:
    """Makes the ``network`` of a graph.

    Args:
        split: the ids of layers whose calls have boxes of their own.
    """

    def __init__(self, model: Any, function: Any, split: set[int], expand_nested: bool) -> None:
        self.network = Network(model)
        self.split = split
        self.expand_nested = expand_nested
        self.calls = Counter(id(node.operation) for node in function.nodes)
        self.seen: Counter = Counter()
        self.numbers: dict[int, int] = {}  # of the boxes, by the id of what they stand for
        self.origin: dict[KerasTensor, int] = {}  # the box from which a tensor comes
        self.takers: dict[KerasTensor, list[tuple[int, int]]] = {}  # of a Sequential's input
        shows_inputs = not hasattr(model, "_stack")
        for tensor in function.inputs:
            if shows_inputs:
                self.takers[tensor] = [(self._input(tensor), 0)]
            else:
                self.takers[tensor] = []
        for node in function.nodes:
            self._call(node)
        self.network.inputs = [self.takers[tensor] for tensor in function.inputs]
        outputs = [tensor for tensor in flatten(function.outputs) if tensor in self.origin]
        self.network.outputs = [(self.origin[tensor], tensor.index) for tensor in outputs]

    def _input(self, tensor: KerasTensor) -> int:
        """The box of an input: an InputLayer, or a tensor in the middle of another graph."""
        node = tensor.node
        number = self._number(tensor)
        if node is not None and node.is_input:
            self.network.boxes.append(Box(node.operation, node))
        else:
            self.network.boxes.append(Box(tensor, node))
        self.origin[tensor] = number
        return number

    def _number(self, key: Any) -> int:
        """The number of the box of an operation, a call or a tensor; that of the next if it has
        none yet.
        """
        return self.numbers.setdefault(id(key), len(self.network.boxes))

    def _call(self, node: Node) -> None:
        """Add the box of a call, if it has none yet, and the lines of its inputs."""
        layer, boxes = node.operation, self.network.boxes
        who = id(layer)
        self.seen[who] += 1
        alone = who in self.split or not is_layer(layer)
        number = self._number(node if alone else layer)
        if number == len(boxes):
            box = Box(layer, node)
            if not alone:
                box.calls = self.calls[who]
            elif self.calls[who] > 1 and who in self.split:
                box.call = (self.seen[who], self.calls[who])
            if self.expand_nested and getattr(layer, "_function", None) is not None:
                box.network = read(layer, True)
            boxes.append(box)
        for tensor in flatten(node.outputs):
            self.origin[tensor] = number
        for position, tensor in enumerate(_inputs_in_order(node)):
            entry = position if boxes[number].network else 0
            source = self.origin.get(tensor)
            if source is None:  # the input of a Sequential, which has no box
                self.takers[tensor].append((number, entry))
                continue
            line = Line(source, number, tensor.index if boxes[source].network else 0, entry)
            if line not in self.network.lines:
                self.network.lines.append(line)


def _inputs_in_order(node: Node) -> list[KerasTensor]:
    """The symbolic inputs of a call; those of a nested model in the order of its own inputs."""
    function = getattr(node.operation, "_function", None)
    if function is None or not node.args:
        return node.inputs
    given = node.args[0]
    if isinstance(given, dict):
        given = [given[name] for name in node.operation._names_of_inputs()]
    return symbolic(given)


def _called_in_a_circle(network: Network) -> set[int]:
    """The ids of layers with several calls that lie in a circle of lines."""
    targets: dict[int, set[int]] = {}
    for line in network.lines:
        targets.setdefault(line.source, set()).add(line.target)
    return {
        id(network.boxes[i].thing)
        for component in _components(len(network.boxes), targets)
        for i in component
    }


def _components(count: int, targets: dict[int, set[int]]) -> list[list[int]]:
    """The sets of boxes that reach each other, without those that reach only themselves: Tarjan's
    algorithm.
    """
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    found = []
    for start in range(count):
        stack = [(start, iter(targets.get(start, ())))] if start not in index else []
        while stack:
            i, rest = stack[-1]
            if i not in index:
                index[i] = low[i] = len(index)
                path.append(i)
            for j in rest:
                if j not in index:
                    stack.append((j, iter(targets.get(j, ()))))
                    break
                if j in path:
                    low[i] = min(low[i], index[j])
            else:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[i])
                if low[i] == index[i]:
                    component = path[path.index(i) :]
                    del path[path.index(i) :]
                    if len(component) > 1 or i in targets.get(i, ()):
                        found.append(component)
    return found


def is_layer(thing: Any) -> bool:
    """Whether it is a layer, rather than an operation outside layers."""
    return hasattr(thing, "count_params")


def _first_node(layer: Any) -> Node | None:
    nodes = getattr(layer, "_nodes", ())
    return nodes[0] if nodes else None


def _operation_name(operation: Any) -> str:
    name = getattr(operation, "name", "") or getattr(operation, "__name__", "")
    return name or type(operation).__name__


def _shapes(structure: Any) -> Any:
    """The shapes of the symbolic tensors in a structure, without anything else that is in it."""
    if isinstance(structure, KerasTensor):
        return tuple(structure.shape)
    if isinstance(structure, dict):
        return {key: _shapes(part) for key, part in structure.items() if symbolic(part)}
    parts = [_shapes(part) for part in structure if symbolic(part)]
    return parts[0] if len(parts) == 1 else parts
