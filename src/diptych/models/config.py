"""A functional model as plain dicts, in Keras's form, and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from ..budget import OBJECT, charge
from ..graph import Function, KerasTensor, Node, symbolic
from ..layers.core import InputLayer
from ..layers.layer import Layer
from ..layers.operation import Operation
from ..layers.serialization import deserialize, serialize
from ..nested import flatten, map_structure
from ..utils import objects
from .operations import operation_config, operation_from_config

if TYPE_CHECKING:
    from .model import Model

TENSOR = "__keras_tensor__"


# Whether a config names the masks that layers give one another. Keras needs that in a file, where
# it would give the operations that make masks the names of layers; a copy made here does not.
_with_masks: ContextVar[bool] = ContextVar("diptych_config_with_masks", default=False)


@contextmanager
def masks_named() -> Iterator[None]:
    """Within it, the config of a model names the masks that its layers get."""
    token = _with_masks.set(True)
    try:
        yield
    finally:
        _with_masks.reset(token)


def graph_config(model: Model, function: Function) -> dict[str, Any]:
    """Return the layers of a model and the calls that connect them.

    A tensor is written with its place: the layer's name, the number of the call of this layer, and
    the number of the output. An operation outside a layer is an entry of its own.
    """
    writer = _Writer({layer.name for layer in model.layers})
    for tensor in function.inputs:
        layer = tensor.node.operation
        writer.entries[id(layer)] = {**serialize(layer), "name": layer.name, "inbound_nodes": []}
        writer.places[id(tensor)] = [layer.name, 0, 0]
    for node in function.nodes:
        writer.write(node)
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": list(writer.entries.values()),
        "input_layers": map_structure(lambda x: writer.places[id(x)], model._inputs_structure),
        "output_layers": map_structure(lambda x: writer.places[id(x)], model._outputs_structure),
    }


class _Writer:
    """The entries of a config, which are made in the order of the calls."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.entries: dict[int, dict[str, Any]] = {}  # by the layer, or the call of an operation
        self.places: dict[int, list] = {}  # by the tensor

    def write(self, node: Node) -> None:
        """Write a call, and before it the masks that it gets."""
        kwargs = self._masks_of(node) if _with_masks.get() else {}
        for tensor in symbolic(kwargs):
            if id(tensor) not in self.places:
                self._write_mask(tensor)
        entry = self._entry(node)
        calls = entry["inbound_nodes"]
        for index, tensor in enumerate(flatten(node.outputs)):
            self.places[id(tensor)] = [entry["name"], len(calls), index]
        arguments = entry.pop("arguments", (node.args, {**node.kwargs, **kwargs}))
        args, kwargs = (map_structure(self._place_of, part) for part in arguments)
        calls.append({"args": list(args), "kwargs": kwargs})

    @staticmethod
    def _masks_of(node: Node) -> dict[str, Any]:
        """The mask that a layer gets with its input, as an argument of the call."""
        layer = node.operation
        if not isinstance(layer, Layer) or isinstance(layer, InputLayer) or not node.args:
            return {}
        masks = map_structure(lambda x: getattr(x, "mask", None), node.args[0])
        if not symbolic(masks) or not layer._may_add_mask(node.args, node.kwargs):
            return {}
        return {"mask": masks}

    def _write_mask(self, mask: KerasTensor) -> None:
        """Write the calls that make a mask, the first ones first."""
        waiting: list[Any] = [mask.node]
        while waiting:
            node = waiting[-1]
            missing = [t.node for t in node.inputs if id(t) not in self.places]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if id(flatten(node.outputs)[0]) not in self.places:
                self.write(node)

    def _place_of(self, leaf: Any) -> Any:
        if not isinstance(leaf, KerasTensor):
            return leaf
        config = {
            "shape": list(leaf.shape),
            "dtype": leaf.dtype,
            "keras_history": self.places[id(leaf)],
        }
        return {"class_name": TENSOR, "config": config}

    def _entry(self, node: Node) -> dict[str, Any]:
        """The entry of a layer, one for all its calls, or of an operation, new at every call."""
        operation = node.operation
        if isinstance(operation, Operation):  # layers are operations
            if id(operation) not in self.entries:
                named = {"name": operation.name, "inbound_nodes": []}
                self.entries[id(operation)] = {**serialize(operation), **named}
            return self.entries[id(operation)]
        entry = operation_config(node)
        name = first = entry["name"]
        count = 0
        while name in self.names:
            count += 1
            name = f"{first}_{count}"
        self.names.add(name)
        entry["name"] = entry["config"]["name"] = name
        entry["inbound_nodes"] = []
        self.entries[id(node)] = entry
        return entry


