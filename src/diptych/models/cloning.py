"""Copies of models, with new weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..graph import KerasTensor
from ..layers import Input, InputLayer, Lambda, Layer
from ..metrics import Metric
from ..nested import flatten, map_structure, pack_like
from ..utils.registration import CustomObjectScope, is_builtin
from .model import Model
from .sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """Return a model of the same structure with new weights, on the same engine and compiled as the
    model is.

    Args:
        model: the model.
        input_tensors: symbolic tensors to begin with, in the structure of ``model.input``; by
            default new ones of the same shapes.
        clone_function: ``clone_function(layer)`` returns the layer to put in the place of each
            layer but the inputs; by default a new one of the same class and config.
        call_function: ``call_function(layer, *args, **kwargs)`` makes each call of a graph, and
            may make others; by default ``layer(*args, **kwargs)``. Not for a Sequential.
        recursive: whether the two functions apply to the layers of nested models too, instead of
            these models as a whole.

    Raises:
        TypeError: ``clone_function`` is no function, or returned no layer.
        ValueError: an argument does not fit this kind of model.
    """
    if kwargs:
        raise ValueError(f"clone_model() has no argument {next(iter(kwargs))!r}.")
    for name, function in (("clone_function", clone_function), ("call_function", call_function)):
        if function is not None and not callable(function):
            raise TypeError(f"{name} is a function, but got {function!r:.60}.")
    changes = input_tensors is not None or clone_function or call_function

    def make(layer: Layer) -> Layer:
        if recursive and isinstance(layer, Model):
            return clone_model(layer, None, clone_function, call_function, recursive)
        new = clone_function(layer) if clone_function else layer.from_config(layer.get_config())
        if not isinstance(new, Layer):
            raise TypeError(
                f"clone_function returned {new!r:.60} for {layer.name!r}; expected a layer."
            )
        return new

    with CustomObjectScope(_own_things(model)):
        if not changes:
            clone = type(model).from_config(model.get_config())
            told = model.get_build_config()
            if told and not clone.built:
                clone.build_from_config(told)
        elif isinstance(model, Sequential):
            if call_function:
                raise ValueError(
                    "call_function is not for a Sequential, whose layers follow one another: "
                    "change its list of layers instead."
                )
            clone = _sequential(model, input_tensors, make)
        elif model._function is not None:
            clone = _functional(model, input_tensors, make, call_function or _call)
        else:
            raise ValueError(
                f"{type(model).__name__} is a subclass of Model without a graph: it is copied by "
                "its get_config() alone, without input_tensors, clone_function and call_function."
            )
    for old, new in zip(model._flatten_layers(), clone._flatten_layers(), strict=False):
        if isinstance(old, Model) and isinstance(new, Model):
            new.engine = old.engine
    if model.compiled:
        _compile_like(model, clone)
    return clone


def _call(operation: Callable, *args: Any, **kwargs: Any) -> Any:
    return operation(*args, **kwargs)


def _functional(model: Model, input_tensors: Any, make: Callable, call: Callable) -> Model:
    function: Any = model._function
    inputs = _inputs(model, input_tensors)
    known = dict(zip(function.inputs, inputs, strict=True))
    layers: dict[Any, Layer] = {}
    for node in function.nodes:
        operation = node.operation
        if isinstance(operation, Layer):
            if operation not in layers:
                layers[operation] = make(operation)
            operation = layers[operation]
        args, kwargs = map_structure(
            lambda leaf: known[leaf] if isinstance(leaf, KerasTensor) else leaf,
            (node.args, node.kwargs),
        )
        outputs = flatten(call(operation, *args, **kwargs))
        known.update(zip(flatten(node.outputs), outputs, strict=True))
    return Model(
        pack_like(model._inputs_structure, inputs),
        map_structure(known.get, model._outputs_structure),
        name=model.name,
    )


def _sequential(model: Sequential, input_tensors: Any, make: Callable) -> Sequential:
    clone = Sequential([make(layer) for layer in model.layers], name=model.name)
    start = model._stack[0] if model._stack else None
    if input_tensors is not None or isinstance(start, InputLayer):
        first = flatten(_inputs(model, input_tensors))
        clone = Sequential([*first, *clone.layers], name=model.name)
    elif model._function is not None:
        clone.build(map_structure(lambda t: t.shape, model.input))
    return clone


def _inputs(model: Model, given: Any) -> list[KerasTensor]:
    """The symbolic tensors that a copy begins with: those given, or new ones of these shapes."""
    wanted = model.inputs or []
    if given is None:
        return [Input(batch_shape=t.shape, dtype=t.dtype, name=t.name) for t in wanted]
    tensors = flatten(given)
    for tensor in tensors:
        if not isinstance(tensor, KerasTensor):
            raise ValueError(
                "input_tensors are symbolic tensors, such as Input(shape=(3,)), but got a "
                f"{type(tensor).__name__}."
            )
    if len(tensors) != len(wanted):
        raise ValueError(
            f"Model {model.name!r} has {len(wanted)} inputs, but input_tensors has {len(tensors)}."
        )
    return [
        tensor
        if tensor.node is None or tensor.node.is_input
        else Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{tensor.name}_clone")
        for tensor in tensors
    ]


def _compile_like(model: Model, clone: Model) -> None:
    """Compile the clone as the model is, with an optimizer and metrics of its own."""
    optimizer = model.optimizer
    arguments = map_structure(
        lambda x: x.from_config(x.get_config()) if isinstance(x, Metric) else x,
        model._compile_arguments.given,
    )
    clone.compile(optimizer.from_config(optimizer.get_config()), **arguments)


def _own_things(model: Model) -> dict[str, Any]:
    """A user's own classes and functions in a model, by their names in configs."""
    found: dict[str, Any] = {}
    for layer in model._flatten_layers():
        things: list[Any] = [
            type(layer),
            *(v for v in vars(layer).values() if inspect.isfunction(v)),
        ]
        for thing in things:
            if is_builtin(thing):
                continue
            if found.setdefault(thing.__name__, thing) is not thing and not isinstance(
                layer, Lambda
            ):
                raise ValueError(
                    f"Model {model.name!r} uses two different classes or functions named "
                    f"{thing.__name__!r}, which a copy could not tell apart. Give them different "
                    "names."
                )
    return found
