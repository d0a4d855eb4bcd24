"""A functional model as plain dicts, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..graph import Function, KerasTensor
from ..layers.core import InputLayer
from ..layers.layer import Layer
from ..layers.serialization import deserialize, serialize
from ..nested import flatten, map_structure

if TYPE_CHECKING:
    from .model import Model


def graph_config(model: Model, function: Function) -> dict[str, Any]:
    """Return the layers of a model and the calls that connect them.

    A tensor is written as ["<layer's name>", number of the call, number of the output].
    """
    calls: dict[int, list] = {}
    places: dict[int, list] = {}
    for tensor in function.inputs:
        places[id(tensor)] = [tensor.node.operation.name, 0, 0]
    for node in function.nodes:
        layer = node.operation
        if not isinstance(layer, Layer):
            raise NotImplementedError(
                f"Model {model.name!r} uses {layer!r} outside a layer, which a config cannot "
                "represent: wrap it in a Lambda layer or a layer of your own."
            )
        mine = calls.setdefault(id(layer), [])
        for index, tensor in enumerate(flatten(node.outputs)):
            places[id(tensor)] = [layer.name, len(mine), index]
        mine.append(
            {"args": _written(list(node.args), places), "kwargs": _written(node.kwargs, places)}
        )
    layers = [
        {**serialize(layer), "name": layer.name, "calls": calls.get(id(layer), [])}
        for layer in model.layers
    ]
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "inputs": _written(model._inputs_structure, places),
        "outputs": _written(model._outputs_structure, places),
    }


def _written(structure: Any, places: dict[int, list]) -> Any:
    return map_structure(
        lambda x: {"tensor": places[id(x)]} if isinstance(x, KerasTensor) else x, structure
    )


def model_from_graph(
    cls: type[Model], config: dict[str, Any], custom_objects: dict[str, type]
) -> Model:
    """Return a model of class ``cls``, with new weights, from the result of ``graph_config``.

    ``custom_objects``: the classes of layers that are not built in.
    """
    tensors: dict[tuple, KerasTensor] = {}
    layers = {}
    waiting = []
    for entry in config["layers"]:
        layer = deserialize(entry, custom_objects)
        layers[entry["name"]] = layer
        if isinstance(layer, InputLayer):
            tensors[entry["name"], 0, 0] = layer.output
        waiting += [(entry["name"], number, call) for number, call in enumerate(entry["calls"])]
    while waiting:
        ready = [call for call in waiting if all(place in tensors for place in _places(call[2]))]
        if not ready:
            raise ValueError(
                f"The config's calls cannot be put in order: {[name for name, _, _ in waiting]}."
            )
        for name, number, call in ready:
            args, kwargs = _read(call["args"], tensors), _read(call["kwargs"], tensors)
            for index, tensor in enumerate(flatten(layers[name](*args, **kwargs))):
                tensors[name, number, index] = tensor
        waiting = [call for call in waiting if call not in ready]
    model = cls(
        _read(config["inputs"], tensors), _read(config["outputs"], tensors), name=config["name"]
    )
    model._trainable = config.get("trainable", True)  # each layer has its own in its config
    return model


def _is_place(x: Any) -> bool:
    return isinstance(x, dict) and set(x) == {"tensor"}


def _places(x: Any) -> list[tuple]:
    """The tensors that a call in a config needs."""
    if _is_place(x):
        return [tuple(x["tensor"])]
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
    return [place for part in parts for place in _places(part)]


def _read(x: Any, tensors: dict[tuple, KerasTensor]) -> Any:
    if _is_place(x):
        return tensors[tuple(x["tensor"])]
    if isinstance(x, dict):
        return {key: _read(part, tensors) for key, part in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(_read(part, tensors) for part in x)
    return x