def model_from_graph(
    cls: type[Model], config: dict[str, Any], custom_objects: dict[str, type]
) -> Model:
    """Return a model of class ``cls``, with new weights, from the result of ``graph_config``, or
    from what Keras 1 to 3 wrote.

    ``custom_objects``: the classes of layers that are not built in.

    Raises:
        ValueError: a layer is unknown, or the calls do not fit together.
    """
    tensors: dict[tuple, KerasTensor] = {}
    layers: dict[str, Callable] = {}
    calls: list[_Call] = []
    for entry in config["layers"]:
        described = objects.dict_of(entry, "a layer")
        layer = operation_from_config(described) or deserialize(described, custom_objects)
        name = str(described.get("name") or getattr(layer, "name", ""))
        if name in layers:
            raise ValueError(f"The config has two layers of the name {name!r}.")
        layers[name] = layer
        if isinstance(layer, InputLayer):
            tensors[name, 0, 0] = layer.output
        for number, call in enumerate(described.get("inbound_nodes") or []):
            charge(OBJECT, f"{name!r} is called once too often")
            calls.append(_Call(name, number, *_arguments(call)))
    for name, number, args, kwargs in _in_order(calls, tensors):
        args, kwargs = _read(args, tensors), _read(kwargs, tensors)
        if not isinstance(layers[name], Layer) and any(map(callable, flatten([args, kwargs]))):
            raise ValueError(f"The config's operation {name!r} is called on a function.")
        if kwargs.get("training") is _default_of_training(layers[name]):
            kwargs.pop("training", None)  # Keras writes it; fit and predict say it at each call
        for index, tensor in enumerate(flatten(layers[name](*args, **kwargs))):
            tensors[name, number, index] = tensor
    model = cls(
        _ends(config["input_layers"], tensors),
        _ends(config["output_layers"], tensors),
        name=config.get("name"),
    )
    model._trainable = config.get("trainable", True)  # each layer has its own in its config
    return model


class _Call(NamedTuple):
    """A call of a layer in a config."""

    name: str
    number: int
    args: list
    kwargs: dict[str, Any]


def _in_order(calls: list[_Call], tensors: dict[tuple, KerasTensor]) -> Iterator[_Call]:
    """The calls, each when the tensors that it needs are there: in rounds, first those that need
    only what is there at the beginning.
    """
    waiting: dict[tuple, list[int]] = {}  # {tensor: the calls that need it}
    missing = []
    for place, call in enumerate(calls):
        places = set(_places([call.args, call.kwargs]))
        if not places:  # it would be computed at once, whatever its size
            raise ValueError(f"The config calls {call.name!r} on no tensor of the model.")
        needed = {p for p in places if p not in tensors}
        missing.append(len(needed))
        for tensor in needed:
            waiting.setdefault(tensor, []).append(place)
    ready = [place for place, count in enumerate(missing) if not count]
    done = 0
    while ready:
        following = []
        for place in ready:
            call = calls[place]
            yield call
            done += 1
            index = 0
            while (call.name, call.number, index) in tensors:
                for user in waiting.pop((call.name, call.number, index), ()):
                    missing[user] -= 1
                    if not missing[user]:
                        following.append(user)
                index += 1
        ready = sorted(following)
    if done < len(calls):
        raise ValueError(
            "The config's calls cannot be put in order: "
            f"{[call.name for call, count in zip(calls, missing, strict=True) if count]!r:.500}."
        )


def _default_of_training(layer: Any) -> Any:
    """The default of a layer's argument `training`; None if it has none."""
    parameter = inspect.signature(getattr(layer, "call", layer)).parameters.get("training")
    return None if parameter is None else parameter.default


def _arguments(call: Any) -> tuple[list, dict[str, Any]]:
    """The arguments of a call: {"args": ..., "kwargs": ...}, or Keras 2's list of
    [layer, call, output, {further arguments}] for each input.
    """
    if isinstance(call, dict):
        return list(call.get("args") or []), objects.dict_of(call.get("kwargs"), "a call")
    if not isinstance(call, list) or not all(isinstance(x, list) and len(x) >= 3 for x in call):
        raise ValueError(f"A call of a layer cannot be read in the config: {call!r:.100}")
    tensors = [_place(*x[:3]) for x in call]
    kwargs = {
        key: _place(*value) if _is_old_place(value) else value
        for x in call
        for key, value in (x[3] if len(x) > 3 and isinstance(x[3], dict) else {}).items()
    }
    return [tensors[0] if len(tensors) == 1 else tensors], kwargs


def _is_old_place(value: Any) -> bool:
    return isinstance(value, list) and [type(part) for part in value] == [str, int, int]


def _place(name: str, number: int, index: int) -> dict[str, Any]:
    return {"class_name": TENSOR, "config": {"keras_history": [name, number, index]}}


def _ends(structure: Any, tensors: dict[tuple, KerasTensor]) -> Any:
    """The model's inputs or outputs: a place, or a list or dict of places."""
    if isinstance(structure, (list, tuple)):
        if len(structure) == 3 and isinstance(structure[0], str):
            place = tuple(structure)
            if place not in tensors:
                raise ValueError(f"The config has no layer call {list(place)}.")
            return tensors[place]
        ends = [_ends(part, tensors) for part in structure]
        return ends
    if isinstance(structure, dict):
        return {key: _ends(part, tensors) for key, part in structure.items()}
    raise ValueError(f"The config names an input or output by {structure!r:.60}.")


def _is_tensor(x: Any) -> bool:
    return isinstance(x, dict) and x.get("class_name") == TENSOR


def _history(x: dict[str, Any]) -> tuple:
    history = objects.dict_of(x.get("config"), "a tensor").get("keras_history")
    if not isinstance(history, (list, tuple)) or len(history) != 3:
        raise ValueError(f"A tensor of the config comes from {history!r:.60}.")
    return tuple(history)


def _places(x: Any) -> list[tuple]:
    """The tensors that a call in a config needs."""
    if _is_tensor(x):
        return [_history(x)]
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
    return [place for part in parts for place in _places(part)]


def _read(x: Any, tensors: dict[tuple, KerasTensor]) -> Any:
    if _is_tensor(x):
        return tensors[_history(x)]
    if isinstance(x, dict):
        if "class_name" in x:
            return objects.revive(x)
        return {key: _read(part, tensors) for key, part in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(_read(part, tensors) for part in x)
    return x
