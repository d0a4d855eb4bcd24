"""A model as one graph of operations: every layer's call is followed with symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from .. import ops
from ..graph import KerasTensor, Node, record, symbolic
from ..layers.context import following, training_is
from ..layers.layer import Layer
from ..nested import flatten, map_structure
from ..tensor import is_symbolic
from ..trial import Trial
from ..utils.registration import is_builtin
from .tables import CALLS, NotExportable, Part


def trace(model: Layer, arguments: list) -> Any:
    """The symbolic outputs of a model for symbolic inputs, in a graph that holds no layer."""
    with followed():
        return model(*arguments)


@contextmanager
def followed() -> Iterator[None]:
    """A block in which symbolic calls of layers are followed to their operations."""
    token = following.set(_follow)
    try:
        with Trial(), training_is(False):
            yield
    finally:
        following.reset(token)


def part(key: str, inputs: tuple, shape: tuple, dtype: Any, **options: Any) -> KerasTensor:
    """Record an operation that only the exporter knows."""
    return record(Part(key), inputs, options, KerasTensor(shape, dtype))


def _follow(layer: Layer, args: tuple, kwargs: dict) -> Any:
    """Called instead of recording a symbolic call of a layer."""
    args, kwargs = map_structure(partial(_as_input, layer), (args, kwargs))
    layer._resolve_training(args, kwargs, False)
    try:
        outputs = layer._call_with_mask(args, kwargs, _call_of(layer))
        _sign(layer, symbolic(outputs), symbolic((args, kwargs)))
        return outputs
    except NotExportable:
        raise
    except Exception as error:
        raise NotExportable(
            f"Layer {layer.name!r} ({type(layer).__name__}) cannot be exported to ONNX, since its "
            "call does not run on symbolic tensors, which have a shape and no values:\n"
            f"    {type(error).__name__}: {error}\n"
            "Write it with diptych.ops alone, without values in Python and without sizes that are "
            "unknown yet; or export for fixed sizes, such as "
            "model.export(path, format='onnx', input_signature=[InputSpec(shape=(1, 28, 28))])."
        ) from error


# The innermost layer whose call made a node, for errors.
OWNERS: WeakKeyDictionary[Node, Layer] = WeakKeyDictionary()


def _sign(layer: Layer, outputs: list, inputs: list) -> None:
    """Note the layer of all nodes between its inputs and outputs that have none."""
    nodes = [tensor.node for tensor in outputs]
    done = {tensor.node for tensor in inputs}
    while nodes:
        node = nodes.pop()
        if node is not None and node not in done:
            done.add(node)
            OWNERS.setdefault(node, layer)
            nodes += [tensor.node for tensor in node.inputs]


def _as_input(layer: Layer, x: Any) -> Any:
    """An input in the layer's float type."""
    if not isinstance(x, KerasTensor):
        return layer._as_input(x)
    if layer.autocast and x._dtype.kind == layer._dtype.kind == "f" and x._dtype != layer._dtype:
        mask, x = x.mask, ops.cast(x, layer.dtype)
        x.mask = mask
    return x


def _call_of(layer: Layer) -> Callable:
    """What computes the layer's outputs."""
    if "call" in vars(layer):
        return layer.call
    classes: tuple[Any, ...] = type(layer).__mro__
    for cls in classes:
        if cls in CALLS:
            return partial(CALLS[cls], layer)
        if "call" in vars(cls) and not is_builtin(cls.call):
            return layer.call  # somebody's own
    if getattr(layer, "_function", None) is not None:
        return partial(_run_graph, layer)
    return layer.call


def _run_graph(model: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    """The call of a model that is a graph of layers."""
    function = model._function
    given = model._arrange(inputs, function.inputs)
    if mask is not None:
        masks = model._masks_in_order(mask)
        given = [x if m is None else _masked(x, m) for x, m in zip(given, masks, strict=True)]
    known = dict(zip(function.inputs, given, strict=True))
    for node in function.nodes:
        args, kwargs = map_structure(
            lambda leaf: known[leaf] if is_symbolic(leaf) else leaf, (node.args, node.kwargs)
        )
        outputs = node.operation(*args, **kwargs)
        known.update(zip(flatten(node.outputs), flatten(outputs), strict=True))
    return map_structure(known.get, function.outputs)


def _masked(x: KerasTensor, mask: Any) -> KerasTensor:
    same: Any = ops.stop_gradient(x)
    same.mask = mask
    return same


def opened(operation: Callable, args: tuple, kwargs: dict) -> Any:
    """The outputs of a function that is recorded as one operation, made of its own operations."""
    inner = getattr(operation, "__wrapped__", None)
    if inner is None:
        return None
    with followed():
        outputs = inner(*args, **kwargs)
    return outputs if symbolic(outputs) else None


__all__ = ["OWNERS", "followed", "opened", "part", "trace"]
