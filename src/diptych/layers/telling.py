"""What is added to the error of a call on arrays: the layer, and in a model without a graph the
shapes on the way to it.
"""

from __future__ import annotations

from typing import Any

from .. import walk
from ..graph import KerasTensor
from ..nested import map_structure
from ..tensor import Tensor
from ..trial import Trial

_KINDS = (ValueError, TypeError, IndexError)


def tell_call(layer: Any, error: Exception, args: tuple, outermost: bool) -> None:
    """Add to an error the layer in whose call it was raised, once.

    Args:
        args: those of the call, as tensors.
        outermost: whether no other layer has called this one. The layer, if it has others within,
            is then called again on symbolic tensors: where that fails too, it tells the way there.
    """
    if not isinstance(error, _KINDS) or not error.args or not isinstance(error.args[0], str):
        return
    text = error.args[0]
    has_graph = getattr(layer, "_function", None) is not None  # which has told the layer
    if not (has_graph or getattr(error, "called", False) or repr(layer.name) in text):
        vars(error).update(called=True)
        shapes = map_structure(lambda x: getattr(x, "shape", x), args[0] if args else None)
        text += f"\nIn the call of layer {layer.name!r} ({type(layer).__name__}) on {shapes}."
    if outermost and layer.runs_own_code and layer._sublayers and not hasattr(error, "walked"):
        text += _way(layer, args)
    error.args = (text, *error.args[1:])


def _way(layer: Any, args: tuple) -> str:
    """The shapes on the way to what fails in the layer, for symbolic tensors like ``args``."""
    layers = list(layer._flatten_layers())
    nodes = [len(one._nodes) for one in layers]
    try:
        with Trial():
            layer.call(*map_structure(_symbol, args))
    except Exception as error:
        _, title, table = str(error).partition(f"\n{walk.TITLE}")
        table = table.partition("\nLayer ")[0]  # without the note of a trial on zeros
        return f"{title}{table}" if getattr(error, "walked", False) else ""
    finally:
        for one, count in zip(layers, nodes, strict=True):
            del one._nodes[count:]
    return ""


def _symbol(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    return KerasTensor(x.shape, x.dtype, name="inputs")


__all__ = ["tell_call"]
