"""The arguments of a call: lists become arrays; invalid inputs and masks raise an error."""

from __future__ import annotations

import inspect
from typing import Any
from weakref import WeakSet

import numpy as np

from .. import ops
from ..graph import KerasTensor, dtype_of
from ..nested import flatten, map_structure
from ..ops.nn import warn_of_softmax_of_one
from ..tensor import NUMBERS, Tensor, from_python
from ..utils.registration import is_builtin

_told: WeakSet = WeakSet()  # layers whose softmax of one number has been warned of


def with_array(layer: Any, args: tuple) -> tuple:
    """The arguments of a call, with the first as an array if it is a list of numbers.

    Built-in layers refuse None and single values; a user's own layer may accept them.
    """
    if not args or not is_builtin(type(layer)):
        return args
    x = args[0]
    if isinstance(x, (list, tuple)) and x and isinstance(x[0], (Tensor, KerasTensor)):
        return args  # the common case
    if x is None:
        raise ValueError(
            f"{_named(layer)} was called on None. If that came from a layer, model or function of "
            "your own, make sure that it returns its result."
        )
    for one in x if isinstance(x, (list, tuple)) else (x,):
        if hint := uncalled(one):
            raise ValueError(
                f"{_named(layer)} was called on {kind_of(one)}, not on a tensor.{hint}"
            )
    if hasattr(layer, "reads_text"):
        return args
    if type(x) in (bool, int, float, complex, str, bytes):
        raise ValueError(
            f"{_named(layer)} was called on the single value {x!r}; expected an array whose first "
            "axis counts the samples."
        )
    if isinstance(x, (list, tuple)) and x and all(isinstance(n, NUMBERS) for n in flatten(x)):
        return (from_python(list(x)), *args[1:])
    return args


def as_mask(layer: Any, name: str, mask: Any) -> Any:
    """A mask as an array, or nested masks as nested arrays; TypeError for anything else.

    name: the name of the argument, for the error.
    """
    if mask is None:
        return None
    if isinstance(mask, dict) or not _is_one(mask):
        return map_structure(lambda one: as_mask(layer, name, one), mask)
    try:
        array = mask if isinstance(mask, (Tensor, KerasTensor)) else np.asarray(mask)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if dtype_of(array.dtype).kind not in "biuf":
        raise TypeError(
            f"{_named(layer)} was given {name}={mask!r:.80}. A mask is an array of True (counts) "
            "and False (ignored), of shape (batch, steps) for an input of shape "
            "(batch, steps, ...); for an array of tokens, `tokens != 0` makes one."
        )
    return array


def uncalled(thing: Any, by: str = "on a tensor") -> str:
    """How to mend it if a layer, or the class of one, stands where its output should; or ''.

    by: what the layer has to be called on.
    """
    if not hasattr(thing, "compute_output_spec"):
        return ""
    if not isinstance(thing, type):
        return f" {_named(thing)} is a layer that was not called: call it {by}."
    return f" {thing.__name__} is a class, and {instance_of(thing)} a layer: call that {by}."


def kind_of(thing: Any) -> str:
    """`Dense` for a Dense, `the class Dense` for its class."""
    return f"the class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__


def instance_of(cls: type) -> str:
    """How an instance is made: `Flatten()`, or `Dense(...)` where an argument is needed."""
    parameters = inspect.signature(cls).parameters.values()
    needed = any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    return f"{cls.__name__}({'...' if needed else ''})"


def check_activation(layer: Any, shape: tuple) -> None:
    """Warn if the activation of a layer with an output of this shape is a softmax that is always
    1.
    """
    if layer.activation is ops.softmax:
        check_softmax(layer, shape)


def check_softmax(layer: Any, shape: tuple, axis: Any = -1) -> None:
    """Warn, once for each layer, if its softmax is always 1."""
    may_be = shape[-1:] == (1,) if axis == -1 else 1 in shape
    if may_be and layer not in _told and warn_of_softmax_of_one(_named(layer), shape, axis):
        _told.add(layer)


def _is_one(mask: Any) -> bool:
    """Whether a list is one mask, rather than a list of masks."""
    return not isinstance(mask, (list, tuple)) or all(map(np.isscalar, flatten(mask)))


def _named(layer: Any) -> str:
    return f"Layer {layer.name!r} ({type(layer).__name__})"


__all__ = [
    "as_mask",
    "check_activation",
    "check_softmax",
    "instance_of",
    "kind_of",
    "uncalled",
    "with_array",
]
